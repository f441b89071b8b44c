//! Renames and exchanges: the inode stays in the tree, so its bytes are in no danger, but what stands
//! at either name may be another's by now.
//!
//! Invariants: nothing is replaced by a move; what was moved by mistake goes back (a user's save just
//! after the move looks the same, and goes back with it: it is at one of the two names). Where names
//! cannot be swapped or taken without replacing, things pass through a slot, intent first.

use onefold_core::disk::{DiskError, Stamp};
use onefold_core::id::NodeId;
use onefold_core::name::RelPath;
use onefold_core::node::Kind;
use rustix::fs::RenameFlags;
use rustix::io::Errno;

use super::RealDisk;
use super::guard::{Target, put, put_back};
use super::held::Held;
use super::hooks::Point;
use super::kept::{Intent, Role, Slot};
use super::prepare::now_ms;
use super::sys::{self, Meta};
use super::walk::{self, Directory};

pub(super) fn rename(
    disk: &RealDisk,
    node: NodeId,
    from: &RelPath,
    expect: &Stamp,
    to: &RelPath,
    only_if_quiet: bool,
) -> Result<Stamp, DiskError> {
    if to.is_within(from) {
        return Err(DiskError::Failed("it cannot be moved into itself".into()));
    }
    let (from_parent, from_name) = walk::parent(&disk.root, from)?;
    let (to_parent, to_name) = walk::parent(&disk.root, to)?;
    let source = Target { at: from, parent: &from_parent, name: from_name };
    let target = Target { at: to, parent: &to_parent, name: to_name };
    let held = if disk.guard.no_replace {
        let held = Held::take(disk, &source, expect, only_if_quiet)?;
        rename_at_once(disk, &source, &target, &held, only_if_quiet)?;
        held
    } else {
        rename_through_slot(disk, node, &source, &target, expect, only_if_quiet)?
    };
    disk.at(Point::Confirmed);
    let meta = held.meta;
    drop(held);
    disk.at(Point::Released);
    sync_both(disk, &from_parent, &to_parent)?;
    disk.at(Point::Synced);
    // A rename changes the ctime: what it is now was not looked at.
    Ok(match meta.kind {
        Some(Kind::Directory) => meta.stamp(),
        Some(Kind::File | Kind::Symlink) | None => Stamp { ctime: None, ..*expect },
    })
}

fn rename_at_once(
    disk: &RealDisk,
    source: &Target<'_>,
    target: &Target<'_>,
    held: &Held,
    only_if_quiet: bool,
) -> Result<(), DiskError> {
    let (from, to) = (source.name.as_bytes(), target.name.as_bytes());
    let flags = RenameFlags::NOREPLACE;
    match rustix::fs::renameat_with(source.parent, from, target.parent, to, flags) {
        Ok(()) => {}
        // The new name is the old one in another case: with one name, it leads to the same file.
        Err(Errno::EXIST)
            if disk.guard.folding.folds() && held.meta.links == 1 && is_at(target, held) =>
        {
            rustix::fs::renameat(source.parent, from, target.parent, to).map_err(sys::problem)?;
        }
        Err(errno) => return Err(sys::naming_problem(errno)),
    }
    disk.at(Point::Swapped);
    let why = if !is_at(target, held) {
        DiskError::Changed
    } else if only_if_quiet && !held.is_quiet() {
        disk.count(|counts| &counts.broken);
        DiskError::Busy
    } else {
        return Ok(());
    };
    disk.at(Point::Surprised);
    // If the old name is taken again, both are where their users can see them.
    if rustix::fs::renameat_with(target.parent, to, source.parent, from, flags).is_ok() {
        disk.count(|counts| &counts.swapped_back);
    }
    disk.at(Point::Undone);
    Err(why)
}

fn is_at(target: &Target<'_>, held: &Held) -> bool {
    Meta::at(target.parent, target.name.as_bytes()).is_ok_and(|meta| meta.inode == held.meta.inode)
}

fn rename_through_slot(
    disk: &RealDisk,
    node: NodeId,
    source: &Target<'_>,
    target: &Target<'_>,
    expect: &Stamp,
    only_if_quiet: bool,
) -> Result<Held, DiskError> {
    if Meta::at(target.parent, target.name.as_bytes()).is_ok() {
        return Err(DiskError::Occupied);
    }
    let slot = intend(disk, node, source, target, expect)?;
    let held = Held::take(disk, source, expect, only_if_quiet).inspect_err(|_| slot.forget())?;
    take_aside(disk, &slot, source, &held)?;
    if let Err(why) = put(disk, &slot.old_name(), target.parent, target.name.as_bytes()) {
        return Err(back(disk, &slot, source, why));
    }
    disk.at(Point::Swapped);
    slot.forget();
    Ok(held)
}

pub(super) fn exchange(
    disk: &RealDisk,
    node: NodeId,
    (first, expect_first): (&RelPath, &Stamp),
    (second, expect_second): (&RelPath, &Stamp),
) -> Result<(), DiskError> {
    if first.is_within(second) || second.is_within(first) {
        return Err(DiskError::Failed("one of the two is inside the other".into()));
    }
    let (first_parent, first_name) = walk::parent(&disk.root, first)?;
    let (second_parent, second_name) = walk::parent(&disk.root, second)?;
    let one = Target { at: first, parent: &first_parent, name: first_name };
    let two = Target { at: second, parent: &second_parent, name: second_name };
    let held_one = Held::take(disk, &one, expect_first, false)?;
    let held_two = Held::take(disk, &two, expect_second, false)?;
    if disk.guard.exchange {
        exchange_at_once(disk, &one, &two, &held_one, &held_two)?;
    } else {
        let slot_one = intend(disk, node, &one, &two, expect_first)?;
        let slot_two =
            intend(disk, node, &two, &one, expect_second).inspect_err(|_| slot_one.forget())?;
        take_aside(disk, &slot_one, &one, &held_one).inspect_err(|_| slot_two.forget())?;
        take_aside(disk, &slot_two, &two, &held_two)
            .map_err(|why| back(disk, &slot_one, &one, why))?;
        land(disk, &slot_one, &two, &slot_two, &one)?;
    }
    disk.at(Point::Confirmed);
    sync_both(disk, &first_parent, &second_parent)?;
    disk.at(Point::Synced);
    Ok(())
}

fn exchange_at_once(
    disk: &RealDisk,
    one: &Target<'_>,
    two: &Target<'_>,
    held_one: &Held,
    held_two: &Held,
) -> Result<(), DiskError> {
    let swap = || {
        let (first, second) = (one.name.as_bytes(), two.name.as_bytes());
        rustix::fs::renameat_with(one.parent, first, two.parent, second, RenameFlags::EXCHANGE)
    };
    swap().map_err(sys::problem)?;
    disk.at(Point::Swapped);
    if is_at(one, held_two) && is_at(two, held_one) {
        return Ok(());
    }
    disk.at(Point::Surprised);
    if swap().is_ok() {
        disk.count(|counts| &counts.swapped_back);
    }
    disk.at(Point::Undone);
    Err(DiskError::Changed)
}

/// A slot for something that goes on from there to `target`; after a crash the sweep brings it to
/// the one name or the other.
fn intend<'a>(
    disk: &'a RealDisk,
    node: NodeId,
    source: &Target<'_>,
    target: &Target<'_>,
    expect: &Stamp,
) -> Result<Slot<'a>, DiskError> {
    let slot = disk.kept.slot();
    let role = Role::Moving(source.at.clone(), target.at.clone());
    slot.record(&Intent { node, since_ms: now_ms(), role, old: *expect, new: None })?;
    disk.at(Point::Intended);
    Ok(slot)
}

/// Renames what is held into the slot. On an error it has its name again, or the sweep will find it
/// one, and the slot is done with.
fn take_aside(
    disk: &RealDisk,
    slot: &Slot<'_>,
    source: &Target<'_>,
    held: &Held,
) -> Result<(), DiskError> {
    let name = source.name.as_bytes();
    if let Err(errno) = rustix::fs::renameat(source.parent, name, &disk.kept, slot.old_name()) {
        slot.forget();
        return Err(sys::problem(errno));
    }
    disk.at(Point::Aside);
    let out = Meta::at(&disk.kept, slot.old_name().as_bytes());
    let why = if out.is_ok_and(|out| out.inode == held.meta.inode) {
        if held.is_quiet() {
            return Ok(());
        }
        DiskError::Busy
    } else {
        DiskError::Changed
    };
    disk.at(Point::Surprised);
    Err(back(disk, slot, source, why))
}

/// Puts both at the other's name; what finds its name taken is left to the sweep.
fn land(
    disk: &RealDisk,
    aside_one: &Slot<'_>,
    two: &Target<'_>,
    aside_two: &Slot<'_>,
    one: &Target<'_>,
) -> Result<(), DiskError> {
    let landings = [(aside_one, two), (aside_two, one)].map(|(slot, target)| {
        put(disk, &slot.old_name(), target.parent, target.name.as_bytes())
            .inspect(|()| slot.forget())
    });
    disk.at(Point::Swapped);
    landings.into_iter().collect()
}

fn back(disk: &RealDisk, slot: &Slot<'_>, source: &Target<'_>, why: DiskError) -> DiskError {
    if put_back(disk, &slot.old_name(), source) {
        slot.forget();
    }
    disk.at(Point::Undone);
    why
}

fn sync_both(disk: &RealDisk, one: &Directory, two: &Directory) -> Result<(), DiskError> {
    one.sync(&disk.kept)?;
    let same = match (Meta::of(one), Meta::of(two)) {
        (Ok(one), Ok(two)) => one.inode == two.inode,
        (Ok(_) | Err(_), _) => false,
    };
    if same { Ok(()) } else { two.sync(&disk.kept) }
}
