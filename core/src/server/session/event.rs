//! What a session is told, and what it asks for.
//!
//! Every [`SessionEffect::Load`] gets exactly one [`SessionEvent::Loaded`] with the same id.

use alloc::string::String;
use alloc::vec::Vec;

use crate::blob::Blob;
use crate::hash::ChainHash;
use crate::id::{DeviceId, Lineage, NodeId, Seq};
use crate::operation::{Commit, Cursor, Entry};
use crate::protocol::{ClientMessage, PROTOCOL, Row, ServerMessage};
use crate::server::facts::{Head, StoredOutcome};

/// The most bytes of entries that are loaded and sent at once; one entry may be larger.
pub const MAX_ENTRIES_BYTES: usize = 4 * 1024 * 1024;

/// Pairs a [`SessionEffect::Load`] with its [`SessionEvent::Loaded`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct LoadId(pub u64);

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SessionEvent {
    /// The device said something; [`read_message`] makes it from a frame.
    Received(ClientMessage),
    /// The device said `Hello` in another protocol version.
    OtherProtocol,
    /// The device sent a frame that makes no sense; why.
    Unreadable(String),
    /// Answers [`SessionEffect::Load`]; an error is in words and ends the connection.
    Loaded(LoadId, Result<Loaded, String>),
    /// The folder's journal now reaches to here (at least). May come late, doubled or not at all.
    HeadMoved(Seq),
    /// The deadline has come.
    Ticked,
    /// A newer connection of the same device stands.
    Replaced,
    /// The device was revoked.
    Revoked,
    /// The server is stopping.
    Stopping,
}

/// What the session asks for. Effects are done in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SessionEffect {
    /// Ask the journal; answered by [`SessionEvent::Loaded`] with the same id. Decisions of one
    /// session are asked for in order and must be made in order.
    Load(LoadId, Load),
    /// Send to the device.
    Send(ServerMessage),
    /// Note that the device has this prefix, durably. Not answered.
    Acknowledge(Seq),
    /// Close the connection. The last effect ever.
    Close,
}

/// A question to the journal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Load {
    /// Answered by [`Loaded::Greeting`].
    Greet(Greet),
    /// Answered by [`Loaded::Entries`].
    Entries(EntriesQuery),
    /// Answered by [`Loaded::Page`]: live nodes after this one, at most so many.
    Page {
        /// `None` for the first page.
        after: Option<NodeId>,
        /// The most rows.
        limit: usize,
    },
    /// Answered by [`Loaded::Poll`].
    Poll,
    /// Have the commit decided. Answered by [`Loaded::Outcome`].
    Decide(Commit),
}

/// An answer of the journal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Loaded {
    /// `None`: there is no such device (any more).
    Greeting(Option<Greeting>),
    /// The entries that follow.
    Entries(LoadedEntries),
    /// A page of the snapshot.
    Page(LoadedPage),
    /// `None`: there is no such device (any more).
    Poll(Option<Poll>),
    /// What became of the commit.
    Outcome(StoredOutcome),
}

/// Asks how a device stands, and notes the lineage it goes on by: one transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Greet {
    /// The last entry that the device has.
    pub seq: Seq,
    /// The lineage that it will be known by.
    pub next: Lineage,
}

/// How a device stood before it was greeted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Greeting {
    /// The journal's head.
    pub head: Cursor,
    /// The chain hash at [`Greet::seq`]; `None` where the journal does not reach.
    pub at_seq: Option<ChainHash>,
    /// How many nodes live in the folder.
    pub live_nodes: u64,
    /// The device may write.
    pub writable: bool,
    /// What the device acknowledged last.
    pub acknowledged: Seq,
    /// The lineage it was known by.
    pub lineage: Option<Lineage>,
}

/// Which entries, and which contents with them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EntriesQuery {
    /// Entries after this one.
    pub after: Seq,
    /// The most entries, and no more than [`MAX_ENTRIES_BYTES`] of them, but at least one.
    pub limit: usize,
    /// The device that asks: it needs no content of its own entries.
    pub device: DeviceId,
    /// The most bytes of small contents.
    pub inline_bytes: usize,
}

/// Entries, in order, with no gap.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LoadedEntries {
    /// The entries; empty at the journal's end.
    pub entries: Vec<Entry>,
    /// Small contents that they name and that are still current.
    pub contents: Vec<Blob>,
}

/// A page of live nodes, by ascending id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoadedPage {
    /// The journal's head, read before the rows or with them.
    pub head: Cursor,
    /// The rows.
    pub rows: Vec<Row>,
    /// No live node comes after them.
    pub last: bool,
}

/// How things stand now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Poll {
    /// The folder's head.
    pub head: Head,
    /// The device may write.
    pub writable: bool,
}

/// What a session waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum SessionReason {
    /// The device's `Hello`.
    Hello,
    /// The next digest.
    Digest,
}

/// Reads a frame: also of other protocol versions, as far as is needed to say so.
pub fn read_message(frame: &[u8]) -> SessionEvent {
    const HELLO: u32 = 0;
    if let Ok(((HELLO, protocol), _)) = postcard::take_from_bytes::<(u32, u16)>(frame)
        && protocol != PROTOCOL
    {
        return SessionEvent::OtherProtocol;
    }
    match postcard::take_from_bytes(frame) {
        Ok((message, [])) => SessionEvent::Received(message),
        Ok((_, [_, ..])) => SessionEvent::Unreadable("a message with bytes after its end".into()),
        Err(error) => SessionEvent::Unreadable(alloc::format!("not a message: {error}")),
    }
}
