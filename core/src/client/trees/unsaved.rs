//! Which records are yet to be saved.
//!
//! Invariants: what changed is *unsaved* until it is taken; what is new on this disk alone is *fleeting*
//! until it is kept, and nothing of it is written; whatever is in a directory that is fleeting is
//! fleeting, too.

use alloc::collections::BTreeSet;

use crate::client::record::Record;
use crate::id::NodeId;

use super::Trees;

impl Trees {
    /// Takes the nodes whose records changed since this was last asked.
    pub fn take_unsaved(&mut self) -> BTreeSet<NodeId> {
        core::mem::take(&mut self.unsaved)
    }

    /// Whether there are records to save, now or once they are kept.
    pub fn has_unsaved(&self) -> bool {
        !self.unsaved.is_empty() || !self.fleeting.is_empty()
    }

    /// Whether a node's record changed since it was last taken to be saved.
    pub fn is_unsaved(&self, node: NodeId) -> bool {
        self.unsaved.contains(&node) || self.is_fleeting(node)
    }

    /// Whether nothing of a node is written yet, nor is to be.
    pub fn is_fleeting(&self, node: NodeId) -> bool {
        self.fleeting.contains(&node)
    }

    /// What is new on this disk alone, and not kept yet.
    pub fn fleeting(&self) -> impl Iterator<Item = NodeId> {
        self.fleeting.iter().copied()
    }

    /// It is to be saved once more, with all that is unsaved now.
    pub fn save_again(&mut self, node: NodeId) {
        self.unsaved.insert(node);
    }

    /// It may stay: it is to be saved, and so are the directories that it is in.
    pub fn keep(&mut self, node: NodeId) {
        let mut at = node;
        while self.fleeting.remove(&at) {
            self.unsaved.insert(at);
            let Some(here) = self.get(at).present() else { return };
            at = here.place.parent;
        }
    }

    /// What came and went without having been kept was never written.
    pub(super) fn note_unsaved(&mut self, node: NodeId, before: &Record, after: &Record) {
        let only_here = !after.accepted() && after.intent().is_none();
        let new = before.is_nowhere() && !self.unsaved.contains(&node);
        if after.is_nowhere() && self.fleeting.remove(&node) {
            return;
        }
        if only_here && (new || self.is_fleeting(node)) {
            self.fleeting.insert(node);
            return;
        }
        self.fleeting.remove(&node);
        self.unsaved.insert(node);
        if let Some(here) = after.present() {
            self.keep(here.place.parent);
        }
    }
}
