//! The disk below one folder's root, on Linux.
//!
//! What may happen to a user's file is decided in [`guard`] and [`moves`], and what becomes of
//! displaced files in [`displaced`]; the rest looks, reads and prepares. Invariants: everything is
//! opened relative to the root, following no link and entering no other filesystem; only directories
//! and regular files are ever opened, and never in a way that waits; the client's own files are all in
//! `.onefold/`, which nobody else may enter.
//!
//! It does not decide what to sync, keeps no tree, and believes nothing it did not just look at.

mod displaced;
mod guard;
mod hash;
mod held;
mod hooks;
mod kept;
mod look;
mod moves;
mod prepare;
mod probe;
mod room;
mod root;
mod rules;
mod staging;
mod sys;
#[cfg(test)]
mod tests;
mod unsynced;
mod walk;

use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

use onefold_core::disk::{Change, DiskError, Listing, Names, Stamp, Start};
use onefold_core::id::{FolderId, NodeId};
use onefold_core::name::RelPath;
use onefold_core::node::Content;
use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use serde::{Deserialize, Serialize};

pub use displaced::{Rescued, Swept};
pub use probe::Guard;
pub use root::{Link, OWN, OpenError};
pub use rules::{IGNORE_FILE, IgnoreRules};
pub use sys::ignore_sigio;
pub use unsynced::{NotSynced, not_synced};

use crate::port::{Disk, Source, Staging};
use hash::{OpenFile, OpenStart};
use hooks::{Hooks, NoHooks, Point};
use kept::Kept;
use root::Root;
use rules::Rules;
use staging::Stage;

/// A real disk below one folder's root, locked for this process.
pub struct RealDisk {
    root: Root,
    kept: Kept,
    stage: Stage,
    rules: Rules,
    guard: Guard,
    counts: Counters,
    hooks: Box<dyn Hooks>,
    recovered: Swept,
}

impl RealDisk {
    /// Opens a folder's root, and puts right what a crash left behind.
    ///
    /// `label` names conflict copies of what is found then: the device and the local time, as
    /// [`onefold_core::name::conflict_name`] takes it.
    pub fn open(path: &Path, folder: FolderId, link: Link, label: &str) -> Result<Self, OpenError> {
        Self::open_as(path, folder, link, label, |guard| guard, Box::new(NoHooks))
    }

    /// The same with less of what the filesystem offers, and with hooks.
    fn open_as(
        path: &Path,
        folder: FolderId,
        link: Link,
        label: &str,
        limit: fn(Guard) -> Guard,
        hooks: Box<dyn Hooks>,
    ) -> Result<Self, OpenError> {
        ignore_sigio();
        let root = Root::open(path, folder, link)?;
        let failed = |errno: Errno| OpenError::Failed(root.path().to_owned(), sys::words(errno));
        let own = own_directory(&root, OWN).map_err(failed)?;
        hide_from_git(&own).map_err(failed)?;
        let guard = limit(probe::probe(&own).map_err(failed)?);
        if !guard.can_take_names() {
            return Err(OpenError::Unguarded(root.path().to_owned()));
        }
        let session = getrandom::u64()
            .map_err(|error| OpenError::Failed(root.path().to_owned(), error.to_string()))?;
        let kept = Kept::open(&own, session).map_err(failed)?;
        let stage = Stage::open(&own).map_err(failed)?;
        let (rules, counts) = (Rules::default(), Counters::default());
        let mut disk =
            Self { root, kept, stage, rules, guard, counts, hooks, recovered: Swept::default() };
        disk.recovered = displaced::sweep(&disk, SystemTime::now(), label, true)
            .map_err(|error| OpenError::Failed(disk.root.path().to_owned(), error.to_string()))?;
        Ok(disk)
    }

    /// The absolute path of the root.
    pub fn path(&self) -> &Path {
        self.root.path()
    }

    /// What guards a user's files here.
    pub fn guard(&self) -> Guard {
        self.guard
    }

    /// The same in words, with the single files that it did not hold for.
    pub fn guard_in_words(&self) -> String {
        match self.counts().unleased {
            0 => self.guard.to_string(),
            1 => format!("{}; weaker for 1 file of another owner", self.guard),
            files => format!("{}; weaker for {files} files of other owners", self.guard),
        }
    }

    /// What was put right when the root was opened, and when to sweep first.
    pub fn recovered(&self) -> &Swept {
        &self.recovered
    }

    /// Looks after displaced files: call it about a second after a change, and then when it says.
    ///
    /// It blocks. `label` is for conflict names, as in [`Self::open`].
    pub fn sweep(&self, now: SystemTime, label: &str) -> Result<Swept, DiskError> {
        displaced::sweep(self, now, label, false)
    }

    /// How often the guard had to step in.
    pub fn counts(&self) -> Counts {
        self.counts.read()
    }

    fn at(&self, point: Point) {
        self.hooks.at(point);
    }

    fn count(&self, which: fn(&Counters) -> &AtomicU64) {
        which(&self.counts).fetch_add(1, Ordering::Relaxed);
    }
}

impl Disk for RealDisk {
    fn look(&self, dir: &RelPath, names: &Names) -> Result<Listing, DiskError> {
        look::look(self, dir, names)
    }

    fn hash(&self, path: &RelPath, stamp: &Stamp) -> Result<Content, DiskError> {
        OpenFile::open(self, path, stamp)?.content()
    }

    fn read(&self, path: &RelPath, stamp: &Stamp) -> Result<Box<dyn Source>, DiskError> {
        Ok(Box::new(OpenFile::open(self, path, stamp)?))
    }

    fn read_start(
        &self,
        path: &RelPath,
        stamp: &Stamp,
        start: Start,
    ) -> Result<Box<dyn Source>, DiskError> {
        Ok(Box::new(OpenStart::open(self, path, stamp, start)?))
    }

    fn stage(&self, content: &Content) -> Result<Box<dyn Staging>, DiskError> {
        self.root.check()?;
        self.stage.stage(content)
    }

    fn change(&self, node: NodeId, change: &Change) -> Result<Option<Stamp>, DiskError> {
        guard::change(self, node, change)
    }
}

/// How often the guard had to step in, since the disk was opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// A lease was refused: a program was writing, and the change waits.
    pub refused: u64,
    /// Files that were replaced or removed though no lease could be had on them, where others have
    /// one: they belong to someone else.
    pub unleased: u64,
    /// A program began to write in the middle of a swap.
    pub broken: u64,
    /// A file went away after it was compared, and before it was swapped.
    pub vanished: u64,
    /// A swap was taken back.
    pub swapped_back: u64,
    /// Files that came out of the tree into a slot.
    pub displaced: u64,
    /// Of these, users' files that were brought back.
    pub rescued: u64,
}

#[derive(Debug, Default)]
struct Counters {
    refused: AtomicU64,
    unleased: AtomicU64,
    broken: AtomicU64,
    vanished: AtomicU64,
    swapped_back: AtomicU64,
    displaced: AtomicU64,
    rescued: AtomicU64,
}

impl Counters {
    fn read(&self) -> Counts {
        Counts {
            refused: self.refused.load(Ordering::Relaxed),
            unleased: self.unleased.load(Ordering::Relaxed),
            broken: self.broken.load(Ordering::Relaxed),
            vanished: self.vanished.load(Ordering::Relaxed),
            swapped_back: self.swapped_back.load(Ordering::Relaxed),
            displaced: self.displaced.load(Ordering::Relaxed),
            rescued: self.rescued.load(Ordering::Relaxed),
        }
    }
}

/// Keeps `git add -A` from taking the client's own directory, and checkouts from replacing it.
fn hide_from_git(own: impl AsFd) -> Result<(), Errno> {
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | sys::CLOEXEC;
    match rustix::fs::openat(own, ".gitignore", flags, Mode::RUSR | Mode::WUSR) {
        Ok(file) => rustix::io::write(file, b"*\n").map(drop),
        Err(Errno::EXIST) => Ok(()),
        Err(errno) => Err(errno),
    }
}

/// Opens a directory of the client's own, made where it is missing.
fn own_directory(above: impl AsFd, name: &str) -> Result<OwnedFd, Errno> {
    match rustix::fs::mkdirat(&above, name, Mode::RWXU) {
        Ok(()) | Err(Errno::EXIST) => {}
        Err(errno) => return Err(errno),
    }
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | sys::CLOEXEC;
    rustix::fs::openat(&above, name, flags, Mode::empty())
}
