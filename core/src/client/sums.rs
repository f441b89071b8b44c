//! What is counted over all nodes, kept as their records change: nobody walks all of them to know.

use alloc::collections::BTreeSet;

use crate::id::NodeId;
use crate::node::Kind;
use crate::protocol::TreeSum;

use super::record::{Consent, Record};

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Sums {
    /// The sum over *remote*.
    pub(super) tree: TreeSum,
    /// Live nodes at the server that are no directories.
    pub(super) files_there: u64,
    /// Files on this disk.
    pub(super) files_here: u64,
    /// Their bytes.
    pub(super) bytes_here: u64,
    /// Deletions that a person is asked about.
    pub(super) awaited: BTreeSet<NodeId>,
}

impl Sums {
    pub(super) fn add_local(&mut self, record: &Record) {
        if let Some(bytes) = file_here(record) {
            self.files_here += 1;
            self.bytes_here += bytes;
        }
    }

    pub(super) fn remove_local(&mut self, record: &Record) {
        if let Some(bytes) = file_here(record) {
            self.files_here -= 1;
            self.bytes_here -= bytes;
        }
    }

    pub(super) fn add_remote(&mut self, node: NodeId, record: &Record) {
        if let Some(state) = record.remote() {
            self.tree.add(node, state);
            self.files_there += u64::from(state.body.kind() != Kind::Directory);
        }
    }

    pub(super) fn remove_remote(&mut self, node: NodeId, record: &Record) {
        if let Some(state) = record.remote() {
            self.tree.remove(node, state);
            self.files_there -= u64::from(state.body.kind() != Kind::Directory);
        }
    }

    pub(super) fn note_consent(&mut self, node: NodeId, record: &Record) {
        if record.consent() == Consent::Awaited {
            self.awaited.insert(node);
        } else {
            self.awaited.remove(&node);
        }
    }
}

fn file_here(record: &Record) -> Option<u64> {
    let here = record.present()?;
    (here.body.kind() == Kind::File).then_some(here.stamp.size)
}
