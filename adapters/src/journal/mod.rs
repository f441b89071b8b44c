//! The server's storage port: folders, their journals, devices, invites, and where contents are.
//!
//! Invariants: each method is one transaction, durable when it returns; a commit's facts are read
//! and its outcome written under the folder's lock. Contents and chunks belong to a folder: what one
//! folder holds is neither seen nor read by another.
//!
//! It keeps no chunk's bytes (the blob store does) and decides nothing about operations (the core
//! does).

mod memory;
mod sql;

use std::future::Future;

use onefold_core::blob::Blob;
use onefold_core::hash::{ChunkId, ContentId};
use onefold_core::id::{DeviceId, FolderId, NodeId, Seq};
use onefold_core::manifest::Manifest;
use onefold_core::operation::{Cursor, Entry};
use onefold_core::server::decide::Submitted;
use onefold_core::server::facts::{Head, NodeRow, StoredOutcome};
use onefold_core::server::session::{
    EntriesQuery, Greet, Greeting, Load, Loaded, LoadedEntries, LoadedPage, Poll,
};
use onefold_core::time::WallTime;

use crate::port::StoreError;
pub use crate::sql::dialect::MySqlOptions;
pub use memory::{CrashPoint, MemoryJournal, MemoryStore};
pub use sql::SqlJournal;

/// How exactly it is noted when a connected device was last seen, in milliseconds.
pub const SEEN_EVERY_MS: u64 = 60_000;

/// The answer of a store.
pub type StoreResult<T> = Result<T, StoreError>;

/// The hash of a secret (a device's token, an invite's): the secret itself is never stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SecretHash(pub [u8; 32]);

impl SecretHash {
    /// Of a secret of at least 128 random bits, so that a plain hash is enough.
    pub fn of(secret: &[u8]) -> Self {
        Self(*ContentId::of(secret).as_bytes())
    }
}

/// A folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Folder {
    /// Its id.
    pub id: FolderId,
    /// Its name, unique on the server.
    pub name: String,
}

/// A device that is to be added.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewDevice {
    /// A fresh id.
    pub id: DeviceId,
    /// Its name, for people.
    pub name: String,
    /// What its token hashes to.
    pub token: SecretHash,
}

/// A device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Device {
    /// Its id.
    pub id: DeviceId,
    /// The folder it has.
    pub folder: FolderId,
    /// Its name, for people.
    pub name: String,
    /// It may write.
    pub writable: bool,
    /// It is shut out for good.
    pub revoked: bool,
    /// What it acknowledged last.
    pub acknowledged: Seq,
    /// When it was last connected, if ever.
    pub last_seen: Option<WallTime>,
}

/// A one-time (or few-times) right to become a device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invite {
    /// What its secret hashes to.
    pub secret: SecretHash,
    /// To which folder.
    pub folder: FolderId,
    /// The devices may only read.
    pub read_only: bool,
    /// Not valid from then on.
    pub expires: WallTime,
    /// How many devices may still come of it.
    pub uses: u32,
}

/// What became of an invite that was shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Redeemed {
    /// The device now exists.
    Device(Device, Folder),
    /// There is no such invite.
    Unknown,
    /// It has been used as often as it may be.
    UsedUp,
    /// Its time is over.
    Expired,
}

/// A right to see the administrator's page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pass {
    /// What its secret hashes to.
    pub secret: SecretHash,
    /// Not valid from then on.
    pub expires: WallTime,
}

/// What a folder takes up, the past included: how many of each, and their bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Space {
    /// Small contents, which are in the database.
    pub small: (u64, u64),
    /// Chunks of large ones, which are in the blob store.
    pub chunks: (u64, u64),
}

/// Where a chunk lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChunkLocation {
    /// The pack.
    pub pack: PackId,
    /// Where in the pack, in bytes.
    pub offset: u64,
    /// How many bytes.
    pub size: u32,
}

/// A pack of chunks in the blob store: 128 random bits, never used twice.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct PackId(pub [u8; 16]);

impl std::fmt::Display for PackId {
    /// 32 lower-case hexadecimal digits.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:032x}", u128::from_be_bytes(self.0))
    }
}

impl std::fmt::Debug for PackId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Display::fmt(self, f)
    }
}

/// How the server holds a content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoredContent {
    /// A small one: its bytes.
    Inline(Blob),
    /// A large one: its chunks.
    Chunks(Manifest),
}

/// The store of a server.
pub trait Journal: Send + Sync + 'static {
    /// The folder of this name; made with this id if there is none.
    fn create_folder(
        &self,
        id: FolderId,
        name: &str,
    ) -> impl Future<Output = StoreResult<Folder>> + Send;

    /// The folder of this name.
    fn folder(&self, name: &str) -> impl Future<Output = StoreResult<Option<Folder>>> + Send;

    /// All folders, by name.
    fn folders(&self) -> impl Future<Output = StoreResult<Vec<Folder>>> + Send;

    /// Sets how many bytes the folder's living files may have together; `None`: as many as they are.
    /// `false`: there is no such folder.
    fn set_quota(
        &self,
        folder: FolderId,
        bytes: Option<u64>,
    ) -> impl Future<Output = StoreResult<bool>> + Send;

    /// Decides commits to one folder in this order, in one transaction: one outcome for each.
    fn commit(
        &self,
        folder: FolderId,
        time: WallTime,
        submitted: Vec<Submitted>,
    ) -> impl Future<Output = StoreResult<Vec<StoredOutcome>>> + Send;

    /// The folder's head; [`Head::EMPTY`] for a folder that is not there.
    fn head(&self, folder: FolderId) -> impl Future<Output = StoreResult<Head>> + Send;

    /// How far the journals of these folders go, of those that are there; in any order.
    fn heads(
        &self,
        folders: Vec<FolderId>,
    ) -> impl Future<Output = StoreResult<Vec<(FolderId, Seq)>>> + Send;

    /// Entries that follow a position, and small contents of other devices' entries among them that
    /// are still current.
    fn entries(
        &self,
        folder: FolderId,
        query: EntriesQuery,
    ) -> impl Future<Output = StoreResult<LoadedEntries>> + Send;

    /// Live nodes after this one, by id.
    fn page(
        &self,
        folder: FolderId,
        after: Option<NodeId>,
        limit: usize,
    ) -> impl Future<Output = StoreResult<LoadedPage>> + Send;

    /// How a device stood, and the lineage it goes on by noted. `None`: unknown, or revoked.
    fn greet(
        &self,
        device: DeviceId,
        time: WallTime,
        greet: Greet,
    ) -> impl Future<Output = StoreResult<Option<Greeting>>> + Send;

    /// How things stand for a connected device, which is noted as seen. `None`: unknown, or revoked.
    fn poll(
        &self,
        device: DeviceId,
        time: WallTime,
    ) -> impl Future<Output = StoreResult<Option<Poll>>> + Send;

    /// Notes that a device has this prefix, and forgets its outcomes up to there. Never goes back.
    fn acknowledge(
        &self,
        device: DeviceId,
        seq: Seq,
    ) -> impl Future<Output = StoreResult<()>> + Send;

    /// Adds a device to a folder without an invite.
    fn add_device(
        &self,
        folder: FolderId,
        writable: bool,
        device: NewDevice,
    ) -> impl Future<Output = StoreResult<()>> + Send;

    /// The device whose token hashes to this, revoked ones included.
    fn device_by_token(
        &self,
        token: SecretHash,
    ) -> impl Future<Output = StoreResult<Option<Device>>> + Send;

    /// All devices of all folders, by folder and name.
    fn devices(&self) -> impl Future<Output = StoreResult<Vec<Device>>> + Send;

    /// Gives a device another name. `false`: unknown.
    fn rename_device(
        &self,
        device: DeviceId,
        name: &str,
    ) -> impl Future<Output = StoreResult<bool>> + Send;

    /// Shuts a device out for good. `false`: unknown.
    fn revoke(&self, device: DeviceId) -> impl Future<Output = StoreResult<bool>> + Send;

    /// The devices that were shut out.
    fn revoked(&self) -> impl Future<Output = StoreResult<Vec<DeviceId>>> + Send;

    /// Adds an invite.
    fn add_invite(&self, invite: Invite) -> impl Future<Output = StoreResult<()>> + Send;

    /// All invites, by when they expire; those that expired or were used up included.
    fn invites(&self) -> impl Future<Output = StoreResult<Vec<Invite>>> + Send;

    /// Makes an invite good for nothing any more. `false`: unknown.
    fn revoke_invite(&self, secret: SecretHash) -> impl Future<Output = StoreResult<bool>> + Send;

    /// Uses an invite once and makes the device, in one transaction. Shown again by the same new
    /// device (same id and token, after a lost answer), it gives the same answer and costs nothing.
    fn redeem(
        &self,
        secret: SecretHash,
        time: WallTime,
        device: NewDevice,
    ) -> impl Future<Output = StoreResult<Redeemed>> + Send;

    /// Adds a pass that is good once: for another. Those that have expired are forgotten.
    fn add_pass(&self, pass: Pass, time: WallTime) -> impl Future<Output = StoreResult<()>> + Send;

    /// Takes a pass that is good once, and adds another in its place, good until it expires.
    /// `false`: it is not good (any more), and nothing was added.
    fn exchange_pass(
        &self,
        once: SecretHash,
        time: WallTime,
        lasting: Pass,
    ) -> impl Future<Output = StoreResult<bool>> + Send;

    /// Whether this is a pass that was added in place of another, and is good.
    fn is_pass(
        &self,
        secret: SecretHash,
        time: WallTime,
    ) -> impl Future<Output = StoreResult<bool>> + Send;

    /// What a folder takes up: work in proportion to all that is kept.
    fn space(&self, folder: FolderId) -> impl Future<Output = StoreResult<Space>> + Send;

    /// Notes that a content is whole, if all its chunks are there; otherwise gives those that are
    /// not, and notes nothing.
    fn put_manifest(
        &self,
        folder: FolderId,
        content: ContentId,
        manifest: Manifest,
    ) -> impl Future<Output = StoreResult<Vec<ChunkId>>> + Send;

    /// How the folder holds a content, if it does.
    fn content(
        &self,
        folder: FolderId,
        content: ContentId,
    ) -> impl Future<Output = StoreResult<Option<StoredContent>>> + Send;

    /// Those of these chunks that the folder does not hold, or holds damaged, in the order they were
    /// given.
    fn missing_chunks(
        &self,
        folder: FolderId,
        chunks: Vec<ChunkId>,
    ) -> impl Future<Output = StoreResult<Vec<ChunkId>>> + Send;

    /// Notes where chunks lie that are durably in the blob store; one that was there before, and is not
    /// noted as damaged, stays where it was.
    fn put_chunks(
        &self,
        folder: FolderId,
        chunks: Vec<(ChunkId, ChunkLocation)>,
    ) -> impl Future<Output = StoreResult<()>> + Send;

    /// Notes chunks that are not as they were, where they lie. They count as missing until they are put
    /// again, and can be located until then: what is at fault may be only the way there.
    fn note_damaged(
        &self,
        folder: FolderId,
        chunks: Vec<(ChunkId, ChunkLocation)>,
    ) -> impl Future<Output = StoreResult<()>> + Send;

    /// Where these chunks lie, in the order they were given; those that are not there are left out.
    fn locate_chunks(
        &self,
        folder: FolderId,
        chunks: Vec<ChunkId>,
    ) -> impl Future<Output = StoreResult<Vec<(ChunkId, ChunkLocation)>>> + Send;

    /// A setting of the server.
    fn setting(&self, key: &str) -> impl Future<Output = StoreResult<Option<Blob>>> + Send;

    /// Sets a setting that is not set yet; the answer is what it is now, whoever set it first.
    fn set_setting_once(
        &self,
        key: &str,
        value: Blob,
    ) -> impl Future<Output = StoreResult<Blob>> + Send;

    /// Sets a setting, whatever it was.
    fn put_setting(&self, key: &str, value: Blob) -> impl Future<Output = StoreResult<()>> + Send;

    /// Entries after a position with their stored cursors, to check them.
    fn check_entries(
        &self,
        folder: FolderId,
        after: Seq,
        limit: usize,
    ) -> impl Future<Output = StoreResult<Vec<(Entry, Cursor)>>> + Send;

    /// Nodes and tombstones after this one, by id, to check them.
    fn check_nodes(
        &self,
        folder: FolderId,
        after: Option<NodeId>,
        limit: usize,
    ) -> impl Future<Output = StoreResult<Vec<NodeRow>>> + Send;

    /// Contents after this one, by id, to check them.
    fn check_contents(
        &self,
        folder: FolderId,
        after: Option<ContentId>,
        limit: usize,
    ) -> impl Future<Output = StoreResult<Vec<(ContentId, StoredContent)>>> + Send;
}

/// Answers a session's question; one that decides is decided alone, where a driver might batch it.
pub async fn answer(
    journal: &impl Journal,
    folder: FolderId,
    device: DeviceId,
    time: WallTime,
    load: Load,
    writable: bool,
) -> StoreResult<Loaded> {
    Ok(match load {
        Load::Greet(greet) => Loaded::Greeting(journal.greet(device, time, greet).await?),
        Load::Entries(query) => Loaded::Entries(journal.entries(folder, query).await?),
        Load::Page { after, limit } => Loaded::Page(journal.page(folder, after, limit).await?),
        Load::Poll => Loaded::Poll(journal.poll(device, time).await?),
        Load::Decide(commit) => {
            let submitted = vec![Submitted { device, writable, commit }];
            let mut outcomes = journal.commit(folder, time, submitted).await?;
            Loaded::Outcome(outcomes.pop().expect("one outcome for each commit"))
        }
    })
}

/// The contents that entries set, each with its node, in order; but for what the device wrote.
fn named_contents(entries: &[Entry], but_for: DeviceId) -> Vec<(NodeId, ContentId)> {
    let steps = entries
        .iter()
        .filter(|entry| entry.device != but_for)
        .flat_map(|entry| &entry.operation.steps);
    steps.filter_map(|step| Some((step.node(), step.content()?.id))).collect()
}
