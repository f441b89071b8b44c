//! Bringing contents here: from the server, or from what came with the stream, into staging.

use alloc::collections::BTreeMap;
use alloc::string::ToString;
use alloc::vec::Vec;

use crate::blob::Blob;
use crate::hash::ContentId;
use crate::id::NodeId;
use crate::name::RelPath;
use crate::node::Content;

use super::event::{Effect, TaskId, TransferError};
use super::inbound::Try;
use super::{Client, ProblemKind};

/// The most contents being fetched.
const MAX_FETCHES: usize = 8;
/// The most bytes of small contents that are kept from the stream until they are placed.
const MAX_KEPT_BYTES: usize = 4 * 1024 * 1024;

/// What is being brought here.
#[derive(Debug, Default)]
pub(super) struct Fetches {
    under_way: BTreeMap<TaskId, (NodeId, Content)>,
    /// What was staged last for a node; the disk may have lost it since.
    staged: BTreeMap<NodeId, ContentId>,
    /// Small contents that came with the stream.
    bytes: BTreeMap<ContentId, Blob>,
    kept_bytes: usize,
}

impl Fetches {
    pub(super) fn is_idle(&self) -> bool {
        self.under_way.is_empty()
    }

    /// What is under way: which nodes, and the contents of them.
    pub(super) fn under_way(&self) -> impl Iterator<Item = (NodeId, Content)> {
        self.under_way.values().copied()
    }

    pub(super) fn nodes(&self) -> impl Iterator<Item = NodeId> {
        self.under_way().map(|(node, _)| node)
    }

    /// A content was staged for the node last.
    pub(super) fn has_staged(&self, node: NodeId, content: ContentId) -> bool {
        self.staged.get(&node) == Some(&content)
    }

    /// What is staged for the node was placed, or is not there.
    pub(super) fn unstage(&mut self, node: NodeId) {
        self.staged.remove(&node);
    }
}

impl Client {
    /// Has a content staged. `None`: it is.
    pub(super) fn bring(
        &mut self,
        node: NodeId,
        content: Content,
        alike: Option<&RelPath>,
    ) -> Option<Try> {
        if self.fetches.has_staged(node, content.id) {
            return None;
        }
        if self
            .fetches
            .under_way
            .values()
            .any(|(of, coming)| (*of, coming.id) == (node, content.id))
        {
            return Some(Try::Blocked);
        }
        let bytes = self.fetches.bytes.get(&content.id).cloned();
        let reachable = bytes.is_some() || self.is_live();
        if self.fetches.under_way.len() >= MAX_FETCHES || !reachable {
            return Some(Try::Full);
        }
        let id = self.task();
        self.fetches.under_way.insert(id, (node, content));
        self.out.push(Effect::Fetch { id, content, bytes, alike: alike.cloned() });
        Some(Try::Started)
    }

    /// Keeps small contents that came with the stream, until they are placed.
    pub(super) fn keep_bytes(&mut self, contents: Vec<Blob>) {
        for bytes in contents {
            if self.fetches.kept_bytes + bytes.len() <= MAX_KEPT_BYTES {
                self.fetches.kept_bytes += bytes.len();
                let size = bytes.len();
                if self.fetches.bytes.insert(ContentId::of(&bytes), bytes).is_some() {
                    self.fetches.kept_bytes -= size;
                }
            }
        }
    }

    fn drop_bytes(&mut self, content: ContentId) {
        if let Some(bytes) = self.fetches.bytes.remove(&content) {
            self.fetches.kept_bytes -= bytes.len();
        }
    }

    pub(super) fn on_fetched(&mut self, id: TaskId, result: Result<(), TransferError>) {
        let Some((node, content)) = self.fetches.under_way.remove(&id) else { return };
        self.drop_bytes(content.id);
        self.trees.touch(node);
        match result {
            Ok(()) => {
                self.fetches.staged.insert(node, content.id);
            }
            Err(TransferError::Disk(error)) => self.on_not_changed(node, &error, &[]),
            Err(error @ (TransferError::Missing | TransferError::Network(_))) => {
                self.hold(node, error.to_string());
            }
            Err(TransferError::Refused(words)) => {
                self.problem(node, ProblemKind::Refused, words.clone());
                self.hold(node, words);
            }
        }
    }
}
