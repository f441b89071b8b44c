//! Contents on their way into the tree: `.onefold/staging/`.
//!
//! `HEX.part` grows, under a lock; when it is whole and its hash is right it becomes `HEX`. A second
//! staging of the same content meanwhile has a file of its own. What is left of an earlier run is
//! gone on from, and believed only after its hash was checked again.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use onefold_core::disk::{DiskError, Stamp};
use onefold_core::hash::ContentId;
use onefold_core::name::RelPath;
use onefold_core::node::Content;
use onefold_core::operation::MAX_INLINE_BYTES;
use rustix::fs::{AtFlags, FlockOperation, Mode, OFlags};
use rustix::io::Errno;

use super::hash::read_full;
use super::kept::lock;
use super::room;
use super::sys::{self, CLOEXEC, Meta};
use crate::port::Staging;

/// What nobody went on with for so long is removed.
const KEPT_FOR: Duration = Duration::from_secs(7 * 24 * 3_600);
/// Of so many contents it is remembered where they were placed last.
const MAX_PLACED: usize = 4_096;
/// Bytes read at once.
const BUFFER_BYTES: usize = 256 * 1024;

/// The directory of contents on their way.
#[derive(Debug)]
pub(super) struct Stage {
    dir: Arc<OwnedFd>,
    next: AtomicU64,
    placed: Mutex<Placed>,
    turns: Mutex<BTreeSet<ContentId>>,
    turn_ended: Condvar,
}

/// The right to take a content and to place it; several files may be to have the same.
#[derive(Debug)]
pub(super) struct Turn<'a> {
    stage: &'a Stage,
    content: ContentId,
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        lock(&self.stage.turns).remove(&self.content);
        self.stage.turn_ended.notify_all();
    }
}

/// Where contents were placed last: who needs one again copies it from there.
#[derive(Debug, Default)]
struct Placed {
    places: BTreeMap<ContentId, (RelPath, Stamp)>,
    order: VecDeque<ContentId>,
}

impl Stage {
    /// The staging of an open `.onefold/`. What an earlier run finished is to be checked again: its
    /// bytes may never have reached the disk.
    pub(super) fn open(own: impl AsFd) -> Result<Self, Errno> {
        let dir = super::own_directory(own, "staging")?;
        let mut names = Vec::new();
        for entry in rustix::fs::Dir::read_from(&dir)? {
            names.push(String::from_utf8_lossy(entry?.file_name().to_bytes()).into_owned());
        }
        for name in names {
            match name.split('.').collect::<Vec<_>>()[..] {
                [id] if !id.is_empty() => {
                    rustix::fs::renameat(&dir, &name, &dir, format!("{id}.part"))?;
                }
                [_, _, "part"] => rustix::fs::unlinkat(&dir, &name, AtFlags::empty())?,
                _ => {}
            }
        }
        Ok(Self {
            dir: Arc::new(dir),
            next: AtomicU64::new(0),
            placed: Mutex::default(),
            turns: Mutex::default(),
            turn_ended: Condvar::new(),
        })
    }

    /// Goes on with a content, or begins it.
    pub(super) fn stage(&self, content: &Content) -> Result<Box<dyn Staging>, DiskError> {
        let whole = content.id.to_string();
        if let Ok(meta) = Meta::at(&*self.dir, whole.as_bytes())
            && meta.size == content.size
            && let Ok(file) = rustix::fs::openat(&*self.dir, &whole, sys::READ, Mode::empty())
        {
            let file = file.into();
            return Ok(Box::new(Whole { file, content: *content }));
        }
        room::check(&*self.dir, 0)?;
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let names = [format!("{whole}.part"), format!("{whole}.{number}.part")];
        for name in names {
            if let Some(file) = self.open_locked(&name)? {
                let part = Part::new(self.dir.clone(), file, name, content);
                return Ok(Box::new(part.map_err(|error| sys::io_problem(&error))?));
            }
        }
        Err(DiskError::Failed("the staging directory is being changed by another program".into()))
    }

    /// Opens a part for this staging alone; `None` if another has it.
    fn open_locked(&self, name: &str) -> Result<Option<File>, DiskError> {
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::NOFOLLOW | CLOEXEC;
        // The umask takes off what the user wants off new files; the directory keeps others out.
        let mode = Mode::from_raw_mode(0o666);
        let file = rustix::fs::openat(&*self.dir, name, flags, mode).map_err(sys::problem)?;
        if rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive)
            == Err(Errno::WOULDBLOCK)
        {
            return Ok(None);
        }
        // The one who had the lock may have finished it: then it has another name by now.
        let here = Meta::at(&*self.dir, name.as_bytes()).map(|meta| meta.inode);
        let same = here == Meta::of(&file).map(|meta| meta.inode);
        Ok(same.then(|| file.into()))
    }

    /// Waits until nobody else has this content taken: then it is placed, or here again.
    pub(super) fn turn(&self, content: &Content) -> Turn<'_> {
        let taken = |turns: &mut BTreeSet<ContentId>| turns.contains(&content.id);
        let turns = self.turn_ended.wait_while(lock(&self.turns), taken);
        turns.unwrap_or_else(PoisonError::into_inner).insert(content.id);
        Turn { stage: self, content: content.id }
    }

    /// Moves a whole content to a name in another directory.
    pub(super) fn take(&self, content: &Content, to: impl AsFd, name: &str) -> Result<(), Errno> {
        rustix::fs::renameat(&*self.dir, content.id.to_string(), to, name)
    }

    /// Gives back what was taken and never seen by anyone else. Of what was staged again meanwhile
    /// it replaces the same bytes.
    pub(super) fn give_back(&self, content: &Content, from: impl AsFd, name: &str) {
        let id = content.id.to_string();
        if rustix::fs::renameat(&from, name, &*self.dir, id).is_err() {
            let _ = rustix::fs::unlinkat(&from, name, AtFlags::empty());
        }
    }

    /// Remembers where a content was placed.
    pub(super) fn placed(&self, content: &Content, at: &RelPath, stamp: Stamp) {
        let mut placed = lock(&self.placed);
        if placed.places.insert(content.id, (at.clone(), stamp)).is_none() {
            placed.order.push_back(content.id);
        }
        if placed.order.len() > MAX_PLACED
            && let Some(oldest) = placed.order.pop_front()
        {
            placed.places.remove(&oldest);
        }
    }

    /// Where a content was placed last.
    pub(super) fn last_place(&self, content: &Content) -> Option<(RelPath, Stamp)> {
        lock(&self.placed).places.get(&content.id).cloned()
    }

    /// Removes what nobody went on with for long.
    pub(super) fn sweep(&self, now: SystemTime) -> Result<(), Errno> {
        let limit = super::kept::wall_ms(now).saturating_sub(KEPT_FOR.as_millis() as u64) / 1_000;
        for entry in rustix::fs::Dir::read_from(&*self.dir)? {
            let entry = entry?;
            let name = entry.file_name().to_bytes();
            let Ok(meta) = Meta::at(&*self.dir, name) else { continue };
            if !name.starts_with(b".") && meta.ctime.seconds < limit.cast_signed() {
                rustix::fs::unlinkat(&*self.dir, name, AtFlags::empty())?;
            }
        }
        Ok(())
    }
}

/// A content that is whole already. Other files may be to have it, too: whatever happens to this one,
/// it stays.
struct Whole {
    file: File,
    content: Content,
}

impl Staging for Whole {
    fn len(&self) -> u64 {
        self.content.size
    }

    fn is_whole(&self) -> bool {
        true
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        read_full(&self.file, buffer, offset)
    }

    fn truncate(&mut self, len: u64) -> Result<(), DiskError> {
        if len == self.content.size { Ok(()) } else { Err(DiskError::NotStaged) }
    }

    fn append(&mut self, bytes: &[u8]) -> Result<(), DiskError> {
        if bytes.is_empty() { Ok(()) } else { Err(DiskError::NotStaged) }
    }

    fn finish(self: Box<Self>) -> Result<(), DiskError> {
        Ok(())
    }
}

/// A content that is not whole yet.
struct Part {
    dir: Arc<OwnedFd>,
    file: File,
    name: String,
    content: Content,
    len: u64,
    /// Of all bytes so far, if they were all written here.
    hasher: Option<blake3::Hasher>,
}

impl Part {
    fn new(dir: Arc<OwnedFd>, file: File, name: String, content: &Content) -> io::Result<Self> {
        let mut len = file.metadata()?.len();
        if len > content.size {
            file.set_len(0)?;
            len = 0;
        }
        let hasher = (len == 0).then(blake3::Hasher::new);
        Ok(Self { dir, file, name, content: *content, len, hasher })
    }

    fn hash(&mut self) -> io::Result<ContentId> {
        let hasher = match self.hasher.take() {
            Some(hasher) => hasher,
            None => {
                let mut hasher = blake3::Hasher::new();
                let mut buffer = vec![0; BUFFER_BYTES];
                let mut at = 0;
                loop {
                    match read_full(&self.file, &mut buffer, at)? {
                        0 => break hasher,
                        read => {
                            hasher.update(&buffer[..read]);
                            at += read as u64;
                        }
                    }
                }
            }
        };
        Ok(ContentId::from_bytes(*hasher.finalize().as_bytes()))
    }
}

impl Staging for Part {
    fn len(&self) -> u64 {
        self.len
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        read_full(&self.file, buffer, offset)
    }

    fn truncate(&mut self, len: u64) -> Result<(), DiskError> {
        if len < self.len {
            self.file.set_len(len).map_err(|error| sys::io_problem(&error))?;
            self.len = len;
            self.hasher = (len == 0).then(blake3::Hasher::new);
        }
        Ok(())
    }

    fn append(&mut self, bytes: &[u8]) -> Result<(), DiskError> {
        if self.len + bytes.len() as u64 > self.content.size {
            return Err(DiskError::NotStaged);
        }
        room::check(&*self.dir, room::data(bytes, self.len))?;
        if let Err(error) = room::append(&self.file, bytes, self.len) {
            // What of it was written is cut off again when it is gone on with.
            let _ = self.file.set_len(self.len);
            return Err(sys::io_problem(&error));
        }
        self.len += bytes.len() as u64;
        if let Some(hasher) = &mut self.hasher {
            hasher.update(bytes);
        }
        Ok(())
    }

    fn finish(mut self: Box<Self>) -> Result<(), DiskError> {
        let id = self.hash().map_err(|error| sys::io_problem(&error))?;
        if self.len != self.content.size || id != self.content.id {
            let _ = rustix::fs::unlinkat(&*self.dir, &self.name, AtFlags::empty());
            return Err(DiskError::NotStaged);
        }
        // A small one is synced once, when it is placed; after a crash it is checked again anyway.
        if self.len > MAX_INLINE_BYTES
            && let Err(error) = self.file.sync_all()
        {
            // A disk says only once what it did not take: these bytes are not to be believed in.
            let _ = rustix::fs::unlinkat(&*self.dir, &self.name, AtFlags::empty());
            return Err(sys::io_problem(&error));
        }
        rustix::fs::renameat(&*self.dir, &self.name, &*self.dir, id.to_string())
            .map_err(sys::problem)
    }
}
