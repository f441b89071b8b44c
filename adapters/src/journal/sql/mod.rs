//! The arm over SQL databases. SQLite now; another one is another dialect, not another arm.
//!
//! Each method is one transaction. One that decides reads under its folder's lock, taken by its
//! first statement, so that READ COMMITTED is enough.

mod check;
mod contents;
mod folders;
mod ledger;
mod passes;
mod people;
mod stream;

use std::future::Future;
use std::path::Path;

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
use crate::port::StoreError;
use crate::sql::dialect::{Database, Durability, MySqlOptions, Transaction};
use crate::sql::migrate;

/// How often a transaction is tried while others are in its way.
const TRIES: usize = 10;

const MIGRATIONS: &[&str] = &[
    include_str!("../../../migrations/journal/1.sql"),
    include_str!("../../../migrations/journal/2.sql"),
    include_str!("../../../migrations/journal/3.sql"),
];

/// A journal in an SQL database. Any number of processes may have it open.
#[derive(Clone, Debug)]
pub struct SqlJournal {
    database: Database,
}

impl SqlJournal {
    /// Opens an SQLite file, made if it is missing, and brings its schema up to date.
    pub async fn sqlite(path: &Path) -> StoreResult<Self> {
        let database = Database::sqlite(path, Durability::Full).await?;
        migrate(&database, MIGRATIONS).await?;
        Ok(Self { database })
    }

    /// Opens a database of a MySQL or MariaDB server, made if it is missing, and brings its schema up
    /// to date. The URL is `mysql://USER:PASSWORD@HOST:PORT/DATABASE`, and may say how TLS is used
    /// (`?ssl-mode=VERIFY_IDENTITY&ssl-ca=FILE`).
    pub async fn mysql(url: &str, options: &MySqlOptions) -> StoreResult<Self> {
        let database = Database::mysql(url, options).await?;
        migrate(&database, MIGRATIONS).await?;
        Ok(Self { database })
    }

    /// Waits until everything is closed. Without it, all that was committed is kept as well.
    pub async fn close(&self) {
        self.database.close().await;
    }

    async fn read(&self) -> StoreResult<Transaction> {
        self.database.read().await
    }

    async fn write(&self) -> StoreResult<Transaction> {
        self.database.write().await
    }
}

/// Does a transaction again when others were in its way.
async fn patiently<T, F>(mut once: impl FnMut() -> F) -> StoreResult<T>
where
    F: Future<Output = StoreResult<T>>,
{
    for _ in 1..TRIES {
        match once().await {
            Err(StoreError::Contended(_)) => {}
            other => return other,
        }
    }
    once().await
}

impl Journal for SqlJournal {
    async fn create_folder(&self, id: FolderId, name: &str) -> StoreResult<Folder> {
        patiently(|| self.folder_created(id, name)).await
    }

    async fn folder(&self, name: &str) -> StoreResult<Option<Folder>> {
        folders::by_name(&mut self.read().await?, name).await
    }

    async fn folders(&self) -> StoreResult<Vec<Folder>> {
        folders::all(&mut self.read().await?).await
    }

    async fn set_quota(&self, folder: FolderId, bytes: Option<u64>) -> StoreResult<bool> {
        patiently(|| self.quota_set(folder, bytes)).await
    }

    async fn commit(
        &self,
        folder: FolderId,
        time: WallTime,
        submitted: Vec<Submitted>,
    ) -> StoreResult<Vec<StoredOutcome>> {
        patiently(|| self.decided(folder, time, submitted.clone())).await
    }

    async fn head(&self, folder: FolderId) -> StoreResult<Head> {
        Ok(folders::head(&mut self.read().await?, folder, "").await?.unwrap_or(Head::EMPTY))
    }

    async fn heads(&self, folders: Vec<FolderId>) -> StoreResult<Vec<(FolderId, Seq)>> {
        folders::heads(&mut self.read().await?, folders).await
    }

    async fn entries(&self, folder: FolderId, query: EntriesQuery) -> StoreResult<LoadedEntries> {
        stream::entries(&mut self.read().await?, folder, query).await
    }

    async fn page(
        &self,
        folder: FolderId,
        after: Option<NodeId>,
        limit: usize,
    ) -> StoreResult<LoadedPage> {
        stream::page(&mut self.read().await?, folder, after, limit).await
    }

    async fn greet(
        &self,
        device: DeviceId,
        time: WallTime,
        greet: Greet,
    ) -> StoreResult<Option<Greeting>> {
        patiently(|| self.greeted(device, time, greet)).await
    }

    async fn poll(&self, device: DeviceId, time: WallTime) -> StoreResult<Option<Poll>> {
        patiently(|| self.polled(device, time)).await
    }

    async fn acknowledge(&self, device: DeviceId, seq: Seq) -> StoreResult<()> {
        patiently(|| self.acknowledged(device, seq)).await
    }

    async fn add_device(
        &self,
        folder: FolderId,
        writable: bool,
        device: NewDevice,
    ) -> StoreResult<()> {
        let mut transaction = self.write().await?;
        people::add(&mut transaction, folder, writable, &device).await?;
        transaction.commit().await
    }

    async fn device_by_token(&self, token: SecretHash) -> StoreResult<Option<Device>> {
        people::by_token(&mut self.read().await?, token).await
    }

    async fn devices(&self) -> StoreResult<Vec<Device>> {
        people::all(&mut self.read().await?).await
    }

    async fn rename_device(&self, device: DeviceId, name: &str) -> StoreResult<bool> {
        patiently(|| self.renamed(device, name)).await
    }

    async fn revoke(&self, device: DeviceId) -> StoreResult<bool> {
        patiently(|| self.shut_out(device)).await
    }

    async fn revoked(&self) -> StoreResult<Vec<DeviceId>> {
        people::revoked(&mut self.read().await?).await
    }

    async fn invites(&self) -> StoreResult<Vec<Invite>> {
        people::invites(&mut self.read().await?).await
    }

    async fn revoke_invite(&self, secret: SecretHash) -> StoreResult<bool> {
        patiently(|| self.invite_revoked(secret)).await
    }

    async fn add_pass(&self, pass: Pass, time: WallTime) -> StoreResult<()> {
        patiently(|| self.pass_added(pass, time)).await
    }

    async fn exchange_pass(
        &self,
        once: SecretHash,
        time: WallTime,
        lasting: Pass,
    ) -> StoreResult<bool> {
        patiently(|| self.pass_exchanged(once, time, lasting)).await
    }

    async fn is_pass(&self, secret: SecretHash, time: WallTime) -> StoreResult<bool> {
        passes::is_good(&mut self.read().await?, secret, time).await
    }

    async fn space(&self, folder: FolderId) -> StoreResult<Space> {
        contents::space(&mut self.read().await?, folder).await
    }

    async fn add_invite(&self, invite: Invite) -> StoreResult<()> {
        self.invite_added(invite).await
    }

    async fn redeem(
        &self,
        secret: SecretHash,
        time: WallTime,
        device: NewDevice,
    ) -> StoreResult<Redeemed> {
        patiently(|| self.redeemed(secret, time, device.clone())).await
    }

    async fn put_manifest(
        &self,
        folder: FolderId,
        content: ContentId,
        manifest: Manifest,
    ) -> StoreResult<Vec<ChunkId>> {
        patiently(|| self.manifest_put(folder, content, manifest.clone())).await
    }

    async fn content(
        &self,
        folder: FolderId,
        content: ContentId,
    ) -> StoreResult<Option<StoredContent>> {
        contents::content(&mut self.read().await?, folder, content).await
    }

    async fn missing_chunks(
        &self,
        folder: FolderId,
        chunks: Vec<ChunkId>,
    ) -> StoreResult<Vec<ChunkId>> {
        contents::missing(&mut self.read().await?, folder, &chunks).await
    }

    async fn put_chunks(
        &self,
        folder: FolderId,
        chunks: Vec<(ChunkId, ChunkLocation)>,
    ) -> StoreResult<()> {
        patiently(|| self.chunks_put(folder, chunks.clone())).await
    }

    async fn note_damaged(
        &self,
        folder: FolderId,
        chunks: Vec<(ChunkId, ChunkLocation)>,
    ) -> StoreResult<()> {
        patiently(|| self.damaged_noted(folder, chunks.clone())).await
    }

    async fn locate_chunks(
        &self,
        folder: FolderId,
        chunks: Vec<ChunkId>,
    ) -> StoreResult<Vec<(ChunkId, ChunkLocation)>> {
        contents::located(&mut self.read().await?, folder, &chunks).await
    }

    async fn setting(&self, key: &str) -> StoreResult<Option<Blob>> {
        folders::setting(&mut self.read().await?, key).await
    }

    async fn set_setting_once(&self, key: &str, value: Blob) -> StoreResult<Blob> {
        patiently(|| self.setting_set_once(key, value.clone())).await
    }

    async fn put_setting(&self, key: &str, value: Blob) -> StoreResult<()> {
        patiently(|| self.setting_put(key, value.clone())).await
    }

    async fn check_entries(
        &self,
        folder: FolderId,
        after: Seq,
        limit: usize,
    ) -> StoreResult<Vec<(Entry, Cursor)>> {
        check::entries(&mut self.read().await?, folder, after, limit).await
    }

    async fn check_nodes(
        &self,
        folder: FolderId,
        after: Option<NodeId>,
        limit: usize,
    ) -> StoreResult<Vec<NodeRow>> {
        check::nodes(&mut self.read().await?, folder, after, limit).await
    }

    async fn check_contents(
        &self,
        folder: FolderId,
        after: Option<ContentId>,
        limit: usize,
    ) -> StoreResult<Vec<(ContentId, StoredContent)>> {
        check::contents(&mut self.read().await?, folder, after, limit).await
    }
}
