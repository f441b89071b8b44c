//! A disk that gives errors: what it concerns waits with its reason, the rest goes on, and it heals.

use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::process::Command;

use tests::{Device, Mount, PATIENCE, Server, World, noise, wait_for};

use super::{problems, wait_for_bytes, wait_for_problem};

/// Where in a file these bytes begin.
fn find(image: &Path, bytes: &[u8]) -> u64 {
    let all = fs::read(image).expect("it fits into memory");
    let at = all.windows(bytes.len()).position(|window| window == bytes);
    at.expect("the bytes are on the disk") as u64
}

fn sync(path: &Path) {
    assert!(Command::new("sync").arg("-f").arg(path).status().expect("sync is there").success());
}

/// What is cached of a file is read from the disk again.
fn forget_cached(path: &Path) {
    let file = File::open(path).expect("it is there");
    rustix::fs::fadvise(&file, 0, None, rustix::fs::Advice::DontNeed).expect("a hint");
}

#[test]
fn a_file_whose_bytes_cannot_be_read_back_waits_and_heals() {
    let world = World::new();
    let server = Server::start(&world);
    let mut one = Device::new(&world, "one");
    let Some((_mount, image)) = Mount::image(one.folder(), "btrfs", 128, &["-q", "-d", "single"])
    else {
        return;
    };
    let two = Device::join(&world, "two", &server.link());
    one.start_joining(&server.link());
    one.wait_until_in_sync();
    one.stop();
    // It checks what it reads: a block that the disk gives back otherwise is an error.
    let bytes = noise(1, 300_000);
    one.write("rotten.bin", &bytes);
    sync(&one.at("rotten.bin"));
    let rotten = find(&image, &bytes[100_000..100_064]);
    let disk = File::options().write(true).open(&image).expect("ours");
    disk.write_all_at(&[!bytes[100_000]], rotten).expect("ours");
    disk.sync_all().expect("ours");
    forget_cached(&one.at("rotten.bin"));
    let error = fs::read(one.at("rotten.bin")).expect_err("it is damaged");
    assert_eq!(error.raw_os_error(), Some(5), "an input/output error");

    one.sync();

    let found = wait_for_problem(&one, "unreadable");
    assert_eq!(found[0].0, "rotten.bin");
    assert!(found[0].1.to_lowercase().contains("input/output error"), "{found:?}");
    one.write("sound.txt", "1");
    wait_for_bytes(&two.at("sound.txt"), b"1");
    two.write("there.txt", "2");
    wait_for_bytes(&one.at("there.txt"), b"2");
    assert!(!two.at("rotten.bin").exists());

    // The disk gives the right bytes again.
    disk.write_all_at(&bytes[100_000..=100_000], rotten).expect("ours");
    disk.sync_all().expect("ours");
    wait_for_bytes(&two.at("rotten.bin"), &bytes);
    one.wait_until_in_sync();
    assert_eq!(problems(&one.status(), "unreadable"), []);
    one.stop();
}

#[test]
fn a_disk_that_takes_no_more_writes_keeps_what_it_has_and_heals() {
    let world = World::new();
    let server = Server::start(&world);
    let one = Device::join(&world, "one", &server.link());
    let mut two = Device::new(&world, "two");
    // A disk of 200 MiB that has only 40 MiB of its own: then writes fail in the midst of it.
    let store = world.at("store");
    fs::create_dir(&store).expect("ours");
    let Some(store) = Mount::memory(&store, 40) else { return };
    let image = world.at("store/disk.ext4");
    File::create(&image).and_then(|file| file.set_len(200 << 20)).expect("ours");
    // Without a journal: one that cannot be written turns the whole disk read-only, until it is
    // mounted anew.
    let whole = ["-O", "^has_journal", "-E", "nodiscard,lazy_itable_init=0"];
    let made = Command::new("mkfs.ext4").args(["-q", "-F"]).args(whole).arg(&image).status();
    assert!(made.expect("mkfs is there").success());
    let arguments = ["-o", "loop", "-t", "ext4", image.to_str().expect("text")];
    let Some(mut mount) = Mount::with(two.folder(), &arguments) else { return };
    fs::remove_dir(two.at("lost+found")).expect("every such disk has one, and it is not synced");
    two.start_joining(&server.link());
    two.wait_until_in_sync();
    one.write("small.txt", "old");
    wait_for_bytes(&two.at("small.txt"), b"old");

    one.write("large.bin", noise(2, 60_000_000));

    // The kernel says only to the program that syncs a file what became of its bytes.
    wait_for("two to tell that it was not written", PATIENCE, || {
        let status = two.status();
        let kinds = ["disk_full", "unwritable"].map(|kind| problems(&status, kind));
        let told = kinds.concat().into_iter().any(|(path, _)| path == "large.bin");
        if told { Ok(()) } else { Err(status.to_string()) }
    });
    assert_eq!(fs::read(two.at("small.txt")).expect("it is"), b"old");

    store.resize(400);
    two.wait_for_tree(&one.tree());
    two.wait_until_in_sync();
    assert_eq!(two.status()["problems"], serde_json::json!([]));
    two.stop();
    // Not only in memory: the disk itself has it all.
    mount.unplug();
    mount = Mount::with(two.folder(), &arguments).expect("it was mounted before");
    assert_eq!(one.tree().same(&two.tree()), Ok(()));
    drop(mount);
}

#[test]
fn a_disk_that_turned_read_only_is_told_and_goes_on_when_it_is_writable_again() {
    let world = World::new();
    let server = Server::start(&world);
    let one = Device::join(&world, "one", &server.link());
    let mut two = Device::new(&world, "two");
    let Some(mount) = Mount::memory(two.folder(), 16) else { return };
    two.start_joining(&server.link());
    two.wait_until_in_sync();
    one.write("f.txt", "old");
    wait_for_bytes(&two.at("f.txt"), b"old");

    mount.remount("ro");
    one.write("f.txt", "new");

    let found = wait_for_problem(&two, "unwritable");
    assert_eq!(found[0].0, "f.txt");
    assert!(found[0].1.to_lowercase().contains("read-only"), "{found:?}");
    assert_eq!(fs::read(two.at("f.txt")).expect("it is"), b"old");
    mount.remount("rw");
    wait_for_bytes(&two.at("f.txt"), b"new");
    two.wait_until_in_sync();
    assert_eq!(problems(&two.status(), "unwritable"), []);
    two.stop();
}
