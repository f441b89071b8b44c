//! The blob store's port: chunks go in and come out in batches, and lie in packs.
//!
//! Invariants: what `put` answers is durable; a pack is written once, under a name drawn at random,
//! and never changed; every chunk is named by the hash of the bytes that were stored, and checked
//! against it when it is read.
//!
//! It does not know which chunks there are: the journal keeps their locations. It removes nothing.

mod memory;
mod packs;

use std::future::Future;

use bytes::Bytes;
use onefold_core::hash::ChunkId;

use crate::journal::{ChunkLocation, PackId};

pub use memory::MemoryBlobs;
pub use packs::Packs;

/// A store of chunks.
pub trait Blobs: Send + Sync + 'static {
    /// Stores a batch of chunks, each of 1 to [`onefold_core::manifest::MAX_CHUNK_BYTES`], and says
    /// what and where they are, in the order they were given.
    fn put(
        &self,
        chunks: Vec<Bytes>,
    ) -> impl Future<Output = Result<Vec<(ChunkId, ChunkLocation)>, BlobError>> + Send;

    /// Reads a batch of chunks, in the order they were given; each is what its id says.
    fn get(
        &self,
        wanted: Vec<(ChunkId, ChunkLocation)>,
    ) -> impl Future<Output = Result<Vec<Bytes>, BlobError>> + Send;
}

/// Why a blob store did not do what was asked. Nothing that was there before is touched.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BlobError {
    /// It cannot be reached, or refuses.
    #[error("the blob store does not answer: {0}")]
    Unavailable(String),
    /// It has no room.
    #[error("the blob store is full: {0}")]
    Full(String),
    /// A pack does not hold what it should.
    #[error("chunk {chunk} in pack {pack} is damaged: {what}")]
    Damaged {
        /// Which chunk.
        chunk: ChunkId,
        /// Which pack.
        pack: PackId,
        /// What is wrong.
        what: String,
    },
}

/// Draws the name of a new pack.
fn new_pack() -> PackId {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).expect("the operating system gives random bytes");
    PackId(bytes)
}

/// Names each chunk, and gives it the place it has when all of them are joined.
fn lay_out(pack: PackId, chunks: &[Bytes]) -> Vec<(ChunkId, ChunkLocation)> {
    let mut offset = 0;
    let place = |chunk: &Bytes| {
        let size = u32::try_from(chunk.len()).expect("a chunk is far smaller than 4 GiB");
        let location = ChunkLocation { pack, offset, size };
        offset += u64::from(size);
        (ChunkId::of(chunk), location)
    };
    chunks.iter().map(place).collect()
}

/// Checks bytes that were read against what they should be.
fn check(chunk: ChunkId, location: &ChunkLocation, bytes: &Bytes) -> Result<(), BlobError> {
    let what = if bytes.len() as u64 != u64::from(location.size) {
        format!("{} of {} bytes are there", bytes.len(), location.size)
    } else if ChunkId::of(bytes) != chunk {
        "its bytes have another hash".to_owned()
    } else {
        return Ok(());
    };
    Err(BlobError::Damaged { chunk, pack: location.pack, what })
}

#[cfg(test)]
mod conformance {
    //! What every blob store must do: one body, two arms.

    use super::*;

    async fn check_store(store: impl Blobs) {
        let chunks: Vec<Bytes> =
            (1..=40_u8).map(|n| Bytes::from(vec![n; usize::from(n) * 1000])).collect();
        let (left, right) = chunks.split_at(17);
        let (first, second) = tokio::join!(store.put(left.to_vec()), store.put(right.to_vec()));
        let mut places = first.unwrap();
        places.extend(second.unwrap());
        for ((id, location), chunk) in places.iter().zip(&chunks) {
            assert_eq!(*id, ChunkId::of(chunk));
            assert_eq!(location.size as usize, chunk.len());
        }

        let every_third: Vec<_> = places.iter().rev().step_by(3).copied().collect();
        let expected: Vec<_> = chunks.iter().rev().step_by(3).cloned().collect();
        assert_eq!(store.get(every_third).await.unwrap(), expected);
        assert_eq!(store.get(Vec::new()).await.unwrap(), Vec::<Bytes>::new());
        assert_eq!(store.put(Vec::new()).await.unwrap(), Vec::new());

        let ((id, here), (_, there)) = (places[3], places[4]);
        let wrong_place = ChunkLocation { size: here.size, ..there };
        let beyond = ChunkLocation { offset: 1 << 40, ..here };
        let no_pack = ChunkLocation { pack: PackId([7; 16]), ..here };
        for location in [wrong_place, beyond, no_pack] {
            let answer = store.get(vec![places[0], (id, location)]).await;
            assert!(
                matches!(answer, Err(BlobError::Damaged { chunk, .. }) if chunk == id),
                "{answer:?}"
            );
        }
    }

    #[tokio::test]
    async fn a_directory_of_packs_gives_back_what_was_put() {
        let dir = tempfile::tempdir().unwrap();
        let store = Packs::open(&dir.path().join("new/blobs")).unwrap();
        check_store(store).await;
    }

    #[tokio::test]
    async fn memory_gives_back_what_was_put() {
        check_store(MemoryBlobs::default()).await;
    }
}
