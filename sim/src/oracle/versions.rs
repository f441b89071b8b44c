//! Every version that users left, and what became of it by their will, or by a power cut.

use std::collections::{BTreeMap, BTreeSet};

use onefold_core::disk::Change;
use onefold_core::hash::ContentId;
use onefold_core::name::RelPath;

use crate::disk::user::{Act, Deed};

/// Stands for the one who moved what a power cut brought back.
const POWER: usize = usize::MAX;

/// What became of a version.
#[derive(Clone, Debug, Default)]
pub struct Fate {
    /// Who wrote it, and how often it was written (more than once: it was copied).
    pub written: Vec<usize>,
    /// Who changed, replaced or deleted it while it was on his disk.
    pub destroyed_by: BTreeSet<usize>,
    /// Who did so while it stood elsewhere on his disk, too.
    pub dropped_by: BTreeSet<usize>,
    /// Who moved it, or what it is in.
    pub moved_by: BTreeSet<usize>,
    /// It stood at more than one path by a user's will.
    pub copied: bool,
    /// It was deleted in the midst of a change whose engine died: nobody can tell any more whether
    /// its user knew the new version or the old one, so it may come back.
    pub half_deleted: bool,
    /// A power cut took it from a disk before the server had it.
    pub lost_power: bool,
    /// A power cut took it from a disk after the server had it.
    pub rolled_back: bool,
    /// Where it was last seen, for people.
    pub path: RelPath,
    /// The versions that stood at its path before it.
    pub before: BTreeSet<ContentId>,
}

/// All versions.
#[derive(Clone, Debug, Default)]
pub struct Versions {
    /// What became of each.
    pub all: BTreeMap<ContentId, Fate>,
    last_at: BTreeMap<(usize, RelPath), ContentId>,
}

impl Versions {
    /// A user wrote it, at some time.
    pub fn is_known(&self, version: ContentId) -> bool {
        self.all.get(&version).is_some_and(|fate| !fate.written.is_empty())
    }

    /// A user did this.
    pub fn deed(&mut self, device: usize, deed: &Deed) {
        let fate = self.all.entry(deed.version).or_default();
        fate.path = deed.path.clone();
        // All empty files are one version.
        fate.copied |= deed.version == ContentId::of(b"");
        if matches!(deed.act, Act::Wrote | Act::Moved) {
            let last = self.last_at.insert((device, deed.path.clone()), deed.version);
            fate.before.extend(last.filter(|last| *last != deed.version));
        }
        match deed.act {
            Act::Wrote => {
                fate.copied |= !fate.written.is_empty();
                fate.written.push(device);
            }
            Act::Moved => {
                fate.moved_by.insert(device);
            }
            Act::Destroyed => {
                fate.destroyed_by.insert(device);
            }
            Act::Dropped => {
                fate.copied = true;
                fate.dropped_by.insert(device);
            }
            Act::Linked => fate.copied = true,
            Act::MovedDirectory | Act::Made => {}
        }
    }

    /// These were deleted in the midst of a change whose engine died.
    pub fn half_deleted(&mut self, versions: impl Iterator<Item = ContentId>) {
        for version in versions {
            self.all.entry(version).or_default().half_deleted = true;
        }
    }

    /// A power cut took versions, and brought some back.
    pub fn power_cut(
        &mut self,
        device: usize,
        (before, after): (&BTreeSet<ContentId>, &BTreeSet<ContentId>),
        history: &BTreeSet<ContentId>,
    ) {
        for lost in before.difference(after) {
            let fate = self.all.entry(*lost).or_default();
            fate.lost_power |= !history.contains(lost);
            fate.rolled_back |= history.contains(lost);
        }
        for back in after.difference(before) {
            self.all.entry(*back).or_default().written.push(device);
        }
        for version in after {
            self.all.entry(*version).or_default().moved_by.insert(POWER);
        }
    }

    /// Whether anyone but this user moved a version, one that it came of, or one that came of those:
    /// whoever moves his own version of a file moves the file.
    pub fn moved_by_others(&self, version: ContentId, user: usize) -> bool {
        let mut seen = BTreeSet::from([version]);
        let mut open = vec![version];
        while let Some(version) = open.pop() {
            let Some(fate) = self.all.get(&version) else { continue };
            if fate.moved_by.iter().any(|mover| *mover != user) {
                return true;
            }
            open.extend(fate.before.iter().filter(|before| seen.insert(**before)));
            if version != ContentId::of(b"") {
                let came_of_it = self.all.iter().filter(|(_, of)| of.before.contains(&version));
                let came_of_it = came_of_it.map(|(later, _)| *later);
                open.extend(came_of_it.filter(|later| seen.insert(*later)));
            }
        }
        false
    }

    /// What a late writer wrote to these, and was not synced, may be lost.
    pub fn lost_power(&mut self, versions: &[ContentId]) {
        for version in versions {
            self.all.entry(*version).or_default().lost_power = true;
        }
    }

    /// Whether users of two devices moved a version, and one wrote a new one at its old name: what
    /// one takes for a move, the other may take for a save.
    pub fn is_forked(&self, version: ContentId) -> bool {
        let movers = self.all.get(&version).map_or(0, |fate| fate.moved_by.len());
        movers > 1 && self.all.values().any(|fate| fate.before.contains(&version))
    }

    /// It stood there when a user changed that: what is there then comes of it.
    pub fn stood(&mut self, device: usize, path: RelPath, version: ContentId) {
        self.last_at.insert((device, path), version);
    }

    /// An engine changed a disk: what a user writes there then comes of what it put there.
    pub fn changed(&mut self, device: usize, change: &Change, done: bool) {
        match change {
            Change::PlaceFile { at, content, .. } => {
                self.last_at.insert((device, at.clone()), content.id);
            }
            Change::Rename { from, to, .. } if done => self.renamed(device, from, to),
            Change::Exchange { first, second, .. } if done => {
                let one = self.last_at.get(&(device, first.clone())).copied();
                self.renamed(device, second, first);
                self.last_at.extend(one.map(|one| ((device, second.clone()), one)));
            }
            _ => {}
        }
    }

    /// An engine renamed a file, or a directory and all that is in it.
    fn renamed(&mut self, device: usize, from: &RelPath, to: &RelPath) {
        let inside: Vec<_> = (self.last_at.iter())
            .filter(|((of, at), _)| *of == device && at.names().starts_with(from.names()))
            .map(|((_, at), version)| {
                let rest = &at.names()[from.names().len()..];
                (RelPath::new([to.names(), rest].concat()), *version)
            })
            .collect();
        self.last_at.extend(inside.into_iter().map(|(at, version)| ((device, at), version)));
    }
}
