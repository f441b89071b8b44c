//! Edits and creations at one name.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::Path;

use tests::{Device, Server, World, noise};

use super::{Outcome, Row, a_file, always, check};
use crate::files::write;
use crate::pair::Pair;

#[test]
fn the_same_edit_twice_is_agreed() {
    let edit = |root: &Path| write(root.join("f.txt"), "new");
    check(Row { before: a_file, one: edit, two: edit }, &always(&["f.txt = new"]));
}

#[test]
fn of_two_edits_the_later_becomes_a_conflict_copy() {
    check(
        Row {
            before: a_file,
            one: |root| write(root.join("f.txt"), "by one"),
            two: |root| write(root.join("f.txt"), "by two"),
        },
        &Outcome {
            one_first: &["f (conflict, two).txt = by two", "f.txt = by one"],
            two_first: &["f (conflict, one).txt = by one", "f.txt = by two"],
        },
    );
}

#[test]
fn of_two_edits_of_a_large_file_the_later_becomes_a_conflict_copy() {
    let world = World::new();
    let pair = Pair::offline(&world, |root| write(root.join("f.bin"), noise(1, 700_000)));
    pair.one.write("f.bin", noise(2, 700_000));
    pair.two.write("f.bin", noise(3, 800_000));
    let inode = inode(&pair.two.at("f.bin"));
    pair.one.once();
    pair.two.once();
    pair.one.once();
    pair.assert_same();
    let tree = pair.one.tree();
    let [copy] = tree.conflict_copies()[..] else { panic!("one copy: {tree:?}") };
    assert_eq!(fs::read(pair.one.at("f.bin")).unwrap(), noise(2, 700_000));
    assert_eq!(fs::read(pair.one.folder().join(copy)).unwrap(), noise(3, 800_000));
    let goes_on = self::inode(&pair.two.folder().join(copy));
    assert_eq!(goes_on, inode, "a program that has it open goes on in its own version");
    pair.end();
}

fn inode(path: &Path) -> u64 {
    fs::metadata(path).expect("it is there").ino()
}

#[test]
fn a_conflict_copy_waits_until_the_file_is_closed() {
    let world = World::new();
    let pair = Pair::offline(&world, a_file);
    pair.one.write("f.txt", "by one");
    let open = OpenOptions::new().append(true).open(pair.two.at("f.txt"));
    let mut open = open.expect("it is there");
    open.write_all(b" and by two").unwrap();
    pair.one.once();

    let busy = pair.two.run(["sync", "--once"]).expect(3);

    assert!(busy.stderr.contains("f.txt"), "{}", busy.stderr);
    assert_eq!(pair.two.tree().lines(), ["f.txt = old and by two"]);
    drop(open);
    pair.two.once();
    pair.one.once();
    let expected = ["f (conflict, two).txt = old and by two", "f.txt = by one"];
    assert_eq!(pair.one.tree().lines(), expected);
    pair.assert_same();
    pair.end();
}

#[test]
fn three_edits_leave_one_winner_and_two_copies() {
    let world = World::new();
    let server = Server::start(&world);
    let devices = ["one", "two", "three"].map(|name| {
        let device = Device::join_once(&world, name, &server.link());
        if name == "one" {
            device.write("f.txt", "old");
            device.once();
        }
        device
    });
    for device in &devices {
        device.once();
        device.write("f.txt", format!("by {}", device.name()));
    }
    for device in devices.iter().chain(&devices) {
        device.once();
    }
    for device in &devices {
        let expected = [
            "f (conflict, three).txt = by three",
            "f (conflict, two).txt = by two",
            "f.txt = by one",
        ];
        assert_eq!(device.tree().lines(), expected, "{}", device.name());
    }
}

#[test]
fn directories_and_equal_files_created_at_one_name_merge() {
    check(
        Row {
            before: |_| {},
            one: |root| {
                write(root.join("d/same"), "same");
                write(root.join("d/of one"), "1");
                symlink("same", root.join("d/link")).expect("a free name");
            },
            two: |root| {
                write(root.join("d/same"), "same");
                write(root.join("d/of two"), "2");
                symlink("same", root.join("d/link")).expect("a free name");
            },
        },
        &always(&["d/", "d/link -> same", "d/of one = 1", "d/of two = 2", "d/same = same"]),
    );
}

#[test]
fn of_different_files_created_at_one_name_the_later_becomes_a_conflict_copy() {
    check(
        Row {
            before: |_| {},
            one: |root| {
                write(root.join("d/n.txt"), "by one");
                symlink("one", root.join("link")).expect("a free name");
            },
            two: |root| {
                write(root.join("d/n.txt"), "by two");
                symlink("two", root.join("link")).expect("a free name");
            },
        },
        &Outcome {
            one_first: &[
                "d/",
                "d/n (conflict, two).txt = by two",
                "d/n.txt = by one",
                "link (conflict, two) -> two",
                "link -> one",
            ],
            two_first: &[
                "d/",
                "d/n (conflict, one).txt = by one",
                "d/n.txt = by two",
                "link (conflict, one) -> one",
                "link -> two",
            ],
        },
    );
}
