//! What each engine was shown of its disk, and what it may therefore do.
//!
//! Told of every effect and every event of an engine, this knows what its last look at each directory
//! showed, what it read of which file, which inode each node last was, and what it has saved:
//!
//! - a deletion is sent only for what the last look showed to be absent;
//! - nothing is sent, and nothing placed or removed, for a node that is not saved.

use std::collections::{BTreeMap, BTreeSet};

use onefold_core::blob::Blob;
use onefold_core::client::event::{Effect, Event, TaskId};
use onefold_core::client::record::Record;
use onefold_core::client::saved::Saved;
use onefold_core::disk::{Change, DiskError, Form, Inode, Listing, Names, Seen, Stamp};
use onefold_core::hash::ContentId;
use onefold_core::id::{CommitKey, DeviceId, NodeId};
use onefold_core::name::{Name, RelPath};
use onefold_core::node::{Kind, Place};
use onefold_core::operation::{Commit, Step};
use onefold_core::protocol::{ClientMessage, ServerMessage};
use onefold_core::time::FileTime;

use crate::disk::user::{placed_version, target_version};

use super::deed::Stood;
use super::{Broken, Tally, rules};

/// What tells a version on a disk, as an engine knows it.
type Look = (Inode, u64, FileTime);

/// Where an engine last had a node.
#[derive(Clone, Debug)]
struct Here {
    place: Place,
    inode: Inode,
}

/// What stood at a name; no kind: something that is not synced.
type Standing = (Inode, Option<Kind>);

/// What the last looks at a directory showed, and which look it was.
#[derive(Clone, Debug, Default)]
struct Shown {
    /// The last one that listed all of it.
    whole: Option<u64>,
    names: BTreeMap<Name, (u64, Option<Standing>)>,
}

impl Shown {
    /// What stood at a name, if it is known.
    fn get(&self, name: &Name) -> Option<(u64, Option<Standing>)> {
        self.names.get(name).copied().or(self.whole.map(|at| (at, None)))
    }
}

/// What one engine knows of its disk.
#[derive(Clone, Debug, Default)]
pub struct Sight {
    asked: BTreeMap<TaskId, Effect>,
    /// By which directory it is, wherever it is.
    dirs: BTreeMap<Inode, Shown>,
    /// Where an inode was shown last, and by which look.
    shown_at: BTreeMap<Inode, (u64, Inode, Name)>,
    root: Option<Inode>,
    looks: u64,
    read: BTreeMap<Look, ContentId>,
    placed: BTreeMap<Look, ContentId>,
    here: BTreeMap<NodeId, Here>,
    /// Nodes that it had here, and that are not here by what it started from, as a power cut took
    /// that; and those that it removed: another name of the same file is another node.
    forgotten: BTreeSet<NodeId>,
    /// Nodes that it rightly believed to be gone. What it has found since where it could not look
    /// before may be one of them, and is a new node.
    gone: BTreeSet<NodeId>,
    saved: BTreeSet<NodeId>,
    sent: BTreeSet<CommitKey>,
    device: Option<DeviceId>,
    /// Nodes that the device made by entries of its own, whether or not it ever had them, and that
    /// it placed, though a user may have done away with them before that was saved.
    made: BTreeSet<NodeId>,
}

fn look(stamp: &Stamp) -> Look {
    (stamp.inode, stamp.size, stamp.mtime)
}

impl Sight {
    /// The engine starts, from what was saved; it has seen nothing yet.
    pub fn started(&mut self, saved: &Saved) {
        self.asked.clear();
        self.dirs.clear();
        self.shown_at.clear();
        self.saved = saved.records.iter().map(|(node, _)| *node).collect();
        self.forgotten = self.here.keys().copied().collect();
        // What was saved may come from another device, or from a backup.
        self.note_records(saved.records.iter().map(|(node, bytes)| (*node, bytes)));
    }

    /// The engine is a copy of another from now on: it had, and made, what that one did.
    pub fn copied(&mut self, other: Self) {
        (self.here, self.made, self.gone) = (other.here, other.made, other.gone);
    }

    /// The engine asks for something.
    pub fn asked(&mut self, effect: &Effect, tally: &mut Tally) -> Result<(), Broken> {
        match effect {
            Effect::Save { id, batch } => {
                let records = batch.records.iter();
                self.note_records(
                    records.filter_map(|(node, bytes)| Some((*node, bytes.as_ref()?))),
                );
                self.asked.insert(*id, effect.clone());
            }
            Effect::Look { id, .. } | Effect::Hash { id, .. } | Effect::HashStart { id, .. } => {
                self.asked.insert(*id, effect.clone());
            }
            Effect::Change { id, node, change } => {
                let keeps = matches!(change, Change::PlaceFile { .. } | Change::Remove { .. });
                if keeps {
                    self.is_saved(*node, effect, tally)?;
                }
                self.asked.insert(*id, effect.clone());
            }
            Effect::Send(ClientMessage::Commit(commit)) => self.commits(commit, tally)?,
            Effect::Upload { .. }
            | Effect::Fetch { .. }
            | Effect::Connect
            | Effect::Disconnect
            | Effect::Send(_)
            | Effect::Report(_) => {}
        }
        Ok(())
    }

    /// The engine hears something.
    pub fn heard(&mut self, event: &Event) {
        match event {
            Event::Received(ServerMessage::Welcome { device, .. }) => self.device = Some(*device),
            Event::Received(ServerMessage::Entries { entries, .. }) => {
                let own = entries.iter().filter(|entry| Some(entry.device) == self.device);
                self.made.extend(own.flat_map(|entry| &entry.operation.steps).map(Step::node));
            }
            _ => {}
        }
        let answered = match event {
            Event::Looked(id, _) | Event::Hashed(id, _) => self.asked.remove(id),
            Event::Changed(id, _) | Event::Saved(id, _) => self.asked.remove(id),
            _ => None,
        };
        match (event, answered) {
            (Event::Looked(_, result), Some(Effect::Look { dir, names, .. })) => {
                self.looked(&dir, &names, result);
            }
            (Event::Hashed(_, Ok(content)), Some(Effect::Hash { stamp, .. })) => {
                self.read.insert(look(&stamp), content.id);
            }
            (Event::Changed(_, Ok(Some(stamp))), Some(Effect::Change { node, change, .. })) => {
                self.made.insert(node);
                let version = placed_version(&change).map(|version| (look(stamp), version));
                self.read.extend(version);
                self.placed.extend(version);
            }
            (
                Event::Changed(_, Ok(_)),
                Some(Effect::Change { node, change: Change::Remove { .. }, .. }),
            ) => {
                self.forgotten.insert(node);
            }
            (Event::Saved(_, Ok(())), Some(Effect::Save { batch, .. })) => {
                for (node, record) in &batch.records {
                    match record {
                        Some(_) => self.saved.insert(*node),
                        None => self.saved.remove(node),
                    };
                }
            }
            _ => {}
        }
    }

    /// A power cut: what the engine placed, and no user wrote to since, is still whole.
    pub fn after_power_cut(
        &self,
        before: &[Stood],
        after: &[Stood],
        tally: &mut Tally,
    ) -> Result<(), Broken> {
        for stood in before.iter().filter(|stood| stood.version.is_some()) {
            let placed = self.placed.get(&look(&stood.stamp)).copied();
            if placed.is_none() || placed != stood.version {
                continue;
            }
            tally.judged(rules::PLACED_LASTS, 1u64);
            let same = |other: &&Stood| other.stamp.inode == stood.stamp.inode;
            if let Some(torn) = after.iter().find(same).filter(|is| is.version != stood.version) {
                return Err(Broken::new(rules::PLACED_LASTS, format!("{stood:?} is {torn:?}")));
            }
        }
        Ok(())
    }

    /// What the engine knows to be in a file that looks like this.
    pub fn believed(&self, stamp: &Stamp) -> Option<ContentId> {
        self.read.get(&look(stamp)).copied()
    }

    /// Whether it was shown a directory since it started.
    pub fn has_looked_into(&self, dir: &Inode) -> bool {
        self.dirs.contains_key(dir)
    }

    /// The inode that a node last was, if the engine knows that, and it is not another node's since.
    pub fn inode(&self, node: NodeId) -> Option<Inode> {
        let lost = self.forgotten.contains(&node) || self.gone.contains(&node);
        let known = self.here.get(&node).filter(|_| !lost);
        let Here { place, inode } = known?;
        let inode = *inode;
        if let Some((_, Some((stands, _)))) = self.shown(place.parent, &place.name)
            && stands != inode
        {
            // A program saved it anew there.
            return None;
        }
        let others = self.here.iter().filter(|(other, _)| **other != node);
        others.into_iter().all(|(_, here)| here.inode != inode).then_some(inode)
    }

    /// What the last look at a directory showed at a name.
    fn shown(&self, dir: NodeId, name: &Name) -> Option<(u64, Option<Standing>)> {
        let dir = match dir {
            NodeId::ROOT => self.root?,
            dir => self.here.get(&dir)?.inode,
        };
        self.dirs.get(&dir)?.get(name)
    }

    fn note_records<'a>(&mut self, records: impl Iterator<Item = (NodeId, &'a Blob)>) {
        for (node, bytes) in records {
            let record: Record = postcard::from_bytes(bytes).expect("engines save records");
            if let Some(is) = record.last_seen() {
                let here = Here { place: is.place.clone(), inode: is.stamp.inode };
                self.here.insert(node, here);
                self.forgotten.remove(&node);
                self.gone.remove(&node);
            } else if self.why_not_absent(node).is_none() {
                self.gone.insert(node);
            }
        }
    }

    fn looked(&mut self, dir: &RelPath, names: &Names, result: &Result<Listing, DiskError>) {
        let listing = match result {
            Ok(listing) => listing,
            Err(DiskError::RootGone(_)) => return self.dirs.clear(),
            // It says nothing of what is in it.
            Err(_) => return,
        };
        if dir.names().is_empty() {
            self.root = Some(listing.inode);
        }
        self.looks += 1;
        let now = self.looks;
        let shown = self.dirs.entry(listing.inode).or_default();
        match names {
            Names::All => *shown = Shown { whole: Some(now), names: BTreeMap::new() },
            Names::Only(names) => {
                shown.names.extend(names.iter().map(|name| (name.clone(), (now, None))));
            }
        }
        for (name, seen) in &listing.names {
            let inode = match seen {
                Seen::Other { stamp, .. } => (stamp.inode, None),
                Seen::Node(found) => {
                    if let Form::Symlink(target) = &found.form {
                        self.read.insert(look(&found.stamp), target_version(target));
                    }
                    let at = (now, listing.inode, name.clone());
                    self.shown_at.insert(found.stamp.inode, at);
                    (found.stamp.inode, Some(found.form.kind()))
                }
            };
            shown.names.insert(name.clone(), (now, Some(inode)));
        }
    }

    fn commits(&mut self, commit: &Commit, tally: &mut Tally) -> Result<(), Broken> {
        if !self.sent.insert(commit.key) {
            return Ok(()); // Once more, since its answer was lost: it is what it was.
        }
        for step in commit.operations.iter().flat_map(|operation| &operation.steps) {
            match step {
                Step::Create { node, .. } => self.is_saved(*node, step, tally)?,
                Step::Delete { node } => {
                    tally.judged(rules::DELETED_UNSEEN, 1u64);
                    if let Some(why) = self.why_not_absent(*node) {
                        return Err(Broken::new(rules::DELETED_UNSEEN, format!("{node:?}: {why}")));
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn is_saved(
        &self,
        node: NodeId,
        what: &dyn std::fmt::Debug,
        tally: &mut Tally,
    ) -> Result<(), Broken> {
        tally.judged(rules::SAVED_FIRST, 1u64);
        if self.saved.contains(&node) {
            return Ok(());
        }
        Err(Broken::new(rules::SAVED_FIRST, format!("{what:?}")))
    }

    /// Why the last looks do not show that a node is gone.
    fn why_not_absent(&self, node: NodeId) -> Option<String> {
        if self.gone.contains(&node) {
            return None;
        }
        if !self.here.contains_key(&node) {
            return (!self.made.contains(&node)).then(|| "was never here".into());
        }
        let Some(line) = self.line(node) else { return Some("was in nothing".into()) };
        let mut there: Option<(u64, String)> = None;
        for (depth, (above, name)) in line.iter().enumerate().rev() {
            let dir = depth.checked_sub(1).map_or(NodeId::ROOT, |at| line[at].0);
            let shown = self.shown(dir, name);
            // What an older look shows further up says nothing against a newer one.
            let newer = |(at, _): &(u64, _)| there.as_ref().is_none_or(|(seen, _)| at > seen);
            let Some((at, found)) = shown.filter(newer) else { continue };
            let last = depth + 1 == line.len();
            // Where another has its name, it is not there: what was in it is not, either.
            let (inode, kind) = found?;
            let certain = inode.birth.is_some() || kind == Some(Kind::Directory) && !last;
            if self.inode(*above) != Some(inode) || !certain {
                return None;
            }
            if self.has_gone_on(&inode, at) {
                return None;
            }
            let how = if last { "is there" } else { "was not looked at" };
            there.get_or_insert((at, format!("{}: {name} {how}", path_of(&line))));
        }
        Some(there.map_or_else(|| "nothing was looked at".into(), |(_, why)| why))
    }

    /// Whether an inode was shown elsewhere after this look, and is not there any more.
    fn has_gone_on(&self, inode: &Inode, look: u64) -> bool {
        let shown = self.shown_at.get(inode).filter(|(at, ..)| *at > look);
        shown.is_some_and(|(_, dir, name)| {
            let stands = self.dirs.get(dir).and_then(|shown| shown.get(name));
            stands.is_some_and(|(_, stands)| stands.is_none_or(|(stands, _)| stands != *inode))
        })
    }

    /// Where the engine last had a node.
    pub fn path(&self, node: NodeId) -> Option<RelPath> {
        Some(path_of(&self.line(node)?))
    }

    /// The directories that the engine last had a node in, from the root on, and the node.
    fn line(&self, node: NodeId) -> Option<Vec<(NodeId, &Name)>> {
        let mut line = Vec::new();
        let mut at = node;
        while at != NodeId::ROOT {
            let here = self.here.get(&at)?;
            line.push((at, &here.place.name));
            at = here.place.parent;
            if line.len() > self.here.len() {
                return None;
            }
        }
        line.reverse();
        Some(line)
    }
}

fn path_of(line: &[(NodeId, &Name)]) -> RelPath {
    RelPath::new(line.iter().map(|(_, name)| (*name).clone()).collect())
}
