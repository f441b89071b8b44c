//! Files that never rest: one that is only appended to goes as a prefix, at a bounded rate; one that
//! is rewritten in place waits until it is closed. A slow writer is waited for: a prefix goes only
//! when a file has been without rest for long.
//!
//! Invariants: what is sent was once all that the file had, and a second read some time later, with an
//! append between, gave the same bytes. The disk says so of the very file it reads: a look may be
//! about another version by now. A prefix never counts as what this disk has, so nothing is
//! replaced because of it; it is sent only where nobody else has changed the file.

use alloc::collections::BTreeMap;

use crate::disk::{DiskError, Inode, Start};
use crate::id::NodeId;
use crate::node::{Body, Content};
use crate::time::Instant;

use super::event::{Effect, TaskId};
use super::record::LocalBody;
use super::timers::Timers;
use super::{Client, Reason};

/// How long a file must have been without rest before its start is looked at: whoever writes a file
/// slowly has most likely closed it by then.
const RESTLESS_MS: u64 = 18_000;
/// When the start is looked at for the second time.
const SECOND_LOOK_MS: u64 = 1_000;
/// When the next prefix is looked for.
const NEXT_PREFIX_MS: u64 = 2_000;
/// When a file that was rewritten in place is looked at again.
const REWRITTEN_MS: u64 = 10_000;
/// So many versions in a row that each only grew are sent at once, the next ones slowly.
const FAST_VERSIONS: u32 = 20;
/// How long those that follow wait for each other.
const SLOW_MS: u64 = 1_000;
/// Versions further apart than this are not in a row.
const IN_A_ROW_MS: u64 = 5_000;

/// Files without rest.
#[derive(Debug, Default)]
pub(super) struct Growing {
    files: BTreeMap<NodeId, Restless>,
    under_way: BTreeMap<TaskId, NodeId>,
    due: Timers,
    paces: BTreeMap<NodeId, Pace>,
    paced: Timers,
}

/// What is known of a file that could not be read whole.
#[derive(Debug)]
struct Restless {
    /// Not before this.
    next: Instant,
    /// Read once.
    first: Option<Content>,
    /// Read twice, and to be sent.
    prefix: Option<Content>,
    /// It was seen to be appended to, and to nothing else.
    appends: bool,
}

/// How quickly versions of a file follow each other.
#[derive(Debug)]
struct Pace {
    inode: Inode,
    size: u64,
    versions: u32,
    last: Instant,
}

impl Client {
    /// A file could not be read since it does not rest.
    pub(super) fn note_restless(&mut self, node: NodeId) {
        let next = self.now.instant + RESTLESS_MS;
        self.growing.files.entry(node).or_insert_with(|| {
            self.growing.due.set(node, next);
            Restless { next, first: None, prefix: None, appends: false }
        });
    }

    /// A file has changed: if it never rests, its start is looked at when that is due.
    pub(super) fn growing_changed(&mut self, node: NodeId) {
        if let Some(file) = self.growing.files.get(&node) {
            self.growing.due.set(node, file.next.max(self.now.instant));
        }
    }

    /// It was read whole, or is not there any more.
    pub(super) fn forget_restless(&mut self, node: NodeId) {
        self.growing.files.remove(&node);
        self.growing.due.remove(node);
    }

    /// Looks at the starts of files that are due.
    pub(super) fn pump_growing(&mut self) {
        while let Some(node) = self.growing.paced.pop_due(self.now.instant) {
            self.trees.touch(node);
        }
        while let Some(node) = self.growing.due.pop_due(self.now.instant) {
            self.look_at_start(node);
        }
    }

    fn look_at_start(&mut self, node: NodeId) {
        let here = self.trees.get(node).present();
        let unread = |body: &LocalBody| matches!(body, LocalBody::File { content: None, .. });
        let Some(stamp) = here.filter(|here| unread(&here.body)).map(|here| here.stamp) else {
            return self.forget_restless(node);
        };
        let Some(path) = self.trees.path_here(node) else { return };
        let Some(file) = self.growing.files.get_mut(&node) else { return };
        if file.first.is_some_and(|first| first.size > stamp.size) {
            (file.first, file.appends) = (None, false);
        }
        let start = match file.first {
            None => Start::All,
            Some(first) if file.appends => Start::Bytes(first.size),
            Some(first) if first.size < stamp.size => Start::Outgrown(first.size),
            // Only an append shows that it is appended to: its next change brings it here again.
            Some(_) => return,
        };
        if self.growing.under_way.values().any(|of| *of == node) {
            return;
        }
        let id = self.task();
        self.growing.under_way.insert(id, node);
        self.out.push(Effect::HashStart { id, path, stamp, start });
    }

    /// The answer about a start; `false`: the task is another's.
    pub(super) fn on_start_hashed(
        &mut self,
        id: TaskId,
        result: &Result<Content, DiskError>,
    ) -> bool {
        let Some(node) = self.growing.under_way.remove(&id) else { return false };
        let record = self.trees.get(node);
        let size = record.present().map_or(0, |here| here.stamp.size);
        let synced = record.synced().and_then(|synced| synced.body.content()).map(|known| known.id);
        let Some(file) = self.growing.files.get_mut(&node) else { return true };
        let wait_ms = match (result, file.first.take()) {
            (Ok(start), None) => {
                file.first =
                    Some(*start).filter(|start| start.size > 0 && Some(start.id) != synced);
                SECOND_LOOK_MS
            }
            (Ok(again), Some(first)) if again.id == first.id => {
                (file.prefix, file.appends) = (Some(first), true);
                // It is in no record: what is saved from now on is of a disk that has it.
                self.keys.renew();
                NEXT_PREFIX_MS
            }
            (Ok(_) | Err(_), _) => {
                file.appends = false;
                REWRITTEN_MS
            }
        };
        file.next = self.now.instant + wait_ms;
        let grown = result.as_ref().is_ok_and(|start| start.size < size);
        // Otherwise its next change brings it here again.
        if grown || (file.appends && file.first.is_some()) {
            self.growing.due.set(node, file.next);
        }
        self.trees.touch(node);
        true
    }

    /// A start of the file that may be sent in place of the whole, which cannot be read.
    pub(super) fn prefix(&self, node: NodeId) -> Option<Body> {
        let content = self.growing.files.get(&node)?.prefix?;
        let record = self.trees.get(node);
        let LocalBody::File { content: None, executable } = record.present()?.body else {
            return None;
        };
        let body = Body::File { content, executable };
        let free = match (record.synced(), record.remote()) {
            (None, None) => true,
            (Some(synced), Some(there)) => {
                there.body.same_bytes(&synced.body) && !body.same_bytes(&synced.body)
            }
            (None, Some(_)) | (Some(_), None) => false,
        };
        free.then_some(body)
    }

    /// A prefix was sent, or could not be: the next one is another.
    pub(super) fn spend_prefix(&mut self, node: NodeId) {
        if let Some(file) = self.growing.files.get_mut(&node) {
            file.prefix = None;
        }
    }

    /// A version of a file was accepted.
    pub(super) fn note_pace(&mut self, node: NodeId) {
        let now = self.now.instant;
        let record = self.trees.get(node);
        let inode = record.present().map(|here| here.stamp.inode);
        let accepted = record.synced().and_then(|synced| synced.body.content());
        let (Some(inode), Some(size)) = (inode, accepted.map(|content| content.size)) else {
            return;
        };
        let in_a_row = |pace: &&Pace| {
            let grew = pace.inode == inode && pace.size < size;
            grew && now.ms_since(pace.last) < IN_A_ROW_MS
        };
        let versions = self.growing.paces.get(&node).filter(in_a_row).map_or(1, |p| p.versions + 1);
        let pace = Pace { inode, size, versions, last: now };
        self.growing.paces.insert(node, pace);
        self.growing.paces.retain(|_, pace| now.ms_since(pace.last) < IN_A_ROW_MS);
    }

    /// Versions of the file follow each other too quickly: the next one waits a little.
    pub(super) fn is_too_quick(&mut self, node: NodeId) -> bool {
        let Some(pace) = self.growing.paces.get(&node) else { return false };
        let next = pace.last + SLOW_MS;
        let wait = pace.versions >= FAST_VERSIONS && next > self.now.instant;
        if wait {
            self.growing.paced.set(node, next);
        }
        wait
    }

    /// No version waits for the one before it.
    pub(super) fn growing_idle(&self) -> bool {
        self.growing.paced.next().is_none()
    }

    pub(super) fn growing_deadline(&self) -> Option<(Instant, Reason)> {
        let next = [self.growing.due.next(), self.growing.paced.next()].into_iter().flatten().min();
        next.map(|due| (due, Reason::Settle))
    }
}
