//! Walks over the indexes from directories to what is in them.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use crate::disk::Inode;
use crate::id::NodeId;
use crate::name::Name;
use crate::node::Place;

use super::Record;

/// What is in each directory, by name.
pub(super) type Children = BTreeMap<(NodeId, Name), NodeId>;

/// The nodes in a directory.
pub(super) fn children(index: &Children, parent: NodeId) -> impl Iterator<Item = (&Name, NodeId)> {
    index
        .range((parent, Name::first())..)
        .take_while(move |((of, _), _)| *of == parent)
        .map(|((_, name), node)| (name, *node))
}

/// The same without their names.
pub(super) fn nodes_in(index: &Children, dir: NodeId) -> impl Iterator<Item = NodeId> {
    children(index, dir).map(|(_, node)| node)
}

/// All below a directory, parents first, without the directory itself.
///
/// While moves are half seen, directories may be in each other: as each is in one only, none but
/// `node` itself can come again.
pub(super) fn below<I: Iterator<Item = NodeId>>(
    inside: impl Fn(NodeId) -> I,
    node: NodeId,
) -> Vec<NodeId> {
    let mut found: Vec<NodeId> = inside(node).filter(|at| *at != node).collect();
    let mut next = 0;
    while next < found.len() {
        found.extend(inside(found[next]).filter(|at| *at != node));
        next += 1;
    }
    found
}

/// Two nodes may claim one key for a moment; only the owner's claim is dropped.
pub(super) fn remove_own<K: Ord>(index: &mut BTreeMap<K, NodeId>, key: &K, node: NodeId) {
    if index.get(key) == Some(&node) {
        index.remove(key);
    }
}

/// What the indexes of this disk tell of a node.
pub(super) fn whereabouts(record: &Record) -> Option<(&Place, Inode, bool)> {
    record.last_seen().map(|seen| (&seen.place, seen.stamp.inode, seen.linked))
}
