//! Changes of a disk, bent: what the guard is there to prevent.

use onefold_core::disk::{Change, Old, Stamp};
use onefold_core::name::{RelPath, conflict_name};
use onefold_core::node::Kind;

use crate::disk::Disk;
use crate::disk::guard::{Changed, Crashed, Moment, Window};

use super::Planted;

/// Carries a change out as [`Disk::change`] does, but for the planted fault.
pub fn change(disk: &mut Disk, change: &Change, window: Window<'_>) -> Result<Changed, Crashed> {
    let Some(fault) = disk.planted else { return disk.change(change, window) };
    if window(disk, Moment::Begin) {
        return Err(Crashed);
    }
    let mut change = change.clone();
    believe_all(disk, fault, &mut change);
    let (asked, before) = (change.clone(), replaced_bytes(disk, fault, &change));
    if fault == Planted::DropsLoser
        && let Change::Rename { from, expect, only_if_quiet: true, .. } = change
    {
        change = Change::Remove { at: from, expect, kind: Kind::File };
    }
    let changed = disk.change(&change, &mut |disk, moment| {
        let dies = moment != Moment::Begin && window(disk, moment);
        if moment == Moment::Compared {
            clear_way(disk, fault, &asked);
        }
        dies
    })?;
    if let (Ok(_), Some((at, bytes))) = (&changed, before) {
        copy_aside(disk, &at, &bytes);
    }
    Ok(match (fault, changed) {
        (Planted::FailureIsDone, Err(_)) => Ok(stamp_of_placed(disk, &asked)),
        (Planted::StampsAfterSwap, Ok(Some(_))) => Ok(stamp_of_placed(disk, &asked)),
        (_, changed) => changed,
    })
}

/// Whatever stands there is what was expected.
fn believe_all(disk: &Disk, fault: Planted, change: &mut Change) {
    let now = |at: &RelPath, expect: &mut Stamp| {
        if let Ok(number) = disk.at(at) {
            *expect = disk.stamp(number);
        }
    };
    match (fault, change) {
        (
            Planted::ReplacesUncompared,
            Change::PlaceFile { at, old: Old::Is(expect), .. }
            | Change::PlaceSymlink { at, old: Old::Is(expect), .. },
        )
        | (Planted::RemovesUncompared, Change::Remove { at, expect, .. })
        | (Planted::RenamesUncompared, Change::Rename { from: at, expect, .. }) => now(at, expect),
        (
            Planted::RenamesUncompared,
            Change::Exchange { first, expect_first, second, expect_second },
        ) => {
            now(first, expect_first);
            now(second, expect_second);
        }
        _ => {}
    }
}

/// Removes what the guard would have met.
fn clear_way(disk: &mut Disk, fault: Planted, change: &Change) {
    match (fault, change) {
        (Planted::RenamesOverOthers, Change::Rename { from, to, .. }) if from != to => {
            disk.unnoted(|disk| disk.unlink(to).ok());
        }
        (
            Planted::PlacesOverOthers,
            Change::PlaceFile { at, old: Old::Absent, .. }
            | Change::PlaceSymlink { at, old: Old::Absent, .. },
        ) => {
            disk.unnoted(|disk| disk.unlink(at).ok());
        }
        (Planted::RemovesRecursively, Change::Remove { at, kind: Kind::Directory, .. }) => {
            let mut inside = disk.walk();
            inside.retain(|(path, _)| path != at && path.is_within(at));
            for (path, _) in inside.into_iter().rev() {
                disk.unnoted(|disk| disk.unlink(&path).or_else(|_| disk.rmdir(&path)).ok());
            }
        }
        _ => {}
    }
}

/// What is at the path of a placed file now.
fn stamp_of_placed(disk: &Disk, change: &Change) -> Option<Stamp> {
    let (Change::PlaceFile { at, .. }
    | Change::PlaceSymlink { at, .. }
    | Change::MakeDirectory { at }) = change
    else {
        return None;
    };
    let number = disk.at(at).ok()?;
    Some(Stamp { ctime: None, ..disk.stamp(number) })
}

/// The bytes that are about to be replaced.
fn replaced_bytes(disk: &Disk, fault: Planted, change: &Change) -> Option<(RelPath, Vec<u8>)> {
    match change {
        Change::PlaceFile { at, old: Old::Is(_), .. } if fault == Planted::CopiesNeedlessly => {
            Some((at.clone(), disk.bytes(at)?.to_vec()))
        }
        _ => None,
    }
}

fn copy_aside(disk: &mut Disk, at: &RelPath, bytes: &[u8]) {
    let Some((parent, name)) = at.split() else { return };
    let copy = parent.join(conflict_name(name, "planted", 1));
    disk.unnoted(|disk| {
        if let Ok(handle) = disk.open(&copy, true, true) {
            disk.write(handle, true, bytes).ok();
            disk.close(handle);
        }
    });
}

/// What comes over the network may be torn, and nobody looks.
pub fn fetched(disk: &Disk, bytes: &[u8]) -> Option<Vec<u8>> {
    (disk.planted == Some(Planted::PlacesTorn)).then(|| {
        let mut torn = bytes.to_vec();
        torn[bytes.len() / 2..].fill(0);
        torn
    })
}
