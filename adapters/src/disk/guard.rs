//! The one function that changes a user's files, under any interleaving with what users do.
//!
//! Invariants, for replacing and removing (moving is in [`super::moves`]):
//! - Nothing is touched but what was compared with what the engine believes: inode, size, mtime and
//!   ctime, on every path.
//! - The old bytes are never destroyed here. They come out of the tree into a slot whose intent is
//!   durable, by one atomic rename, while a lease shows that nobody writes them.
//! - What came out is looked at again before the lease goes. If it is not the file that was compared,
//!   or a writer waits for it, it goes back.
//! - Between taking the lease and giving it back nothing is synced, hashed or awaited.
//!
//! What becomes of slots afterwards, and after a crash, is in [`super::displaced`].

use std::os::fd::AsFd;

use onefold_core::disk::{Change, DiskError, Old, Stamp};
use onefold_core::id::NodeId;
use onefold_core::name::{Name, RelPath};
use onefold_core::node::Kind;
use rustix::fs::{AtFlags, Mode, OFlags, RenameFlags};
use rustix::io::Errno;

use super::held::Held;
use super::hooks::Point;
use super::kept::{Intent, Role, Slot};
use super::prepare::{New, now_ms, with_executable};
use super::sys::{self, CLOEXEC, Meta};
use super::walk::{self, Directory};
use super::{RealDisk, moves};

/// How often names are changed back and forth against a user who changes them too.
const MAX_TRIES: usize = 8;

/// Does one change, all or nothing; durable when it returns.
pub(super) fn change(
    disk: &RealDisk,
    node: NodeId,
    change: &Change,
) -> Result<Option<Stamp>, DiskError> {
    disk.root.check()?;
    match change {
        Change::MakeDirectory { at } => make_directory(disk, at).map(Some),
        Change::PlaceFile { at, old, content, executable } => {
            let _turn = disk.stage.turn(content);
            let stamp = place(disk, node, at, old, &New::File(content, *executable))?;
            disk.stage.placed(content, at, stamp);
            Ok(Some(stamp))
        }
        Change::PlaceSymlink { at, old, target } => {
            place(disk, node, at, old, &New::Symlink(target)).map(Some)
        }
        Change::Rename { from, expect, to, only_if_quiet } => {
            moves::rename(disk, node, from, expect, to, *only_if_quiet).map(Some)
        }
        Change::Exchange { first, expect_first, second, expect_second } => {
            moves::exchange(disk, node, (first, expect_first), (second, expect_second))?;
            Ok(None)
        }
        Change::Remove { at, expect, kind: Kind::Directory } => {
            remove_directory(disk, at, expect).map(|()| None)
        }
        Change::Remove { at, expect, kind: Kind::File | Kind::Symlink } => {
            remove(disk, node, at, expect).map(|()| None)
        }
        Change::SetExecutable { at, expect, executable } => {
            set_executable(disk, at, expect, *executable).map(Some)
        }
    }
}

/// Why a change was not made.
struct Refused {
    why: DiskError,
    /// Something of a user's may be in the slot: it is left to the sweep.
    in_slot: bool,
}

impl From<DiskError> for Refused {
    fn from(why: DiskError) -> Self {
        Self { why, in_slot: false }
    }
}

fn place(
    disk: &RealDisk,
    node: NodeId,
    at: &RelPath,
    old: &Old,
    new: &New<'_>,
) -> Result<Stamp, DiskError> {
    let (parent, name) = walk::parent(&disk.root, at)?;
    let before = match (old, Meta::at(&parent, name.as_bytes())) {
        (Old::Absent, Err(Errno::NOENT)) => None,
        (Old::Absent, Ok(_)) => return Err(DiskError::Occupied),
        (Old::Is(expect), Ok(meta)) if meta.is(expect) && meta.kind != Some(Kind::Directory) => {
            Some(meta)
        }
        (Old::Is(_), Ok(_)) => return Err(DiskError::Changed),
        (_, Err(errno)) => return Err(sys::naming_problem(errno)),
    };
    let slot = disk.kept.slot();
    let stamp = new.prepare(disk, &slot, &parent, name.as_bytes(), before.as_ref())?;
    disk.at(Point::Prepared);
    let target = Target { at, parent: &parent, name };
    let done = match old {
        Old::Absent => put_new(disk, &slot, &target).map_err(Refused::from),
        Old::Is(expect) => {
            let id = new.content().map(|content| content.id);
            let role = Role::Replaced(at.clone());
            let new = Some((stamp, id));
            let intent = Intent { node, since_ms: now_ms(), role, old: *expect, new };
            replace(disk, &slot, &target, expect, &intent)
        }
    };
    match done {
        Ok(()) => Ok(stamp),
        Err(Refused { why, in_slot: true }) => {
            disk.count(|counts| &counts.displaced);
            Err(why)
        }
        Err(Refused { why, in_slot: false }) => {
            slot.forget();
            new.take_back(disk, &slot);
            Err(why)
        }
    }
}

/// A name to change, in its open directory.
pub(super) struct Target<'a> {
    pub(super) at: &'a RelPath,
    pub(super) parent: &'a Directory,
    pub(super) name: &'a Name,
}

/// Puts new bytes at a free name. Until they are there they are nobody's: no intent is needed.
fn put_new(disk: &RealDisk, slot: &Slot<'_>, target: &Target<'_>) -> Result<(), DiskError> {
    put(disk, &slot.new_name(), target.parent, target.name.as_bytes())?;
    disk.at(Point::Swapped);
    target.parent.sync(&disk.kept)?;
    disk.at(Point::Synced);
    Ok(())
}

fn replace(
    disk: &RealDisk,
    slot: &Slot<'_>,
    target: &Target<'_>,
    expect: &Stamp,
    intent: &Intent,
) -> Result<(), Refused> {
    slot.record(intent)?;
    disk.at(Point::Intended);
    let held = Held::take(disk, target, expect, true)?;
    let links = held.meta.links;
    let kind = held.meta.kind;
    let out = if disk.guard.exchange {
        exchange_new(disk, slot, target, expect, &held)?
    } else {
        aside_then_new(disk, slot, target, expect, &held)?
    };
    disk.at(Point::Confirmed);
    drop(held);
    disk.at(Point::Released);
    let synced = target.parent.sync(&disk.kept).and_then(|()| disk.kept.sync());
    synced.map_err(|why| Refused { why, in_slot: true })?;
    disk.count(|counts| &counts.displaced);
    disk.at(Point::Synced);
    // A link cannot be written, and what has another name is not gone.
    if kind != Some(Kind::File) || links > 1 {
        disk.kept.unlink(&out);
        slot.forget();
    }
    Ok(())
}

/// The strong way: old and new swap names at once. Gives the slot's name of what came out.
fn exchange_new(
    disk: &RealDisk,
    slot: &Slot<'_>,
    target: &Target<'_>,
    expect: &Stamp,
    held: &Held,
) -> Result<String, Refused> {
    let new_name = slot.new_name();
    let (parent, name) = (target.parent, target.name.as_bytes());
    rustix::fs::renameat_with(&disk.kept, &new_name, parent, name, RenameFlags::EXCHANGE)
        .map_err(|errno| missed(disk, errno))?;
    disk.at(Point::Swapped);
    let Some(why) = held.surprise(disk, &new_name, expect) else { return Ok(new_name) };
    disk.at(Point::Surprised);
    swap_back(disk, &new_name, target);
    disk.at(Point::Undone);
    Err(Refused { why, in_slot: true })
}

/// Why what was just compared could not be moved: most likely it is gone.
fn missed(disk: &RealDisk, errno: Errno) -> DiskError {
    if errno == Errno::NOENT {
        disk.count(|counts| &counts.vanished);
    }
    sys::problem(errno)
}

/// Gives the name back to what came out. What this brings out in turn was in users' hands for an
/// instant: it stays in the slot, where the sweep tells what it is.
fn swap_back(disk: &RealDisk, slot_name: &str, target: &Target<'_>) {
    let (parent, name) = (target.parent, target.name.as_bytes());
    for _ in 0..MAX_TRIES {
        match rustix::fs::renameat_with(&disk.kept, slot_name, parent, name, RenameFlags::EXCHANGE)
        {
            Ok(()) => return disk.count(|counts| &counts.swapped_back),
            // What went in is gone already: the name is free.
            Err(Errno::NOENT) => match put(disk, slot_name, parent, name) {
                Ok(()) => return disk.count(|counts| &counts.swapped_back),
                Err(DiskError::Occupied) => {}
                Err(_) => return,
            },
            Err(_) => return,
        }
    }
}

/// The weaker way: the old is renamed aside, then the new put at the free name. Gives the slot's
/// name of what came out.
fn aside_then_new(
    disk: &RealDisk,
    slot: &Slot<'_>,
    target: &Target<'_>,
    expect: &Stamp,
    held: &Held,
) -> Result<String, Refused> {
    let old_name = slot.old_name();
    let (parent, name) = (target.parent, target.name.as_bytes());
    rustix::fs::renameat(parent, name, &disk.kept, &old_name)
        .map_err(|errno| missed(disk, errno))?;
    disk.at(Point::Aside);
    if let Some(why) = held.surprise(disk, &old_name, expect) {
        disk.at(Point::Surprised);
        let back = put_back(disk, &old_name, target);
        disk.at(Point::Undone);
        return Err(Refused { why, in_slot: !back });
    }
    if let Err(why) = put(disk, &slot.new_name(), parent, name) {
        // A user took the name in the instant that it was free; otherwise the old gets it back.
        let back = put_back(disk, &old_name, target);
        return Err(Refused { why, in_slot: !back });
    }
    disk.at(Point::Swapped);
    Ok(old_name)
}

fn remove(disk: &RealDisk, node: NodeId, at: &RelPath, expect: &Stamp) -> Result<(), DiskError> {
    let (parent, name) = walk::parent(&disk.root, at)?;
    let target = Target { at, parent: &parent, name };
    let slot = disk.kept.slot();
    let old_name = slot.old_name();
    let role = Role::Removed(at.clone());
    slot.record(&Intent { node, since_ms: now_ms(), role, old: *expect, new: None })?;
    disk.at(Point::Intended);
    let held = match take_out(disk, &old_name, &target, expect) {
        Ok(held) => held,
        Err(Refused { why, in_slot }) => {
            if in_slot {
                disk.count(|counts| &counts.displaced);
            } else {
                slot.forget();
            }
            return Err(why);
        }
    };
    let (kind, links, leased) = (held.meta.kind, held.meta.links, held.leased);
    drop(held);
    disk.at(Point::Released);
    disk.count(|counts| &counts.displaced);
    parent.sync(&disk.kept)?;
    disk.kept.sync()?;
    disk.at(Point::Synced);
    if kind != Some(Kind::File) || links > 1 {
        disk.kept.unlink(&old_name);
        slot.forget();
    } else if leased {
        disk.kept.mark_clean(&slot);
    }
    Ok(())
}

/// Renames something into a slot whose intent is durable, and puts it back if it is not what was
/// expected, or not quiet.
fn take_out(
    disk: &RealDisk,
    slot_name: &str,
    target: &Target<'_>,
    expect: &Stamp,
) -> Result<Held, Refused> {
    let held = Held::take(disk, target, expect, true)?;
    if held.meta.kind == Some(Kind::Directory) {
        return Err(DiskError::Changed.into());
    }
    rustix::fs::renameat(target.parent, target.name.as_bytes(), &disk.kept, slot_name)
        .map_err(|errno| missed(disk, errno))?;
    disk.at(Point::Swapped);
    if let Some(why) = held.surprise(disk, slot_name, expect) {
        disk.at(Point::Surprised);
        let back = put_back(disk, slot_name, target);
        disk.at(Point::Undone);
        return Err(Refused { why, in_slot: !back });
    }
    disk.at(Point::Confirmed);
    Ok(held)
}

/// Puts something from a slot back at its name; `false`: the name is taken, and the sweep finds it
/// another.
pub(super) fn put_back(disk: &RealDisk, slot_name: &str, target: &Target<'_>) -> bool {
    let back = put(disk, slot_name, target.parent, target.name.as_bytes()).is_ok();
    if back {
        disk.count(|counts| &counts.swapped_back);
    }
    back
}

/// Gives something in a slot a name that must be free.
pub(super) fn put(
    disk: &RealDisk,
    slot_name: &str,
    parent: impl AsFd,
    name: &[u8],
) -> Result<(), DiskError> {
    if disk.guard.no_replace {
        return rustix::fs::renameat_with(
            &disk.kept,
            slot_name,
            parent,
            name,
            RenameFlags::NOREPLACE,
        )
        .map_err(sys::naming_problem);
    }
    let meta = Meta::at(&disk.kept, slot_name.as_bytes()).map_err(sys::problem)?;
    if meta.kind == Some(Kind::Directory) {
        // It could replace only an empty directory, with nothing in it to lose.
        return rustix::fs::renameat(&disk.kept, slot_name, parent, name)
            .map_err(sys::naming_problem);
    }
    rustix::fs::linkat(&disk.kept, slot_name, parent, name, AtFlags::empty())
        .map_err(sys::naming_problem)?;
    disk.kept.unlink(slot_name);
    Ok(())
}

fn make_directory(disk: &RealDisk, at: &RelPath) -> Result<Stamp, DiskError> {
    let (parent, name) = walk::parent(&disk.root, at)?;
    let mode = Mode::from_raw_mode(0o777);
    rustix::fs::mkdirat(&parent, name.as_bytes(), mode).map_err(sys::naming_problem)?;
    let meta = Meta::at(&parent, name.as_bytes()).map_err(sys::problem)?;
    disk.at(Point::Swapped);
    parent.sync(&disk.kept)?;
    disk.at(Point::Synced);
    Ok(meta.stamp())
}

fn remove_directory(disk: &RealDisk, at: &RelPath, expect: &Stamp) -> Result<(), DiskError> {
    let (parent, name) = walk::parent(&disk.root, at)?;
    let meta = Meta::at(&parent, name.as_bytes()).map_err(sys::problem)?;
    if meta.kind != Some(Kind::Directory) || !meta.is(expect) {
        return Err(DiskError::Changed);
    }
    disk.at(Point::Compared);
    match rustix::fs::unlinkat(&parent, name.as_bytes(), AtFlags::REMOVEDIR) {
        Ok(()) => {}
        Err(Errno::EXIST) => return Err(DiskError::NotEmpty),
        Err(Errno::NOTDIR) => return Err(DiskError::Changed),
        Err(errno) => return Err(sys::problem(errno)),
    }
    disk.at(Point::Swapped);
    parent.sync(&disk.kept)?;
    disk.at(Point::Synced);
    Ok(())
}

/// The bit is set on the inode that was compared, wherever its name goes meanwhile.
fn set_executable(
    disk: &RealDisk,
    at: &RelPath,
    expect: &Stamp,
    executable: bool,
) -> Result<Stamp, DiskError> {
    let (parent, name) = walk::parent(&disk.root, at)?;
    let flags = OFlags::PATH | OFlags::NOFOLLOW | CLOEXEC;
    let file =
        rustix::fs::openat(&parent, name.as_bytes(), flags, Mode::empty()).map_err(sys::problem)?;
    let meta = Meta::of(&file).map_err(sys::problem)?;
    if meta.kind != Some(Kind::File) || !meta.is(expect) {
        return Err(DiskError::Changed);
    }
    disk.at(Point::Compared);
    if !disk.guard.modes {
        return Ok(*expect);
    }
    let mode = Mode::from_raw_mode(with_executable(meta.mode, executable));
    // A descriptor that only names a file cannot be given a mode, but its name in /proc can.
    use std::os::fd::AsRawFd;
    rustix::fs::chmod(format!("/proc/self/fd/{}", file.as_raw_fd()), mode).map_err(sys::problem)?;
    disk.at(Point::Swapped);
    match rustix::fs::openat(&parent, name.as_bytes(), sys::READ, Mode::empty()) {
        Ok(open) => rustix::fs::fsync(open),
        Err(_) => rustix::fs::syncfs(&disk.kept),
    }
    .map_err(sys::problem)?;
    disk.at(Point::Synced);
    Ok(Stamp { ctime: None, ..*expect })
}
