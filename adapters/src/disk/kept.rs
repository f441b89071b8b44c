//! The slots in `.onefold/displaced/`: what goes into the tree, what came out of it, and why.
//!
//! A slot is up to three files: `ID.new`, the new bytes, and after an exchange what they displaced;
//! `ID.old`, what was put aside; `ID.intent`, the record. Invariant: nothing of a user's ever gets
//! into a slot before its intent is durable, and the intent goes after all else of the slot. So a
//! `.new` without an intent is nobody's.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use onefold_core::disk::{DiskError, Stamp};
use onefold_core::hash::ContentId;
use onefold_core::id::NodeId;
use onefold_core::name::RelPath;
use rustix::fs::{AtFlags, Mode, OFlags};
use rustix::io::Errno;
use serde::{Deserialize, Serialize};

use super::sys::{self, CLOEXEC, Meta};

/// What is about to be done to a name, so that a crash in the middle can be put right.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Intent {
    /// Whose bytes they are, for people who look into it.
    pub(super) node: NodeId,
    /// When, by the wall clock: it decides only how long bytes that are safe elsewhere are kept.
    pub(super) since_ms: u64,
    /// What is being done, and where.
    pub(super) role: Role,
    /// What was to come out of the tree.
    pub(super) old: Stamp,
    /// What is to go in.
    pub(super) new: Option<(Stamp, Option<ContentId>)>,
}

/// What is being done to a name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Role {
    /// Something new takes its place.
    Replaced(RelPath),
    /// It goes.
    Removed(RelPath),
    /// It is on its way, and belongs to the first of these names that is free.
    Moving(RelPath, RelPath),
}

/// What a file in a slot is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Finding {
    /// The new bytes, as they went in.
    New,
    /// The old bytes, as they were believed to be.
    Old,
    /// Anything else: a user's, and nowhere else.
    Users,
}

impl Intent {
    /// Tells what a file in the slot is by its inode, and by what shows that its bytes changed. In a
    /// copy of a root, where all inodes are others and times may be, the size has to do: what the
    /// slots hold there is a copy, too.
    pub(super) fn judge(&self, meta: &Meta, copied: bool) -> Finding {
        let is = |stamp: &Stamp| if copied { meta.size == stamp.size } else { meta.holds(stamp) };
        if self.new.is_some_and(|(stamp, _)| is(&stamp)) {
            Finding::New
        } else if is(&self.old) {
            Finding::Old
        } else {
            Finding::Users
        }
    }
}

/// The directory of slots.
#[derive(Debug)]
pub(super) struct Kept {
    dir: OwnedFd,
    session: u64,
    next: AtomicU64,
    active: Mutex<BTreeSet<String>>,
    clean: Mutex<BTreeSet<String>>,
    /// Intents that were read: an intent never changes.
    read: Mutex<BTreeMap<String, Arc<Intent>>>,
}

impl AsFd for Kept {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.dir.as_fd()
    }
}

/// A slot in use: no sweep touches it until this is dropped.
#[derive(Debug)]
pub(super) struct Slot<'a> {
    kept: &'a Kept,
    id: String,
}

impl Drop for Slot<'_> {
    fn drop(&mut self) {
        lock(&self.kept.active).remove(&self.id);
    }
}

impl Slot<'_> {
    /// Its name.
    pub(super) fn id(&self) -> &str {
        &self.id
    }

    /// Where new bytes wait, and after an exchange the old.
    pub(super) fn new_name(&self) -> String {
        new_name(&self.id)
    }

    /// Where old bytes are put aside.
    pub(super) fn old_name(&self) -> String {
        old_name(&self.id)
    }

    /// Makes the intent durable; only then may anything come into the slot.
    pub(super) fn record(&self, intent: &Intent) -> Result<(), DiskError> {
        let bytes = postcard::to_allocvec(intent).expect("an intent holds nothing unencodable");
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | CLOEXEC;
        let file = rustix::fs::openat(self.kept, intent_name(&self.id), flags, OWNER)
            .map_err(sys::problem)?;
        let mut file = File::from(file);
        let written = file
            .write_all(blake3::hash(&bytes).as_bytes())
            .and_then(|()| file.write_all(&bytes))
            .and_then(|()| file.sync_all());
        written.map_err(|error| sys::io_problem(&error))?;
        self.kept.sync()
    }

    /// The slot is empty again: forgets its intent.
    pub(super) fn forget(&self) {
        self.kept.forget(&self.id);
    }
}

/// Read and write for the owner alone.
pub(super) const OWNER: Mode = Mode::RUSR.union(Mode::WUSR);

impl Kept {
    /// The slots of an open `.onefold/`; `session` is random, so that no name is used twice.
    pub(super) fn open(own: impl AsFd, session: u64) -> Result<Self, Errno> {
        Ok(Self {
            dir: super::own_directory(own, "displaced")?,
            session,
            next: AtomicU64::new(0),
            active: Mutex::default(),
            clean: Mutex::default(),
            read: Mutex::default(),
        })
    }

    /// A new, empty slot.
    pub(super) fn slot(&self) -> Slot<'_> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let id = format!("{:016x}-{number:08x}", self.session);
        lock(&self.active).insert(id.clone());
        Slot { kept: self, id }
    }

    /// Takes a slot over, unless it is in use.
    pub(super) fn take_over(&self, id: &str) -> Option<Slot<'_>> {
        lock(&self.active).insert(id.to_owned()).then(|| Slot { kept: self, id: id.to_owned() })
    }

    /// Makes its names durable.
    pub(super) fn sync(&self) -> Result<(), DiskError> {
        rustix::fs::fsync(&self.dir).map_err(sys::problem)
    }

    /// What was removed with its lease unbroken need not be kept for long.
    pub(super) fn mark_clean(&self, slot: &Slot<'_>) {
        lock(&self.clean).insert(slot.id.clone());
    }

    /// Whether it was marked so, in this process.
    pub(super) fn is_clean(&self, id: &str) -> bool {
        lock(&self.clean).contains(id)
    }

    /// The slots that there are.
    pub(super) fn ids(&self) -> Result<BTreeSet<String>, Errno> {
        let mut ids = BTreeSet::new();
        for entry in rustix::fs::Dir::read_from(&self.dir)? {
            let entry = entry?;
            let name = entry.file_name().to_str().unwrap_or_default();
            if let Some((id, "new" | "old" | "intent")) = name.rsplit_once('.') {
                ids.insert(id.to_owned());
            }
        }
        Ok(ids)
    }

    /// The intent of a slot. One that was not written whole was never acted on, and is none; one that
    /// cannot be read now is an error, and not the same.
    pub(super) fn intent(&self, id: &str) -> Result<Option<Arc<Intent>>, Errno> {
        if let Some(intent) = lock(&self.read).get(id) {
            return Ok(Some(intent.clone()));
        }
        let file = rustix::fs::openat(&self.dir, intent_name(id), sys::READ, Mode::empty());
        let file = match file {
            Ok(file) => file,
            Err(Errno::NOENT) => return Ok(None),
            Err(errno) => return Err(errno),
        };
        let mut bytes = Vec::new();
        let read = File::from(file).read_to_end(&mut bytes);
        read.map_err(|error| Errno::from_io_error(&error).unwrap_or(Errno::IO))?;
        let Some((hash, bytes)) = bytes.split_at_checked(blake3::OUT_LEN) else { return Ok(None) };
        if blake3::hash(bytes).as_bytes() != hash {
            return Ok(None);
        }
        // Whole, and not to be understood: another version of this program wrote it.
        let intent = Arc::new(postcard::from_bytes::<Intent>(bytes).map_err(|_| Errno::PROTO)?);
        lock(&self.read).insert(id.to_owned(), intent.clone());
        Ok(Some(intent))
    }

    /// Removes a file of a slot for good.
    pub(super) fn unlink(&self, name: &str) {
        // It is gone, or the next sweep finds it again.
        let _ = rustix::fs::unlinkat(&self.dir, name, AtFlags::empty());
    }

    fn forget(&self, id: &str) {
        self.unlink(&intent_name(id));
        lock(&self.clean).remove(id);
        lock(&self.read).remove(id);
    }
}

/// The name of a slot's new bytes.
pub(super) fn new_name(id: &str) -> String {
    format!("{id}.new")
}

/// The name of a slot's old bytes.
pub(super) fn old_name(id: &str) -> String {
    format!("{id}.old")
}

fn intent_name(id: &str) -> String {
    format!("{id}.intent")
}

/// Milliseconds since 1970 by the wall clock.
pub(super) fn wall_ms(now: SystemTime) -> u64 {
    let since = now.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// Locks what no panic can leave half changed.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
