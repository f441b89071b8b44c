//! The rules for commits as a whole: limits, keys, batches, and how little is asked for.

use super::Submitted;
use super::test_store::*;
use crate::blob::Blob;
use crate::id::{CommitKey, NodeId, Seq};
use crate::node::Body;
use crate::operation::{
    Commit, MAX_COMMIT_BYTES, MAX_INLINE_BYTES, MAX_OPERATIONS, MAX_OPERATIONS_BYTES, MAX_STEPS,
    Operation, Refusal, Step, Verdict,
};

#[test]
fn a_device_that_may_only_read_changes_nothing() {
    let mut store = folder();
    let commit = Commit {
        key: store.key(),
        seen: Seq::new(3),
        operations: vec![edit(1, 4).into(), delete(3).into()],
        contents: vec![],
    };
    let outcome = store.decide(vec![Submitted { device: LAPTOP, writable: false, commit }]);
    assert_eq!(outcome[0].verdicts, [refused(Refusal::ReadOnly), refused(Refusal::ReadOnly)]);
}

#[test]
fn an_operation_of_no_steps_of_too_many_of_the_root_or_of_a_node_twice_is_malformed() {
    let mut store = folder();
    let root = NodeId::ROOT;
    let bad = [
        set(vec![]),
        set(vec![edit(1, 4), relocate(1, place(0, "x"))]),
        Step::Delete { node: root }.into(),
        Step::Move { node: root, place: place(2, "x") }.into(),
        Step::Create { node: root, place: place(0, "x"), body: Body::Directory }.into(),
        set((0..=MAX_STEPS as u128)
            .map(|number| Step::Delete { node: NodeId::from_bytes((number + 9).to_be_bytes()) })
            .collect()),
    ];
    for operation in bad {
        assert_eq!(store.one(operation), refused(Refusal::Malformed));
    }
}

#[test]
fn a_commit_may_be_as_large_as_its_limits_and_no_larger() {
    let check = |operations: &[Operation], contents: &[Blob], fits| {
        let (operations, contents) = (operations.to_vec(), contents.to_vec());
        let (key, count) = (CommitKey::from_bytes([1; 16]), operations.len());
        let commit = Commit { key, seen: Seq::ZERO, operations, contents };
        let submitted = Submitted { device: LAPTOP, writable: true, commit };
        let verdicts = Store::new().decide(vec![submitted]).remove(0).verdicts;
        let verdict = if fits { Verdict::Agreed } else { refused(Refusal::Malformed) };
        assert_eq!(verdicts, vec![verdict; count]);
    };
    let deletions = vec![Operation::from(delete(1)); MAX_OPERATIONS + 1];
    check(&deletions[1..], &[], true);
    check(&deletions, &[], false);
    let zeros = |count| Blob::from(vec![0; count]);
    let largest = usize::try_from(MAX_INLINE_BYTES).unwrap();
    let full = vec![zeros(largest); MAX_COMMIT_BYTES / largest];
    check(&deletions[1..2], &full, true);
    check(&deletions[1..2], &[full, vec![zeros(1)]].concat(), false);
    check(&deletions[1..2], &[zeros(largest + 1)], false);
}

#[test]
fn the_operations_of_a_commit_may_be_as_large_as_their_limit_and_no_larger() {
    let retarget = |number: u128, length| Step::Retarget {
        node: NodeId::from_bytes((number + 1).to_be_bytes()),
        target: target(&"t".repeat(length)),
    };
    let check = |bytes: usize, verdict: Verdict| {
        // Each is encoded in 4096 bytes; the last one is shortened by what they are too many.
        let mut steps: Vec<_> = (0..2048).map(|number| retarget(number, 4077)).collect();
        let excess = postcard::to_allocvec(&vec![set(steps.clone())]).unwrap().len() - bytes;
        *steps.last_mut().unwrap() = retarget(2047, 4077 - excess);
        assert_eq!(Store::new().commit(0, vec![set(steps)]), [verdict]);
    };
    check(MAX_OPERATIONS_BYTES, refused(Refusal::Deleted));
    check(MAX_OPERATIONS_BYTES + 1, refused(Refusal::Malformed));
}

#[test]
fn a_base_that_this_journal_never_reached_is_stale() {
    let mut store = folder();
    assert_eq!(store.one_at(4, edit(1, 4)), refused(Refusal::Stale));
}

#[test]
fn a_commit_sent_again_happens_once_and_gets_the_same_answer() {
    let mut store = folder();
    let commit = Commit {
        key: store.key(),
        seen: Seq::new(3),
        operations: vec![edit(1, 4).into(), edit(99, 1).into()],
        contents: vec![],
    };
    let submitted = Submitted { device: LAPTOP, writable: true, commit };
    let first = store.decide(vec![submitted.clone()]);
    store.one(edit(1, 5));
    let before = store.clone();
    let again = store.decide(vec![submitted.clone(), submitted]);
    assert_eq!(again, [first[0].clone(), first[0].clone()]);
    assert_eq!((store.nodes, store.entries), (before.nodes, before.entries));
}

#[test]
fn a_commit_sent_twice_in_one_batch_happens_once() {
    let mut store = folder();
    let commit = Commit {
        key: store.key(),
        seen: Seq::new(3),
        operations: vec![edit(1, 4).into()],
        contents: vec![],
    };
    let submitted = Submitted { device: LAPTOP, writable: true, commit };
    let outcomes = store.decide(vec![submitted.clone(), submitted]);
    assert_eq!(outcomes[0], outcomes[1]);
    assert_eq!(store.entries.len(), 4);
}

#[test]
fn a_key_used_for_another_commit_is_refused_and_the_first_answer_kept() {
    let mut store = folder();
    let key = CommitKey::from_bytes([200; 16]);
    let mut submit = |step: Step| {
        let operations = vec![step.into()];
        let commit = Commit { key, seen: Seq::new(3), operations, contents: vec![] };
        store.decide(vec![Submitted { device: LAPTOP, writable: true, commit }]).remove(0)
    };
    let first = submit(edit(1, 4));
    assert_eq!(submit(edit(1, 5)).verdicts, [refused(Refusal::KeyReused)]);
    assert_eq!(submit(edit(1, 4)), first);
}

#[test]
fn of_two_devices_in_one_batch_the_first_edit_wins_and_the_second_is_stale() {
    let mut store = folder();
    let mut submit = |device, byte| {
        let operations = vec![edit(1, byte).into()];
        let commit = Commit { key: store.key(), seen: Seq::new(3), operations, contents: vec![] };
        Submitted { device, writable: true, commit }
    };
    let batch = vec![submit(DESKTOP, 4), submit(LAPTOP, 5)];
    let outcomes = store.decide(batch);
    assert_eq!(outcomes[0].verdicts, [accepted(4)]);
    assert_eq!(outcomes[1].verdicts, [refused(Refusal::Stale)]);
}

#[test]
fn a_directory_to_delete_holds_what_the_same_commit_left_in_it() {
    let check = |steps: &[Step], last: Verdict| {
        let mut store = folder();
        store.one(create(4, place(2, "h"), file(4)));
        let verdicts = store.commit(4, steps.iter().cloned().map(Operation::from).collect());
        let (decided, before) = verdicts.split_last().unwrap();
        assert!(before.iter().all(|verdict| matches!(verdict, Verdict::Accepted(_))), "{steps:?}");
        assert_eq!(*decided, last, "{steps:?}");
    };
    let (made, came) = (create(5, place(2, "i"), file(5)), relocate(1, place(2, "i")));
    let gone = [delete(3), delete(4), delete(2)];
    check(&[&[made.clone(), delete(5)], &gone[..]].concat(), accepted(9));
    check(&[&[came.clone(), relocate(1, place(0, "f"))], &gone[..]].concat(), accepted(9));
    for put in [made, came] {
        check(&[put.clone(), delete(3), delete(2)], refused(Refusal::NotEmpty));
        check(&[&[put], &gone[..]].concat(), refused(Refusal::NotEmpty));
    }
}

#[test]
fn a_tree_is_made_and_deleted_with_few_questions() {
    let mut store = Store::new();
    let mut operations = vec![create(1, place(0, "top"), Body::Directory).into()];
    for number in 0..100 {
        let name = format!("f{number}");
        operations.push(create(number + 2, place(1, &name), file(1)).into());
    }
    assert_eq!(store.commit(0, operations).len(), 101);
    assert_eq!(store.rounds, 1);
    let deletions = (1..102).rev().map(|number| delete(number).into()).collect();
    let verdicts = store.commit(101, deletions);
    assert!(verdicts.iter().all(|verdict| matches!(verdict, Verdict::Accepted(_))));
    assert_eq!(store.rounds, 3, "the nodes; what is in the directory");
    assert!(store.facts < 500, "work is proportional to what is touched: {}", store.facts);
}

#[test]
fn a_batch_asks_once_for_what_it_touches_in_as_many_rounds_as_directories_are_deep() {
    let mut folder = Store::new();
    let directory = |node, parent| create(node, place(parent, "d"), Body::Directory);
    for (top, middle, bottom, child) in [(1, 2, 3, 4), (11, 12, 13, 14)] {
        folder.one(create(top, place(0, &top.to_string()), Body::Directory));
        folder.one(directory(middle, top));
        folder.one(directory(bottom, middle));
        folder.one(create(child, place(bottom, "f"), file(1)));
    }
    folder.one(directory(5, 0));
    let check = |commits: &[&[Step]], rounds, facts| {
        let mut store = folder.clone();
        let seen = store.head.cursor.seq;
        let submit = |(number, steps): (u8, &&[Step])| {
            let operations = steps.iter().cloned().map(Operation::from).collect();
            let key = CommitKey::from_bytes([number; 16]);
            let commit = Commit { key, seen, operations, contents: vec![bytes(40)] };
            Submitted { device: LAPTOP, writable: true, commit }
        };
        let outcomes = store.decide((200..).zip(commits).map(submit).collect());
        let mut verdicts = outcomes.iter().flat_map(|outcome| &outcome.verdicts);
        assert!(verdicts.all(|verdict| matches!(verdict, Verdict::Accepted(_))), "{commits:?}");
        let asked = (store.rounds - folder.rounds, store.facts - folder.facts);
        assert_eq!(asked, (rounds, facts), "{commits:?}");
    };
    // An outcome for each commit; nodes, places and contents, and the parents of places.
    check(&[&[create(6, place(13, "x"), file(1))]], 1, 5);
    check(&[&[directory(6, 13), create(7, place(6, "x"), file(40))]], 1, 5);
    check(&[&[relocate(4, place(13, "x"))]], 1, 4);
    check(&[&[create(6, place(0, "x"), Body::Directory), delete(6)]], 1, 3);
    // What is above a moved directory, and above what is deleted, level by level for all at once.
    check(&[&[relocate(5, place(3, "x"))]], 3, 6);
    check(&[&[delete(4)], &[delete(14)]], 4, 10);
    // And how much is in a deleted directory.
    check(&[&[delete(4), delete(3)]], 3, 6);
}

#[test]
fn an_edit_deep_down_asks_for_nothing_above_it() {
    let mut store = folder();
    let (rounds, facts) = (store.rounds, store.facts);
    assert_eq!(store.one(edit(3, 4)), accepted(4));
    assert_eq!((store.rounds - rounds, store.facts - facts), (1, 3), "outcome, node, content");
}
