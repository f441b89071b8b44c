//! Making the engine's state durable, in order: one batch under way at a time.
//!
//! Nothing is sent or changed for a node whose record is not durable yet: so an id that a server
//! has seen, or a decision that a change of the disk carries out, is known again after a crash.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use crate::blob::Blob;
use crate::id::{CommitKey, DeviceId, Lineage, NodeId, Seq};
use crate::operation::Cursor;
use crate::time::Instant;

use super::event::{Effect, TaskId};
use super::keys::Keys;
use super::record::Record;
use super::saved::{SaveBatch, Saved};
use super::stream::Stream;
use super::trees::Trees;
use super::{Client, DamagedState, Reason};

/// How soon a save that failed is tried again.
const RETRY_MS: u64 = 1_000;
/// The most records in one batch, while the cursor stands still.
const MAX_RECORDS: usize = 10_000;

/// What is being saved.
#[derive(Debug)]
pub(super) struct Saves {
    under_way: Option<UnderWay>,
    waiting: BTreeSet<NodeId>,
    header_changed: bool,
    /// The cursor that is saved, with all records that belong to it.
    pub(super) durable: Cursor,
    /// The lineages that are saved.
    known: Vec<Lineage>,
    retry_at: Option<Instant>,
    failure: Option<String>,
}

/// A batch that is being made durable, and what is durable with it.
#[derive(Debug)]
struct UnderWay {
    task: TaskId,
    nodes: BTreeSet<NodeId>,
    cursor: Cursor,
    known: Vec<Lineage>,
}

/// The engine's own row.
#[derive(Debug, Serialize, Deserialize)]
struct Header {
    cursor: Cursor,
    /// Only earlier programs look at it, and find it out anew.
    device: Option<DeviceId>,
    known: Vec<Lineage>,
    newer_rows: BTreeMap<NodeId, Seq>,
    keys: Vec<CommitKey>,
}

/// Reads back what was saved.
pub(super) fn restore(saved: Saved) -> Result<(Trees, Stream, Saves, Keys), DamagedState> {
    let mut trees = Trees::default();
    let mut new = Vec::new();
    for (node, bytes) in saved.records {
        match Record::decode(&bytes)? {
            record if record.is_new_at_its_name() => new.push((node, record)),
            record => trees.restore(node, record),
        }
    }
    // Only now: of two that were last seen at one name, it is that of who came there later.
    new.into_iter().for_each(|(node, record)| trees.restore(node, record));
    let header = match saved.header {
        Some(bytes) => Header::decode(&bytes)?,
        None => Header {
            cursor: Cursor::START,
            device: None,
            known: Vec::new(),
            newer_rows: BTreeMap::new(),
            keys: Vec::new(),
        },
    };
    let durable = header.cursor;
    let saves = Saves {
        under_way: None,
        waiting: BTreeSet::new(),
        header_changed: false,
        durable,
        known: header.known.clone(),
        retry_at: None,
        failure: None,
    };
    let stream = Stream::new(header.cursor, header.known, header.newer_rows);
    Ok((trees, stream, saves, Keys::found(header.keys)))
}

/// What would have been saved by a device with these three trees.
pub(super) fn saved(
    device: DeviceId,
    cursor: Cursor,
    records: impl IntoIterator<Item = (NodeId, Record)>,
) -> Saved {
    let lineage = Lineage::from_bytes(*device.as_bytes());
    let header = Header {
        cursor,
        device: None,
        known: alloc::vec![lineage],
        newer_rows: BTreeMap::new(),
        keys: Vec::new(),
    };
    let records = records.into_iter().map(|(node, record)| (node, record.encode())).collect();
    Saved { records, header: Some(header.encode()) }
}

impl Header {
    fn encode(&self) -> Blob {
        postcard::to_allocvec(self).expect("a header holds nothing unencodable").into()
    }

    /// An earlier program saved it without keys: then there are none.
    fn decode(bytes: &[u8]) -> Result<Self, DamagedState> {
        let with_none = [bytes, &[0]].concat();
        postcard::from_bytes(&with_none).map_err(|error| DamagedState(error.to_string()))
    }
}

impl Client {
    /// Starts a batch if there is something to save.
    pub(super) fn pump_saves(&mut self) {
        let waits = self.saves.retry_at.is_some_and(|at| at > self.now.instant);
        if self.saves.under_way.is_some() || waits {
            return;
        }
        self.saves.waiting.append(&mut self.trees.take_unsaved());
        if self.saves.waiting.is_empty() && !self.saves.header_changed {
            return;
        }
        // The cursor goes with the records that belong to it: unless it stands still, all at once.
        let mut nodes = core::mem::take(&mut self.saves.waiting);
        let still = self.stream.cursor == self.saves.durable;
        if let Some(&rest) = nodes.iter().nth(MAX_RECORDS).filter(|_| still) {
            self.saves.waiting = nodes.split_off(&rest);
        }
        let whole = self.saves.waiting.is_empty();
        let records = (nodes.iter())
            .map(|&node| (node, self.trees.contains(node).then(|| self.trees.get(node).encode())))
            .collect();
        let header = whole.then(|| self.header());
        self.saves.header_changed &= !whole;
        let cursor = if whole { self.stream.cursor } else { self.saves.durable };
        let known = if whole { self.stream.known.clone() } else { self.saves.known.clone() };
        let id = self.task();
        self.saves.under_way = Some(UnderWay { task: id, nodes, cursor, known });
        let batch = SaveBatch { clear: false, records, header };
        self.out.push(Effect::Save { id, batch });
    }

    fn header(&mut self) -> Blob {
        let fresh = CommitKey::from_bytes(self.ids.draw());
        let header = Header {
            cursor: self.stream.cursor,
            device: None,
            known: self.stream.known.clone(),
            newer_rows: self.stream.newer_rows.clone(),
            keys: self.keys.save(fresh),
        };
        header.encode()
    }

    pub(super) fn on_saved(&mut self, id: TaskId, result: Result<(), String>) {
        if self.saves.under_way.as_ref().is_none_or(|batch| batch.task != id) {
            return;
        }
        let Some(batch) = self.saves.under_way.take() else { return };
        match result {
            Ok(()) => {
                self.keys.saved();
                self.saves.durable = batch.cursor;
                self.saves.known = batch.known;
                self.saves.failure = None;
            }
            Err(words) => {
                self.keys.failed();
                self.saves.waiting.extend(batch.nodes);
                self.saves.header_changed = true;
                self.saves.retry_at = Some(self.now.instant + RETRY_MS);
                self.saves.failure = Some(words);
            }
        }
    }

    /// The engine's own row has changed.
    pub(super) const fn save_header(&mut self) {
        self.saves.header_changed = true;
    }

    /// The lineages that the state may be known by are durable.
    pub(super) fn lineages_saved(&self) -> bool {
        self.saves.known == self.stream.known
    }

    /// A commit can be made now. `false`: its key is yet to be saved.
    pub(super) fn may_commit(&mut self) -> bool {
        if !self.keys.is_ready() {
            self.save_header();
        }
        self.keys.is_ready()
    }

    /// A node's record is durable as it now is.
    pub(super) fn is_saved(&self, node: NodeId) -> bool {
        !self.trees.is_unsaved(node)
            && !self.saves.waiting.contains(&node)
            && self.saves.under_way.as_ref().is_none_or(|batch| !batch.nodes.contains(&node))
    }

    /// Everything is durable.
    pub(super) fn saves_idle(&self) -> bool {
        !self.saves.header_changed
            && self.saves.under_way.is_none()
            && self.saves.waiting.is_empty()
            && !self.trees.has_unsaved()
    }

    /// Why nothing can be saved now, in words.
    pub(super) fn save_failure(&self) -> Option<&str> {
        self.saves.failure.as_deref()
    }

    pub(super) fn saves_deadline(&self) -> Option<(Instant, Reason)> {
        let waits = self.saves.failure.is_some() && self.saves.under_way.is_none();
        self.saves.retry_at.filter(|_| waits).map(|at| (at, Reason::Retry))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::bench::{ROOT, agreed, dir, known, name, node};

    #[test]
    fn who_came_to_a_name_last_still_has_it_after_a_restart() {
        let (d, e) = (dir(ROOT, "d"), dir(ROOT, "e"));
        for (was, came) in [(1, 2), (2, 1)] {
            let moved = known(came, Some(&d), Some(&e), Some(&e));
            let client = Client::of_trees([agreed(was, &d), moved]);
            assert_eq!(client.trees.child_here(ROOT, &name("d")), Some(node(came)));
        }
    }

    #[test]
    fn what_an_earlier_program_saved_is_gone_on_from_and_it_can_go_on_itself() {
        let cursor = Cursor { seq: Seq::new(7), ..Cursor::START };
        let known = alloc::vec![Lineage::from_bytes([1; 16])];
        let device = Some(DeviceId::from_bytes([2; 16]));
        let newer_rows = BTreeMap::from([(node(3), Seq::new(8))]);
        let earlier = (cursor, device, known.clone(), newer_rows.clone());
        let bytes = postcard::to_allocvec(&earlier).unwrap();
        let header = Header::decode(&bytes).unwrap();
        assert_eq!((header.cursor, &header.known, header.keys.len()), (cursor, &known, 0));
        let keys = alloc::vec![CommitKey::from_bytes([4; 16])];
        let bytes = Header { device: None, keys: keys.clone(), ..header }.encode();
        assert_eq!(postcard::from_bytes(&bytes), Ok((cursor, None::<DeviceId>, known, newer_rows)));
        assert_eq!(Header::decode(&bytes).unwrap().keys, keys);
    }
}
