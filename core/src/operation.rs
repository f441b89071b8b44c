//! What a device asks for, and what the journal holds.

use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use crate::blob::Blob;
use crate::hash::{ChainHash, ContentId};
use crate::id::{CommitKey, DeviceId, NodeId, Seq};
use crate::node::{Body, Content, Place, Target};
use crate::time::WallTime;

/// The most operations in one commit.
pub const MAX_OPERATIONS: usize = 1000;
/// The most steps in one operation.
pub const MAX_STEPS: usize = 10_000;
/// The most bytes of all operations of one commit, encoded: with its contents, and as an entry with
/// other entries' contents, they fit in one message.
pub const MAX_OPERATIONS_BYTES: usize = 8 * 1024 * 1024;
/// The largest content that travels inside a commit, in bytes.
pub const MAX_INLINE_BYTES: u64 = 64 * 1024;
/// The most content bytes that travel inside one commit.
pub const MAX_COMMIT_BYTES: usize = 4 * 1024 * 1024;

/// One change to one node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Step {
    /// Makes a node; where its tombstone is, revives it.
    Create {
        /// A fresh id, or the id of a tombstone.
        node: NodeId,
        /// Where it goes.
        place: Place,
        /// What it holds.
        body: Body,
    },
    /// Gives a file other bytes.
    Edit {
        /// A file.
        node: NodeId,
        /// Its new bytes.
        content: Content,
    },
    /// Points a symlink elsewhere.
    Retarget {
        /// A symlink.
        node: NodeId,
        /// Where it points now.
        target: Target,
    },
    /// Sets or clears a file's executable bit.
    SetExecutable {
        /// A file.
        node: NodeId,
        /// The new bit.
        executable: bool,
    },
    /// Renames a node, or moves it to another directory.
    Move {
        /// Any node but the root.
        node: NodeId,
        /// Where it goes.
        place: Place,
    },
    /// Deletes a node; a directory must be empty by then.
    Delete {
        /// Any node but the root.
        node: NodeId,
    },
}

impl Step {
    /// The node that the step changes.
    pub const fn node(&self) -> NodeId {
        match self {
            Self::Create { node, .. }
            | Self::Edit { node, .. }
            | Self::Retarget { node, .. }
            | Self::SetExecutable { node, .. }
            | Self::Move { node, .. }
            | Self::Delete { node } => *node,
        }
    }

    /// The content that the step needs the server to have.
    pub const fn content(&self) -> Option<Content> {
        match self {
            Self::Create { body, .. } => body.content(),
            Self::Edit { content, .. } => Some(*content),
            Self::Retarget { .. }
            | Self::SetExecutable { .. }
            | Self::Move { .. }
            | Self::Delete { .. } => None,
        }
    }
}

/// Steps that happen together or not at all: mostly one; several where names are swapped, rotated or
/// replaced (a *move set*). Names and parents are checked at its end. Each node is in it once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Operation {
    /// 1 to [`MAX_STEPS`] steps.
    pub steps: Vec<Step>,
}

impl From<Step> for Operation {
    fn from(step: Step) -> Self {
        Self { steps: alloc::vec![step] }
    }
}

/// A batch of operations a device asks the server to accept; decided in order, each for itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Commit {
    /// Drawn at random once; sent again after a lost answer, it gets the same answer. It tells its
    /// maker from a copy of it that is the same device to the server.
    pub key: CommitKey,
    /// The base of all its operations: the journal's prefix that the device knew when it decided.
    pub seen: Seq,
    /// 1 to [`MAX_OPERATIONS`] operations.
    pub operations: Vec<Operation>,
    /// The small contents that the operations need; the large ones are uploaded before.
    pub contents: Vec<Blob>,
}

/// What became of one operation of a commit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Verdict {
    /// It is this entry of the journal.
    Accepted(Seq),
    /// It was so already; there is no entry.
    Agreed,
    /// Nothing was changed. The device learns the newer state from the stream and plans again.
    Refused(Refusal),
}

/// Why an operation was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Refusal {
    /// What it was based on has changed since.
    Stale,
    /// The node does not live.
    Deleted,
    /// Another node lives at the name.
    NameTaken,
    /// The directory does not live, or is none.
    ParentGone,
    /// The directory to delete still has children.
    NotEmpty,
    /// A directory would be inside itself.
    WouldCycle,
    /// The server does not have the content; upload it first.
    MissingContent,
    /// The folder may not grow any more.
    OverQuota,
    /// The device may only read.
    ReadOnly,
    /// The node is of another kind than the step needs.
    WrongKind,
    /// The key was used for another commit.
    KeyReused,
    /// Over a limit, the root named, or one node twice in an operation.
    Malformed,
}

/// One accepted operation, as the journal holds it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Its number.
    pub seq: Seq,
    /// Who wrote it.
    pub device: DeviceId,
    /// Of the commit it came in.
    pub key: CommitKey,
    /// When the server accepted it, for people to read.
    pub time: WallTime,
    /// What happened; steps that were so already are left out.
    pub operation: Operation,
}

/// A prefix of a journal: its last entry's number and chain hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cursor {
    /// The last entry of the prefix.
    pub seq: Seq,
    /// Its chain hash.
    pub hash: ChainHash,
}

impl Cursor {
    /// Before the first entry.
    pub const START: Self = Self { seq: Seq::ZERO, hash: ChainHash::EMPTY };

    /// The prefix that is one entry longer.
    #[must_use]
    pub fn after(&self, entry: &Entry) -> Self {
        let bytes = postcard::to_allocvec(entry).expect("an entry holds nothing unencodable");
        Self { seq: entry.seq, hash: self.hash.followed_by(&bytes) }
    }
}

impl Commit {
    /// What a repeat of the commit is compared by.
    pub fn fingerprint(&self) -> ContentId {
        ContentId::of(&postcard::to_allocvec(self).expect("a commit holds nothing unencodable"))
    }
}
