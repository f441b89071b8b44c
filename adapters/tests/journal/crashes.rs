//! Crashes at any point: a write happened whole or not at all, and what was answered is there.

use onefold_adapters::journal::Journal;
use onefold_core::id::{Lineage, Seq};
use onefold_core::node::Body;
use onefold_core::operation::Step;
use onefold_core::server::decide::Submitted;
use onefold_core::server::session::Greet;

use crate::bench::*;

/// Makes a directory and a file in it, and moves the file made before, if there is one.
fn round(n: u64) -> Submitted {
    let (directory, name) = (10 * n + 1, n.to_string());
    let mut operations = vec![
        create(directory, place(0, name.as_bytes()), Body::Directory).into(),
        create(directory + 1, place(directory, b"f"), file(name.as_bytes())).into(),
    ];
    if n > 0 {
        let moved = Step::Move { node: node(directory - 9), place: place(directory, b"moved") };
        operations.push(moved.into());
    }
    submitted(LAPTOP, n + 1, u64::MAX, operations, &[name.as_bytes()])
}

pub(crate) async fn a_commit_cut_short_happened_whole_or_not_at_all(arm: impl Arm) {
    furnished(&arm).await;
    let mut entries = 0;
    for n in 0.. {
        let mut submitted = round(n as u64);
        submitted.commit.seen = Seq::new(entries);
        let cut = arm.crash_in_commit(n, submitted.clone()).await;
        let journal = arm.open().await;
        check(&journal, FOLDER).await;
        let steps = submitted.commit.operations.len() as u64;
        let head = journal.head(FOLDER).await.unwrap().cursor.seq.get();
        assert!(head == entries || head == entries + steps, "all or nothing");
        let outcomes = journal.commit(FOLDER, NOW, vec![submitted]).await.unwrap();
        let expected: Vec<_> = (1..=steps).map(|step| accepted(entries + step)).collect();
        assert_eq!(outcomes[0].verdicts, expected);
        entries += steps;
        assert_eq!(journal.head(FOLDER).await.unwrap().cursor.seq.get(), entries);
        check(&journal, FOLDER).await;
        if !cut {
            break;
        }
    }
}

pub(crate) async fn an_answer_that_was_lost_is_given_again(arm: impl Arm) {
    let journal = furnished(&arm).await;
    let mut submitted = round(0);
    submitted.commit.seen = Seq::ZERO;
    let lost = journal.commit(FOLDER, NOW, vec![submitted.clone()]).await.unwrap();
    drop(journal);
    let journal = arm.open().await;
    assert_eq!(journal.commit(FOLDER, NOW, vec![submitted]).await.unwrap(), lost);
}

pub(crate) async fn everything_is_there_after_opening_again(arm: impl Arm) {
    let journal = furnished(&arm).await;
    let make = create(1, place(0, b"f"), file(b"1")).into();
    commit(&journal, LAPTOP, 1, vec![make], &[b"1"]).await;
    let head = journal.head(FOLDER).await.unwrap();
    let lineage = Lineage::from_bytes([4; 16]);
    let greet = Greet { seq: Seq::ZERO, next: lineage };
    journal.greet(LAPTOP, NOW, greet).await.unwrap();
    drop(journal);
    let journal = arm.open().await;
    assert_eq!(journal.head(FOLDER).await.unwrap(), head);
    let greeting = journal.greet(LAPTOP, NOW, greet).await.unwrap().unwrap();
    assert_eq!(greeting.lineage, Some(lineage));
    check(&journal, FOLDER).await;
}
