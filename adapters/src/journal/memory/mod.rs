//! The arm in memory: a plain synchronous store for simulations, and the port over it.
//!
//! It can crash: a write may be cut short at a [`CrashPoint`], and what is only lazily durable
//! (acknowledgements, when a device was last seen) goes in a power cut, as in the SQL arm.

mod contents;
mod folder;
mod people;
mod store;

use std::sync::{Arc, Mutex, MutexGuard};

use onefold_core::blob::Blob;
use onefold_core::hash::{ChunkId, ContentId};
use onefold_core::id::{DeviceId, FolderId, NodeId, Seq};
use onefold_core::manifest::Manifest;
use onefold_core::operation::{Cursor, Entry};
use onefold_core::server::decide::Submitted;
use onefold_core::server::facts::{Head, NodeRow, StoredOutcome};
use onefold_core::server::session::{
    EntriesQuery, Greet, Greeting, LoadedEntries, LoadedPage, Poll,
};
use onefold_core::time::WallTime;

use super::{
    ChunkLocation, Device, Folder, Invite, Journal, NewDevice, Pass, Redeemed, SecretHash, Space,
    StoreResult, StoredContent,
};
pub use store::{CrashPoint, MemoryStore};

/// The port over a [`MemoryStore`].
#[derive(Clone, Debug, Default)]
pub struct MemoryJournal {
    store: Arc<Mutex<MemoryStore>>,
}

impl MemoryJournal {
    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }

    /// The store itself.
    pub fn store(&self) -> MutexGuard<'_, MemoryStore> {
        self.store.lock().expect("no panic while it is locked")
    }
}

impl Journal for MemoryJournal {
    async fn create_folder(&self, id: FolderId, name: &str) -> StoreResult<Folder> {
        self.store().create_folder(id, name)
    }

    async fn folder(&self, name: &str) -> StoreResult<Option<Folder>> {
        Ok(self.store().folder(name))
    }

    async fn folders(&self) -> StoreResult<Vec<Folder>> {
        Ok(self.store().folders())
    }

    async fn set_quota(&self, folder: FolderId, bytes: Option<u64>) -> StoreResult<bool> {
        self.store().set_quota(folder, bytes)
    }

    async fn commit(
        &self,
        folder: FolderId,
        time: WallTime,
        submitted: Vec<Submitted>,
    ) -> StoreResult<Vec<StoredOutcome>> {
        self.store().commit(folder, time, submitted)
    }

    async fn head(&self, folder: FolderId) -> StoreResult<Head> {
        Ok(self.store().head(folder))
    }

    async fn heads(&self, folders: Vec<FolderId>) -> StoreResult<Vec<(FolderId, Seq)>> {
        Ok(self.store().heads(&folders))
    }

    async fn entries(&self, folder: FolderId, query: EntriesQuery) -> StoreResult<LoadedEntries> {
        Ok(self.store().entries(folder, query))
    }

    async fn page(
        &self,
        folder: FolderId,
        after: Option<NodeId>,
        limit: usize,
    ) -> StoreResult<LoadedPage> {
        Ok(self.store().page(folder, after, limit))
    }

    async fn greet(
        &self,
        device: DeviceId,
        time: WallTime,
        greet: Greet,
    ) -> StoreResult<Option<Greeting>> {
        self.store().greet(device, time, greet)
    }

    async fn poll(&self, device: DeviceId, time: WallTime) -> StoreResult<Option<Poll>> {
        Ok(self.store().poll(device, time))
    }

    async fn acknowledge(&self, device: DeviceId, seq: Seq) -> StoreResult<()> {
        self.store().acknowledge(device, seq);
        Ok(())
    }

    async fn add_device(
        &self,
        folder: FolderId,
        writable: bool,
        device: NewDevice,
    ) -> StoreResult<()> {
        self.store().add_device(folder, writable, device)
    }

    async fn device_by_token(&self, token: SecretHash) -> StoreResult<Option<Device>> {
        Ok(self.store().device_by_token(token))
    }

    async fn devices(&self) -> StoreResult<Vec<Device>> {
        Ok(self.store().devices())
    }

    async fn rename_device(&self, device: DeviceId, name: &str) -> StoreResult<bool> {
        self.store().rename_device(device, name)
    }

    async fn revoke(&self, device: DeviceId) -> StoreResult<bool> {
        self.store().revoke(device)
    }

    async fn revoked(&self) -> StoreResult<Vec<DeviceId>> {
        Ok(self.store().revoked())
    }

    async fn invites(&self) -> StoreResult<Vec<Invite>> {
        Ok(self.store().invites())
    }

    async fn revoke_invite(&self, secret: SecretHash) -> StoreResult<bool> {
        self.store().revoke_invite(secret)
    }

    async fn add_pass(&self, pass: Pass, time: WallTime) -> StoreResult<()> {
        self.store().add_pass(pass, time)
    }

    async fn exchange_pass(
        &self,
        once: SecretHash,
        time: WallTime,
        lasting: Pass,
    ) -> StoreResult<bool> {
        self.store().exchange_pass(once, time, lasting)
    }

    async fn is_pass(&self, secret: SecretHash, time: WallTime) -> StoreResult<bool> {
        Ok(self.store().is_pass(secret, time))
    }

    async fn space(&self, folder: FolderId) -> StoreResult<Space> {
        Ok(self.store().space(folder))
    }

    async fn add_invite(&self, invite: Invite) -> StoreResult<()> {
        self.store().add_invite(invite)
    }

    async fn redeem(
        &self,
        secret: SecretHash,
        time: WallTime,
        device: NewDevice,
    ) -> StoreResult<Redeemed> {
        self.store().redeem(secret, time, device)
    }

    async fn put_manifest(
        &self,
        folder: FolderId,
        content: ContentId,
        manifest: Manifest,
    ) -> StoreResult<Vec<ChunkId>> {
        self.store().put_manifest(folder, content, manifest)
    }

    async fn content(
        &self,
        folder: FolderId,
        content: ContentId,
    ) -> StoreResult<Option<StoredContent>> {
        Ok(self.store().content(folder, content))
    }

    async fn missing_chunks(
        &self,
        folder: FolderId,
        chunks: Vec<ChunkId>,
    ) -> StoreResult<Vec<ChunkId>> {
        Ok(self.store().missing_chunks(folder, &chunks))
    }

    async fn put_chunks(
        &self,
        folder: FolderId,
        chunks: Vec<(ChunkId, ChunkLocation)>,
    ) -> StoreResult<()> {
        self.store().put_chunks(folder, chunks)
    }

    async fn note_damaged(
        &self,
        folder: FolderId,
        chunks: Vec<(ChunkId, ChunkLocation)>,
    ) -> StoreResult<()> {
        self.store().note_damaged(folder, chunks)
    }

    async fn locate_chunks(
        &self,
        folder: FolderId,
        chunks: Vec<ChunkId>,
    ) -> StoreResult<Vec<(ChunkId, ChunkLocation)>> {
        Ok(self.store().locate_chunks(folder, &chunks))
    }

    async fn setting(&self, key: &str) -> StoreResult<Option<Blob>> {
        Ok(self.store().setting(key))
    }

    async fn set_setting_once(&self, key: &str, value: Blob) -> StoreResult<Blob> {
        self.store().set_setting_once(key, value)
    }

    async fn put_setting(&self, key: &str, value: Blob) -> StoreResult<()> {
        self.store().put_setting(key, value)
    }

    async fn check_entries(
        &self,
        folder: FolderId,
        after: Seq,
        limit: usize,
    ) -> StoreResult<Vec<(Entry, Cursor)>> {
        Ok(self.store().check_entries(folder, after, limit))
    }

    async fn check_nodes(
        &self,
        folder: FolderId,
        after: Option<NodeId>,
        limit: usize,
    ) -> StoreResult<Vec<NodeRow>> {
        Ok(self.store().check_nodes(folder, after, limit))
    }

    async fn check_contents(
        &self,
        folder: FolderId,
        after: Option<ContentId>,
        limit: usize,
    ) -> StoreResult<Vec<(ContentId, StoredContent)>> {
        Ok(self.store().check_contents(folder, after, limit))
    }
}
