//! What becomes of the two versions of a conflict, as a person decided: on the disk, as the person
//! would do it, and by the disk's guard.
//!
//! Invariants:
//! - Nothing is touched unless both versions still are as the person saw them.
//! - A version that is not kept goes as any deleted or replaced file goes: the guard sets it aside
//!   first, and it stays in what the server keeps of the folder.
//! - What fails half-way leaves both versions: only the last step takes one away.

use onefold_adapters::port::Disk;
use onefold_core::disk::{Change, DiskError, Form, Found, Old, Stamp};
use onefold_core::id::NodeId;
use onefold_core::name::{MAX_NAME_BYTES, Name, RelPath, parse_conflict_name};
use onefold_core::node::Content;
use serde::Deserialize;

/// Bytes copied at once.
const BUFFER_BYTES: usize = 256 * 1024;
/// The most names that are tried for a version that is kept beside the other.
const MAX_NAMES: u32 = 1_000;

/// What is to stay.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Keep {
    /// The version under the file's own name.
    Original,
    /// The conflict copy, under the file's own name.
    Copy,
    /// Both, the copy under a name that is no conflict copy's.
    Both,
}

/// A conflict as a person saw it.
#[derive(Clone, Debug)]
pub(super) struct Pair {
    pub(super) copy: RelPath,
    pub(super) copy_seen: Stamp,
    pub(super) original: RelPath,
    /// `None`: nothing stood there.
    pub(super) original_seen: Option<Stamp>,
    /// The device whose version the copy is.
    pub(super) device: String,
}

/// Why it was not done. Both versions are as they were.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum NotDone {
    #[error("it changed since you saw it; look at both versions again")]
    Changed,
    #[error("a program has it open for writing; close it there first")]
    Busy,
    #[error("the other version is not there any more, so there is nothing to keep instead")]
    NothingToKeep,
    #[error("a folder is not thrown away from here; look into it, and delete it yourself")]
    Directory,
    #[error("no free name was found beside it")]
    NoName,
    #[error("{0}")]
    Disk(DiskError),
}

impl From<DiskError> for NotDone {
    fn from(error: DiskError) -> Self {
        match error {
            DiskError::Gone | DiskError::Changed | DiskError::Occupied => Self::Changed,
            DiskError::Busy => Self::Busy,
            DiskError::NotEmpty
            | DiskError::Denied(_)
            | DiskError::Full(_)
            | DiskError::InvalidName(_)
            | DiskError::NotStaged
            | DiskError::RootGone(_)
            | DiskError::Failed(_) => Self::Disk(error),
        }
    }
}

/// Does what a person decided; where the copy's version is now, if it is anywhere. `look` tells what
/// stands at a path.
pub(super) fn resolve<D: Disk>(
    disk: &D,
    look: impl Fn(&RelPath) -> Result<Option<Found>, DiskError>,
    pair: &Pair,
    keep: Keep,
) -> Result<Option<RelPath>, NotDone> {
    let copy = look(&pair.copy)?.filter(|found| pair.copy_seen.still(&found.stamp));
    let copy = copy.ok_or(NotDone::Changed)?;
    let original = look(&pair.original)?;
    let same = match (&original, &pair.original_seen) {
        (None, None) => true,
        (Some(found), Some(seen)) => seen.still(&found.stamp),
        (Some(_), None) | (None, Some(_)) => false,
    };
    // Whoever keeps both decides nothing about the original.
    if !same && keep != Keep::Both {
        return Err(NotDone::Changed);
    }
    match (keep, original) {
        (Keep::Original, None) => Err(NotDone::NothingToKeep),
        (Keep::Original, Some(_)) => remove(disk, &pair.copy, &copy).map(|()| None),
        (Keep::Copy, None) => {
            rename(disk, pair, &pair.original).map(|()| Some(pair.original.clone()))
        }
        (Keep::Copy, Some(original)) => {
            replace(disk, pair, &copy, &original)?;
            Ok(Some(pair.original.clone()))
        }
        (Keep::Both, _) => keep_both(disk, pair).map(Some),
    }
}

fn change<D: Disk>(disk: &D, change: &Change) -> Result<(), DiskError> {
    let mut id = [0; 16];
    getrandom::fill(&mut id).map_err(|error| DiskError::Failed(error.to_string()))?;
    // The guard notes which node it works for; this is a person's doing, for none.
    disk.change(NodeId::from_bytes(id), change).map(drop)
}

fn remove<D: Disk>(disk: &D, at: &RelPath, found: &Found) -> Result<(), NotDone> {
    let (expect, kind) = (found.stamp, found.form.kind());
    if found.form == Form::Directory {
        return Err(NotDone::Directory);
    }
    Ok(change(disk, &Change::Remove { at: at.clone(), expect, kind })?)
}

fn rename<D: Disk>(disk: &D, pair: &Pair, to: &RelPath) -> Result<(), NotDone> {
    let (from, expect, to) = (pair.copy.clone(), pair.copy_seen, to.clone());
    Ok(change(disk, &Change::Rename { from, expect, to, only_if_quiet: true })?)
}

/// Puts the copy's bytes in place of the original's, as an edit of it, and then removes the copy.
fn replace<D: Disk>(disk: &D, pair: &Pair, copy: &Found, original: &Found) -> Result<(), NotDone> {
    if original.form == Form::Directory {
        return Err(NotDone::Directory);
    }
    let (at, old) = (pair.original.clone(), Old::Is(original.stamp));
    let place = match &copy.form {
        Form::Directory => return Err(NotDone::Directory),
        Form::Symlink(target) => Change::PlaceSymlink { at, old, target: target.clone() },
        Form::File { executable } => {
            let content = stage(disk, &pair.copy, &copy.stamp)?;
            Change::PlaceFile { at, old, content, executable: *executable }
        }
    };
    change(disk, &place)?;
    remove(disk, &pair.copy, copy)
}

/// Stages the bytes of a file that is still as it was seen.
fn stage<D: Disk>(disk: &D, path: &RelPath, stamp: &Stamp) -> Result<Content, DiskError> {
    let content = disk.hash(path, stamp)?;
    let source = disk.read(path, stamp)?;
    let mut staging = disk.stage(&content)?;
    // What an earlier try left is hashed with the rest, at the end.
    let mut buffer = vec![0; BUFFER_BYTES];
    while staging.len() < content.size {
        let failed = |error: std::io::Error| DiskError::Failed(error.to_string());
        let read = source.read_at(&mut buffer, staging.len()).map_err(failed)?;
        if read == 0 {
            return Err(DiskError::Changed);
        }
        staging.append(&buffer[..read])?;
    }
    staging.finish()?;
    Ok(content)
}

fn keep_both<D: Disk>(disk: &D, pair: &Pair) -> Result<RelPath, NotDone> {
    let (dir, name) = pair.original.split().ok_or(NotDone::NoName)?;
    for count in 1..=MAX_NAMES {
        let Some(free) = beside(name, &pair.device, count) else { continue };
        let to = dir.join(free);
        let from = pair.copy.clone();
        let expect = pair.copy_seen;
        let rename = Change::Rename { from, expect, to: to.clone(), only_if_quiet: true };
        match change(disk, &rename) {
            Ok(()) => return Ok(to),
            Err(DiskError::Occupied) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Err(NotDone::NoName)
}

/// A name beside another, that says whose version it is: `report (desk).txt`, `report (desk 2).txt`.
fn beside(name: &Name, device: &str, count: u32) -> Option<Name> {
    let bytes = name.as_bytes();
    let dot = bytes.iter().rposition(|byte| *byte == b'.').filter(|at| *at > 0);
    let (stem, extension) = bytes.split_at(dot.unwrap_or(bytes.len()));
    let number = if count > 1 { format!(" {count}") } else { String::new() };
    let mark = format!(" ({device}{number})");
    let room = MAX_NAME_BYTES.checked_sub(mark.len() + extension.len())?;
    let stem = String::from_utf8_lossy(stem).into_owned();
    let stem = &stem[..stem.floor_char_boundary(room)];
    let name = Name::new(&[stem.as_bytes(), mark.as_bytes(), extension].concat()).ok()?;
    parse_conflict_name(&name).is_none().then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_that_is_kept_beside_the_other_is_no_conflict_copy_any_more() {
        let check = |name: &str, device: &str, count, expected: Option<&str>| {
            let made = beside(&Name::new(name.as_bytes()).unwrap(), device, count);
            let expected = expected.map(|text| Name::new(text.as_bytes()).unwrap());
            assert_eq!(made, expected, "{name} {device}");
        };
        check("report.txt", "desk", 1, Some("report (desk).txt"));
        check("report.txt", "desk", 2, Some("report (desk 2).txt"));
        check(".profile", "desk", 1, Some(".profile (desk)"));
        check("a", "conflict, x, 2026-11-22 0741", 1, None);
        let long = beside(&Name::new("é".repeat(126).as_bytes()).unwrap(), "desk", 1).unwrap();
        assert!(long.as_bytes().len() <= MAX_NAME_BYTES);
    }
}
