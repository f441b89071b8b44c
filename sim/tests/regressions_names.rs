//! Faults in how one thing waits for another's name, or for the place that another has, told as short
//! stories.

use sim::disk::user::path;
use sim::scenario::Scenario;
use sim::user::script::Call;
use sim::world::Setting;
use sim::world::arranged::Hold;
use sim::world::faults::Faults;

/// Two devices, of which the first takes names that differ in case only for the same.
fn folding() -> Scenario {
    Scenario::with(Setting { folds_case: 1, ..Setting::calm(2) })
}

/// A directory was deleted while a new file in it was refused, and its name given to a file: what each
/// waited for was over long before that was noticed, and all of it stayed stuck.
#[test]
fn what_no_longer_waits_for_a_name_holds_up_nothing() {
    let mut s = Scenario::new(2);
    s.mkdir(0, "c").mkdir(0, "c/a").settle().may_write(0, false);
    s.write(0, "c/a/f", "one").wait(300);
    s.remove_all(1, "c/a").wait(20_000).remove_all(1, "c").wait(1_500);
    s.call(0, Call::Open(path("c/a/f"), false)).close(0).wait(100);
    s.write(1, "c", "two").wait(1_000).may_write(0, true).wait(20_000);
    s.everywhere("c (0)/ c (0)/a/ c (0)/a/f=one c=two")
        .check("nothing is stuck", |s| s.problems(0).is_empty());
}

/// What could not have its name for a while, and failed when it could, was still said to wait for it.
#[test]
fn what_may_have_its_name_waits_for_it_no_more() {
    let mut s = folding();
    s.write(1, "a", "one").settle().write(1, "A", "two").settle();
    s.delete(1, "a").until("it is gone", |s| s.disk(0).is_empty()).hold(0, Hold::Changes);
    s.until_asked(0, "place").pipe(0, "A").release(0, Hold::Changes).wait(1).remove_all(0, "A");
    s.everywhere("A=two");
}

/// A new directory with an old file in it was renamed, and a file took its name: the old file was taken
/// for deleted without a second look, and came back as another.
#[test]
fn what_was_moved_into_a_new_directory_moves_on_with_it() {
    let mut s = Scenario::new(2);
    s.write(0, "f", "one").mkdir(0, "d").settle();
    s.mkdir(0, "new").rename(0, "f", "new/f").wait(20);
    // Where it went is looked at a little later than where it was.
    s.write(0, "g", "three").wait(2).rename(0, "new", "d/new").write(0, "new", "two");
    s.everywhere("d/ d/new/ d/new/f=one g=three new=two");
    assert_eq!(s.deletions(), 0, "it was moved");
}

/// A directory that was to go still held what was to come into a new one, whose name a file had, which
/// was to have the name of the directory that was to go: all three waited for ever.
#[test]
fn what_waits_for_its_directory_leaves_the_one_that_is_waited_for() {
    let mut s = Scenario::new(2);
    s.mkdir(1, "c").write(1, "c/f", "one").write(1, "b", "two").settle().offline(1);
    s.mkdir(1, "n").rename(1, "c/f", "n/f").remove_all(1, "c");
    s.rename(1, "b", "c").rename(1, "n", "b").settle().online(1);
    s.everywhere("b/ b/f=one c=two");
    assert_eq!(s.copies(), 0, "nothing got another name for good");
}

/// Two directories changed places while something was made in each: what was begun first was done last,
/// in the other directory, and moved there for everyone.
#[test]
fn what_is_made_in_a_directory_is_made_before_that_changes_places() {
    for seed in 0..60_u32 {
        let faults = Faults { disorder: 200, ..Faults::default() };
        let mut s = Scenario::with(Setting { faults, ..Setting::calm(2) });
        s.mkdir(0, "a").mkdir(0, "b").settle().offline(1);
        s.rename(0, "a", "t").rename(0, "b", "a").rename(0, "t", "b");
        s.mkdir(0, "a/of b").mkdir(0, "b/of a").settle().mark().online(1);
        let numbers = (0..4_000_u32).map(|n| (n + 1 + 4_000 * seed).wrapping_mul(2_654_435_761));
        s.disorder(numbers.collect()).wait(3_000).calm().everywhere("a/ a/of b/ b/ b/of a/");
        assert_eq!(s.new_entries(), 0, "nothing was moved by an engine");
    }
}

/// A file that had left its name to a new one, and went on to where nobody had looked yet, was taken for
/// gone at once: the new one became an edit of it, and it came as another file.
#[test]
fn what_goes_on_from_a_new_name_is_moved() {
    let mut s = Scenario::new(2);
    s.mkdir(0, "d").write(0, "f", "one").settle().offline(0);
    s.rename(0, "f", "b").wait(20).write(0, "f", "two").wait(20);
    // Where it goes is looked at a little later than where it was.
    s.write(0, "g", "three").wait(2).rename(0, "b", "d/b").wait(300).online(0);
    s.everywhere("d/ d/b=one f=two g=three");
    assert_eq!(s.told(1, "Moved"), 1, "it was moved");
}

/// A deletion that had been refused was held when it came to be most of the folder, and was still said
/// to be refused.
#[test]
fn what_a_person_is_asked_about_is_not_said_to_be_refused() {
    let mut s = Scenario::with(Setting { ask_from_files: 1, ..Setting::calm(2) });
    s.write(1, "f", "one").write(1, "g", "two").settle().may_write(0, false);
    s.delete(0, "f").wait(1_500).delete(1, "g").wait(5_000);
    let reasons = s.reasons(0);
    assert!(reasons.contains("onefold approve") && !reasons.contains("only read"), "{reasons}");
}

/// A file had another name for an instant, in which the client was started anew: what had only just
/// been seen was taken for what had rested, and everyone was told of that name.
#[test]
fn a_new_name_settles_after_a_restart_as_it_does_before() {
    let mut s = Scenario::new(2);
    s.write(0, "f", "one").settle().mark();
    s.rename(0, "f", ".f.tmp").wait(50).kill(0).wait(30).rename(0, ".f.tmp", "f");
    s.everywhere("f=one");
    assert_eq!(s.new_entries(), 0, "it is where it was");
}

/// The oracle did not know that what is in a directory waits with it for a name that another directory
/// cannot leave, in another spelling.
#[test]
fn a_directory_that_cannot_leave_its_name_keeps_out_one_that_differs_in_case() {
    let mut s = folding();
    s.write(0, "a", "one").mkdir(0, "d").mkdir(0, "d/a").mkdir(0, "d/f").write(0, "d/f/g", "two");
    s.settle().mkdir(1, "A").settle().rename(1, "d/a", "A/a").settle();
    s.rename(1, "d/f", "d/A").by_the_rules().here(0, "a=one d/ d/a/ d/f/ d/f/g=two");
}

/// A directory was to go into one that was in it, whose new name a file had, which was to have the name
/// of the first: all three waited for ever.
#[test]
fn what_is_to_go_into_what_it_holds_waits_for_that_to_come_out() {
    let mut s = Scenario::new(2);
    s.mkdir(0, "a").mkdir(0, "a/b").write(0, "e", "one").settle().offline(1);
    s.rename(0, "e", "t").rename(0, "a/b", "e").rename(0, "a", "e/d").rename(0, "t", "a").settle();
    s.online(1).everywhere("a=one e/ e/d/");
    assert_eq!(s.copies(), 0, "nothing got another name for good");
}

/// A file was placed, and its client ended before it knew; meanwhile a symlink had taken its name at the
/// server: what the client itself had placed was kept beside that, as if it were a user's.
#[test]
fn what_was_placed_before_a_crash_is_no_ones_where_another_has_its_name_now() {
    let mut s = Scenario::new(2);
    s.settle().hold(0, Hold::Changed).write(1, "e", "one").wait(500);
    s.delete(1, "e").symlink(1, "e", "x").wait(3_000).kill(0).release(0, Hold::Changed);
    s.everywhere("e->x");
    assert_eq!(s.copies(), 0, "nobody wrote here");
}

/// A directory was moved into one that was in it, and that into a third, which another device moved into
/// the first: the server refused the two moves, together, for ever.
#[test]
fn of_moves_that_make_a_circle_with_another_ones_some_are_given_up() {
    let mut s = Scenario::new(2);
    s.mkdir(0, "a").mkdir(0, "a/b").mkdir(0, "c").settle().offline(0);
    s.rename(0, "a/b", "c/b").rename(0, "a", "c/b/a").rename(1, "c", "a/c").settle().online(0);
    s.everywhere("a/ a/c/ a/c/b/");
}
