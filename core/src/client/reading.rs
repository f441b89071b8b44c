//! When a file has settled, and reading it.
//!
//! A file that is gone before it settles is never read. A known file is read at once (reading it
//! fails as *busy* while someone has it open for writing); a new name waits a little, and longer
//! where names are being made quickly.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::string::ToString;

use crate::disk::{DiskError, Names, Stamp};
use crate::id::NodeId;
use crate::node::{Content, Kind, Place};
use crate::time::Instant;

use super::event::{Effect, TaskId};
use super::looking::{Look, asked};
use super::record::LocalBody;
use super::timers::Timers;
use super::{Client, ProblemKind, Reason};

/// How long a new name waits before it is believed to stay.
const NEW_NAME_MS: u64 = 100;
/// The longest that it waits while names are being made quickly.
const STORM_MS: u64 = 2_000;
/// This many new names within a second are not a storm yet.
const CALM_NAMES: u64 = 50;
/// The most files being read at once.
const MAX_READS: usize = 4;

/// What is being read, and what waits to be.
#[derive(Debug, Default)]
pub(super) struct Reads {
    wanted: BTreeSet<NodeId>,
    under_way: BTreeMap<TaskId, (NodeId, Stamp)>,
    settling: Timers,
    /// Nodes at places that a look with this number, or a later one, must still be at before they have
    /// settled.
    second_looks: BTreeMap<NodeId, (u64, Place)>,
    storm_since: Instant,
    storm_names: u64,
}

impl Client {
    /// A node was made, moved or written to on this disk: it must settle before it is sent.
    pub(super) fn unsettle(&mut self, node: NodeId, new_name: bool) {
        // A file that is being written to is tried when it is closed, not at every write.
        if new_name || !self.problems.contains_key(&(node, ProblemKind::Busy)) {
            self.release(node);
        }
        self.rules_changed(node);
        self.growing_changed(node);
        if !new_name {
            return self.trees.touch(node);
        }
        if self.now.instant.ms_since(self.reads.storm_since) > 1_000 {
            self.reads.storm_since = self.now.instant;
            self.reads.storm_names = 0;
        }
        self.reads.storm_names += 1;
        let storm = self.reads.storm_names.saturating_sub(CALM_NAMES) * 20;
        let mut wait = (NEW_NAME_MS + storm).min(STORM_MS);
        if self.left_an_heir(node) {
            // Its old name is taken by something new: perhaps a program is saving.
            wait = super::missing::DELETION_MS;
        }
        self.reads.settling.set(node, self.now.instant + wait);
        self.reads.second_looks.remove(&node);
        self.trees.touch(node);
    }

    /// A name that no reading of the file checks is looked at once more before it is sent: a program
    /// may have removed it again, and the event of that be late.
    fn look_a_second_time(&mut self, node: NodeId) {
        let record = self.trees.get(node);
        let Some(here) = record.present() else { return };
        let moved = record.synced().is_some_and(|synced| synced.place != here.place);
        let unread = !record.accepted() && here.body.kind() != Kind::File;
        if (moved || unread) && !self.is_unknown(node) && !self.looks.missing.contains_key(&node) {
            let place = here.place.clone();
            self.want(place.parent, Names::Only([place.name.clone()].into()), false, 0);
            self.reads.second_looks.insert(node, (self.looks.last_number + 1, place));
        }
    }

    /// A look was taken: what it did not show is missing now, and the rest is seen again.
    pub(super) fn end_second_looks(&mut self, look: &Look) {
        let ended = self.reads.second_looks.extract_if(.., |_, (from, at)| {
            at.parent == look.dir && *from <= look.number && asked(&look.names, &at.name)
        });
        ended.for_each(|(node, _)| self.trees.touch(node));
    }

    /// A second look at where a node stands has not been taken yet. Who moved it since has seen it.
    fn is_to_be_seen(&self, node: NodeId) -> bool {
        let Some((_, at)) = self.reads.second_looks.get(&node) else { return false };
        self.trees.get(node).present().is_some_and(|here| here.place == *at)
    }

    /// Whether a never accepted node stands where this one was agreed to be.
    fn left_an_heir(&self, node: NodeId) -> bool {
        self.trees.get(node).synced().is_some_and(|synced| {
            self.trees
                .at_here(&synced.place)
                .is_some_and(|heir| heir != node && !self.trees.get(heir).accepted())
        })
    }

    /// Whether a node has been as it is for long enough.
    pub(super) fn is_settled(&self, node: NodeId) -> bool {
        !self.reads.settling.contains(node) && !self.is_to_be_seen(node)
    }

    /// A program has closed it after writing.
    pub(super) fn reads_closed(&mut self, node: NodeId) {
        self.release(node);
        let new = !self.trees.get(node).accepted();
        if new && self.problems.contains_key(&(node, ProblemKind::Busy)) {
            // What a program worked at for long under a new name often gets its own name now. Once:
            // one that is opened again and again would never settle.
            self.solved(node, ProblemKind::Busy);
            self.reads.settling.set(node, self.now.instant + NEW_NAME_MS);
        }
        self.trees.touch(node);
    }

    /// Reads a file. One that has not settled, or is held, is planned again when that ends.
    pub(super) fn want_read(&mut self, node: NodeId) {
        let reading = self.reads.under_way.values().any(|(of, _)| *of == node);
        if self.is_settled(node) && !self.is_held(node) && !reading {
            self.reads.wanted.insert(node);
        }
    }

    /// It is being read, or is to be.
    pub(super) fn is_read(&self, node: NodeId) -> bool {
        self.reads.wanted.contains(&node)
            || self.reads.under_way.values().any(|(of, _)| *of == node)
    }

    /// No longer wants a file read; of one that is not here, nothing is to be seen again.
    pub(super) fn forget_read(&mut self, node: NodeId) {
        self.reads.wanted.remove(&node);
        if self.trees.get(node).present().is_none() {
            self.reads.second_looks.remove(&node);
        }
    }

    /// Starts the reads that may start.
    pub(super) fn pump_reads(&mut self) {
        while let Some(node) = self.reads.settling.pop_due(self.now.instant) {
            self.look_a_second_time(node);
            self.trees.touch(node);
        }
        self.plan_dirty();
        while self.reads.under_way.len() < MAX_READS {
            let Some(node) = self.reads.wanted.pop_first() else { return };
            let Some(path) = self.trees.path_here(node) else { continue };
            let Some(present) = self.trees.get(node).present() else { continue };
            let stamp = present.stamp;
            let id = self.task();
            self.reads.under_way.insert(id, (node, stamp));
            self.out.push(Effect::Hash { id, path, stamp });
        }
    }

    pub(super) fn on_hashed(&mut self, id: TaskId, result: Result<Content, DiskError>) {
        let Some((node, stamp)) = self.reads.under_way.remove(&id) else { return };
        let as_it_was =
            self.trees.get(node).present().is_some_and(|present| present.stamp == stamp);
        self.trees.touch(node);
        // What wants its name may merge with it, now that it is read.
        let place = self.trees.get(node).present().map(|present| present.place.clone());
        if let Some(rival) = place.and_then(|place| self.trees.at_there(&place)) {
            self.trees.touch(rival);
        }
        match result {
            Ok(content) if as_it_was => {
                self.solved(node, ProblemKind::Busy);
                self.solved(node, ProblemKind::Unreadable);
                self.release(node);
                self.forget_restless(node);
                self.trees.update_present(node, |present| {
                    if let LocalBody::File { content: known, .. } = &mut present.body {
                        *known = Some(content);
                    }
                });
            }
            // It was seen to be another meanwhile: it will be read again.
            Ok(_) => {}
            Err(error) => self.on_unread(node, &error),
        }
    }

    /// A file could not be read, to know or to send it.
    pub(super) fn on_unread(&mut self, node: NodeId, error: &DiskError) {
        match error {
            DiskError::Gone | DiskError::Changed => {
                // Nobody has it open any more: what is seen of it next may be read at once.
                self.solved(node, ProblemKind::Busy);
                self.note_restless(node);
                self.want_node(node);
                self.hold(node, error.to_string());
            }
            DiskError::RootGone(words) => self.lose_root(words.clone()),
            DiskError::Busy => {
                self.problem(node, ProblemKind::Busy, error.to_string());
                self.note_restless(node);
                self.hold(node, error.to_string());
            }
            DiskError::Occupied
            | DiskError::NotEmpty
            | DiskError::Denied(_)
            | DiskError::Full(_)
            | DiskError::InvalidName(_)
            | DiskError::NotStaged
            | DiskError::Failed(_) => {
                self.problem(node, ProblemKind::Unreadable, error.to_string());
                self.hold(node, error.to_string());
            }
        }
    }

    /// Nothing is being read, or settles.
    pub(super) fn reads_idle(&self) -> bool {
        self.reads.under_way.is_empty()
            && self.reads.settling.iter().all(|(node, _)| !self.trees.contains(node))
            && !self.reads.second_looks.keys().any(|node| self.is_to_be_seen(*node))
            && self.reads.wanted.is_empty()
    }

    /// When the next node has settled.
    pub(super) fn reads_deadline(&self) -> Option<(Instant, Reason)> {
        self.reads.settling.next().map(|due| (due, Reason::Settle))
    }
}
