//! Every row of the conflict table: two devices change things without knowing of each other, then
//! sync; in both orders of acceptance.

use std::fs::{self, File, FileTimes, OpenOptions, Permissions};
use std::io::Write;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::Path;
use std::time::SystemTime;

use tests::{Device, Server, World, noise};

use crate::pair::Pair;

/// What two devices do without knowing of each other.
#[derive(Clone, Copy)]
struct Row {
    before: fn(&Path),
    one: fn(&Path),
    two: fn(&Path),
}

/// What is there at the end, when device one is accepted first, and when device two is.
struct Outcome<'a> {
    one_first: &'a [&'a str],
    two_first: &'a [&'a str],
}

/// The same in both orders.
const fn always<'a>(lines: &'a [&'a str]) -> Outcome<'a> {
    Outcome { one_first: lines, two_first: lines }
}

fn check(row: Row, outcome: &Outcome<'_>) {
    check_order(row, outcome.one_first, |pair| (&pair.one, &pair.two));
    check_order(row, outcome.two_first, |pair| (&pair.two, &pair.one));
}

fn check_order(
    row: Row,
    expected: &[&str],
    order: for<'p> fn(&'p Pair<'p>) -> (&'p Device<'p>, &'p Device<'p>),
) {
    let world = World::new();
    let pair = Pair::offline(&world, row.before);
    (row.one)(pair.one.folder());
    (row.two)(pair.two.folder());
    let (first, second) = order(&pair);
    first.once();
    second.once();
    first.once();
    assert_eq!(first.tree().lines(), expected, "{} was accepted first", first.name());
    assert_eq!(first.tree().timeless().same(&second.tree().timeless()), Ok(()));
    let copies = first.tree().conflict_copies().len();
    assert_eq!(first.json("conflicts").as_array().map(Vec::len), Some(copies));

    let cursor = first.cursor();
    second.once();
    first.once();
    assert_eq!((first.cursor(), second.cursor()), (cursor, cursor), "it does not rest");
    assert_eq!(second.tree().lines(), expected);
    pair.end();
}

fn write(path: impl AsRef<Path>, bytes: impl AsRef<[u8]>) {
    let path = path.as_ref();
    fs::create_dir_all(path.parent().expect("it is in a folder")).expect("a directory");
    fs::write(path, bytes).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
}

fn rename(from: impl AsRef<Path>, to: impl AsRef<Path>) {
    fs::rename(from, to).expect("both are in the folder");
}

fn remove(path: impl AsRef<Path>) {
    fs::remove_file(path).expect("it is there");
}

fn remove_all(path: impl AsRef<Path>) {
    fs::remove_dir_all(path).expect("it is there");
}

fn a_file(root: &Path) {
    write(root.join("f.txt"), "old");
}

fn a_directory(root: &Path) {
    write(root.join("d/x"), "x");
    write(root.join("d/sub/y"), "y");
}

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
fn an_edit_outlives_a_deletion() {
    check(
        Row {
            before: a_file,
            one: |root| write(root.join("f.txt"), "edited"),
            two: |root| remove(root.join("f.txt")),
        },
        &always(&["f.txt = edited"]),
    );
}

#[test]
fn an_edit_inside_a_deleted_directory_outlives_it_with_nothing_else() {
    check(
        Row {
            before: a_directory,
            one: |root| write(root.join("d/sub/y"), "edited"),
            two: |root| remove_all(root.join("d")),
        },
        &always(&["d/", "d/sub/", "d/sub/y = edited"]),
    );
}

#[test]
fn a_rename_outlives_a_deletion() {
    check(
        Row {
            before: a_file,
            one: |root| rename(root.join("f.txt"), root.join("g.txt")),
            two: |root| remove(root.join("f.txt")),
        },
        &always(&["g.txt = old"]),
    );
}

#[test]
fn a_renamed_directory_outlives_its_deletion_with_all_that_was_in_it() {
    check(
        Row {
            before: a_directory,
            one: |root| rename(root.join("d"), root.join("e")),
            two: |root| remove_all(root.join("d")),
        },
        &always(&["e/", "e/sub/", "e/sub/y = y", "e/x = x"]),
    );
}

#[test]
fn a_new_child_outlives_the_deletion_of_its_directory_with_nothing_else() {
    check(
        Row {
            before: a_directory,
            one: |root| write(root.join("d/new"), "new"),
            two: |root| remove_all(root.join("d")),
        },
        &always(&["d/", "d/new = new"]),
    );
}

#[test]
fn a_file_moved_into_a_deleted_directory_outlives_it() {
    check(
        Row {
            before: |root| {
                a_directory(root);
                a_file(root);
            },
            one: |root| rename(root.join("f.txt"), root.join("d/f.txt")),
            two: |root| remove_all(root.join("d")),
        },
        &always(&["d/", "d/f.txt = old"]),
    );
}

#[test]
fn a_change_of_the_executable_bit_does_not_outlive_a_deletion() {
    check(
        Row {
            before: a_file,
            one: |root| make_executable(&root.join("f.txt")),
            two: |root| remove(root.join("f.txt")),
        },
        &always(&[]),
    );
}

#[test]
fn a_new_time_does_not_outlive_a_deletion() {
    check(
        Row {
            before: a_file,
            one: |root| {
                let file = File::options().write(true).open(root.join("f.txt"));
                let times = FileTimes::new().set_modified(SystemTime::UNIX_EPOCH);
                file.and_then(|file| file.set_times(times)).expect("it is there");
            },
            two: |root| remove(root.join("f.txt")),
        },
        &always(&[]),
    );
}

fn make_executable(path: &Path) {
    fs::set_permissions(path, Permissions::from_mode(0o755)).expect("it is there");
}

#[test]
fn the_executable_bit_and_an_edit_are_both_kept() {
    check(
        Row {
            before: a_file,
            one: |root| make_executable(&root.join("f.txt")),
            two: |root| write(root.join("f.txt"), "edited"),
        },
        &always(&["f.txt* = edited"]),
    );
}

#[test]
fn two_deletions_are_agreed() {
    check(
        Row {
            before: |root| {
                a_file(root);
                a_directory(root);
            },
            one: |root| {
                remove(root.join("f.txt"));
                remove_all(root.join("d"));
            },
            two: |root| {
                remove(root.join("f.txt"));
                remove_all(root.join("d"));
            },
        },
        &always(&[]),
    );
}

#[test]
fn of_two_renames_the_first_wins_and_there_is_one_file() {
    check(
        Row {
            before: a_file,
            one: |root| rename(root.join("f.txt"), root.join("by one.txt")),
            two: |root| rename(root.join("f.txt"), root.join("by two.txt")),
        },
        &Outcome { one_first: &["by one.txt = old"], two_first: &["by two.txt = old"] },
    );
}

#[test]
fn of_two_renames_of_a_directory_the_first_wins_and_its_files_are_there_once() {
    check(
        Row {
            before: a_directory,
            one: |root| rename(root.join("d"), root.join("by one")),
            two: |root| rename(root.join("d"), root.join("by two")),
        },
        &Outcome {
            one_first: &["by one/", "by one/sub/", "by one/sub/y = y", "by one/x = x"],
            two_first: &["by two/", "by two/sub/", "by two/sub/y = y", "by two/x = x"],
        },
    );
}

#[test]
fn a_rename_and_an_edit_are_both_kept_in_one_file() {
    check(
        Row {
            before: a_file,
            one: |root| rename(root.join("f.txt"), root.join("g.txt")),
            two: |root| write(root.join("f.txt"), "edited"),
        },
        &always(&["g.txt = edited"]),
    );
}

#[test]
fn what_happens_in_a_renamed_directory_lands_in_it() {
    check(
        Row {
            before: a_directory,
            one: |root| rename(root.join("d"), root.join("e")),
            two: |root| {
                write(root.join("d/x"), "edited");
                write(root.join("d/sub/new"), "new");
            },
        },
        &always(&["e/", "e/sub/", "e/sub/new = new", "e/sub/y = y", "e/x = edited"]),
    );
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

#[test]
fn of_two_files_moved_to_one_name_the_later_gets_a_conflict_name() {
    check(
        Row {
            before: |root| {
                write(root.join("a"), "a");
                write(root.join("b"), "b");
            },
            one: |root| rename(root.join("a"), root.join("c.txt")),
            two: |root| rename(root.join("b"), root.join("c.txt")),
        },
        &Outcome {
            one_first: &["c (conflict, two).txt = b", "c.txt = a"],
            two_first: &["c (conflict, one).txt = a", "c.txt = b"],
        },
    );
}

#[test]
fn of_a_file_moved_and_another_created_at_one_name_the_later_steps_aside() {
    check(
        Row {
            before: |root| write(root.join("a"), "a"),
            one: |root| rename(root.join("a"), root.join("c.txt")),
            two: |root| write(root.join("c.txt"), "created"),
        },
        &Outcome {
            one_first: &["c (conflict, two).txt = created", "c.txt = a"],
            two_first: &["c (conflict, one).txt = a", "c.txt = created"],
        },
    );
}

#[test]
fn of_moves_that_would_make_a_cycle_the_first_wins() {
    check(
        Row {
            before: |root| {
                write(root.join("x/in x"), "x");
                write(root.join("y/in y"), "y");
            },
            one: |root| rename(root.join("x"), root.join("y/x")),
            two: |root| rename(root.join("y"), root.join("x/y")),
        },
        &Outcome {
            one_first: &["y/", "y/in y = y", "y/x/", "y/x/in x = x"],
            two_first: &["x/", "x/in x = x", "x/y/", "x/y/in y = y"],
        },
    );
}

#[test]
fn what_was_edited_beside_a_move_that_would_make_a_cycle_is_kept() {
    check(
        Row {
            before: |root| {
                write(root.join("x/in x"), "x");
                write(root.join("y/in y"), "y");
            },
            one: |root| {
                rename(root.join("x"), root.join("y/x"));
                write(root.join("y/x/in x"), "edited by one");
            },
            two: |root| {
                rename(root.join("y"), root.join("x/y"));
                write(root.join("x/y/in y"), "edited by two");
                write(root.join("x/y/new"), "new");
            },
        },
        &Outcome {
            one_first: &[
                "y/",
                "y/in y = edited by two",
                "y/new = new",
                "y/x/",
                "y/x/in x = edited by one",
            ],
            two_first: &[
                "x/",
                "x/in x = edited by one",
                "x/y/",
                "x/y/in y = edited by two",
                "x/y/new = new",
            ],
        },
    );
}

#[test]
fn of_a_file_and_a_directory_at_one_name_the_later_gets_a_conflict_name() {
    check(
        Row {
            before: |_| {},
            one: |root| write(root.join("n"), "a file"),
            two: |root| write(root.join("n/in it"), "in a directory"),
        },
        &Outcome {
            one_first: &[
                "n (conflict, two)/",
                "n (conflict, two)/in it = in a directory",
                "n = a file",
            ],
            two_first: &["n (conflict, one) = a file", "n/", "n/in it = in a directory"],
        },
    );
}
