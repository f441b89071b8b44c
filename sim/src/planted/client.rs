//! A client engine's events and effects, its clock and its saves, bent.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use onefold_adapters::trees::MemoryTrees;
use onefold_core::blob::Blob;
use onefold_core::client::event::{Effect, Event, TaskId};
use onefold_core::client::record::Record;
use onefold_core::client::saved::{SaveBatch, Saved};
use onefold_core::disk::{DiskError, Listing, Names};
use onefold_core::folding::Folding;
use onefold_core::id::{CommitKey, DeviceId, Lineage, NodeId, Seq};
use onefold_core::name::{Name, RelPath};
use onefold_core::operation::{Commit, Cursor, Step, Verdict};
use onefold_core::protocol::{ClientMessage, MergeReason, Resume, ServerMessage};

use serde::{Deserialize, Serialize};

use crate::disk::Disk;

use super::Planted;

/// Nothing takes longer to settle than this that is not made in a storm.
const SETTLING_MS: u64 = 150;
/// No server ever said this.
const MADE_UP: Verdict = Verdict::Accepted(Seq::ZERO);
/// So many commits at once are on their way, where they should go one by one.
const MAX_FLYING: usize = 2;
/// So many keys an engine remembers.
const MAX_SHARED: u64 = 16;
/// What is missing for longer is looked at again.
const DELETION_MS: u64 = 1_001;

/// What the planted fault of a run remembers.
#[derive(Debug, Default)]
pub struct Memory {
    fault: Option<Planted>,
    /// The keys of commits that were sent.
    sent: BTreeSet<CommitKey>,
    /// Commits on their way, by device.
    flying: BTreeSet<(usize, CommitKey)>,
    /// Fresh keys, with the ones that they stand for.
    fresh: BTreeMap<CommitKey, CommitKey>,
    /// Of machines that are copies: the machine that they share their keys with, and how many keys
    /// were used by each.
    copy_of: BTreeMap<usize, usize>,
    used: BTreeMap<usize, u64>,
    /// Looks under way.
    asked: BTreeMap<(usize, TaskId), (RelPath, BTreeSet<Name>)>,
    /// Directories that were to be looked at.
    dirs: BTreeMap<(usize, TaskId), RelPath>,
    /// What was absent when a directory was looked at last.
    absent: BTreeMap<(usize, RelPath), (Listing, BTreeSet<Name>)>,
    /// So much the clock of the engine that was called last is set forward.
    hurry_ms: u64,
    /// What that engine hears next.
    next: VecDeque<Event>,
}

impl Memory {
    /// For a run with this fault.
    pub fn new(fault: Option<Planted>) -> Self {
        Self { fault, ..Self::default() }
    }

    /// An event, as the engine hears it.
    pub fn event(&mut self, index: usize, event: Event, disk: &Disk) -> Event {
        let Some(fault) = self.fault else { return event };
        match (fault, event) {
            (_, Event::Received(message)) => {
                if let ServerMessage::Outcome { key, verdicts } = &message
                    && !verdicts.contains(&MADE_UP)
                {
                    self.flying.remove(&(index, *key));
                }
                Event::Received(self.message(fault, index, message))
            }
            (_, event @ Event::Disconnected(_)) => {
                self.flying.retain(|(of, _)| *of != index);
                event
            }
            (Planted::NeverSettles, event @ Event::Looked(..)) => {
                self.hurry_ms = SETTLING_MS;
                event
            }
            (Planted::UnreadableIsEmpty, Event::Looked(id, Err(DiskError::Denied(_))))
            | (Planted::UnmountedIsEmpty, Event::Looked(id, Err(DiskError::RootGone(_)))) => {
                self.empty(index, id, disk)
            }
            (Planted::NoSecondLook, Event::Looked(id, Ok(listing))) => {
                self.remember_absent(index, id, &listing);
                Event::Looked(id, Ok(listing))
            }
            (_, event) => event,
        }
    }

    /// Nothing is there, though nothing could be seen.
    fn empty(&self, index: usize, id: TaskId, disk: &Disk) -> Event {
        let at = self.dirs.get(&(index, id)).map(|dir| disk.at(dir));
        Event::Looked(
            id,
            match at {
                Some(Ok(number)) => {
                    let inode = disk.stamp(number).inode;
                    Ok(Listing { inode, names: Vec::new(), unnameable: Vec::new() })
                }
                Some(Err(_)) | None => Err(DiskError::Gone),
            },
        )
    }

    fn message(&mut self, fault: Planted, index: usize, message: ServerMessage) -> ServerMessage {
        match (fault, message) {
            (
                Planted::ForgetsKey | Planted::OwnIsForeign | Planted::CopyIsOwn,
                ServerMessage::Outcome { key, verdicts },
            ) => {
                let key = self.fresh.get(&key).copied().unwrap_or(key);
                ServerMessage::Outcome { key, verdicts }
            }
            (
                Planted::MergeDeletes,
                ServerMessage::Welcome {
                    folder,
                    device,
                    writable,
                    resume: Resume::Merge(why),
                    head,
                },
            ) if why != MergeReason::FirstJoin => {
                let resume = Resume::Snapshot;
                ServerMessage::Welcome { folder, device, writable, resume, head }
            }
            (Planted::IgnoresDigest | Planted::IgnoresChain, ServerMessage::Digest { .. }) => {
                ServerMessage::Entries { entries: Vec::new(), contents: Vec::new() }
            }
            (Planted::IgnoresDigest, ServerMessage::Entries { mut entries, contents }) => {
                for entry in &mut entries {
                    let own = usize::from(entry.device.as_bytes()[0]) == index + 1;
                    let edits =
                        entry.operation.steps.iter().all(|step| matches!(step, Step::Edit { .. }));
                    if !own && edits && entry.key.as_bytes()[0].is_multiple_of(2) {
                        entry.operation.steps.clear();
                    }
                }
                ServerMessage::Entries { entries, contents }
            }
            (_, message) => message,
        }
    }

    /// An effect, as it is carried out.
    pub fn effect(&mut self, index: usize, effect: Effect) -> Effect {
        let Some(fault) = self.fault else { return effect };
        match (fault, effect) {
            (Planted::ForgetsKey, Effect::Send(ClientMessage::Commit(commit))) => {
                Effect::Send(ClientMessage::Commit(self.with_fresh_key(commit)))
            }
            (
                Planted::OwnIsForeign | Planted::CopyIsOwn,
                Effect::Send(ClientMessage::Commit(commit)),
            ) => Effect::Send(ClientMessage::Commit(self.with_shared_key(index, commit))),
            (Planted::PlansInFlight, Effect::Send(ClientMessage::Commit(commit))) => {
                self.flying.insert((index, commit.key));
                if self.flying.iter().filter(|(of, _)| *of == index).count() <= MAX_FLYING {
                    let verdicts = vec![MADE_UP; commit.operations.len()];
                    let outcome = ServerMessage::Outcome { key: commit.key, verdicts };
                    self.next.push_back(Event::Received(outcome));
                }
                Effect::Send(ClientMessage::Commit(commit))
            }
            (Planted::UnreadableIsEmpty | Planted::UnmountedIsEmpty, effect) => {
                if let Effect::Look { id, dir, .. } = &effect {
                    self.dirs.insert((index, *id), dir.clone());
                }
                effect
            }
            (Planted::NoSecondLook, Effect::Look { id, dir, names }) => {
                self.answer_second_look(index, id, &dir, &names);
                Effect::Look { id, dir, names }
            }
            (_, effect) => effect,
        }
    }

    fn with_fresh_key(&mut self, mut commit: Commit) -> Commit {
        if !self.sent.insert(commit.key) {
            let mut fresh = [0xcc; 16];
            fresh[..8].copy_from_slice(&(self.fresh.len() as u64).to_be_bytes());
            let fresh = CommitKey::from_bytes(fresh);
            self.fresh.insert(fresh, commit.key);
            commit.key = fresh;
        }
        commit
    }

    /// The same commit has the same key each time: one of those that all copies of a machine share.
    fn with_shared_key(&mut self, index: usize, mut commit: Commit) -> Commit {
        let known = self.fresh.iter().find(|(_, of)| **of == commit.key).map(|(shared, _)| *shared);
        let line = self.line(index);
        let used = self.used.entry(line).or_default();
        let shared = known.unwrap_or_else(|| {
            *used += 1;
            shared_key(line, *used)
        });
        self.fresh.insert(shared, commit.key);
        commit.key = shared;
        commit
    }

    /// What an engine finds saved.
    pub fn found(&self, index: usize, saved: Saved) -> Saved {
        if self.fault != Some(Planted::CopyIsOwn) {
            return saved;
        }
        let line = self.line(index);
        let device = DeviceId::from_bytes([index as u8 + 1; 16]);
        let empty = || Saved::of_trees(device, Cursor::START, []).header.expect("it has one");
        let header = saved.header.unwrap_or_else(empty);
        let mut header: Header = postcard::from_bytes(&header).expect("the engine encoded it");
        let used = self.used.get(&line).copied().unwrap_or(0);
        header.keys = (used..used + MAX_SHARED).map(|used| shared_key(line, used + 1)).collect();
        let header = postcard::to_allocvec(&header).expect("a header is encodable");
        Saved { header: Some(header.into()), ..saved }
    }

    /// A machine is a copy of another from now on.
    pub fn cloned(&mut self, of: usize, index: usize) {
        self.copy_of.insert(index, self.line(of));
    }

    fn line(&self, index: usize) -> usize {
        self.copy_of.get(&index).copied().unwrap_or(index)
    }

    fn remember_absent(&mut self, index: usize, id: TaskId, listing: &Listing) {
        let Some((dir, mut absent)) = self.asked.remove(&(index, id)) else { return };
        let there: BTreeSet<&Name> = listing.names.iter().map(|(name, _)| name).collect();
        absent.retain(|name| !there.contains(name));
        if !absent.is_empty() {
            self.hurry_ms = DELETION_MS;
        }
        self.absent.insert((index, dir), (listing.clone(), absent));
    }

    /// What was absent when it was looked at first is taken to be so still.
    fn answer_second_look(&mut self, index: usize, id: TaskId, dir: &RelPath, names: &Names) {
        let Names::Only(names) = names else { return };
        let last = self.absent.get(&(index, dir.clone()));
        match last.filter(|(_, absent)| absent.is_superset(names)) {
            Some((listing, _)) => {
                let listing = Listing { names: Vec::new(), ..listing.clone() };
                self.next.push_back(Event::Looked(id, Ok(listing)));
            }
            None => {
                self.asked.insert((index, id), (dir.clone(), names.clone()));
            }
        }
    }

    /// What the engine that was called last hears next; its clock is set forward by so much.
    pub fn next(&mut self, ahead_ms: &mut u64) -> Option<Event> {
        if let Some(event) = self.next.pop_front() {
            return Some(event);
        }
        let hurry_ms = std::mem::take(&mut self.hurry_ms);
        *ahead_ms += hurry_ms;
        (hurry_ms > 0).then_some(Event::Ticked)
    }
}

/// A key that copies of a machine share.
fn shared_key(line: usize, number: u64) -> CommitKey {
    let mut key = [0xdd; 16];
    key[..8].copy_from_slice(&number.to_be_bytes());
    key[8] = line as u8;
    CommitKey::from_bytes(key)
}

/// The engine's own row, as it encodes it.
#[derive(Serialize, Deserialize)]
struct Header {
    cursor: Cursor,
    device: Option<DeviceId>,
    known: Vec<Lineage>,
    newer_rows: BTreeMap<NodeId, Seq>,
    keys: Vec<CommitKey>,
}

/// Saves a batch.
pub fn save(
    fault: Option<Planted>,
    store: &MemoryTrees,
    mut batch: SaveBatch,
) -> Result<(), String> {
    match fault {
        Some(Planted::SavesLate) => store.sync(),
        Some(Planted::ForgetsIntent) => {
            for bytes in batch.records.iter_mut().filter_map(|(_, bytes)| bytes.as_mut()) {
                *bytes = without_intent(bytes);
            }
        }
        _ => {}
    }
    store.save_now(batch).map_err(|error| error.to_string())
}

/// The process is killed: what was saved late is gone.
pub fn killed(fault: Option<Planted>, store: &MemoryTrees) {
    if fault == Some(Planted::SavesLate) {
        store.cut_power(0);
    }
}

/// The record's last fields are what was intended, and whether a person was asked.
fn without_intent(bytes: &Blob) -> Blob {
    let record: Record = postcard::from_bytes(bytes).expect("the engine encoded it");
    let intent = postcard::to_allocvec(&record.intent()).expect("an intent is encodable");
    let consent = postcard::to_allocvec(&record.consent()).expect("a consent is encodable");
    let kept = &bytes[..bytes.len() - intent.len() - consent.len()];
    [kept, &[0], &consent].concat().into()
}

/// The count of starts that ids are drawn by.
pub fn starts(fault: Option<Planted>, starts: u64) -> u64 {
    if fault == Some(Planted::KeepsSeed) { 1 } else { starts }
}

/// Whether names of this disk that differ in case clash, as the engine is told.
pub fn folding(disk: &Disk) -> Folding {
    let Folding { case, form } = disk.traits.folding;
    Folding { case: case && disk.planted != Some(Planted::IgnoresCase), form }
}
