//! Looking at a directory.
//!
//! A name is present, absent or unknown, and the three are never confused: what cannot be looked at
//! is an error for the whole directory, so that nothing in it is taken for deleted. Nothing is opened
//! but directories.

use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;

use onefold_core::blob::Blob;
use onefold_core::disk::{DiskError, Form, Found, Listing, Names, Seen};
use onefold_core::name::{InvalidName, Name, RelPath};
use onefold_core::node::{Kind, Target};
use rustix::io::Errno;

use super::root::is_nested_root;
use super::sys::{self, Meta};
use super::{RealDisk, rules, walk};

/// How often a directory is read again when it changes meanwhile: a name renamed under a reading may
/// be missed by it. What is missed still is looked for again before it is taken as deleted.
const MAX_READINGS: usize = 3;

pub(super) fn look(disk: &RealDisk, dir: &RelPath, names: &Names) -> Result<Listing, DiskError> {
    if dir.names().is_empty() {
        disk.root.check()?;
    }
    let open = walk::readable(&disk.root, dir).map_err(sys::problem)?;
    let looker = Looker {
        device: disk.root.device(),
        rules: disk.rules.current(&disk.root)?,
        path: dir,
        dir: open,
    };
    let listing = match names {
        Names::All => looker.all(),
        // A disk that folds names finds what has another name: compare with the names it has.
        Names::Only(only) if disk.guard.folding.folds() => looker.all().map(|mut listing| {
            let form = disk.guard.folding.of_form();
            let asked = |name: &Name| {
                only.contains(name)
                    || form.folds() && only.iter().any(|asked| form.same(asked, name))
            };
            listing.names.retain(|(name, _)| asked(name));
            listing
        }),
        Names::Only(only) => looker.only(only.iter().cloned()),
    };
    if dir.names().is_empty() {
        disk.root.check()?;
    }
    listing.map_err(sys::problem)
}

struct Looker<'a> {
    device: u64,
    rules: Arc<ignore::gitignore::Gitignore>,
    path: &'a RelPath,
    dir: OwnedFd,
}

impl Looker<'_> {
    fn all(&self) -> Result<Listing, Errno> {
        let mut before = Meta::of(&self.dir)?;
        let mut listing = self.reading()?;
        for _ in 1..MAX_READINGS {
            let after = Meta::of(&self.dir)?;
            if (before.mtime, before.ctime) == (after.mtime, after.ctime) {
                break;
            }
            before = after;
            listing = self.reading()?;
        }
        Ok(listing)
    }

    fn reading(&self) -> Result<Listing, Errno> {
        let mut names = Vec::new();
        let mut unnameable = Vec::new();
        for entry in rustix::fs::Dir::read_from(&self.dir)? {
            let entry = entry?;
            let bytes = entry.file_name().to_bytes();
            match Name::new(bytes) {
                Ok(name) => names.push(name),
                Err(InvalidName::Dots | InvalidName::Reserved) => {}
                Err(InvalidName::Empty | InvalidName::TooLong | InvalidName::Separator) => {
                    unnameable.push(bytes.escape_ascii().to_string());
                }
            }
        }
        names.sort_unstable();
        names.dedup();
        Ok(Listing { unnameable, ..self.only(names.into_iter())? })
    }

    fn only(&self, names: impl Iterator<Item = Name>) -> Result<Listing, Errno> {
        let mut listing = Listing {
            inode: Meta::of(&self.dir)?.inode,
            names: Vec::new(),
            unnameable: Vec::new(),
        };
        for name in names {
            match self.seen(&name) {
                Ok(Some(seen)) => listing.names.push((name, seen)),
                // Gone meanwhile, or a name that cannot be here.
                Ok(None) | Err(Errno::NOENT | Errno::NAMETOOLONG | Errno::INVAL | Errno::ILSEQ) => {
                }
                Err(errno) => return Err(errno),
            }
        }
        Ok(listing)
    }

    /// What stands at a name; `None` if it went away between two calls.
    fn seen(&self, name: &Name) -> Result<Option<Seen>, Errno> {
        let meta = Meta::at(&self.dir, name.as_bytes())?;
        let other = Ok(Some(Seen::Other { stamp: meta.stamp(), kind: meta.kind }));
        let Some(kind) = meta.kind else { return other };
        let is_dir = kind == Kind::Directory;
        if meta.inode.device != self.device
            || meta.mount_root
            || rules::covers(&self.rules, self.path, name, is_dir)
            || is_dir && is_nested_root(self.dir.as_fd(), name.as_bytes(), &meta.inode)
        {
            return other;
        }
        let form = match kind {
            Kind::Directory => Form::Directory,
            Kind::File => Form::File { executable: meta.mode & 0o100 != 0 },
            Kind::Symlink => {
                let target = match rustix::fs::readlinkat(&self.dir, name.as_bytes(), Vec::new()) {
                    Ok(target) => target,
                    // It is no link any more: a hint of that is on its way.
                    Err(Errno::INVAL) => return Ok(None),
                    Err(errno) => return Err(errno),
                };
                match Target::try_from(Blob::from(target.into_bytes())) {
                    Ok(target) => Form::Symlink(target),
                    Err(_) => return other,
                }
            }
        };
        Ok(Some(Seen::Node(Found { stamp: meta.stamp(), links: meta.links, form })))
    }
}
