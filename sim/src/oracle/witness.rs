//! The record of a run: what users did to which version, and what the engines did about it.

use std::collections::{BTreeMap, BTreeSet};

use onefold_core::disk::Change;
use onefold_core::hash::ContentId;
use onefold_core::id::Seq;
use onefold_core::name::RelPath;
use onefold_core::node::Body;
use onefold_core::operation::{Commit, Cursor, Entry, Step};
use onefold_core::protocol::MergeReason;

use crate::disk::Disk;
use crate::disk::user::{Act, Deed, target_version};
use crate::story::Story;
use crate::words;

use super::tree::Tree;
use super::{Broken, Tally, rules};

/// A temporary file that was gone sooner may not have left its device, in milliseconds.
const TEMPORARY_MS: u64 = 60;

/// What became of a version.
#[derive(Clone, Debug, Default)]
pub struct Fate {
    /// Who wrote it, and how often it was written (more than once: it was copied).
    pub written: Vec<usize>,
    /// Who changed, replaced or deleted it while it was on his disk.
    pub destroyed_by: BTreeSet<usize>,
    /// Who moved it, or what it is in.
    pub moved_by: BTreeSet<usize>,
    /// It stood at more than one path by a user's will.
    pub copied: bool,
    /// A power cut took it from a disk.
    pub lost_power: bool,
    /// Where it was last seen, for people.
    pub path: RelPath,
    /// The versions that stood at its path before it.
    pub before: BTreeSet<ContentId>,
}

/// Lives of a temporary name on a device.
#[derive(Clone, Copy, Debug, Default)]
struct Lives {
    since_ms: Option<u64>,
    longest_ms: u64,
}

/// What a device's user did since all was quiet, and how his disk looked after it.
#[derive(Clone, Debug, Default)]
pub struct Epoch {
    /// How many deeds of each device.
    pub deeds: Vec<u64>,
    /// Something happened that may rightly spoil the rule.
    pub spoiled: bool,
    /// The last actor's disk after his last deed.
    pub last: Option<(usize, Tree)>,
}

/// The record of a run.
#[derive(Debug, Default)]
pub struct Witness {
    /// All versions.
    pub versions: BTreeMap<ContentId, Fate>,
    /// All contents and targets that the journal ever held.
    pub history: BTreeSet<ContentId>,
    /// The last entry seen.
    pub cursor: Option<Cursor>,
    /// All entries.
    pub entries: Vec<Entry>,
    /// Since all was quiet.
    pub epoch: Epoch,
    /// Deeds of users, all in all.
    pub deeds: u64,
    /// The devices whose users did anything.
    pub actors: BTreeSet<usize>,
    /// The devices whose users moved directories: what is in them they keep.
    pub directory_movers: BTreeSet<usize>,
    /// Both sides had to be merged for a reason other than a first join.
    pub merged: bool,
    /// A user made a second name for a file.
    pub has_links: bool,
    /// Each user keeps to a directory of his own.
    pub apart: bool,
    /// How many late writers' versions had to be brought back.
    pub rescues: u64,
    /// How often each rule had something to judge.
    pub tally: Tally,
    last_at: BTreeMap<(usize, RelPath), ContentId>,
    temporary: BTreeMap<(usize, RelPath), Lives>,
    read: BTreeSet<(usize, RelPath)>,
    halted: Option<String>,
    blind: BTreeSet<usize>,
    calm: Option<(&'static str, Vec<String>)>,
}

impl Witness {
    /// An empty record, for so many devices; `apart`: each user keeps to a directory of his own.
    pub fn new(devices: usize, apart: bool) -> Self {
        let epoch = Epoch { deeds: vec![0; devices], ..Epoch::default() };
        Self { epoch, apart, ..Self::default() }
    }

    /// Begins to record anew, when all is quiet; what was recorded since the last time.
    pub fn begin_epoch(&mut self) -> Epoch {
        let deeds = vec![0; self.epoch.deeds.len()];
        std::mem::replace(&mut self.epoch, Epoch { deeds, ..Epoch::default() })
    }

    /// A user made a call; how his disk looks, if his program is done.
    pub fn user_called(&mut self, device: usize, left: Option<Tree>) {
        self.epoch.deeds[device] += 1;
        self.epoch.last = left.map(|tree| (device, tree)).or(self.epoch.last.take());
    }

    /// Late writers' versions were brought back beside what had taken their place.
    pub fn rescued(&mut self, count: usize) {
        self.rescues += count as u64;
        self.epoch.spoiled |= count > 0;
    }

    /// A user did these.
    pub fn deeds(&mut self, device: usize, _now_ms: u64, deeds: &[Deed]) {
        for deed in deeds {
            self.deeds += 1;
            self.actors.insert(device);
            self.has_links |= deed.act == Act::Linked;
            match deed.act {
                // Even with nothing in it, it can meet another user's.
                Act::Made => continue,
                Act::MovedDirectory => {
                    self.directory_movers.insert(device);
                    continue;
                }
                _ => {}
            }
            let fate = self.versions.entry(deed.version).or_default();
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
                Act::MovedDirectory | Act::Made => {}
                Act::Moved => {
                    fate.moved_by.insert(device);
                }
                Act::Destroyed => {
                    fate.destroyed_by.insert(device);
                }
                Act::Dropped | Act::Linked => fate.copied = true,
            }
        }
    }

    /// A power cut took and brought back versions.
    pub fn power_cut(
        &mut self,
        device: usize,
        before: &[(RelPath, ContentId)],
        after: &[(RelPath, ContentId)],
    ) {
        self.epoch.spoiled = true;
        for ((_, _), lives) in self.temporary.iter_mut().filter(|((of, _), _)| *of == device) {
            lives.longest_ms = u64::MAX;
        }
        let set = |list: &[(RelPath, ContentId)]| -> BTreeSet<ContentId> {
            list.iter().map(|(_, version)| *version).collect()
        };
        let (before, after) = (set(before), set(after));
        for lost in before.difference(&after) {
            self.versions.entry(*lost).or_default().lost_power = true;
        }
        for back in after.difference(&before) {
            let fate = self.versions.entry(*back).or_default();
            fate.written.push(device);
            fate.moved_by.insert(usize::MAX);
        }
        for version in &after {
            self.versions.entry(*version).or_default().moved_by.insert(usize::MAX);
        }
    }

    /// A temporary name is there, or is not.
    pub fn temporary(&mut self, device: usize, path: &RelPath, there: bool, now_ms: u64) {
        let lives = self.temporary.entry((device, path.clone())).or_default();
        match (lives.since_ms, there) {
            (None, true) => lives.since_ms = Some(now_ms),
            (Some(since), false) => {
                lives.longest_ms = lives.longest_ms.max(now_ms - since);
                lives.since_ms = None;
            }
            (None, false) | (Some(_), true) => {}
        }
    }

    /// Whether anyone but this user moved a version, one that it came of, or one that came of those:
    /// whoever moves his own version of a file moves the file.
    pub fn moved_by_others(&self, version: ContentId, user: usize) -> bool {
        let mut seen = BTreeSet::from([version]);
        let mut open = vec![version];
        while let Some(version) = open.pop() {
            let Some(fate) = self.versions.get(&version) else { continue };
            if fate.moved_by.iter().any(|mover| *mover != user) {
                return true;
            }
            open.extend(fate.before.iter().filter(|before| seen.insert(**before)));
            if version != ContentId::of(b"") {
                let came_of_it =
                    self.versions.iter().filter(|(_, of)| of.before.contains(&version));
                open.extend(
                    came_of_it.map(|(later, _)| *later).filter(|later| seen.insert(*later)),
                );
            }
        }
        false
    }

    /// Temporary names that were gone too soon for anyone to have sent them.
    pub fn fleeting(&self) -> impl Iterator<Item = &(usize, RelPath)> {
        let short = |lives: &Lives| lives.since_ms.is_none() && lives.longest_ms < TEMPORARY_MS;
        // Entries tell names, not paths: the same name in another directory must be as short-lived.
        let namesakes_too = move |(device, path): &(usize, RelPath)| {
            let same = |at: &RelPath| at.names().last() == path.names().last();
            (self.temporary.iter())
                .filter(|((of, at), _)| of == device && same(at))
                .all(|(_, lives)| short(lives))
        };
        self.temporary.keys().filter(move |key| namesakes_too(key))
    }

    /// An engine read a file.
    pub fn read(&mut self, device: usize, path: &RelPath, _version: ContentId) {
        self.read.insert((device, path.clone()));
    }

    /// Whether an engine ever read a file at a path.
    pub fn was_read(&self, device: usize, path: &RelPath) -> bool {
        self.read.contains(&(device, path.clone()))
    }

    /// An engine sent a commit.
    pub fn commits(&mut self, device: usize, commit: &Commit) {
        if let Some((_, happened)) = &mut self.calm {
            happened.push(format!("device {device} commits {:?}", commit.operations));
        }
    }

    /// An engine was killed in the middle of a change, which may have been done.
    pub fn killed_in_change(&mut self, device: usize, change: &Change) {
        if let Change::Rename { from, to, .. } = change {
            self.renamed(device, from, to);
        }
    }

    /// An engine changed a disk: what it displaced must be in the history.
    pub fn changed(
        &mut self,
        device: usize,
        change: &Change,
        done: bool,
        disk: &mut Disk,
    ) -> Result<(), Broken> {
        if let Some((_, happened)) = self.calm.as_mut().filter(|_| done) {
            happened.push(format!("device {device} changes its disk: {change:?}"));
        }
        match change {
            Change::PlaceFile { at, content, .. } => {
                self.last_at.insert((device, at.clone()), content.id);
            }
            // What a user writes there then comes of what stood at the old name.
            Change::Rename { from, to, .. } if done => self.renamed(device, from, to),
            Change::Exchange { first, second, .. } if done => {
                let one = self.last_at.get(&(device, first.clone())).copied();
                self.renamed(device, second, first);
                self.last_at.extend(one.map(|one| ((device, second.clone()), one)));
            }
            _ => {}
        }
        for (path, version) in disk.take_displaced() {
            self.tally.judged(rules::ONLY_HISTORY, 1);
            if !self.history.contains(&version) {
                let fate = self.versions.get(&version);
                return Err(Broken::new(
                    rules::ONLY_HISTORY,
                    format!("device {device}: {path} was displaced; {fate:?}"),
                ));
            }
        }
        Ok(())
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

    /// An engine stopped for good.
    pub fn halted(&mut self, device: usize, why: &str) {
        self.halted.get_or_insert(format!("device {device}: {why}"));
    }

    /// Why an engine stopped for good, if one did.
    pub fn halt(&self) -> Option<&str> {
        self.halted.as_deref()
    }

    /// An engine merges both sides.
    pub fn merging(&mut self, reason: MergeReason) {
        self.merged |= reason != MergeReason::FirstJoin;
    }

    /// A device lost its network.
    pub fn went_offline(&mut self, _device: usize) {}

    /// A device's watcher lost something.
    pub fn blinded(&mut self, device: usize) {
        self.blind.insert(device);
    }

    /// Whether a watcher lost something that no rescan has found yet, as far as is known.
    pub fn is_blind(&self) -> bool {
        !self.blind.is_empty()
    }

    /// All watchers were told to look at everything.
    pub fn healed(&mut self) {
        self.blind.clear();
    }

    /// The server came back with an older journal: these entries are all that it ever had.
    pub fn restored(&mut self, entries: Vec<(Entry, Cursor)>) {
        self.cursor = entries.last().map(|(_, cursor)| *cursor);
        self.entries = entries.into_iter().map(|(entry, _)| entry).collect();
        self.merged = true;
        self.epoch.spoiled = true;
    }

    /// From now on no engine may send or change anything, by this rule.
    pub fn nothing_more_may_happen(&mut self, rule: &'static str) {
        self.calm = Some((rule, Vec::new()));
    }

    /// Nothing did happen.
    pub fn nothing_happened(&mut self) -> Result<(), Broken> {
        self.calm.iter().for_each(|(rule, _)| self.tally.judged(rule, 1));
        match self.calm.take() {
            Some((rule, happened)) if !happened.is_empty() => {
                Err(Broken::new(rule, happened.join("; ")))
            }
            Some(_) | None => Ok(()),
        }
    }

    /// The journal has these new entries: gapless, and chained.
    pub fn journal_grew(
        &mut self,
        entries: Vec<(Entry, Cursor)>,
        story: &mut Story,
    ) -> Result<(), Broken> {
        let mut cursor = self.cursor.unwrap_or(Cursor::START);
        for (entry, stored) in entries {
            self.tally.judged(rules::CHAINED, 1);
            let whole = cursor.after(&entry);
            if entry.seq != Seq::next(cursor.seq) || whole != stored {
                let what = format!("{entry:?} after {cursor:?}");
                return Err(Broken::new(rules::CHAINED, what));
            }
            story.say(|| format!("server: {}", words::entry(&entry)));
            self.remember(&entry);
            self.entries.push(entry);
            cursor = stored;
        }
        self.cursor = Some(cursor);
        Ok(())
    }

    fn remember(&mut self, entry: &Entry) {
        for step in &entry.operation.steps {
            self.history.extend(step.content().map(|content| content.id));
            match step {
                Step::Retarget { target, .. }
                | Step::Create { body: Body::Symlink(target), .. } => {
                    self.history.insert(target_version(target));
                }
                _ => {}
            }
        }
    }
}
