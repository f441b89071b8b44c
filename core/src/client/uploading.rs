//! Bringing contents to the server before the commits that need them: large ones go up by
//! themselves, small ones wait to travel in a commit.

use alloc::collections::BTreeMap;
use alloc::string::ToString;

use crate::blob::Blob;
use crate::hash::ContentId;
use crate::id::NodeId;
use crate::node::Content;
use crate::operation::MAX_COMMIT_BYTES;

use super::event::{Effect, TaskId, TransferError, Upload};
use super::tally::Tally;
use super::{Client, ProblemKind};

/// The most contents being uploaded.
const MAX_UPLOADS: usize = 4;

/// What is being brought to the server.
#[derive(Debug, Default)]
pub(super) struct Uploads {
    /// Nodes whose content the server needs first.
    pub(super) wanted: Tally,
    under_way: BTreeMap<TaskId, (NodeId, Content)>,
    /// Contents that the server has, or that will travel in the commit.
    loaded: BTreeMap<NodeId, (ContentId, Option<Blob>)>,
    loaded_bytes: usize,
}

impl Uploads {
    pub(super) fn is_idle(&self) -> bool {
        self.under_way.is_empty()
    }

    pub(super) fn is_under_way(&self, node: NodeId) -> bool {
        self.under_way.values().any(|upload| upload.0 == node)
    }

    /// What is under way: which nodes, and the contents of them.
    pub(super) fn under_way(&self) -> impl Iterator<Item = (NodeId, Content)> {
        self.under_way.values().copied()
    }

    pub(super) fn nodes(&self) -> impl Iterator<Item = NodeId> {
        self.under_way().map(|(node, _)| node)
    }

    /// How many bytes of a node travel in the commit; what went up by itself, or needs not, is none.
    pub(super) fn inline_bytes(&self, node: NodeId) -> u64 {
        let loaded = self.loaded.get(&node).and_then(|(_, bytes)| bytes.as_ref());
        loaded.map_or(0, |bytes| bytes.len() as u64)
    }

    /// The bytes that travel in the commit.
    pub(super) fn inline(&self, node: NodeId) -> Option<Blob> {
        self.loaded.get(&node).and_then(|(_, bytes)| bytes.clone())
    }
}

impl Client {
    /// Starts the uploads that may start.
    pub(super) fn pump_uploads(&mut self) {
        while self.may_upload() {
            let Some(node) = self.uploads.wanted.pop_first() else { break };
            if let Some(content) = self.step(node).and_then(|step| step.content()) {
                self.start_upload(node, content);
            }
        }
    }

    pub(super) fn is_loaded(&self, node: NodeId, content: &Content) -> bool {
        self.uploads.loaded.get(&node).is_some_and(|(id, _)| *id == content.id)
    }

    fn may_upload(&self) -> bool {
        self.uploads.under_way.len() < MAX_UPLOADS && self.uploads.loaded_bytes < MAX_COMMIT_BYTES
    }

    fn start_upload(&mut self, node: NodeId, content: Content) {
        let Some(path) = self.trees.path_here(node) else { return };
        let Some(stamp) = self.trees.get(node).present().map(|present| present.stamp) else {
            return;
        };
        let start = self.prefix(node).is_some();
        let id = self.task();
        self.uploads.under_way.insert(id, (node, content));
        self.out.push(Effect::Upload { id, path, stamp, content, start });
    }

    pub(super) fn on_uploaded(&mut self, id: TaskId, result: Result<Upload, TransferError>) {
        let Some((node, content)) = self.uploads.under_way.remove(&id) else { return };
        self.trees.touch(node);
        self.unload(node);
        if result.is_err() {
            self.spend_prefix(node);
        }
        match result {
            Ok(Upload::Stored) => {
                self.uploads.loaded.insert(node, (content.id, None));
            }
            Ok(Upload::Inline(bytes)) => {
                self.uploads.loaded_bytes += bytes.len();
                self.uploads.loaded.insert(node, (content.id, Some(bytes)));
            }
            Err(error @ (TransferError::Missing | TransferError::Network(_))) => {
                self.hold(node, error.to_string());
            }
            Err(TransferError::Disk(error)) => self.on_unread(node, &error),
            Err(TransferError::Refused(words)) => {
                self.problem(node, ProblemKind::Refused, words.clone());
                self.hold(node, words);
            }
        }
    }

    /// Nothing of a node travels in a commit, for now.
    pub(super) fn unload(&mut self, node: NodeId) {
        if let Some((_, Some(bytes))) = self.uploads.loaded.remove(&node) {
            self.uploads.loaded_bytes -= bytes.len();
        }
    }
}

#[cfg(test)]
mod tests;
