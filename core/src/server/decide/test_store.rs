//! A folder in memory, for the tests: loads facts, takes writes, and checks that all still holds.

use std::collections::{BTreeMap, BTreeSet};

use crate::blob::Blob;
use crate::hash::ContentId;
use crate::id::{CommitKey, DeviceId, NodeId, Seq};
use crate::name::Name;
use crate::node::{Body, Content, Place, Target};
use crate::operation::{Commit, Cursor, Entry, Operation, Refusal, Step, Verdict};
use crate::protocol::TreeSum;
use crate::server::decide::{Acceptance, Progress, Submitted};
use crate::server::facts::{Fact, FactKey, Head, NodeRow, StoredOutcome};
use crate::time::{FileTime, WallTime};

pub(super) const LAPTOP: DeviceId = DeviceId::from_bytes([1; 16]);
pub(super) const DESKTOP: DeviceId = DeviceId::from_bytes([2; 16]);

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Store {
    pub(super) head: Head,
    pub(super) nodes: BTreeMap<NodeId, NodeRow>,
    pub(super) entries: Vec<(Entry, Cursor)>,
    pub(super) contents: BTreeMap<ContentId, u64>,
    pub(super) outcomes: BTreeMap<(DeviceId, CommitKey), StoredOutcome>,
    /// How often facts were loaded, and how many, in all.
    pub(super) rounds: usize,
    pub(super) facts: usize,
    next_key: u8,
}

impl Store {
    pub(super) fn new() -> Self {
        Self {
            head: Head::EMPTY,
            nodes: BTreeMap::new(),
            entries: Vec::new(),
            contents: (0..8).map(|byte| (content(byte).id, content(byte).size)).collect(),
            outcomes: BTreeMap::new(),
            rounds: 0,
            facts: 0,
            next_key: 0,
        }
    }

    /// Has a batch decided, writes the outcome, and checks the whole folder.
    pub(super) fn decide(&mut self, submitted: Vec<Submitted>) -> Vec<StoredOutcome> {
        let mut acceptance = Acceptance::new(self.head, WallTime(7), submitted);
        let mut asked = BTreeSet::new();
        let (writes, outcomes) = loop {
            match acceptance.step() {
                Progress::Done(writes, outcomes) => break (writes, outcomes),
                Progress::Need(keys) => {
                    self.rounds += 1;
                    self.facts += keys.len();
                    for key in &keys {
                        assert!(asked.insert(key.clone()), "{key:?} is asked for once only");
                    }
                    acceptance.loaded(keys.into_iter().map(|key| self.fact(key)).collect());
                }
            }
        };
        self.head = writes.head.unwrap_or(self.head);
        self.nodes.extend(writes.nodes.into_iter().map(|row| (row.node, row)));
        self.entries.extend(writes.entries);
        let kept: BTreeSet<_> = writes.contents.iter().map(|(id, _)| id).collect();
        assert_eq!(kept.len(), writes.contents.len(), "each content is kept once");
        let sizes = writes.contents.iter().map(|(id, blob)| (*id, blob.len() as u64));
        self.contents.extend(sizes);
        let stored = writes.outcomes.into_iter();
        self.outcomes.extend(stored.map(|(device, key, outcome)| ((device, key), outcome)));
        self.check();
        outcomes
    }

    /// One commit of the laptop's, based on a prefix.
    pub(super) fn commit(&mut self, seen: u64, operations: Vec<Operation>) -> Vec<Verdict> {
        self.commit_of(LAPTOP, seen, operations)
    }

    pub(super) fn commit_of(
        &mut self,
        device: DeviceId,
        seen: u64,
        operations: Vec<Operation>,
    ) -> Vec<Verdict> {
        let commit = Commit { key: self.key(), seen: Seq::new(seen), operations, contents: vec![] };
        self.decide(vec![Submitted { device, writable: true, commit }]).remove(0).verdicts
    }

    /// One operation of the laptop's, based on all there is.
    pub(super) fn one(&mut self, operation: impl Into<Operation>) -> Verdict {
        let seen = self.head.cursor.seq.get();
        self.commit(seen, vec![operation.into()]).remove(0)
    }

    /// One operation of the laptop's, based on a prefix.
    pub(super) fn one_at(&mut self, seen: u64, operation: impl Into<Operation>) -> Verdict {
        self.commit(seen, vec![operation.into()]).remove(0)
    }

    pub(super) fn key(&mut self) -> CommitKey {
        self.next_key += 1;
        CommitKey::from_bytes([self.next_key; 16])
    }

    /// The live paths, sorted.
    pub(super) fn paths(&self) -> Vec<String> {
        let live = self.nodes.values().filter(|row| row.alive);
        let mut paths: Vec<_> = live.map(|row| self.path(row)).collect();
        paths.sort();
        paths
    }

    fn path(&self, row: &NodeRow) -> String {
        let Place { parent, name } = &row.state.place;
        match *parent {
            NodeId::ROOT => name.to_string(),
            parent => format!("{}/{name}", self.path(&self.nodes[&parent])),
        }
    }

    fn fact(&self, key: FactKey) -> Fact {
        let live = || self.nodes.values().filter(|row| row.alive);
        match key {
            FactKey::Node(node) => Fact::Node(node, self.nodes.get(&node).cloned()),
            FactKey::Child(parent, name) => {
                let place = Place { parent, name: name.clone() };
                let child = live().find(|row| row.state.place == place).map(|row| row.node);
                Fact::Child(parent, name, child)
            }
            FactKey::Children(node) => {
                let children = live().filter(|row| row.state.place.parent == node).count();
                Fact::Children(node, children as u64)
            }
            FactKey::Content(content, size) => {
                Fact::Content(content, size, self.contents.get(&content) == Some(&size))
            }
            FactKey::Outcome(device, key) => {
                Fact::Outcome(device, key, self.outcomes.get(&(device, key)).cloned())
            }
        }
    }

    /// Everything that must always hold of a folder.
    fn check(&self) {
        let mut cursor = Cursor::START;
        for (entry, after) in &self.entries {
            assert_eq!(entry.seq, cursor.seq.next(), "no gap");
            cursor = cursor.after(entry);
            assert_eq!(*after, cursor, "the chain");
        }
        assert_eq!(self.head.cursor, cursor, "the head is the last entry");
        let (mut sum, mut bytes, mut places) = (TreeSum::default(), 0, BTreeSet::new());
        for row in self.nodes.values().filter(|row| row.alive) {
            sum.add(row.node, &row.state);
            bytes += row.state.body.content().map_or(0, |content| content.size);
            assert!(places.insert(&row.state.place), "names are unique: {row:?}");
            let mut above = row.state.place.parent;
            for depth in 0.. {
                assert!(depth <= self.nodes.len(), "no cycle: {row:?}");
                if above == NodeId::ROOT {
                    break;
                }
                let parent = &self.nodes[&above];
                assert!(parent.alive, "no orphan: {row:?}");
                assert_eq!(parent.state.body, Body::Directory, "{row:?}");
                above = parent.state.place.parent;
            }
        }
        assert_eq!((self.head.sum, self.head.bytes), (sum, bytes), "sum and bytes");
    }
}

pub(super) const fn id(number: u8) -> NodeId {
    NodeId::from_bytes([number; 16])
}

/// The directory with this number, 0 for the root.
pub(super) fn place(parent: u8, name: &str) -> Place {
    Place { parent: id(parent), name: Name::new(name.as_bytes()).unwrap() }
}

pub(super) fn content(byte: u8) -> Content {
    let bytes = bytes(byte);
    Content { id: ContentId::of(&bytes), size: bytes.len() as u64, mtime: FileTime::default() }
}

pub(super) fn bytes(byte: u8) -> Blob {
    vec![byte; usize::from(byte) + 1].into()
}

pub(super) fn file(byte: u8) -> Body {
    Body::File { content: content(byte), executable: false }
}

pub(super) fn create(node: u8, place: Place, body: Body) -> Step {
    Step::Create { node: id(node), place, body }
}

pub(super) fn edit(node: u8, byte: u8) -> Step {
    Step::Edit { node: id(node), content: content(byte) }
}

pub(super) fn relocate(node: u8, place: Place) -> Step {
    Step::Move { node: id(node), place }
}

pub(super) fn delete(node: u8) -> Step {
    Step::Delete { node: id(node) }
}

pub(super) fn executable(node: u8, executable: bool) -> Step {
    Step::SetExecutable { node: id(node), executable }
}

pub(super) fn target(text: &str) -> Target {
    Target::try_from(Blob::from(text.as_bytes())).unwrap()
}

pub(super) fn set(steps: Vec<Step>) -> Operation {
    Operation { steps }
}

pub(super) fn accepted(seq: u64) -> Verdict {
    Verdict::Accepted(Seq::new(seq))
}

pub(super) fn refused(refusal: Refusal) -> Verdict {
    Verdict::Refused(refusal)
}

/// 1: file `f` (node 1), 2: directory `d` (node 2), 3: file `d/g` (node 3).
pub(super) fn folder() -> Store {
    let mut store = Store::new();
    assert_eq!(store.one(create(1, place(0, "f"), file(1))), accepted(1));
    assert_eq!(store.one(create(2, place(0, "d"), Body::Directory)), accepted(2));
    assert_eq!(store.one(create(3, place(2, "g"), file(2))), accepted(3));
    store
}
