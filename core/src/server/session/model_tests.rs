//! Any interleaving of a journal that grows, lost and late words of it, commits, and answers in any
//! order: the device hears everything, in order, and nothing too early.

use std::collections::VecDeque;

use proptest::prelude::*;

use super::*;
use crate::hash::{ChainHash, ContentId};
use crate::operation::{Entry, Operation};
use crate::server::facts::Head;
use crate::time::WallTime;

#[derive(Clone, Copy, Debug)]
enum Action {
    /// Another device's entry is accepted, and the session is told or not.
    Append { told: bool },
    /// The session is told of a head that the journal may not have yet.
    Promise(u64),
    /// The device commits; its entry is accepted when the load is answered.
    Commit,
    /// One of the loads is read, or one that was read is answered. Any of them.
    Progress(usize),
    /// The digest is due.
    Tick,
    /// The device starts over with a snapshot, or goes on with it.
    Page,
}

fn any_action() -> impl Strategy<Value = Action> {
    prop_oneof![
        3 => any::<bool>().prop_map(|told| Action::Append { told }),
        1 => (0..4_u64).prop_map(Action::Promise),
        2 => Just(Action::Commit),
        8 => (0..6_usize).prop_map(Action::Progress),
        1 => Just(Action::Tick),
        1 => Just(Action::Page),
    ]
}

struct World {
    session: Session,
    now: Instant,
    /// The journal's length.
    journal: u64,
    /// Asked, and not read yet.
    asked: VecDeque<(LoadId, Load)>,
    /// Read from the journal, and not answered yet.
    read: Vec<(LoadId, Loaded)>,
    /// What the device has: its last entry, or the snapshot that it is in.
    device: Result<u64, Option<u64>>,
    commits: VecDeque<(CommitKey, Option<u64>)>,
    committed: u128,
    digests: usize,
}

fn cursor(seq: u64) -> Cursor {
    Cursor { seq: Seq::new(seq), hash: ChainHash::EMPTY }
}

impl World {
    fn new(journal: u64) -> Self {
        let now = Instant::from_ms(0);
        let session =
            Session::new(now, FolderId::from_bytes([1; 16]), DeviceId::from_bytes([2; 16]));
        let mut world = Self {
            session,
            now,
            journal,
            asked: VecDeque::new(),
            read: Vec::new(),
            device: Ok(1),
            commits: VecDeque::new(),
            committed: 0,
            digests: 0,
        };
        let lineage = Lineage::from_bytes([3; 16]);
        let known = Vec::from([lineage]);
        let hello =
            ClientMessage::Hello { protocol: PROTOCOL, cursor: cursor(1), known, next: lineage };
        world.event(SessionEvent::Received(hello));
        world.progress(0);
        world.progress(0);
        world
    }

    fn act(&mut self, action: Action) {
        match action {
            Action::Append { told } => {
                self.journal += 1;
                if told {
                    self.event(SessionEvent::HeadMoved(Seq::new(self.journal)));
                }
            }
            Action::Promise(ahead) => {
                self.event(SessionEvent::HeadMoved(Seq::new(self.journal + ahead)));
            }
            Action::Commit => {
                self.committed += 1;
                let key = CommitKey::from_bytes(self.committed.to_be_bytes());
                self.commits.push_back((key, None));
                let (operations, contents) = (Vec::new(), Vec::new());
                let commit = Commit { key, seen: Seq::ZERO, operations, contents };
                self.event(SessionEvent::Received(ClientMessage::Commit(commit)));
            }
            Action::Progress(which) => self.progress(which),
            Action::Tick => {
                if let Some((at, _)) = self.session.deadline() {
                    self.now = self.now.max(at);
                    self.event(SessionEvent::Ticked);
                }
            }
            Action::Page => self.page(),
        }
    }

    fn page(&mut self) {
        let page_asked = self.asked.iter().any(|(_, load)| matches!(load, Load::Page { .. }))
            || self.read.iter().any(|(_, loaded)| matches!(loaded, Loaded::Page(_)));
        if page_asked {
            return;
        }
        let after = match self.device {
            Err(Some(_)) => Some(NodeId::from_bytes([1; 16])),
            Ok(_) | Err(None) => None,
        };
        self.device = self.device.and(Err(None));
        self.event(SessionEvent::Received(ClientMessage::NextPage(after)));
    }

    /// Decisions are made in order; anything else is read and answered in any order.
    fn progress(&mut self, which: usize) {
        if which < self.read.len() {
            let (id, loaded) = self.read.remove(which);
            self.event(SessionEvent::Loaded(id, Ok(loaded)));
        } else if let Some((id, load)) = self.asked.pop_front() {
            let loaded = self.load(load);
            self.read.push((id, loaded));
        }
    }

    fn load(&mut self, load: Load) -> Loaded {
        match load {
            Load::Greet(_) => Loaded::Greeting(Some(Greeting {
                head: cursor(self.journal),
                at_seq: Some(ChainHash::EMPTY),
                live_nodes: 0,
                writable: true,
                acknowledged: Seq::ZERO,
                lineage: None,
            })),
            Load::Entries(EntriesQuery { after, limit, device, .. }) => {
                let upto = self.journal.min(after.get() + limit.min(3) as u64);
                let entry = |seq| Entry {
                    seq: Seq::new(seq),
                    device,
                    key: CommitKey::from_bytes([0; 16]),
                    time: WallTime(0),
                    operation: Operation { steps: Vec::new() },
                };
                let entries = (after.get() + 1..=upto).map(entry).collect();
                Loaded::Entries(LoadedEntries { entries, contents: Vec::new() })
            }
            Load::Page { after, .. } => Loaded::Page(LoadedPage {
                head: cursor(self.journal),
                rows: Vec::new(),
                last: after.is_some(),
            }),
            Load::Poll => {
                let head = Head { cursor: cursor(self.journal), ..Head::EMPTY };
                Loaded::Poll(Some(Poll { head, writable: true }))
            }
            Load::Decide(commit) => {
                self.journal += 1;
                let known = self.commits.iter_mut().find(|(key, _)| *key == commit.key);
                known.unwrap().1 = Some(self.journal);
                let (fingerprint, at) = (ContentId::of(b""), Seq::new(self.journal));
                Loaded::Outcome(StoredOutcome { fingerprint, at, verdicts: Vec::new() })
            }
        }
    }

    fn event(&mut self, event: SessionEvent) {
        for effect in self.session.handle(self.now, event) {
            match effect {
                SessionEffect::Load(id, load) => self.asked.push_back((id, load)),
                SessionEffect::Send(message) => self.hear(message),
                SessionEffect::Acknowledge(_) | SessionEffect::Close => {
                    panic!("the device did nothing wrong: {effect:?}")
                }
            }
        }
    }

    /// The device's side: everything in order, nothing too early.
    fn hear(&mut self, message: ServerMessage) {
        match message {
            ServerMessage::Welcome { .. } => {}
            ServerMessage::Entries { entries, .. } => {
                for entry in entries {
                    self.device = self.device.map(|last| last + 1);
                    assert_eq!(self.device, Ok(entry.seq.get()), "no gap, and none in a snapshot");
                }
            }
            ServerMessage::Outcome { key, .. } => {
                let (expected, at) = self.commits.pop_front().unwrap();
                assert_eq!(key, expected, "outcomes come in order");
                assert!(self.device >= Ok(at.unwrap()), "after all entries up to its head");
                assert!(self.device.is_ok(), "not in a snapshot");
            }
            ServerMessage::Digest { head, .. } => {
                self.digests += 1;
                assert_eq!(self.device, Ok(head.seq.get()), "at its head");
            }
            ServerMessage::Page { start, last, .. } => {
                let first = self.device.unwrap_err();
                assert!(first.is_none_or(|first| first == start.seq.get()), "one start");
                self.device = if last { Ok(start.seq.get()) } else { Err(Some(start.seq.get())) };
            }
            ServerMessage::Farewell { .. } => panic!("{message:?}"),
        }
    }

    /// The journal rests, and every load is answered.
    fn settle(&mut self) {
        for _ in 0..1_000 {
            if self.asked.is_empty() && self.read.is_empty() {
                if self.device.is_ok() {
                    return;
                }
                self.page();
            }
            self.progress(0);
        }
        panic!("it never comes to rest");
    }
}

proptest! {
    #[test]
    fn a_device_hears_everything_in_order_and_nothing_too_early(
        length in 1..5_u64,
        actions in proptest::collection::vec(any_action(), 0..60),
    ) {
        let mut world = World::new(length);
        for action in actions {
            world.act(action);
        }
        world.settle();
        world.act(Action::Tick);
        world.settle();
        prop_assert_eq!(world.device, Ok(world.journal), "the digest finds what no word came of");
        prop_assert!(world.commits.is_empty(), "every commit has its outcome");
        let before = world.digests;
        world.act(Action::Tick);
        world.settle();
        prop_assert_eq!(world.digests, before + 1, "and at rest a digest comes each time");
    }

    #[test]
    fn a_journal_of_which_every_word_comes_needs_no_digest(
        actions in proptest::collection::vec(any_action(), 0..60),
    ) {
        let mut world = World::new(1);
        for action in actions {
            let action = match action {
                Action::Append { .. } => Action::Append { told: true },
                Action::Tick | Action::Promise(_) => Action::Progress(0),
                Action::Commit | Action::Progress(_) | Action::Page => action,
            };
            world.act(action);
        }
        world.settle();
        prop_assert_eq!(world.device, Ok(world.journal));
        prop_assert!(world.commits.is_empty());
    }
}
