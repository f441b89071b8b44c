//! What is planned, and what is left alone: engines that start with some three trees.

use super::*;
use crate::client::Reason;
use crate::client::bench::{ROOT, content, dir, file, node, place};
use crate::client::desk::{Desk, Thing};
use crate::client::record::Intent;
use crate::disk::DiskError;
use crate::folding::Folding;
use crate::operation::{Refusal, Step};

/// What is here, was agreed on, and is at the server.
fn agreed(state: &State) -> [Option<State>; 3] {
    [Some(state.clone()), Some(state.clone()), Some(state.clone())]
}

fn only_there(state: State) -> [Option<State>; 3] {
    [None, None, Some(state)]
}

#[test]
fn what_was_never_agreed_on_and_is_gone_at_the_first_look_comes_back() {
    let state = file(ROOT, "f", "one");
    let mut desk = Desk::new(&[('a', [Some(state.clone()), None, Some(state)])]);
    desk.remove("f");
    desk.start();
    desk.wait(3_000);
    desk.check(&["fetch one", "place f: one"]);
}

#[test]
fn what_is_missing_is_left_alone_until_it_is_known_to_be_gone() {
    let (was, edited) = (file(ROOT, "f", "one"), file(ROOT, "f", "two"));
    let mut desk = Desk::new(&[('a', [Some(was.clone()), Some(was), Some(edited)])]);
    desk.remove("f");
    desk.start();
    desk.check_none();
    desk.wait(3_000);
    desk.check(&["fetch two", "place f: two"]);
}

#[test]
fn what_is_being_changed_is_left_alone_until_that_has_ended() {
    let mut desk = Desk::new(&[('a', only_there(file(ROOT, "f", "one")))]);
    desk.start();
    desk.check(&["fetch one", "place f: one"]);
    desk.there(Step::Edit { node: node('a'), content: content("two") });
    desk.check_none();
    desk.carry_out();
    desk.check(&["fetch two", "place f: two"]);
}

/// Deleted at the server, or here before, and maybe there again: in a directory, and in one in that.
#[test]
fn nothing_is_deleted_that_is_in_a_directory_that_cannot_be_read() {
    let (outer, inner) = (dir(ROOT, "d"), dir(node('d'), "e"));
    let kept = |parent| [Some(file(parent, "f", "one")), Some(file(parent, "f", "one")), None];
    let gone = |parent| [None, Some(file(parent, "g", "two")), Some(file(parent, "g", "two"))];
    let mut desk = Desk::new(&[
        ('d', agreed(&outer)),
        ('e', agreed(&inner)),
        ('f', kept(node('d'))),
        ('g', gone(node('d'))),
        ('h', kept(node('e'))),
        ('i', gone(node('e'))),
    ]);
    desk.close("d");
    desk.start();
    desk.wait(3_000);
    desk.check_none();
    desk.open("d");
    desk.wait(3_000);
    desk.check(&["remove d/f", "remove d/e/f", "send delete d/g", "send delete d/e/g"]);
}

#[test]
fn what_the_server_refused_is_told_as_long_as_it_is_asked_for() {
    let (was, edited) = (file(ROOT, "f", "one"), file(ROOT, "f", "two"));
    let mut desk = Desk::new(&[('a', [Some(edited), Some(was.clone()), Some(was)])]);
    desk.start();
    desk.check(&["send edit f: two"]);
    desk.refuse(Refusal::ReadOnly);
    assert_eq!(desk.problems(), [("f".into(), ProblemKind::Refused)]);
    desk.put("f", Thing::File("one"));
    desk.refuse(Refusal::ReadOnly);
    desk.wait(1_000);
    assert_eq!(desk.problems(), []);
}

#[test]
fn a_name_that_this_disk_cannot_hold_is_told_as_long_as_the_server_has_it() {
    let mut desk = Desk::new(&[('a', only_there(file(ROOT, "f", "one")))]);
    desk.start();
    desk.fail(DiskError::InvalidName("too odd".into()));
    assert_eq!(desk.problems(), [("f".into(), ProblemKind::Parked)]);
    desk.there(Step::Delete { node: node('a') });
    assert_eq!(desk.problems(), []);
}

#[test]
fn of_what_is_gone_no_problem_is_told() {
    let mut desk = Desk::new(&[]);
    desk.put("f", Thing::File("one"));
    desk.put("g", Thing::File("two"));
    desk.close("f");
    desk.close("g");
    desk.start();
    let unreadable = |name: &str| (String::from(name), ProblemKind::Unreadable);
    assert_eq!(desk.problems(), [unreadable("f"), unreadable("g")]);
    desk.remove("f");
    desk.wait(3_000);
    assert_eq!(desk.problems(), [unreadable("g")]);
}

#[test]
fn a_name_that_differs_in_case_only_is_had_once_the_other_is_gone() {
    let (lower, upper) = (file(ROOT, "f", "one"), file(ROOT, "F", "two"));
    let mut desk = Desk::new(&[('a', agreed(&lower)), ('b', only_there(upper))]);
    desk.client.config.folding = Folding { case: true, form: false };
    desk.start();
    desk.check(&["fetch two"]);
    assert_eq!(desk.problems(), [("F".into(), ProblemKind::Parked)]);
    desk.there(Step::Delete { node: node('a') });
    desk.check(&["remove f"]);
    desk.carry_out();
    desk.check(&["place F: two"]);
}

/// A directory whose name something has that is not synced, and what is to be in it.
#[test]
fn what_is_blocked_for_good_is_tried_once_more_when_something_else_happens() {
    let inside = file(node('d'), "f", "one");
    let mut desk = Desk::new(&[('d', only_there(dir(ROOT, "d"))), ('f', only_there(inside))]);
    desk.put("d", Thing::Pipe);
    let is_retried =
        |desk: &Desk| desk.client.inbound_deadline().is_some_and(|(_, why)| why == Reason::Retry);
    desk.start();
    desk.wait(5_000);
    assert!(!is_retried(&desk));
    desk.put("new", Thing::File("two"));
    desk.wait(400);
    desk.accept();
    assert!(is_retried(&desk));
    desk.wait(5_000);
    assert!(!is_retried(&desk));
    desk.there(Step::Edit { node: node('f'), content: content("six") });
    assert!(!is_retried(&desk), "it is blocked itself");
}

/// Killed when it had placed a file, before it knew. A user has moved that on since.
#[test]
fn what_was_placed_before_a_crash_and_moved_on_is_found_once_it_is_read() {
    let state = file(ROOT, "f", "one");
    let mut record = Record::of(Local::Absent, None, Some(state.clone()));
    record.set_intent(Some(Intent::Place(state.into())));
    let mut desk = Desk::of_records([(node('a'), record)].into());
    desk.put("g", Thing::File("one"));
    desk.start();
    desk.wait(1_000);
    desk.check(&["send move f to g"]);
}

#[test]
fn what_was_placed_when_the_engine_was_killed_is_no_file_of_a_users() {
    let mut desk = Desk::new(&[('a', only_there(file(ROOT, "f", "one")))]);
    desk.start();
    desk.there(Step::Edit { node: node('a'), content: content("two") });
    desk.check(&["fetch one", "place f: one"]);
    desk.kill();
    desk.check(&["fetch two", "place f: two"]);
}

/// Otherwise, what is done next on one side alone would be taken for a change by both.
#[test]
fn what_both_sides_changed_alike_is_agreed_on() {
    let (was, now) = (file(ROOT, "f", "one"), file(ROOT, "f", "two"));
    let edited = [Some(now.clone()), Some(was), Some(now)];
    let (was, now) = (file(ROOT, "g", "one"), file(ROOT, "h", "one"));
    let moved = [Some(now.clone()), Some(was), Some(now)];
    let mut desk = Desk::new(&[('a', edited), ('b', moved)]);
    desk.start();
    desk.check_none();
    desk.put("f", Thing::File("six"));
    desk.rename("h", "i");
    desk.wait(1_000);
    desk.accept();
    desk.check(&["send edit f: six", "send move h to i"]);
}

/// Deleted at the server, without knowing of the move here: once that is accepted, nothing tells of it.
#[test]
fn what_was_deleted_in_a_directory_that_was_moved_here_is_kept_also_if_it_could_not_be_seen() {
    let (before, after) = (dir(ROOT, "d"), dir(ROOT, "e"));
    let inside = file(node('d'), "f", "one");
    let mut desk = Desk::new(&[
        ('d', [Some(after), Some(before.clone()), Some(before)]),
        ('f', [Some(inside.clone()), Some(inside), None]),
    ]);
    desk.close("e");
    desk.start();
    desk.wait(1_000);
    desk.check(&["send move d to e"]);
    desk.accept();
    desk.open("e");
    desk.wait(6_000);
    desk.check(&["send create e/f"]);
}

/// Something was to come into it, and then not any more, before it was known whether it is gone.
#[test]
fn a_directory_that_was_deleted_here_is_not_brought_back_for_what_is_not_to_be_in_it() {
    let (above, below) = (dir(ROOT, "p"), dir(node('p'), "d"));
    let moving = file(ROOT, "f", "one");
    let mut desk = Desk::new(&[
        ('p', agreed(&above)),
        ('d', [None, Some(below.clone()), Some(below)]),
        ('f', agreed(&moving)),
    ]);
    desk.close("p");
    desk.start();
    desk.there(Step::Move { node: node('f'), place: place(node('d'), "f") });
    desk.there(Step::Move { node: node('f'), place: moving.place });
    desk.open("p");
    desk.wait(6_000);
    desk.check(&["send delete p/d"]);
}

/// What people were told keeps nothing from being at rest: the device has done what it can.
#[test]
fn what_waits_for_a_directory_with_a_problem_is_no_unrest() {
    let mut desk = Desk::new(&[('d', [Some(dir(ROOT, "d")), None, None])]);
    desk.start();
    desk.refuse(Refusal::ReadOnly);
    desk.wait(400);
    desk.refuse(Refusal::ReadOnly);
    desk.check(&["send create d", "send create d"]);
    desk.put("d/f", Thing::File("one"));
    desk.wait(300);
    desk.check_none();
    assert_eq!(desk.problems(), [("d".into(), ProblemKind::Refused)]);
    assert_eq!(desk.client.unrest(), None);
    desk.wait(300);
    desk.check(&["send create d", "send create d/f"]);
    assert!(desk.client.unrest().is_some());
}
