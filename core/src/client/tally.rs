//! Nodes, each with the bytes that it stands for, and the sum of them: kept, so that saying how much
//! there is left costs the same however much that is.

use alloc::collections::BTreeMap;
use core::ops::Bound;

use crate::id::NodeId;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Tally {
    nodes: BTreeMap<NodeId, u64>,
    bytes: u64,
}

impl Tally {
    /// Counts a node in; one that was in counts anew.
    pub(super) fn insert(&mut self, node: NodeId, bytes: u64) {
        let before = self.nodes.insert(node, bytes).unwrap_or(0);
        self.bytes = self.bytes - before + bytes;
    }

    pub(super) fn remove(&mut self, node: NodeId) {
        self.bytes -= self.nodes.remove(&node).unwrap_or(0);
    }

    pub(super) fn contains(&self, node: NodeId) -> bool {
        self.nodes.contains_key(&node)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// All of them, by id.
    pub(super) fn iter(&self) -> impl Iterator<Item = NodeId> {
        self.nodes.keys().copied()
    }

    /// The first after this one.
    pub(super) fn after(&self, node: NodeId) -> Option<NodeId> {
        let later = self.nodes.range((Bound::Excluded(node), Bound::Unbounded));
        later.map(|(node, _)| *node).next()
    }

    pub(super) fn pop_first(&mut self) -> Option<NodeId> {
        let (node, bytes) = self.nodes.pop_first()?;
        self.bytes -= bytes;
        Some(node)
    }

    /// How many there are, and their bytes.
    pub(super) fn total(&self) -> (u64, u64) {
        (self.nodes.len() as u64, self.bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::bench::node;

    #[test]
    fn the_bytes_of_what_comes_again_and_goes_are_counted_once() {
        let mut tally = Tally::default();
        tally.insert(node(1), 5);
        tally.insert(node(2), 7);
        tally.insert(node(1), 3);
        assert_eq!(tally.total(), (2, 10));
        tally.remove(node(9));
        tally.remove(node(2));
        assert_eq!((tally.total(), tally.after(NodeId::ROOT)), ((1, 3), Some(node(1))));
        assert_eq!((tally.pop_first(), tally.total()), (Some(node(1)), (0, 0)));
    }
}
