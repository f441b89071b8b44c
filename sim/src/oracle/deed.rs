//! What an engine's change does to a disk: just what was asked, and only to what it had seen.
//!
//! Told when a change begins and ends, this holds what stands on the disk before and after against
//! the change: where no user came in between, nothing else differs; wherever users did, no version
//! is gone but those that they did away with themselves, and the one that the engine had seen there.

use std::collections::{BTreeMap, BTreeSet};

use onefold_core::disk::{Change, Inode, Old, Stamp};
use onefold_core::hash::ContentId;
use onefold_core::id::NodeId;
use onefold_core::name::RelPath;

use crate::disk::Disk;
use crate::disk::guard::Changed;
use crate::disk::user::{Act, Deed, version};

use super::sight::Sight;
use super::tree::{self, Leaf};
use super::{Broken, Tally, rules};

/// What stands at each path: which inode, and what it is; pipes are nothing.
type Standing = BTreeMap<RelPath, (Inode, Option<Leaf>)>;

/// A file on a disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stood {
    /// Where.
    pub path: RelPath,
    /// Which one it is, and what it looks like.
    pub stamp: Stamp,
    /// What it holds; none for an empty one.
    pub version: Option<ContentId>,
}

/// Every file and link on a disk.
pub fn stood(disk: &Disk) -> Vec<Stood> {
    let all = disk.walk().into_iter().filter(|(_, number)| disk.children(*number).is_none());
    all.map(|(path, number)| Stood {
        path,
        stamp: disk.stamp(number),
        version: version(&disk.inode(number).form),
    })
    .collect()
}

/// A change under way.
#[derive(Clone, Debug)]
pub struct Under {
    before: Standing,
    users: Vec<Deed>,
    disturbed: bool,
}

/// All that stands on a disk; where names are folded, by folded paths.
fn standing(disk: &Disk) -> Standing {
    let all = disk.walk().into_iter();
    all.map(|(path, number)| {
        let leaf = Leaf::here(&disk.inode(number).form);
        (key(disk, &path), (disk.stamp(number).inode, leaf))
    })
    .collect()
}

fn key(disk: &Disk, path: &RelPath) -> RelPath {
    tree::folded(disk.traits.folding, path)
}

/// The node stands where its engine cannot look: a user moved it there, where the engine never had it;
/// or the engine has not seen the directory since it started, and a power cut took what it knew.
fn is_out_of_sight(disk: &Disk, sight: Option<&Sight>, node: NodeId, path: &RelPath) -> bool {
    let had = sight.and_then(|sight| sight.path(node));
    let moved = had.is_none_or(|had| key(disk, &had) != *path);
    path.above().any(|dir| {
        let number = disk.at(&dir).ok();
        number.filter(|number| !disk.inode(*number).readable).is_some_and(|number| {
            let inode = disk.stamp(number).inode;
            moved || !sight.is_some_and(|sight| sight.has_looked_into(&inode))
        })
    })
}

fn versions(standing: &Standing) -> BTreeSet<ContentId> {
    standing.values().filter_map(|(_, leaf)| leaf.as_ref()?.version()).collect()
}

impl Under {
    /// A change of a node begins; by what is known of it, it may not stand anywhere else.
    pub fn begin(
        disk: &Disk,
        sight: Option<&Sight>,
        node: NodeId,
        change: &Change,
        tally: &mut Tally,
    ) -> Result<Self, Broken> {
        let before = standing(disk);
        let (at, old) = match change {
            Change::MakeDirectory { at } => (Some(at), None),
            Change::PlaceFile { at, old, .. } | Change::PlaceSymlink { at, old, .. } => {
                (Some(at), stamp_of(old))
            }
            _ => (None, None),
        };
        let inode = sight.and_then(|sight| sight.inode(node)).filter(|inode| inode.birth.is_some());
        if let (Some(at), Some(inode)) = (at, inode) {
            tally.judged(rules::ONE_PLACE, 1u64);
            // Where it is to come to it may stand: then the change is refused, or takes what it
            // was not to take, which other rules tell.
            let twice = before.iter().find(|(path, (other, _))| {
                *other == inode
                    && **path != key(disk, at)
                    && !is_out_of_sight(disk, sight, node, path)
            });
            if let Some((other, _)) = twice.filter(|_| old.is_none_or(|old| old.inode != inode)) {
                let what = format!("{node:?} comes to {at} and still is at {other}");
                return Err(Broken::new(rules::ONE_PLACE, what));
            }
        }
        Ok(Self { before, users: Vec::new(), disturbed: false })
    }

    /// A user acted meanwhile.
    pub fn disturb(&mut self, deeds: &[Deed]) {
        self.disturbed = true;
        self.users.extend_from_slice(deeds);
    }

    /// What users did away with meanwhile.
    pub fn destroyed(&self) -> impl Iterator<Item = ContentId> {
        let destroyed = self.users.iter().filter(|deed| deed.act == Act::Destroyed);
        destroyed.map(|deed| deed.version)
    }

    /// The change has ended, or its process has (`None`).
    pub fn end(
        self,
        disk: &mut Disk,
        sight: &Sight,
        change: &Change,
        result: Option<&Changed>,
        tally: &mut Tally,
    ) -> Result<(), Broken> {
        let seen = displaced_by(change);
        for (path, version) in disk.take_displaced() {
            tally.judged(rules::ONLY_SEEN, 1u64);
            let believed = seen.and_then(|stamp| sight.believed(stamp));
            if believed != Some(version) {
                let what = format!("{path}: {version:?} stood there, and not {believed:?}");
                return Err(Broken::new(rules::ONLY_SEEN, what));
            }
        }
        let after = standing(disk);
        if let (Change::Rename { expect, to, .. }, Some(Ok(_))) = (change, result) {
            self.moved_seen(disk, &after, (to, expect), tally)?;
        }
        self.nothing_else_gone(disk, &after, seen.and_then(|stamp| sight.believed(stamp)), tally)?;
        let Some(result) = result.filter(|_| !self.disturbed) else { return Ok(()) };
        tally.judged(rules::JUST_THAT, 1u64);
        let mut expected = self.before;
        if result.is_ok() {
            carry_out(disk, &mut expected, change);
        }
        let same = expected.len() == after.len()
            && expected.iter().zip(&after).all(|((p, (i, l)), (q, (j, m)))| {
                p == q && l == m && (i == j || i.number == u64::MAX)
            });
        if !same {
            let what = format!("{change:?} ({result:?}) made {expected:?} to {after:?}");
            return Err(Broken::new(rules::JUST_THAT, what));
        }
        Ok(())
    }

    /// What a rename brought to its new name is what the engine had seen, unless a user did.
    fn moved_seen(
        &self,
        disk: &Disk,
        after: &Standing,
        (to, expect): (&RelPath, &Stamp),
        tally: &mut Tally,
    ) -> Result<(), Broken> {
        if self.users.iter().any(|deed| deed.path == *to) {
            return Ok(());
        }
        tally.judged(rules::MOVES_SEEN, 1u64);
        match after.get(&key(disk, to)) {
            Some((inode, _)) if *inode != expect.inode => {
                let what = format!("{to}: {inode:?}, and not {:?}", expect.inode);
                Err(Broken::new(rules::MOVES_SEEN, what))
            }
            Some(_) | None => Ok(()),
        }
    }

    /// Every version that was there still is, or is kept.
    fn nothing_else_gone(
        &self,
        disk: &Disk,
        after: &Standing,
        seen: Option<ContentId>,
        tally: &mut Tally,
    ) -> Result<(), Broken> {
        let mut due = versions(&self.before);
        for deed in &self.users {
            match deed.act {
                Act::Wrote => due.insert(deed.version),
                Act::Destroyed | Act::Dropped => due.remove(&deed.version),
                Act::Moved | Act::MovedDirectory | Act::Made | Act::Linked => continue,
            };
        }
        let there = versions(after);
        let kept: BTreeSet<_> = disk.kept_versions().collect();
        tally.judged(rules::NOTHING_ELSE, due.len());
        let gone = due.into_iter().find(|version| {
            !there.contains(version) && !kept.contains(version) && Some(*version) != seen
        });
        match gone {
            None => Ok(()),
            Some(gone) => {
                let from = self.before.iter().find(|(_, (_, leaf))| {
                    leaf.as_ref().is_some_and(|leaf| leaf.version() == Some(gone))
                });
                Err(Broken::new(rules::NOTHING_ELSE, format!("{gone:?} of {from:?} is gone")))
            }
        }
    }
}

fn stamp_of(old: &Old) -> Option<&Stamp> {
    match old {
        Old::Absent => None,
        Old::Is(stamp) => Some(stamp),
    }
}

/// What the engine says that it has seen where a change takes something away.
fn displaced_by(change: &Change) -> Option<&Stamp> {
    match change {
        Change::PlaceFile { old, .. } | Change::PlaceSymlink { old, .. } => stamp_of(old),
        Change::Remove { expect, .. } => Some(expect),
        Change::MakeDirectory { .. }
        | Change::Rename { .. }
        | Change::Exchange { .. }
        | Change::SetExecutable { .. } => None,
    }
}

/// What a change does to what stands there.
fn carry_out(disk: &Disk, all: &mut Standing, change: &Change) {
    let new = Inode { device: 0, number: u64::MAX, birth: None };
    let key = |path: &RelPath| key(disk, path);
    match change {
        Change::MakeDirectory { at } => {
            all.insert(key(at), (new, Some(Leaf::Directory)));
        }
        Change::PlaceFile { at, content, executable, .. } => {
            all.insert(key(at), (new, Some(Leaf::File(content.id, *executable))));
        }
        Change::PlaceSymlink { at, target, .. } => {
            all.insert(key(at), (new, Some(Leaf::Symlink(target.clone()))));
        }
        Change::Remove { at, .. } => {
            all.remove(&key(at));
        }
        Change::Rename { from, to, .. } => {
            let (from, to) = (key(from), key(to));
            let moved = take(all, &from);
            all.extend(moved.into_iter().map(|(path, what)| (moved_to(&path, &from, &to), what)));
        }
        Change::Exchange { first, second, .. } => {
            let (first, second) = (key(first), key(second));
            let (one, two) = (take(all, &first), take(all, &second));
            all.extend(one.into_iter().map(|(at, what)| (moved_to(&at, &first, &second), what)));
            all.extend(two.into_iter().map(|(at, what)| (moved_to(&at, &second, &first), what)));
        }
        Change::SetExecutable { at, executable, .. } => {
            let Some((inode, _)) = all.get(&key(at)).cloned() else { return };
            for (other, leaf) in all.values_mut() {
                if let (true, Some(Leaf::File(_, bit))) = (*other == inode, leaf) {
                    *bit = *executable;
                }
            }
        }
    }
}

fn take(all: &mut Standing, top: &RelPath) -> Standing {
    all.extract_if(.., |path, _| path.is_within(top)).collect()
}

fn moved_to(path: &RelPath, from: &RelPath, to: &RelPath) -> RelPath {
    RelPath::new([to.names(), &path.names()[from.names().len()..]].concat())
}
