//! Reading a file in chunks, where that may block, and given up as soon as nobody waits for it.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use onefold_core::client::event::TransferError;
use onefold_core::disk::DiskError;
use onefold_core::hash::{ChunkId, ContentId};
use onefold_core::manifest::{Chunk, MAX_CHUNK_BYTES, Manifest, first_boundary};

use crate::port::Source;
use crate::workers::Workers;

/// How many bytes are read at a time: several chunks, so that little is moved about in the buffer.
const BUFFER_BYTES: usize = 4 * MAX_CHUNK_BYTES;

/// Cuts all of a file into chunks, and hashes them and the whole, in one pass. One that turns out to
/// have more bytes than expected has changed: it may be growing faster than it is read.
pub(super) fn cut(
    source: &dyn Source,
    most_bytes: u64,
    given_up: &GivenUp,
) -> Result<(ContentId, Manifest), DiskError> {
    let mut whole = blake3::Hasher::new();
    let mut manifest = Manifest::default();
    let mut buffer = vec![0; BUFFER_BYTES];
    let (mut filled, mut offset, mut at_end) = (0, 0, false);
    loop {
        given_up.check()?;
        while filled < buffer.len() && !at_end {
            let read = source.read_at(&mut buffer[filled..], offset).map_err(read_error)?;
            at_end = read == 0;
            filled += read;
            offset += read as u64;
            if offset > most_bytes {
                return Err(DiskError::Changed);
            }
        }
        let mut from = 0;
        while filled - from >= MAX_CHUNK_BYTES || (at_end && from < filled) {
            let chunk = &buffer[from..][..first_boundary(&buffer[from..filled])];
            whole.update(chunk);
            let size = u32::try_from(chunk.len()).expect("a chunk is far smaller than 4 GiB");
            manifest.chunks.push(Chunk { id: ChunkId::of(chunk), size });
            from += chunk.len();
        }
        buffer.copy_within(from..filled, 0);
        filled -= from;
        if at_end {
            return Ok((ContentId::from_bytes(*whole.finalize().as_bytes()), manifest));
        }
    }
}

/// Reads one chunk; [`DiskError::Changed`] if it is not there any more.
pub(super) fn read_chunk(
    source: &dyn Source,
    chunk: &Chunk,
    offset: u64,
) -> Result<Bytes, DiskError> {
    let bytes = read_whole(chunk.size, offset, |buffer, at| source.read_at(buffer, at))
        .map_err(read_error)?;
    match bytes {
        Some(bytes) if ChunkId::of(&bytes) == chunk.id => Ok(bytes),
        Some(_) | None => Err(DiskError::Changed),
    }
}

/// Reads so many bytes; `None` if there are fewer.
pub(super) fn read_whole(
    size: u32,
    offset: u64,
    read_at: impl Fn(&mut [u8], u64) -> io::Result<usize>,
) -> io::Result<Option<Bytes>> {
    let mut bytes = vec![0; size as usize];
    let mut filled = 0;
    while filled < bytes.len() {
        match read_at(&mut bytes[filled..], offset + filled as u64)? {
            0 => return Ok(None),
            read => filled += read,
        }
    }
    Ok(Some(bytes.into()))
}

/// A failed read, in the system's own words.
pub(super) fn read_error(error: io::Error) -> DiskError {
    match error.kind() {
        io::ErrorKind::PermissionDenied => DiskError::Denied(error.to_string()),
        _ => DiskError::Failed(error.to_string()),
    }
}

/// Runs blocking work; it is told to stop when this future is dropped.
pub(super) async fn blocking<T: Send + 'static>(
    workers: Workers,
    work: impl FnOnce(&GivenUp) -> Result<T, DiskError> + Send + 'static,
) -> Result<T, TransferError> {
    let given_up = GivenUp::default();
    let _guard = GiveUpOnDrop(given_up.clone());
    workers.run(move || work(&given_up)).await.map_err(TransferError::Disk)
}

/// Whether anybody still waits.
#[derive(Clone, Debug, Default)]
pub(super) struct GivenUp(Arc<AtomicBool>);

impl GivenUp {
    /// An error, which nobody will see, if nobody waits.
    pub(super) fn check(&self) -> Result<(), DiskError> {
        match self.0.load(Ordering::Relaxed) {
            true => Err(DiskError::Failed("given up".to_owned())),
            false => Ok(()),
        }
    }
}

struct GiveUpOnDrop(GivenUp);

impl Drop for GiveUpOnDrop {
    fn drop(&mut self) {
        self.0.0.store(true, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Slice(Vec<u8>);

    impl Source for Slice {
        fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
            let rest = &self.0[self.0.len().min(usize::try_from(offset).unwrap())..];
            let count = rest.len().min(buffer.len()).min(100_000);
            buffer[..count].copy_from_slice(&rest[..count]);
            Ok(count)
        }

        fn unchanged(&self) -> Result<(), DiskError> {
            Ok(())
        }
    }

    fn noise(len: usize) -> Vec<u8> {
        let mut bytes = vec![0; len];
        blake3::Hasher::new().finalize_xof().fill(&mut bytes);
        bytes
    }

    #[test]
    fn cutting_a_file_as_it_is_read_gives_the_chunks_of_the_whole() {
        for len in [0, 1, 70_000, MAX_CHUNK_BYTES, 9 * MAX_CHUNK_BYTES + 5] {
            let bytes = noise(len);
            let (id, manifest) = cut(&Slice(bytes.clone()), u64::MAX, &GivenUp::default()).unwrap();
            assert_eq!(id, ContentId::of(&bytes));
            assert_eq!(manifest.size(), len as u64);
            let mut rest = &bytes[..];
            for chunk in manifest.chunks {
                let end = first_boundary(rest);
                assert_eq!((chunk.id, chunk.size as usize), (ChunkId::of(&rest[..end]), end));
                rest = &rest[end..];
            }
        }
    }

    #[test]
    fn a_small_change_in_the_middle_leaves_almost_all_chunks_as_they_were() {
        let mut bytes = noise(16 * MAX_CHUNK_BYTES);
        let (_, before) = cut(&Slice(bytes.clone()), u64::MAX, &GivenUp::default()).unwrap();
        bytes[8_000_000..8_004_096].fill(7);
        let (_, after) = cut(&Slice(bytes), u64::MAX, &GivenUp::default()).unwrap();
        let new = after.chunks.iter().filter(|chunk| !before.chunks.contains(chunk));
        assert!(new.map(|chunk| chunk.size).sum::<u32>() < 2 * 1024 * 1024);
    }
}
