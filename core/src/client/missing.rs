//! What is missing from its place: taken over by what stands there now, or looked at once more before
//! its deletion is believed.

use alloc::collections::BTreeSet;
use alloc::vec::Vec;

use crate::disk::{Listing, Names};
use crate::id::NodeId;
use crate::name::Name;
use crate::node::Kind;
use crate::time::Instant;

use super::looking::{Look, asked};
use super::record::{Local, Record};
use super::trees::MAX_DEPTH;
use super::{Client, ProblemKind};

/// How long something must be missing before its deletion is looked at again and believed.
pub(super) const DELETION_MS: u64 = 1_000;

/// A node that was found absent.
#[derive(Debug)]
pub(super) struct Missing {
    pub(super) since: Instant,
    /// A look with this number, or a later one, confirms it.
    pub(super) confirmed_by: Option<u64>,
}

impl Client {
    /// What was asked for and is not there.
    pub(super) fn miss_absent(&mut self, look: &Look, listing: &Listing) {
        let there: BTreeSet<&Name> = listing.names.iter().map(|(name, _)| name).collect();
        let absent = |name: &Name| {
            asked(&look.names, name) && !there.contains(name) && !look.tainted.contains(name)
        };
        let gone: Vec<NodeId> = match &look.names {
            Names::All => (self.trees.children_here(look.dir))
                .filter(|(name, _)| absent(name))
                .map(|(_, node)| node)
                .collect(),
            Names::Only(names) => (names.iter())
                .filter(|name| absent(name))
                .filter_map(|name| self.trees.child_here(look.dir, name))
                .collect(),
        };
        for name in self.others_in(look.dir).iter().filter(|name| absent(name)) {
            self.not_other(look.dir, name);
            self.reveal(look.dir, name);
        }
        gone.into_iter().for_each(|node| self.found_gone(node, look.number));
    }

    /// A look shows that a node is not at its name.
    pub(super) fn found_gone(&mut self, node: NodeId, look: u64) {
        if !self.forget_unaccepted(node) {
            self.found_missing(node, look);
        }
    }

    /// A node that is gone, while a never accepted one of its kind stands where it was agreed to
    /// be (save by renaming away, writing anew, removing): it is edited, and lives on there.
    fn take_over(&mut self, node: NodeId) -> bool {
        let record = self.trees.get(node);
        let Some(synced) = record.synced() else { return false };
        let kind = synced.body.kind();
        let Some(heir) = self.trees.at_here(&synced.place).filter(|&heir| heir != node) else {
            return false;
        };
        let known = self.trees.get(heir);
        if known.accepted()
            || self.is_in_flight(heir)
            || self.is_in_flight(node)
            || known.present().is_none_or(|present| present.body.kind() != kind)
        {
            return false;
        }
        for below in self.trees.all_below_here(node) {
            self.believe_deleted(below);
        }
        self.trees.set_local(node, Local::Absent);
        self.hand_over(heir, node);
        self.unsettle(node, false);
        if kind == Kind::Directory {
            self.want_all(node, 0);
        }
        true
    }

    /// The server knows it, or may have heard of it.
    pub(super) fn may_be_known_there(&self, node: NodeId) -> bool {
        self.trees.get(node).accepted()
            || self.is_in_commit(node)
            || self.sent_before.contains(&node)
    }

    /// A node that the server never heard of costs nothing when it goes. A directory into which
    /// something was moved that the server knows is missing like anything else: it may have been
    /// renamed, with that in it.
    pub(super) fn forget_unaccepted(&mut self, node: NodeId) -> bool {
        let mut whole = self.trees.all_below_here(node);
        whole.push(node);
        if whole.iter().any(|&node| self.may_be_known_there(node)) {
            return false;
        }
        for node in whole {
            self.look_no_more(node);
            self.trees.set_local(node, Local::Absent);
        }
        true
    }

    /// It is not on this disk any more, nor is anything that was in it.
    pub(super) fn believe_deleted(&mut self, node: NodeId) {
        let mut whole = self.trees.all_below_here(node);
        whole.push(node);
        for node in whole {
            self.look_no_more(node);
            if self.trees.get(node).present().is_some() {
                self.trees.set_local(node, Local::Absent);
            }
        }
    }

    /// It is gone: nothing is to be found out about it any more, nor about what is in it.
    pub(super) fn look_no_more(&mut self, node: NodeId) {
        self.looks.missing.remove(&node);
        self.looks.wanted.remove(&node);
        self.looks.unnameable.remove(&node);
        if self.looks.blind.remove(&node) | self.looks.reopened.remove(&node).is_some() {
            self.plan_what_was_unknown(node);
        }
        self.solved(node, ProblemKind::Unreadable);
        self.others_are_gone(node);
    }

    /// A node's name was found absent by a look.
    pub(super) fn found_missing(&mut self, node: NodeId, look: u64) {
        let confirmed = self.looks.missing.get(&node).and_then(|missing| missing.confirmed_by);
        if confirmed.is_some_and(|number| number <= look) && !self.is_any_moved_out_of_sight(node) {
            self.looks.missing.remove(&node);
            if !self.take_over(node) {
                self.believe_deleted(node);
            }
            return;
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

    /// It, or a directory that it is in, was not found where it was: where it is now, and whether it
    /// is, is yet to be seen.
    pub(super) fn is_being_missed(&self, node: NodeId) -> bool {
        let mut at = node;
        for _ in 0..MAX_DEPTH {
            if self.looks.missing.contains_key(&at) {
                return true;
            }
            let Some(here) = self.trees.get(at).present() else { return false };
            at = here.place.parent;
        }
        false
    }

    /// Something is missing where it can be seen whether it is there.
    pub(super) fn is_missing_any(&self) -> bool {
        let unknown = |node| self.is_unknown(node) || self.is_any_moved_out_of_sight(node);
        self.looks.missing.keys().any(|node| !unknown(*node))
    }

    /// After a restart: a name that is new here settles as if it had just been seen.
    pub(super) fn settle_anew(&mut self) {
        let new: Vec<NodeId> = (self.trees.nodes())
            .filter(|(_, record)| record.is_new_at_its_name())
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
        if due.is_empty() && self.looks.after_older.is_empty() {
            return;
        }
        let oldest = self.oldest_look();
        let comes_first = |since: Instant| oldest.is_some_and(|oldest| oldest <= since);
        while let Some(&(since, node)) = self.looks.after_older.first()
            && !comes_first(since)
        {
            self.looks.after_older.pop_first();
            // It may have been found meanwhile, and be missing again.
            let missing = self.looks.missing.get(&node);
            due.extend(missing.filter(|missing| missing.since == since).map(|_| node));
        }
        for node in due {
            let Some(since) = self.looks.missing.get(&node).map(|missing| missing.since) else {
                continue;
            };
            if comes_first(since) {
                self.looks.after_older.insert((since, node));
                continue;
            }
            let place = self.trees.get(node).present().map(|present| present.place.clone());
            match place {
                // Wherever this device had moved it, nobody can look.
                Some(_) if self.is_any_moved_out_of_sight(node) => {
                    self.looks.confirm.set(node, now + DELETION_MS);
                }
                Some(place) if self.trees.at_here(&place) == Some(node) => {
                    self.want(place.parent, Names::Only([place.name].into()), false, 0);
                    let confirmed_by = Some(self.looks.last_number + 1);
                    // Should that look say nothing of it, since another took its name: once more.
                    self.looks.confirm.set(node, now + DELETION_MS);
                    self.looks.missing.insert(node, Missing { since, confirmed_by });
                }
                // By what was last known, another stands there; nobody can look whether it does.
                Some(_) if self.is_unknown(node) => {
                    self.looks.confirm.set(node, now + DELETION_MS);
                }
                // Another stands there, and no look found this one elsewhere.
                Some(_) => self.believe_deleted(node),
                None => self.not_missing(node),
            }
        }
    }
}
