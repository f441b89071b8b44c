//! What is missing from its place: looked at once more before its deletion is believed.

use alloc::vec::Vec;

use crate::disk::Names;
use crate::id::NodeId;
use crate::time::Instant;

use super::Client;
use super::record::Record;
use super::trees::MAX_DEPTH;

/// How long something must be missing before its deletion is looked at again and believed.
pub(super) const DELETION_MS: u64 = 1_000;
/// How soon a deletion is asked about again while older looks are under way.
const CONFIRM_AGAIN_MS: u64 = 50;

/// A node that was found absent.
#[derive(Debug)]
pub(super) struct Missing {
    pub(super) since: Instant,
    /// A look with this number, or a later one, confirms it.
    pub(super) confirmed_by: Option<u64>,
}

impl Client {
    /// A node's name was found absent by a look.
    pub(super) fn found_missing(&mut self, node: NodeId, look: u64) {
        let confirmed = self.looks.missing.get(&node).and_then(|missing| missing.confirmed_by);
        if confirmed.is_some_and(|number| number <= look) {
            self.looks.missing.remove(&node);
            return self.believe_deleted(node);
        }
        if !self.looks.missing.contains_key(&node) {
            let since = self.now.instant;
            self.looks.missing.insert(node, Missing { since, confirmed_by: None });
            self.looks.confirm.set(node, since + DELETION_MS);
            if self.looks.unannounced.remove(&node) {
                self.search_everywhere();
            }
        }
    }

    /// A directory, or one that it is in, was not found where it was: where it is now, and whether it
    /// is, is yet to be seen.
    pub(super) fn is_being_missed(&self, dir: NodeId) -> bool {
        let mut at = dir;
        for _ in 0..MAX_DEPTH {
            if self.looks.missing.contains_key(&at) {
                return true;
            }
            let Some(here) = self.trees.get(at).present() else { return false };
            at = here.place.parent;
        }
        false
    }

    /// After a restart: what is new here settles as if it had just been seen.
    pub(super) fn settle_anew(&mut self) {
        let new: Vec<NodeId> = (self.trees.nodes())
            .filter(|(_, record)| record.present().is_some() && !record.accepted())
            .map(|(node, _)| node)
            .collect();
        new.into_iter().for_each(|node| self.unsettle(node, true));
    }

    /// After a restart: what was missing, and had lost its name to another, still is.
    pub(super) fn miss_displaced(&mut self) {
        let lost = |record: &Record, node: NodeId| {
            record.present().is_some_and(|here| self.trees.at_here(&here.place) != Some(node))
        };
        let displaced: Vec<NodeId> = (self.trees.nodes())
            .filter(|(node, record)| lost(record, *node))
            .map(|(node, _)| node)
            .collect();
        displaced.into_iter().for_each(|node| self.found_missing(node, 0));
    }

    /// Asks for the second look at what has been missing for long enough. Looks that were wanted
    /// before it was missed come first: they may find it elsewhere.
    pub(super) fn confirm_missing(&mut self) {
        let now = self.now.instant;
        let mut due = Vec::new();
        while let Some(node) = self.looks.confirm.pop_due(now) {
            due.push(node);
        }
        if due.is_empty() {
            return;
        }
        let oldest = (self.looks.wanted.values().map(|wanted| wanted.since))
            .chain(self.looks.under_way.values().map(|look| look.since))
            .min();
        for node in due {
            let Some(since) = self.looks.missing.get(&node).map(|missing| missing.since) else {
                continue;
            };
            if oldest.is_some_and(|oldest| oldest <= since) {
                self.looks.confirm.set(node, now + CONFIRM_AGAIN_MS);
                continue;
            }
            let place = self.trees.get(node).present().map(|present| present.place.clone());
            match place {
                Some(place) if self.trees.at_here(&place) == Some(node) => {
                    self.want(place.parent, Names::Only([place.name].into()), false, 0);
                    let confirmed_by = Some(self.looks.last_number + 1);
                    // Should that look say nothing of it, since another took its name: once more.
                    self.looks.confirm.set(node, now + DELETION_MS);
                    self.looks.missing.insert(node, Missing { since, confirmed_by });
                }
                // Another stands there, and no look found this one elsewhere.
                Some(_) => self.believe_deleted(node),
                None => self.not_missing(node),
            }
        }
    }
}
