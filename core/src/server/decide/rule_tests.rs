//! One test for each rule for a single operation.

use super::Submitted;
use super::test_store::*;
use crate::id::{CommitKey, Seq};
use crate::node::Body;
use crate::operation::{Commit, Refusal, Step, Verdict};

#[test]
fn a_node_is_made_edited_moved_and_deleted() {
    let mut store = folder();
    assert_eq!(store.one(edit(1, 5)), accepted(4));
    assert_eq!(store.one(relocate(1, place(2, "h"))), accepted(5));
    assert_eq!(store.one(delete(3)), accepted(6));
    assert_eq!(store.paths(), ["d", "d/h"]);
}

#[test]
fn making_what_lives_is_agreed_if_it_is_the_same_and_stale_otherwise() {
    let mut store = folder();
    assert_eq!(store.one_at(0, create(1, place(0, "f"), file(1))), Verdict::Agreed);
    assert_eq!(store.one(create(1, place(0, "x"), file(1))), refused(Refusal::Stale));
    assert_eq!(store.one(create(1, place(0, "f"), file(4))), refused(Refusal::Stale));
    let executable = Body::File { content: content(1), executable: true };
    assert_eq!(store.one(create(1, place(0, "f"), executable)), refused(Refusal::Stale));
}

#[test]
fn a_tombstone_is_revived_under_its_own_id() {
    let mut store = folder();
    store.one(delete(1));
    assert_eq!(store.one(create(1, place(2, "back"), file(1))), accepted(5));
    assert_eq!(store.paths(), ["d", "d/back", "d/g"]);
}

#[test]
fn a_revival_by_who_had_not_seen_the_deletion_is_stale() {
    let mut store = folder();
    store.one(delete(1));
    assert_eq!(store.one_at(3, create(1, place(0, "f"), file(1))), refused(Refusal::Stale));
}

#[test]
fn a_tombstone_is_not_revived_as_another_kind() {
    let mut store = folder();
    store.one(delete(1));
    let directory = create(1, place(0, "f"), Body::Directory);
    assert_eq!(store.one(directory), refused(Refusal::WrongKind));
}

#[test]
fn an_edit_of_what_does_not_live_is_refused_as_deleted() {
    let mut store = folder();
    store.one(delete(1));
    for step in [edit(1, 3), executable(1, true), relocate(1, place(0, "x")), edit(99, 3)] {
        assert_eq!(store.one(step), refused(Refusal::Deleted));
    }
}

#[test]
fn an_edit_is_agreed_when_the_bytes_are_there_already_however_old_its_base() {
    let mut store = folder();
    store.one(edit(1, 5));
    assert_eq!(store.one_at(1, edit(1, 5)), Verdict::Agreed);
}

#[test]
fn an_edit_is_stale_only_when_the_content_is_newer_than_its_base() {
    let mut store = folder();
    store.one(relocate(1, place(0, "moved")));
    store.one(executable(1, true));
    assert_eq!(store.one_at(3, edit(1, 4)), accepted(6));
    assert_eq!(store.one_at(5, edit(1, 5)), refused(Refusal::Stale));
}

#[test]
fn an_edit_keeps_the_executable_bit() {
    let mut store = folder();
    store.one(executable(1, true));
    store.one(edit(1, 4));
    let body = Body::File { content: content(4), executable: true };
    assert_eq!(store.nodes[&id(1)].state.body, body);
}

#[test]
fn a_step_for_another_kind_is_refused() {
    let mut store = folder();
    store.one(create(4, place(0, "link"), Body::Symlink(target("f"))));
    let retarget = |node| Step::Retarget { node: id(node), target: target("elsewhere") };
    for step in [edit(2, 1), edit(4, 1), executable(2, true), retarget(1), retarget(2)] {
        assert_eq!(store.one(step), refused(Refusal::WrongKind));
    }
    assert_eq!(store.one(retarget(4)), accepted(5));
    assert_eq!(store.one_at(4, retarget(4)), Verdict::Agreed);
    let other = Step::Retarget { node: id(4), target: target("third") };
    assert_eq!(store.one_at(4, other), refused(Refusal::Stale));
}

#[test]
fn the_executable_bit_is_agreed_or_set_and_never_stale() {
    let mut store = folder();
    store.one(edit(1, 4));
    assert_eq!(store.one_at(1, executable(1, true)), accepted(5));
    assert_eq!(store.one_at(1, executable(1, true)), Verdict::Agreed);
    assert_eq!(store.one_at(1, executable(1, false)), accepted(6));
}

#[test]
fn a_row_tells_which_entry_and_which_commit_last_set_what() {
    let mut store = folder();
    store.one(create(4, place(0, "link"), Body::Symlink(target("f"))));
    store.key();
    let mut check = |step: Step, [existence, placed, written, place_by, content_by]: [u8; 5]| {
        let (node, next) = (step.node(), store.head.cursor.seq.next());
        assert_eq!(store.one(step.clone()), accepted(next.get()));
        let row = &store.nodes[&node];
        let seqs = [existence, placed, written].map(|seq| Seq::new(seq.into()));
        assert_eq!(
            [row.existence, row.placed, row.written, row.changed],
            [seqs[0], seqs[1], seqs[2], next],
            "{step:?}"
        );
        let keys = [place_by, content_by].map(|number| CommitKey::from_bytes([number; 16]));
        assert_eq!([row.place_by, row.content_by], keys, "{step:?}");
    };
    // The commit of entry 5 has the key 6, and so on.
    check(edit(1, 4), [1, 1, 5, 1, 6]);
    check(relocate(1, place(2, "h")), [1, 6, 5, 7, 6]);
    check(executable(1, true), [1, 6, 5, 7, 6]);
    check(delete(1), [8, 6, 5, 7, 6]);
    check(create(1, place(0, "f"), file(1)), [9, 9, 9, 10, 10]);
    check(Step::Retarget { node: id(4), target: target("g") }, [4, 4, 10, 4, 11]);
}

#[test]
fn a_move_is_stale_only_when_the_place_is_newer_than_its_base() {
    let mut store = folder();
    store.one(edit(1, 4));
    assert_eq!(store.one_at(3, relocate(1, place(0, "a"))), accepted(5));
    assert_eq!(store.one_at(4, relocate(1, place(0, "a"))), Verdict::Agreed);
    assert_eq!(store.one_at(4, relocate(1, place(0, "b"))), refused(Refusal::Stale));
}

#[test]
fn a_deletion_of_what_does_not_live_is_agreed() {
    let mut store = folder();
    store.one(delete(1));
    assert_eq!(store.one_at(0, delete(1)), Verdict::Agreed);
    assert_eq!(store.one(delete(77)), Verdict::Agreed);
}

#[test]
fn a_deletion_is_stale_when_anything_of_the_node_is_newer() {
    for step in [edit(1, 4), relocate(1, place(0, "a"))] {
        let mut store = folder();
        store.one(step);
        assert_eq!(store.one_at(3, delete(1)), refused(Refusal::Stale));
    }
    let mut store = folder();
    assert_eq!(store.one_at(0, delete(1)), refused(Refusal::Stale));
}

#[test]
fn a_deletion_wins_over_an_unseen_change_of_the_executable_bit() {
    let mut store = folder();
    store.one(executable(1, true));
    assert_eq!(store.one_at(3, delete(1)), accepted(5));
}

#[test]
fn a_deletion_is_stale_when_a_directory_above_was_moved() {
    let mut store = folder();
    store.one(create(4, place(2, "deep"), Body::Directory));
    store.one(create(5, place(4, "x"), file(1)));
    store.one(relocate(2, place(0, "renamed")));
    assert_eq!(store.one_at(5, delete(5)), refused(Refusal::Stale));
    assert_eq!(store.one_at(6, delete(5)), accepted(7));
}

#[test]
fn what_the_same_commit_did_before_is_not_newer_than_its_base() {
    let mut store = folder();
    let verdicts = store
        .commit(3, vec![relocate(2, place(0, "e")).into(), delete(3).into(), delete(2).into()]);
    assert_eq!(verdicts, [accepted(4), accepted(5), accepted(6)]);
}

#[test]
fn a_directory_with_a_child_that_the_deleting_device_never_knew_survives() {
    let mut store = folder();
    store.commit_of(DESKTOP, 3, vec![create(4, place(2, "new"), file(4)).into()]);
    let verdicts = store.commit(3, vec![delete(3).into(), delete(2).into()]);
    assert_eq!(verdicts, [accepted(5), refused(Refusal::NotEmpty)]);
    assert_eq!(store.paths(), ["d", "d/new", "f"]);
}

#[test]
fn a_directory_is_deleted_with_all_that_was_in_it_and_not_under_what_stays() {
    let check = |steps: Vec<Step>, verdict: Verdict| {
        let mut store = folder();
        store.one(create(4, place(2, "h"), file(4)));
        assert_eq!(store.one(set(steps.clone())), verdict, "{steps:?}");
    };
    check(vec![delete(3), delete(4), delete(2)], accepted(5));
    check(vec![relocate(3, place(0, "g")), delete(2), delete(4)], accepted(5));
    check(vec![delete(3), delete(2)], refused(Refusal::NotEmpty));
    check(vec![edit(3, 5), delete(2)], refused(Refusal::NotEmpty));
    check(vec![edit(3, 5), delete(4), delete(2)], refused(Refusal::NotEmpty));
    check(vec![relocate(3, place(2, "i")), delete(4), delete(2)], refused(Refusal::NotEmpty));
}

#[test]
fn a_parent_must_be_a_directory_that_lives() {
    let mut store = folder();
    store.one(delete(3));
    store.one(delete(2));
    for parent in [1, 2, 88] {
        let made = store.one(create(4, place(parent, "x"), file(1)));
        assert_eq!(made, refused(Refusal::ParentGone));
    }
    assert_eq!(store.one(relocate(1, place(2, "x"))), refused(Refusal::ParentGone));
}

#[test]
fn a_directory_cannot_go_inside_itself() {
    let mut store = folder();
    store.one(create(4, place(2, "e"), Body::Directory));
    store.one(create(5, place(4, "f"), Body::Directory));
    for parent in [2, 4, 5] {
        assert_eq!(store.one(relocate(2, place(parent, "x"))), refused(Refusal::WouldCycle));
    }
    assert_eq!(store.one(relocate(1, place(5, "x"))), accepted(6), "a file may");
}

#[test]
fn two_moves_that_would_make_a_cycle_together_are_refused_in_one_operation_and_in_two() {
    let mut store = folder();
    store.one(create(4, place(0, "e"), Body::Directory));
    let moves = [relocate(2, place(4, "d")), relocate(4, place(2, "e"))];
    assert_eq!(store.one(set(moves.to_vec())), refused(Refusal::WouldCycle));
    let verdicts = store.commit(4, moves.map(Into::into).to_vec());
    assert_eq!(verdicts, [accepted(5), refused(Refusal::WouldCycle)]);
}

#[test]
fn new_directories_cannot_be_made_inside_each_other_or_inside_what_moves_into_them() {
    let mut store = folder();
    let rings = [
        vec![create(4, place(4, "x"), Body::Directory)],
        vec![create(4, place(5, "x"), Body::Directory), create(5, place(4, "x"), Body::Directory)],
        vec![create(4, place(2, "x"), Body::Directory), relocate(2, place(4, "x"))],
    ];
    for ring in rings {
        assert_eq!(store.one(set(ring)), refused(Refusal::WouldCycle));
    }
}

#[test]
fn a_name_is_taken_only_among_the_living_of_one_directory() {
    let mut store = folder();
    assert_eq!(store.one(create(4, place(0, "f"), file(4))), refused(Refusal::NameTaken));
    assert_eq!(store.one(relocate(3, place(0, "f"))), refused(Refusal::NameTaken));
    assert_eq!(store.one(create(4, place(2, "f"), file(4))), accepted(4));
    store.one(delete(1));
    assert_eq!(store.one(relocate(3, place(0, "f"))), accepted(6));
}

#[test]
fn two_names_are_swapped_in_one_operation() {
    let mut store = folder();
    let swap = set(vec![relocate(1, place(2, "g")), relocate(3, place(0, "f"))]);
    assert_eq!(store.one(swap), accepted(4));
    assert_eq!(store.nodes[&id(1)].state.place, place(2, "g"));
    assert_eq!(store.entries.len(), 4);
}

#[test]
fn a_file_is_replaced_by_another_in_one_operation() {
    let mut store = folder();
    let replace = set(vec![relocate(3, place(0, "f")), delete(1)]);
    assert_eq!(store.one(replace), accepted(4));
    assert_eq!(store.paths(), ["d", "f"]);
}

#[test]
fn a_directory_takes_the_place_of_one_that_moves_into_it() {
    let mut store = folder();
    let wrap = set(vec![create(4, place(0, "d"), Body::Directory), relocate(2, place(4, "old"))]);
    assert_eq!(store.one(wrap), accepted(4));
    assert_eq!(store.paths(), ["d", "d/old", "d/old/g", "f"]);
}

#[test]
fn of_two_nodes_for_one_name_in_one_operation_neither_gets_it() {
    let mut store = folder();
    let both = set(vec![relocate(1, place(0, "x")), relocate(3, place(0, "x"))]);
    assert_eq!(store.one(both), refused(Refusal::NameTaken));
    let kept = set(vec![edit(1, 6), relocate(3, place(0, "f"))]);
    assert_eq!(store.one(kept), refused(Refusal::NameTaken));
}

#[test]
fn a_refused_operation_is_undone_whole_and_the_next_is_decided_for_itself() {
    let mut store = folder();
    let verdicts = store.commit(
        3,
        vec![
            set(vec![relocate(1, place(0, "x")), edit(99, 1)]),
            create(4, place(0, "x"), file(4)).into(),
            create(5, place(0, "f"), file(4)).into(),
        ],
    );
    let taken = refused(Refusal::NameTaken);
    assert_eq!(verdicts, [refused(Refusal::Deleted), accepted(4), taken]);
}

#[test]
fn what_depends_on_a_refused_operation_is_refused() {
    let mut store = folder();
    let verdicts = store.commit(
        3,
        vec![
            create(4, place(0, "f"), Body::Directory).into(),
            create(5, place(4, "x"), file(1)).into(),
        ],
    );
    assert_eq!(verdicts, [refused(Refusal::NameTaken), refused(Refusal::ParentGone)]);
}

#[test]
fn steps_that_are_so_already_leave_no_trace_in_the_entry() {
    let mut store = folder();
    let mixed = set(vec![edit(1, 1), edit(3, 4)]);
    assert_eq!(store.one(mixed), accepted(4));
    assert_eq!(store.entries[3].0.operation, set(vec![edit(3, 4)]));
    assert_eq!(store.one(set(vec![edit(1, 1), delete(50)])), Verdict::Agreed);
    assert_eq!(store.entries.len(), 4);
}

#[test]
fn a_content_must_be_there_or_come_along() {
    let mut store = folder();
    assert_eq!(store.one(edit(1, 40)), refused(Refusal::MissingContent));
    let mut wrong_size = content(3);
    wrong_size.size += 1;
    let step = Step::Edit { node: id(1), content: wrong_size };
    assert_eq!(store.one(step), refused(Refusal::MissingContent));
    let key = store.key();
    let commit = Commit {
        key,
        seen: Seq::new(3),
        operations: vec![edit(1, 40).into(), edit(3, 41).into()],
        contents: vec![bytes(40)],
    };
    let outcome = store.decide(vec![Submitted { device: LAPTOP, writable: true, commit }]);
    assert_eq!(outcome[0].verdicts, [accepted(4), refused(Refusal::MissingContent)]);
    assert!(store.contents.contains_key(&content(40).id), "it is kept");
}

#[test]
fn a_content_that_came_along_serves_every_step_of_the_batch_and_is_kept_once() {
    let mut store = folder();
    let mut submit = |step: Step, contents| {
        let (key, operations) = (store.key(), vec![step.into()]);
        let commit = Commit { key, seen: Seq::new(3), operations, contents };
        Submitted { device: LAPTOP, writable: true, commit }
    };
    let batch = vec![
        submit(edit(1, 40), vec![bytes(40)]),
        submit(edit(3, 40), vec![]),
        submit(create(4, place(0, "x"), file(40)), vec![bytes(40)]),
    ];
    let outcomes = store.decide(batch);
    let verdicts: Vec<_> = outcomes.into_iter().flat_map(|outcome| outcome.verdicts).collect();
    assert_eq!(verdicts, [accepted(4), accepted(5), accepted(6)]);
}

#[test]
fn contents_that_no_accepted_step_names_are_not_kept() {
    let mut store = folder();
    let commit = Commit {
        key: store.key(),
        seen: Seq::new(3),
        operations: vec![edit(99, 40).into()],
        contents: vec![bytes(40), bytes(41)],
    };
    store.decide(vec![Submitted { device: LAPTOP, writable: true, commit }]);
    assert!(!store.contents.contains_key(&content(40).id));
    assert!(!store.contents.contains_key(&content(41).id));
}

#[test]
fn a_folder_grows_to_the_last_byte_of_its_quota() {
    let mut store = folder();
    store.head.quota = Some(store.head.bytes + 3);
    assert_eq!(store.one(edit(1, 5)), refused(Refusal::OverQuota), "4 bytes more");
    assert_eq!(store.one(edit(1, 4)), accepted(4), "3 bytes more");
    assert_eq!(Some(store.head.bytes), store.head.quota);
}

#[test]
fn a_full_folder_may_shrink_and_be_rearranged_but_not_grow() {
    let mut store = folder();
    store.head.quota = Some(store.head.bytes);
    assert_eq!(store.one(edit(1, 7)), refused(Refusal::OverQuota));
    assert_eq!(store.one(relocate(1, place(0, "x"))), accepted(4));
    assert_eq!(store.one(edit(1, 0)), accepted(5));
    store.head.quota = Some(0);
    assert_eq!(store.one(executable(1, true)), accepted(6));
    assert_eq!(store.one(create(9, place(0, "e"), Body::Directory)), accepted(7));
}
