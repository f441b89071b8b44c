//! Taking the server's journal and snapshots into *remote*, and *synced* along with it where this
//! device wrote them.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use crate::id::NodeId;
use crate::name::RelPath;
use crate::node::{Body, Place, State};
use crate::operation::{Entry, Step};
use crate::protocol::{MergeReason, Row};

use super::Client;
use super::event::{Action, Effect, Notice};
use super::planning::with_executable;
use super::record::{Local, Record};
use super::stream::Phase;
use super::trees::MAX_DEPTH;

impl Client {
    /// The next entry of the journal.
    pub(super) fn apply_entry(&mut self, entry: &Entry) {
        let own = self.keys.made(entry.key);
        let is_new = |step: &Step| {
            let row = self.stream.newer_rows.get(&step.node());
            row.is_none_or(|row| *row < entry.seq)
        };
        // An operation is one change: people are told how it was before all of it, and is after.
        let steps: Vec<(&Step, Option<RelPath>)> = (entry.operation.steps.iter())
            .filter(|step| is_new(step))
            .map(|step| (step, self.trees.path_there(step.node())))
            .collect();
        steps.iter().for_each(|(step, _)| self.apply_step(step, own));
        steps.into_iter().for_each(|(step, before)| self.report(entry, step, before));
        self.stream.newer_rows.retain(|_, row| *row > entry.seq);
    }

    fn apply_step(&mut self, step: &Step, own: bool) {
        let node = step.node();
        let remote = self.trees.get(node).remote().cloned();
        let state = after_step(step, remote);
        let forgotten = own && !self.trees.contains(node) && !self.is_in_commit(node);
        if own {
            self.meet_own(step);
        }
        self.trees.set_remote(node, state.clone());
        if own {
            if matches!(step, Step::Move { .. }) {
                self.keep_undecided_here(node);
            }
            let synced = self.trees.get(node).synced().cloned();
            let agreed = match step {
                // What cannot be looked for here was not deleted here.
                Step::Create { place, .. } if forgotten && self.may_stand_unseen(place) => None,
                Step::Create { .. } => state,
                Step::Delete { .. } => None,
                Step::Edit { .. }
                | Step::Retarget { .. }
                | Step::SetExecutable { .. }
                | Step::Move { .. } => synced.and_then(|synced| after_step(step, Some(synced))),
            };
            self.trees.set_synced(node, agreed);
        } else if let (Step::Delete { .. }, Local::Absent) = (step, self.trees.get(node).local()) {
            self.trees.set_synced(node, None);
        }
    }

    /// This device made a node, but forgot its id: the file at its place, which has another id that
    /// no server knows, is that node.
    fn meet_own(&mut self, step: &Step) {
        let Step::Create { node, place, body } = step else { return };
        if self.trees.get(*node).present().is_some() {
            return;
        }
        let Some(other) = self.trees.at_here(place) else { return };
        let record = self.trees.get(other);
        let fits = record.present().is_some_and(|here| here.body.kind() == body.kind());
        if fits && !record.accepted() && !self.is_in_flight(other) {
            self.hand_over(other, *node);
            if self.trees.is_dir_here(*node) {
                self.want_all(*node, 0);
            }
        }
    }

    /// Whether something may be at a place, or on the way to it, that no look can show now.
    fn may_stand_unseen(&self, place: &Place) -> bool {
        let mut dir = place.parent;
        for _ in 0..MAX_DEPTH {
            if self.is_out_of_sight(dir) {
                return true;
            }
            match self.trees.get(dir).remote() {
                Some(there) if !self.trees.is_dir_here(dir) => dir = there.place.parent,
                Some(_) | None => return false,
            }
        }
        false
    }

    fn report(&mut self, entry: &Entry, step: &Step, before: Option<RelPath>) {
        let (action, from) = match step {
            Step::Create { .. } => (Action::Created, None),
            Step::Edit { .. } | Step::Retarget { .. } => (Action::Edited, None),
            Step::SetExecutable { .. } => (Action::ModeChanged, None),
            Step::Move { .. } => (Action::Moved, before.clone()),
            Step::Delete { .. } => (Action::Deleted, None),
        };
        let path = self.trees.path_there(step.node()).or(before).unwrap_or_default();
        let (time, device) = (entry.time, entry.device);
        self.out.push(Effect::Report(Notice::Happened { time, device, action, path, from }));
    }

    /// Swaps a complete snapshot in, once the disk was looked at as a whole: what is missing by
    /// then is no deletion, if what was agreed on does not hold.
    pub(super) fn finish_snapshot(&mut self) {
        let complete = match &self.stream.phase {
            Phase::Building(building) => building.start.is_some(),
            Phase::Down { .. }
            | Phase::Connecting
            | Phase::Greeting
            | Phase::Greeted
            | Phase::Live => false,
        };
        if !complete || !self.looks.scanned {
            return;
        }
        let Phase::Building(building) = core::mem::replace(&mut self.stream.phase, Phase::Live)
        else {
            return;
        };
        let Some(start) = building.start else { return };
        let rows: BTreeMap<NodeId, Row> =
            building.rows.into_iter().map(|row| (row.node, row)).collect();
        self.stream.newer_rows = (rows.values())
            .filter(|row| row.seq > start.seq)
            .map(|row| (row.node, row.seq))
            .collect();
        let mut nodes: Vec<NodeId> = self.trees.nodes().map(|(node, _)| node).collect();
        nodes.extend(rows.keys().copied().filter(|node| !self.trees.contains(*node)));
        if building.merge.is_some() {
            self.changes.forget_agreements();
        }
        for node in &nodes {
            self.swap_in(*node, rows.get(node), building.merge);
        }
        if building.merge == Some(MergeReason::OtherJournal) {
            self.keys.forget_made();
        }
        self.stream.cursor = start;
        self.save_header();
        building.later.into_iter().for_each(|message| self.on_ordered(message));
    }

    fn swap_in(&mut self, node: NodeId, row: Option<&Row>, merge: Option<MergeReason>) {
        let base = match merge {
            None => self.base_after_snapshot(node, row),
            // It comes back, unless it is found elsewhere: then it has moved. Nor is what will be found
            // missing where nothing can be seen now a deletion.
            Some(_) if self.is_being_missed(node) || self.is_unknown(node) => None,
            // The journal still holds what was agreed on; only this device's memory of it is old.
            Some(MergeReason::OlderDevice | MergeReason::ClonedDevice) => (row)
                .filter(|_| self.trees.get(node).present().is_some())
                .and_then(|row| self.base_after_snapshot(node, Some(row))),
            Some(MergeReason::FirstJoin) => None,
            Some(MergeReason::OtherJournal) => base_in_other_journal(self.trees.get(node), row),
        };
        if merge.is_some() && self.unresolved.remove(node) {
            // That it was placed here, or removed, was agreed on with what the server had then.
            self.trees.set_intent(node, None);
        }
        let unmet = merge.is_some() && base.is_none();
        self.trees.set_remote(node, row.map(|row| row.state.clone()));
        self.trees.set_synced(node, base);
        if unmet {
            // What will be agreed on has not come of what was here: it may be older.
            self.trees.forget_past(node);
        }
        self.trees.touch(node);
    }

    /// What was agreed on, with what this state wrote itself since.
    fn base_after_snapshot(&self, node: NodeId, row: Option<&Row>) -> Option<State> {
        let mut base = self.trees.get(node).synced().cloned()?;
        if let Some(row) = row {
            if self.keys.made(row.content_by) {
                base.body = with_executable(&row.state.body, base.body.executable());
            }
            if self.keys.made(row.place_by) {
                base.place = row.state.place.clone();
            }
        }
        Some(base)
    }
}

/// A node's state after a step.
fn after_step(step: &Step, before: Option<State>) -> Option<State> {
    match step {
        Step::Create { place, body, .. } => {
            Some(State { place: place.clone(), body: body.clone() })
        }
        Step::Delete { .. } => None,
        Step::Move { place, .. } => before.map(|state| State { place: place.clone(), ..state }),
        Step::Edit { content, .. } => before.map(|state| {
            let executable = state.body.executable();
            State { body: Body::File { content: *content, executable }, ..state }
        }),
        Step::Retarget { target, .. } => {
            before.map(|state| State { body: Body::Symlink(target.clone()), ..state })
        }
        Step::SetExecutable { executable, .. } => before.map(|state| {
            let body = with_executable(&state.body, *executable);
            State { body, ..state }
        }),
    }
}

/// What still counts as agreed on with a server that went back, or is another: nothing that could
/// delete. What this device had there after that is newer than what the server has; a rename is always
/// taken for that.
fn base_in_other_journal(record: &Record, row: Option<&Row>) -> Option<State> {
    let (Some(synced), Some(row)) = (record.synced(), row) else { return None };
    record.present()?;
    let there = &row.state;
    let known = synced.body.same_bytes(&there.body)
        || there.body.content().is_some_and(|content| record.descends_from(content.id));
    known.then(|| there.clone())
}

#[cfg(test)]
mod tests;
