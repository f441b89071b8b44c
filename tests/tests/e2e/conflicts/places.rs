//! Renames and moves: one file, one name, no cycle.

use super::{Outcome, Row, a_directory, a_file, always, check};
use crate::files::{rename, write};

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
