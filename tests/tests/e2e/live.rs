//! What changes on one device is soon the same on the other, while both run.

use std::fs::{self, File, FileTimes, OpenOptions};
use std::io::Write;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::time::{Duration, SystemTime};

use tests::{World, noise};

use crate::files::{rename, set_mode, write};
use crate::pair::Pair;

/// What is changed, and how, below a folder.
type Change = (&'static str, fn(&Path));

/// Makes changes on each device in turn, and waits for the other to hold the same.
fn check(before: fn(&Path), changes: &[Change]) {
    let world = World::new();
    let pair = Pair::live(&world, before);
    let mut here = &pair.one;
    let mut there = &pair.two;
    for (what, change) in changes {
        println!("{what}, on {}", here.name());
        change(here.folder());
        let expected = here.tree();
        there.wait_for_tree(&expected);
        assert_eq!(expected.same(&here.tree()), Ok(()), "{what}: changed where it was done");
        assert_eq!(expected.conflict_copies(), Vec::<&Path>::new(), "{what}");
        (here, there) = (there, here);
    }
    pair.end();
}

fn some_files(root: &Path) {
    write(root.join("a.txt"), "a");
    write(root.join("b.txt"), "b");
    write(root.join("large.bin"), noise(1, 3_000_000));
    write(root.join("d/x.txt"), "x");
    write(root.join("d/deep/er/y.txt"), "y");
    write(root.join("e/z.txt"), "z");
}

#[test]
fn files_are_created_edited_and_appended_to() {
    check(
        |_| {},
        &[
            ("create", |root| write(root.join("new.txt"), "new")),
            ("create an empty file", |root| write(root.join("empty"), "")),
            ("create a large file", |root| write(root.join("large.bin"), noise(2, 5_000_000))),
            ("create many", |root| {
                for number in 0..100 {
                    write(root.join(format!("many/{}/{number}", number % 7)), format!("{number}"));
                }
            }),
            ("edit", |root| write(root.join("new.txt"), "edited")),
            ("edit to nothing", |root| write(root.join("many/0/0"), "")),
            ("edit the middle of a large file", |root| {
                let mut bytes = fs::read(root.join("large.bin")).expect("it has arrived");
                bytes[2_000_000..2_000_100].fill(7);
                write(root.join("large.bin"), bytes);
            }),
            ("append", |root| {
                let file = OpenOptions::new().append(true).open(root.join("new.txt"));
                file.and_then(|mut file| file.write_all(b" and more")).expect("it has arrived");
            }),
            ("names of all kinds", |root| {
                let names =
                    [" leading", "trailing ", "-dash", "a\nb\tc", "quote\"'`", "100%;&$(x)"];
                for name in names.into_iter().chain(["back\\slash", "ümläut", "🗂", "*?<>|:"]) {
                    write(root.join(name), name);
                }
            }),
        ],
    );
}

#[test]
fn files_and_directories_are_renamed_and_moved() {
    check(
        some_files,
        &[
            ("rename a file", |root| rename(root.join("a.txt"), root.join("c.txt"))),
            ("move a file", |root| rename(root.join("c.txt"), root.join("d/deep/c.txt"))),
            ("rename a large file", |root| rename(root.join("large.bin"), root.join("l.bin"))),
            ("rename over another file", |root| rename(root.join("b.txt"), root.join("d/x.txt"))),
            ("rename a directory", |root| rename(root.join("d"), root.join("renamed"))),
            ("move a directory", |root| rename(root.join("e"), root.join("renamed/deep/e"))),
            ("swap two names", |root| {
                let deep = root.join("renamed/deep");
                rename(deep.join("c.txt"), deep.join("aside"));
                rename(deep.join("er/y.txt"), deep.join("c.txt"));
                rename(deep.join("aside"), deep.join("er/y.txt"));
            }),
            ("change only the case", |root| rename(root.join("renamed"), root.join("Renamed"))),
            ("turn a directory inside out", |root| {
                rename(root.join("Renamed/deep"), root.join("deep"));
                rename(root.join("Renamed"), root.join("deep/er/Renamed"));
            }),
        ],
    );
}

#[test]
fn files_and_directories_are_deleted() {
    check(
        some_files,
        &[
            ("a file", |root| fs::remove_file(root.join("a.txt")).expect("it is there")),
            ("a directory", |root| fs::remove_dir_all(root.join("d")).expect("it is there")),
            ("what was created before", |root| {
                write(root.join("b.txt"), "edited before it goes");
                fs::remove_file(root.join("b.txt")).expect("it is there");
            }),
            ("a directory in favour of a file", |root| {
                fs::remove_dir_all(root.join("e")).expect("it is there");
                write(root.join("e"), "now a file");
            }),
            ("a file in favour of a directory", |root| {
                fs::remove_file(root.join("e")).expect("it is there");
                write(root.join("e/z.txt"), "in a directory again");
            }),
            ("all that is left", |root| {
                fs::remove_file(root.join("large.bin")).expect("it is there");
                fs::remove_dir_all(root.join("e")).expect("it is there");
            }),
        ],
    );
}

#[test]
fn the_ways_in_which_editors_save_are_edits() {
    check(
        some_files,
        &[
            ("write a temporary file, rename it over", |root| {
                write(root.join(".a.txt.swp-new"), "saved by a rename");
                rename(root.join(".a.txt.swp-new"), root.join("a.txt"));
            }),
            ("move aside, write, remove (vim)", |root| {
                rename(root.join("a.txt"), root.join("a.txt~"));
                write(root.join("a.txt"), "saved by vim");
                fs::remove_file(root.join("a.txt~")).expect("it is there");
            }),
            ("keep a backup (emacs)", |root| {
                rename(root.join("b.txt"), root.join("b.txt~"));
                write(root.join("b.txt"), "saved by emacs");
            }),
            ("move aside, move in, remove (an office program)", |root| {
                write(root.join("1A2B.tmp"), "saved by an office program");
                rename(root.join("d/x.txt"), root.join("3C4D.tmp"));
                rename(root.join("1A2B.tmp"), root.join("d/x.txt"));
                fs::remove_file(root.join("3C4D.tmp")).expect("it is there");
            }),
            ("remove and write again", |root| {
                fs::remove_file(root.join("e/z.txt")).expect("it is there");
                write(root.join("e/z.txt"), "written again");
            }),
        ],
    );
}

#[test]
fn links_empty_directories_executable_bits_and_times_arrive() {
    check(
        some_files,
        &[
            ("symlinks", |root| {
                symlink("a.txt", root.join("to a file")).expect("a free name");
                symlink("d", root.join("to a directory")).expect("a free name");
                symlink("../nowhere", root.join("d/dangling")).expect("a free name");
                symlink("loop", root.join("loop")).expect("a free name");
            }),
            ("another target", |root| {
                fs::remove_file(root.join("to a file")).expect("it is there");
                symlink("b.txt", root.join("to a file")).expect("a free name");
            }),
            ("a link in favour of a file", |root| {
                fs::remove_file(root.join("to a file")).expect("it is there");
                write(root.join("to a file"), "a file now");
            }),
            ("empty directories", |root| {
                fs::create_dir_all(root.join("empty/in/empty")).expect("free names");
            }),
            ("make executable", |root| set_mode(&root.join("a.txt"), 0o755)),
            ("make executable no more", |root| set_mode(&root.join("a.txt"), 0o644)),
            ("create executable", |root| {
                write(root.join("run.sh"), "#!/bin/sh\n");
                set_mode(&root.join("run.sh"), 0o755);
            }),
            ("edit an executable file", |root| write(root.join("run.sh"), "#!/bin/sh\ntrue\n")),
            ("files with times of their own", |root| {
                let second = Duration::from_secs(1);
                let year = 31_556_952 * second;
                let epoch = SystemTime::UNIX_EPOCH;
                with_time(&root.join("long ago"), epoch + 14 * year + Duration::from_nanos(1));
                with_time(&root.join("1970"), epoch);
                with_time(&root.join("before 1970"), epoch - year - Duration::from_nanos(1));
                with_time(&root.join("far ahead"), epoch + 300 * year);
            }),
        ],
    );
}

/// Makes a file with a time, at once: beside the folder, then moved in.
fn with_time(path: &Path, time: SystemTime) {
    let folder = path.parent().expect("it is in the folder");
    let beside = folder.with_extension("beside");
    fs::write(&beside, path.as_os_str().as_encoded_bytes()).expect("the world is ours");
    let file = File::options().write(true).open(&beside).expect("it was just made");
    file.set_times(FileTimes::new().set_modified(time)).expect("any time is legal");
    rename(beside, path);
}

#[test]
fn both_devices_change_different_files_at_once() {
    const EACH: usize = 60;
    let world = World::new();
    let pair = Pair::live(&world, some_files);
    std::thread::scope(|scope| {
        for device in [&pair.one, &pair.two] {
            scope.spawn(move || {
                for number in 0..EACH {
                    let file = format!("of {}/{}.txt", device.name(), number % 20);
                    device.write(&file, format!("{} {number}", device.name()));
                }
            });
        }
    });
    let mut expected = pair.one.tree();
    for (path, node) in pair.two.tree().0 {
        if !path.starts_with("of one") {
            expected.0.insert(path, node);
        }
    }
    pair.one.wait_for_tree(&expected);
    pair.two.wait_for_tree(&expected);
    pair.end();
}

#[test]
fn temporary_files_never_leave_their_device() {
    let world = World::new();
    let mut pair = Pair::live(&world, some_files);
    let before = pair.one.tree();
    for number in 0..300 {
        let path = pair.one.at(&format!("tmp-{number}"));
        fs::write(&path, "gone in a moment").expect("a free name");
        fs::remove_file(&path).expect("it is there");
    }
    pair.one.write("after.txt", "after");
    let expected = pair.one.tree();
    pair.two.wait_for_tree(&expected);
    assert_eq!(expected.0.len(), before.0.len() + 1);
    pair.one.wait_until_in_sync();
    let log = pair.one.log();
    let strange: Vec<_> =
        log.iter().filter(|line| line["path"].to_string().contains("tmp-")).collect();
    assert!(strange.is_empty(), "{strange:?}");
    pair.end();
}
