//! When nodes are due, in order: the next one costs the same however many wait.

use alloc::collections::{BTreeMap, BTreeSet};

use crate::id::NodeId;
use crate::time::Instant;

/// At most one point in time for each node.
#[derive(Debug, Default)]
pub(super) struct Timers {
    by_node: BTreeMap<NodeId, Instant>,
    by_time: BTreeSet<(Instant, NodeId)>,
}

impl Timers {
    pub(super) fn set(&mut self, node: NodeId, due: Instant) {
        self.remove(node);
        self.by_node.insert(node, due);
        self.by_time.insert((due, node));
    }

    pub(super) fn remove(&mut self, node: NodeId) {
        if let Some(due) = self.by_node.remove(&node) {
            self.by_time.remove(&(due, node));
        }
    }

    pub(super) fn contains(&self, node: NodeId) -> bool {
        self.by_node.contains_key(&node)
    }

    /// The nodes that wait, with when they are due.
    pub(super) fn iter(&self) -> impl Iterator<Item = (NodeId, Instant)> {
        self.by_node.iter().map(|(node, due)| (*node, *due))
    }

    /// The earliest.
    pub(super) fn next(&self) -> Option<Instant> {
        self.by_time.first().map(|(due, _)| *due)
    }

    /// Takes one that is due.
    pub(super) fn pop_due(&mut self, now: Instant) -> Option<NodeId> {
        let (_, node) = *self.by_time.first().filter(|(due, _)| *due <= now)?;
        self.remove(node);
        Some(node)
    }
}
