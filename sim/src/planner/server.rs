//! The smallest server: one folder in memory, the core's own accept or refuse, one session.

use std::collections::BTreeMap;

use onefold_core::blob::Blob;
use onefold_core::hash::ContentId;
use onefold_core::id::{CommitKey, DeviceId, FolderId, NodeId, Seq};
use onefold_core::node::{Place, State};
use onefold_core::operation::{Commit, Cursor, Entry, Operation, Verdict};
use onefold_core::protocol::{ClientMessage, MergeReason, Resume, ServerMessage};
use onefold_core::server::Acceptance;
use onefold_core::server::decide::{Progress, Submitted};
use onefold_core::server::facts::{Fact, FactKey, Head, NodeRow, StoredOutcome};
use onefold_core::time::WallTime;
use serde::{Deserialize, Serialize};

use super::tree::Tree;

/// The device whose engine runs.
pub const HERE: DeviceId = DeviceId::from_bytes([1; 16]);
/// The others, as one.
pub const ELSEWHERE: DeviceId = DeviceId::from_bytes([2; 16]);

/// How what others did gets to a device that was away.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum News {
    /// It has it already.
    Heard,
    /// Entry by entry.
    Entries,
    /// As a snapshot.
    Snapshot,
    /// As a first join.
    FirstJoin,
    /// As a merge with a server that may have gone back.
    OtherJournal,
    /// As a merge, since the device itself went back.
    OlderDevice,
}

impl News {
    /// Both sides are merged: what was agreed on does not hold, or not all.
    pub fn is_merge(self) -> bool {
        matches!(self, Self::FirstJoin | Self::OtherJournal | Self::OlderDevice)
    }
}

/// A folder's server.
#[derive(Clone, Debug)]
pub struct Server {
    head: Head,
    rows: BTreeMap<NodeId, NodeRow>,
    entries: Vec<(Entry, Cursor)>,
    outcomes: BTreeMap<(DeviceId, CommitKey), StoredOutcome>,
    contents: BTreeMap<ContentId, Blob>,
    keys: u64,
    /// The news that a device behind this entry gets.
    pub news: (News, Seq),
    /// The last entry that went down the connection.
    sent: Seq,
}

impl Server {
    /// An empty folder, with these contents.
    pub fn new(contents: impl IntoIterator<Item = (ContentId, Blob)>) -> Self {
        Self {
            head: Head::EMPTY,
            rows: BTreeMap::new(),
            entries: Vec::new(),
            outcomes: BTreeMap::new(),
            contents: contents.into_iter().collect(),
            keys: 0,
            news: (News::Entries, Seq::ZERO),
            sent: Seq::ZERO,
        }
    }

    /// The journal's head.
    pub fn cursor(&self) -> Cursor {
        self.head.cursor
    }

    /// The live nodes.
    pub fn tree(&self) -> Tree {
        let live = self.rows.values().filter(|row| row.alive);
        Tree(live.map(|row| (row.node, row.state.clone())).collect())
    }

    /// Has others do something, as one commit that knows all there is.
    pub fn others_do(&mut self, device: DeviceId, operations: Vec<Operation>) -> Vec<Verdict> {
        self.keys += 1;
        let mut key = [0xff; 16];
        key[..8].copy_from_slice(&self.keys.to_be_bytes());
        let (key, seen) = (CommitKey::from_bytes(key), self.head.cursor.seq);
        let commit = Commit { key, seen, operations, contents: Vec::new() };
        self.decide(device, commit).verdicts
    }

    fn decide(&mut self, device: DeviceId, commit: Commit) -> StoredOutcome {
        let submitted = vec![Submitted { device, writable: true, commit }];
        let mut acceptance = Acceptance::new(self.head, WallTime(0), submitted);
        let (writes, mut outcomes) = loop {
            match acceptance.step() {
                Progress::Done(writes, outcomes) => break (writes, outcomes),
                Progress::Need(keys) => {
                    acceptance.loaded(keys.into_iter().map(|key| self.fact(key)).collect());
                }
            }
        };
        self.head = writes.head.unwrap_or(self.head);
        self.rows.extend(writes.nodes.into_iter().map(|row| (row.node, row)));
        self.entries.extend(writes.entries);
        self.contents.extend(writes.contents);
        let stored = writes.outcomes.into_iter();
        self.outcomes.extend(stored.map(|(device, key, outcome)| ((device, key), outcome)));
        outcomes.pop().expect("one commit has one outcome")
    }

    fn fact(&self, key: FactKey) -> Fact {
        let live = || self.rows.values().filter(|row| row.alive);
        match key {
            FactKey::Node(node) => Fact::Node(node, self.rows.get(&node).cloned()),
            FactKey::Child(parent, name) => {
                let place = Place { parent, name };
                let child = live().find(|row| row.state.place == place).map(|row| row.node);
                Fact::Child(parent, place.name, child)
            }
            FactKey::Children(node) => {
                let children = live().filter(|row| row.state.place.parent == node).count();
                Fact::Children(node, children as u64)
            }
            FactKey::Content(id, size) => {
                let here = self.contents.get(&id).is_some_and(|bytes| bytes.len() as u64 == size);
                Fact::Content(id, size, here)
            }
            FactKey::Outcome(device, key) => {
                Fact::Outcome(device, key, self.outcomes.get(&(device, key)).cloned())
            }
        }
    }

    /// Takes a content.
    pub fn put(&mut self, id: ContentId, bytes: Blob) {
        self.contents.insert(id, bytes);
    }

    /// Whether it has a content.
    pub fn has(&self, id: ContentId) -> bool {
        self.contents.contains_key(&id)
    }

    /// Hears the device, and answers down the stream.
    pub fn hear(&mut self, message: ClientMessage) -> Vec<ServerMessage> {
        match message {
            ClientMessage::Hello { cursor, .. } => self.welcome(cursor),
            ClientMessage::Continue(_) | ClientMessage::Acknowledge(_) => Vec::new(),
            ClientMessage::NextPage(after) => vec![self.page(after)],
            ClientMessage::Commit(commit) => {
                let key = commit.key;
                let verdicts = self.decide(HERE, commit).verdicts;
                let mut down = self.entries_since();
                down.push(ServerMessage::Outcome { key, verdicts });
                down
            }
        }
    }

    fn welcome(&mut self, cursor: Cursor) -> Vec<ServerMessage> {
        let behind = cursor.seq < self.news.1;
        let resume = match self.news.0 {
            News::Snapshot if behind => Resume::Snapshot,
            News::FirstJoin if behind => Resume::Merge(MergeReason::FirstJoin),
            News::OtherJournal if behind => Resume::Merge(MergeReason::OtherJournal),
            News::OlderDevice if behind => Resume::Merge(MergeReason::OlderDevice),
            News::Heard
            | News::Entries
            | News::Snapshot
            | News::FirstJoin
            | News::OtherJournal
            | News::OlderDevice => Resume::Entries,
        };
        let (folder, device) = (FolderId::from_bytes([9; 16]), HERE);
        let head = self.head.cursor.seq;
        let welcome = ServerMessage::Welcome { folder, device, writable: true, resume, head };
        let mut down = vec![welcome];
        self.sent = if resume == Resume::Entries { cursor.seq } else { head };
        down.extend(self.entries_since());
        down
    }

    fn entries_since(&mut self) -> Vec<ServerMessage> {
        let new = &self.entries[self.sent.get() as usize..];
        let entries: Vec<Entry> = new.iter().map(|(entry, _)| entry.clone()).collect();
        self.sent = self.head.cursor.seq;
        if entries.is_empty() {
            return Vec::new();
        }
        let steps = entries.iter().flat_map(|entry| &entry.operation.steps);
        let named = steps.filter_map(|step| Some(step.content()?.id));
        let riding = named.filter(|id| id.as_bytes()[0] % 2 == 0);
        let contents = riding.filter_map(|id| self.contents.get(&id).cloned()).collect();
        vec![ServerMessage::Entries { entries, contents }]
    }

    /// Two rows a page, so that there are several.
    fn page(&self, after: Option<NodeId>) -> ServerMessage {
        let live = self.rows.values().filter(|row| row.alive && Some(row.node) > after);
        let mut rows: Vec<_> = live.take(3).map(NodeRow::to_row).collect();
        let last = rows.len() < 3;
        rows.truncate(2);
        ServerMessage::Page { start: self.head.cursor, rows, last }
    }

    /// The whole list, compared.
    pub fn digest(&self) -> ServerMessage {
        ServerMessage::Digest { head: self.head.cursor, sum: self.head.sum }
    }

    /// What a node is, or last was.
    pub fn state(&self, node: NodeId) -> Option<&State> {
        self.rows.get(&node).map(|row| &row.state)
    }
}
