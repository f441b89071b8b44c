//! Where there is nothing to do, nothing is done.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use tests::{Device, Proxy, Server, World, copy_tree, noise};

/// What a connection costs with nothing to say on it: TLS, a word of welcome, a digest.
const GREETING_BYTES: u64 = 16 * 1024;
/// What a file costs that both sides have already: its name, its hash, its time.
const FILE_BYTES: u64 = 400;

/// Every file and directory below, with all that a write would change.
fn marks(root: &Path) -> BTreeMap<PathBuf, (u64, u64, i64, i64, i64, i64)> {
    let mut found = BTreeMap::new();
    let mut waiting = vec![root.to_owned()];
    while let Some(path) = waiting.pop() {
        let of = fs::symlink_metadata(&path).expect("nobody changes it now");
        if of.is_dir() {
            let entries = fs::read_dir(&path).expect("nobody changes it now");
            waiting.extend(entries.map(|entry| entry.expect("a name").path()));
        }
        let times = (of.mtime(), of.mtime_nsec(), of.ctime(), of.ctime_nsec());
        found.insert(path, (of.ino(), of.size(), times.0, times.1, times.2, times.3));
    }
    found
}

/// Only the files: a lock or a socket may be made and removed beside them.
fn file_marks(root: &Path) -> BTreeMap<PathBuf, (u64, u64, i64, i64)> {
    let is_file = |path: &PathBuf| fs::symlink_metadata(path).is_ok_and(|of| of.is_file());
    let marks = marks(root).into_iter().filter(|(path, _)| is_file(path));
    marks.map(|(path, (ino, size, mtime, nanos, ..))| (path, (ino, size, mtime, nanos))).collect()
}

fn a_tree(root: &Path) {
    for number in 0..200 {
        let directory = root.join(format!("{}/{}", number % 5, number % 3));
        fs::create_dir_all(&directory).expect("the folder is ours");
        fs::write(directory.join(format!("{number}.bin")), noise(number, 5_000)).expect("ours");
    }
    fs::write(root.join("large.bin"), noise(1_000, 4_000_000)).expect("ours");
    fs::create_dir(root.join("empty")).expect("ours");
    std::os::unix::fs::symlink("large.bin", root.join("link")).expect("ours");
}

#[test]
fn a_sync_with_nothing_to_do_writes_nothing_and_moves_nothing() {
    let world = World::new();
    let server = Server::start(&world);
    let proxy = Proxy::to(server.address());
    let device = Device::new(&world, "one");
    a_tree(device.folder());
    device.run_join(&proxy.link(&server.link()), &["--once"]).expect(0);
    device.once();
    let (folder, home) = (marks(device.folder()), file_marks(device.home()));
    let passed = proxy.total();

    let output = device.run(["sync", "--once"]).expect(0);

    assert_eq!(marks(device.folder()), folder, "the folder was written to");
    assert_eq!(file_marks(device.home()), home, "the client's state was written to");
    let passed = proxy.total() - passed;
    println!("{passed} bytes passed");
    assert!(passed < GREETING_BYTES, "{passed} bytes passed");
    assert_eq!(output.stdout, "");
}

#[test]
fn a_first_join_of_folders_with_the_same_files_moves_no_content() {
    let world = World::new();
    let server = Server::start(&world);
    let one = Device::new(&world, "one");
    a_tree(one.folder());
    let two = Device::new(&world, "two");
    fs::remove_dir(two.folder()).expect("it is empty");
    copy_tree(one.folder(), two.folder());
    let before = marks(two.folder());
    one.run_join(&server.link(), &["--once"]).expect(0);
    let proxy = Proxy::to(server.address());

    two.run_join(&proxy.link(&server.link()), &["--once"]).expect(0);

    let files = u64::try_from(two.tree().0.len()).expect("they are few");
    println!("{} bytes passed for {files} files", proxy.total());
    assert!(proxy.total() < GREETING_BYTES + files * FILE_BYTES, "{} bytes passed", proxy.total());
    assert_eq!(one.cursor(), two.cursor(), "the join wrote to the journal");
    let mut after = marks(two.folder());
    after.retain(|path, _| before.contains_key(path) && path != two.folder());
    let mut before = before;
    before.remove(two.folder());
    assert_eq!(after, before, "files that were the same were touched");
    assert_eq!(one.tree().same(&two.tree()), Ok(()));
}

#[test]
fn a_first_join_merges_what_differs_and_overwrites_nothing() {
    let world = World::new();
    let server = Server::start(&world);
    let [one, two] = ["one", "two"].map(|name| Device::new(&world, name));
    for device in [&one, &two] {
        device.write("same.txt", "same");
        device.write("d/differs.txt", format!("by {}", device.name()));
        device.write(&format!("d/only {}.txt", device.name()), device.name());
    }
    for device in [&one, &two] {
        device.run_join(&server.link(), &["--once"]).expect(0);
    }
    one.once();
    let expected = [
        "d/",
        "d/differs (conflict, two).txt = by two",
        "d/differs.txt = by one",
        "d/only one.txt = one",
        "d/only two.txt = two",
        "same.txt = same",
    ];
    for device in [&one, &two] {
        assert_eq!(device.tree().lines(), expected, "{}", device.name());
    }
}
