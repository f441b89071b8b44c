//! Deletions of much at once: held until a person says that they are meant.
//!
//! Invariants: what is gone is counted after renames are matched; while much of it may still be
//! found elsewhere, none of it goes; what is held stays held over a restart, until it is approved,
//! undone, or there again. Everything else goes on. A name that something new has taken here is no
//! deletion to ask about: it was replaced. Nor is a folder emptied by programs that delete files all day
//! and make as many, whichever they do first: an installer unpacks the new before it removes the old.

use alloc::collections::{BTreeMap, BTreeSet, VecDeque};
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use crate::id::NodeId;
use crate::node::Kind;
use crate::time::Instant;

use super::event::{Effect, Notice};
use super::record::{Consent, Record};
use super::{Client, Problem, ProblemKind};

/// Fewer deleted files than this are never asked about.
pub const ASK_FROM_FILES: u64 = 20;
/// From so many on, deletions wait until all of what is missing is known to be gone.
const WAIT_FROM_FILES: u64 = 1_000;
/// What is missing counts as a part of one great deletion from this share of it on: one in so many.
const DOUBTFUL_SHARE: u64 = 100;
/// How long deletions count that have gone out, and files that were made.
const RECENT_MS: u64 = 60_000;

/// What a person says about held deletions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Answer {
    /// They are meant: delete it everywhere.
    Approve,
    /// They are not: bring it back here.
    Undo,
}

/// How much is gone on this disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Loss {
    /// Files that are gone.
    gone: u64,
    /// What is missing, with what is in it, and may yet be found elsewhere.
    doubtful: u64,
    /// Files that the folder had.
    of: u64,
}

/// What deletions come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// They go.
    Few,
    /// They wait until it is known how much is gone.
    Unclear,
    /// A person is asked.
    Most,
}

impl Loss {
    /// Judges by count and by share.
    pub(super) const fn judge(self, ask_from: u64) -> Verdict {
        let at_worst = self.gone + self.doubtful;
        let doubtful = self.doubtful > 0 && self.doubtful * DOUBTFUL_SHARE >= at_worst;
        if doubtful && (at_worst >= WAIT_FROM_FILES || is_most(at_worst, self, ask_from)) {
            Verdict::Unclear
        } else if is_most(self.gone, self, ask_from) {
            Verdict::Most
        } else {
            Verdict::Few
        }
    }
}

const fn is_most(files: u64, loss: Loss, ask_from: u64) -> bool {
    files >= ask_from && files * 2 > loss.of
}

/// What is to be deleted at the server, and whether it may be.
#[derive(Debug, Default)]
pub(super) struct Deletions {
    /// All of it; whether each counts.
    wanted: BTreeMap<NodeId, bool>,
    /// How many count.
    files: u64,
    /// Those to be judged.
    unjudged: BTreeSet<NodeId>,
    /// Those that were few when they were judged; held with what follows if that makes them many.
    going: BTreeSet<NodeId>,
    /// Those that a person is asked about.
    held: BTreeSet<NodeId>,
    /// Deletions that went out lately and that nobody was asked about, but for as many as files were
    /// made.
    recent: Lately,
    /// Files that were made lately, but for as many as were deleted.
    made: Lately,
}

/// How often something happened, and when: what is long past does not count.
#[derive(Debug, Default)]
struct Lately {
    counts: VecDeque<(Instant, u64)>,
    sum: u64,
}

impl Lately {
    fn add(&mut self, now: Instant) {
        self.sum += 1;
        match self.counts.back_mut() {
            Some((at, count)) if *at == now => *count += 1,
            Some(_) | None => self.counts.push_back((now, 1)),
        }
    }

    /// Takes one away, the oldest. `false`: there is none.
    fn take(&mut self, now: Instant) -> bool {
        self.forget(now);
        let Some((_, count)) = self.counts.front_mut() else { return false };
        *count -= 1;
        self.sum -= 1;
        if *count == 0 {
            self.counts.pop_front();
        }
        true
    }

    fn forget(&mut self, now: Instant) {
        while let Some((_, count)) = self.counts.pop_front_if(|(at, _)| *at + RECENT_MS <= now) {
            self.sum -= count;
        }
    }
}

impl Deletions {
    /// Nothing is to be deleted for a node, for now.
    pub(super) fn forget(&mut self, node: NodeId) {
        if self.wanted.remove(&node) == Some(true) {
            self.files -= 1;
        }
        for set in [&mut self.unjudged, &mut self.going, &mut self.held] {
            set.remove(&node);
        }
    }

    /// A deletion may be sent.
    pub(super) fn may_go(&self, node: NodeId) -> bool {
        !self.unjudged.contains(&node) && !self.held.contains(&node)
    }

    /// It is the deletion of a file that nobody was asked about.
    pub(super) fn counts(&self, node: NodeId) -> bool {
        self.wanted.get(&node) == Some(&true)
    }

    /// A deletion has been accepted.
    pub(super) fn went(&mut self, now: Instant) {
        if !self.made.take(now) {
            self.recent.add(now);
        }
    }

    /// A file that was made has been accepted.
    pub(super) fn came(&mut self, now: Instant) {
        if !self.recent.take(now) {
            self.made.add(now);
        }
    }
}

impl Client {
    /// What a person is asked about.
    pub const fn held_deletions(&self) -> &BTreeSet<NodeId> {
        self.trees.awaited()
    }

    /// Whether a person is asked about anything.
    pub fn asks_about_deletions(&self) -> bool {
        !self.deletions.held.is_empty()
    }

    /// Files among them.
    pub(super) fn held_files(&self) -> u64 {
        let held = self.held_deletions().iter();
        held.filter(|node| is_file(self.trees.get(**node))).count() as u64
    }

    /// Has a node deleted at the server, if that may go, or is not too much.
    pub(super) fn want_deleted(&mut self, node: NodeId) {
        let record = self.trees.get(node);
        let place = record.remote().map(|there| &there.place);
        // A directory's name is free only when what was in it has gone.
        let replaced =
            is_file(record) && place.is_some_and(|place| self.trees.at_here(place).is_some());
        let mut consent = record.consent();
        let counts = is_file(record) && !replaced && consent != Consent::Given;
        if replaced && consent == Consent::Awaited {
            // What took its name says that it is meant: nobody is asked, and it cannot be undone.
            consent = Consent::NotAsked;
            self.trees.set_consent(node, consent);
        }
        self.deletions.wanted.insert(node, counts);
        self.deletions.files += u64::from(counts);
        match consent {
            Consent::Awaited => drop(self.deletions.held.insert(node)),
            Consent::NotAsked if !replaced => drop(self.deletions.unjudged.insert(node)),
            Consent::NotAsked | Consent::Given => self.offer_outbound(node),
        }
    }

    /// Judges the deletions that are new: they go, wait, or are held.
    pub(super) fn judge_deletions(&mut self) {
        if self.deletions.unjudged.is_empty() || !self.may_plan() {
            return;
        }
        self.deletions.recent.forget(self.now.instant);
        match self.loss().judge(self.config.ask_from_files) {
            Verdict::Unclear => {}
            Verdict::Few => {
                for node in core::mem::take(&mut self.deletions.unjudged) {
                    if self.holds_held(node) {
                        self.hold_deletion(node);
                    } else {
                        self.deletions.going.insert(node);
                        self.offer_outbound(node);
                    }
                }
            }
            Verdict::Most => {
                let first = self.deletions.held.is_empty();
                let mut free = core::mem::take(&mut self.deletions.unjudged);
                free.append(&mut self.deletions.going);
                free.into_iter().for_each(|node| self.hold_deletion(node));
                if first {
                    let (files, of) = (self.held_files(), self.trees.files_there());
                    self.out.push(Effect::Report(Notice::DeletionsHeld { files, of }));
                }
            }
        }
    }

    fn loss(&self) -> Loss {
        let recent = self.deletions.recent.sum;
        let gone = self.deletions.files + self.deletions_in_commit() + recent;
        // From so many on, all waits.
        let enough = WAIT_FROM_FILES.max(gone / (DOUBTFUL_SHARE - 1) + 1);
        Loss {
            gone,
            doubtful: self.count_missing(enough as usize) as u64,
            // What is new here, and is on its way, is of the folder, too.
            of: self.trees.files_there().max(self.trees.files_here().0) + recent,
        }
    }

    /// What is missing, with what is in it: that was not looked for itself. Not counted much further than
    /// `enough`.
    fn count_missing(&self, enough: usize) -> usize {
        let missing = self.looks.missing.keys();
        if missing.len() >= enough {
            return missing.len();
        }
        let mut todo: Vec<NodeId> = missing.copied().collect();
        let mut met = BTreeSet::new();
        while let Some(node) = todo.pop().filter(|_| met.len() < enough) {
            if met.insert(node) {
                todo.extend(self.trees.children_here(node).map(|(_, inside)| inside).take(enough));
            }
        }
        met.len()
    }

    fn hold_deletion(&mut self, node: NodeId) {
        self.outbound.ready.remove(node);
        self.deletions.held.insert(node);
        // The server is not asked before a person has been.
        self.solved(node, ProblemKind::Refused);
        self.trees.set_consent(node, Consent::Awaited);
    }

    /// A directory cannot go while something in it is held.
    fn holds_held(&self, node: NodeId) -> bool {
        let held = |node: &NodeId| self.deletions.held.contains(node);
        !self.deletions.held.is_empty() && self.trees.below_there(node).iter().any(held)
    }

    /// What it needs at the server first, or what that needs, is held.
    pub(super) fn waits_for_consent(&self, node: NodeId) -> bool {
        let (mut todo, mut met) = (alloc::vec![node], BTreeSet::new());
        while let Some(at) = todo.pop().filter(|_| !self.deletions.held.is_empty()) {
            if self.deletions.held.contains(&at) {
                return true;
            }
            if let Some(step) = self.step(at).filter(|_| met.insert(at)) {
                let needs = self.needs(&step);
                todo.extend(needs.first.into_iter().chain(needs.together));
            }
        }
        false
    }

    /// A person has answered: for all that is held now.
    pub(super) fn on_answered(&mut self, answer: Answer) {
        for node in self.held_deletions().clone() {
            match answer {
                Answer::Approve => self.trees.set_consent(node, Consent::Given),
                // What was agreed on no longer holds: it is only at the server.
                Answer::Undo => self.trees.set_synced(node, None),
            }
        }
    }

    /// What is held, without what is in a directory that is held, too.
    pub(super) fn held_problems(&self) -> impl Iterator<Item = Problem> {
        let held = self.held_deletions();
        let reason = if held.is_empty() { String::new() } else { self.held_reason() };
        held.iter()
            .copied()
            .filter(move |&node| {
                let parent = self.trees.get(node).remote().map(|there| there.place.parent);
                !parent.is_some_and(|parent| held.contains(&parent))
            })
            .map(move |node| Problem {
                path: self.trees.path_shown(node),
                kind: ProblemKind::HeldDeletion,
                reason: reason.clone(),
            })
    }

    pub(super) fn held_reason(&self) -> String {
        format!(
            "{} of {} files were deleted here; they stay everywhere else until `onefold approve \
             DIR` deletes them there, too, or `onefold approve DIR --undo` brings them back",
            self.held_files(),
            self.trees.files_there()
        )
    }
}

/// What was agreed on was more than a directory.
fn is_file(record: &Record) -> bool {
    record.synced().is_some_and(|state| state.body.kind() != Kind::Directory)
}

#[cfg(test)]
mod tests;
