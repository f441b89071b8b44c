//! Changes of this disk that were begun before a crash, and may have been done.
//!
//! What is to be placed, moved or removed is made durable before the disk is asked. So after a crash,
//! bytes that this device itself had placed are not taken for a user's edit, nor a removal for a user's
//! deletion, nor a move for a user's, whatever has happened at the server since; nor for something new,
//! where a user moved them on before this engine started.

use alloc::collections::BTreeSet;
use alloc::vec::Vec;

use crate::id::NodeId;
use crate::node::{Body, Place, State};

use super::Client;
use super::planning::with_executable;
use super::reconcile::same;
use super::record::{Intent, Local, Present, Record};
use super::trees::{MAX_DEPTH, Trees};

/// Changes that were begun before this engine started, until it is known what became of them.
#[derive(Debug)]
pub(super) struct Unresolved {
    nodes: BTreeSet<NodeId>,
    /// What was known here before, and was never accepted: none of it came of those changes.
    before: BTreeSet<NodeId>,
}

impl Unresolved {
    /// What was saved as begun.
    pub(super) fn of(trees: &Trees) -> Self {
        let begun = trees.nodes().filter(|(_, record)| record.intent().is_some());
        let nodes: BTreeSet<NodeId> = begun.map(|(node, _)| node).collect();
        let known = trees.nodes().filter(|(_, record)| !nodes.is_empty() && !record.accepted());
        let before = known.map(|(node, _)| node).collect();
        Self { nodes, before }
    }

    pub(super) fn contains(&self, node: NodeId) -> bool {
        self.nodes.contains(&node)
    }

    /// It is known what became of it, or does not matter. `false`: it was.
    pub(super) fn remove(&mut self, node: NodeId) -> bool {
        self.nodes.remove(&node)
    }
}

impl Client {
    /// Notes what is begun for a node. `false`: that is not durable yet.
    pub(super) fn intend(&mut self, node: NodeId, intent: &Intent) -> bool {
        if self.trees.get(node).intent() != Some(intent) {
            self.trees.set_intent(node, Some(intent.clone()));
        } else if !self.is_saved(node) {
            return false;
        }
        let kept = match intent {
            Intent::Place(agreed) => {
                self.keep_what_is_alike(node, agreed);
                true
            }
            Intent::Move(_) => self.is_kept_inside(node),
            Intent::Remove | Intent::SetExecutable(_) => true,
        };
        kept && self.is_saved(node)
    }

    /// Once it is moved, nothing tells that a user had moved it: what it has in it that was deleted at
    /// the server, and is kept for that, is saved before.
    fn is_kept_inside(&mut self, node: NodeId) -> bool {
        let record = self.trees.get(node);
        let at = record.present().map(|here| &here.place);
        if record.synced().map(|synced| &synced.place) == at {
            return true;
        }
        self.keep_undecided_here(node);
        let only_here = |at: &NodeId| self.trees.get(*at).remote().is_none();
        let kept = |at: NodeId| self.trees.is_fleeting(at) || self.is_saved(at);
        self.trees.below_here(node).into_iter().filter(only_here).all(kept)
    }

    /// What is here already, and like what is to be placed, is saved no later than that: so after a
    /// crash it is not taken for that, moved on.
    fn keep_what_is_alike(&mut self, node: NodeId, agreed: &State) {
        let fleeting = self.trees.fleeting();
        let alike = fleeting.filter(|other| may_be(self.trees.get(*other), agreed));
        let alike: Vec<NodeId> = alike.collect();
        if !alike.is_empty() {
            alike.into_iter().for_each(|other| self.trees.keep(other));
            self.trees.save_again(node);
        }
    }

    /// Finds out, once, what became of a change that was begun before this engine started.
    /// `false`: a file must be read first.
    pub(super) fn resolve_intent(&mut self, node: NodeId) -> bool {
        if !self.unresolved.contains(node) {
            return true;
        }
        let missing = self.looks.missing.contains_key(&node);
        if self.is_in_flight(node) || self.is_unknown(node) {
            return false;
        }
        let done = match self.trees.get(node).intent().cloned() {
            Some(Intent::Place(agreed)) => match self.was_placed(node, &agreed) {
                Some(true) => Some(Some(*agreed)),
                Some(false) if !missing => None,
                Some(false) | None => return false,
            },
            Some(Intent::Remove | Intent::Move(_) | Intent::SetExecutable(_)) if missing => {
                return false;
            }
            Some(Intent::Remove) => {
                let gone = matches!(self.trees.get(node).local(), Local::Absent);
                gone.then_some(None)
            }
            Some(Intent::Move(to)) => {
                let agreed = self.synced_if(node, |here| here.place == *to);
                agreed.map(|synced| {
                    self.agree_on_place(node, &synced.place, *to);
                    self.trees.get(node).synced().cloned()
                })
            }
            Some(Intent::SetExecutable(bit)) => {
                let agreed = self.synced_if(node, |here| here.body.executable() == bit);
                agreed.map(|synced| {
                    let body = with_executable(&synced.body, bit);
                    Some(State { body, ..synced })
                })
            }
            None => None,
        };
        self.unresolved.remove(node);
        if let Some(agreed) = done {
            self.trees.set_synced(node, agreed);
            self.trees.set_intent(node, None);
        }
        true
    }

    /// Not where it was, since this device had begun to move it, or a directory that it is in, to where
    /// nobody can look now.
    pub(super) fn is_moved_out_of_sight(&self, node: NodeId) -> bool {
        let begun = |at| match self.trees.get(at).intent() {
            Some(Intent::Move(to)) if self.unresolved.contains(at) => Some(to.parent),
            Some(_) | None => None,
        };
        let mut at = node;
        // A directory that it was moved into may have been moved on.
        for _ in 0..MAX_DEPTH {
            if !self.is_being_missed(at) {
                return false;
            }
            let Some(to) = self.trees.line_here(at).find_map(begun) else { return false };
            if self.unseen_around(to).is_some() {
                return true;
            }
            at = to;
        }
        false
    }

    /// It, or something that was last seen in it.
    pub(super) fn is_any_moved_out_of_sight(&self, node: NodeId) -> bool {
        let begun = |&at: &NodeId| self.trees.is_within_here(at, node);
        self.is_moved_out_of_sight(node)
            || (self.unresolved.nodes.iter().filter(|at| begun(at)))
                .any(|&at| self.is_moved_out_of_sight(at))
    }

    /// What was agreed on about a node, if what is here is so.
    fn synced_if(&self, node: NodeId, is_so: impl FnOnce(&Present) -> bool) -> Option<State> {
        let record = self.trees.get(node);
        record.synced().filter(|_| record.present().is_some_and(is_so)).cloned()
    }

    /// Whether what was to be placed is here; `None`: a file must be read first.
    fn was_placed(&mut self, node: NodeId, agreed: &State) -> Option<bool> {
        let here = match self.trees.get(node).local() {
            Local::Present(_) => !self.looks.missing.contains_key(&node),
            Local::Hidden(_) => return Some(false),
            Local::Absent => false,
        };
        if here {
            return self.is_what_was_placed(node, node, agreed);
        }
        // It was new here: what stands at its place was met as a stranger.
        let at_place = self.trees.at_here(&agreed.place).filter(|&other| other != node);
        let stranger = at_place.filter(|&other| !self.trees.get(other).accepted());
        let placed = stranger.map(|other| self.is_what_was_placed(node, other, agreed));
        match placed {
            Some(Some(true)) => Some(true),
            Some(None) => None,
            Some(Some(false)) | None => self.was_moved_on(node, agreed),
        }
    }

    /// Whether what stands at a place may be what was placed there before this engine started.
    pub(super) fn may_be_what_was_placed(&self, place: &Place) -> bool {
        self.unresolved.nodes.iter().any(|&node| self.is_begun_at(node, place))
    }

    /// It was to be placed there.
    pub(super) fn is_begun_at(&self, node: NodeId, place: &Place) -> bool {
        match self.trees.get(node).intent() {
            Some(Intent::Place(agreed)) => agreed.place == *place,
            Some(_) | None => false,
        }
    }

    /// Whether what was placed was moved on by a user: it is the only file that is new here and has
    /// its bytes and its time.
    fn was_moved_on(&mut self, node: NodeId, agreed: &State) -> Option<bool> {
        let is_it = |(other, record): (NodeId, &Record)| {
            let here = record.present().filter(|_| may_be(record, agreed))?;
            let new = !self.unresolved.before.contains(&other) && !self.is_in_flight(other);
            // What stands where another was to be placed is that one.
            (new && !self.may_be_what_was_placed(&here.place)).then_some(other)
        };
        let mut found: Vec<NodeId> = self.trees.nodes().filter_map(is_it).collect();
        match (found.pop(), found.is_empty()) {
            (Some(only), true) => self.is_what_was_placed(node, only, agreed),
            (Some(_), false) | (None, _) => Some(false),
        }
    }

    /// Whether this is what was placed for a node, which it then is; `None`: it must be read first.
    fn is_what_was_placed(&mut self, node: NodeId, found: NodeId, agreed: &State) -> Option<bool> {
        let here = self.trees.get(found).present()?;
        let placed = same(&here.body, &agreed.body);
        match placed {
            None => self.want_read(found),
            Some(true) if found != node && !self.is_in_flight(found) => {
                self.not_missing(node);
                self.trees.set_local(node, Local::Absent);
                self.hand_over(found, node);
                if self.trees.is_dir_here(node) {
                    self.want_all(node, 0);
                }
            }
            Some(_) => {}
        }
        placed
    }

    /// Something new was met, or is gone: what was begun before a crash may wait for it.
    pub(super) fn touch_unresolved(&mut self) {
        self.unresolved.nodes.iter().for_each(|&node| self.trees.touch(node));
    }
}

/// Whether what is new here may be this, moved on, as far as is known without reading it. All
/// directories are alike, so none is.
fn may_be(record: &Record, agreed: &State) -> bool {
    let Some(here) = record.present().filter(|here| !here.linked && !record.accepted()) else {
        return false;
    };
    let alike = match &agreed.body {
        Body::Directory => false,
        Body::File { content, .. } => {
            content.size == here.stamp.size && content.mtime == here.stamp.mtime
        }
        Body::Symlink(_) => true,
    };
    alike && same(&here.body, &agreed.body) != Some(false)
}

#[cfg(test)]
mod tests;
