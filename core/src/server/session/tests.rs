//! Scenarios of one session: what comes in, and in what order things go out.

use super::*;
use crate::blob::Blob;
use crate::hash::{ChainHash, ContentId};
use crate::operation::{Entry, Operation, Step, Verdict};
use crate::protocol::MergeReason;
use crate::server::facts::Head;
use crate::time::WallTime;

const FOLDER: FolderId = FolderId::from_bytes([1; 16]);
const DEVICE: DeviceId = DeviceId::from_bytes([2; 16]);
const LINEAGE: Lineage = Lineage::from_bytes([3; 16]);

fn cursor(seq: u64) -> Cursor {
    Cursor { seq: Seq::new(seq), hash: ChainHash::from_bytes([seq as u8; 32]) }
}

fn entry(seq: u64) -> Entry {
    Entry {
        seq: Seq::new(seq),
        device: DEVICE,
        key: CommitKey::from_bytes([0; 16]),
        time: WallTime(0),
        operation: Operation::from(Step::Delete { node: NodeId::from_bytes([9; 16]) }),
    }
}

fn commit(key: u8) -> Commit {
    let key = CommitKey::from_bytes([key; 16]);
    Commit { key, seen: Seq::ZERO, operations: Vec::new(), contents: Vec::new() }
}

fn outcome(at: u64) -> Loaded {
    let fingerprint = ContentId::of(b"");
    let verdicts = vec![Verdict::Agreed];
    Loaded::Outcome(StoredOutcome { fingerprint, at: Seq::new(at), verdicts })
}

fn poll(seq: u64) -> Loaded {
    let head = Head { cursor: cursor(seq), ..Head::EMPTY };
    Loaded::Poll(Some(Poll { head, writable: true }))
}

/// A session, what it waits for, and what it sent, in words.
struct Bench {
    session: Session,
    now: Instant,
    loads: VecDeque<(LoadId, Load)>,
    sent: Vec<String>,
}

impl Bench {
    fn new() -> Self {
        let now = Instant::from_ms(1_000);
        let session = Session::new(now, FOLDER, DEVICE);
        Self { session, now, loads: VecDeque::new(), sent: Vec::new() }
    }

    /// Connected with this cursor to a journal with this head; the first digest is on its way.
    fn welcomed(at: u64, head: u64) -> Self {
        let mut bench = Self::new();
        bench.hello(at);
        bench.answer(Loaded::Greeting(Some(Greeting {
            head: cursor(head),
            at_seq: Some(cursor(at).hash),
            live_nodes: 5,
            writable: true,
            acknowledged: Seq::ZERO,
            lineage: None,
        })));
        bench
    }

    fn hello(&mut self, at: u64) {
        let at = if at == 0 { Cursor::START } else { cursor(at) };
        self.say(ClientMessage::Hello {
            protocol: PROTOCOL,
            cursor: at,
            known: vec![LINEAGE],
            next: LINEAGE,
        });
    }

    fn say(&mut self, message: ClientMessage) {
        self.event(SessionEvent::Received(message));
    }

    fn head(&mut self, seq: u64) {
        self.event(SessionEvent::HeadMoved(Seq::new(seq)));
    }

    fn tick(&mut self) {
        let (at, _) = self.session.deadline().unwrap();
        self.now = self.now.max(at);
        self.event(SessionEvent::Ticked);
    }

    /// Answers the oldest load.
    fn answer(&mut self, answer: Loaded) {
        let (id, _) = self.loads.pop_front().unwrap();
        self.event(SessionEvent::Loaded(id, Ok(answer)));
    }

    fn entries(&mut self, seqs: impl IntoIterator<Item = u64>) {
        let entries = seqs.into_iter().map(entry).collect();
        self.answer(Loaded::Entries(LoadedEntries { entries, contents: Vec::new() }));
    }

    fn page(&mut self, head: u64, last: bool) {
        self.answer(Loaded::Page(LoadedPage { head: cursor(head), rows: Vec::new(), last }));
    }

    fn event(&mut self, event: SessionEvent) {
        for effect in self.session.handle(self.now, event) {
            match effect {
                SessionEffect::Load(id, load) => self.loads.push_back((id, load)),
                SessionEffect::Send(message) => self.sent.push(words(&message)),
                SessionEffect::Acknowledge(seq) => self.sent.push(format!("(acknowledge {seq})")),
                SessionEffect::Close => self.sent.push("(close)".into()),
            }
        }
    }

    #[track_caller]
    fn check(&mut self, expected: &[&str]) {
        assert_eq!(core::mem::take(&mut self.sent), expected);
    }

    /// What is being loaded, in words.
    #[track_caller]
    fn check_loads(&self, expected: &[&str]) {
        let loads: Vec<_> = self.loads.iter().map(|(_, load)| question(load)).collect();
        assert_eq!(loads, expected);
    }
}

fn words(message: &ServerMessage) -> String {
    match message {
        ServerMessage::Farewell { reason, .. } => format!("farewell {reason:?}"),
        ServerMessage::Welcome { resume, head, .. } => format!("welcome {resume:?} head {head}"),
        ServerMessage::Entries { entries, .. } => {
            let seqs: Vec<_> = entries.iter().map(|entry| entry.seq.get()).collect();
            format!("entries {seqs:?}")
        }
        ServerMessage::Outcome { key, .. } => format!("outcome {}", key.as_bytes()[0]),
        ServerMessage::Digest { head, .. } => format!("digest {}", head.seq),
        ServerMessage::Page { start, last, .. } => format!("page from {} last {last}", start.seq),
    }
}

fn question(load: &Load) -> String {
    match load {
        Load::Greet(greet) => format!("greet {}", greet.seq),
        Load::Entries(query) => format!("entries after {}, {}", query.after, query.limit),
        Load::Page { after, .. } => format!("page after {after:?}"),
        Load::Poll => "poll".into(),
        Load::Decide(commit) => format!("decide {}", commit.key.as_bytes()[0]),
    }
}

#[test]
fn a_device_that_is_behind_gets_the_entries_in_order_and_then_the_digest() {
    let mut bench = Bench::welcomed(2, 5);
    bench.check(&["welcome Entries head 5"]);
    bench.tick();
    bench.check_loads(&["entries after 2, 3", "poll"]);
    bench.entries(3..=4);
    bench.check(&["entries [3, 4]"]);
    bench.answer(poll(5));
    bench.check_loads(&["entries after 4, 1"]);
    bench.entries([5]);
    bench.check(&["entries [5]", "digest 5"]);
    bench.check_loads(&[]);
}

#[test]
fn a_digest_waits_for_the_entries_up_to_its_head_and_none_past_it_are_sent_before() {
    let mut bench = Bench::welcomed(2, 2);
    bench.tick();
    bench.answer(poll(4));
    bench.check_loads(&["entries after 2, 2"]);
    bench.head(9);
    bench.entries([3]);
    bench.check_loads(&["entries after 3, 1"]);
    bench.entries([4]);
    bench.check(&["welcome Entries head 2", "entries [3]", "entries [4]", "digest 4"]);
    bench.check_loads(&["entries after 4, 5"]);
}

#[test]
fn a_digest_that_was_passed_is_dropped() {
    let mut bench = Bench::welcomed(2, 2);
    bench.tick();
    bench.head(3);
    let poll_load = bench.loads.pop_front().unwrap();
    bench.entries([3]);
    bench.loads.push_front(poll_load);
    bench.answer(poll(2));
    bench.check(&["welcome Entries head 2", "entries [3]"]);
}

#[test]
fn an_outcome_comes_after_all_entries_up_to_the_head_it_was_decided_at() {
    let mut bench = Bench::welcomed(2, 2);
    bench.say(ClientMessage::Commit(commit(1)));
    bench.say(ClientMessage::Commit(commit(2)));
    bench.check_loads(&["decide 1", "decide 2"]);
    bench.answer(outcome(4));
    bench.answer(outcome(4));
    bench.check_loads(&["entries after 2, 2"]);
    bench.check(&["welcome Entries head 2"]);
    bench.entries([3]);
    bench.check(&["entries [3]"]);
    bench.entries([4]);
    bench.check(&["entries [4]", "outcome 1", "outcome 2"]);
}

#[test]
fn outcomes_go_out_in_the_order_of_the_commits() {
    let mut bench = Bench::welcomed(2, 2);
    bench.say(ClientMessage::Commit(commit(1)));
    bench.say(ClientMessage::Commit(commit(2)));
    let first = bench.loads.pop_front().unwrap();
    bench.answer(outcome(2));
    bench.check(&["welcome Entries head 2"]);
    bench.loads.push_back(first);
    bench.answer(outcome(2));
    bench.check(&["outcome 1", "outcome 2"]);
}

#[test]
fn a_head_that_moves_while_entries_are_loaded_is_not_forgotten() {
    let mut bench = Bench::welcomed(2, 2);
    bench.head(3);
    bench.head(4);
    bench.entries([3]);
    bench.check_loads(&["entries after 3, 1"]);
    bench.head(5);
    bench.entries([]);
    bench.check_loads(&["entries after 3, 2"]);
}

#[test]
fn word_of_a_head_that_came_too_early_does_not_make_it_load_for_ever() {
    let mut bench = Bench::welcomed(2, 2);
    bench.head(3);
    bench.entries([]);
    bench.check_loads(&[]);
    bench.head(2);
    bench.check_loads(&[]);
    bench.head(3);
    bench.check_loads(&["entries after 2, 1"]);
}

#[test]
fn entries_that_the_notice_was_lost_of_come_with_the_next_digest() {
    let mut bench = Bench::welcomed(2, 2);
    bench.tick();
    bench.answer(poll(3));
    bench.entries([3]);
    bench.check(&["welcome Entries head 2", "entries [3]", "digest 3"]);
}

#[test]
fn a_digest_comes_every_five_seconds() {
    let mut bench = Bench::welcomed(2, 2);
    bench.tick();
    bench.answer(poll(2));
    let (at, reason) = bench.session.deadline().unwrap();
    assert_eq!(at.ms_since(bench.now), DIGEST_EVERY_MS);
    assert_eq!(reason, SessionReason::Digest);
    bench.tick();
    bench.answer(poll(2));
    bench.check(&["welcome Entries head 2", "digest 2", "digest 2"]);
}

#[test]
fn a_joining_device_asks_for_pages_and_then_gets_the_entries_since_the_first() {
    let mut bench = Bench::welcomed(0, 7);
    bench.check(&[&format!("welcome {:?} head 7", Resume::Merge(MergeReason::FirstJoin))]);
    bench.say(ClientMessage::NextPage(None));
    bench.page(7, false);
    bench.head(8);
    bench.say(ClientMessage::NextPage(Some(NodeId::from_bytes([5; 16]))));
    bench.page(8, true);
    bench.check(&["page from 7 last false", "page from 7 last true"]);
    bench.check_loads(&["entries after 7, 1"]);
    bench.entries([8]);
    bench.check(&["entries [8]"]);
}

#[test]
fn an_outcome_waits_for_the_end_of_a_snapshot() {
    let mut bench = Bench::welcomed(0, 7);
    bench.say(ClientMessage::NextPage(None));
    bench.page(7, false);
    bench.say(ClientMessage::Commit(commit(1)));
    bench.answer(outcome(3));
    bench.sent.clear();
    bench.say(ClientMessage::NextPage(Some(NodeId::from_bytes([5; 16]))));
    bench.page(7, true);
    bench.check(&["page from 7 last true", "outcome 1"]);
}

#[test]
fn a_device_may_ask_for_a_snapshot_in_the_middle_of_the_stream() {
    let mut bench = Bench::welcomed(2, 2);
    bench.head(3);
    bench.say(ClientMessage::NextPage(None));
    bench.entries([3]);
    bench.check(&["welcome Entries head 2"]);
    bench.page(3, true);
    bench.check(&["page from 3 last true"]);
    bench.check_loads(&[]);
    bench.say(ClientMessage::Acknowledge(Seq::new(3)));
    bench.check(&["(acknowledge 3)"]);
}

#[test]
fn pages_out_of_turn_end_the_connection() {
    let after = Some(NodeId::from_bytes([5; 16]));
    let mut bench = Bench::welcomed(2, 2);
    bench.say(ClientMessage::NextPage(after));
    assert!(bench.sent[1].starts_with("farewell Malformed"));
    let mut bench = Bench::welcomed(0, 2);
    bench.say(ClientMessage::NextPage(after));
    assert!(bench.sent[1].starts_with("farewell Malformed"));
}

#[test]
fn a_device_acknowledges_what_it_was_sent_and_nothing_else() {
    let mut bench = Bench::welcomed(2, 3);
    bench.entries([3]);
    bench.say(ClientMessage::Acknowledge(Seq::new(3)));
    bench.check(&["welcome Entries head 3", "entries [3]", "(acknowledge 3)"]);
    bench.say(ClientMessage::Acknowledge(Seq::new(4)));
    assert!(bench.sent[0].starts_with("farewell Malformed"));
}

#[test]
fn inline_contents_stop_when_the_credit_is_used_up_until_the_device_acknowledges() {
    let mut bench = Bench::welcomed(2, 2);
    let credit = |bench: &Bench| match bench.loads.back() {
        Some((_, Load::Entries(query))) => query.inline_bytes,
        other => panic!("{other:?}"),
    };
    bench.head(3);
    assert_eq!(credit(&bench), INLINE_CREDIT_BYTES);
    let contents = vec![Blob::from(vec![0; INLINE_CREDIT_BYTES - 10])];
    bench.answer(Loaded::Entries(LoadedEntries { entries: vec![entry(3)], contents }));
    bench.head(4);
    assert_eq!(credit(&bench), 10);
    bench.entries([4]);
    bench.say(ClientMessage::Acknowledge(Seq::new(3)));
    bench.head(5);
    assert_eq!(credit(&bench), INLINE_CREDIT_BYTES);
}

#[test]
fn too_many_unanswered_commits_make_the_driver_wait() {
    let mut bench = Bench::welcomed(2, 2);
    for key in 0..MAX_UNANSWERED_COMMITS {
        assert!(bench.session.may_read());
        bench.say(ClientMessage::Commit(commit(key as u8)));
    }
    assert!(!bench.session.may_read());
    bench.answer(outcome(2));
    assert!(bench.session.may_read());
}

#[test]
fn the_server_ends_a_connection_with_a_reason_and_then_nothing_more() {
    let ends = [
        (SessionEvent::Replaced, "farewell Replaced"),
        (SessionEvent::Revoked, "farewell Revoked"),
        (SessionEvent::Stopping, "farewell Stopping"),
        (SessionEvent::OtherProtocol, "farewell UnknownProtocol"),
        (SessionEvent::Unreadable("what".into()), "farewell Malformed(\"what\")"),
    ];
    for (event, farewell) in ends {
        let mut bench = Bench::welcomed(2, 3);
        bench.sent.clear();
        bench.event(event);
        bench.check(&[farewell, "(close)"]);
        bench.entries([3]);
        bench.event(SessionEvent::Stopping);
        bench.check(&[]);
        assert_eq!(bench.session.deadline(), None);
    }
}

#[test]
fn a_device_that_was_revoked_elsewhere_is_shut_out_at_the_next_look() {
    let mut bench = Bench::welcomed(2, 2);
    bench.tick();
    bench.answer(Loaded::Poll(None));
    bench.check(&["welcome Entries head 2", "farewell Revoked", "(close)"]);
}

#[test]
fn a_journal_that_fails_or_has_a_gap_ends_the_connection() {
    let mut bench = Bench::welcomed(2, 5);
    bench.entries([4]);
    assert!(bench.sent[1].starts_with("farewell Failed"), "{:?}", bench.sent);
    let mut bench = Bench::welcomed(2, 5);
    let (id, _) = bench.loads.pop_front().unwrap();
    bench.event(SessionEvent::Loaded(id, Err("no disk".into())));
    bench.check(&["welcome Entries head 5", "farewell Failed(\"no disk\")", "(close)"]);
}

#[test]
fn who_does_not_begin_with_hello_is_not_served() {
    let mut bench = Bench::new();
    bench.say(ClientMessage::Commit(commit(1)));
    assert!(bench.sent[0].starts_with("farewell Malformed"));
    let mut bench = Bench::new();
    bench.tick();
    assert!(bench.sent[0].starts_with("farewell Malformed"));
    let mut bench = Bench::welcomed(2, 2);
    bench.hello(2);
    assert!(bench.sent[1].starts_with("farewell Malformed"));
}

#[test]
fn every_version_of_hello_is_understood_well_enough() {
    let hello = |protocol| ClientMessage::Hello {
        protocol,
        cursor: Cursor::START,
        known: vec![],
        next: LINEAGE,
    };
    let encoded = |message: &ClientMessage| postcard::to_allocvec(message).unwrap();
    let ours = hello(PROTOCOL);
    assert_eq!(read_message(&encoded(&ours)), SessionEvent::Received(ours));
    assert_eq!(read_message(&encoded(&hello(9))), SessionEvent::OtherProtocol);
    assert_eq!(read_message(&[0, 9, 1, 2, 3]), SessionEvent::OtherProtocol);
    assert!(matches!(read_message(&[200, 1]), SessionEvent::Unreadable(_)));
    assert!(matches!(read_message(&[]), SessionEvent::Unreadable(_)));
    let mut long = encoded(&ClientMessage::Acknowledge(Seq::new(3)));
    long.push(0);
    assert!(matches!(read_message(&long), SessionEvent::Unreadable(_)));
}
