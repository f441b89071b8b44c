//! Making way on this disk for a node that the server has at a name.
//!
//! The node that stands at the name merges with it, moves on to where it belongs, trades places
//! with it, or gets a conflict name.

use alloc::boxed::Box;
use alloc::collections::BTreeSet;
use alloc::format;
use alloc::vec::Vec;

use crate::disk::Change;
use crate::id::NodeId;
use crate::name::{Name, conflict_name};
use crate::node::{Kind, Place, State};

use super::changing::Then;
use super::event::{Effect, Notice};
use super::inbound::Try;
use super::reconcile::{Act, Decision, same};
use super::record::Intent;
use super::{Client, ProblemKind};

/// A chain of nodes that each want the next one's name is followed this far.
const MAX_CHAIN: usize = 10_000;

impl Client {
    /// Makes sure that `node` can have its name. `None`: the name is free, in a directory that is
    /// here.
    pub(super) fn clear_way(&mut self, node: NodeId, place: &Place) -> Option<Try> {
        if let Some(wait) = self.wait_for_directory(node, place.parent) {
            return Some(wait);
        }
        if self.is_out_of_sight(place.parent) {
            // It may be there already. When that can be read, this is planned again.
            return Some(Try::Blocked);
        }
        if self.is_unsynced_there(place) {
            let reason = "something that is not synced has its name here";
            self.problem(node, ProblemKind::Parked, reason.into());
            return Some(Try::Blocked);
        }
        let Some(other) = self.occupant(node, place) else {
            self.solved(node, ProblemKind::Parked);
            return None;
        };
        if self.is_in_flight(other) {
            return Some(Try::Blocked);
        }
        let here = self.trees.get(node).present();
        let is_read = here.is_none_or(|here| here.body.known().is_some());
        match self.problems.get(&(other, ProblemKind::Busy)).cloned() {
            Some(reason) => self.problem(node, ProblemKind::Busy, reason),
            // It was not its own file that was busy, and the other is not any more.
            None if is_read => self.solved(node, ProblemKind::Busy),
            None => {}
        }
        let alike_only = self.trees.at_here(place) != Some(other);
        let record = self.trees.get(other);
        if record.remote().is_none() && record.synced().is_none() && !alike_only {
            return Some(self.meet(node, other));
        }
        match self.decide(other) {
            Some(Decision::Merge { place: Act::Apply, .. }) => {
                let waits = self.waits_for(other, node);
                if waits && self.leads_back(other, node) && self.can_exchange(node, other) {
                    return Some(self.exchange(node, other));
                }
                if waits || self.trees.is_within_there(other, node) {
                    // It, or what has the name that it is to have, is to be in the very directory
                    // that waits for its name.
                    return Some(self.rename_aside(other, false));
                }
                if self.is_stuck(other) {
                    let reason = "what has its name here cannot have its own name yet";
                    self.problem(node, ProblemKind::Parked, reason.into());
                }
                Some(Try::Blocked)
            }
            // The server can hold both names: nobody's file is renamed for this disk's sake.
            Some(Decision::Merge { .. } | Decision::Create | Decision::Read) if alike_only => {
                let reason =
                    format!("this disk takes another name for {}, and has that", place.name);
                self.problem(node, ProblemKind::Parked, reason);
                Some(Try::Blocked)
            }
            Some(Decision::Merge { place: Act::Send, .. }) => Some(self.rename_aside(other, true)),
            // It is still in the very directory that is to go, and whose name it gets.
            Some(Decision::DeleteHere) if self.trees.is_within_here(node, other) => {
                Some(self.rename_aside_into(node, place.parent, false))
            }
            Some(Decision::DeleteHere) if let Some(inside) = self.waiting_inside(node, other) => {
                Some(self.rename_aside_into(inside, place.parent, false))
            }
            Some(Decision::DeleteHere) if self.holds_unsynced(other) => {
                let reason = "what is not synced is still in the directory that has its name here";
                self.problem(node, ProblemKind::Parked, reason.into());
                Some(Try::Blocked)
            }
            Some(Decision::DeleteHere) if self.is_stuck(other) => {
                let reason = "what has its name here was deleted, and cannot go yet";
                self.problem(node, ProblemKind::Parked, reason.into());
                Some(Try::Blocked)
            }
            _ => Some(Try::Blocked),
        }
    }

    /// The directory that a node is to be in must be here. `None`: it is.
    fn wait_for_directory(&mut self, node: NodeId, dir: NodeId) -> Option<Try> {
        if self.trees.is_dir_here(dir) {
            // What has its name may be another one by now.
            return self.is_being_missed(dir).then_some(Try::Blocked);
        }
        if self.is_hidden_here(dir) {
            let reason = "the directory that it is to be in has a name here that is not synced";
            self.problem(node, ProblemKind::Parked, reason.into());
        }
        self.need_here(dir);
        Some(Try::Blocked)
    }

    /// What is in the directory that is to go, and waits itself for the one that gets its name.
    fn waiting_inside(&mut self, node: NodeId, going: NodeId) -> Option<NodeId> {
        let coming: Vec<NodeId> = self.to_come_out(going).collect();
        coming.into_iter().find(|&inside| {
            self.trees.is_within_there(inside, node) || self.waits_for(inside, node)
        })
    }

    /// What is in a directory that is to go, and has its place elsewhere.
    fn to_come_out(&self, going: NodeId) -> impl Iterator<Item = NodeId> {
        self.trees.below_here(going).into_iter().filter(|&inside| self.is_to_move_here(inside))
    }

    /// Its place here is to become another.
    fn is_to_move_here(&self, node: NodeId) -> bool {
        self.decide(node).and_then(Decision::place) == Some(Act::Apply)
    }

    /// What is to have its place elsewhere, of the directories from `inside` up to `dir`, which has
    /// them in it.
    fn to_come_out_with(&self, inside: NodeId, dir: NodeId) -> Vec<NodeId> {
        let line = self.trees.line_here(inside).take_while(|at| *at != dir);
        line.filter(|&at| self.is_to_move_here(at)).collect()
    }

    /// Something that is not synced has the name on this disk, or one that it takes for the same.
    fn is_unsynced_there(&self, place: &Place) -> bool {
        let Place { parent, name } = place;
        let folding = self.config.folding;
        self.looks.others.contains(&(*parent, name.clone()))
            || folding.folds()
                && (self.looks.others.range((*parent, Name::first())..))
                    .take_while(|(dir, _)| dir == parent)
                    .any(|(_, other)| folding.same(other, name))
    }

    /// Waits for what stands at the name here if that may be the very same, so that no content is
    /// fetched that is here already. `None`: it is not.
    pub(super) fn may_merge(&mut self, node: NodeId, there: &State) -> Option<Try> {
        if let Some(wait) = self.wait_for_directory(node, there.place.parent) {
            return Some(wait);
        }
        let other = self.trees.at_here(&there.place).filter(|&other| other != node)?;
        let record = self.trees.get(other);
        let is_new = record.remote().is_none() && record.synced().is_none();
        let differs = same(&record.present()?.body, &there.body) == Some(false);
        (is_new && !differs && !self.is_in_flight(other)).then(|| self.meet(node, other))
    }

    /// Another node that has the name on this disk, or one that this disk takes for the same.
    fn occupant(&self, node: NodeId, place: &Place) -> Option<NodeId> {
        let folding = self.config.folding;
        let exact = self.trees.at_here(place).filter(|&other| other != node);
        exact.or_else(|| {
            let folded = || {
                (self.trees.children_here(place.parent))
                    .find(|(name, other)| *other != node && folding.same(name, &place.name))
                    .map(|(_, other)| other)
            };
            folding.folds().then(folded).flatten()
        })
    }

    /// A node that the server does not have stands at the name of one that it has.
    fn meet(&mut self, node: NodeId, other: NodeId) -> Try {
        if self.is_being_missed(other) {
            // It may be gone: then the name is free when that is known.
            return Try::Blocked;
        }
        let record = self.trees.get(other);
        let Some(here) = record.present() else { return Try::Blocked };
        let Some(there) = self.trees.get(node).remote() else { return Try::Blocked };
        if here.body.known().is_none() && self.may_be_what_was_placed(&here.place) {
            self.want_read(other);
            return Try::Blocked;
        }
        let alone = self.trees.get(node).present().is_none();
        match same(&here.body, &there.body) {
            Some(true) if alone => {
                self.hand_over(other, node);
                if self.trees.is_dir_here(node) {
                    self.want_all(node, 0);
                }
                Try::Blocked
            }
            // Its reading has it planned again, and with it what wants its name.
            None => {
                self.want_read(other);
                Try::Blocked
            }
            Some(_) => self.rename_aside(other, true),
        }
    }

    /// Gives a node of this device a conflict name. Its inode is renamed, so that a program that
    /// has it open goes on in its own version. People are told where it is to stay so.
    fn rename_aside(&mut self, node: NodeId, stays: bool) -> Try {
        let Some(present) = self.trees.get(node).present() else { return Try::Blocked };
        let parent = present.place.parent;
        self.rename_aside_into(node, parent, stays)
    }

    /// What has its name at the server cannot come here, nor give the name up.
    pub(super) fn give_up_name(&mut self, node: NodeId) -> Try {
        match self.rename_aside(node, true) {
            // Its own change is what it waits for.
            Try::Blocked if self.is_in_flight(node) => Try::Started,
            tried @ (Try::Started | Try::Blocked | Try::Full) => tried,
        }
    }

    fn rename_aside_into(&mut self, node: NodeId, parent: NodeId, stays: bool) -> Try {
        let Some(present) = self.trees.get(node).present().cloned() else { return Try::Blocked };
        self.trees.keep(node);
        if !self.is_saved(node) || self.is_held(node) {
            return Try::Full;
        }
        let label = format!("{}, {}", self.config.device_name, self.now.local);
        // Where it is to be in that directory, it may become a copy of what then is there.
        let comes_there = |place: &&Place| place.parent == parent && present.place.parent != parent;
        let there = self.trees.get(node).remote().map(|there| &there.place);
        let beside = there.filter(comes_there).unwrap_or(&present.place).name.clone();
        let name = (1..)
            .map(|count| conflict_name(&beside, &label, count))
            .find(|name| !self.is_taken(parent, name))
            .expect("some count is free: a directory is finite");
        let to = Place { parent, name };
        let paths = (self.trees.path_here(node), self.trees.place_path(&to));
        let (Some(from), Some(path)) = paths else { return Try::Blocked };
        // On its way to its place at the server, it is where no user moved it.
        if !stays && !self.intend(node, &Intent::Move(Box::new(to.clone()))) {
            return Try::Full;
        }
        let notice = Notice::ConflictCopy { copy: path.clone(), beside: from.clone() };
        let only_if_quiet = present.body.kind() == Kind::File;
        let change = Change::Rename { from, expect: present.stamp, to: path, only_if_quiet };
        let places = alloc::vec![present.place, to.clone()];
        let tried =
            self.change(alloc::vec![node], places, change, Then::Moved { to, agreed: !stays });
        if tried == Try::Started {
            if stays {
                self.out.push(Effect::Report(notice));
            }
            return Try::Blocked;
        }
        tried
    }

    /// A name in a directory is had by something, or one that this disk takes for the same is.
    fn is_taken(&self, dir: NodeId, name: &Name) -> bool {
        let folding = self.config.folding;
        let alike = |(other, _): (&Name, NodeId)| folding.same(other, name);
        self.trees.child_here(dir, name).is_some()
            || self.trees.child_there(dir, name).is_some()
            || folding.folds()
                && (self.trees.children_here(dir).any(alike)
                    || self.trees.children_there(dir).any(alike))
    }

    /// Whether following who wants whose name from `from` comes back to `node`.
    fn leads_back(&self, from: NodeId, node: NodeId) -> bool {
        let mut at = from;
        for _ in 0..MAX_CHAIN {
            if at == node {
                return true;
            }
            let wants = match self.decide(at) {
                Some(Decision::Merge { place: Act::Apply, .. }) => self.trees.get(at).remote(),
                _ => None,
            };
            match wants.and_then(|there| self.trees.at_here(&there.place)) {
                Some(next) => at = next,
                None => return false,
            }
        }
        false
    }

    /// Whether `from` can only have its place, or go, once `node` has its own.
    ///
    /// What was found to wait for nothing that waits for it is not followed again in this round: of
    /// a long chain of names, each node would walk to its end.
    fn waits_for(&mut self, from: NodeId, node: NodeId) -> bool {
        let mut seen = BTreeSet::new();
        let mut open = alloc::vec![from];
        let mut met_once = true;
        while let Some(at) = open.pop() {
            if at == node {
                return true;
            }
            if self.inbound.untangled.contains(&at) {
                continue;
            }
            if seen.insert(at) {
                open.extend(self.waited_for_by(at));
            } else {
                met_once = false;
            }
        }
        if met_once {
            self.inbound.untangled.append(&mut seen);
        }
        false
    }

    /// What must be done before a node can have its place, or go.
    fn waited_for_by(&self, node: NodeId) -> Vec<NodeId> {
        match self.decide(node) {
            Some(Decision::DeleteHere) => self.to_come_out(node).collect(),
            Some(Decision::Materialise | Decision::Merge { place: Act::Apply, .. }) => {
                let Some(there) = self.trees.get(node).remote() else { return Vec::new() };
                let parent = there.place.parent;
                if self.trees.is_within_here(parent, node) {
                    return self.to_come_out_with(parent, node);
                }
                let first = if self.trees.is_dir_here(parent) {
                    self.occupant(node, &there.place)
                } else {
                    Some(parent)
                };
                first.into_iter().collect()
            }
            Some(_) | None => Vec::new(),
        }
    }

    /// Whether two can trade places. That the second wants a name that leads back to the first, and
    /// is not in it (see `apply_place`), is known.
    fn can_exchange(&self, node: NodeId, other: NodeId) -> bool {
        self.is_saved(other) && !self.is_held(other) && !self.trees.is_within_here(node, other)
    }

    /// Swaps the names of two nodes; the first is then where the server has it.
    fn exchange(&mut self, node: NodeId, other: NodeId) -> Try {
        let present = |node| self.trees.get(node).present().cloned();
        let (Some(first), Some(second)) = (present(node), present(other)) else {
            return Try::Blocked;
        };
        let paths = (self.trees.path_here(node), self.trees.path_here(other));
        let (Some(from), Some(to)) = paths else { return Try::Blocked };
        let move_to = |place: &Place| Intent::Move(Box::new(place.clone()));
        let mut intended = self.intend(node, &move_to(&second.place));
        // The other may be to go on from there, which is then nothing agreed on.
        if self.trees.get(other).remote().is_some_and(|there| there.place == first.place) {
            intended &= self.intend(other, &move_to(&first.place));
        }
        if !intended {
            return Try::Full;
        }
        let change = Change::Exchange {
            first: from,
            expect_first: first.stamp,
            second: to,
            expect_second: second.stamp,
        };
        let nodes: Vec<NodeId> = alloc::vec![node, other];
        let places = alloc::vec![first.place, second.place];
        self.change(nodes, places, change, Then::Exchanged { other })
    }
}

#[cfg(test)]
mod tests;
