//! Room on the disk: a floor of free space that contents coming in never take, and files with holes.
//!
//! What is free below the floor is left to the user's own programs, and to the small writes that
//! sending needs. It decides nothing about what is fetched: it says no, as a full disk would.

use std::fs::File;
use std::io;
use std::os::fd::AsFd;
use std::os::unix::fs::FileExt;

use onefold_core::disk::DiskError;

use super::sys;

/// The most that is left free.
const FLOOR_BYTES: u64 = 100 * 1024 * 1024;
/// Of a small disk, one part in so many is left free.
const FLOOR_SHARE: u64 = 20;
/// Runs of zeros are left out in blocks of this size, which is that of most filesystems.
const BLOCK_BYTES: usize = 4_096;

/// Refuses as a full disk would, if fewer bytes than the floor were free after so many more.
pub(super) fn check(dir: impl AsFd, more: u64) -> Result<(), DiskError> {
    let stat = rustix::fs::fstatvfs(dir).map_err(sys::problem)?;
    let bytes = |blocks: u64| blocks.saturating_mul(stat.f_frsize);
    let (free, floor) = (bytes(stat.f_bavail), floor(bytes(stat.f_blocks)));
    // Some filesystems do not know how large they are.
    if stat.f_blocks == 0 || free >= floor.saturating_add(more) {
        return Ok(());
    }
    let mib = |bytes: u64| bytes / (1024 * 1024);
    Err(DiskError::Full(format!(
        "{} MiB are free, and {} MiB are left to other programs; it comes when there is room",
        mib(free),
        mib(floor).max(1)
    )))
}

fn floor(size: u64) -> u64 {
    FLOOR_BYTES.min(size / FLOOR_SHARE)
}

/// How many of these bytes take room.
pub(super) fn data(bytes: &[u8], offset: u64) -> u64 {
    blocks(bytes, offset).filter(|(_, block)| !is_hole(block)).map(|(_, b)| b.len() as u64).sum()
}

/// Writes at the end of a file; whole blocks of zeros become holes.
pub(super) fn append(file: &File, bytes: &[u8], offset: u64) -> io::Result<()> {
    let (mut start, mut pending) = (0, 0);
    for (at, block) in blocks(bytes, offset) {
        if is_hole(block) {
            file.write_all_at(&bytes[start..start + pending], offset + start as u64)?;
            (start, pending) = (at + block.len(), 0);
        } else {
            pending += block.len();
        }
    }
    file.write_all_at(&bytes[start..start + pending], offset + start as u64)?;
    if pending == 0 && !bytes.is_empty() {
        file.set_len(offset + bytes.len() as u64)?;
    }
    Ok(())
}

/// Only a whole block can be a hole.
fn is_hole(block: &[u8]) -> bool {
    block.len() == BLOCK_BYTES && block.iter().all(|byte| *byte == 0)
}

/// The bytes in blocks of the file, with where they are in `bytes`; the first and the last may be
/// parts of blocks.
fn blocks(bytes: &[u8], offset: u64) -> impl Iterator<Item = (usize, &[u8])> {
    let into = (offset % BLOCK_BYTES as u64) as usize;
    let first = ((BLOCK_BYTES - into) % BLOCK_BYTES).min(bytes.len());
    let (head, rest) = bytes.split_at(first);
    let rest = rest.chunks(BLOCK_BYTES).enumerate();
    let head = std::iter::once((0, head)).filter(|(_, head)| !head.is_empty());
    head.chain(rest.map(move |(index, block)| (first + index * BLOCK_BYTES, block)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::MetadataExt;

    #[test]
    fn a_large_disk_keeps_100_mib_free_and_a_small_one_a_part() {
        assert_eq!(floor(1 << 40), FLOOR_BYTES);
        assert_eq!(floor(64 * 1024 * 1024), 64 * 1024 * 1024 / 20);
    }

    #[test]
    fn what_is_appended_is_read_back_whatever_its_blocks() {
        let file = tempfile::tempfile().unwrap();
        let mut whole = Vec::new();
        for (byte, length) in [(1, 5), (0, 5_000), (2, 4_096), (0, 8_192), (0, 3), (3, 1), (0, 9)] {
            let more = vec![byte; length];
            append(&file, &more, whole.len() as u64).unwrap();
            whole.extend(more);
            assert_eq!(file.metadata().unwrap().len(), whole.len() as u64);
        }
        let mut read = vec![9; whole.len()];
        file.read_exact_at(&mut read, 0).unwrap();
        assert!(read == whole);
    }

    #[test]
    fn zeros_take_no_room() {
        let file = tempfile::tempfile().unwrap();
        let bytes = vec![0; 1024 * 1024];
        assert_eq!(data(&bytes, 0), 0);
        append(&file, &bytes, 0).unwrap();
        append(&file, &bytes, bytes.len() as u64).unwrap();
        let meta = file.metadata().unwrap();
        assert_eq!((meta.len(), meta.blocks()), (2 * 1024 * 1024, 0));
    }
}
