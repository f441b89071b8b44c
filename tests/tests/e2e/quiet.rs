//! Where there is nothing to do, nothing is done.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use tests::{Device, Proxy, Server, World, copy_tree, noise};

/// What a connection costs with nothing to say on it: TLS, a word of welcome, a digest.
const GREETING_BYTES: u64 = 16 * 1024;
/// What a file costs that both sides have already: its name, its hash, its time.
const FILE_BYTES: u64 = 400;

/// All that a write to a path would change: its inode, its size, when it and its bytes changed.
type Mark = (u64, u64, (i64, i64), (i64, i64));

/// Every path below, with its mark.
fn marks(root: &Path) -> BTreeMap<PathBuf, Mark> {
    let mut found = BTreeMap::new();
    let mut waiting = vec![root.to_owned()];
    while let Some(path) = waiting.pop() {
        let of = fs::symlink_metadata(&path).expect("nobody changes it now");
        if of.is_dir() {
            let entries = fs::read_dir(&path).expect("nobody changes it now");
            waiting.extend(entries.map(|entry| entry.expect("a name").path()));
        }
        let (mtime, ctime) = ((of.mtime(), of.mtime_nsec()), (of.ctime(), of.ctime_nsec()));
        found.insert(path, (of.ino(), of.size(), mtime, ctime));
    }
    found
}

/// The marks of all that is synced.
fn folder_marks(device: &Device<'_>) -> BTreeMap<PathBuf, Mark> {
    let mut marks = marks(device.folder());
    marks.retain(|path, _| !path.starts_with(device.at(".onefold")));
    marks
}

/// The marks of the client's own files. Beside them a socket may come and go, and what the disk
/// can do is tried out with files that go at once.
fn own_marks(device: &Device<'_>) -> BTreeMap<PathBuf, Mark> {
    let mut marks = marks(device.home());
    marks.extend(self::marks(&device.at(".onefold")));
    marks.retain(|path, _| fs::symlink_metadata(path).is_ok_and(|of| of.is_file()));
    marks
}

#[track_caller]
fn assert_unchanged(before: &BTreeMap<PathBuf, Mark>, after: &BTreeMap<PathBuf, Mark>) {
    let paths: BTreeSet<_> = before.keys().chain(after.keys()).collect();
    let changed: Vec<_> =
        paths.into_iter().filter(|path| before.get(*path) != after.get(*path)).collect();
    assert!(changed.is_empty(), "{} paths were written to: {changed:?}", changed.len());
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
    let (folder, own) = (folder_marks(&device), own_marks(&device));
    let passed = proxy.total();

    let output = device.run(["sync", "--once"]).expect(0);

    assert_unchanged(&folder, &folder_marks(&device));
    assert_unchanged(&own, &own_marks(&device));
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
    let before = folder_marks(&two);
    one.run_join(&server.link(), &["--once"]).expect(0);
    let proxy = Proxy::to(server.address());

    two.run_join(&proxy.link(&server.link()), &["--once"]).expect(0);

    let files = u64::try_from(two.tree().0.len()).expect("they are few");
    println!("{} bytes passed for {files} files", proxy.total());
    assert!(proxy.total() < GREETING_BYTES + files * FILE_BYTES, "{} bytes passed", proxy.total());
    assert_eq!(one.cursor(), two.cursor(), "the join wrote to the journal");
    let mut after = folder_marks(&two);
    // It has got the client's own directory.
    after.extend(before.get_key_value(two.folder()).map(|(path, mark)| (path.clone(), *mark)));
    assert_unchanged(&before, &after);
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
