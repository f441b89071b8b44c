//! What is planned, and what is left alone: engines that start with some three trees.

use super::*;
use crate::client::Reason;
use crate::client::bench::{
    Bench, OTHER, PIPE, ROOT, agreed, begun, coming, content, dir, file, known, name, node, place,
};
use crate::client::record::Intent;
use crate::disk::DiskError;
use crate::folding::Folding;
use crate::node::Kind::{Directory as DIR, File as FILE};
use crate::operation::{Refusal, Step};
use crate::protocol::Resume;

#[test]
fn what_was_never_agreed_on_and_is_gone_at_the_first_look_comes_back() {
    let state = file(ROOT, "f", "one");
    let mut bench = Bench::quick([known('a', Some(&state), None, Some(&state))]);
    bench.put("f", None);
    bench.start();
    bench.wait(3_000);
    bench.check_log(&["fetch one", "place one at f"]);
}

#[test]
fn what_is_missing_is_left_alone_until_it_is_known_to_be_gone() {
    let (was, edited) = (file(ROOT, "f", "one"), file(ROOT, "f", "two"));
    let mut bench = Bench::quick([known('a', Some(&was), Some(&was), Some(&edited))]);
    bench.put("f", None);
    bench.start();
    bench.check_log(&[]);
    bench.wait(3_000);
    bench.check_log(&["fetch two", "place two at f"]);
}

#[test]
fn what_is_being_changed_is_left_alone_until_that_has_ended() {
    let mut bench = Bench::quick([coming('a', &file(ROOT, "f", "one"))]);
    bench.start();
    bench.check_log(&["fetch one", "place one at f"]);
    bench.hear(OTHER, [Step::Edit { node: node('a'), content: content("two") }]);
    bench.check_log(&[]);
    bench.carry_out();
    bench.check_log(&["fetch two", "place two at f over what is there"]);
}

/// Deleted at the server, or here before, and maybe there again: in a directory, and in one in
/// that.
#[test]
fn nothing_is_deleted_that_is_in_a_directory_that_cannot_be_read() {
    let (outer, inner) = (dir(ROOT, "d"), dir(node('d'), "e"));
    let kept = |letter: char, parent| {
        let state = file(node(parent), "f", "one");
        known(letter, Some(&state), Some(&state), None)
    };
    let gone = |letter: char, parent| {
        let state = file(node(parent), "g", "two");
        known(letter, None, Some(&state), Some(&state))
    };
    let mut bench = Bench::quick([
        agreed('d', &outer),
        agreed('e', &inner),
        kept('f', 'd'),
        gone('g', 'd'),
        kept('h', 'e'),
        gone('i', 'e'),
    ]);
    bench.deny("d");
    bench.start();
    bench.wait(3_000);
    bench.check_log(&[]);
    bench.failing.clear();
    bench.wait(3_000);
    bench.check_log(&["remove d/f", "remove d/e/f", "send delete g, delete i"]);
}

#[test]
fn what_the_server_refused_is_told_as_long_as_it_is_asked_for() {
    let (was, edited) = (file(ROOT, "f", "one"), file(ROOT, "f", "two"));
    let mut bench = Bench::quick([known('a', Some(&edited), Some(&was), Some(&was))]);
    bench.start();
    bench.check_log(&["send edit a to two"]);
    bench.refuse("send edit a to two", Refusal::ReadOnly);
    assert_eq!(bench.problems(), [("f".into(), ProblemKind::Refused)]);
    bench.write("f", "one");
    bench.refuse("send edit a to two", Refusal::ReadOnly);
    bench.wait(1_000);
    assert_eq!(bench.problems(), []);
}

#[test]
fn a_name_that_this_disk_cannot_hold_is_told_as_long_as_the_server_has_it() {
    let mut bench = Bench::quick([coming('a', &file(ROOT, "f", "one"))]);
    bench.start();
    bench.fails("place one at f", DiskError::InvalidName("too odd".into()));
    assert_eq!(bench.problems(), [("f".into(), ProblemKind::Parked)]);
    bench.hear(OTHER, [Step::Delete { node: node('a') }]);
    assert_eq!(bench.problems(), []);
}

#[test]
fn of_what_is_gone_no_problem_is_told() {
    let mut bench = Bench::quick([]);
    bench.write("f", "one");
    bench.write("g", "two");
    bench.deny("f");
    bench.deny("g");
    bench.start();
    let unreadable = |name: &str| (String::from(name), ProblemKind::Unreadable);
    assert_eq!(bench.problems(), [unreadable("f"), unreadable("g")]);
    bench.change("f", None);
    bench.wait(3_000);
    assert_eq!(bench.problems(), [unreadable("g")]);
}

#[test]
fn a_name_that_differs_in_case_only_is_had_once_the_other_is_gone() {
    let (lower, upper) = (file(ROOT, "f", "one"), file(ROOT, "F", "two"));
    let mut bench = Bench::quick([agreed('a', &lower), coming('b', &upper)]);
    bench.client.config.folding = Folding { case: true, form: false };
    bench.start();
    bench.check_log(&["fetch two"]);
    assert_eq!(bench.problems(), [("F".into(), ProblemKind::Parked)]);
    bench.hear(OTHER, [Step::Delete { node: node('a') }]);
    bench.check_log(&["remove f"]);
    bench.carry_out();
    bench.check_log(&["place two at F"]);
}

/// A directory whose name something has that is not synced, and what is to be in it.
#[test]
fn what_is_blocked_for_good_is_tried_once_more_when_something_else_happens() {
    let inside = file(node('d'), "f", "one");
    let mut bench = Bench::quick([coming('d', &dir(ROOT, "d")), coming('f', &inside)]);
    bench.put("d", Some(PIPE));
    let is_retried = |bench: &Bench| {
        bench.client.inbound_deadline().is_some_and(|(_, why)| why == Reason::Retry)
    };
    bench.start();
    bench.wait(5_000);
    assert!(!is_retried(&bench));
    bench.write("new", "two");
    bench.wait(400);
    bench.accept("send create new as new");
    assert!(is_retried(&bench));
    bench.wait(5_000);
    assert!(!is_retried(&bench));
    bench.hear(OTHER, [Step::Edit { node: node('f'), content: content("six") }]);
    assert!(!is_retried(&bench), "it is blocked itself");
}

/// Killed when it had placed a file, before it knew. A user has moved that on since.
#[test]
fn what_was_placed_before_a_crash_and_moved_on_is_found_once_it_is_read() {
    let state = file(ROOT, "f", "one");
    let record = begun(coming('a', &state), Intent::Place(state.into()));
    let mut bench = Bench::quick([record]);
    bench.write("g", "one");
    bench.start();
    bench.wait(1_000);
    bench.check_log(&["send move a to g"]);
}

#[test]
fn what_was_placed_when_the_engine_was_killed_is_no_file_of_a_users() {
    let mut bench = Bench::quick([coming('a', &file(ROOT, "f", "one"))]);
    bench.start();
    bench.hear(OTHER, [Step::Edit { node: node('a'), content: content("two") }]);
    bench.check_log(&["fetch one", "place one at f"]);
    bench.kill();
    bench.check_log(&["fetch two", "place two at f over what is there"]);
}

/// Otherwise, what is done next on one side alone would be taken for a change by both.
#[test]
fn what_both_sides_changed_alike_is_agreed_on() {
    let (was, now) = (file(ROOT, "f", "one"), file(ROOT, "f", "two"));
    let edited = known('a', Some(&now), Some(&was), Some(&now));
    let (was, now) = (file(ROOT, "g", "one"), file(ROOT, "h", "one"));
    let moved = known('b', Some(&now), Some(&was), Some(&now));
    let mut bench = Bench::quick([edited, moved]);
    bench.start();
    bench.check_log(&[]);
    bench.write("f", "six");
    bench.rename("h", "i");
    bench.wait(1_000);
    bench.accept("send edit a to six");
    bench.accept("send move b to i");
    bench.check_log(&["send edit a to six", "send move b to i"]);
}

/// Deleted at the server, without knowing of the move here: once that is accepted, nothing tells of
/// it.
#[test]
fn what_was_deleted_in_a_directory_that_was_moved_here_is_kept_also_if_it_could_not_be_seen() {
    let (before, after) = (dir(ROOT, "d"), dir(ROOT, "e"));
    let inside = file(node('d'), "f", "one");
    let mut bench = Bench::quick([
        known('d', Some(&after), Some(&before), Some(&before)),
        known('f', Some(&inside), Some(&inside), None),
    ]);
    bench.deny("e");
    bench.start();
    bench.wait(1_000);
    bench.check_log(&["send move d to e"]);
    bench.accept("send move d to e");
    bench.failing.clear();
    bench.wait(6_000);
    bench.check_log(&["send create f as e/f"]);
}

/// The server has `a` in `p`, so the move is taken back; that does not succeed at once.
#[test]
fn what_was_deleted_in_a_directory_is_kept_also_if_its_move_is_taken_back() {
    let nodes =
        [('a', DIR, "a", "a", "p/a"), ('p', DIR, "a/p", "p", "p"), ('f', FILE, "p/f", "p/f", "")];
    let mut bench = Bench::alone(&nodes);
    bench.resume = Some(Resume::Entries);
    bench.deny("a/p");
    bench.start();
    bench.wait(1_000);
    bench.failing.clear();
    bench.fails("rename a/p (to p) → p", DiskError::Busy);
    bench.wait(6_000);
    bench.check(&["rename a/p (to p) → p", "upload a/p/f"]);
}

/// Something was to come into it, and then not any more, before it was known whether it is gone.
#[test]
fn a_directory_that_was_deleted_here_is_not_brought_back_for_what_is_not_to_be_in_it() {
    let (above, below) = (dir(ROOT, "p"), dir(node('p'), "d"));
    let moving = file(ROOT, "f", "one");
    let mut bench = Bench::quick([
        agreed('p', &above),
        known('d', None, Some(&below), Some(&below)),
        agreed('f', &moving),
    ]);
    bench.deny("p");
    bench.start();
    bench.hear(OTHER, [Step::Move { node: node('f'), place: place(node('d'), "f") }]);
    bench.hear(OTHER, [Step::Move { node: node('f'), place: moving.place }]);
    bench.failing.clear();
    bench.wait(6_000);
    bench.check_log(&["send delete d"]);
}

/// What people were told keeps nothing from being at rest: the device has done what it can.
#[test]
fn what_waits_for_a_directory_with_a_problem_is_no_unrest() {
    let mut bench = Bench::quick([known('d', Some(&dir(ROOT, "d")), None, None)]);
    bench.start();
    bench.refuse("send create d as d", Refusal::ReadOnly);
    bench.wait(400);
    bench.refuse("send create d as d", Refusal::ReadOnly);
    bench.check_log(&["send create d as d", "send create d as d"]);
    bench.write("d/f", "one");
    bench.wait(300);
    bench.check_log(&[]);
    assert_eq!(bench.problems(), [("d".into(), ProblemKind::Refused)]);
    assert_eq!(bench.client.unrest(), None);
    bench.wait(300);
    bench.check_log(&["send create d as d, create new as d/f"]);
    assert!(bench.client.unrest().is_some());
}

#[test]
fn who_moved_a_directory_keeps_what_was_deleted_in_it_when_another_move_counts() {
    let check = |here: &'static str, kept: bool| {
        let d = ('d', DIR, here, "d", "c");
        let mut bench = Bench::alone(&[d, ('f', FILE, "d/f", "d/f", "")]);
        bench.deny(here);
        bench.deny("c");
        bench.start();
        bench.carry_out();
        assert_eq!(bench.client.trees.get(node('d')).present().unwrap().place.name, name("c"));
        assert_eq!(bench.client.trees.get(node('f')).synced().is_none(), kept, "{here}");
    };
    check("d", false);
    check("a", true);
}

#[test]
fn what_was_deleted_in_a_directory_has_the_same_fate_when_the_server_moves_that() {
    let check = |here: &State, there: &State, expected: &[&str]| {
        let inside = file(node('d'), "f", "one");
        let [before, after] = ["a", "b"].map(|at| dir(ROOT, at));
        let mut bench = Bench::quick([
            known('a', Some(&after), Some(&before), Some(&before)),
            known('d', Some(here), Some(here), Some(there)),
            known('f', Some(&inside), Some(&inside), None),
        ]);
        bench.deny(if here.place.parent == ROOT { "d" } else { "b/d" });
        bench.start();
        bench.wait(1_000);
        bench.carry_out();
        bench.accept("send move a to b");
        bench.wait(6_000);
        bench.check_log(expected);
    };
    let [within, without] = [node('a'), ROOT].map(|parent| dir(parent, "d"));
    // Here `a` was moved: that keeps only what was in it before.
    check(&without, &within, &["rename d (to d) → b/d", "send move a to b", "remove b/d/f"]);
    check(
        &within,
        &without,
        &["rename b/d (to d) → d", "send move a to b", "send create f as d/f"],
    );
}
