//! Makes what is to go into the tree, in a slot, durable, before anything of a user's is touched.

use std::fs::File;
use std::os::fd::AsFd;

use onefold_core::disk::{DiskError, Stamp};
use onefold_core::hash::ContentId;
use onefold_core::node::{Content, Kind, Target};
use onefold_core::time::FileTime;
use rustix::fs::{Gid, Mode, OFlags, Timespec, Timestamps, UTIME_OMIT, Uid, XattrFlags};
use rustix::io::Errno;

use super::hash::OpenFile;
use super::kept::Slot;
use super::sys::{self, CLOEXEC, Meta};
use super::walk::Directory;
use super::{RealDisk, kept, room};
use crate::port::Source;

/// Bytes copied at once.
const BUFFER_BYTES: usize = 256 * 1024;
/// Set on a directory, what is made in it gets its group.
const SET_GROUP: u32 = 0o2000;

/// What is to go into the tree.
#[derive(Clone, Copy, Debug)]
pub(super) enum New<'a> {
    /// A staged content.
    File(&'a Content, bool),
    /// A symlink.
    Symlink(&'a Target),
}

impl New<'_> {
    /// The content, if it is a file.
    pub(super) fn content(&self) -> Option<&Content> {
        match self {
            Self::File(content, _) => Some(content),
            Self::Symlink(_) => None,
        }
    }

    /// Makes it in a slot and gives the stamp it will have in the tree.
    pub(super) fn prepare(
        &self,
        disk: &RealDisk,
        slot: &Slot<'_>,
        parent: &Directory,
        name: &[u8],
        old: Option<&Meta>,
    ) -> Result<Stamp, DiskError> {
        match self {
            Self::Symlink(target) => {
                rustix::fs::symlinkat(target.as_bytes(), &disk.kept, slot.new_name())
                    .map_err(link_problem)?;
                let meta = Meta::at(&disk.kept, slot.new_name().as_bytes());
                Ok(Stamp { ctime: None, ..meta.map_err(sys::problem)?.stamp() })
            }
            Self::File(content, executable) => {
                fill(disk, slot, content)?;
                let file = dress(disk, slot, content, *executable, parent, name, old);
                if file.is_err() {
                    self.take_back(disk, slot);
                }
                file
            }
        }
    }

    /// Empties the slot of what nobody else ever saw.
    pub(super) fn take_back(&self, disk: &RealDisk, slot: &Slot<'_>) {
        match self {
            Self::File(content, _) => {
                disk.stage.give_back(content, &disk.kept, &slot.new_name());
            }
            Self::Symlink(_) => disk.kept.unlink(&slot.new_name()),
        }
    }
}

/// Why a symlink could not be made in the client's own directory.
fn link_problem(errno: Errno) -> DiskError {
    match errno {
        Errno::NOSYS | Errno::OPNOTSUPP | Errno::PERM => {
            DiskError::InvalidName("it has no symbolic links".into())
        }
        other => sys::problem(other),
    }
}

/// Brings the bytes into the slot: moved from staging, or copied from where they were placed last.
fn fill(disk: &RealDisk, slot: &Slot<'_>, content: &Content) -> Result<(), DiskError> {
    match disk.stage.take(content, &disk.kept, &slot.new_name()) {
        Ok(()) => Ok(()),
        Err(Errno::NOENT) => {
            let copied = copy_from_last_place(disk, slot, content);
            if copied.is_err() {
                disk.kept.unlink(&slot.new_name());
            }
            copied
        }
        Err(errno) => Err(sys::problem(errno)),
    }
}

fn copy_from_last_place(
    disk: &RealDisk,
    slot: &Slot<'_>,
    content: &Content,
) -> Result<(), DiskError> {
    let (path, stamp) = disk.stage.last_place(content).ok_or(DiskError::NotStaged)?;
    let from = OpenFile::open(disk, &path, &stamp).map_err(|_| DiskError::NotStaged)?;
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | CLOEXEC;
    let to = rustix::fs::openat(&disk.kept, slot.new_name(), flags, Mode::from_raw_mode(0o666))
        .map_err(sys::problem)?;
    let to = File::from(to);
    let mut hasher = blake3::Hasher::new();
    let mut buffer = vec![0; BUFFER_BYTES];
    let mut at = 0;
    loop {
        let read = from.read_at(&mut buffer, at).map_err(|error| sys::io_problem(&error))?;
        if read == 0 {
            break;
        }
        hasher.update(&buffer[..read]);
        room::append(&to, &buffer[..read], at).map_err(|error| sys::io_problem(&error))?;
        at += read as u64;
    }
    let id = ContentId::from_bytes(*hasher.finalize().as_bytes());
    if id == content.id { Ok(()) } else { Err(DiskError::NotStaged) }
}

/// Gives the new file the mode, owner and mtime it is to have, and makes it durable. Its stamp is
/// taken from this descriptor, now: a stamp taken after the swap could swallow a user's write.
fn dress(
    disk: &RealDisk,
    slot: &Slot<'_>,
    content: &Content,
    executable: bool,
    parent: &Directory,
    name: &[u8],
    old: Option<&Meta>,
) -> Result<Stamp, DiskError> {
    let file = rustix::fs::openat(&disk.kept, slot.new_name(), sys::READ, Mode::empty())
        .map_err(sys::problem)?;
    let made = Meta::of(&file).map_err(sys::problem)?;
    if made.size != content.size {
        disk.kept.unlink(&slot.new_name());
        return Err(DiskError::NotStaged);
    }
    own_as(&file, &made, parent, old);
    if let Some(old) = old
        && old.kind == Some(Kind::File)
    {
        copy_attributes(parent, name, &file);
    }
    if disk.guard.modes {
        let mode = new_mode(made.mode, old, executable);
        rustix::fs::fchmod(&file, Mode::from_raw_mode(mode)).map_err(sys::problem)?;
    }
    set_mtime(&file, content.mtime).map_err(sys::problem)?;
    if let Err(errno) = rustix::fs::fsync(&file) {
        // A disk says only once what it did not take: these bytes are not to be believed in.
        disk.kept.unlink(&slot.new_name());
        return Err(sys::problem(errno));
    }
    let meta = Meta::of(&file).map_err(sys::problem)?;
    sys::outwait(meta.mtime, meta.ctime);
    Ok(Stamp { ctime: None, ..meta.stamp() })
}

/// The permission bits of the file in the tree: those of the file it replaces, or else what the
/// umask left of a new file's; the executable bit for those who can read.
fn new_mode(made: u32, old: Option<&Meta>, executable: bool) -> u32 {
    let base = match old {
        Some(old) if old.kind == Some(Kind::File) => old.mode & 0o777,
        Some(_) | None => made & 0o666,
    };
    with_executable(base, executable)
}

/// A mode with the executable bit set or cleared; what says so already stays as it is.
pub(super) fn with_executable(mode: u32, executable: bool) -> u32 {
    match (executable, mode & 0o100 != 0) {
        (true, true) | (false, false) => mode,
        (true, false) => mode | 0o100 | (mode & 0o444) >> 2,
        (false, true) => mode & !0o111,
    }
}

/// The owner and group of what it replaces, or the group that its directory hands on: as far as the
/// system lets us.
fn own_as(file: impl AsFd, made: &Meta, parent: &Directory, old: Option<&Meta>) {
    let (uid, gid) = match old {
        Some(old) => (old.uid, old.gid),
        None => match Meta::of(parent) {
            Ok(parent) if parent.mode & SET_GROUP != 0 => (made.uid, parent.gid),
            Ok(_) | Err(_) => return,
        },
    };
    if gid != made.gid {
        let _ = rustix::fs::fchown(&file, None, Some(Gid::from_raw(gid)));
    }
    if uid != made.uid {
        let _ = rustix::fs::fchown(&file, Some(Uid::from_raw(uid)), None);
    }
}

/// The access list and the user's own attributes stay with the name, as far as the system lets us.
fn copy_attributes(parent: &Directory, name: &[u8], to: impl AsFd) {
    let Ok(from) = rustix::fs::openat(parent, name, sys::READ, Mode::empty()) else { return };
    let mut list = vec![0; 4_096];
    let Ok(length) = rustix::fs::flistxattr(&from, &mut list[..]) else { return };
    for attribute in list[..length].split(|&byte| byte == 0).filter(|name| !name.is_empty()) {
        if attribute.starts_with(b"user.") || attribute == b"system.posix_acl_access" {
            let mut value = vec![0; 64 * 1024];
            if let Ok(length) = rustix::fs::fgetxattr(&from, attribute, &mut value[..]) {
                let flags = XattrFlags::empty();
                let _ = rustix::fs::fsetxattr(&to, attribute, &value[..length], flags);
            }
        }
    }
}

/// Any value is legal, but for the nanoseconds, whose large values mean something else.
fn set_mtime(file: impl AsFd, mtime: FileTime) -> Result<(), Errno> {
    let last_modification =
        Timespec { tv_sec: mtime.seconds, tv_nsec: i64::from(mtime.nanoseconds.min(999_999_999)) };
    let last_access = Timespec { tv_sec: 0, tv_nsec: UTIME_OMIT };
    rustix::fs::futimens(file, &Timestamps { last_access, last_modification })
}

/// Now, for an intent.
pub(super) fn now_ms() -> u64 {
    kept::wall_ms(std::time::SystemTime::now())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_executable_bit_goes_to_those_who_can_read() {
        for (mode, executable, expected) in [
            (0o644, true, 0o755),
            (0o640, true, 0o750),
            (0o600, true, 0o700),
            (0o200, true, 0o300),
            (0o755, false, 0o644),
            (0o700, false, 0o600),
            (0o744, true, 0o744),
            (0o611, false, 0o611),
        ] {
            assert_eq!(with_executable(mode, executable), expected, "{mode:o}");
        }
    }
}
