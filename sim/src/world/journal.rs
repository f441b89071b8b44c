//! What the server keeps: the product's own arms in memory, with one folder that devices joined.
//!
//! It brings large contents in and out as the server's driver does it.

use onefold_adapters::blobs::MemoryBlobs;
use onefold_adapters::journal::{
    CrashPoint, MemoryStore, NewDevice, SecretHash, StoreResult, StoredContent,
};
use onefold_core::blob::Blob;
use onefold_core::hash::{ChunkId, ContentId};
use onefold_core::id::{DeviceId, FolderId, Seq};
use onefold_core::manifest::{Chunk, Manifest};
use onefold_core::operation::{Cursor, Entry};
use onefold_core::server::facts::{Head, NodeRow};
use onefold_core::server::session::{Load, Loaded};
use onefold_core::time::WallTime;

use crate::planted::{self, Planted};

/// The server's stores.
#[derive(Debug)]
pub struct Journal {
    folder: FolderId,
    store: MemoryStore,
    blobs: MemoryBlobs,
    planted: planted::server::Memory,
}

impl Journal {
    /// An empty folder that these devices have joined.
    pub fn new(folder: FolderId, devices: &[DeviceId]) -> StoreResult<Self> {
        let mut store = MemoryStore::default();
        store.create_folder(folder, "folder")?;
        for (index, id) in devices.iter().enumerate() {
            let (name, token) = (format!("device{index}"), SecretHash::of(id.as_bytes()));
            store.add_device(folder, true, NewDevice { id: *id, name, token })?;
        }
        let planted = planted::server::Memory::default();
        Ok(Self { folder, store, blobs: MemoryBlobs::default(), planted })
    }

    /// From now on it has this fault.
    pub fn plant(&mut self, fault: Option<Planted>) {
        self.planted.fault = fault;
    }

    /// The planted fault.
    pub fn planted(&self) -> Option<Planted> {
        self.planted.fault
    }

    /// A device joins the folder.
    pub fn join(&mut self, folder: FolderId, id: DeviceId) -> StoreResult<()> {
        let token = SecretHash::of(id.as_bytes());
        let name = format!("device{}", id.as_bytes()[0]);
        self.store.add_device(folder, true, NewDevice { id, name, token })
    }

    /// A device joins, if the server does not know it (any more).
    pub fn let_in(&mut self, folder: FolderId, id: DeviceId) {
        // A crash that is planned for the next write would strike here.
        for _ in 0..2 {
            if self.store.devices().iter().all(|device| device.id != id) {
                let _ = self.join(folder, id);
            }
        }
    }

    /// The next durable write is cut short here.
    pub fn crash_at(&mut self, point: CrashPoint) {
        self.store.crash_at(point);
    }

    /// A copy of the database, as a backup has it.
    pub fn backup(&self) -> MemoryStore {
        self.store.clone()
    }

    /// The database is what it was when it was copied; contents are only ever added.
    pub fn restore(&mut self, backup: MemoryStore) {
        self.store = backup;
    }

    /// A device may no longer come.
    pub fn revoke(&mut self, device: DeviceId) -> StoreResult<bool> {
        self.store.revoke(device)
    }

    /// Whether a device may change the folder.
    pub fn may_write(&self, id: DeviceId) -> bool {
        let devices = self.store.devices();
        devices.iter().find(|device| device.id == id).is_none_or(|device| device.writable)
    }

    /// Lets a device change the folder, or only read it.
    pub fn let_write(&mut self, id: DeviceId, writable: bool) {
        // A crash that is planned for the next write would strike here.
        for _ in 0..2 {
            if self.may_write(id) != writable {
                let _ = self.store.set_writable(id, writable);
            }
        }
    }

    /// The folder may grow no more, or as much as it likes.
    pub fn limit(&mut self, limited: bool) {
        let quota = limited.then(|| self.head().bytes);
        for _ in 0..2 {
            if self.head().quota != quota {
                let _ = self.store.set_quota(self.folder, quota);
            }
        }
    }

    /// Where it stands.
    pub fn head(&self) -> Head {
        self.store.head(self.folder)
    }

    /// Answers a session's question.
    pub fn answer(
        &mut self,
        device: DeviceId,
        writable: bool,
        time: WallTime,
        load: Load,
    ) -> StoreResult<Loaded> {
        self.planted.answer(&mut self.store, (self.folder, device, writable), time, load)
    }

    /// A device has this prefix.
    pub fn acknowledge(&mut self, device: DeviceId, seq: Seq) {
        self.store.acknowledge(device, seq);
    }

    /// The server's machine loses power.
    pub fn cut_power(&mut self) {
        self.store.cut_power();
        self.planted.cut_power(&mut self.store);
    }

    /// The bytes of a content, if the folder has it, whole.
    pub fn content(&self, id: ContentId) -> Option<Blob> {
        match self.store.content(self.folder, id)? {
            StoredContent::Inline(bytes) => Some(bytes),
            StoredContent::Chunks(manifest) => {
                let chunks: Vec<_> = manifest.chunks.iter().map(|chunk| chunk.id).collect();
                let located = self.store.locate_chunks(self.folder, &chunks);
                let bytes = self.blobs.get_now(&located).ok()?.concat();
                (ContentId::of(&bytes) == id).then(|| bytes.into())
            }
        }
    }

    /// Takes a large content in one chunk: in the simulation it is smaller than any boundary.
    pub fn put(&mut self, id: ContentId, bytes: &[u8]) -> StoreResult<()> {
        let chunk = ChunkId::of(bytes);
        if !self.store.missing_chunks(self.folder, &[chunk]).is_empty() {
            let located = self.blobs.put_now(&[bytes.to_vec().into()]);
            self.store.put_chunks(self.folder, located)?;
        }
        let size = u32::try_from(bytes.len()).expect("contents are small here");
        let manifest = Manifest { chunks: vec![Chunk { id: chunk, size }] };
        self.store.put_manifest(self.folder, id, manifest).map(drop)
    }

    /// Entries after a position, with their cursors.
    pub fn entries_after(&self, seq: Seq) -> Vec<(Entry, Cursor)> {
        self.store.check_entries(self.folder, seq, usize::MAX)
    }

    /// All nodes and tombstones.
    pub fn rows(&self) -> Vec<NodeRow> {
        self.store.check_nodes(self.folder, None, usize::MAX)
    }
}
