//! The ports: what the client's and the server's drivers need of the outside.
//!
//! Each has a real arm in this crate and a simulated or in-memory one; both pass one conformance
//! suite. A port answers in the core's own types, so that a driver only passes things on.

use std::future::Future;
use std::io;

use onefold_core::client::event::TransferError;
use onefold_core::client::saved::{SaveBatch, Saved};
use onefold_core::disk::{Change, DiskError, Listing, Names, Stamp, Start};
use onefold_core::hash::ContentId;
use onefold_core::id::NodeId;
use onefold_core::name::RelPath;
use onefold_core::node::Content;
use onefold_core::protocol::{ClientMessage, ServerMessage};

/// Bytes read at once.
const BUFFER_BYTES: usize = 256 * 1024;

/// A device's disk, below one folder's root. Every call blocks: run it on a thread for that.
pub trait Disk: Send + Sync + 'static {
    /// See [`onefold_core::client::event::Effect::Look`].
    fn look(&self, dir: &RelPath, names: &Names) -> Result<Listing, DiskError>;

    /// See [`onefold_core::client::event::Effect::Hash`].
    fn hash(&self, path: &RelPath, stamp: &Stamp) -> Result<Content, DiskError>;

    /// Opens a file for reading that must be as the stamp says.
    fn read(&self, path: &RelPath, stamp: &Stamp) -> Result<Box<dyn Source>, DiskError>;

    /// Opens a file to read its start, while it may grow: it must be the inode of the stamp, and as
    /// long as that. No more can be read than what is asked for.
    fn read_start(
        &self,
        path: &RelPath,
        stamp: &Stamp,
        start: Start,
    ) -> Result<Box<dyn Source>, DiskError>;

    /// See [`onefold_core::client::event::Effect::HashStart`].
    fn hash_start(
        &self,
        path: &RelPath,
        stamp: &Stamp,
        start: Start,
    ) -> Result<Content, DiskError> {
        let source = self.read_start(path, stamp, start)?;
        let mut hasher = blake3::Hasher::new();
        let mut buffer = vec![0; BUFFER_BYTES];
        let mut size = 0;
        loop {
            let read = source
                .read_at(&mut buffer, size)
                .map_err(|error| DiskError::Failed(error.to_string()))?;
            if read == 0 {
                break;
            }
            hasher.update(&buffer[..read]);
            size += read as u64;
        }
        source.unchanged()?;
        // Cut while it was read, it may be as long again.
        if let Start::Bytes(bytes) | Start::Outgrown(bytes) = start
            && size != bytes
        {
            return Err(DiskError::Changed);
        }
        let id = ContentId::from_bytes(*hasher.finalize().as_bytes());
        Ok(Content { id, size, mtime: stamp.mtime })
    }

    /// Goes on staging a content, where an earlier try left off.
    fn stage(&self, content: &Content) -> Result<Box<dyn Staging>, DiskError>;

    /// The one function that changes a user's files: all or nothing, and durable when it returns.
    /// The stamp is that of what was placed, if anything was.
    fn change(&self, node: NodeId, change: &Change) -> Result<Option<Stamp>, DiskError>;
}

/// An open file.
pub trait Source: Send + Sync {
    /// Reads at an offset, as `pread` does: fewer bytes than asked for only at the end.
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize>;

    /// Whether the file still is as it was when it was opened, and nobody has it open for writing.
    fn unchanged(&self) -> Result<(), DiskError>;
}

/// A content on its way into staging. Dropped, it stays as far as it came.
pub trait Staging: Send {
    /// How many bytes are there already.
    fn len(&self) -> u64;

    /// Nothing is there yet.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// It was staged before, for whichever file, and checked: there is nothing to do.
    fn is_whole(&self) -> bool {
        false
    }

    /// Reads back what is there, to check it.
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize>;

    /// Forgets all bytes from this offset on.
    fn truncate(&mut self, len: u64) -> Result<(), DiskError>;

    /// Adds bytes at the end.
    fn append(&mut self, bytes: &[u8]) -> Result<(), DiskError>;

    /// Checks the whole against its hash and makes it durable. [`DiskError::NotStaged`] on a
    /// mismatch, and the bytes are dropped.
    fn finish(self: Box<Self>) -> Result<(), DiskError>;
}

/// Watches directories of a folder. What it sees goes up the channel it was made with, as
/// [`Event::Hinted`] and [`Event::Overflowed`]: hints of where to look, never facts.
///
/// [`Event::Hinted`]: onefold_core::client::event::Event::Hinted
/// [`Event::Overflowed`]: onefold_core::client::event::Event::Overflowed
pub trait Watcher: Send + Sync + 'static {
    /// Watches one directory, not those below it, from now on; again does no harm. Blocks. The
    /// error is in words for a person: then only a rescan finds what happens there.
    fn watch(&self, dir: &RelPath) -> Result<(), String>;
}

/// Moves large contents between a device and a server. Nothing is believed unchecked.
pub trait Transfer: Send + Sync + 'static {
    /// Brings a file's content to the server: only chunks it lacks. [`TransferError::Disk`] if the
    /// file's bytes turn out not to be that content.
    fn upload(
        &self,
        content: Content,
        source: Box<dyn Source>,
    ) -> impl Future<Output = Result<(), TransferError>> + Send;

    /// Brings a content from the server into staging and finishes it; chunks that `alike` has are
    /// taken from there.
    fn fetch(
        &self,
        content: Content,
        staging: Box<dyn Staging>,
        alike: Option<Box<dyn Source>>,
    ) -> impl Future<Output = Result<(), TransferError>> + Send;
}

/// Opens streams to a server.
pub trait Connector: Send + Sync + 'static {
    /// An open stream.
    type Stream: MessageStream;

    /// Opens one. The error is in words for a person.
    fn connect(&self) -> impl Future<Output = Result<Self::Stream, String>> + Send;
}

/// One open stream of messages, both ways.
pub trait MessageStream: Send + 'static {
    /// Sends a message.
    fn send(&mut self, message: ClientMessage) -> impl Future<Output = Result<(), String>> + Send;

    /// The next message; may be dropped and called again without losing one. The error says why
    /// there will be no more.
    fn receive(&mut self) -> impl Future<Output = Result<ServerMessage, String>> + Send;
}

/// Keeps a client engine's state.
pub trait Trees: Send + Sync + 'static {
    /// Reads all of it.
    fn load(&self) -> impl Future<Output = Result<Saved, StoreError>> + Send;

    /// Makes a batch durable, whole. It survives a kill when this returns; whether it survives a
    /// power cut, too, is the arm's to say, but batches survive in order.
    fn save(&self, batch: SaveBatch) -> impl Future<Output = Result<(), StoreError>> + Send;
}

/// Why a store did not answer. Nothing was changed, unless `Unknown` says otherwise.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The store cannot be reached or does not answer now; trying again may help.
    #[error("the database does not answer: {0}")]
    Unavailable(String),
    /// It lets nobody in as it was told to, or what it was told makes no sense: a person's to change.
    #[error("the database cannot be used: {0}")]
    Refused(String),
    /// Another transaction was in the way; trying again helps.
    #[error("the database was busy with another change: {0}")]
    Contended(String),
    /// The connection broke while committing: it happened, or it did not. Read back to know.
    #[error("the database did not say whether it took a change: {0}")]
    Unknown(String),
    /// The store is of a newer version of this program.
    #[error("the database is of version {found}, newer than this program's {known}")]
    Newer {
        /// The store's version.
        found: i64,
        /// The newest version that this program knows.
        known: i64,
    },
    /// What it holds makes no sense.
    #[error("the database is damaged: {0}")]
    Damaged(String),
}
