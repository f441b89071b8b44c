//! The one ordered stream.

use onefold_adapters::journal::{Journal, SqlJournal};
use onefold_core::id::Seq;
use onefold_core::operation::{Entry, Verdict};
use onefold_core::protocol::{ClientMessage, Farewell, PROTOCOL, ServerMessage};

use crate::harness::{Bench, Stream, hello, make_files};

/// Hears the stream until it has so many entries; no outcome may be heard.
async fn entries(stream: &mut Stream, count: usize) -> Vec<Entry> {
    let mut heard = Vec::new();
    while heard.len() < count {
        match stream.next().await.unwrap() {
            ServerMessage::Entries { entries, .. } => heard.extend(entries),
            other => panic!("{other:?}"),
        }
    }
    heard
}

fn farewell(message: ServerMessage) -> Farewell {
    match message {
        ServerMessage::Farewell { reason, .. } => reason,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn an_unknown_protocol_version_gets_a_farewell() {
    let bench = Bench::start().await;
    let mut stream = bench.device("laptop").await.connect().await.unwrap();
    stream.say(hello(PROTOCOL + 1)).await;
    assert_eq!(farewell(stream.next().await.unwrap()), Farewell::UnknownProtocol);
    assert!(stream.next().await.unwrap_err().contains("closed"));
}

#[tokio::test]
async fn two_devices_hear_all_commits_in_one_order_and_outcomes_after_their_entries() {
    let bench = Bench::start().await;
    let mut laptop = bench.device("laptop").await.stream().await;
    let mut desktop = bench.device("desktop").await.stream().await;
    for round in 0..5 {
        let (a, b) = (format!("a{round}"), format!("b{round}"));
        let both = [(&*a, &b"one"[..]), (&*b, &b"two"[..])];
        laptop.say(ClientMessage::Commit(make_files(Seq::ZERO, &both[..1]))).await;
        desktop.say(ClientMessage::Commit(make_files(Seq::ZERO, &both[1..]))).await;
    }
    let mut journals = Vec::new();
    for stream in [&mut laptop, &mut desktop] {
        let (mut journal, mut outcomes) = (Vec::new(), 0);
        while journal.len() < 10 || outcomes < 5 {
            match stream.next().await.unwrap() {
                ServerMessage::Entries { entries, .. } => journal.extend(entries),
                ServerMessage::Outcome { verdicts, .. } => {
                    outcomes += 1;
                    let [Verdict::Accepted(seq)] = verdicts[..] else { panic!("{verdicts:?}") };
                    assert!(journal.iter().any(|entry| entry.seq == seq), "{seq} is not heard yet");
                }
                other => panic!("{other:?}"),
            }
        }
        let seqs: Vec<u64> = journal.iter().map(|entry| entry.seq.get()).collect();
        assert_eq!(seqs, (1..=10).collect::<Vec<_>>());
        journals.push(journal);
    }
    assert_eq!(journals[0], journals[1]);
}

#[tokio::test]
async fn small_contents_ride_along_to_the_other_device() {
    let bench = Bench::start().await;
    let mut laptop = bench.device("laptop").await.stream().await;
    let mut desktop = bench.device("desktop").await.stream().await;
    let commit = make_files(Seq::ZERO, &[("note", b"hello")]);
    laptop.say(ClientMessage::Commit(commit)).await;
    match desktop.next().await.unwrap() {
        ServerMessage::Entries { entries, contents } => {
            assert_eq!(entries.len(), 1);
            assert_eq!(&*contents[0], b"hello");
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_commit_sent_again_is_answered_again_and_happens_once() {
    let bench = Bench::start().await;
    let device = bench.device("laptop").await;
    let mut stream = device.stream().await;
    let commit = make_files(Seq::ZERO, &[("note", b"hello")]);
    stream.say(ClientMessage::Commit(commit.clone())).await;
    entries(&mut stream, 1).await;
    let first = stream.next().await.unwrap();
    stream.say(ClientMessage::Commit(commit)).await;
    assert_eq!(stream.next().await.unwrap(), first);
}

#[tokio::test]
async fn the_newer_stream_of_a_device_takes_the_place_of_the_older() {
    let bench = Bench::start().await;
    let device = bench.device("laptop").await;
    let mut older = device.stream().await;
    let mut newer = device.stream().await;
    assert_eq!(farewell(older.next().await.unwrap()), Farewell::Replaced);
    drop(older);
    newer.say(ClientMessage::Commit(make_files(Seq::ZERO, &[("note", b"hello")]))).await;
    entries(&mut newer, 1).await;
}

#[tokio::test]
async fn what_another_server_over_the_same_database_accepts_is_heard() {
    let bench = Bench::start().await;
    let mut here = bench.device("laptop").await.stream().await;
    let other = onefold_server::serve(crate::harness::config(bench.data.path())).await.unwrap();
    assert_eq!(other.server.trust, bench.running.server.trust);
    let mut elsewhere = bench.device("desktop").await;
    elsewhere.server.address = other.address.to_string();
    let mut there = elsewhere.stream().await;
    there.say(ClientMessage::Commit(make_files(Seq::ZERO, &[("note", b"hello")]))).await;
    entries(&mut there, 1).await;
    entries(&mut here, 1).await;
    other.stop().await;
}

#[tokio::test]
async fn a_revoked_device_hears_so_and_gets_nothing() {
    let bench = Bench::start().await;
    let laptop = bench.device("laptop").await;
    let journal = SqlJournal::sqlite(&bench.data.path().join("server.db")).await.unwrap();
    assert!(journal.revoke(laptop.joined.device).await.unwrap());
    let mut stream = laptop.connect().await.unwrap();
    stream.say(hello(PROTOCOL)).await;
    assert_eq!(farewell(stream.next().await.unwrap()), Farewell::Revoked);
    let error = laptop.transfer().devices().await.unwrap_err();
    assert!(error.contains("shut out"), "{error}");
}
