//! Names and kinds of every sort.

use std::ffi::OsStr;
use std::fs::{self, File, Permissions};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileExt, MetadataExt, PermissionsExt, symlink};
use std::os::unix::net::UnixListener;
use std::process::Command;
use std::time::{Duration, SystemTime};

use tests::{Device, Server, World};

use super::{two, wait_for_bytes};

#[test]
fn every_byte_that_a_name_can_have_arrives() {
    let world = World::new();
    let server = Server::start(&world);
    let [one, two] = two(&world, &server);
    for byte in (1..=255).filter(|byte| *byte != b'/') {
        for name in [vec![byte, b'x'], vec![b'x', byte], vec![b'x', byte, b'x']] {
            // A backup of another file, or an ignored name, is told of elsewhere.
            if !matches!(name[..], [b'x', b'~'] | [b'~', b'$', ..]) {
                fs::write(one.folder().join(OsStr::from_bytes(&name)), &name).expect("a name");
            }
        }
    }
    for name in [vec![b'l'; 255], b"\xff\xfe\xfd".to_vec(), b"a\nb\r\tc".to_vec(), b" ".to_vec()] {
        fs::create_dir(one.folder().join(OsStr::from_bytes(&name))).expect("a name");
        fs::write(one.folder().join(OsStr::from_bytes(&name)).join("f"), "1").expect("a name");
    }

    two.wait_for_tree(&one.tree());
}

#[test]
fn a_sparse_file_stays_sparse() {
    let world = World::new();
    let server = Server::start(&world);
    let [one, two] = two(&world, &server);
    let file = File::create(one.at("sparse.img")).expect("ours");
    file.set_len(64 * 1024 * 1024).expect("ours");
    file.write_all_at(b"at the start", 0).expect("ours");
    file.write_all_at(b"in the middle", 40 * 1024 * 1024).expect("ours");
    drop(file);

    two.wait_for_tree(&one.tree());

    let blocks =
        |device: &Device<'_>| fs::metadata(device.at("sparse.img")).expect("it is").blocks();
    let (here, there) = (blocks(&one) * 512, blocks(&two) * 512);
    assert!(there <= here + 64 * 1024, "{here} bytes here, {there} there");
}

#[test]
fn times_of_any_value_arrive_and_stay() {
    let world = World::new();
    let server = Server::start(&world);
    let [one, two] = two(&world, &server);
    let far = Duration::from_secs(15_000_000_000);
    let times = [
        SystemTime::UNIX_EPOCH - Duration::new(1_000_000_000, 123_456_789),
        SystemTime::UNIX_EPOCH,
        SystemTime::UNIX_EPOCH + far,
        SystemTime::now() + Duration::from_secs(1_000_000),
    ];
    for (number, time) in times.into_iter().enumerate() {
        let path = one.at(&format!("{number}.txt"));
        fs::write(world.at("fresh"), format!("file {number}")).expect("ours");
        File::options()
            .write(true)
            .open(world.at("fresh"))
            .expect("ours")
            .set_modified(time)
            .expect("ours");
        fs::rename(world.at("fresh"), path).expect("ours");
    }

    // The tree compares times, too.
    two.wait_for_tree(&one.tree());

    two.write("0.txt", "edited there");
    wait_for_bytes(&one.at("0.txt"), b"edited there");
}

#[test]
fn pipes_sockets_and_devices_are_left_alone() {
    let world = World::new();
    let server = Server::start(&world);
    let [mut one, two] = two(&world, &server);
    let made = Command::new("mkfifo").arg(one.at("pipe")).status().expect("mkfifo is there");
    assert!(made.success());
    let _socket = UnixListener::bind(one.at("socket")).expect("a socket");
    let device = Command::new("mknod").arg(one.at("null")).args(["c", "1", "3"]).output();
    let has_device = device.is_ok_and(|output| output.status.success());
    one.write("plain.txt", "1");

    wait_for_bytes(&two.at("plain.txt"), b"1");

    one.wait_until_in_sync();
    assert_eq!(two.tree().lines(), ["plain.txt = 1"]);
    for name in ["pipe", "socket"].into_iter().chain(has_device.then_some("null")) {
        assert!(fs::symlink_metadata(one.at(name)).is_ok(), "{name}");
    }
    // A name that a pipe has here is somebody's file there.
    two.write("pipe", "a file");
    two.write("after.txt", "2");
    wait_for_bytes(&one.at("after.txt"), b"2");
    let found = super::wait_for_problem(&one, "parked");
    assert_eq!(found[0].0, "pipe");
    fs::remove_file(one.at("pipe")).expect("ours");
    wait_for_bytes(&one.at("pipe"), b"a file");
}

#[test]
fn links_are_links_and_second_names_are_files() {
    let world = World::new();
    let server = Server::start(&world);
    let [one, two] = two(&world, &server);
    one.write("d/f.txt", "one file");
    symlink("loop", one.at("loop")).expect("ours");
    symlink("..", one.at("d/up")).expect("ours");
    symlink("/etc/passwd", one.at("out")).expect("ours");
    symlink("nowhere/at/all", one.at("broken")).expect("ours");
    fs::hard_link(one.at("d/f.txt"), one.at("second.txt")).expect("ours");

    two.wait_for_tree(&one.tree());

    // Written through one of its names, both change.
    fs::write(one.at("second.txt"), "one file, edited").expect("ours");
    two.wait_for_tree(&one.tree());
    assert_eq!(fs::read(two.at("d/f.txt")).expect("it is"), b"one file, edited");
    // An edit from elsewhere is of one name.
    two.write("second.txt", "edited there");
    wait_for_bytes(&one.at("second.txt"), b"edited there");
    assert_eq!(fs::read(one.at("d/f.txt")).expect("it is"), b"one file, edited");
    assert_eq!(fs::read(two.at("d/f.txt")).expect("it is"), b"one file, edited");
}

#[test]
fn read_only_files_are_updated_and_stay_read_only() {
    let world = World::new();
    let server = Server::start(&world);
    let [one, two] = two(&world, &server);
    one.write("f.txt", "old");
    two.wait_for_tree(&one.tree());
    let mode = |bits| Permissions::from_mode(bits);
    fs::set_permissions(two.at("f.txt"), mode(0o444)).expect("ours");

    one.write("f.txt", "new");

    wait_for_bytes(&two.at("f.txt"), b"new");
    let now = fs::metadata(two.at("f.txt")).expect("it is").permissions().mode() & 0o777;
    assert_eq!(now, 0o444);
}
