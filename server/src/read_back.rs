//! Reading a content back from the blob store, to see whether it is what it is said to be.

use std::collections::BTreeMap;

use bytes::Bytes;
use onefold_adapters::blobs::{BlobError, Blobs};
use onefold_adapters::journal::{ChunkLocation, Journal};
use onefold_adapters::port::StoreError;
use onefold_core::hash::{ChunkId, ContentId};
use onefold_core::id::FolderId;
use onefold_core::manifest::Manifest;

/// Chunks that are read at a time: a few MiB.
const READ_CHUNKS: usize = 16;

/// What a list of chunks turned out to be.
#[derive(Debug)]
pub(crate) enum ReadBack {
    /// All are there; joined, they have this hash.
    Whole(ContentId),
    /// The folder does not have this one.
    Missing(ChunkId),
    /// This one has another size than the list says.
    OtherSize(ChunkId),
    /// These are not as they were, where they lie; the first of them in words.
    Damaged(Vec<(ChunkId, ChunkLocation)>, BlobError),
    /// The blob store does not give them.
    Failed(BlobError),
}

/// Reads all chunks of a content, a few at a time.
pub(crate) async fn read_back<J: Journal, B: Blobs>(
    journal: &J,
    blobs: &B,
    folder: FolderId,
    manifest: &Manifest,
) -> Result<ReadBack, StoreError> {
    let mut whole = blake3::Hasher::new();
    let (mut damaged, mut first) = (Vec::new(), None);
    for chunks in manifest.chunks.chunks(READ_CHUNKS) {
        let mut ids: Vec<ChunkId> = chunks.iter().map(|chunk| chunk.id).collect();
        ids.sort_unstable();
        ids.dedup();
        let located = journal.locate_chunks(folder, ids).await?;
        let found: Vec<ChunkId> = located.iter().map(|(id, _)| *id).collect();
        let read: BTreeMap<ChunkId, Bytes> = match blobs.get(located.clone()).await {
            Ok(read) => found.into_iter().zip(read).collect(),
            Err(error @ BlobError::Damaged { .. }) => {
                damaged.extend(damaged_of(blobs, located).await);
                first = first.or(Some(error));
                continue;
            }
            Err(error) => return Ok(ReadBack::Failed(error)),
        };
        for chunk in chunks {
            match read.get(&chunk.id) {
                Some(bytes) if bytes.len() as u64 == u64::from(chunk.size) => {
                    whole.update(bytes);
                }
                Some(_) => return Ok(ReadBack::OtherSize(chunk.id)),
                None => return Ok(ReadBack::Missing(chunk.id)),
            }
        }
        tokio::task::yield_now().await;
    }
    if let Some(first) = first {
        return Ok(ReadBack::Damaged(damaged, first));
    }
    Ok(ReadBack::Whole(ContentId::from_bytes(*whole.finalize().as_bytes())))
}

/// Those of these chunks that are not as they were, where they lie.
pub(crate) async fn damaged_of<B: Blobs>(
    blobs: &B,
    located: Vec<(ChunkId, ChunkLocation)>,
) -> Vec<(ChunkId, ChunkLocation)> {
    let mut damaged = Vec::new();
    for one in located {
        if let Err(BlobError::Damaged { .. }) = blobs.get(vec![one]).await {
            damaged.push(one);
        }
    }
    damaged
}
