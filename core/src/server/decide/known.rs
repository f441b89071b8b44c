//! The facts of one transaction: what was loaded, and over it what the transaction changed.
//!
//! Invariant: a fact is present, absent or not loaded; looking up one that is not loaded gives its
//! key. What this transaction changed is never overwritten by what is loaded later.

use alloc::collections::btree_map::Entry;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

use crate::hash::ContentId;
use crate::id::{CommitKey, DeviceId, NodeId};
use crate::node::{Content, Place};
use crate::server::facts::{Fact, FactKey, NodeRow, StoredOutcome};

use super::draft::Draft;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Known {
    nodes: BTreeMap<NodeId, Option<NodeRow>>,
    /// Nodes that did not live before this transaction: nothing was inside them then.
    lifeless: BTreeSet<NodeId>,
    children: BTreeMap<Place, Option<NodeId>>,
    /// The numbers of live children before this transaction.
    counts: BTreeMap<NodeId, u64>,
    /// What this transaction added to them.
    count_changes: BTreeMap<NodeId, i64>,
    contents: BTreeMap<(ContentId, u64), bool>,
    outcomes: BTreeMap<(DeviceId, CommitKey), Option<StoredOutcome>>,
    changed: BTreeSet<NodeId>,
}

impl Known {
    /// The node's row, if it has one.
    pub(super) fn node(&self, node: NodeId) -> Result<Option<&NodeRow>, FactKey> {
        self.nodes.get(&node).map(Option::as_ref).ok_or(FactKey::Node(node))
    }

    /// The live node at a place.
    pub(super) fn child(&self, place: &Place) -> Result<Option<NodeId>, FactKey> {
        match self.children.get(place) {
            Some(child) => Ok(*child),
            None if self.lifeless.contains(&place.parent) => Ok(None),
            None => Err(FactKey::Child(place.parent, place.name.clone())),
        }
    }

    /// How many live children a directory has.
    pub(super) fn live_children(&self, node: NodeId) -> Result<i64, FactKey> {
        let loaded = match self.counts.get(&node) {
            Some(count) => *count,
            None if self.lifeless.contains(&node) => 0,
            None => return Err(FactKey::Children(node)),
        };
        let loaded = i64::try_from(loaded).expect("fewer than 2^63 nodes");
        Ok(loaded + self.count_changes.get(&node).copied().unwrap_or(0))
    }

    /// Whether the server has a content, whole and of this size.
    pub(super) fn has_content(&self, content: Content) -> Result<bool, FactKey> {
        let key = (content.id, content.size);
        self.contents.get(&key).copied().ok_or(FactKey::Content(content.id, content.size))
    }

    /// What a commit was answered before.
    pub(super) fn outcome(
        &self,
        device: DeviceId,
        key: CommitKey,
    ) -> Result<Option<&StoredOutcome>, FactKey> {
        let outcome = self.outcomes.get(&(device, key));
        outcome.map(Option::as_ref).ok_or(FactKey::Outcome(device, key))
    }

    /// Takes a loaded fact; what is known already stays.
    pub(super) fn learn(&mut self, fact: Fact) {
        match fact {
            Fact::Node(node, row) => {
                if let Entry::Vacant(vacant) = self.nodes.entry(node) {
                    if !row.as_ref().is_some_and(|row| row.alive) {
                        self.lifeless.insert(node);
                    }
                    vacant.insert(row);
                }
            }
            Fact::Child(parent, name, child) => {
                self.children.entry(Place { parent, name }).or_insert(child);
            }
            Fact::Children(node, count) => {
                self.counts.entry(node).or_insert(count);
            }
            Fact::Content(content, size, there) => {
                self.contents.entry((content, size)).or_insert(there);
            }
            // Absent when loaded, present once the same batch has decided it.
            Fact::Outcome(device, key, outcome) => {
                self.outcomes.insert((device, key), outcome);
            }
        }
    }

    /// A content came with the commit; `false` if it is known to be there already.
    pub(super) fn keep_content(&mut self, content: Content) -> bool {
        self.contents.insert((content.id, content.size), true) != Some(true)
    }

    /// Takes over what an accepted operation changed.
    pub(super) fn apply(&mut self, draft: Draft) {
        for change in draft.changes.values() {
            if let Some(old) = change.old_live() {
                self.children.insert(old.state.place.clone(), None);
                *self.count_changes.entry(old.state.place.parent).or_default() -= 1;
            }
        }
        for (node, change) in draft.changes {
            if let Some(new) = change.new_live() {
                self.children.insert(new.state.place.clone(), Some(node));
                *self.count_changes.entry(new.state.place.parent).or_default() += 1;
            }
            self.nodes.insert(node, Some(change.new));
            self.changed.insert(node);
        }
    }

    /// The rows that this transaction has to write, by id.
    pub(super) fn changed_rows(&self) -> Vec<NodeRow> {
        let rows = self.changed.iter().filter_map(|node| self.nodes.get(node).cloned().flatten());
        rows.collect()
    }
}
