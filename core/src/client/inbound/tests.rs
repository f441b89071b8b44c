//! What is asked of this disk, in which order, and what is said meanwhile of what is left to do.

use super::*;
use crate::client::bench::{
    Bench, OTHER, PIPE, ROOT, coming, create, dir, executable, file, here, known, node, unread,
};
use crate::client::event::Event;
use crate::client::record::{Local, Record};
use crate::client::{ProblemKind, Reason};
use crate::disk::DiskError;
use crate::operation::Step;

#[test]
fn only_so_many_changes_are_under_way_at_once() {
    let names = ["a", "b", "c", "d", "e", "f", "g", "h", "i"];
    let records = (1..).zip(names).map(|(number, at)| coming(number, &dir(ROOT, at)));
    let mut bench = Bench::started(records);
    let first = ["make a", "make b", "make c", "make d", "make e", "make f", "make g", "make h"];
    bench.check(&first);
    bench.done("make b", 2);
    bench.check(&[&first[..1], &first[2..], &["make i"]].concat());
}

/// Files that cannot be fetched now, and then a directory: whether that is made.
#[track_caller]
fn check_full(files: usize, expected: &[&str]) {
    let names = (0..files).map(|at| alloc::format!("f{at}"));
    let files = (1..).zip(names).map(|(number, at)| coming(number, &file(ROOT, &at, "one")));
    let mut bench = Bench::of(files.chain([coming(200, &dir(ROOT, "d"))]));
    bench.resume = None;
    bench.tell(Event::Started);
    bench.check(expected);
}

#[test]
fn what_cannot_start_now_does_not_keep_others_from_starting_unless_it_is_much() {
    check_full(MAX_FULL - 1, &["make d"]);
    check_full(MAX_FULL, &[]);
}

#[test]
fn what_waits_for_another_is_planned_again_now_and_then() {
    let (d, f) = (dir(ROOT, "d"), file(node(1), "f", "one"));
    let mut bench = Bench::started([coming(1, &d), coming(2, &f)]);
    bench.check(&["make d"]);
    assert_eq!(bench.due(), Some((BLOCKED_MS, Reason::Retry)));
    bench.wait(BLOCKED_MS);
    assert_eq!(bench.due(), Some((2 * BLOCKED_MS, Reason::Retry)));
    bench.done("make d", 1);
    bench.check(&["fetch one"]);
}

/// A file that has a conflict with a name that is not synced, at its new place; what is asked for
/// of the rest of it.
#[track_caller]
fn check_parked(local: Local, synced: &State, remote: &State, expected: &[&str]) -> Bench {
    let record = Record::of(local, Some(synced.clone()), Some(remote.clone()));
    let mut bench = Bench::of([(node(1), record)]);
    bench.put("to", Some(PIPE));
    bench.tell(Event::Started);
    bench.wait(200);
    bench.check(expected);
    bench
}

#[test]
fn what_cannot_have_its_place_is_merged_all_the_same() {
    let [was, edited] = ["one", "three"].map(|bytes| file(ROOT, "from", bytes));
    let there = |bytes: &str| file(ROOT, "to", bytes);
    check_parked(here(1, &was), &was, &there("one"), &[]);
    check_parked(here(1, &was), &was, &there("seven.."), &["fetch 7 bytes"]);
    check_parked(here(1, &was), &was, &executable(there("one")), &["mode from +x"]);
    // Edited here alone: that is sent, and nothing comes over it.
    check_parked(here(1, &edited), &was, &there("one"), &["upload from"]);
    let mut bench =
        check_parked(here(1, &edited), &was, &executable(there("one")), &["mode from +x"]);
    bench.done("mode from +x", 1);
    bench.check(&["upload from"]);
    // Nor before it is known what was written here.
    check_parked(unread(1, &edited), &was, &there("seven.."), &["read from"]);
}

#[test]
fn what_was_written_here_does_not_wait_for_a_name_that_cannot_be_had() {
    let [was, edited] = ["one", "three"].map(|bytes| file(ROOT, "from", bytes));
    let there = file(ROOT, "to", "seven..");
    let bench = check_parked(here(1, &edited), &was, &there, &["fetch 7 bytes", "upload from"]);
    assert_ne!(bench.id("from"), Some(node(1)), "both versions are nodes of their own");
    // Not while the name may yet be had: another node is about to leave it.
    let (rival, gone) = (file(ROOT, "to", "rival"), file(ROOT, "away", "rival"));
    let record = Record::of(here(1, &edited), Some(was), Some(there));
    let bench =
        Bench::started([(node(1), record), known(2, Some(&rival), Some(&rival), Some(&gone))]);
    bench.check(&["rename to (to away) → away"]);
    assert_eq!(bench.id("from"), Some(node(1)));
}

/// What is asked for when it is durable that it was begun, and not before.
#[track_caller]
fn check_begun(records: impl IntoIterator<Item = (NodeId, Record)>, expected: &str) {
    let mut bench = Bench::of(records);
    bench.saves = false;
    bench.tell(Event::Started);
    for fetch in bench.asks().iter().filter(|asked| asked.starts_with("fetch")) {
        bench.done(fetch, 0);
    }
    bench.check(&["save"]);
    assert_eq!(bench.client.unrest().as_deref(), Some("this disk is being changed"));
    bench.done("save", 0);
    bench.check(&[expected]);
}

#[test]
fn that_a_change_was_begun_is_durable_before_the_disk_is_changed() {
    let was = file(ROOT, "f", "one");
    let changed = |there: &State| [known(1, Some(&was), Some(&was), Some(there))];
    check_begun([coming(1, &dir(ROOT, "d"))], "make d");
    check_begun([coming(1, &was)], "place one at f");
    check_begun(changed(&file(ROOT, "f", "seven..")), "place 7 bytes at f over what is there");
    check_begun(changed(&file(ROOT, "to", "one")), "rename f (to to) → to");
    check_begun(changed(&executable(was.clone())), "mode f +x");
    check_begun([known(1, Some(&was), Some(&was), None)], "remove f");
}

#[test]
fn what_has_not_its_name_for_something_unsynced_rests_until_the_name_is_free() {
    let mut bench = Bench::of([coming(1, &file(ROOT, "f", "one"))]);
    bench.put("f", Some(PIPE));
    bench.tell(Event::Started);
    bench.done("fetch one", 0);
    assert_eq!(bench.problems(), [("f".into(), ProblemKind::Parked)]);
    bench.wait(BLOCKED_MS);
    assert_eq!(
        (bench.client.unrest(), bench.due().map(|due| due.1)),
        (None, Some(Reason::Silence))
    );
    // Something else has happened: it may be free now.
    bench.hear(OTHER, [create(2, &dir(ROOT, "d"))]);
    bench.done("make d", 2);
    assert_eq!(bench.client.unrest().as_deref(), Some("this disk is being changed"));
    bench.wait(BLOCKED_MS);
    assert_eq!(bench.client.unrest(), None);
    bench.change("f", None);
    bench.check(&["place one at f"]);
}

#[test]
fn a_directory_that_was_deleted_stays_while_something_unsynced_is_in_it() {
    let d = dir(ROOT, "d");
    let mut bench = Bench::started([known(1, Some(&d), Some(&d), None)]);
    bench.put("d/pipe", Some(PIPE));
    bench.looks = false;
    bench.fails("remove d", DiskError::NotEmpty);
    // What is in it is looked at first.
    bench.wait(300);
    bench.check(&["look d"]);
    bench.done("look d", 0);
    bench.wait(BLOCKED_MS);
    bench.check(&[]);
    assert_eq!(
        (bench.client.unrest(), bench.due().map(|due| due.1)),
        (None, Some(Reason::Silence))
    );
    bench.looks = true;
    bench.change("d/pipe", None);
    bench.check(&["remove d"]);
}

#[test]
fn nor_does_what_it_is_in_go_and_all_rests() {
    let (d, e) = (dir(ROOT, "d"), dir(node(1), "e"));
    let gone = |number, state| known(number, Some(state), Some(state), None);
    let mut bench = Bench::started([gone(1, &d), gone(2, &e)]);
    bench.put("d/e/pipe", Some(PIPE));
    bench.fails("remove d/e", DiskError::NotEmpty);
    bench.wait(3 * BLOCKED_MS);
    bench.check(&[]);
    assert_eq!(bench.client.unrest(), None);
}

#[test]
fn a_directory_that_was_deleted_waits_for_what_is_to_leave_it() {
    let (d, was, there) = (dir(ROOT, "d"), file(node(1), "f", "one"), file(ROOT, "to", "one"));
    let records =
        || [known(1, Some(&d), Some(&d), None), known(2, Some(&was), Some(&was), Some(&there))];
    let mut bench = Bench::started(records());
    bench.check(&["rename d/f (to to) → to"]);
    bench.done("rename d/f (to to) → to", 2);
    bench.check(&["remove d"]);
    // That cannot have its own place.
    let mut bench = Bench::of(records());
    bench.put("to", Some(PIPE));
    bench.tell(Event::Started);
    bench.wait(BLOCKED_MS);
    bench.check(&[]);
    let parked = ["d", "d/f"].map(|at| (at.into(), ProblemKind::Parked));
    assert_eq!((bench.problems(), bench.client.unrest()), (parked.into(), None));
}

#[track_caller]
fn check_to_fetch(bench: &Bench, expected: (u64, u64)) {
    assert_eq!(bench.client.status().downloading, expected);
}

#[test]
fn what_is_to_come_is_counted_until_it_is_here() {
    let (d, f) = (dir(ROOT, "d"), file(node(1), "f", "seven.."));
    let mut bench =
        Bench::started([coming(1, &d), coming(2, &f), coming(3, &file(ROOT, "g", "one"))]);
    // The first is being changed, the second waits for that, the third is fetched.
    bench.check(&["make d", "fetch one"]);
    check_to_fetch(&bench, (3, 10));
    // It is fetched, and yet planned again: that is one.
    bench.hear(OTHER, [Step::SetExecutable { node: node(3), executable: true }]);
    check_to_fetch(&bench, (3, 10));
    // Its bytes are here.
    bench.done("fetch one", 0);
    check_to_fetch(&bench, (3, 7));
    bench.done("place one at g +x", 3);
    check_to_fetch(&bench, (2, 7));
    bench.done("make d", 1);
    bench.done("fetch 7 bytes", 0);
    check_to_fetch(&bench, (1, 0));
    bench.done("place 7 bytes at d/f", 2);
    check_to_fetch(&bench, (0, 0));
    assert_eq!(bench.client.unrest(), None);
}
