//! Contents for files: bytes that do not repeat and cannot be compressed.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::Path;

/// That many bytes, the same for the same seed.
pub fn noise(seed: u64, len: usize) -> Vec<u8> {
    let mut bytes = vec![0; len];
    blake3::Hasher::new().update(&seed.to_le_bytes()).finalize_xof().fill(&mut bytes);
    bytes
}

/// Makes a file of that many bytes, however large, the same for the same seed.
pub fn fill(path: &Path, seed: u64, len: u64) -> io::Result<()> {
    let mut source = blake3::Hasher::new().update(&seed.to_le_bytes()).finalize_xof();
    let mut file = File::create(path)?;
    let mut buffer = vec![0; 1 << 20];
    let mut left = len;
    while left > 0 {
        let part = usize::try_from(left).map_or(buffer.len(), |left| left.min(buffer.len()));
        source.fill(&mut buffer[..part]);
        file.write_all(&buffer[..part])?;
        left -= part as u64;
    }
    Ok(())
}

/// How many bytes a reader gives, and their BLAKE3 hash.
pub(crate) fn hash(mut from: impl Read) -> io::Result<(u64, [u8; 32])> {
    let mut hasher = blake3::Hasher::new();
    let mut buffer = vec![0; 1 << 18];
    let mut size = 0;
    loop {
        match from.read(&mut buffer)? {
            0 => return Ok((size, *hasher.finalize().as_bytes())),
            read => {
                hasher.update(&buffer[..read]);
                size += read as u64;
            }
        }
    }
}
