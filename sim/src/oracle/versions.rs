//! Every version that users left, and what became of it by their will, or by a power cut.

use std::collections::{BTreeMap, BTreeSet};

use onefold_core::client::Answer;
use onefold_core::disk::Change;
use onefold_core::hash::ContentId;
use onefold_core::name::RelPath;

use crate::disk::user::{Act, Deed};

use super::deed::Stood;

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
    /// Who deleted it, and took that back.
    pub taken_back_by: BTreeSet<usize>,
    /// Who moved it, or what it is in.
    pub moved_by: BTreeSet<usize>,
    /// It stood at more than one path by a user's will.
    pub copied: bool,
    /// It was deleted in the midst of a change whose engine died, or before that had saved that it was
    /// placed: nobody can tell any more whether its user knew the new version or the old one, so it may
    /// come back.
    pub half_deleted: bool,
    /// A power cut took it from a disk before the server had it.
    pub lost_power: bool,
    /// A power cut took it from a disk after the server had it.
    pub rolled_back: bool,
    /// Where it was last seen, for people.
    pub path: RelPath,
    /// The versions that stood at its path before it.
    pub before: BTreeSet<ContentId>,
    /// Where it was written into a file that had been made empty: as such others may have had it.
    made_at: BTreeSet<RelPath>,
    /// When a user first wrote it, in deeds.
    first: Option<u64>,
    /// When it was last brought to a name, by a user's will, a power cut or a backup.
    last: u64,
}

/// All versions.
#[derive(Clone, Debug, Default)]
pub struct Versions {
    /// What became of each.
    pub all: BTreeMap<ContentId, Fate>,
    /// Which version stood last at a path, or was done away with there. All empty files are one
    /// version, so this is the one before: what is written next comes of that.
    last_at: BTreeMap<(usize, RelPath), ContentId>,
    /// Files that were made empty, and not written to yet.
    empty: BTreeSet<(usize, RelPath)>,
    /// Who moved an empty file, by its names.
    empty_moved_by: BTreeMap<RelPath, BTreeSet<usize>>,
    deeds: u64,
}

impl Versions {
    /// A user wrote it, at some time.
    pub fn is_known(&self, version: ContentId) -> bool {
        self.all.get(&version).is_some_and(|fate| !fate.written.is_empty())
    }

    /// A user did this.
    pub fn deed(&mut self, device: usize, deed: &Deed) {
        self.deeds += 1;
        let fate = self.all.entry(deed.version).or_default();
        fate.path = deed.path.clone();
        fate.last = self.deeds;
        if deed.act == Act::Wrote {
            fate.first.get_or_insert(self.deeds);
        }
        // All empty files are one version.
        let is_empty = deed.version == ContentId::of(b"");
        fate.copied |= is_empty;
        if matches!(deed.act, Act::Wrote | Act::Moved) {
            let at = (device, deed.path.clone());
            let last = match is_empty {
                true => self.last_at.get(&at).copied(),
                false => self.last_at.insert(at, deed.version),
            };
            fate.before.extend(last.filter(|last| *last != deed.version));
        }
        match deed.act {
            Act::Wrote => {
                fate.copied |= !fate.written.is_empty();
                fate.written.push(device);
                let made = (device, deed.path.clone());
                fate.made_at.extend(self.empty.take(&made).map(|(_, path)| path));
            }
            Act::Moved => {
                fate.moved_by.insert(device);
                if deed.version == ContentId::of(b"") {
                    let movers = self.empty_moved_by.entry(deed.path.clone()).or_default();
                    movers.insert(device);
                }
            }
            Act::Destroyed => {
                fate.destroyed_by.insert(device);
                // Many programs save so: what is made there next comes of it.
                self.last_at.insert((device, deed.path.clone()), deed.version);
            }
            Act::Dropped => {
                fate.copied = true;
                fate.dropped_by.insert(device);
            }
            Act::Linked => fate.copied = true,
            Act::MovedDirectory | Act::Made => {}
        }
    }

    /// A user took its deletion back, or said that it is meant. `forgets`: it may be forgotten before it
    /// comes back.
    pub fn answered(&mut self, version: ContentId, device: usize, answer: Answer, forgets: bool) {
        let Some(fate) = self.all.get_mut(&version) else { return };
        match answer {
            Answer::Approve => {
                // The answer before was lost.
                fate.destroyed_by.extend(fate.taken_back_by.take(&device));
            }
            Answer::Undo => {
                if !forgets && fate.destroyed_by.remove(&device) {
                    fate.taken_back_by.insert(device);
                }
                // It may have been renamed, with no event that told: then it is there, too.
                fate.copied = true;
            }
        }
    }

    /// A user made a file, or one empty, with nothing in it yet (and never, if the disk is full).
    pub fn made(&mut self, device: usize, path: &RelPath) {
        self.all.entry(ContentId::of(b"")).or_default().copied = true;
        self.empty.insert((device, path.clone()));
    }

    /// These were deleted in the midst of a change whose engine died.
    pub fn half_deleted(&mut self, versions: impl IntoIterator<Item = ContentId>) {
        for version in versions {
            self.all.entry(version).or_default().half_deleted = true;
        }
    }

    /// A power cut or a backup took versions from their names, and brought some back.
    pub fn power_cut(
        &mut self,
        device: usize,
        (before, after): (&[Stood], &[Stood]),
        history: &BTreeSet<ContentId>,
    ) {
        let [was, is] = [before, after].map(|list| {
            let names = list.iter().filter_map(|stood| Some((stood.version?, &stood.path)));
            names.collect::<BTreeSet<_>>()
        });
        // What still stands elsewhere may give way there to what came of it.
        for (lost, _) in was.difference(&is) {
            let fate = self.all.entry(*lost).or_default();
            fate.lost_power |= !history.contains(lost);
            fate.rolled_back |= history.contains(lost);
        }
        // What another file is at its name comes back, too.
        let was_so = |stood: &&Stood| {
            before.iter().any(|was| was.path == stood.path && was.stamp.inode == stood.stamp.inode)
        };
        let others = after.iter().filter(|stood| !was_so(stood));
        let others = others.filter_map(|stood| Some((stood.version?, &stood.path)));
        let back: BTreeSet<_> = is.difference(&was).copied().chain(others).collect();
        for (back, _) in back {
            let fate = self.all.entry(back).or_default();
            fate.last = self.deeds;
            if was.iter().all(|(version, _)| *version != back) {
                fate.written.push(device);
            }
        }
        for (version, _) in is {
            self.all.entry(version).or_default().moved_by.insert(POWER);
        }
    }

    /// Whether anyone but this user moved a version, one that it came of, or one that came of those:
    /// whoever moves his own version of a file moves the file.
    pub fn moved_by_others(&self, version: ContentId, user: usize) -> bool {
        let mut seen = BTreeSet::from([version]);
        let mut open = vec![version];
        while let Some(version) = open.pop() {
            let Some(fate) = self.all.get(&version) else { continue };
            let empty = fate.made_at.iter().filter_map(|path| self.empty_moved_by.get(path));
            // What came of nothing that is known may have come of any empty file.
            let any = self.empty_moved_by.values().filter(|_| fate.before.is_empty());
            let mut movers = fate.moved_by.iter().chain(empty.chain(any).flatten());
            if movers.any(|mover| *mover != user) {
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

    /// Whether one version, which nobody has done away with, came of another, which nobody has brought
    /// back to a name since.
    pub fn left_behind(&self, newer: ContentId, older: ContentId) -> bool {
        let (Some(new), Some(old)) = (self.all.get(&newer), self.all.get(&older)) else {
            return false;
        };
        !old.copied
            && new.destroyed_by.is_empty()
            && new.first.is_some_and(|first| old.last < first)
            && self.came_of(newer, older)
    }

    fn came_of(&self, newer: ContentId, older: ContentId) -> bool {
        older != newer && self.line_of(newer).contains(&older)
    }

    /// A version, and all that it came of.
    fn line_of(&self, version: ContentId) -> BTreeSet<ContentId> {
        let mut line = BTreeSet::from([version]);
        let mut open = vec![version];
        while let Some(fate) = open.pop().and_then(|version| self.all.get(&version)) {
            open.extend(fate.before.iter().filter(|before| line.insert(**before)));
        }
        line
    }

    /// What a late writer wrote to these, and was not synced, may be lost.
    pub fn lost_power(&mut self, versions: &[ContentId]) {
        for version in versions {
            self.all.entry(*version).or_default().lost_power = true;
        }
    }

    /// Whether users of two devices moved a version, or what it came of, and one wrote a new one at its
    /// old name, or did away with it: what one takes for a move, the other may take for a save, and what
    /// one has deleted stays where each of the others has moved it.
    pub fn is_forked(&self, version: ContentId) -> bool {
        let line = self.line_of(version);
        let fates = || line.iter().filter_map(|version| self.all.get(version));
        let movers: BTreeSet<usize> = fates().flat_map(|fate| &fate.moved_by).copied().collect();
        let gone = fates().any(|fate| !fate.destroyed_by.is_empty() || !fate.dropped_by.is_empty());
        let saved_anew = || self.all.values().any(|fate| fate.before.contains(&version));
        movers.len() > 1 && (gone || saved_anew())
    }

    /// It stood there when a user changed that: what is there then comes of it.
    pub fn stood(&mut self, device: usize, path: RelPath, version: ContentId) {
        self.last_at.insert((device, path), version);
    }

    /// An engine changed a disk: what a user writes there then comes of what it put there.
    pub fn changed(&mut self, device: usize, change: &Change, done: bool) {
        match change {
            Change::PlaceFile { at, content, .. } if content.size > 0 => {
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
            .filter(|((of, at), _)| *of == device && at.is_within(from))
            .map(|((_, at), version)| {
                let rest = &at.names()[from.names().len()..];
                (RelPath::new([to.names(), rest].concat()), *version)
            })
            .collect();
        self.last_at.extend(inside.into_iter().map(|(at, version)| ((device, at), version)));
    }
}
