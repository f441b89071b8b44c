//! Making the server as this disk is: uploading contents and sending commits, one at a time.
//!
//! A commit is built from the trees when there is none under way; its nodes are frozen until the
//! outcome has come, which the stream delivers after all entries it was decided after. A commit
//! whose answer was lost with the connection is sent again under its key.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::format;
use alloc::vec::Vec;

use crate::blob::Blob;
use crate::id::{CommitKey, NodeId, Seq};
use crate::node::Body;
use crate::operation::{
    Commit, MAX_COMMIT_BYTES, MAX_OPERATIONS, MAX_STEPS, Operation, Refusal, Step, Verdict,
};
use crate::protocol::ClientMessage;

use super::event::Effect;
use super::inbound::plus;
use super::ordering::{Needs, Pending, in_order};
use super::reconcile::{Act, Decision};
use super::record::Local;
use super::tally::Tally;
use super::trees::MAX_DEPTH;
use super::{Client, ProblemKind};

/// The most nodes that are examined for one commit.
const MAX_EXAMINED: usize = 4 * MAX_OPERATIONS;

/// What is being sent.
#[derive(Debug, Default)]
pub(super) struct Outbound {
    /// Nodes that may go into a commit.
    pub(super) ready: Tally,
    commit: Option<UnderWay>,
}

#[derive(Debug)]
struct UnderWay {
    commit: Commit,
    nodes: BTreeSet<NodeId>,
    /// Files that it deletes, and that nobody was asked about.
    unasked: BTreeSet<NodeId>,
    /// It went up the connection that stands.
    sent: bool,
}

impl Outbound {
    /// A new connection goes on where the last ended: the commit under way goes up it again.
    pub(super) const fn resend(&mut self) {
        if let Some(under_way) = &mut self.commit {
            under_way.sent = false;
        }
    }
}

impl Client {
    /// Starts what may start.
    pub(super) fn pump_outbound(&mut self) {
        if !self.is_live() || !self.may_change_disk() || self.rules_are_coming() {
            return;
        }
        self.send_waiting();
        self.pump_uploads();
        if self.outbound.commit.is_none() && !self.outbound.ready.is_empty() {
            self.give_up_cycles();
            let mut pending: Pending = BTreeMap::new();
            for node in self.outbound.ready.iter().take(MAX_EXAMINED) {
                if pending.len() >= MAX_OPERATIONS {
                    break;
                }
                if let Some(step) = self.step(node).filter(|_| self.is_saved(node)) {
                    self.gather(step, &mut pending);
                }
            }
            // Built only when it can go up: what it is made of may be gone soon.
            if !pending.is_empty() && self.continue_lineage() && self.may_commit() {
                self.send_commit(pending);
            }
        }
    }

    /// Sends a node when it may. One that has not settled, or is held, is planned again when that
    /// ends; one that needs a content at the server, when that is there.
    pub(super) fn offer_outbound(&mut self, node: NodeId) {
        let Some(step) = self.step(node) else { return };
        if matches!(step, Step::Edit { .. }) && self.is_too_quick(node) {
            return;
        }
        if self.is_name_hidden(&step) {
            return self.offer_inbound(node);
        }
        let load = step.content().is_some_and(|content| !self.is_loaded(node, &content));
        let uploading = self.uploads.is_under_way(node);
        if !load {
            self.outbound.ready.insert(node, self.uploads.inline_bytes(node));
        } else if !uploading {
            self.uploads.wanted.insert(node, self.size_here(node));
        }
    }

    /// Of what has its name at the server nothing is known here: that cannot give the name up.
    pub(super) fn is_name_hidden(&self, step: &Step) -> bool {
        let (Step::Create { node, place, .. } | Step::Move { node, place }) = step else {
            return false;
        };
        let other = self.trees.at_there(place).filter(|other| other != node);
        other.is_some_and(|other| matches!(self.trees.get(other).local(), Local::Hidden(_)))
    }

    /// What to ask the server for, for one node, if that may go now.
    pub(super) fn step(&self, node: NodeId) -> Option<Step> {
        let prefix = self.prefix(node);
        if !self.is_settled(node) || (self.is_held(node) && prefix.is_none()) {
            return None;
        }
        let decision = self.decide(node)?;
        if decision == Decision::DeleteThere {
            return self.deletions.may_go(node).then_some(Step::Delete { node });
        }
        let here = self.trees.get(node).present()?;
        let place = here.place.clone();
        if decision == Decision::Create {
            return Some(Step::Create { node, place, body: here.body.known().or(prefix)? });
        }
        let Decision::Merge { place: place_act, content, executable } = decision else {
            return None;
        };
        if place_act == Act::Send {
            return Some(Step::Move { node, place });
        }
        if content == Act::Send {
            return match here.body.known()? {
                Body::File { content, .. } => Some(Step::Edit { node, content }),
                Body::Symlink(target) => Some(Step::Retarget { node, target }),
                Body::Directory => None,
            };
        }
        if content == Act::Wait
            && place_act == Act::Rest
            && let Some(Body::File { content, .. }) = prefix
        {
            return Some(Step::Edit { node, content });
        }
        let executable_here = here.body.executable();
        (executable == Act::Send)
            .then_some(Step::SetExecutable { node, executable: executable_here })
    }

    /// Takes a step, and those it cannot go without, as far as they may go now: more than a commit
    /// has operations, if it must be, since they may be one.
    fn gather(&self, step: Step, pending: &mut Pending) {
        let mut todo = alloc::vec![step];
        while let Some(step) = todo.pop() {
            let node = step.node();
            if pending.len() >= MAX_STEPS || pending.contains_key(&node) {
                continue;
            }
            let needs = self.needs(&step);
            for &other in needs.first.iter().chain(&needs.together) {
                let ready = self.step(other).filter(|_| self.outbound.ready.contains(other));
                let ready = ready.filter(|_| self.is_saved(other));
                if !matches!(step, Step::Delete { .. }) {
                    todo.extend(ready.filter(|_| !pending.contains_key(&other)));
                }
            }
            pending.insert(node, (step, needs));
        }
    }

    /// What must happen at the server before this step, or together with it.
    pub(super) fn needs(&self, step: &Step) -> Needs {
        let mut needs = Needs::default();
        match step {
            Step::Create { node, place, .. } | Step::Move { node, place } => {
                let moves = matches!(step, Step::Move { .. });
                if !self.trees.is_dir_there(place.parent) {
                    needs.first.insert(place.parent);
                }
                if let Some(other) = self.trees.at_there(place).filter(|other| other != node) {
                    let needs = if moves { &mut needs.together } else { &mut needs.first };
                    needs.insert(other);
                }
                if moves {
                    needs.together.extend(self.moving_between(place.parent, *node));
                }
            }
            Step::Delete { node } => {
                needs.first.extend(self.trees.children_there(*node).map(|(_, child)| child));
            }
            Step::Edit { .. } | Step::Retarget { .. } | Step::SetExecutable { .. } => {}
        }
        needs
    }

    /// If `dir` is below `node` at the server: the directories between that move away here.
    fn moving_between(&self, dir: NodeId, node: NodeId) -> Vec<NodeId> {
        let mut between = Vec::new();
        if dir != node && self.trees.is_within_there(dir, node) {
            let mut at = dir;
            while at != node {
                let Some(there) = self.trees.get(at).remote() else { break };
                let moves = |decision: Decision| decision.place() == Some(Act::Send);
                if self.decide(at).map_or_else(|| self.is_in_commit(at), moves) {
                    between.push(at);
                }
                at = there.place.parent;
            }
        }
        between
    }

    /// A directory would be inside itself at the server, by a move that was accepted first, and all
    /// that are to be sent: its place becomes the server's. Those that are to go into what is in them
    /// come first: the others may then go.
    fn give_up_cycles(&mut self) {
        let ready: Vec<NodeId> = self.outbound.ready.iter().collect();
        for into_own in [true, false] {
            for &node in &ready {
                let Some(Step::Move { place, .. }) = self.step(node) else { continue };
                if self.trees.is_within_there(place.parent, node) == into_own
                    && self.would_be_inside(place.parent, node)
                {
                    // Nothing tells of that move any more: what it keeps is kept now.
                    self.keep_undecided_here(node);
                    self.trees.pass_by(node, place);
                }
            }
        }
    }

    /// Whether a directory would be another, or inside it, once all was sent, also what cannot go yet.
    fn would_be_inside(&self, dir: NodeId, other: NodeId) -> bool {
        let mut at = dir;
        for _ in 0..MAX_DEPTH {
            if at == other {
                return true;
            }
            // Where it is to be is not known now.
            let Some(decision) = self.decide(at) else { return false };
            let record = self.trees.get(at);
            // What was deleted there is made again as it is here: something is to be in it.
            let place = match (decision.places_there(), record.remote()) {
                (false, Some(there)) => Some(&there.place),
                (true, _) | (false, None) => record.present().map(|here| &here.place),
            };
            match place {
                Some(place) => at = place.parent,
                None => return false,
            }
        }
        false
    }

    fn send_commit(&mut self, pending: Pending) {
        let ordered = in_order(pending);
        if ordered.is_empty() {
            self.want_parents();
            return;
        }
        let mut operations = Vec::new();
        let mut contents: Vec<Blob> = Vec::new();
        let (mut nodes, mut bytes) = (BTreeSet::new(), 0);
        // Each comes after those that it needs: the rest may wait.
        for steps in ordered.into_iter().take(MAX_OPERATIONS) {
            let inline: Vec<Blob> =
                (steps.iter()).filter_map(|step| self.uploads.inline(step.node())).collect();
            let size: usize = inline.iter().map(|bytes| bytes.len()).sum();
            if bytes + size > MAX_COMMIT_BYTES && !operations.is_empty() {
                break;
            }
            bytes += size;
            nodes.extend(steps.iter().map(Step::node));
            contents.extend(inline);
            operations.push(Operation { steps });
        }
        let Some(key) = self.keys.take() else { return };
        let commit = Commit { key, seen: self.stream.cursor.seq, operations, contents };
        let unasked = nodes.iter().copied().filter(|node| self.deletions.counts(*node)).collect();
        // What is on its way is judged and counted no more, nor can it be undone.
        nodes.iter().for_each(|node| self.deletions.forget(*node));
        self.outbound.commit = Some(UnderWay { commit, nodes, unasked, sent: false });
        self.send_waiting();
        self.want_parents();
    }

    /// Sends the commit under way, if it did not go up this connection yet.
    fn send_waiting(&mut self) {
        if self.outbound.commit.as_ref().is_none_or(|under_way| under_way.sent)
            || !self.continue_lineage()
        {
            return;
        }
        if let Some(under_way) = &mut self.outbound.commit {
            under_way.sent = true;
            self.out.push(Effect::Send(ClientMessage::Commit(under_way.commit.clone())));
        }
    }

    /// Directories that were deleted at the server, and that something here must be in.
    fn want_parents(&mut self) {
        let parents: BTreeSet<NodeId> = self
            .outbound
            .ready
            .iter()
            .filter_map(|node| {
                let decision = self.decide(node)?;
                decision.places_there().then_some(self.trees.get(node).present()?.place.parent)
            })
            .collect();
        parents.into_iter().for_each(|dir| self.need_there(dir));
    }

    /// The outcome of the commit under way: the entries it was decided after have come.
    pub(super) fn on_outcome(&mut self, key: CommitKey, verdicts: &[Verdict]) {
        if self.outbound.commit.as_ref().is_none_or(|under_way| under_way.commit.key != key) {
            return;
        }
        let Some(done) = self.outbound.commit.take() else { return };
        self.keys.decided(key);
        for (operation, verdict) in done.commit.operations.iter().zip(verdicts) {
            for step in &operation.steps {
                let node = step.node();
                self.spend_prefix(node);
                match verdict {
                    Verdict::Accepted(_) | Verdict::Agreed => {
                        if done.unasked.contains(&node) {
                            self.deletions.went(self.now.instant);
                        }
                        if let Step::Create { body, .. } = step
                            && *body != Body::Directory
                        {
                            self.deletions.came(self.now.instant);
                        }
                        self.unload(node);
                        self.note_pace(node);
                        self.release(node);
                        self.solved(node, ProblemKind::Refused);
                    }
                    Verdict::Refused(refusal) => self.on_refused(node, *refusal),
                }
            }
        }
        done.nodes.into_iter().for_each(|node| self.unfreeze(node));
    }

    fn on_refused(&mut self, node: NodeId, refusal: Refusal) {
        match refusal {
            // The newer state has come by the stream, and the plan is another now. Should it be
            // the same, the hold keeps it from going round and round.
            Refusal::Stale
            | Refusal::Deleted
            | Refusal::NameTaken
            | Refusal::ParentGone
            | Refusal::NotEmpty
            | Refusal::WouldCycle
            | Refusal::WrongKind => self.hold(node, "the server has another state of it by now"),
            Refusal::MissingContent | Refusal::KeyReused => {
                self.unload(node);
                self.hold(node, "its content did not reach the server");
            }
            Refusal::OverQuota => self.refuse(node, "the folder is full at the server"),
            Refusal::ReadOnly => self.refuse(node, "this device may only read"),
            Refusal::Malformed => self.refuse(node, "the server cannot take it"),
        }
    }

    fn refuse(&mut self, node: NodeId, why: &str) {
        let why = format!("{why}; it stays here only");
        self.problem(node, ProblemKind::Refused, why.clone());
        self.hold(node, why);
    }

    /// What the commit under way was made on: it is decided there, or later.
    pub(super) fn commit_made_at(&self) -> Option<Seq> {
        self.outbound.commit.as_ref().map(|under_way| under_way.commit.seen)
    }

    /// Forgets the commit under way: a snapshot says what became of it.
    pub(super) fn drop_commit(&mut self) {
        if let Some(dropped) = self.outbound.commit.take() {
            dropped.nodes.into_iter().for_each(|node| self.unfreeze(node));
        }
    }

    /// The node is in the commit under way.
    pub(super) fn is_in_commit(&self, node: NodeId) -> bool {
        self.outbound.commit.as_ref().is_some_and(|under_way| under_way.nodes.contains(&node))
    }

    /// How many files the commit under way deletes that nobody was asked about.
    pub(super) fn deletions_in_commit(&self) -> u64 {
        self.outbound.commit.as_ref().map_or(0, |under_way| under_way.unasked.len() as u64)
    }

    /// What is to be sent, or on its way: items and bytes.
    pub(super) fn to_send(&self) -> (u64, u64) {
        let waiting =
            |node| self.outbound.ready.contains(node) || self.uploads.wanted.contains(node);
        let in_commit = self.outbound.commit.iter().flat_map(|under_way| &under_way.nodes).copied();
        let begun: BTreeSet<NodeId> = in_commit.chain(self.uploads.nodes()).collect();
        let begun = begun.into_iter().filter(|node| !waiting(*node));
        let left = |node| match self.uploads.is_under_way(node) {
            true => self.size_here(node),
            false => self.uploads.inline_bytes(node),
        };
        let begun = begun.map(|node| (1, left(node)));
        begun.chain([self.outbound.ready.total(), self.uploads.wanted.total()]).fold((0, 0), plus)
    }

    fn size_here(&self, node: NodeId) -> u64 {
        self.trees.get(node).present().map_or(0, |here| here.stamp.size)
    }

    /// Nothing is being sent or could be.
    pub(super) fn outbound_idle(&self) -> bool {
        self.outbound.commit.is_none()
            && self.uploads.is_idle()
            && self
                .outbound
                .ready
                .iter()
                .all(|node| self.is_hindered(node) || self.waits_for_consent(node))
            && self.uploads.wanted.iter().all(|node| self.is_hindered(node))
    }
}

#[cfg(test)]
mod tests;
