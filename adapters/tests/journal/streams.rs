//! What a connected device is told.

use onefold_adapters::journal::{Journal, answer};
use onefold_core::blob::Blob;
use onefold_core::hash::ChainHash;
use onefold_core::id::{Lineage, Seq};
use onefold_core::node::Body;
use onefold_core::operation::{Cursor, Operation, Step};
use onefold_core::protocol::{ClientMessage, PROTOCOL, ServerMessage};
use onefold_core::server::session::{
    EntriesQuery, Greet, MAX_ENTRIES_BYTES, Session, SessionEffect, SessionEvent,
};
use onefold_core::time::{Instant, WallTime};

use crate::bench::*;

fn query(after: u64, limit: usize) -> EntriesQuery {
    EntriesQuery { after: Seq::new(after), limit, device: DESKTOP, inline_bytes: 1_000 }
}

pub(crate) async fn entries_come_in_order_and_no_more_than_asked_for(arm: impl Arm) {
    let journal = furnished(&arm).await;
    for number in 1..=150 {
        let name = number.to_string();
        let make = create(number, place(0, name.as_bytes()), Body::Directory).into();
        commit(&journal, LAPTOP, number, vec![make], &[]).await;
    }
    let seqs = async |query| {
        let loaded = journal.entries(FOLDER, query).await.unwrap();
        loaded.entries.iter().map(|entry| entry.seq.get()).collect::<Vec<_>>()
    };
    assert_eq!(seqs(query(0, 2)).await, [1, 2]);
    assert_eq!(seqs(query(1, 1_000)).await, (2..=150).collect::<Vec<_>>());
    assert!(seqs(query(150, 10)).await.is_empty());
    assert!(seqs(query(151, 10)).await.is_empty());
}

pub(crate) async fn small_contents_come_along_while_they_are_current_and_within_the_credit(
    arm: impl Arm,
) {
    let journal = furnished(&arm).await;
    let make = |number: u64, bytes: &[u8]| {
        Operation::from(create(number, place(0, number.to_string().as_bytes()), file(bytes)))
    };
    let operations = vec![make(1, b"old"), make(2, b"kept"), make(3, b"kept"), make(4, b"gone")];
    commit(&journal, LAPTOP, 1, operations, &[b"old", b"kept", b"gone"]).await;
    let later = vec![edit(1, b"new").into(), Step::Delete { node: node(4) }.into()];
    commit(&journal, LAPTOP, 2, later, &[b"new"]).await;
    commit(&journal, DESKTOP, 3, vec![make(5, b"its own")], &[b"its own"]).await;
    let contents = async |inline_bytes| {
        let query = EntriesQuery { inline_bytes, ..query(0, 10) };
        let mut contents = journal.entries(FOLDER, query).await.unwrap().contents;
        contents.sort();
        contents
    };
    let [kept, new] = [b"kept".as_slice(), b"new"].map(Blob::from);
    assert_eq!(contents(100).await, [kept.clone(), new]);
    assert_eq!(contents(6).await, [kept]);
    assert_eq!(contents(0).await, []);
}

pub(crate) async fn large_entries_come_a_few_at_a_time(arm: impl Arm) {
    let journal = furnished(&arm).await;
    let target = Blob::from(vec![b'x'; 4_000]).try_into();
    let body: Body = Body::Symlink(target.unwrap());
    for number in 0..3 {
        let steps = (0..500).map(|index| {
            let number = 1_000 * (number + 1) + index;
            create(number, place(0, number.to_string().as_bytes()), body.clone())
        });
        let operation = Operation { steps: steps.collect() };
        commit(&journal, LAPTOP, number, vec![operation], &[]).await;
    }
    const { assert!(3 * 500 * 4_000 > MAX_ENTRIES_BYTES) };
    let first = journal.entries(FOLDER, query(0, 10)).await.unwrap().entries;
    assert_eq!(first.len(), 2);
    assert_eq!(journal.entries(FOLDER, query(2, 10)).await.unwrap().entries.len(), 1);
}

pub(crate) async fn pages_give_every_live_node_once_by_id(arm: impl Arm) {
    let journal = furnished(&arm).await;
    let operations = (1..=10)
        .map(|number: u64| {
            create(number, place(0, number.to_string().as_bytes()), Body::Directory).into()
        })
        .chain([Step::Delete { node: node(4) }.into()]);
    commit(&journal, LAPTOP, 1, operations.collect(), &[]).await;
    let (mut after, mut seen) = (None, Vec::new());
    loop {
        let page = journal.page(FOLDER, after, 3).await.unwrap();
        assert_eq!(page.head.seq, Seq::new(11));
        seen.extend(page.rows.iter().map(|row| row.node));
        assert_eq!(page.rows[0].place_by, key(1));
        if page.last {
            break;
        }
        after = seen.last().copied();
    }
    assert_eq!(seen, [1, 2, 3, 5, 6, 7, 8, 9, 10].map(node));
    assert!(journal.page(FOLDER, Some(node(10)), 3).await.unwrap().last);
}

pub(crate) async fn a_greeting_tells_how_the_device_stood_and_notes_its_lineage(arm: impl Arm) {
    let journal = furnished(&arm).await;
    commit(&journal, LAPTOP, 1, vec![create(1, place(0, b"f"), Body::Directory).into()], &[]).await;
    let [first, second] = [[1; 16], [2; 16]].map(Lineage::from_bytes);
    let greet = async |seq, next| {
        let greet = Greet { seq: Seq::new(seq), next };
        journal.greet(LAPTOP, NOW, greet).await.unwrap().unwrap()
    };
    let head = journal.head(FOLDER).await.unwrap().cursor;
    let greeting = greet(0, first).await;
    assert_eq!((greeting.head, greeting.at_seq), (head, Some(ChainHash::EMPTY)));
    assert_eq!((greeting.lineage, greeting.acknowledged), (None, Seq::ZERO));
    assert!(greeting.writable);
    let greeting = greet(1, second).await;
    assert_eq!((greeting.lineage, greeting.at_seq), (Some(first), Some(head.hash)));
    let greeting = greet(2, second).await;
    assert_eq!((greeting.lineage, greeting.at_seq), (Some(second), None));
}

pub(crate) async fn a_revoked_device_is_neither_greeted_nor_polled(arm: impl Arm) {
    let journal = furnished(&arm).await;
    assert!(journal.poll(LAPTOP, NOW).await.unwrap().unwrap().writable);
    journal.revoke(LAPTOP).await.unwrap();
    let greet = Greet { seq: Seq::ZERO, next: Lineage::from_bytes([1; 16]) };
    assert_eq!(journal.greet(LAPTOP, NOW, greet).await.unwrap(), None);
    assert_eq!(journal.poll(LAPTOP, NOW).await.unwrap(), None);
    assert!(journal.poll(DESKTOP, NOW).await.unwrap().is_some());
}

pub(crate) async fn an_acknowledgement_never_goes_back_and_forgets_what_it_passed(arm: impl Arm) {
    let journal = furnished(&arm).await;
    let once = |number: u64| {
        let make = create(number, place(0, number.to_string().as_bytes()), Body::Directory);
        submitted(LAPTOP, number, 0, vec![make.into()], &[])
    };
    for number in 1..=2 {
        journal.commit(FOLDER, NOW, vec![once(number)]).await.unwrap();
    }
    journal.acknowledge(LAPTOP, Seq::new(2)).await.unwrap();
    journal.acknowledge(LAPTOP, Seq::new(1)).await.unwrap();
    assert_eq!(journal.devices().await.unwrap()[0].acknowledged, Seq::new(2));
    commit(&journal, LAPTOP, 9, vec![create(3, place(0, b"x"), Body::Directory).into()], &[]).await;
    let kept = journal.commit(FOLDER, NOW, vec![once(2)]).await.unwrap();
    assert_eq!(kept[0].verdicts, [accepted(2)]);
    let forgotten = journal.commit(FOLDER, NOW, vec![once(1)]).await.unwrap();
    assert_ne!(forgotten[0].verdicts, [accepted(1)], "it is decided anew: agreed");
}

pub(crate) async fn a_session_is_served_by_the_journal(arm: impl Arm) {
    let journal = furnished(&arm).await;
    let mut session = Session::new(Instant::from_ms(0), FOLDER, LAPTOP);
    let now = Instant::from_ms(1);
    let mut sent = Vec::new();
    let hello = ClientMessage::Hello {
        protocol: PROTOCOL,
        cursor: Cursor::START,
        known: vec![],
        next: Lineage::from_bytes([1; 16]),
    };
    let make = vec![create(1, place(0, b"f"), file(b"1")).into()];
    let messages = [
        hello,
        ClientMessage::NextPage(None),
        ClientMessage::Commit(submitted(LAPTOP, 1, 0, make, &[b"1"]).commit),
        ClientMessage::Acknowledge(Seq::new(1)),
    ];
    let events = messages.map(SessionEvent::Received).into_iter().chain([SessionEvent::Ticked]);
    for event in events {
        let mut effects = session.handle(now, event);
        while !effects.is_empty() {
            match effects.remove(0) {
                SessionEffect::Load(id, load) => {
                    let writable = session.writable();
                    let time = WallTime(5);
                    let loaded = answer(&journal, FOLDER, LAPTOP, time, load, writable).await;
                    let loaded = loaded.map_err(|error| error.to_string());
                    effects.extend(session.handle(now, SessionEvent::Loaded(id, loaded)));
                }
                SessionEffect::Send(message) => sent.push(message),
                SessionEffect::Acknowledge(seq) => {
                    journal.acknowledge(LAPTOP, seq).await.unwrap();
                }
                SessionEffect::Close => panic!("{sent:?}"),
            }
        }
    }
    let head = journal.head(FOLDER).await.unwrap();
    assert!(matches!(sent[0], ServerMessage::Welcome { writable: true, .. }));
    assert!(matches!(sent[1], ServerMessage::Page { last: true, .. }));
    assert!(matches!(&sent[2], ServerMessage::Entries { entries, .. } if entries.len() == 1));
    assert!(
        matches!(&sent[3], ServerMessage::Outcome { verdicts, .. } if *verdicts == [accepted(1)])
    );
    assert_eq!(sent[4], ServerMessage::Digest { head: head.cursor, sum: head.sum });
    assert_eq!(sent.len(), 5);
}
