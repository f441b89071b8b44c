//! The record of a run: what users did, what the engines were shown and did, what the journal holds.
//!
//! A world tells it everything that happens, in order. Rules that hold at any instant are judged right
//! then; the first that breaks is kept in [`Witness::broken`], which a world looks at after each step.

use std::collections::{BTreeMap, BTreeSet};

use onefold_core::client::event::{Effect, Event};
use onefold_core::client::saved::Saved;
use onefold_core::client::{Answer, Checked};
use onefold_core::disk::Change;
use onefold_core::hash::ContentId;
use onefold_core::id::{DeviceId, NodeId};
use onefold_core::name::Name;
use onefold_core::node::Body;
use onefold_core::operation::{Cursor, Entry};
use onefold_core::protocol::{ClientMessage, MergeReason};

use crate::disk::guard::Changed;
use crate::disk::user::{Act, Deed, placed_version, target_version};
use crate::disk::{Disk, Form};
use crate::story::Story;

use super::deed::{self, Stood, Under};
use super::divergence::Divergence;
use super::epoch::Epoch;
use super::moving::Moving;
use super::shadow::Shadow;
use super::sight::Sight;
use super::temporary::Temporary;
use super::tree::{self, Tree};
use super::unsaved::Unsaved;
use super::versions::Versions;
use super::{Broken, Tally, rules};

mod journal;

/// The record of a run.
#[derive(Debug, Default)]
pub struct Witness {
    /// All versions.
    pub versions: Versions,
    /// All contents and targets that the journal ever held.
    pub history: BTreeSet<ContentId>,
    /// The last entry seen.
    pub cursor: Option<Cursor>,
    /// All entries.
    pub entries: Vec<Entry>,
    /// Which devices ever gave a name, also by journals that are lost.
    pub namers: BTreeMap<Name, BTreeSet<DeviceId>>,
    /// The tree that they make.
    pub shadow: Shadow,
    /// Since all was quiet.
    pub epoch: Epoch,
    /// Since everyone had everything.
    pub divergence: Divergence,
    /// Deeds of users, all in all.
    pub deeds: u64,
    /// The devices whose users did anything.
    pub actors: BTreeSet<usize>,
    /// The devices whose users moved directories: what is in them they keep.
    pub directory_movers: BTreeSet<usize>,
    /// Both sides had to be merged for a reason other than a first join.
    pub merged: bool,
    /// An engine went on from an older state than it had saved.
    pub old_memory: bool,
    /// A user made something that is not synced, or ignores a name: what that stands for is unknown
    /// while it is there, and comes back when it goes.
    pub had_unknown: bool,
    /// A watcher lost something: a move may have been seen as a deletion, and later as a new file.
    pub half_seen: bool,
    /// A user took back deletions: what he had put at their names meanwhile gives way.
    pub took_back: bool,
    /// A user made a second name for a file.
    pub has_links: bool,
    /// Each user keeps to a directory of his own.
    pub apart: bool,
    /// How many late writers' versions had to be brought back.
    pub rescues: u64,
    /// Names that users' programs make and remove again.
    pub temporary: Temporary,
    /// How often each rule had something to judge.
    pub tally: Tally,
    /// The first rule that broke on the way.
    pub broken: Option<Broken>,
    sights: Vec<Sight>,
    unsaved: Vec<Unsaved>,
    under: Option<Under>,
    halted: Option<String>,
    blind: BTreeSet<usize>,
    calm: Option<(&'static str, Vec<String>)>,
}

impl Witness {
    /// An empty record, for so many devices; `apart`: each user keeps to a directory of his own.
    pub fn new(devices: usize, apart: bool) -> Self {
        let epoch = Epoch { deeds: vec![0; devices], ..Epoch::default() };
        let (sights, unsaved) =
            (vec![Sight::default(); devices], vec![Unsaved::default(); devices]);
        Self { epoch, apart, sights, unsaved, ..Self::default() }
    }

    /// A user took back the deletion of these, or said that it is meant (also where an answer that he
    /// gave before was lost). `forgets`: the server may have forgotten them before they come back.
    pub fn answered<'a>(
        &mut self,
        device: usize,
        answer: Answer,
        bodies: impl Iterator<Item = &'a Body>,
        forgets: bool,
    ) {
        if answer == Answer::Undo {
            self.took_back = true;
            self.spoil();
        }
        for body in bodies {
            let version = match body {
                Body::Directory => continue,
                Body::File { content, .. } => content.id,
                Body::Symlink(target) => target_version(target),
            };
            self.versions.answered(version, device, answer, forgets);
        }
    }

    /// The first rule that broke since it was last asked.
    pub fn verdict(&mut self) -> Result<(), Broken> {
        self.broken.take().map_or(Ok(()), Err)
    }

    fn hold(&mut self, judged: Result<(), Broken>) {
        if let Err(broken) = judged {
            self.broken.get_or_insert(broken);
        }
    }

    /// Begins to record anew, when all is quiet; what was recorded since the last time.
    pub fn begin_epoch(&mut self) -> Epoch {
        let deeds = vec![0; self.epoch.deeds.len()];
        std::mem::replace(&mut self.epoch, Epoch { deeds, ..Epoch::default() })
    }

    /// Everyone has everything: what users do from now on, they do knowing it.
    pub fn all_agree(&mut self) {
        let judged = self.divergence.judge(&mut self.tally);
        self.hold(judged);
        self.divergence = Divergence::default();
        self.epoch.agreed = true;
    }

    /// A user made a call; how his disk looks, if his program is done.
    pub fn user_called(&mut self, device: usize, now_ms: u64, left: Option<Tree>) {
        self.epoch.deeds[device] += 1;
        self.epoch.changed_ms = now_ms;
        self.epoch.last = left.map(|tree| (device, tree)).or(self.epoch.last.take());
    }

    /// Late writers' versions were brought back beside what had taken their place.
    pub fn rescued(&mut self, count: usize) {
        self.rescues += count as u64;
        if count > 0 {
            self.spoil();
        }
    }

    /// What is not users' doing makes versions differ.
    pub fn spoil(&mut self) {
        self.epoch.spoiled = true;
        self.epoch.moving = None;
        self.divergence.spoil();
    }

    /// A user did these, with one call.
    pub fn deeds(&mut self, device: usize, deeds: &[Deed]) {
        if deeds.is_empty() {
            return;
        }
        let first = self.epoch.agreed && self.epoch.deeds.iter().sum::<u64>() == 0;
        self.epoch.moving = Moving::read(deeds).filter(|_| first && !self.is_blind());
        self.divergence.deeds(device, deeds);
        if let Some(under) = &mut self.under {
            under.disturb(deeds);
        }
        if self.has_links || deeds.iter().any(|deed| deed.act == Act::Linked) {
            // What is done to one name is done to others.
            self.divergence.spoil();
        }
        // What is moved has a new name, also if it is moved back.
        let any = |act| deeds.iter().any(|deed| deed.act == act);
        self.epoch.moved |= any(Act::Moved);
        self.epoch.gone |= any(Act::Destroyed);
        self.epoch.names += u64::from(any(Act::Moved));
        for deed in deeds {
            self.deeds += 1;
            self.actors.insert(device);
            self.has_links |= deed.act == Act::Linked;
            if self.unsaved[device].deed(deed) {
                self.versions.half_deleted([deed.version]);
            }
            match deed.act {
                // Even with nothing in it, it can meet another user's.
                Act::Made => {
                    self.epoch.names += 1;
                    self.versions.made(device, &deed.path);
                }
                Act::MovedDirectory => {
                    self.temporary.moved(device, &deed.path);
                    self.directory_movers.insert(device);
                }
                _ => self.versions.deed(device, deed),
            }
        }
    }

    /// Cuts a disk's power (see [`Disk::cut_power`]).
    pub fn cut_power(&mut self, device: usize, disk: &mut Disk, back: usize, torn: bool) {
        self.spoil();
        self.temporary.may_be_sent(device);
        let kept: Vec<_> = disk.kept_versions().collect();
        let before = Self::standing(disk);
        disk.cut_power(back, torn);
        let after = Self::standing(disk);
        let judged = self.sights[device].after_power_cut(&before, &after, &mut self.tally);
        self.hold(judged);
        self.versions.power_cut(device, (&before, &after), &self.history);
        self.versions.lost_power(&kept);
    }

    /// A backup brought back the past: what was deleted comes back, and so much is done anew.
    pub fn brought_back(&mut self, deeds: usize) {
        self.merged = true;
        self.rescues += 1;
        self.spoil();
        self.deeds += deeds as u64;
    }

    /// An engine goes on from an older state than it had saved.
    pub fn forgot(&mut self) {
        self.old_memory = true;
        self.brought_back(0);
    }

    /// A disk is what it once was, or what another is.
    pub fn disk_replaced(&mut self, device: usize, before: &[Stood], after: &[Stood]) {
        self.temporary.may_be_sent(device);
        self.versions.power_cut(device, (before, after), &self.history);
        self.brought_back(before.len() + after.len());
    }

    /// A machine is a copy of another from now on.
    pub fn copied(&mut self, of: usize, device: usize) {
        self.temporary.copied(of, device);
        let copied = self.sights[of].clone();
        self.sights[device].copied(copied);
    }

    /// An engine starts from what was saved.
    pub fn started(&mut self, device: usize, saved: &Saved) {
        self.versions.half_deleted(self.unsaved[device].died());
        self.sights[device].started(saved);
    }

    /// An engine asks for something.
    pub fn asked(&mut self, device: usize, effect: &Effect) {
        if let (Effect::Send(ClientMessage::Commit(commit)), Some((_, happened))) =
            (effect, &mut self.calm)
        {
            happened.push(format!("device {device} commits {:?}", commit.operations));
        }
        self.unsaved[device].asked(effect);
        let judged = self.sights[device].asked(effect, &mut self.tally);
        self.hold(judged);
    }

    /// An engine hears something.
    pub fn heard(&mut self, device: usize, event: &Event) {
        self.sights[device].heard(event);
        self.unsaved[device].heard(event);
    }

    /// An engine checked its own invariants.
    pub fn checked(&mut self, device: usize, checked: Result<Checked, String>) {
        let Checked { nodes, here, inodes, contents, there } = match checked {
            Ok(checked) => checked,
            Err(what) => {
                let what = format!("device {device}: {what}");
                return self.hold(Err(Broken::new(rules::OWN_INVARIANTS, what)));
            }
        };
        let counts = [nodes, here, inodes, contents, there];
        let own = [rules::IN_A_TREE, rules::HERE, rules::OWN_FILE, rules::OWN_SIZE, rules::THERE];
        own.into_iter().zip(counts).for_each(|(rule, count)| self.tally.judged(rule, count));
    }

    /// An engine's change of a disk begins.
    pub fn change_begins(&mut self, device: usize, node: NodeId, change: &Change, disk: &Disk) {
        // A lost event may be of where it is now, and so may what happened where nobody could look.
        let unseen = self.half_seen || self.blind.contains(&device);
        let sight = (!unseen).then(|| &self.sights[device]);
        match Under::begin(disk, sight, node, change, &mut self.tally) {
            Ok(under) => self.under = Some(under),
            Err(broken) => self.hold(Err(broken)),
        }
    }

    /// An instant of a change: what any program sees under its names right now.
    pub fn at_moment(&mut self, device: usize, disk: &Disk) {
        let judged = self.sees_whole_versions(disk);
        self.hold(judged);
        if let Some(moving) = &self.epoch.moving
            && self.epoch.deeds[device] == 0
            // There, something in it may be parked.
            && !disk.traits.folding.folds()
        {
            let judged = moving.check(&tree::of_disk(disk).0, &mut self.tally);
            self.hold(judged);
        }
    }

    fn sees_whole_versions(&mut self, disk: &Disk) -> Result<(), Broken> {
        let names = disk.names();
        self.tally.judged(rules::WHOLE, names.len());
        for (name, number) in names {
            let form = &disk.inode(number).form;
            let version = crate::disk::user::version(form).filter(|_| !matches!(form, Form::Fifo));
            if let Some(version) = version.filter(|version| !self.versions.is_known(*version)) {
                return Err(Broken::new(rules::WHOLE, format!("{name:?}: {version:?}")));
            }
        }
        Ok(())
    }

    /// A user acted within a change of this disk.
    pub fn user_disturbs(&mut self, device: usize, disk: &mut Disk, story: &mut Story) {
        if let Some(under) = &mut self.under {
            under.disturb(&[]);
        }
        let deeds = disk.take_deeds();
        story.hash(&deeds);
        self.divergence.disturbed(&deeds);
        self.deeds(device, &deeds);
    }

    /// An engine's change has ended; without a result its process has, and it may have been done.
    pub fn changed(
        &mut self,
        device: usize,
        change: &Change,
        result: Option<&Changed>,
        disk: &mut Disk,
    ) {
        let done = result.is_none_or(Result::is_ok);
        if let Some((_, happened)) = self.calm.as_mut().filter(|_| done) {
            happened.push(format!("device {device} changes its disk: {change:?}"));
        }
        self.versions.changed(device, change, done);
        if done {
            self.unsaved[device].changed(change);
        }
        if let Change::Rename { from, .. } = change {
            self.temporary.moved(device, from);
        }
        self.at_moment(device, disk);
        for (path, version) in disk.displaced() {
            self.tally.judged(rules::ONLY_HISTORY, 1u64);
            if !self.history.contains(version) {
                let fate = self.versions.all.get(version);
                let what = format!("device {device}: {path} was displaced; {fate:?}");
                self.broken.get_or_insert(Broken::new(rules::ONLY_HISTORY, what));
            }
        }
        if let Some(under) = self.under.take() {
            for gone in under.destroyed() {
                // What was placed and taken back is placed again, beside what was made of it.
                let may_come_again = result
                    .is_none_or(|result| result.is_err() && placed_version(change) == Some(gone));
                if may_come_again {
                    self.versions.half_deleted([gone]);
                } else {
                    self.unsaved[device].gone(gone);
                }
            }
            let judged = under.end(disk, &self.sights[device], change, result, &mut self.tally);
            self.hold(judged);
        }
    }

    /// What a power cut is told by.
    pub fn standing(disk: &Disk) -> Vec<Stood> {
        deed::stood(disk)
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
        if reason != MergeReason::FirstJoin {
            self.merged = true;
            self.divergence.spoil();
        }
        if reason == MergeReason::ClonedDevice {
            // What one of the copies deleted since its last turn comes back.
            self.spoil();
        }
    }

    /// A device's watcher lost something.
    pub fn blinded(&mut self, device: usize) {
        self.half_seen = true;
        self.blind.insert(device);
        // It may have been of the end of what was there for a moment only.
        self.temporary.may_be_sent(device);
        // Where it went may not be seen for long: it is as good as gone.
        self.epoch.moving = None;
    }

    /// Whether a watcher lost something that no rescan has found yet, as far as is known.
    pub fn is_blind(&self) -> bool {
        !self.blind.is_empty()
    }

    /// All watchers were told to look at everything.
    pub fn healed(&mut self) {
        self.blind.clear();
    }

    /// From now on no engine may send or change anything, by this rule.
    pub fn nothing_more_may_happen(&mut self, rule: &'static str) {
        self.calm = Some((rule, Vec::new()));
    }

    /// Nothing did happen.
    pub fn nothing_happened(&mut self) -> Result<(), Broken> {
        self.calm.iter().for_each(|(rule, _)| self.tally.judged(rule, 1u64));
        match self.calm.take() {
            Some((rule, happened)) if !happened.is_empty() => {
                Err(Broken::new(rule, happened.join("; ")))
            }
            Some(_) | None => Ok(()),
        }
    }
}
