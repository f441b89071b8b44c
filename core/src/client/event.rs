//! What a client engine is told, and what it asks for.
//!
//! Every effect that carries a [`TaskId`] gets exactly one event with the same id as its answer.

use alloc::string::String;

use serde::{Deserialize, Serialize};

use crate::blob::Blob;
use crate::disk::{Change, DiskError, Listing, Names, Stamp, Start};
use crate::id::{DeviceId, NodeId};
use crate::name::RelPath;
use crate::node::Content;
use crate::protocol::{ClientMessage, ServerMessage};
use crate::time::WallTime;

use super::deletions::Answer;
use super::saved::SaveBatch;

/// Pairs an effect with its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct TaskId(pub u64);

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Event {
    /// The first event: the driver is ready.
    Started,
    /// The deadline has come.
    Ticked,
    /// The watcher says that something may have changed at this path.
    Hinted(Hint),
    /// The watcher lost events below this path: look at all of it again.
    Overflowed(RelPath),
    /// Answers [`Effect::Look`].
    Looked(TaskId, Result<Listing, DiskError>),
    /// Answers [`Effect::Hash`] and [`Effect::HashStart`].
    Hashed(TaskId, Result<Content, DiskError>),
    /// Answers [`Effect::Upload`].
    Uploaded(TaskId, Result<Upload, TransferError>),
    /// Answers [`Effect::Fetch`].
    Fetched(TaskId, Result<(), TransferError>),
    /// Answers [`Effect::Change`]: done and durable. The stamp of what was placed, if anything was.
    Changed(TaskId, Result<Option<Stamp>, DiskError>),
    /// Answers [`Effect::Save`]: durable, or not saved at all.
    Saved(TaskId, Result<(), String>),
    /// A stream to the server stands.
    Connected,
    /// There is no stream (any more), or none could be had.
    Disconnected(String),
    /// A message came up the stream.
    Received(ServerMessage),
    /// A person has answered about held deletions: also before the first event, and then only that
    /// is to be saved.
    Answered(Answer),
}

/// A watcher's hint: never a fact.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hint {
    /// Where to look.
    pub path: RelPath,
    /// A program that had the file open for writing has closed it, or renamed it into place.
    pub closed: bool,
}

/// What the engine asks for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Effect {
    /// Look at a directory. With [`Names::All`] it is watched first.
    Look {
        /// Answered by [`Event::Looked`].
        id: TaskId,
        /// The directory.
        dir: RelPath,
        /// Which names.
        names: Names,
    },
    /// Read a file and hash it: [`DiskError::Changed`] if it is not, or does not stay, as the stamp
    /// says; [`DiskError::Busy`] while someone has it open for writing.
    Hash {
        /// Answered by [`Event::Hashed`].
        id: TaskId,
        /// The file.
        path: RelPath,
        /// What is believed to be there.
        stamp: Stamp,
    },
    /// Read the start of a file that may grow meanwhile, and hash it: [`DiskError::Changed`] if it is
    /// another file, or not as long.
    HashStart {
        /// Answered by [`Event::Hashed`].
        id: TaskId,
        /// The file.
        path: RelPath,
        /// Of which inode.
        stamp: Stamp,
        /// How much of it.
        start: Start,
    },
    /// Read a file once more and bring its content to the server: a small one comes back to travel
    /// in a commit, a large one goes up in chunks.
    Upload {
        /// Answered by [`Event::Uploaded`].
        id: TaskId,
        /// The file.
        path: RelPath,
        /// What is believed to be there.
        stamp: Stamp,
        /// What its bytes must be.
        content: Content,
        /// These bytes are only the start of a file that may grow meanwhile.
        start: bool,
    },
    /// Bring a content into staging.
    Fetch {
        /// Answered by [`Event::Fetched`].
        id: TaskId,
        /// The content.
        content: Content,
        /// Its bytes, if they came with the stream.
        bytes: Option<Blob>,
        /// A file here that may share chunks with it.
        alike: Option<RelPath>,
    },
    /// Change the disk.
    Change {
        /// Answered by [`Event::Changed`].
        id: TaskId,
        /// The node it is for, in the record of intents.
        node: NodeId,
        /// The change.
        change: Change,
    },
    /// Make the engine's state durable, all of the batch or nothing.
    Save {
        /// Answered by [`Event::Saved`].
        id: TaskId,
        /// What changed.
        batch: SaveBatch,
    },
    /// Open a stream: answered by `Connected` or `Disconnected`.
    Connect,
    /// Close the stream: answered by `Disconnected`.
    Disconnect,
    /// Send up the stream.
    Send(ClientMessage),
    /// Something a person may want to know.
    Report(Notice),
}

/// How a content got to the server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Upload {
    /// The server has it whole.
    Stored,
    /// It is small (at most [`crate::operation::MAX_INLINE_BYTES`]): these are its bytes.
    Inline(Blob),
}

/// Why a content did not get across.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum TransferError {
    /// The file here is not (any more) what it was believed to be, or cannot be read.
    #[error("{0}")]
    Disk(DiskError),
    /// The server has no such content (any more).
    #[error("the server does not have this content")]
    Missing,
    /// The server could not be reached, or the transfer was cut: what got across stays there.
    #[error("{0}")]
    Network(String),
    /// The server refuses it for good, in its own words.
    #[error("{0}")]
    Refused(String),
}

/// Something a person may want to know.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Notice {
    /// An entry of the journal: what `onefold log` shows.
    Happened {
        /// When the server accepted it.
        time: WallTime,
        /// Who wrote it.
        device: DeviceId,
        /// What it was.
        action: Action,
        /// Where the node now is, or last was.
        path: RelPath,
        /// Where it was before, for a move.
        from: Option<RelPath>,
    },
    /// A conflict copy was made here.
    ConflictCopy {
        /// The copy.
        copy: RelPath,
        /// The path it stands beside.
        beside: RelPath,
    },
    /// Both sides are being merged; nothing is deleted until they agree.
    Merging(crate::protocol::MergeReason),
    /// Most of the folder was deleted here: that is held until a person answers.
    DeletionsHeld {
        /// Deleted files.
        files: u64,
        /// Files that the folder has at the server.
        of: u64,
    },
    /// The folder stops syncing, in words: an invariant broke, or two digests differed in a row.
    Halted(String),
}

/// What happened to a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Action {
    /// It was made.
    Created,
    /// Its bytes, or its target, changed.
    Edited,
    /// Its executable bit changed.
    ModeChanged,
    /// Its name or directory changed.
    Moved,
    /// It was deleted.
    Deleted,
}
