//! The messages of the one ordered stream between a device and a server.
//!
//! Each WebSocket frame is one message in postcard's encoding. `Hello` and `Farewell` come first in
//! their enums and begin with plain numbers, so that every version can read enough of them to part
//! with a clear word.

use alloc::string::String;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use crate::blob::Blob;
use crate::hash::ContentId;
use crate::id::{CommitKey, DeviceId, FolderId, Lineage, NodeId, Seq};
use crate::node::State;
use crate::operation::{Commit, Cursor, Entry, Verdict};

/// The version of these messages; both sides must speak the same.
pub const PROTOCOL: u16 = 1;
/// How often the server sends a digest.
pub const DIGEST_EVERY_MS: u64 = 5_000;
/// A device that has heard nothing for this long takes the connection for dead.
pub const SILENCE_MS: u64 = 15_000;
/// The most rows in one page of a snapshot.
pub const MAX_PAGE_ROWS: usize = 1_000;
/// The most entries in one message.
pub const MAX_ENTRIES: usize = 1_000;
/// The largest message, in bytes: a full commit, and room to spare.
pub const MAX_MESSAGE_BYTES: usize = 16 * 1024 * 1024;

/// What a device says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ClientMessage {
    /// The first message of a connection.
    Hello {
        /// [`PROTOCOL`].
        protocol: u16,
        /// The prefix of the journal that the device has, durably.
        cursor: Cursor,
        /// The lineages that its own state may be known by: the one that was welcomed, and one that
        /// it went on by since.
        known: Vec<Lineage>,
        /// The newest of them, which it will be known by once it is welcomed.
        next: Lineage,
    },
    /// The device's state goes on by this lineage from here: said once a connection, before its
    /// first commit, so that a copy of the state that was made before is told from it.
    Continue(Lineage),
    /// Asks the server to accept operations. Each gets exactly one outcome.
    Commit(Commit),
    /// The device has this prefix, durably; older outcomes may be forgotten.
    Acknowledge(Seq),
    /// Asks for a snapshot's page: the first, or the one after this node.
    NextPage(Option<NodeId>),
}

/// What a server says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ServerMessage {
    /// The last message of a connection that the server ends.
    Farewell {
        /// The protocol version that the server speaks.
        protocol: u16,
        /// Why.
        reason: Farewell,
    },
    /// The answer to `Hello`.
    Welcome {
        /// The folder that the device belongs to.
        folder: FolderId,
        /// The device's own id.
        device: DeviceId,
        /// Whether the device may write.
        writable: bool,
        /// How it goes on from here.
        resume: Resume,
        /// The journal's head now.
        head: Seq,
    },
    /// The entries that follow the device's cursor.
    Entries {
        /// In order, with no gap.
        entries: Vec<Entry>,
        /// Small contents that they name and that are still current; others are fetched.
        contents: Vec<Blob>,
    },
    /// What became of a commit; comes after all entries up to the head it was decided at.
    Outcome {
        /// Which commit.
        key: CommitKey,
        /// One for each of its operations, in order.
        verdicts: Vec<Verdict>,
    },
    /// The whole list, compared: sent every [`DIGEST_EVERY_MS`] and after all entries up to its head.
    Digest {
        /// The journal's head.
        head: Cursor,
        /// The sum over all live nodes at that head.
        sum: TreeSum,
    },
    /// A page of a snapshot, by ascending node id. Entries since `start` follow the last page.
    Page {
        /// The head when the first page was built; the cursor once the snapshot is complete.
        start: Cursor,
        /// Live nodes, each as new as it was when its page was built.
        rows: Vec<Row>,
        /// There is no further page.
        last: bool,
    },
}

/// How a device goes on after `Hello`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Resume {
    /// Entries follow from its cursor on.
    Entries,
    /// A snapshot is shorter; the device asks for its pages. What both agreed on still holds.
    Snapshot,
    /// The same, but what both agreed on does not hold: merge as in a first join.
    Merge(MergeReason),
}

/// Why nothing that was agreed on still holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum MergeReason {
    /// The device has nothing yet.
    FirstJoin,
    /// The device's cursor is not a prefix of the journal: the server is older, or another.
    OtherJournal,
    /// The device acknowledged more than it now has: its own state is older.
    OlderDevice,
    /// Another client continued from the same state: a cloned disk.
    ClonedDevice,
}

/// Why the server ends a connection.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Farewell {
    /// The server does not speak the device's protocol version.
    UnknownProtocol,
    /// A newer connection of the same device has taken its place.
    Replaced,
    /// The device was revoked.
    Revoked,
    /// The server is stopping; try again in a moment.
    Stopping,
    /// A message could not be read, or came at the wrong time.
    Malformed(String),
    /// The server could not go on: database or disk.
    Failed(String),
}

/// A live node, in a snapshot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Row {
    /// Which node.
    pub node: NodeId,
    /// What it is.
    pub state: State,
    /// The last entry that changed it: entries up to it say nothing new about this node.
    pub seq: Seq,
    /// The commit that wrote its content: so a device knows its own work.
    pub content_by: CommitKey,
    /// The commit that wrote its place.
    pub place_by: CommitKey,
}

/// An additive 256-bit sum of one hash for each live node: equal trees have equal sums.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TreeSum([u64; 4]);

impl TreeSum {
    /// Takes a sum read back.
    pub const fn from_limbs(limbs: [u64; 4]) -> Self {
        Self(limbs)
    }

    /// Four 64-bit limbs, least significant first.
    pub const fn limbs(&self) -> [u64; 4] {
        self.0
    }

    /// Counts a live node in.
    pub fn add(&mut self, node: NodeId, state: &State) {
        let mut carry = false;
        for (limb, term) in self.0.iter_mut().zip(term(node, state)) {
            let (sum, first) = limb.overflowing_add(term);
            let (sum, second) = sum.overflowing_add(u64::from(carry));
            (*limb, carry) = (sum, first || second);
        }
    }

    /// Counts out a node that was counted in with this state.
    pub fn remove(&mut self, node: NodeId, state: &State) {
        let mut borrow = false;
        for (limb, term) in self.0.iter_mut().zip(term(node, state)) {
            let (rest, first) = limb.overflowing_sub(term);
            let (rest, second) = rest.overflowing_sub(u64::from(borrow));
            (*limb, borrow) = (rest, first || second);
        }
    }
}

/// The hash of what two trees must agree on: id, place, kind, content, executable; not the mtime.
fn term(node: NodeId, state: &State) -> [u64; 4] {
    let mut hasher = blake3::Hasher::new();
    hasher.update(node.as_bytes()).update(state.place.parent.as_bytes());
    hasher.update(&[state.place.name.as_bytes().len() as u8]);
    hasher.update(state.place.name.as_bytes());
    hasher.update(&[state.body.kind() as u8, u8::from(state.body.executable())]);
    match &state.body {
        crate::node::Body::Directory => {}
        crate::node::Body::File { content, .. } => {
            hasher.update(content.id.as_bytes());
        }
        crate::node::Body::Symlink(target) => {
            hasher.update(ContentId::of(target.as_bytes()).as_bytes());
        }
    }
    let hash = hasher.finalize();
    let mut limbs = [0; 4];
    for (limb, bytes) in limbs.iter_mut().zip(hash.as_bytes().chunks_exact(8)) {
        *limb = u64::from_le_bytes(bytes.try_into().expect("chunks of eight bytes"));
    }
    limbs
}
