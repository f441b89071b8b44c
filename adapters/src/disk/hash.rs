//! Reading files that must be what the engine believes them to be.
//!
//! Invariant: bytes are given out as a content only if the file's stamp was the same before and
//! after, nobody had it open for writing at either time, and its times were old enough that a change
//! would have shown.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use onefold_core::disk::{DiskError, Inode, Stamp, Start};
use onefold_core::hash::ContentId;
use onefold_core::name::RelPath;
use onefold_core::node::{Content, Kind};
use rustix::fs::Mode;

use super::sys::{self, Meta};
use super::{RealDisk, walk};
use crate::port::Source;

/// Bytes read at once.
const BUFFER_BYTES: usize = 256 * 1024;

/// A file of the tree, open for reading.
#[derive(Debug)]
pub(super) struct OpenFile {
    file: File,
    stamp: Stamp,
    leases: bool,
}

impl OpenFile {
    /// Opens a file that must be as the stamp says, and in nobody's hands.
    pub(super) fn open(disk: &RealDisk, path: &RelPath, stamp: &Stamp) -> Result<Self, DiskError> {
        let (parent, name) = walk::parent(&disk.root, path)?;
        // Looked at before it is opened: to open a FIFO is to be seen by its writer.
        let meta = Meta::at(&parent, name.as_bytes()).map_err(sys::problem)?;
        if meta.kind != Some(Kind::File) || !meta.is(stamp) {
            return Err(DiskError::Changed);
        }
        let file = rustix::fs::openat(&parent, name.as_bytes(), sys::READ, Mode::empty())
            .map_err(sys::problem)?;
        sys::outwait(meta.ctime, meta.ctime);
        let now = Meta::of(&file).map_err(sys::problem)?.stamp();
        if now != meta.stamp() {
            return Err(DiskError::Changed);
        }
        let open = Self { file: file.into(), stamp: now, leases: disk.guard.leases };
        open.unchanged()?;
        Ok(open)
    }

    /// Reads and hashes all of it, and looks again.
    pub(super) fn content(&self) -> Result<Content, DiskError> {
        let mut hasher = blake3::Hasher::new();
        let mut buffer = vec![0; BUFFER_BYTES];
        let mut size = 0;
        loop {
            match self.file.read_at(&mut buffer, size) {
                Ok(0) => break,
                Ok(read) => {
                    hasher.update(&buffer[..read]);
                    size += read as u64;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(sys::io_problem(&error)),
            }
            // A file that grows as fast as it is read would never end.
            if size > self.stamp.size {
                return Err(DiskError::Changed);
            }
        }
        self.unchanged()?;
        let id = ContentId::from_bytes(*hasher.finalize().as_bytes());
        Ok(Content { id, size, mtime: self.stamp.mtime })
    }
}

impl Source for OpenFile {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        read_full(&self.file, buffer, offset)
    }

    fn unchanged(&self) -> Result<(), DiskError> {
        // First the writer, then the stamp: what one wrote before closing shows in it.
        let writer = self.leases && has_writer(&self.file);
        if Meta::of(&self.file).map_err(sys::problem)?.stamp() != self.stamp {
            return Err(DiskError::Changed);
        }
        if writer { Err(DiskError::Busy) } else { Ok(()) }
    }
}

/// The start of a file of the tree that may be growing.
#[derive(Debug)]
pub(super) struct OpenStart {
    file: File,
    inode: Inode,
    bytes: u64,
}

impl OpenStart {
    /// Opens a file that must still be that inode, and as long as its start is.
    pub(super) fn open(
        disk: &RealDisk,
        path: &RelPath,
        stamp: &Stamp,
        start: Start,
    ) -> Result<Self, DiskError> {
        let (parent, name) = walk::parent(&disk.root, path)?;
        let meta = Meta::at(&parent, name.as_bytes()).map_err(sys::problem)?;
        if meta.kind != Some(Kind::File) || meta.inode != stamp.inode {
            return Err(DiskError::Changed);
        }
        let file = rustix::fs::openat(&parent, name.as_bytes(), sys::READ, Mode::empty())
            .map_err(sys::problem)?;
        let file = File::from(file);
        let opened = Meta::of(&file).map_err(sys::problem)?;
        let bytes = start.of(opened.size).filter(|_| opened.inode == stamp.inode);
        Ok(Self { file, inode: stamp.inode, bytes: bytes.ok_or(DiskError::Changed)? })
    }
}

impl Source for OpenStart {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let left = usize::try_from(self.bytes.saturating_sub(offset)).unwrap_or(usize::MAX);
        let length = buffer.len().min(left);
        read_full(&self.file, &mut buffer[..length], offset)
    }

    /// Its bytes are compared with their hash by whoever reads them.
    fn unchanged(&self) -> Result<(), DiskError> {
        let meta = Meta::of(&self.file).map_err(sys::problem)?;
        let same = meta.inode == self.inode && meta.size >= self.bytes;
        if same { Ok(()) } else { Err(DiskError::Changed) }
    }
}

/// Reads at an offset; fewer bytes than asked for only at the end.
pub(super) fn read_full(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match file.read_at(&mut buffer[filled..], offset + filled as u64) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

/// Whether someone has it open for writing: then a read lease is refused. Where none can be had
/// (another's file), nobody can tell.
pub(super) fn has_writer(file: &File) -> bool {
    match sys::take_lease(file) {
        Ok(()) => {
            sys::release_lease(file);
            false
        }
        Err(error) => error.kind() == io::ErrorKind::WouldBlock,
    }
}
