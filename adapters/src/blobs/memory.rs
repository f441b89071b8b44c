//! A blob store in memory, for simulations and tests.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use onefold_core::hash::ChunkId;

use crate::journal::{ChunkLocation, PackId};

use super::{BlobError, Blobs, check, lay_out, new_pack};

/// Packs in memory; they last as long as it does.
#[derive(Debug, Default)]
pub struct MemoryBlobs {
    packs: Mutex<BTreeMap<PackId, Bytes>>,
}

impl Blobs for MemoryBlobs {
    async fn put(&self, chunks: Vec<Bytes>) -> Result<Vec<(ChunkId, ChunkLocation)>, BlobError> {
        let pack = new_pack();
        let places = lay_out(pack, &chunks);
        let mut packs = self.packs.lock().unwrap_or_else(PoisonError::into_inner);
        packs.insert(pack, chunks.concat().into());
        Ok(places)
    }

    async fn get(&self, wanted: Vec<(ChunkId, ChunkLocation)>) -> Result<Vec<Bytes>, BlobError> {
        let packs = self.packs.lock().unwrap_or_else(PoisonError::into_inner);
        let read = |(chunk, location): (ChunkId, ChunkLocation)| {
            let bytes = packs.get(&location.pack).cloned().unwrap_or_default();
            let from = bytes.len().min(usize::try_from(location.offset).unwrap_or(usize::MAX));
            let to = bytes.len().min(from + location.size as usize);
            let bytes = bytes.slice(from..to);
            check(chunk, &location, &bytes).map(|()| bytes)
        };
        wanted.into_iter().map(read).collect()
    }
}
