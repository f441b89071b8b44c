//! Cutting a content into chunks, and the list of them.

use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use crate::hash::ChunkId;

/// No chunk but the last of a content is smaller, in bytes.
pub const MIN_CHUNK_BYTES: usize = 64 * 1024;
/// The size that most chunks are near to.
pub const AVERAGE_CHUNK_BYTES: usize = 256 * 1024;
/// No chunk is larger.
pub const MAX_CHUNK_BYTES: usize = 1024 * 1024;
/// The most chunks of one content: a file of at least 4 TiB fits.
pub const MAX_CHUNKS: usize = 64 * 1024 * 1024;

/// A chunk of a content.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Chunk {
    /// What its bytes are.
    pub id: ChunkId,
    /// How many bytes.
    pub size: u32,
}

/// The chunks of a content, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// Chunks that, joined, are the content.
    pub chunks: Vec<Chunk>,
}

impl Manifest {
    /// How many bytes the content has.
    pub fn size(&self) -> u64 {
        self.chunks.iter().map(|chunk| u64::from(chunk.size)).sum()
    }
}

/// Where the first chunk of these bytes ends (FastCDC 2020, normalised, the constants above).
///
/// The bytes must be at least [`MAX_CHUNK_BYTES`], or all that is left of the content.
pub fn first_boundary(bytes: &[u8]) -> usize {
    if bytes.len() <= MIN_CHUNK_BYTES {
        return bytes.len();
    }
    fastcdc::v2020::FastCDC::new(bytes, MIN_CHUNK_BYTES, AVERAGE_CHUNK_BYTES, MAX_CHUNK_BYTES)
        .next()
        .map_or(bytes.len(), |chunk| chunk.length)
}
