//! The design's table of conflicts, row by row, in both orders of acceptance.

use sim::scenario::Scenario;
use sim::scenario::orders::both_orders;

fn a_file(scenario: &mut Scenario) {
    scenario.write(0, "f", "old");
}

fn a_directory(scenario: &mut Scenario) {
    scenario.mkdir(0, "d").write(0, "d/x", "one").write(0, "d/y", "two");
}

#[test]
fn the_same_edit_on_both_sides_is_agreed() {
    both_orders(
        a_file,
        |s, d| _ = s.write(d, "f", "new"),
        |s, d| _ = s.write(d, "f", "new"),
        ["f=new", "f=new"],
    );
}

#[test]
fn of_two_edits_the_first_accepted_keeps_the_name_and_the_other_is_beside_it() {
    both_orders(
        a_file,
        |s, d| _ = s.write(d, "f", "here"),
        |s, d| _ = s.save(d, "f", "there"),
        ["f (1)=there f=here", "f (0)=here f=there"],
    );
}

#[test]
fn an_edit_wins_over_a_deletion() {
    both_orders(
        a_file,
        |s, d| _ = s.write(d, "f", "new"),
        |s, d| _ = s.delete(d, "f"),
        ["f=new", "f=new"],
    );
}

#[test]
fn a_rename_wins_over_a_deletion() {
    both_orders(
        a_file,
        |s, d| _ = s.rename(d, "f", "g"),
        |s, d| _ = s.delete(d, "f"),
        ["g=old", "g=old"],
    );
}

#[test]
fn a_renamed_directory_is_kept_with_all_that_was_in_it() {
    both_orders(
        a_directory,
        |s, d| _ = s.rename(d, "d", "e"),
        |s, d| _ = s.remove_all(d, "d"),
        ["e/ e/x=one e/y=two", "e/ e/x=one e/y=two"],
    );
}

#[test]
fn a_directory_that_is_merely_needed_is_kept_with_nothing_else() {
    both_orders(
        a_directory,
        |s, d| _ = s.write(d, "d/new", "mine"),
        |s, d| _ = s.remove_all(d, "d"),
        ["d/ d/new=mine", "d/ d/new=mine"],
    );
}

#[test]
fn a_directory_is_kept_for_what_is_moved_into_it() {
    let before = |s: &mut Scenario| _ = s.mkdir(0, "d").write(0, "d/x", "one").write(0, "f", "two");
    both_orders(
        before,
        |s, d| _ = s.rename(d, "f", "d/f"),
        |s, d| _ = s.remove_all(d, "d"),
        ["d/ d/f=two", "d/ d/f=two"],
    );
}

#[test]
fn a_deletion_wins_over_an_executable_bit() {
    both_orders(a_file, |s, d| _ = s.chmod(d, "f", true), |s, d| _ = s.delete(d, "f"), ["", ""]);
}

#[test]
fn a_deletion_wins_over_an_mtime() {
    both_orders(a_file, |s, d| _ = s.touch(d, "f", 7), |s, d| _ = s.delete(d, "f"), ["", ""]);
}

#[test]
fn two_deletions_agree() {
    both_orders(a_file, |s, d| _ = s.delete(d, "f"), |s, d| _ = s.delete(d, "f"), ["", ""]);
    both_orders(
        a_directory,
        |s, d| _ = s.remove_all(d, "d"),
        |s, d| _ = s.remove_all(d, "d"),
        ["", ""],
    );
}

#[test]
fn of_two_renames_the_first_accepted_wins_and_there_is_one_file() {
    both_orders(
        a_file,
        |s, d| _ = s.rename(d, "f", "g"),
        |s, d| _ = s.rename(d, "f", "h"),
        ["g=old", "h=old"],
    );
    both_orders(
        a_directory,
        |s, d| _ = s.rename(d, "d", "e"),
        |s, d| _ = s.rename(d, "d", "g"),
        ["e/ e/x=one e/y=two", "g/ g/x=one g/y=two"],
    );
}

#[test]
fn a_rename_and_an_edit_meet_in_one_file() {
    both_orders(
        a_file,
        |s, d| _ = s.rename(d, "f", "g"),
        |s, d| _ = s.write(d, "f", "new"),
        ["g=new", "g=new"],
    );
}

#[test]
fn an_edit_lands_in_a_directory_that_was_renamed() {
    both_orders(
        a_directory,
        |s, d| _ = s.rename(d, "d", "e"),
        |s, d| _ = s.write(d, "d/x", "new").write(d, "d/z", "more"),
        ["e/ e/x=new e/y=two e/z=more", "e/ e/x=new e/y=two e/z=more"],
    );
}

#[test]
fn directories_of_one_name_merge() {
    both_orders(
        |_| {},
        |s, d| _ = s.mkdir(d, "d").write(d, "d/x", "one"),
        |s, d| _ = s.mkdir(d, "d").write(d, "d/y", "two"),
        ["d/ d/x=one d/y=two", "d/ d/x=one d/y=two"],
    );
}

#[test]
fn equal_files_of_one_name_merge() {
    both_orders(
        |_| {},
        |s, d| _ = s.write(d, "f", "same"),
        |s, d| _ = s.write(d, "f", "same"),
        ["f=same", "f=same"],
    );
}

#[test]
fn different_files_of_one_name_stand_beside_each_other() {
    both_orders(
        |_| {},
        |s, d| _ = s.write(d, "f", "one"),
        |s, d| _ = s.write(d, "f", "two"),
        ["f (1)=two f=one", "f (0)=one f=two"],
    );
}

#[test]
fn of_two_nodes_moved_to_one_name_the_later_gets_a_conflict_name() {
    let before = |s: &mut Scenario| _ = s.write(0, "a", "one").write(0, "b", "two");
    both_orders(
        before,
        |s, d| _ = s.rename(d, "a", "c"),
        |s, d| _ = s.rename(d, "b", "c"),
        ["c (1)=two c=one", "c (0)=one c=two"],
    );
}

#[test]
fn moves_that_would_make_a_cycle_leave_the_first_accepted_and_lose_nothing() {
    let before = |s: &mut Scenario| {
        _ = s.mkdir(0, "x").write(0, "x/in", "one").mkdir(0, "y").write(0, "y/in", "two");
    };
    both_orders(
        before,
        |s, d| _ = s.rename(d, "x", "y/x"),
        |s, d| _ = s.rename(d, "y", "x/y"),
        ["y/ y/in=two y/x/ y/x/in=one", "x/ x/in=one x/y/ x/y/in=two"],
    );
}

#[test]
fn of_a_file_and_a_directory_of_one_name_the_later_gets_a_conflict_name() {
    both_orders(
        |_| {},
        |s, d| _ = s.write(d, "n", "file"),
        |s, d| _ = s.mkdir(d, "n").write(d, "n/x", "one"),
        ["n (1)/ n (1)/x=one n=file", "n (0)=file n/ n/x=one"],
    );
}
