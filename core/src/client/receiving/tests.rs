//! What the journal and snapshots say of the server, and what is then still agreed on.

use alloc::string::{String, ToString};
use alloc::vec;
use alloc::vec::Vec;

use super::*;
use crate::client::bench::{
    Bench, OTHER, OWN, ROOT, agreed, begun, coming, content, create, dir, executable, file, found,
    here, known, node, place, row,
};
use crate::client::event::Event;
use crate::client::record::Intent;
use crate::id::{CommitKey, DeviceId, Seq};
use crate::operation::Operation;
use crate::protocol::Resume;
use crate::time::WallTime;

#[test]
fn of_moves_that_are_one_operation_people_hear_from_where_to_where() {
    let (outer, inner) = (node(1), node(2));
    // `a/b` becomes `b/a`: neither can move before the other.
    let mut client = Client::of_trees([coming(1, &dir(ROOT, "a")), coming(2, &dir(outer, "b"))]);
    let steps = vec![
        Step::Move { node: outer, place: place(inner, "a") },
        Step::Move { node: inner, place: place(ROOT, "b") },
    ];
    client.apply_entry(&Entry {
        seq: Seq::new(1),
        device: DeviceId::from_bytes([7; 16]),
        key: CommitKey::from_bytes([8; 16]),
        time: WallTime(0),
        operation: Operation { steps },
    });
    let told = |effect: &Effect| {
        let Effect::Report(Notice::Happened { path, from, .. }) = effect else { return None };
        Some((from.as_ref()?.to_string(), path.to_string()))
    };
    let told: Vec<(String, String)> = client.out.iter().filter_map(told).collect();
    let told: Vec<(&str, &str)> = told.iter().map(|(from, to)| (&**from, &**to)).collect();
    assert_eq!(told, [("a", "b/a"), ("a/b", "b")]);
}

/// What is said of a file in this entry, while a snapshot already had it as it was at 7.
#[track_caller]
fn check_heard(bench: &mut Bench, step: Step, expected: Option<&State>, told: usize) {
    bench.notices.clear();
    bench.hear(OTHER, [step]);
    assert_eq!(bench.client.trees.get(node(1)).remote(), expected);
    assert_eq!(bench.notices.len(), told);
}

#[test]
fn entries_that_a_snapshot_has_already_say_nothing_new() {
    let [old, new] = ["old", "newer"].map(|bytes| file(ROOT, "f", bytes));
    let mut bench = Bench::of([]);
    bench.resume = Some(Resume::Snapshot);
    bench.tell(Event::Started);
    let other = file(ROOT, "g", "one");
    bench.page(5, vec![row(1, &new, 7, [OTHER; 2]), row(2, &other, 5, [OTHER; 2])]);
    let edit = |bytes| Step::Edit { node: node(1), content: content(bytes) };
    check_heard(&mut bench, edit("old"), Some(&new), 0);
    check_heard(&mut bench, edit("newer"), Some(&new), 0);
    check_heard(&mut bench, edit("old"), Some(&old), 1);
    check_heard(&mut bench, Step::Edit { node: node(2), content: content("two") }, Some(&old), 1);
}

#[test]
fn a_snapshot_counts_only_once_all_of_the_disk_was_looked_at() {
    let was = file(ROOT, "f", "one");
    let mut bench = Bench::of([agreed(1, &was)]);
    bench.resume = Some(Resume::Snapshot);
    bench.looks = false;
    bench.tell(Event::Started);
    bench.page(5, Vec::new());
    // What follows waits with it.
    bench.hear_at(Seq::new(6), OTHER, [create(2, &dir(ROOT, "d"))]);
    assert!(!bench.client.status().online);
    assert_eq!(bench.client.trees.get(node(1)).remote(), Some(&was));
    bench.done("look ", 0);
    assert!(bench.client.status().online);
    bench.check(&["remove f", "make d"]);
}

/// What is agreed on of a file after a snapshot with this row.
#[track_caller]
fn check_agreed(resume: Resume, record: Record, row: Option<Row>, expected: Option<&State>) {
    let mut bench = Bench::of([(node(1), record)]);
    bench.resume = Some(resume);
    bench.looks = false;
    bench.tell(Event::Started);
    bench.page(5, row.into_iter().collect());
    bench.take("look ");
    bench.client.looks.scanned = true;
    bench.client.finish_snapshot();
    assert_eq!(bench.client.trees.get(node(1)).synced(), expected);
}

#[test]
fn after_a_snapshot_it_is_agreed_on_what_was_and_what_this_device_wrote_itself() {
    let was = file(ROOT, "f", "one");
    let there = executable(file(ROOT, "to", "two"));
    let record = || agreed(1, &was).1;
    let check = |by: [CommitKey; 2], expected: &State| {
        check_agreed(Resume::Snapshot, record(), Some(row(1, &there, 5, by)), Some(expected));
    };
    check([OTHER, OTHER], &was);
    // The bit may be another's.
    check([OWN, OTHER], &file(ROOT, "f", "two"));
    check([OTHER, OWN], &file(ROOT, "to", "one"));
    check([OWN, OWN], &file(ROOT, "to", "two"));
    check_agreed(Resume::Snapshot, record(), None, Some(&was));
    check_agreed(Resume::Snapshot, known(1, Some(&was), None, None).1, None, None);
}

#[test]
fn when_both_sides_are_merged_nothing_is_agreed_on_that_could_delete() {
    let [was, older, other] = ["one", "older", "other"].map(|bytes| file(ROOT, "f", bytes));
    let [older_device, cloned, other_journal, first] = [
        MergeReason::OlderDevice,
        MergeReason::ClonedDevice,
        MergeReason::OtherJournal,
        MergeReason::FirstJoin,
    ];
    let mut here = known(1, Some(&older), Some(&older), Some(&older)).1;
    here.set_remote(Some(was.clone()));
    here.set_synced(Some(was.clone()));
    let gone = known(1, None, Some(&was), Some(&was)).1;
    let there = |state: &State| Some(row(1, state, 5, [OTHER; 2]));
    let check = |reason, record: &Record, row, expected| {
        check_agreed(Resume::Merge(reason), record.clone(), row, expected);
    };
    for reason in [older_device, cloned, other_journal, first] {
        check(reason, &here, None, None);
        check(reason, &gone, there(&was), None);
    }
    for reason in [older_device, cloned] {
        // The journal still holds it.
        check(reason, &here, there(&was), Some(&was));
        check(reason, &here, there(&other), Some(&was));
    }
    // What is here is what is there, or has come of it.
    check(other_journal, &here, there(&was), Some(&was));
    check(other_journal, &here, there(&older), Some(&older));
    check(other_journal, &here, there(&other), None);
    check(first, &here, there(&was), None);
}

#[test]
fn what_is_missed_or_cannot_be_seen_is_not_agreed_on_when_both_sides_are_merged() {
    let (d, f) = (dir(ROOT, "d"), file(node(1), "f", "one"));
    let check = |prepare: fn(&mut Bench), expected: Option<&State>| {
        let mut bench = Bench::of([agreed(1, &d), agreed(2, &f)]);
        bench.resume = Some(Resume::Merge(MergeReason::OtherJournal));
        prepare(&mut bench);
        bench.tell(Event::Started);
        bench.page(5, vec![row(1, &d, 5, [OTHER; 2]), row(2, &f, 5, [OTHER; 2])]);
        assert_eq!(bench.client.trees.get(node(2)).synced(), expected);
    };
    check(|_| {}, Some(&f));
    check(|bench| bench.put("d/f", None), None);
    check(|bench| bench.deny("d"), None);
}

#[test]
fn what_was_placed_before_a_crash_is_known_after_a_snapshot_but_not_when_both_sides_are_merged() {
    let [placed, newer] = ["one", "seven.."].map(|bytes| file(ROOT, "f", bytes));
    let check = |resume, expected: &[&str]| {
        let begun = begun(coming(1, &placed), Intent::Place(placed.clone().into()));
        let mut bench = Bench::of([begun]);
        bench.resume = Some(resume);
        bench.put("f", Some(found(1, &placed.body)));
        bench.tell(Event::Started);
        bench.page(5, vec![row(1, &newer, 5, [OTHER; 2])]);
        bench.wait(500);
        bench.reads("read f", "one");
        bench.check(expected);
    };
    check(Resume::Snapshot, &["fetch 7 bytes"]);
    // The server may have an older one: both are kept.
    check(Resume::Merge(MergeReason::OtherJournal), &["fetch 7 bytes", "upload f"]);
}

/// Whether a file that an older journal has as it once was is taken for that, when before this
/// another merge has found it so.
#[track_caller]
fn check_past(first: MergeReason, expected: bool) {
    let [old, new] = ["old", "newer"].map(|bytes| file(ROOT, "f", bytes));
    let (node, mut record) = agreed(1, &old);
    record.set_remote(Some(new.clone()));
    record.set_synced(Some(new.clone()));
    record.set_local(here(1, &new));
    let mut bench = Bench::of([(node, record)]);
    bench.resume = Some(Resume::Merge(first));
    bench.tell(Event::Started);
    bench.page(5, vec![row(1, &new, 5, [OTHER; 2])]);
    assert_eq!(bench.client.trees.get(node).synced(), Some(&new));
    bench.reconnect(Resume::Merge(MergeReason::OtherJournal));
    bench.page(6, vec![row(1, &old, 5, [OTHER; 2])]);
    assert_eq!(bench.id("f") == Some(node), expected);
}

#[test]
fn what_a_file_has_come_of_is_remembered_where_it_was_agreed_on_since() {
    check_past(MergeReason::OlderDevice, true);
    check_past(MergeReason::FirstJoin, false);
}

/// Another node stands where this device has made one whose id it forgot: which one is there then.
#[track_caller]
fn check_met(
    records: impl IntoIterator<Item = (NodeId, Record)>,
    step: Step,
    expected: u8,
) -> Bench {
    let mut bench = Bench::started(records);
    bench.hear(OWN, [step]);
    assert_eq!(bench.id("x"), Some(node(expected)));
    bench
}

#[test]
fn what_this_device_made_and_forgot_is_what_stands_there() {
    let (d, f) = (dir(ROOT, "x"), file(ROOT, "x", "one"));
    let new = |state: &State| [known(1, Some(state), None, None)];
    let bench = check_met(new(&f), create(2, &f), 2);
    assert_eq!(bench.client.trees.get(node(2)).synced(), Some(&f));
    let mut bench = Bench::of(new(&d));
    bench.tell(Event::Started);
    bench.looks = false;
    bench.hear(OWN, [create(2, &d)]);
    bench.check(&["look x"]);
    // It is another kind; the server knows it; it is on its way there.
    check_met(new(&d), create(2, &f), 1);
    let there = file(ROOT, "elsewhere", "one");
    check_met([known(1, Some(&f), Some(&there), Some(&there))], create(2, &f), 1);
    let mut bench = Bench::started(new(&f));
    bench.wait(200);
    bench.done("upload x", 0);
    bench.commit("send create 1 as x");
    bench.hear(OWN, [create(2, &f)]);
    assert_eq!(bench.id("x"), Some(node(1)));
}

#[test]
fn what_this_device_made_and_is_not_here_was_deleted_unless_it_may_stand_where_nobody_looks() {
    let (d, e) = (dir(ROOT, "d"), dir(ROOT, "e"));
    let check = |records: &[(NodeId, Record)], at: State, expected: bool| {
        let mut bench =
            Bench::of([agreed(1, &d), agreed(3, &e)].into_iter().chain(records.to_vec()));
        bench.deny("d");
        bench.tell(Event::Started);
        bench.hear(OWN, [create(2, &at)]);
        let agreed = bench.client.trees.get(node(2)).synced() == Some(&at);
        assert_eq!(agreed, expected, "{at:?}");
    };
    let below = |number| file(node(number), "f", "one");
    check(&[], below(3), true);
    check(&[], below(1), false);
    // It is known here.
    check(&[known(2, Some(&below(1)), None, None)], below(1), true);
    // In a directory that is not here, either; and in one that is, and was there before.
    check(&[coming(4, &dir(node(1), "g"))], below(4), false);
    let moved = known(4, Some(&dir(ROOT, "g")), Some(&dir(node(1), "g")), Some(&dir(node(1), "g")));
    check(&[moved], below(4), true);
}

#[test]
fn what_this_device_made_and_deleted_before_it_heard_of_that_is_not_forgotten() {
    let (made, moved) = (file(node(1), "f", "one"), file(ROOT, "g", "one"));
    let new = known(2, Some(&moved), None, None);
    let mut bench = Bench::of([agreed(1, &dir(ROOT, "d")), new]);
    bench.deny("d");
    bench.tell(Event::Started);
    bench.wait(200);
    bench.done("upload g", 0);
    bench.check(&["send create 2 as g"]);
    bench.change("g", None);
    bench.wait(7_000);
    bench.hear(OWN, [create(2, &made)]);
    assert_eq!(bench.client.trees.get(node(2)).synced(), Some(&made));
}
