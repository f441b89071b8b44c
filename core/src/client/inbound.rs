//! Making this disk as the server is, one guarded change a node at a time.
//!
//! A content is fetched first (see `fetching`), and a name that another node has must be free (see
//! `way`). What a change then does is taken in by `changing`.

use alloc::boxed::Box;
use alloc::collections::BTreeSet;

use crate::disk::{Change, Old};
use crate::id::NodeId;
use crate::node::{Body, State};
use crate::time::Instant;

use super::changing::Then;
use super::planning::with_executable;
use super::reconcile::{Act, Decision};
use super::record::Intent;
use super::tally::Tally;
use super::trees::MAX_DEPTH;
use super::{Client, ProblemKind, Reason};

/// How long a blocked node waits at most before it is planned again.
const BLOCKED_MS: u64 = 2_000;
/// After this many nodes that could not start now, the others wait, too.
const MAX_FULL: usize = 32;

/// What is being brought here.
#[derive(Debug, Default)]
pub(super) struct Inbound {
    /// Nodes to act on.
    pub(super) ready: Tally,
    /// Nodes that wait for another node's change.
    pub(super) blocked: Tally,
    /// Deleted at the server, and found not to be empty when they were to go.
    pub(super) kept: BTreeSet<NodeId>,
    /// Nodes that wait for none that waits for them, as of this round of `pump_inbound`.
    pub(super) untangled: BTreeSet<NodeId>,
    retry_at: Option<Instant>,
}

/// What came of trying to act.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Try {
    /// An effect was asked for.
    Started,
    /// Something else must happen first; its end has this node planned again.
    Blocked,
    /// Too much is under way.
    Full,
}

impl Inbound {
    /// Nothing is to be done about a node, for now.
    pub(super) fn forget(&mut self, node: NodeId) {
        self.ready.remove(node);
        self.blocked.remove(node);
    }
}

impl Client {
    /// Starts what may start.
    pub(super) fn pump_inbound(&mut self) {
        if !self.may_change_disk() {
            return;
        }
        if self.inbound.retry_at.is_some_and(|at| at <= self.now.instant) {
            self.touch_blocked();
        }
        self.inbound.untangled.clear();
        let (mut from, mut full) = (NodeId::ROOT, 0);
        while self.changes.has_room() && full < MAX_FULL {
            let Some(node) = self.inbound.ready.after(from) else { return };
            from = node;
            match self.start_inbound(node) {
                Try::Full => full += 1,
                Try::Started => {
                    self.inbound.ready.remove(node);
                }
                Try::Blocked => {
                    self.inbound.ready.remove(node);
                    self.inbound.blocked.insert(node, self.size_there(node));
                    // What it waits for now is not what an earlier try met.
                    self.solved(node, ProblemKind::Unwritable);
                    self.solved(node, ProblemKind::DiskFull);
                    if !self.holds_unsynced(node) && !self.is_stuck(node) {
                        self.retry_blocked();
                    }
                }
            }
        }
    }

    /// Acts on a node when it may. One that is held is planned again when that ends.
    pub(super) fn offer_inbound(&mut self, node: NodeId) {
        if !self.is_held(node) {
            self.inbound.ready.insert(node, self.size_there(node));
        }
    }

    fn start_inbound(&mut self, node: NodeId) -> Try {
        if !self.is_saved(node) {
            return Try::Full;
        }
        if self.step(node).is_some_and(|step| self.is_name_hidden(&step)) {
            return self.give_up_name(node);
        }
        match self.decide(node) {
            Some(Decision::Materialise) => self.materialise(node),
            Some(Decision::DeleteHere) => self.delete_here(node),
            Some(Decision::Merge { place: Act::Apply, content, executable }) => {
                // A place that cannot be had now keeps nothing else from being merged.
                match self.apply_place(node) {
                    Try::Blocked if content == Act::Apply => self.apply_content(node, executable),
                    Try::Blocked if executable == Act::Apply => self.apply_mode(node),
                    // What was written here meanwhile does not wait for a name that cannot be had.
                    Try::Blocked if content == Act::Wait && self.is_rival_parked(node) => {
                        self.split(node);
                        Try::Blocked
                    }
                    tried @ (Try::Started | Try::Blocked | Try::Full) => tried,
                }
            }
            Some(Decision::Merge { content: Act::Apply, executable, .. }) => {
                self.apply_content(node, executable)
            }
            Some(Decision::Merge { executable: Act::Apply, .. }) => self.apply_mode(node),
            _ => Try::Blocked,
        }
    }

    /// It was read, and differs from both what was agreed on and what the server has, and its place
    /// cannot be had here.
    fn is_rival_parked(&self, node: NodeId) -> bool {
        let parked = |at: NodeId| self.problems.contains_key(&(at, ProblemKind::Parked));
        self.trees.get(node).present().is_some_and(|here| here.body.known().is_some())
            && self.is_so_above_there(node, parked)
    }

    fn materialise(&mut self, node: NodeId) -> Try {
        let Some(there) = self.trees.get(node).remote().cloned() else { return Try::Blocked };
        if let Some(wait) = self.may_merge(node, &there) {
            return wait;
        }
        if let Some(content) = there.body.content() {
            match self.bring(node, content, None) {
                None => {}
                Some(wait) => return wait,
            }
        }
        if let Some(wait) = self.clear_way(node, &there.place) {
            return wait;
        }
        let Some(at) = self.trees.place_path(&there.place) else { return Try::Blocked };
        let change = match &there.body {
            Body::Directory => Change::MakeDirectory { at },
            Body::File { content, executable } => {
                let (content, executable) = (*content, *executable);
                Change::PlaceFile { at, old: Old::Absent, content, executable }
            }
            Body::Symlink(target) => {
                Change::PlaceSymlink { at, old: Old::Absent, target: target.clone() }
            }
        };
        if !self.intend(node, &Intent::Place(Box::new(there.clone()))) {
            return Try::Full;
        }
        let (place, executable) = (there.place.clone(), there.body.executable());
        let then = Then::Placed { place, executable, agreed: there.clone() };
        self.change(alloc::vec![node], alloc::vec![there.place], change, then)
    }

    fn delete_here(&mut self, node: NodeId) -> Try {
        let Some(present) = self.trees.get(node).present().cloned() else { return Try::Blocked };
        let occupied = self.trees.children_here(node).next().is_some();
        let Some(at) = self.trees.path_here(node) else { return Try::Blocked };
        let kept = self.inbound.kept.contains(&node);
        if occupied || kept && (self.has_others(node) || self.is_looked_into(node)) {
            if self.trees.children_here(node).any(|(_, inside)| self.is_stuck(inside)) {
                let reason = "it was deleted, and what is in it cannot have its own place yet";
                self.problem(node, ProblemKind::Parked, reason.into());
            }
            return Try::Blocked;
        }
        if !self.intend(node, &Intent::Remove) {
            return Try::Full;
        }
        self.inbound.kept.remove(&node);
        let kind = present.body.kind();
        let change = Change::Remove { at, expect: present.stamp, kind };
        self.change(alloc::vec![node], alloc::vec![present.place], change, Then::Removed)
    }

    fn apply_place(&mut self, node: NodeId) -> Try {
        let record = self.trees.get(node);
        let (Some(present), Some(there)) = (record.present().cloned(), record.remote().cloned())
        else {
            return Try::Blocked;
        };
        if self.trees.is_within_here(there.place.parent, node) {
            return Try::Blocked;
        }
        if let Some(wait) = self.clear_way(node, &there.place) {
            return wait;
        }
        let paths = (self.trees.path_here(node), self.trees.place_path(&there.place));
        let (Some(from), Some(to)) = paths else { return Try::Blocked };
        if !self.intend(node, &Intent::Move(Box::new(there.place.clone()))) {
            return Try::Full;
        }
        let change = Change::Rename { from, expect: present.stamp, to, only_if_quiet: false };
        let then = Then::Moved { to: there.place.clone(), agreed: true };
        self.change(alloc::vec![node], alloc::vec![present.place, there.place], change, then)
    }

    fn apply_content(&mut self, node: NodeId, executable: Act) -> Try {
        let record = self.trees.get(node);
        let (Some(present), Some(synced), Some(there)) =
            (record.present().cloned(), record.synced().cloned(), record.remote().cloned())
        else {
            return Try::Blocked;
        };
        let Some(at) = self.trees.path_here(node) else { return Try::Blocked };
        let old = Old::Is(present.stamp);
        let mut agreed = State { place: synced.place, body: there.body.clone() };
        let keeps_own = executable == Act::Send;
        let bit = if keeps_own { present.body.executable() } else { there.body.executable() };
        let change = match &there.body {
            Body::Directory => return Try::Blocked,
            Body::Symlink(target) => Change::PlaceSymlink { at, old, target: target.clone() },
            Body::File { content, .. } => {
                match self.bring(node, *content, Some(&at)) {
                    None => {}
                    Some(wait) => return wait,
                }
                if keeps_own {
                    agreed.body = with_executable(&agreed.body, synced.body.executable());
                }
                Change::PlaceFile { at, old, content: *content, executable: bit }
            }
        };
        if !self.intend(node, &Intent::Place(Box::new(agreed.clone()))) {
            return Try::Full;
        }
        let place = present.place;
        let then = Then::Placed { place: place.clone(), executable: bit, agreed };
        self.change(alloc::vec![node], alloc::vec![place], change, then)
    }

    fn apply_mode(&mut self, node: NodeId) -> Try {
        let record = self.trees.get(node);
        let (Some(present), Some(there)) = (record.present().cloned(), record.remote()) else {
            return Try::Blocked;
        };
        let executable = there.body.executable();
        let Some(at) = self.trees.path_here(node) else { return Try::Blocked };
        if !self.intend(node, &Intent::SetExecutable(executable)) {
            return Try::Full;
        }
        let change = Change::SetExecutable { at, expect: present.stamp, executable };
        let then = Then::ModeSet(executable);
        self.change(alloc::vec![node], alloc::vec![present.place], change, then)
    }

    /// Plans what is blocked again before long. Until then nothing is at rest.
    pub(super) fn retry_blocked(&mut self) {
        if !self.inbound.blocked.is_empty() {
            self.inbound.retry_at.get_or_insert(self.now.instant + BLOCKED_MS);
        }
    }

    pub(super) fn touch_blocked(&mut self) {
        self.inbound.retry_at = None;
        for node in self.inbound.blocked.iter() {
            self.trees.touch(node);
        }
    }

    /// When blocked nodes are planned again though nothing they are known to wait for has ended.
    pub(super) fn inbound_deadline(&self) -> Option<(Instant, Reason)> {
        let retry_at = self.inbound.retry_at.filter(|_| self.may_change_disk());
        retry_at.map(|at| (at, Reason::Retry))
    }

    /// It was deleted at the server, and something that is not synced keeps it here, or a directory
    /// in it.
    pub(super) fn holds_unsynced(&self, node: NodeId) -> bool {
        self.inbound.kept.iter().any(|&kept| self.trees.is_within_here(kept, node))
    }

    /// It, or a directory it is to be in, has a problem.
    pub(super) fn is_stuck(&self, node: NodeId) -> bool {
        self.is_so_above_there(node, |at| self.has_problem(at))
    }

    /// Something is so of it, or of a directory that it is in at the server.
    fn is_so_above_there(&self, node: NodeId, is_so: impl Fn(NodeId) -> bool) -> bool {
        let mut at = node;
        for _ in 0..MAX_DEPTH {
            if is_so(at) {
                return true;
            }
            match self.trees.get(at).remote() {
                Some(there) => at = there.place.parent,
                None => return false,
            }
        }
        false
    }

    /// What is to come, or on its way: items and bytes.
    pub(super) fn to_fetch(&self) -> (u64, u64) {
        let waiting =
            |node| self.inbound.ready.contains(node) || self.inbound.blocked.contains(node);
        let begun: BTreeSet<NodeId> = self.fetches.nodes().chain(self.changes.nodes()).collect();
        let begun = begun.into_iter().filter(|node| !waiting(*node));
        let begun = begun.map(|node| (1, self.size_there(node)));
        begun.chain([self.inbound.ready.total(), self.inbound.blocked.total()]).fold((0, 0), plus)
    }

    /// The bytes of its content at the server; none if they are on this disk already, to be placed.
    fn size_there(&self, node: NodeId) -> u64 {
        let content = self.trees.get(node).remote().and_then(|there| there.body.content());
        let to_come = content.filter(|content| !self.fetches.has_staged(node, content.id));
        to_come.map_or(0, |content| content.size)
    }

    /// No change or fetch is under way or could start.
    pub(super) fn inbound_idle(&self) -> bool {
        let waits = |node: NodeId| !self.holds_unsynced(node) && !self.is_stuck(node);
        let again = !self.inbound.blocked.is_empty() && self.inbound_deadline().is_some();
        !again
            && self.changes.is_idle()
            && self.fetches.is_idle()
            && !self.inbound.ready.iter().any(waits)
            && !self.inbound.blocked.iter().any(waits)
    }
}

/// Adds amounts: items and bytes.
pub(super) const fn plus(a: (u64, u64), b: (u64, u64)) -> (u64, u64) {
    (a.0 + b.0, a.1 + b.1)
}

#[cfg(test)]
mod tests;
