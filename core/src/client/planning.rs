//! What to do, derived from the three trees each time they change; nothing is queued.
//!
//! A dirty node is compared and decided about. What only moves *synced* is done here; what needs
//! the disk goes to `inbound`, what needs the server to `outbound`, and each decides afresh when it
//! starts. A node with an operation under way is frozen: it is planned again when that has ended.

use alloc::string::String;

use crate::id::NodeId;
use crate::node::{Body, Place, State};

use super::reconcile::{Act, Decision, reconcile, situation};
use super::record::{Local, LocalBody, Record};
use super::{Client, ProblemKind};

impl Client {
    /// Plans all that is dirty.
    pub(super) fn plan_dirty(&mut self) {
        if !self.may_plan() {
            return;
        }
        let (mut others, mut strangers, mut news) = (false, false, false);
        while let Some(node) = self.trees.next_dirty() {
            let parked = self.problems.contains_key(&(node, ProblemKind::Parked));
            others |= !parked;
            news |= !parked && !self.inbound.blocked.contains(node);
            strangers |= !self.trees.get(node).accepted() && !self.unresolved.contains(node);
            self.plan(node);
        }
        if strangers {
            self.touch_unresolved();
        }
        if news {
            // What is blocked for good, as far as was known, may not be so any more.
            self.retry_blocked();
        }
        if others {
            // A name that differed in case only may be free now.
            let parked = self.problems.keys().filter(|(_, kind)| *kind == ProblemKind::Parked);
            parked.for_each(|(node, _)| self.trees.touch(*node));
        }
    }

    pub(super) fn may_plan(&self) -> bool {
        self.looks.scanned && self.looks.root_gone.is_none() && self.halted.is_none()
    }

    fn plan(&mut self, node: NodeId) {
        self.inbound.forget(node);
        self.outbound.ready.remove(node);
        self.uploads.wanted.remove(node);
        self.deletions.forget(node);
        self.forget_read(node);
        if self.trees.get(node).present().is_none() {
            self.unload(node);
        }
        if self.is_settled(node) {
            self.trees.keep(node);
        }
        if !self.resolve_intent(node) {
            return;
        }
        let Some(decision) = self.decide(node) else {
            if !self.trees.contains(node) {
                if self.has_problem(node) {
                    self.problems.retain(|(of, _), _| *of != node);
                    self.retry_blocked();
                }
                self.release(node);
            }
            return;
        };
        if !decision.may_send() {
            // What was refused is not asked for any more, nor does its content travel.
            self.solved(node, ProblemKind::Refused);
            self.unload(node);
        }
        if !decision.may_change_disk() {
            // No name here is waited for any more.
            self.solved(node, ProblemKind::Parked);
        }
        match decision {
            Decision::Forget => self.trees.set_synced(node, None),
            Decision::Adopt => self.adopt(node),
            Decision::Read => self.want_read(node),
            Decision::Split => self.split(node),
            Decision::KeepHere(whole) => self.keep_here(node, whole),
            Decision::KeepThere(whole) => self.keep_there(node, whole),
            Decision::Materialise | Decision::DeleteHere => self.offer_inbound(node),
            Decision::Create => {
                self.read_unless_known(node);
                self.offer_outbound(node);
            }
            Decision::DeleteThere => self.want_deleted(node),
            Decision::Merge { place, content, executable } => {
                self.merge(node, place, content, executable);
            }
        }
        let begins = self.inbound.ready.contains(node) || self.is_held(node);
        if !begins && self.trees.get(node).intent().is_some() {
            self.trees.set_intent(node, None);
        }
    }

    /// Compares and decides; `None` for a node that is frozen, missing, or whose state is unknown.
    pub(super) fn decide(&self, node: NodeId) -> Option<Decision> {
        if node == NodeId::ROOT
            || !self.trees.contains(node)
            || self.is_in_flight(node)
            || self.looks.missing.contains_key(&node)
            || self.is_unknown(node)
            || self.is_to_be_hidden(node)
            || self.is_missed_and_unmet(node)
        {
            return None;
        }
        let record = self.trees.get(node);
        let moved_above = match (record.local(), record.synced(), record.remote()) {
            (Local::Absent, Some(_), Some(_)) => self.moved_above_there(node),
            (Local::Present(_), Some(_), None) => !record.goes() && self.moved_above_here(node),
            (Local::Absent | Local::Present(_) | Local::Hidden(_), _, _) => false,
        };
        situation(record, moved_above).map(reconcile)
    }

    /// On both sides and never agreed on, and maybe gone from here with the directory that it is in: it
    /// would then be taken for deleted.
    fn is_missed_and_unmet(&self, node: NodeId) -> bool {
        let record = self.trees.get(node);
        record.synced().is_none()
            && record.remote().is_some()
            && record.present().is_some()
            && self.is_being_missed(node)
    }

    /// Below a directory that could not be read, or moved there by this device. Of what was deleted in
    /// it before, too, nobody knows whether it has come back.
    pub(super) fn is_unknown(&self, node: NodeId) -> bool {
        if self.looks.all_is_seen() {
            return false;
        }
        let record = self.trees.get(node);
        match (record.last_seen(), record.synced()) {
            (Some(here), _) => {
                self.unseen_around(here.place.parent).is_some() || self.is_moved_out_of_sight(node)
            }
            (None, Some(synced)) => self.is_out_of_sight(synced.place.parent),
            (None, None) => false,
        }
    }

    /// A directory that cannot be read, or is below one: what is in it is unknown.
    pub(super) fn is_out_of_sight(&self, dir: NodeId) -> bool {
        self.looks.is_unseen(dir) || self.is_unknown(dir)
    }

    /// The directory that could not be read, or was not looked at as a whole since, that a node is or
    /// is in.
    pub(super) fn unseen_around(&self, node: NodeId) -> Option<NodeId> {
        self.trees.line_here(node).find(|at| self.looks.is_unseen(*at))
    }

    /// What is in a directory is no longer unknown: it is planned, and so is what was deleted there.
    pub(super) fn plan_what_was_unknown(&mut self, dir: NodeId) {
        let deleted =
            |record: &Record| matches!(record.local(), Local::Absent) && record.synced().is_some();
        let mut known = self.trees.below_here(dir);
        let deleted = self.trees.nodes().filter(|(_, record)| deleted(record));
        known.extend(deleted.map(|(node, _)| node));
        known.into_iter().for_each(|node| self.trees.touch(node));
    }

    /// Where a disk has no executable bits, a file has the one that was agreed on.
    pub(super) fn with_bit(&self, node: NodeId, body: LocalBody) -> LocalBody {
        let LocalBody::File { content, .. } = body else { return body };
        if self.config.has_modes {
            return body;
        }
        let agreed = self.trees.get(node).synced();
        let executable = agreed.is_some_and(|agreed| agreed.body.executable());
        LocalBody::File { content, executable }
    }

    fn moved_above_here(&self, node: NodeId) -> bool {
        let here = self.trees.get(node).present();
        here.is_some_and(|here| self.is_moved_here(here.place.parent, NodeId::ROOT))
    }

    fn moved_above_there(&self, node: NodeId) -> bool {
        let moved = |record: &Record, now: &Place| {
            record.origin().is_some_and(|was| was != now) && place_here(record) != Some(now)
        };
        let there = place_there(self.trees.get(node));
        there.is_some_and(|there| self.is_moved(there.parent, NodeId::ROOT, place_there, moved))
    }

    /// Whether a directory, or one that it is in, up to another, was moved by a user here, and not to
    /// the same at the server.
    pub(super) fn is_moved_here(&self, dir: NodeId, until: NodeId) -> bool {
        let moved = |record: &Record, now: &Place| {
            record.synced().is_some_and(|was| was.place != *now) && place_there(record) != Some(now)
        };
        self.is_moved(dir, until, place_here, moved)
    }

    /// Whether that is so of a directory by its places on one side, or of one that it is in.
    fn is_moved(
        &self,
        dir: NodeId,
        until: NodeId,
        place: fn(&Record) -> Option<&Place>,
        moved: impl Fn(&Record, &Place) -> bool,
    ) -> bool {
        let mut at = dir;
        while at != NodeId::ROOT && at != until {
            let record = self.trees.get(at);
            match place(record) {
                Some(now) if moved(record, now) => return true,
                Some(now) => at = now.parent,
                None => return false,
            }
        }
        false
    }

    fn merge(&mut self, node: NodeId, place: Act, content: Act, executable: Act) {
        let acts = [place, content, executable];
        if acts.contains(&Act::Agree) {
            self.agree(node, place, content, executable);
        }
        if content == Act::Wait {
            self.read_unless_known(node);
            if self.prefix(node).is_some() {
                self.offer_outbound(node);
            }
        }
        if acts.contains(&Act::Apply) {
            self.offer_inbound(node);
        }
        if acts.contains(&Act::Send) {
            self.offer_outbound(node);
        }
        if acts == [Act::Rest; 3] {
            for kind in [
                ProblemKind::Busy,
                ProblemKind::Unwritable,
                ProblemKind::DiskFull,
                ProblemKind::Parked,
                ProblemKind::Refused,
            ] {
                self.solved(node, kind);
            }
            // A directory may be as it should, and what is in it still unknown.
            if !self.looks.blind.contains(&node) {
                self.solved(node, ProblemKind::Unreadable);
            }
            self.release(node);
        }
    }

    fn read_unless_known(&mut self, node: NodeId) {
        if self.trees.get(node).present().is_some_and(|here| here.body.known().is_none()) {
            self.want_read(node);
        }
    }

    /// Notes that both sides made the same change.
    fn agree(&mut self, node: NodeId, place: Act, content: Act, executable: Act) {
        let record = self.trees.get(node);
        let (Some(synced), Some(there)) = (record.synced(), record.remote()) else { return };
        let mut agreed = synced.clone();
        if place == Act::Agree {
            agreed.place = there.place.clone();
        }
        if content == Act::Agree {
            agreed.body = with_executable(&there.body, agreed.body.executable());
        }
        if executable == Act::Agree {
            agreed.body = with_executable(&agreed.body, there.body.executable());
        }
        self.trees.set_synced(node, Some(agreed));
    }

    /// Both have it with the same bytes: the server's executable bit counts, as it was accepted.
    fn adopt(&mut self, node: NodeId) {
        let record = self.trees.get(node);
        let (Some(here), Some(there)) = (record.present(), record.remote()) else { return };
        let body = with_executable(&there.body, here.body.executable());
        let agreed = State { place: there.place.clone(), body };
        self.trees.set_synced(node, Some(agreed));
    }

    /// The bytes here become another node; it stands at the name that this node has at the server,
    /// and finds a conflict name when this one comes.
    pub(super) fn split(&mut self, node: NodeId) {
        let other = self.ids.node();
        self.hand_over(node, other);
        self.trees.set_synced(node, None);
    }

    fn keep_here(&mut self, node: NodeId, whole: bool) {
        self.trees.set_synced(node, None);
        if whole {
            for below in self.trees.below_here(node) {
                if self.trees.get(below).remote().is_none() {
                    self.trees.set_synced(below, None);
                }
            }
        }
    }

    fn keep_there(&mut self, node: NodeId, whole: bool) {
        self.trees.set_synced(node, None);
        if whole {
            for below in self.trees.below_there(node) {
                if matches!(self.trees.get(below).local(), Local::Absent) {
                    self.trees.set_synced(below, None);
                }
            }
        }
    }

    /// This device's move of a directory was taken by the server, or is given up: what was deleted in
    /// it there, and could not be decided about so far, is kept.
    pub(super) fn keep_undecided_here(&mut self, dir: NodeId) {
        for below in self.trees.below_here(dir) {
            let undecided = self.is_unknown(below) || self.is_in_flight(below);
            let record = self.trees.get(below);
            if undecided && record.remote().is_none() && !record.goes() {
                self.trees.set_synced(below, None);
            }
        }
    }

    /// The server's move of a directory was made here, into one that was moved here itself: that does
    /// not keep what was deleted in it at the server.
    pub(super) fn let_go_in(&mut self, dir: NodeId) {
        for below in self.trees.below_here(dir) {
            let kept = place_here(self.trees.get(below))
                .is_none_or(|here| self.is_moved_here(here.parent, dir));
            if !kept {
                self.trees.let_go(below);
            }
        }
    }

    /// The server's move of a directory was made here: what was deleted in it, without knowing of
    /// the move, is kept, whether or not that was decided before.
    pub(super) fn keep_undecided_there(&mut self, dir: NodeId) {
        for below in self.trees.below_there(dir) {
            let gone = matches!(self.trees.get(below).local(), Local::Absent);
            if gone && !self.looks.missing.contains_key(&below) {
                self.trees.set_synced(below, None);
            }
        }
    }

    /// A directory that something wanted here is to be in: if it was deleted here, it comes back.
    /// Whether it was is not known yet where that cannot be seen.
    pub(super) fn need_here(&mut self, dir: NodeId) {
        let record = self.trees.get(dir);
        let deleted = matches!(record.local(), Local::Absent) && record.synced().is_some();
        let undecided = self.is_in_flight(dir) || self.is_unknown(dir);
        if deleted && record.remote().is_some() && !undecided {
            self.trees.set_synced(dir, None);
        }
    }

    /// A directory that something wanted at the server is to be in: if it was deleted there, it is
    /// made there again.
    pub(super) fn need_there(&mut self, dir: NodeId) {
        let record = self.trees.get(dir);
        let deleted = record.remote().is_none() && record.synced().is_some();
        if deleted && record.present().is_some() && !self.is_in_flight(dir) {
            self.inbound.kept.remove(&dir);
            self.trees.set_synced(dir, None);
        }
    }

    /// No operation on the node is under way any more: it is planned, with what is to have its name.
    pub(super) fn unfreeze(&mut self, node: NodeId) {
        self.trees.touch(node);
        let place = self.trees.get(node).present().map(|here| &here.place);
        let rival = place.and_then(|place| self.trees.at_there(place));
        rival.into_iter().for_each(|rival| self.trees.touch(rival));
    }

    /// An operation on the node is under way.
    pub(super) fn is_in_flight(&self, node: NodeId) -> bool {
        self.is_in_commit(node) || self.changes.contains(node)
    }

    /// Tells people that something is not in sync.
    pub(super) fn problem(&mut self, node: NodeId, kind: ProblemKind, reason: String) {
        self.problems.insert((node, kind), reason);
    }

    /// It is no longer so: what waited behind it is planned again.
    pub(super) fn solved(&mut self, node: NodeId, kind: ProblemKind) {
        if self.problems.remove(&(node, kind)).is_some() {
            self.retry_blocked();
        }
    }

    /// People were told of a problem with it, or with a directory that it waits for.
    pub(super) fn is_hindered(&self, node: NodeId) -> bool {
        let mut at = node;
        loop {
            if self.has_problem(at) {
                return true;
            }
            let record = self.trees.get(at);
            at = match (record.present(), record.remote()) {
                (None, Some(there)) => there.place.parent,
                (Some(here), None) => here.place.parent,
                (Some(_), Some(_)) | (None, None) => return false,
            };
        }
    }

    pub(super) fn has_problem(&self, node: NodeId) -> bool {
        self.problems_of(node).next().is_some()
    }

    /// What people were told of it.
    pub(super) fn problems_of(&self, node: NodeId) -> impl Iterator<Item = (ProblemKind, &String)> {
        let from = self.problems.range((node, ProblemKind::Busy)..);
        from.take_while(move |((of, _), _)| *of == node).map(|((_, kind), why)| (*kind, why))
    }
}

fn place_here(record: &Record) -> Option<&Place> {
    record.present().map(|present| &present.place)
}

fn place_there(record: &Record) -> Option<&Place> {
    record.remote().map(|state| &state.place)
}

/// A body with this executable bit, if it can have one.
pub(super) fn with_executable(body: &Body, executable: bool) -> Body {
    match body {
        Body::File { content, .. } => Body::File { content: *content, executable },
        Body::Directory | Body::Symlink(_) => body.clone(),
    }
}

#[cfg(test)]
mod tests;
