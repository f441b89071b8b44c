//! What a decision needs to know, as the database holds it, and what it then writes.
//!
//! A fact that was not loaded is not a fact: looking one up that is missing yields its key, the
//! driver loads it, and the decision is asked again. So a commit reads just what it touches.

use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use crate::blob::Blob;
use crate::hash::ContentId;
use crate::id::{CommitKey, DeviceId, NodeId, Seq};
use crate::name::Name;
use crate::node::State;
use crate::operation::{Cursor, Entry, Verdict};
use crate::protocol::{Row, TreeSum};

/// A node as the server keeps it: live, or as a tombstone with its last state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeRow {
    /// Which node.
    pub node: NodeId,
    /// It lives; `false` is a tombstone.
    pub alive: bool,
    /// What it is, or last was.
    pub state: State,
    /// The entry that last created, revived or deleted it.
    pub existence: Seq,
    /// The entry that last set its place.
    pub placed: Seq,
    /// The entry that last set its content or target.
    pub written: Seq,
    /// The last entry that changed anything of it (the executable bit included).
    pub changed: Seq,
    /// The commit that last set its place.
    pub place_by: CommitKey,
    /// The commit that last set its content or target.
    pub content_by: CommitKey,
}

impl NodeRow {
    /// The row of a snapshot; only for a live node.
    pub fn to_row(&self) -> Row {
        Row {
            node: self.node,
            state: self.state.clone(),
            seq: self.changed,
            content_by: self.content_by,
            place_by: self.place_by,
        }
    }
}

/// Names a fact.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum FactKey {
    /// A node, live or tombstone.
    Node(NodeId),
    /// Which live node has a name in a directory.
    Child(NodeId, Name),
    /// How many live children a directory has.
    Children(NodeId),
    /// Whether a content of this size is complete on the server.
    Content(ContentId, u64),
    /// What a commit was answered before.
    Outcome(DeviceId, CommitKey),
}

/// A fact, as loaded inside the transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fact {
    /// The node, if there is one.
    Node(NodeId, Option<NodeRow>),
    /// The live node that has the name, if one has.
    Child(NodeId, Name, Option<NodeId>),
    /// The number of live children.
    Children(NodeId, u64),
    /// It is there, whole, and of this size.
    Content(ContentId, u64, bool),
    /// The earlier answer, if there was one and it is still kept.
    Outcome(DeviceId, CommitKey, Option<StoredOutcome>),
}

/// The answer to a commit, kept until the device's acknowledged cursor has passed it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredOutcome {
    /// Of the commit's body: the same key with another body is refused.
    pub fingerprint: ContentId,
    /// The journal's head after it.
    pub at: Seq,
    /// One for each operation.
    pub verdicts: Vec<Verdict>,
}

/// A folder's own row: what is read under its lock before anything else.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// The journal's last entry.
    pub cursor: Cursor,
    /// The sum over all live nodes.
    pub sum: TreeSum,
    /// The bytes of all live files.
    pub bytes: u64,
    /// The most bytes it may hold, if there is a limit.
    pub quota: Option<u64>,
}

impl Head {
    /// An empty folder.
    pub const EMPTY: Self =
        Self { cursor: Cursor::START, sum: TreeSum::from_limbs([0; 4]), bytes: 0, quota: None };
}

/// What a transaction writes: all of it or nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Writes {
    /// The folder's new head; `None` if nothing was accepted.
    pub head: Option<Head>,
    /// Node rows to insert or replace. Applied as one: names are unique among live nodes at the end.
    pub nodes: Vec<NodeRow>,
    /// Entries to append, each with the chain hash up to it.
    pub entries: Vec<(Entry, Cursor)>,
    /// Small contents to keep.
    pub contents: Vec<(ContentId, Blob)>,
    /// Answers to keep.
    pub outcomes: Vec<(DeviceId, CommitKey, StoredOutcome)>,
}
