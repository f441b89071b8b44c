//! What an engine's look, hash and upload do to a disk: they only read.
//!
//! As on a real disk none is a moment: each begins, users go on, and it ends. A directory's names are
//! read first and looked at one by one; a file is read from its first half to its second.

use onefold_core::blob::Blob;
use onefold_core::disk::{DiskError, Inode as InodeId, Listing, Names, Seen, Stamp, Start};
use onefold_core::hash::ContentId;
use onefold_core::name::{Name, RelPath};
use onefold_core::node::Content;

use super::{Disk, Form, Number};
use crate::planted::Planted;

/// A look at a directory that has begun.
#[derive(Clone, Debug)]
pub struct Looking {
    directory: Number,
    inode: InodeId,
    early: Vec<(Name, Seen)>,
    late: Vec<Name>,
}

/// A file being read.
#[derive(Clone, Debug)]
pub struct Reading {
    number: Number,
    stamp: Stamp,
    half: Vec<u8>,
}

impl Disk {
    /// Begins to look: one in `share` of the names at once (0: none), the others at the end.
    pub fn look_begin(
        &mut self,
        dir: &RelPath,
        names: &Names,
        share: usize,
    ) -> Result<Looking, DiskError> {
        let directory = self.reach(dir)?;
        let Some(children) = self.children(directory) else { return Err(DiskError::Gone) };
        if !self.inode(directory).readable {
            return Err(DiskError::Denied("Permission denied".into()));
        }
        let wanted: Vec<Name> = match names {
            Names::All => children.keys().cloned().collect(),
            Names::Only(names) => names.iter().cloned().collect(),
        };
        if matches!(names, Names::All) {
            self.watch(directory);
        }
        let mut looking =
            Looking { directory, inode: self.id(directory), early: Vec::new(), late: Vec::new() };
        for (index, name) in wanted.into_iter().enumerate() {
            if share > 0 && index % share == 0 {
                let seen = self.entry(directory, &name);
                looking.early.extend(seen.map(|(name, number)| {
                    let seen = self.seen(&name, number);
                    (name, seen)
                }));
            } else {
                looking.late.push(name);
            }
        }
        Ok(looking)
    }

    /// Ends a look: what is at each name now.
    pub fn look_end(&self, looking: Looking) -> Result<Listing, DiskError> {
        if self.unmounted {
            return Err(DiskError::RootGone("it is not mounted".into()));
        }
        let there = self.table.inodes[looking.directory].is_some();
        if !there || self.id(looking.directory) != looking.inode {
            return Err(DiskError::Gone);
        }
        let mut names = looking.early;
        for name in looking.late {
            if let Some((name, number)) = self.entry(looking.directory, &name) {
                let seen = self.seen(&name, number);
                names.push((name, seen));
            }
        }
        names.sort_by(|(a, _), (b, _)| a.cmp(b));
        names.dedup_by(|(a, _), (b, _)| a == b);
        Ok(Listing { inode: looking.inode, names, unnameable: Vec::new() })
    }

    /// Begins to read a file that must be as the stamp says.
    pub fn read_begin(&self, path: &RelPath, stamp: &Stamp) -> Result<Reading, DiskError> {
        let number = self.reach(path)?;
        let Form::File { bytes, .. } = &self.inode(number).form else {
            return Err(DiskError::Changed);
        };
        self.check_read(number, stamp)?;
        let half = bytes[..bytes.len() / 2].to_vec();
        Ok(Reading { number, stamp: *stamp, half })
    }

    /// Ends reading it, if it stayed as it was.
    pub fn read_end(&self, reading: Reading) -> Result<(Content, Blob), DiskError> {
        if self.table.inodes[reading.number].is_none() {
            return Err(DiskError::Gone);
        }
        let Form::File { bytes, .. } = &self.inode(reading.number).form else {
            return Err(DiskError::Changed);
        };
        let mut whole = reading.half;
        whole.extend_from_slice(bytes.get(whole.len()..).unwrap_or_default());
        self.check_read(reading.number, &reading.stamp)?;
        let content = Content {
            id: ContentId::of(&whole),
            size: whole.len() as u64,
            mtime: reading.stamp.mtime,
        };
        Ok((content, whole.into()))
    }

    /// Reads so many bytes from the start of a file that may be growing.
    pub fn read_start(
        &self,
        path: &RelPath,
        stamp: &Stamp,
        start: Start,
    ) -> Result<(Content, Blob), DiskError> {
        let number = self.reach(path)?;
        let Form::File { bytes: whole, .. } = &self.inode(number).form else {
            return Err(DiskError::Changed);
        };
        let size = start.of(whole.len() as u64).filter(|_| self.id(number) == stamp.inode);
        let size = size.ok_or(DiskError::Changed)?;
        let start = &whole[..size as usize];
        let content = Content { id: ContentId::of(start), size, mtime: stamp.mtime };
        Ok((content, start.to_vec().into()))
    }

    fn check_read(&self, number: Number, stamp: &Stamp) -> Result<(), DiskError> {
        if !stamp.still(&self.stamp(number)) {
            return Err(DiskError::Changed);
        }
        if self.is_open(number) {
            return Err(DiskError::Busy);
        }
        Ok(())
    }

    /// Puts a content into staging, durably.
    pub fn stage(&mut self, content: &Content, bytes: &Blob) -> Result<(), DiskError> {
        if self.unmounted {
            return Err(DiskError::RootGone("it is not mounted".into()));
        }
        if self.full {
            return Err(DiskError::Full("No space left on device".into()));
        }
        let whole = ContentId::of(bytes) == content.id && bytes.len() as u64 == content.size;
        if !whole && self.planted != Some(Planted::PlacesTorn) {
            return Err(DiskError::NotStaged);
        }
        self.table.staged.insert(content.id, bytes.clone());
        if self.planted == Some(Planted::PlacesUnsynced) {
            self.changed()
        } else {
            self.sync()
        }
        Ok(())
    }

    /// Takes away what is staged, as when it was placed for another file.
    pub fn lose_staged(&mut self) {
        self.table.staged.clear();
        self.sync();
    }

    /// The inode at a path, as the engine's calls reach it.
    pub(super) fn reach(&self, path: &RelPath) -> Result<Number, DiskError> {
        if self.unmounted {
            return Err(DiskError::RootGone("it is not mounted".into()));
        }
        Ok(self.at(path)?)
    }
}
