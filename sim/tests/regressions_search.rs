//! Faults that long searches found, told as short stories.

use sim::disk::user::path;
use sim::scenario::Scenario;
use sim::user::script::Call;
use sim::world::Setting;

/// Two devices, of which the first takes names that differ in case only for the same.
fn folding() -> Scenario {
    Scenario::with(Setting { folds_case: 1, ..Setting::calm(2) })
}

/// What stood in the way was itself waiting for a directory that cannot be here: no rest for ever.
#[test]
fn a_name_is_told_to_be_taken_by_what_waits_for_a_parked_directory() {
    folding()
        .mkdir(0, "a")
        .write(0, "b", "one")
        .settle()
        .mkdir(1, "A")
        .settle()
        .rename(1, "b", "A/c")
        .settle()
        .write(1, "b", "two")
        .by_the_rules()
        .here(0, "a/ b=one")
        .here(1, "A/ A/c=one a/ b=two")
        .rename(0, "a", "x")
        .everywhere("A/ A/c=one b=two x/");
}

/// What a name had hidden stayed unknown when another file took that name, which was synced again.
#[test]
fn what_was_hidden_comes_again_when_a_file_takes_the_name_that_hid_it() {
    let mut s = Scenario::new(2);
    s.write(0, "a", "one").settle().ignore("x", true);
    s.rename(1, "a", "x").settle().rename(0, "a", "c").settle();
    s.write(1, "d", "two").ignore("x", false).rename(1, "d", "x").everywhere("c=one x=two");
}

/// What is hidden was taken for gone after a restart, and came a second time.
#[test]
fn what_is_hidden_stays_unknown_over_a_restart() {
    let mut s = Scenario::new(2);
    s.write(0, "a", "one").settle().ignore("x", true);
    s.rename(1, "a", "x").settle().rename(0, "a", "b").by_the_rules();
    s.kill(1).by_the_rules().here(1, "").delete(1, "x").everywhere("b=one");
}

/// A directory that was deleted waited silently for what cannot leave it.
#[test]
fn a_deleted_directory_is_told_to_hold_what_cannot_have_its_own_place() {
    folding()
        .mkdir(1, "d")
        .write(1, "d/f", "one")
        .settle()
        .pipe(0, "A")
        .settle()
        .rename(1, "d/f", "a")
        .remove_all(1, "d")
        .by_the_rules()
        .here(0, "d/ d/f=one")
        .delete(0, "A")
        .everywhere("a=one");
}

/// A directory that could not be read, and was then deleted, was told to be unreadable for ever.
#[test]
fn a_deleted_directory_is_not_unreadable() {
    Scenario::new(2)
        .mkdir(0, "a")
        .settle()
        .access(0, "a", false, true)
        .write(0, "a/x", "two")
        .settle()
        .offline(0)
        .write(1, "a/f", "one")
        .remove_all(0, "a")
        .settle()
        .online(0)
        .everywhere("a/ a/f=one");
}

/// What is moved to where an engine cannot look is gone for it: it cannot know that what it brings
/// here again is the same.
#[test]
fn what_is_moved_into_an_unreadable_directory_is_another_when_that_can_be_read() {
    Scenario::new(2)
        .mkdir(0, "b")
        .mkdir(0, "c")
        .settle()
        .access(0, "b", false, true)
        .write(0, "b/x", "one")
        .settle()
        .offline(0)
        .rename(0, "c", "b/c")
        .rename(1, "c", "d")
        .settle()
        .online(0)
        .settle()
        .access(0, "b", true, true)
        .wait(6_000)
        .everywhere("b/ b/c/ b/x=one d/");
}

/// What stands in a directory that cannot be read was there all the time: to make it anew was not
/// to bring it to a second place.
#[test]
fn an_engine_without_memory_makes_nothing_twice_where_it_cannot_look() {
    let mut s = Scenario::new(2);
    s.settle();
    let saved = s.saved(0);
    s.mkdir(0, "d").mkdir(0, "d/b").settle();
    s.access(0, "d", false, true).write(0, "d/x", "one").settle();
    s.bring_back(0, saved).settle();
    s.access(0, "d", true, true).wait(6_000).everywhere("d/ d/b/ d/x=one");
}

/// What a device had made and then forgotten it took for deleted, where it could not look.
#[test]
fn what_a_device_forgot_is_not_deleted_where_it_cannot_look() {
    let mut s = Scenario::new(2);
    s.mkdir(1, "d").mkdir(1, "d/a").settle();
    let saved = s.saved(1);
    s.access(1, "d", false, true).write(1, "d/a/x", "one").settle();
    s.check("all of it went", |s| s.disk(0) == "d/ d/a/ d/a/x=one");
    s.bring_back(1, saved).settle().here(0, "d/ d/a/ d/a/x=one");
    s.access(1, "d", true, true).everywhere("d/ d/a/ d/a/x=one");
}

/// What had been missed was no longer known to anyone, and was then made again elsewhere: the engine
/// had given it up, and still waited to look at it once more.
#[test]
fn what_was_missed_and_given_up_comes_when_it_is_made_again() {
    let mut s = Scenario::new(3);
    let empty = s.backup();
    s.mkdir(0, "d").settle().offline(0).offline(2);
    s.call(1, Call::Rmdir(path("d")))
        .wait(50)
        .restore(empty)
        .until_asked(1, "Merging(OtherJournal)");
    s.wait(50).overflow(1).wait(100).online(0).online(2);
    s.everywhere("d/");
}

/// What was hidden behind a name in a directory was hidden for ever when both went at once, and no
/// rest came. It was unknown, so it is not deleted: it comes back, with its directory.
#[test]
fn what_was_hidden_in_a_directory_comes_back_when_both_go_at_once() {
    let mut s = Scenario::new(2);
    s.mkdir(0, "d").write(0, "d/x", "one").settle().ignore("y", true);
    s.rename(0, "d/x", "d/y").settle().check("it is unknown", |s| s.deletions() == 0);
    s.delete(0, "d/y").call(0, Call::Rmdir(path("d"))).everywhere("d/ d/x=one");
}
