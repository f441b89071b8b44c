//! The journal of one folder in memory, and what the world asks of it.

use std::collections::BTreeMap;

use onefold_core::blob::Blob;
use onefold_core::hash::ContentId;
use onefold_core::id::{CommitKey, DeviceId, Lineage, NodeId, Seq};
use onefold_core::node::Body;
use onefold_core::operation::{Cursor, Entry, Step};
use onefold_core::protocol::TreeSum;
use onefold_core::server::decide::{Acceptance, Progress, Submitted};
use onefold_core::server::facts::{Fact, FactKey, Head, NodeRow, StoredOutcome};
use onefold_core::server::session::{
    EntriesQuery, Greet, Greeting, Load, Loaded, LoadedEntries, LoadedPage, Poll,
};
use onefold_core::time::WallTime;

use crate::oracle::Broken;

/// A device, as the journal knows it.
#[derive(Clone, Copy, Debug, Default)]
struct Known {
    acknowledged: Seq,
    lineage: Option<Lineage>,
}

/// The journal.
#[derive(Clone, Debug)]
pub struct Journal {
    head: Head,
    nodes: BTreeMap<NodeId, NodeRow>,
    entries: Vec<(Entry, Cursor)>,
    inline: BTreeMap<ContentId, Blob>,
    large: BTreeMap<ContentId, Blob>,
    outcomes: BTreeMap<(DeviceId, CommitKey), StoredOutcome>,
    devices: BTreeMap<DeviceId, Known>,
}

impl Journal {
    /// An empty folder that these devices have joined.
    pub fn new(devices: &[DeviceId]) -> Self {
        Self {
            head: Head::EMPTY,
            nodes: BTreeMap::new(),
            entries: Vec::new(),
            inline: BTreeMap::new(),
            large: BTreeMap::new(),
            outcomes: BTreeMap::new(),
            devices: devices.iter().map(|id| (*id, Known::default())).collect(),
        }
    }

    /// Where it stands.
    pub fn head(&self) -> Head {
        self.head
    }

    /// Answers a session's question.
    pub fn answer(
        &mut self,
        device: DeviceId,
        writable: bool,
        time: WallTime,
        load: Load,
    ) -> Loaded {
        match load {
            Load::Greet(greet) => Loaded::Greeting(self.greet(device, greet)),
            Load::Entries(query) => Loaded::Entries(self.entries(query)),
            Load::Page { after, limit } => Loaded::Page(self.page(after, limit)),
            Load::Poll => Loaded::Poll(Some(Poll { head: self.head, writable: true })),
            Load::Decide(commit) => {
                let submitted = Submitted { device, writable, commit };
                Loaded::Outcome(self.commit(time, submitted))
            }
        }
    }

    fn greet(&mut self, device: DeviceId, greet: Greet) -> Option<Greeting> {
        let live_nodes = self.nodes.values().filter(|row| row.alive).count() as u64;
        let at_seq = match greet.seq {
            Seq::ZERO => Some(Cursor::START.hash),
            seq => self.entries.get(seq.get() as usize - 1).map(|(_, cursor)| cursor.hash),
        };
        let known = self.devices.get_mut(&device)?;
        let lineage = known.lineage.replace(greet.next);
        Some(Greeting {
            head: self.head.cursor,
            at_seq,
            live_nodes,
            writable: true,
            acknowledged: known.acknowledged,
            lineage,
        })
    }

    fn entries(&self, query: EntriesQuery) -> LoadedEntries {
        let from = query.after.get() as usize;
        let rest = self.entries.iter().skip(from).take(query.limit).map(|(entry, _)| entry.clone());
        let entries: Vec<Entry> = rest.collect();
        let mut contents = Vec::new();
        let mut room = query.inline_bytes;
        for entry in entries.iter().filter(|entry| entry.device != query.device) {
            for content in entry.operation.steps.iter().filter_map(Step::content) {
                if let Some(bytes) = self.inline.get(&content.id)
                    && bytes.len() <= room
                {
                    room -= bytes.len();
                    contents.push(bytes.clone());
                }
            }
        }
        LoadedEntries { entries, contents }
    }

    fn page(&self, after: Option<NodeId>, limit: usize) -> LoadedPage {
        let later = self.nodes.values().filter(|row| row.alive && Some(row.node) > after);
        let mut rows: Vec<_> = later.take(limit + 1).map(NodeRow::to_row).collect();
        let last = rows.len() <= limit;
        rows.truncate(limit);
        LoadedPage { head: self.head.cursor, rows, last }
    }

    fn commit(&mut self, time: WallTime, submitted: Submitted) -> StoredOutcome {
        let mut acceptance = Acceptance::new(self.head, time, vec![submitted]);
        let (writes, mut outcomes) = loop {
            match acceptance.step() {
                Progress::Done(writes, outcomes) => break (writes, outcomes),
                Progress::Need(keys) => {
                    acceptance.loaded(keys.into_iter().map(|key| self.fact(key)).collect());
                }
            }
        };
        self.head = writes.head.unwrap_or(self.head);
        self.nodes.extend(writes.nodes.into_iter().map(|row| (row.node, row)));
        self.entries.extend(writes.entries);
        self.inline.extend(writes.contents);
        let kept = writes.outcomes.into_iter();
        self.outcomes.extend(kept.map(|(device, key, outcome)| ((device, key), outcome)));
        outcomes.remove(0)
    }

    fn fact(&self, key: FactKey) -> Fact {
        let live = || self.nodes.values().filter(|row| row.alive);
        match key {
            FactKey::Node(node) => Fact::Node(node, self.nodes.get(&node).cloned()),
            FactKey::Child(parent, name) => {
                let at = |row: &&NodeRow| {
                    row.state.place.parent == parent && row.state.place.name == name
                };
                let child = live().find(at).map(|row| row.node);
                Fact::Child(parent, name, child)
            }
            FactKey::Children(parent) => {
                let count = live().filter(|row| row.state.place.parent == parent).count();
                Fact::Children(parent, count as u64)
            }
            FactKey::Content(id, size) => {
                let there = self.content(id).is_some_and(|bytes| bytes.len() as u64 == size);
                Fact::Content(id, size, there)
            }
            FactKey::Outcome(device, key) => {
                Fact::Outcome(device, key, self.outcomes.get(&(device, key)).cloned())
            }
        }
    }

    /// A device has this prefix: older outcomes are forgotten.
    pub fn acknowledge(&mut self, device: DeviceId, seq: Seq) {
        if let Some(known) = self.devices.get_mut(&device) {
            known.acknowledged = known.acknowledged.max(seq);
            let seq = known.acknowledged;
            self.outcomes.retain(|(of, _), outcome| *of != device || outcome.at > seq);
        }
    }

    /// The bytes of a content, if the folder has it.
    pub fn content(&self, id: ContentId) -> Option<Blob> {
        self.inline.get(&id).or_else(|| self.large.get(&id)).cloned()
    }

    /// Takes a large content, as it comes over the other way.
    pub fn put(&mut self, id: ContentId, bytes: Blob) {
        self.large.insert(id, bytes);
    }

    /// Entries after a position, with their cursors.
    pub fn entries_after(&self, seq: Seq) -> Vec<(Entry, Cursor)> {
        self.entries.iter().skip(seq.get() as usize).cloned().collect()
    }

    /// All nodes and tombstones.
    pub fn rows(&self) -> Vec<NodeRow> {
        self.nodes.values().cloned().collect()
    }

    /// The head's sum, its bytes, and the contents of live files are right.
    pub fn check(&self) -> Result<(), Broken> {
        let mut sum = TreeSum::default();
        let mut bytes = 0;
        for row in self.nodes.values().filter(|row| row.alive) {
            sum.add(row.node, &row.state);
            if let Body::File { content, .. } = &row.state.body {
                bytes += content.size;
                if self.content(content.id).is_none() {
                    let what = format!("{row:?}");
                    return Err(Broken::new("the server has the content of each file", what));
                }
            }
        }
        if sum != self.head.sum || bytes != self.head.bytes {
            let what = format!("{sum:?} and {bytes} bytes, not {:?}", self.head);
            return Err(Broken::new("the head's sum is that of the tree", what));
        }
        Ok(())
    }
}
