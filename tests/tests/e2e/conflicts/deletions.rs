//! Deletions on one side: what means to keep a file outlives them, what does not does not.

use std::fs::{File, FileTimes};
use std::time::SystemTime;

use super::{Row, a_directory, a_file, always, check};
use crate::files::{remove, remove_all, rename, set_mode, write};

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
            one: |root| set_mode(&root.join("f.txt"), 0o755),
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

#[test]
fn the_executable_bit_and_an_edit_are_both_kept() {
    check(
        Row {
            before: a_file,
            one: |root| set_mode(&root.join("f.txt"), 0o755),
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
