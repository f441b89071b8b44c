//! A blob store in memory, for simulations and tests.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use onefold_core::hash::ChunkId;

use crate::journal::{ChunkLocation, PackId};

use super::{BlobError, Blobs, check, lay_out};

/// Packs in memory, numbered in turn; they last as long as it does.
#[derive(Debug, Default)]
pub struct MemoryBlobs {
    packs: Mutex<BTreeMap<PackId, Bytes>>,
}

impl MemoryBlobs {
    /// See [`Blobs::put`].
    pub fn put_now(&self, chunks: &[Bytes]) -> Vec<(ChunkId, ChunkLocation)> {
        let mut packs = self.lock();
        let pack = PackId((packs.len() as u128).to_be_bytes());
        packs.insert(pack, chunks.concat().into());
        lay_out(pack, chunks)
    }

    /// See [`Blobs::get`].
    pub fn get_now(&self, wanted: &[(ChunkId, ChunkLocation)]) -> Result<Vec<Bytes>, BlobError> {
        let packs = self.lock();
        let read = |(chunk, location): &(ChunkId, ChunkLocation)| {
            let bytes = packs.get(&location.pack).cloned().unwrap_or_default();
            let from = bytes.len().min(usize::try_from(location.offset).unwrap_or(usize::MAX));
            let to = bytes.len().min(from + location.size as usize);
            let bytes = bytes.slice(from..to);
            check(*chunk, location, &bytes).map(|()| bytes)
        };
        wanted.iter().map(read).collect()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<PackId, Bytes>> {
        self.packs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Blobs for MemoryBlobs {
    async fn put(&self, chunks: Vec<Bytes>) -> Result<Vec<(ChunkId, ChunkLocation)>, BlobError> {
        Ok(self.put_now(&chunks))
    }

    async fn get(&self, wanted: Vec<(ChunkId, ChunkLocation)>) -> Result<Vec<Bytes>, BlobError> {
        self.get_now(&wanted)
    }
}
