//! Faults of the engine that the simulation found, told as short stories.

use sim::disk::user::path;
use sim::scenario::Scenario;
use sim::user::script::Call;
use sim::world::Setting;
use sim::world::arranged::Hold;

/// Two devices, of which the first takes names that differ in case only for the same.
fn folding() -> Scenario {
    Scenario::with(Setting { folds_case: 1, ..Setting::calm(2) })
}

/// What waited for a name was not planned again when a name of another case was given up.
#[test]
fn a_file_comes_when_the_pipe_whose_name_differs_in_case_is_gone() {
    folding()
        .pipe(0, "a")
        .settle()
        .write(1, "A", "one")
        .by_the_rules()
        .here(0, "")
        .delete(0, "a")
        .everywhere("A=one");
}

/// A local file was given a conflict name since the server had one whose name differs in case.
#[test]
fn names_that_differ_in_case_only_rename_nobodys_file() {
    folding()
        .offline(0)
        .write(0, "a", "mine")
        .write(1, "A", "yours")
        .settle()
        .online(0)
        .by_the_rules()
        .here(0, "a=mine")
        .here(1, "A=yours a=mine")
        .delete(0, "a")
        .everywhere("A=yours");
}

/// What was to be in an unreadable directory waited on when it could be read again.
#[test]
fn a_clash_in_a_directory_that_can_be_read_again_is_told() {
    folding()
        .mkdir(0, "d")
        .write(0, "d/A", "one")
        .settle()
        .access(0, "d", false, true)
        .settle()
        .write(1, "d/a", "two")
        .settle()
        .access(0, "d", true, true)
        .by_the_rules()
        .here(0, "d/ d/A=one")
        .here(1, "d/ d/A=one d/a=two");
}

/// What wanted the name of a node that cannot move was no rest for ever.
#[test]
fn what_waits_for_a_name_that_a_parked_one_holds_is_told() {
    folding()
        .write(0, "b", "one")
        .write(0, "A", "two")
        .settle()
        .rename(1, "b", "a")
        .write(1, "b", "three")
        .by_the_rules()
        .here(0, "A=two b=one")
        .delete(1, "A")
        .everywhere("a=one b=three");
}

/// What waited for a file that was open was told to be busy still when that was closed.
#[test]
fn a_parked_name_is_not_busy_when_what_it_clashes_with_is_closed() {
    let mut scenario = folding();
    scenario.write(0, "a", "one").write(1, "c", "two").settle();
    scenario.open(0, "a").append(0, " more", "one more").rename(1, "c", "A");
    scenario.settle().close(0).by_the_rules();
    assert_eq!(scenario.world.free_of_problems(), Ok(()));
}

/// Swapping a file with its backup was taken for saving it: one of them became a new file.
#[test]
fn a_file_and_its_backup_that_swap_names_stay_who_they_are() {
    Scenario::new(2)
        .write(0, "f", "new")
        .write(0, "f~", "old")
        .settle()
        .offline(1)
        .write(1, "f", "edited")
        .rename(0, "f", "t")
        .rename(0, "f~", "f")
        .rename(0, "t", "f~")
        .settle()
        .online(1)
        .everywhere("f=old f~=edited");
}

/// A file could not leave the directory that was to go, since that had the name it was to have.
#[test]
fn a_file_takes_the_name_of_the_directory_that_it_was_in() {
    Scenario::new(2)
        .mkdir(0, "d")
        .mkdir(0, "d/e")
        .write(0, "d/e/f", "one")
        .settle()
        .rename(0, "d/e/f", "t")
        .remove_all(0, "d")
        .rename(0, "t", "d")
        .everywhere("d=one");
}

/// Once a second name of a file was gone, the first was no longer known by its inode.
#[test]
fn a_file_that_had_a_second_name_for_a_while_is_still_known_when_it_moves() {
    let mut scenario = Scenario::new(2);
    scenario.write(0, "f", "one").settle().link(0, "f", "g").settle().delete(0, "g").settle();
    let before = scenario.entries();
    scenario.rename(0, "f", "h").everywhere("h=one");
    assert_eq!(scenario.entries(), before + 1, "a move is one entry");
}

/// What got the name of a directory that something unsynced keeps here was no rest for ever; and
/// the directory stayed when that was gone.
#[test]
fn a_directory_kept_for_a_pipe_keeps_its_name_and_goes_with_the_pipe() {
    Scenario::new(2)
        .mkdir(0, "d")
        .mkdir(0, "d/e")
        .settle()
        .pipe(0, "d/e/p")
        .settle()
        .remove_all(1, "d")
        .write(1, "d", "file")
        .by_the_rules()
        .here(0, "d/ d/e/")
        .delete(0, "d/e/p")
        .everywhere("d=file");
}

/// A directory, the file that had its name, and the file whose name that one was to have waited for
/// each other, since the last was to be in the directory.
#[test]
fn a_file_moves_into_the_directory_that_takes_the_name_of_another() {
    Scenario::new(2)
        .write(0, "b", "one")
        .write(0, "c", "two")
        .settle()
        .offline(0)
        .mkdir(0, "d")
        .rename(0, "c", "d/leaf")
        .rename(0, "b", "c")
        .rename(0, "d", "b")
        .online(0)
        .everywhere("b/ b/leaf=two c=one");
}

/// A file that got the name of another, which got its backup's, was taken for that file saved: two
/// nodes then had one content.
#[test]
fn names_that_are_moved_along_are_no_save_with_a_backup() {
    Scenario::new(2)
        .write(0, "a", "one")
        .write(0, "b", "two")
        .write(0, "b~", "old")
        .settle()
        .offline(1)
        .rename(1, "b", "e")
        .rename(1, "b~", "f")
        .rename(0, "b", "b~")
        .rename(0, "a", "b")
        .settle()
        .online(1)
        .by_the_rules();
}

/// A name that a file had lost to another was still known as that file's, when its second name was
/// its only one.
#[test]
fn a_file_whose_first_name_is_taken_is_known_by_its_second_only() {
    Scenario::new(2)
        .mkdir(0, "d")
        .mkdir(0, "d/e")
        .write(0, "d/e/leaf", "one")
        .write(0, "d/new", "two")
        .settle()
        .link(0, "d/e/leaf", "d/f")
        .settle()
        .rename(0, "d/new", "d/e/leaf")
        .everywhere("d/ d/e/ d/e/leaf=two d/f=one");
}

/// A file in a directory that came out of an unreadable one stayed unknown, and was never read.
#[test]
fn a_directory_that_leaves_an_unreadable_one_is_synced_with_what_changed_in_it() {
    Scenario::new(2)
        .mkdir(0, "d")
        .mkdir(0, "d/a")
        .write(0, "d/a/leaf", "one")
        .settle()
        .access(0, "d", false, true)
        .settle()
        .write(0, "d/a/leaf", "two")
        .settle()
        .rename(0, "d/a", "e")
        .everywhere("d/ e/ e/leaf=two");
}

/// A file that had got an ignored name was unknown for ever, also when that was gone.
#[test]
fn a_file_comes_back_when_the_ignored_name_that_it_had_is_gone() {
    let mut s = Scenario::new(2);
    s.write(0, "d", "one").settle().ignore("x", true);
    s.rename(1, "d", "x").settle().delete(1, "x").everywhere("d=one");
}

/// A user renamed a file between an update of it and the engine's hearing that it was done: the new
/// name was taken for a new file, and the old one for deleted.
#[test]
fn what_is_renamed_just_when_it_was_updated_is_renamed() {
    let mut scenario = Scenario::new(2);
    scenario.write(0, "f", "one").settle().hold(1, Hold::Changed).write(0, "f", "two");
    scenario.until("the update is there", |s| s.disk(1) == "f=two");
    scenario.mark().rename(1, "f", "g").wait(50).release(1, Hold::Changed);
    scenario.everywhere("g=two");
    assert_eq!((scenario.new_entries(), scenario.deletions()), (1, 0));
}

/// The same, where what had been placed was a directory with something in it.
#[test]
fn a_directory_that_is_renamed_just_when_it_was_made_is_renamed() {
    let mut scenario = Scenario::new(2);
    scenario.hold(1, Hold::Changed).mkdir(0, "d");
    scenario.until("the directory is there", |s| s.disk(1) == "d/");
    scenario.rename(1, "d", "e").write(1, "e/f", "mine").wait(20).mark();
    scenario.release(1, Hold::Changed).everywhere("e/ e/f=mine");
    assert_eq!((scenario.new_entries(), scenario.deletions()), (2, 0));
}

/// The same, where the engine itself had renamed it: the user's rename was forgotten.
#[test]
fn what_is_renamed_just_when_it_was_renamed_has_the_later_name() {
    let mut scenario = Scenario::new(2);
    scenario.write(0, "f", "one").settle().hold(1, Hold::Changed).rename(0, "f", "g");
    scenario.until("the rename is there", |s| s.disk(1) == "g=one");
    scenario.mark().rename(1, "g", "h").wait(50).release(1, Hold::Changed);
    scenario.everywhere("h=one");
    assert_eq!((scenario.new_entries(), scenario.deletions()), (1, 0));
}

/// What was written through one name of a file was not noticed under its other.
#[test]
fn what_is_written_through_one_name_of_a_file_arrives_under_all() {
    Scenario::new(2)
        .mkdir(0, "d")
        .write(0, "d/f", "one")
        .settle()
        .link(0, "d/f", "second")
        .settle()
        .write(0, "second", "two")
        .everywhere("d/ d/f=two second=two");
}

/// What a device that may only read was refused stayed told when it was not to be sent any more.
#[test]
fn a_refused_rename_is_not_told_any_more_once_another_one_was_accepted() {
    let mut scenario = Scenario::new(2);
    scenario.write(0, "e", "one").settle().may_write(0, false).rename(0, "e", "x").settle();
    assert_eq!(scenario.problems(0), "x: Refused");
    scenario.call(0, Call::Pipe(path("f"))).rename(1, "e", "f").settle();
    assert_eq!(scenario.problems(0), "x: Parked");
}
