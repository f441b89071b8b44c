//! Random commits on a small folder. The invariants are checked by the store after each batch.

use proptest::prelude::*;

use super::Submitted;
use super::test_store::*;
use crate::id::Seq;
use crate::node::Body;
use crate::operation::{Commit, Operation, Step, Verdict};

/// Few nodes and names, so that they meet.
fn any_step() -> impl Strategy<Value = Step> {
    let node = || 1..7_u8;
    let spot =
        || (0..7_u8, 0..4_usize).prop_map(|(dir, name)| place(dir, ["a", "b", "c", "d"][name]));
    let body = prop_oneof![
        3 => Just(Body::Directory),
        2 => (0..10_u8).prop_map(file),
        1 => Just(Body::Symlink(target("x"))),
    ];
    prop_oneof![
        4 => (node(), spot(), body).prop_map(|(node, place, body)| create(node, place, body)),
        2 => (node(), 0..10_u8).prop_map(|(node, byte)| edit(node, byte)),
        1 => (node(), any::<bool>()).prop_map(|(node, bit)| executable(node, bit)),
        4 => (node(), spot()).prop_map(|(node, place)| relocate(node, place)),
        2 => node().prop_map(delete),
    ]
}

fn any_operation() -> impl Strategy<Value = Operation> {
    prop_oneof![
        3 => any_step().prop_map(Operation::from),
        1 => proptest::collection::vec(any_step(), 1..4).prop_map(set),
    ]
}

/// Operations, how far behind the head they are based, and by whom.
fn any_commit() -> impl Strategy<Value = (Vec<Operation>, u64, bool)> {
    (proptest::collection::vec(any_operation(), 1..6), 0..4_u64, any::<bool>())
}

fn submit(store: &mut Store, (operations, behind, ours): (Vec<Operation>, u64, bool)) -> Submitted {
    let seen = Seq::new(store.head.cursor.seq.get().saturating_sub(behind));
    let commit = Commit { key: store.key(), seen, operations, contents: vec![bytes(9)] };
    Submitted { device: if ours { LAPTOP } else { DESKTOP }, writable: true, commit }
}

proptest! {
    #[test]
    fn any_commits_keep_the_folder_whole(
        commits in proptest::collection::vec(any_commit(), 1..12),
    ) {
        let mut store = Store::new();
        for commit in commits {
            let submitted = submit(&mut store, commit);
            store.decide(vec![submitted]);
        }
    }

    #[test]
    fn a_batch_is_decided_as_its_commits_one_by_one(
        before in proptest::collection::vec(any_commit(), 0..4),
        batch in proptest::collection::vec(any_commit(), 1..5),
    ) {
        let mut store = Store::new();
        for commit in before {
            let submitted = submit(&mut store, commit);
            store.decide(vec![submitted]);
        }
        let batch: Vec<_> = batch.into_iter().map(|commit| submit(&mut store, commit)).collect();
        let mut single = store.clone();
        let together = store.decide(batch.clone());
        let apart: Vec<_> =
            batch.into_iter().flat_map(|submitted| single.decide(vec![submitted])).collect();
        prop_assert_eq!(together, apart);
        prop_assert_eq!(store.head, single.head);
        prop_assert_eq!(store.nodes, single.nodes);
        prop_assert_eq!(store.entries, single.entries);
    }

    #[test]
    fn what_is_refused_or_agreed_might_as_well_not_have_been_sent(
        before in proptest::collection::vec(any_commit(), 0..6),
        commit in any_commit(),
    ) {
        let mut store = Store::new();
        for commit in before {
            let submitted = submit(&mut store, commit);
            store.decide(vec![submitted]);
        }
        let mut submitted = submit(&mut store, commit);
        let mut bare = store.clone();
        let outcome = store.decide(vec![submitted.clone()]).remove(0);
        let mut verdicts = outcome.verdicts.iter();
        submitted.commit.operations
            .retain(|_| matches!(verdicts.next(), Some(Verdict::Accepted(_))));
        bare.decide(vec![submitted]);
        prop_assert_eq!(store.head, bare.head);
        prop_assert_eq!(store.nodes, bare.nodes);
        prop_assert_eq!(store.entries, bare.entries);
    }
}
