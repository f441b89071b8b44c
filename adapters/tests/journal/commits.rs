//! Commits: what is accepted is there, whole, and once.

use onefold_adapters::journal::Journal;
use onefold_core::id::{DeviceId, FolderId, Seq};
use onefold_core::node::Body;
use onefold_core::operation::{MAX_OPERATIONS, Operation, Refusal, Step, Verdict};

use crate::bench::*;

pub(crate) async fn what_is_accepted_is_read_back(arm: impl Arm) {
    let journal = furnished(&arm).await;
    let operations = vec![
        create(1, place(0, b"d"), Body::Directory).into(),
        create(2, place(1, b"f"), file(b"hello")).into(),
        edit(9, b"hello").into(),
    ];
    let outcome = commit(&journal, LAPTOP, 1, operations.clone(), &[b"hello"]).await;
    let deleted = Verdict::Refused(Refusal::Deleted);
    assert_eq!(outcome.verdicts, [accepted(1), accepted(2), deleted]);
    assert_eq!(outcome.at, Seq::new(2));
    let entries = journal.check_entries(FOLDER, Seq::ZERO, 10).await.unwrap();
    assert_eq!(entries.len(), 2);
    assert_eq!(entries[1].0.operation, operations[1]);
    assert_eq!((entries[1].0.device, entries[1].0.time), (LAPTOP, NOW));
    let rows = journal.check_nodes(FOLDER, None, 10).await.unwrap();
    assert_eq!(rows[1].state.place, place(1, b"f"));
    assert_eq!(rows[1].state.body, file(b"hello"));
    check(&journal, FOLDER).await;
}

pub(crate) async fn names_are_bytes_and_two_that_a_collation_holds_equal_are_two(arm: impl Arm) {
    let journal = furnished(&arm).await;
    let names: [&[u8]; 9] =
        [b"f", b"f ", b"F", b"\xff\xfe", b"\xff", b"a\nb", b"'; --", b"%", "é".as_bytes()];
    let operations = (1..)
        .zip(names)
        .map(|(number, name)| create(number, place(0, name), Body::Directory).into());
    let outcome = commit(&journal, LAPTOP, 1, operations.collect(), &[]).await;
    assert!(outcome.verdicts.iter().all(|verdict| matches!(verdict, Verdict::Accepted(_))));
    let again = create(99, place(0, b"f "), Body::Directory).into();
    let outcome = commit(&journal, LAPTOP, 2, vec![again], &[]).await;
    assert_eq!(outcome.verdicts, [Verdict::Refused(Refusal::NameTaken)]);
    check(&journal, FOLDER).await;
}

pub(crate) async fn names_are_swapped_in_one_operation(arm: impl Arm) {
    let journal = furnished(&arm).await;
    let both = vec![
        create(1, place(0, b"a"), file(b"1")).into(),
        create(2, place(0, b"b"), file(b"2")).into(),
    ];
    commit(&journal, LAPTOP, 1, both, &[b"1", b"2"]).await;
    let swap = Operation {
        steps: vec![
            Step::Move { node: node(1), place: place(0, b"b") },
            Step::Move { node: node(2), place: place(0, b"a") },
        ],
    };
    let outcome = commit(&journal, LAPTOP, 2, vec![swap], &[]).await;
    assert_eq!(outcome.verdicts, [accepted(3)]);
    let rows = journal.check_nodes(FOLDER, None, 10).await.unwrap();
    assert_eq!(rows[0].state.place, place(0, b"b"));
    check(&journal, FOLDER).await;
}

pub(crate) async fn a_name_is_free_once_its_node_is_deleted_and_the_node_can_come_back(
    arm: impl Arm,
) {
    let journal = furnished(&arm).await;
    let make = |number| Operation::from(create(number, place(0, b"f"), Body::Directory));
    let delete = |number| Operation::from(Step::Delete { node: node(number) });
    let operations = vec![make(1), delete(1), make(2), delete(2), make(1), make(2)];
    let outcome = commit(&journal, LAPTOP, 1, operations, &[]).await;
    assert_eq!(outcome.verdicts[4], accepted(5));
    assert_eq!(outcome.verdicts[5], Verdict::Refused(Refusal::NameTaken));
    let rows = journal.check_nodes(FOLDER, None, 10).await.unwrap();
    assert_eq!(rows.iter().map(|row| row.alive).collect::<Vec<_>>(), [true, false]);
    check(&journal, FOLDER).await;
}

pub(crate) async fn a_thousand_files_are_one_commit(arm: impl Arm) {
    let journal = furnished(&arm).await;
    let mut operations = vec![create(1, place(0, b"d"), Body::Directory).into()];
    for number in 2..=MAX_OPERATIONS as u64 {
        let name = format!("file {number}");
        operations.push(create(number, place(1, name.as_bytes()), file(b"same")).into());
    }
    let outcome = commit(&journal, LAPTOP, 1, operations, &[b"same"]).await;
    assert_eq!(outcome.verdicts.last(), Some(&accepted(MAX_OPERATIONS as u64)));
    let deletions = (1..=MAX_OPERATIONS as u64).rev();
    let deletions = deletions.map(|number| Step::Delete { node: node(number) }.into());
    let outcome = commit(&journal, LAPTOP, 2, deletions.collect(), &[]).await;
    assert_eq!(outcome.verdicts.last(), Some(&accepted(2 * MAX_OPERATIONS as u64)));
    assert_eq!(journal.head(FOLDER).await.unwrap().bytes, 0);
}

pub(crate) async fn a_commit_sent_again_gets_the_same_answer(arm: impl Arm) {
    let journal = furnished(&arm).await;
    let once = submitted(LAPTOP, 1, 0, vec![create(1, place(0, b"f"), file(b"1")).into()], &[b"1"]);
    let first = journal.commit(FOLDER, NOW, vec![once.clone()]).await.unwrap();
    commit(&journal, DESKTOP, 2, vec![edit(1, b"2").into()], &[b"2"]).await;
    let again = journal.commit(FOLDER, NOW, vec![once.clone(), once.clone()]).await.unwrap();
    assert_eq!(again, [first[0].clone(), first[0].clone()]);
    let mut other = once;
    other.commit.seen = Seq::new(1);
    let other = journal.commit(FOLDER, NOW, vec![other]).await.unwrap();
    assert_eq!(other[0].verdicts, [Verdict::Refused(Refusal::KeyReused)]);
    check(&journal, FOLDER).await;
}

pub(crate) async fn commits_through_several_handles_leave_no_gap(arm: impl Arm) {
    furnished(&arm).await;
    let mut tasks = Vec::new();
    for writer in 0..4_u64 {
        let journal = arm.open().await;
        tasks.push(tokio::spawn(async move {
            for number in 0..10 {
                let number = 100 * (writer + 1) + number;
                let name = number.to_string();
                let make = create(number, place(0, name.as_bytes()), file(b"x")).into();
                let device = DeviceId::from_bytes([writer as u8; 16]);
                let submitted = submitted(device, number, 0, vec![make], &[b"x"]);
                let outcomes = journal.commit(FOLDER, NOW, vec![submitted]).await.unwrap();
                assert!(matches!(outcomes[0].verdicts[0], Verdict::Accepted(_)));
            }
        }));
    }
    for task in tasks {
        task.await.unwrap();
    }
    let journal = arm.open().await;
    assert_eq!(journal.head(FOLDER).await.unwrap().cursor.seq, Seq::new(40));
    check(&journal, FOLDER).await;
}

pub(crate) async fn a_folder_grows_up_to_its_quota_and_all_heads_are_told_at_once(arm: impl Arm) {
    let journal = furnished(&arm).await;
    let [other, missing] = [9, 8].map(|id| FolderId::from_bytes([id; 16]));
    journal.create_folder(other, "other").await.unwrap();
    assert!(journal.set_quota(FOLDER, Some(3)).await.unwrap());
    assert!(!journal.set_quota(missing, Some(3)).await.unwrap());
    let make = |number: u64| {
        Operation::from(create(number, place(0, number.to_string().as_bytes()), file(b"12")))
    };
    let outcome = commit(&journal, LAPTOP, 1, vec![make(1), make(2)], &[b"12"]).await;
    assert_eq!(outcome.verdicts, [accepted(1), Verdict::Refused(Refusal::OverQuota)]);
    assert_eq!(journal.head(FOLDER).await.unwrap().quota, Some(3));
    assert!(journal.set_quota(FOLDER, None).await.unwrap());
    let outcome = commit(&journal, LAPTOP, 2, vec![make(2)], &[b"12"]).await;
    assert_eq!(outcome.verdicts, [accepted(2)]);
    let mut heads = journal.heads(vec![other, FOLDER, missing]).await.unwrap();
    heads.sort();
    assert_eq!(heads, [(FOLDER, Seq::new(2)), (other, Seq::ZERO)]);
    assert_eq!(journal.heads(Vec::new()).await.unwrap(), []);
}

pub(crate) async fn two_folders_know_nothing_of_each_other(arm: impl Arm) {
    let journal = furnished(&arm).await;
    let other = FolderId::from_bytes([9; 16]);
    journal.create_folder(other, "other").await.unwrap();
    commit(&journal, LAPTOP, 1, vec![create(1, place(0, b"f"), file(b"1")).into()], &[b"1"]).await;
    assert_eq!(journal.head(other).await.unwrap().cursor.seq, Seq::ZERO);
    let make = create(1, place(0, b"f"), file(b"1")).into();
    let outcomes =
        journal.commit(other, NOW, vec![submitted(LAPTOP, 2, 0, vec![make], &[])]).await.unwrap();
    assert_eq!(outcomes[0].verdicts, [Verdict::Refused(Refusal::MissingContent)]);
    let make = create(1, place(0, b"f"), Body::Directory).into();
    let outcomes =
        journal.commit(other, NOW, vec![submitted(LAPTOP, 3, 0, vec![make], &[])]).await.unwrap();
    assert_eq!(outcomes[0].verdicts, [accepted(1)]);
    check(&journal, FOLDER).await;
    check(&journal, other).await;
}
