//! Where to look on the disk, when, and what a look that failed means.
//!
//! Hints and rescans only mark names to look at. One look at a time goes to a directory, so that
//! its results come in order. What a change of our own touches while a look is under way is looked
//! at again. A name that is absent is *missing* until a second look, later, finds it absent again.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use crate::disk::{DiskError, Listing, Names};
use crate::id::NodeId;
use crate::name::{Name, RelPath};
use crate::node::Place;
use crate::time::Instant;

use super::event::{Effect, Hint, TaskId};
use super::missing::{DELETION_MS, Missing};
use super::record::Local;
use super::timers::Timers;
use super::{Client, ProblemKind, Reason};

/// The user's ignore rules, in the folder's root.
const IGNORE_RULES: &[u8] = b".onefoldignore";
/// How long hints about one directory are gathered.
const GATHER_MS: u64 = 10;
/// The most looks under way.
const MAX_LOOKS: usize = 16;
/// With more names than this, the whole directory is looked at.
const MAX_NAMES: usize = 1_000;
/// How often everything is looked at though no event told of a change.
const RESCAN_MS: u64 = 3_600_000;
/// How soon a directory is looked at again that was not where it was.
const ELSEWHERE_MS: u64 = 200;
/// Everything is looked at for what is gone from its place unannounced at most this often.
const SEARCH_EVERY_MS: u64 = 10_000;
/// How soon an unreadable directory, or a folder that is not there, is tried again.
const RETRY_MS: u64 = 5_000;

/// What is to be looked at, and what the last looks left open.
#[derive(Debug, Default)]
pub(super) struct Looks {
    pub(super) wanted: BTreeMap<NodeId, Wanted>,
    pub(super) under_way: BTreeMap<TaskId, Look>,
    /// Nodes whose name was found absent.
    pub(super) missing: BTreeMap<NodeId, Missing>,
    /// When to look again at what is missing.
    pub(super) confirm: Timers,
    /// What is missing since then, and is looked at again once all looks are done that are as old.
    pub(super) after_older: BTreeSet<(Instant, NodeId)>,
    /// Names that something has which is not synced.
    pub(super) others: BTreeSet<(NodeId, Name)>,
    /// Nodes of which nothing is known, and which of those names they are behind.
    pub(super) hidden: BTreeMap<NodeId, (NodeId, Name)>,
    /// Nodes that were hidden before a restart, by the name that they were last seen at or below.
    pub(super) hidden_before: BTreeMap<(NodeId, Name), Vec<NodeId>>,
    /// Directories that could not be read: what is below them is unknown.
    pub(super) blind: BTreeSet<NodeId>,
    /// Those that can be read again, since when it is wanted to look at all below them: until that is
    /// done, it is as unknown.
    pub(super) reopened: BTreeMap<NodeId, Instant>,
    /// Everything was looked at once.
    pub(super) scanned: bool,
    /// The folder itself is not there, in words: everything stops.
    pub(super) root_gone: Option<String>,
    /// Names that no node can have, escaped, by directory.
    pub(super) unnameable: BTreeMap<NodeId, Vec<String>>,
    rescan_at: Option<Instant>,
    /// Nodes that a change of ours did not find as they were, which no event had told.
    pub(super) unannounced: BTreeSet<NodeId>,
    searched_at: Option<Instant>,
    pub(super) last_number: u64,
}

impl Looks {
    /// Nothing is unknown since it could not be read.
    pub(super) fn all_is_seen(&self) -> bool {
        self.blind.is_empty() && self.reopened.is_empty()
    }

    /// A directory could not be read, or was not looked at as a whole since.
    pub(super) fn is_unseen(&self, dir: NodeId) -> bool {
        self.blind.contains(&dir) || self.reopened.contains_key(&dir)
    }
}

/// What is to be looked at in a directory.
#[derive(Debug)]
pub(super) struct Wanted {
    names: Names,
    deep: bool,
    pub(super) due: Instant,
    pub(super) since: Instant,
}

impl Wanted {
    /// Both at once.
    fn with(self, other: Self) -> Self {
        let names = match (self.names, other.names) {
            (Names::Only(mut names), Names::Only(more)) => {
                names.extend(more);
                if names.len() > MAX_NAMES { Names::All } else { Names::Only(names) }
            }
            (Names::All, _) | (_, Names::All) => Names::All,
        };
        Self {
            names,
            deep: self.deep || other.deep,
            due: self.due.min(other.due),
            since: self.since.min(other.since),
        }
    }
}

/// A look under way.
#[derive(Debug)]
pub(super) struct Look {
    pub(super) dir: NodeId,
    pub(super) names: Names,
    pub(super) deep: bool,
    /// Names that we changed ourselves meanwhile: their result means nothing.
    pub(super) tainted: BTreeSet<Name>,
    /// Looks are numbered as they start.
    pub(super) number: u64,
    pub(super) since: Instant,
}

impl Client {
    /// Looks at everything again.
    pub(super) fn rescan(&mut self) {
        self.looks.rescan_at = Some(self.now.instant + RESCAN_MS);
        self.want_all(NodeId::ROOT, 0);
    }

    /// A change of ours did not find a node as it was; where it is gone, one above it may have moved.
    pub(super) fn was_unannounced(&mut self, node: NodeId, gone: bool) {
        self.looks.unannounced.insert(node);
        let mut at = node;
        while let Some(here) = self.trees.get(at).present().filter(|_| gone) {
            at = here.place.parent;
            if at == NodeId::ROOT || !self.looks.unannounced.insert(at) {
                break;
            }
        }
    }

    /// Something is gone from its place, and no event told where to: it may be anywhere. Until
    /// everything was looked at, it is not believed to be deleted.
    pub(super) fn search_everywhere(&mut self) {
        let now = self.now.instant;
        let rested = self.looks.searched_at.map_or(SEARCH_EVERY_MS, |at| now.ms_since(at));
        let delay = SEARCH_EVERY_MS.saturating_sub(rested);
        self.looks.searched_at = Some(now + delay);
        self.want_all(NodeId::ROOT, delay);
    }

    pub(super) fn on_hint(&mut self, hint: &Hint) {
        let mut dir = NodeId::ROOT;
        for (index, name) in hint.path.names().iter().enumerate() {
            let name = &self.name_known_as(dir, name);
            let child = self.trees.child_here(dir, name);
            match child.filter(|&child| self.trees.is_dir_here(child)) {
                Some(child) if index + 1 < hint.path.names().len() => dir = child,
                _ => {
                    if hint.closed {
                        child.into_iter().for_each(|child| self.reads_closed(child));
                    }
                    return self.want_name(dir, name.clone());
                }
            }
        }
        self.want(NodeId::ROOT, Names::All, false, GATHER_MS);
    }

    pub(super) fn on_overflow(&mut self, path: &RelPath) {
        let mut dir = NodeId::ROOT;
        for name in path.names() {
            match self.trees.child_here(dir, &self.name_known_as(dir, name)) {
                Some(child) if self.trees.is_dir_here(child) => dir = child,
                _ => break,
            }
        }
        self.want_all(dir, 0);
    }

    /// Looks at one name soon.
    pub(super) fn want_name(&mut self, dir: NodeId, name: Name) {
        self.want(dir, Names::Only(BTreeSet::from([name])), false, GATHER_MS);
    }

    /// Looks at a node's own name soon.
    pub(super) fn want_node(&mut self, node: NodeId) {
        if let Some(place) = self.trees.get(node).present().map(|present| present.place.clone()) {
            self.want_name(place.parent, place.name);
        }
    }

    /// Looks at a directory and all below it.
    pub(super) fn want_all(&mut self, dir: NodeId, delay_ms: u64) {
        self.want(dir, Names::All, true, delay_ms);
    }

    /// Looks at a directory and all below it, as part of a look that was wanted since then.
    pub(super) fn want_below(&mut self, dir: NodeId, since: Instant) {
        let due = self.now.instant;
        self.want_also(dir, Wanted { names: Names::All, deep: true, due, since });
    }

    pub(super) fn want(&mut self, dir: NodeId, names: Names, deep: bool, delay_ms: u64) {
        let now = self.now.instant;
        self.want_also(dir, Wanted { names, deep, due: now + delay_ms, since: now });
    }

    fn want_also(&mut self, dir: NodeId, more: Wanted) {
        let wanted = match self.looks.wanted.remove(&dir) {
            Some(so_far) => so_far.with(more),
            None => more,
        };
        self.looks.wanted.insert(dir, wanted);
    }

    /// Starts the looks that are due.
    pub(super) fn pump_looks(&mut self) {
        if self.looks.rescan_at.is_some_and(|at| at <= self.now.instant) {
            self.rescan();
        }
        self.confirm_missing();
        let busy: BTreeSet<NodeId> = self.looks.under_way.values().map(|look| look.dir).collect();
        let due: Vec<NodeId> = (self.looks.wanted.iter())
            .filter(|(dir, wanted)| wanted.due <= self.now.instant && !busy.contains(dir))
            .map(|(dir, _)| *dir)
            .take(MAX_LOOKS.saturating_sub(self.looks.under_way.len()))
            .collect();
        for dir in due {
            self.start_look(dir);
        }
        self.end_reopenings();
        if self.looks_idle() && !self.looks.scanned && self.looks.root_gone.is_none() {
            self.looks.scanned = self.started;
            self.miss_hidden();
        }
    }

    fn start_look(&mut self, dir: NodeId) {
        let Some(wanted) = self.looks.wanted.remove(&dir) else { return };
        let Some(path) = self.trees.path_here(dir) else { return };
        self.looks.last_number += 1;
        let id = self.task();
        let look = Look {
            dir,
            names: wanted.names.clone(),
            deep: wanted.deep,
            tainted: self.names_under_change(dir),
            number: self.looks.last_number,
            since: wanted.since,
        };
        self.looks.under_way.insert(id, look);
        self.out.push(Effect::Look { id, dir: path, names: wanted.names });
    }

    pub(super) fn on_looked(&mut self, id: TaskId, result: Result<Listing, DiskError>) {
        let Some(look) = self.looks.under_way.remove(&id) else { return };
        match result {
            Ok(listing) => self.on_listing(look, listing),
            Err(DiskError::RootGone(words)) => self.lose_root(words),
            Err(DiskError::Gone | DiskError::Changed) if look.dir != NodeId::ROOT => {
                self.look_elsewhere(look);
            }
            // It went, or was met as another node, meanwhile.
            Err(_) if !self.trees.is_dir_here(look.dir) => {}
            Err(error) => {
                self.looks.blind.insert(look.dir);
                self.looks.reopened.remove(&look.dir);
                self.problem(look.dir, ProblemKind::Unreadable, error.to_string());
                self.want(look.dir, Names::All, true, RETRY_MS);
            }
        }
    }

    /// A directory was not where it was looked at: it may have moved, and may come back as it was,
    /// so what was wanted of it is still to be looked at: when it is found, if it is missing already.
    fn look_elsewhere(&mut self, look: Look) {
        let missing = self.looks.missing.contains_key(&look.dir);
        let delay = if missing { DELETION_MS } else { ELSEWHERE_MS };
        self.want_node(look.dir);
        self.want(look.dir, look.names, look.deep, delay);
    }

    fn on_listing(&mut self, look: Look, mut listing: Listing) {
        let expected = self.trees.get(look.dir).present().map(|present| present.stamp.inode);
        if look.dir != NodeId::ROOT && expected != Some(listing.inode) {
            return self.look_elsewhere(look);
        }
        if look.dir == NodeId::ROOT && self.looks.root_gone.take().is_some() {
            self.rescan();
        }
        if self.looks.blind.remove(&look.dir) {
            self.solved(look.dir, ProblemKind::Unreadable);
            self.looks.reopened.insert(look.dir, look.since);
        }
        if look.names == Names::All {
            self.note_unnameable(look.dir, &listing.unnameable);
        }
        self.name_as_known(look.dir, &mut listing);
        self.identify(&look, &listing);
        self.end_second_looks(&look);
        if self.inbound.kept.contains(&look.dir) {
            // What it was kept for may be gone.
            self.trees.touch(look.dir);
        }
        for name in look.tainted.iter().filter(|&name| asked(&look.names, name)) {
            self.want_name(look.dir, name.clone());
        }
    }

    /// A directory is another node from now on: what was seen of it, and is still to be, is of that.
    pub(super) fn look_as(&mut self, from: NodeId, to: NodeId) {
        if let Some(wanted) = self.looks.wanted.remove(&from) {
            self.want_also(to, wanted);
        }
        for look in self.looks.under_way.values_mut().filter(|look| look.dir == from) {
            look.dir = to;
        }
        if self.looks.blind.remove(&from) {
            self.looks.blind.insert(to);
            let reason = self.problems.remove(&(from, ProblemKind::Unreadable));
            reason.into_iter().for_each(|why| self.problem(to, ProblemKind::Unreadable, why));
        }
        if let Some(since) = self.looks.reopened.remove(&from) {
            self.looks.reopened.insert(to, since);
        }
        if let Some(names) = self.looks.unnameable.remove(&from) {
            self.looks.unnameable.insert(to, names);
        }
        self.hide_as(from, to);
    }

    /// All below a directory that can be read again was looked at: it is known.
    fn end_reopenings(&mut self) {
        if self.looks.reopened.is_empty() {
            return;
        }
        let oldest = self.oldest_look();
        let seen = |since: Instant| oldest.is_none_or(|oldest| since < oldest);
        let known: Vec<NodeId> = (self.looks.reopened.iter())
            .filter(|(_, since)| seen(**since))
            .map(|(dir, _)| *dir)
            .collect();
        for dir in known {
            self.looks.reopened.remove(&dir);
            self.plan_what_was_unknown(dir);
        }
    }

    /// Since when the oldest look has been wanted that is not done yet.
    pub(super) fn oldest_look(&self) -> Option<Instant> {
        (self.looks.wanted.values().map(|wanted| wanted.since))
            .chain(self.looks.under_way.values().map(|look| look.since))
            .min()
    }

    /// Something stands in a directory that is not synced, as far as was seen.
    pub(super) fn has_others(&self, dir: NodeId) -> bool {
        let mut others = self.looks.others.range((dir, Name::first())..);
        others.next().is_some_and(|(of, _)| *of == dir) || self.looks.unnameable.contains_key(&dir)
    }

    /// A look into a directory is due or under way.
    pub(super) fn is_looked_into(&self, dir: NodeId) -> bool {
        self.looks.wanted.contains_key(&dir)
            || self.looks.under_way.values().any(|look| look.dir == dir)
    }

    /// The folder is not there: whatever was found absent means nothing.
    pub(super) fn lose_root(&mut self, words: String) {
        self.looks.missing.clear();
        self.looks.root_gone = Some(words);
        self.want(NodeId::ROOT, Names::All, true, RETRY_MS);
    }

    /// A change of our own begins, or has ended, at this place: looks under way cannot tell.
    pub(super) fn taint(&mut self, place: &Place) {
        for look in self.looks.under_way.values_mut().filter(|look| look.dir == place.parent) {
            look.tainted.insert(place.name.clone());
        }
    }

    /// The ignore rules changed: what they hide, or hid, must be looked at before anything else.
    pub(super) fn rules_changed(&mut self, node: NodeId) {
        let is_rules =
            |place: &Place| place.parent == NodeId::ROOT && place.name.as_bytes() == IGNORE_RULES;
        if self.trees.get(node).present().is_some_and(|present| is_rules(&present.place)) {
            self.looks.scanned = false;
            self.want_all(NodeId::ROOT, 0);
        }
    }

    /// The server has ignore rules that are not here yet: nothing is sent before they are.
    pub(super) fn rules_are_coming(&self) -> bool {
        Name::new(IGNORE_RULES)
            .ok()
            .and_then(|name| self.trees.child_there(NodeId::ROOT, &name))
            .is_some_and(|rules| {
                matches!(self.trees.get(rules).local(), Local::Absent)
                    && self.trees.get(rules).synced().is_none()
                    && !self.has_problem(rules)
            })
    }

    /// No look is under way or due.
    pub(super) fn looks_idle(&self) -> bool {
        let retry_only = |(dir, wanted): (&NodeId, &Wanted)| {
            self.looks.blind.contains(dir) && wanted.due > self.now.instant
        };
        self.looks.under_way.is_empty() && self.looks.wanted.iter().all(retry_only)
    }

    /// When looking goes on, if nothing else happens.
    pub(super) fn looks_deadline(&self) -> Option<(Instant, Reason)> {
        let busy: BTreeSet<NodeId> = self.looks.under_way.values().map(|look| look.dir).collect();
        let look = (self.looks.under_way.len() < MAX_LOOKS)
            .then(|| {
                (self.looks.wanted.iter())
                    .filter(|(dir, _)| !busy.contains(dir))
                    .map(|(_, wanted)| (wanted.due, Reason::Settle))
                    .min()
            })
            .flatten();
        let missing = self.looks.confirm.next().map(|due| (due, Reason::Deletion));
        let rescan = self.looks.rescan_at.map(|at| (at, Reason::Rescan));
        [look, missing, rescan].into_iter().flatten().min()
    }
}

/// Whether a look was to say something about a name.
pub(super) fn asked(names: &Names, name: &Name) -> bool {
    match names {
        Names::All => true,
        Names::Only(only) => only.contains(name),
    }
}

#[cfg(test)]
mod tests;
