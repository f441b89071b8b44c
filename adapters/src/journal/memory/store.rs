//! All folders, devices and invites in memory, synchronously.

use std::collections::BTreeMap;

use onefold_core::blob::Blob;
use onefold_core::id::{CommitKey, DeviceId, FolderId, Lineage, NodeId, Seq};
use onefold_core::operation::{Cursor, Entry};
use onefold_core::server::decide::{Acceptance, Progress, Submitted};
use onefold_core::server::facts::{Fact, FactKey, Head, NodeRow, StoredOutcome, Writes};
use onefold_core::server::session::{
    EntriesQuery, Greet, Greeting, Load, Loaded, LoadedEntries, LoadedPage, Poll,
};
use onefold_core::time::WallTime;

use super::folder::FolderState;
use crate::journal::{Device, Folder, Invite, SecretHash, StoreResult, StoredContent};
use crate::port::StoreError;

/// Where a durable write may be cut short.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum CrashPoint {
    /// Before anything of it is kept.
    BeforeCommit,
    /// It is kept, but nobody hears of it.
    AfterCommit,
}

/// A whole server's store, with the port's methods without their `async`.
#[derive(Clone, Debug, Default)]
pub struct MemoryStore {
    pub(super) folders: BTreeMap<FolderId, FolderState>,
    pub(super) devices: BTreeMap<DeviceId, DeviceState>,
    outcomes: BTreeMap<(DeviceId, CommitKey), StoredOutcome>,
    pub(super) invites: BTreeMap<SecretHash, Invite>,
    /// Whether each is good once, and until when.
    pub(super) passes: BTreeMap<SecretHash, (bool, WallTime)>,
    settings: BTreeMap<String, Blob>,
    /// What is not on stable storage yet: it is with the next durable write.
    lazy: BTreeMap<DeviceId, Lazy>,
    crash_at: Option<CrashPoint>,
}

#[derive(Clone, Debug)]
pub(super) struct DeviceState {
    pub(super) device: Device,
    pub(super) token: SecretHash,
    pub(super) lineage: Option<Lineage>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Lazy {
    acknowledged: Seq,
    last_seen: Option<WallTime>,
}

impl MemoryStore {
    /// The next durable write is cut short here.
    pub fn crash_at(&mut self, point: CrashPoint) {
        self.crash_at = Some(point);
    }

    /// A power cut: what is not on stable storage goes.
    pub fn cut_power(&mut self) {
        self.lazy.clear();
    }

    /// A durable write: all of it or nothing, and everything lazy before it.
    pub(super) fn durably<T>(&mut self, write: impl FnOnce(&mut Self) -> T) -> StoreResult<T> {
        let crash = self.crash_at.take();
        if crash == Some(CrashPoint::BeforeCommit) {
            return Err(StoreError::Unavailable("crashed before the commit".into()));
        }
        for (device, lazy) in std::mem::take(&mut self.lazy) {
            if let Some(state) = self.devices.get_mut(&device) {
                state.device.acknowledged = state.device.acknowledged.max(lazy.acknowledged);
                state.device.last_seen = lazy.last_seen.or(state.device.last_seen);
                self.outcomes
                    .retain(|(of, _), outcome| *of != device || outcome.at >= lazy.acknowledged);
            }
        }
        let result = write(self);
        match crash {
            None | Some(CrashPoint::BeforeCommit) => Ok(result),
            Some(CrashPoint::AfterCommit) => {
                Err(StoreError::Unknown("crashed after the commit".into()))
            }
        }
    }

    pub(super) fn state(&self, folder: FolderId) -> StoreResult<&FolderState> {
        let state = self.folders.get(&folder);
        state.ok_or_else(|| StoreError::Damaged("a folder is gone".into()))
    }

    pub(super) fn device(&self, device: DeviceId) -> Option<Device> {
        let mut device = self.devices.get(&device)?.device.clone();
        if let Some(lazy) = self.lazy.get(&device.id) {
            device.acknowledged = device.acknowledged.max(lazy.acknowledged);
            device.last_seen = lazy.last_seen.or(device.last_seen);
        }
        Some(device)
    }

    /// Answers a session's question.
    pub fn answer(
        &mut self,
        folder: FolderId,
        device: DeviceId,
        time: WallTime,
        load: Load,
        writable: bool,
    ) -> StoreResult<Loaded> {
        Ok(match load {
            Load::Greet(greet) => Loaded::Greeting(self.greet(device, time, greet)?),
            Load::Entries(query) => Loaded::Entries(self.entries(folder, query)),
            Load::Page { after, limit } => Loaded::Page(self.page(folder, after, limit)),
            Load::Poll => Loaded::Poll(self.poll(device, time)),
            Load::Decide(commit) => {
                let submitted = vec![Submitted { device, writable, commit }];
                let mut outcomes = self.commit(folder, time, submitted)?;
                Loaded::Outcome(outcomes.pop().expect("one outcome for each commit"))
            }
        })
    }

    /// See [`crate::journal::Journal::create_folder`].
    pub fn create_folder(&mut self, id: FolderId, name: &str) -> StoreResult<Folder> {
        if let Some(folder) = self.folder(name) {
            return Ok(folder);
        }
        self.durably(|store| {
            store.folders.insert(id, FolderState::new(name));
            Folder { id, name: name.into() }
        })
    }

    /// See [`crate::journal::Journal::folder`].
    pub fn folder(&self, name: &str) -> Option<Folder> {
        self.folders().into_iter().find(|folder| folder.name == name)
    }

    /// See [`crate::journal::Journal::folders`].
    pub fn folders(&self) -> Vec<Folder> {
        let folder =
            |(id, state): (&FolderId, &FolderState)| Folder { id: *id, name: state.name.clone() };
        let mut folders: Vec<_> = self.folders.iter().map(folder).collect();
        folders.sort_by(|a, b| a.name.cmp(&b.name));
        folders
    }

    /// See [`crate::journal::Journal::set_quota`].
    pub fn set_quota(&mut self, folder: FolderId, bytes: Option<u64>) -> StoreResult<bool> {
        self.durably(|store| {
            store.folders.get_mut(&folder).map(|state| state.head.quota = bytes).is_some()
        })
    }

    /// See [`crate::journal::Journal::commit`].
    pub fn commit(
        &mut self,
        folder: FolderId,
        time: WallTime,
        submitted: Vec<Submitted>,
    ) -> StoreResult<Vec<StoredOutcome>> {
        self.commit_seeing(folder, time, submitted, |fact| fact)
    }

    /// The same, but the decision sees what `see` makes of each fact: for simulations.
    pub fn commit_seeing(
        &mut self,
        folder: FolderId,
        time: WallTime,
        submitted: Vec<Submitted>,
        see: impl Fn(Fact) -> Fact,
    ) -> StoreResult<Vec<StoredOutcome>> {
        let head = self.state(folder)?.head;
        let mut acceptance = Acceptance::new(head, time, submitted);
        let (writes, outcomes) = loop {
            match acceptance.step() {
                Progress::Need(keys) => {
                    let state = self.state(folder)?;
                    let facts = keys.into_iter().map(|key| see(self.fact(state, key))).collect();
                    acceptance.loaded(facts);
                }
                Progress::Done(writes, outcomes) => break (writes, outcomes),
            }
        };
        if writes == Writes::default() {
            return Ok(outcomes);
        }
        self.durably(|store| {
            store.outcomes.extend(
                writes.outcomes.into_iter().map(|(device, key, outcome)| ((device, key), outcome)),
            );
            let state = store.folders.get_mut(&folder).expect("looked up above");
            state.head = writes.head.unwrap_or(state.head);
            state.put_nodes(writes.nodes);
            state.entries.extend(writes.entries);
            for (content, bytes) in writes.contents {
                state.contents.entry(content).or_insert(StoredContent::Inline(bytes));
            }
            outcomes
        })
    }

    fn fact(&self, folder: &FolderState, key: FactKey) -> Fact {
        match key {
            FactKey::Node(node) => Fact::Node(node, folder.nodes.get(&node).cloned()),
            FactKey::Child(parent, name) => {
                let child = folder.child(parent, &name);
                Fact::Child(parent, name, child)
            }
            FactKey::Children(node) => Fact::Children(node, folder.live_children(node)),
            FactKey::Content(content, size) => {
                Fact::Content(content, size, folder.content_size(content) == Some(size))
            }
            FactKey::Outcome(device, key) => {
                Fact::Outcome(device, key, self.outcomes.get(&(device, key)).cloned())
            }
        }
    }

    /// See [`crate::journal::Journal::head`].
    pub fn head(&self, folder: FolderId) -> Head {
        self.folders.get(&folder).map_or(Head::EMPTY, |state| state.head)
    }

    /// See [`crate::journal::Journal::heads`].
    pub fn heads(&self, folders: &[FolderId]) -> Vec<(FolderId, Seq)> {
        let head = |id: &FolderId| Some((*id, self.folders.get(id)?.head.cursor.seq));
        folders.iter().filter_map(head).collect()
    }

    /// See [`crate::journal::Journal::entries`].
    pub fn entries(&self, folder: FolderId, query: EntriesQuery) -> LoadedEntries {
        self.folders.get(&folder).map(|state| state.entries(query)).unwrap_or_default()
    }

    /// See [`crate::journal::Journal::page`].
    pub fn page(&self, folder: FolderId, after: Option<NodeId>, limit: usize) -> LoadedPage {
        let empty = || LoadedPage { head: Cursor::START, rows: Vec::new(), last: true };
        self.folders.get(&folder).map_or_else(empty, |state| state.page(after, limit))
    }

    /// See [`crate::journal::Journal::greet`].
    pub fn greet(
        &mut self,
        device: DeviceId,
        time: WallTime,
        greet: Greet,
    ) -> StoreResult<Option<Greeting>> {
        let Some(now) = self.device(device).filter(|device| !device.revoked) else {
            return Ok(None);
        };
        let state = self.state(now.folder)?;
        let greeting = Greeting {
            head: state.head.cursor,
            at_seq: state.chain_at(greet.seq),
            live_nodes: state.live_nodes(),
            writable: now.writable,
            acknowledged: now.acknowledged,
            lineage: self.devices.get(&device).and_then(|state| state.lineage),
        };
        self.durably(|store| {
            if let Some(state) = store.devices.get_mut(&device) {
                state.lineage = Some(greet.next);
                state.device.last_seen = Some(time);
            }
            Some(greeting)
        })
    }

    /// See [`crate::journal::Journal::poll`].
    pub fn poll(&mut self, device: DeviceId, time: WallTime) -> Option<Poll> {
        let device = self.device(device).filter(|device| !device.revoked)?;
        let (head, writable) = (self.head(device.folder), device.writable);
        let seen = device
            .last_seen
            .is_some_and(|seen| time.0.abs_diff(seen.0) < crate::journal::SEEN_EVERY_MS);
        if !seen {
            self.lazy.entry(device.id).or_default().last_seen = Some(time);
        }
        Some(Poll { head, writable })
    }

    /// See [`crate::journal::Journal::acknowledge`].
    pub fn acknowledge(&mut self, device: DeviceId, seq: Seq) {
        let lazy = self.lazy.entry(device).or_default();
        lazy.acknowledged = lazy.acknowledged.max(seq);
    }

    /// See [`crate::journal::Journal::setting`].
    pub fn setting(&self, key: &str) -> Option<Blob> {
        self.settings.get(key).cloned()
    }

    /// See [`crate::journal::Journal::set_setting_once`].
    pub fn set_setting_once(&mut self, key: &str, value: Blob) -> StoreResult<Blob> {
        self.durably(|store| store.settings.entry(key.into()).or_insert(value).clone())
    }

    /// See [`crate::journal::Journal::put_setting`].
    pub fn put_setting(&mut self, key: &str, value: Blob) -> StoreResult<()> {
        self.durably(|store| drop(store.settings.insert(key.into(), value)))
    }

    /// See [`crate::journal::Journal::check_entries`].
    pub fn check_entries(
        &self,
        folder: FolderId,
        after: Seq,
        limit: usize,
    ) -> Vec<(Entry, Cursor)> {
        let state = self.folders.get(&folder);
        state.map_or_else(Vec::new, |state| state.entries_after(after, limit).to_vec())
    }

    /// See [`crate::journal::Journal::check_nodes`].
    pub fn check_nodes(
        &self,
        folder: FolderId,
        after: Option<NodeId>,
        limit: usize,
    ) -> Vec<NodeRow> {
        let state = self.folders.get(&folder).into_iter();
        state.flat_map(|state| state.nodes_after(after)).take(limit).cloned().collect()
    }
}
