//! Changes of this disk under way, and what they mean for the trees.
//!
//! What a change did is taken in when the disk says that it is done and durable. One that failed has
//! done nothing: what it met is looked at again, and it is tried later if that helps.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::string::ToString;
use alloc::vec::Vec;

use crate::disk::{Change, DiskError, Stamp};
use crate::id::NodeId;
use crate::name::Name;
use crate::node::{Kind, Place, State};

use super::event::{Effect, TaskId};
use super::inbound::Try;
use super::planning::with_executable;
use super::record::{Local, LocalBody, Present};
use super::sameness::directory_stamp;
use super::{Client, ProblemKind};

/// The most changes under way.
const MAX_CHANGES: usize = 8;

/// The changes under way.
#[derive(Debug, Default)]
pub(super) struct Changes {
    under_way: BTreeMap<TaskId, Changing>,
    nodes: BTreeSet<NodeId>,
}

impl Changes {
    pub(super) fn is_idle(&self) -> bool {
        self.under_way.is_empty()
    }

    pub(super) fn has_room(&self) -> bool {
        self.under_way.len() < MAX_CHANGES
    }

    /// Both sides are merged: what was agreed on with another server, or an older one, is not any more.
    pub(super) fn forget_agreements(&mut self) {
        self.under_way.values_mut().for_each(|changing| changing.merged = true);
    }

    /// Whose changes are under way.
    pub(super) fn nodes(&self) -> impl Iterator<Item = NodeId> {
        self.nodes.iter().copied()
    }

    /// A change of the node is under way.
    pub(super) fn contains(&self, node: NodeId) -> bool {
        self.nodes.contains(&node)
    }
}

/// A change under way, and what it means for the trees once it is done.
#[derive(Debug)]
struct Changing {
    nodes: Vec<NodeId>,
    places: Vec<Place>,
    then: Then,
    /// Both sides were merged since it began: nothing of it was agreed on with this server.
    merged: bool,
}

#[derive(Debug)]
pub(super) enum Then {
    /// The node is here with this executable bit, and this was agreed on.
    Placed { place: Place, executable: bool, agreed: State },
    /// The node is at this place; `agreed` if that is no move of this device's.
    Moved { to: Place, agreed: bool },
    /// Two nodes have changed places; the first is where the server has it.
    Exchanged { other: NodeId },
    /// The node is not here any more.
    Removed,
    /// Its executable bit is as the server's.
    ModeSet(bool),
}

impl Client {
    /// Asks for a change. `places` are all names that it touches. While a directory gets another name,
    /// nothing is changed in it: by its path the change might be made in what has its name by then.
    pub(super) fn change(
        &mut self,
        nodes: Vec<NodeId>,
        places: Vec<Place>,
        change: Change,
        then: Then,
    ) -> Try {
        let moving = |node: &NodeId| self.changes.nodes.contains(node);
        let above = |place: &Place| {
            (self.changes.nodes.iter()).any(|&dir| self.trees.is_within_here(place.parent, dir))
        };
        let mut under_way = self.changes.under_way.values().flat_map(|changing| &changing.places);
        let mut inside = || {
            under_way
                .any(|place| nodes.iter().any(|&dir| self.trees.is_within_here(place.parent, dir)))
        };
        if nodes.iter().any(moving) || places.iter().any(above) || inside() {
            return Try::Full;
        }
        for place in &places {
            self.taint(place);
        }
        let id = self.task();
        self.changes.nodes.extend(nodes.iter().copied());
        let node = nodes[0];
        self.changes.under_way.insert(id, Changing { nodes, places, then, merged: false });
        self.out.push(Effect::Change { id, node, change });
        Try::Started
    }

    /// Gives what is on this disk of one node to another, with all inside: changes under way in a
    /// directory go on in it.
    pub(super) fn hand_over(&mut self, from: NodeId, to: NodeId) {
        self.trees.hand_over(from, to);
        self.look_as(from, to);
        let moved = |place: &mut Place| {
            if place.parent == from {
                place.parent = to;
            }
        };
        for changing in self.changes.under_way.values_mut() {
            changing.places.iter_mut().for_each(moved);
            match &mut changing.then {
                Then::Placed { place, agreed, .. } => {
                    moved(place);
                    moved(&mut agreed.place);
                }
                Then::Moved { to, .. } => moved(to),
                Then::Exchanged { .. } | Then::Removed | Then::ModeSet(_) => {}
            }
        }
    }

    /// Names in a directory that a change under way touches.
    pub(super) fn names_under_change(&self, dir: NodeId) -> BTreeSet<Name> {
        (self.changes.under_way.values().flat_map(|change| &change.places))
            .filter(|place| place.parent == dir)
            .map(|place| place.name.clone())
            .collect()
    }

    pub(super) fn on_changed(&mut self, id: TaskId, result: Result<Option<Stamp>, DiskError>) {
        let Some(changing) = self.changes.under_way.remove(&id) else { return };
        for node in &changing.nodes {
            self.changes.nodes.remove(node);
            self.trees.set_intent(*node, None);
            self.trees.touch(*node);
        }
        for place in &changing.places {
            self.taint(place);
        }
        let (node, merged) = (changing.nodes[0], changing.merged);
        let places = changing.places;
        match result {
            Ok(stamp) => {
                self.release(node);
                self.looks.unannounced.remove(&node);
                self.solved(node, ProblemKind::Busy);
                self.solved(node, ProblemKind::Unwritable);
                self.solved(node, ProblemKind::DiskFull);
                self.solved(node, ProblemKind::Parked);
                self.take_in(node, changing.then, stamp, &places);
                if merged {
                    changing.nodes.iter().for_each(|node| self.trees.set_synced(*node, None));
                }
            }
            Err(error) => self.on_not_changed(node, &error, &places),
        }
        // Whatever wants these names may go on.
        for place in &places {
            self.trees.at_there(place).into_iter().for_each(|node| self.trees.touch(node));
        }
    }

    /// What a change that is done means for the trees. By the time this is heard, what was changed may
    /// have been moved on, and seen there.
    fn take_in(&mut self, node: NodeId, then: Then, stamp: Option<Stamp>, places: &[Place]) {
        match then {
            Then::Placed { place, executable, agreed } => {
                let Some(stamp) = stamp else { return };
                let body = LocalBody::placed(&with_executable(&agreed.body, executable));
                let kind = agreed.body.kind();
                let stamp =
                    if kind == Kind::Directory { directory_stamp(stamp.inode) } else { stamp };
                match self.seen_elsewhere(node, &stamp, kind) {
                    Some(seen) => {
                        self.trees.set_local(node, Local::Absent);
                        self.hand_over(seen, node);
                        self.unsettle(node, true);
                    }
                    None => {
                        let (linked, seen_by) = (false, 0);
                        let local = Local::Present(Present { place, stamp, linked, body, seen_by });
                        self.trees.set_local(node, local);
                    }
                }
                self.trees.set_synced(node, Some(agreed));
                self.fetches.unstage(node);
                self.rules_changed(node);
                if kind == Kind::Directory {
                    self.want_all(node, 0);
                }
            }
            Then::Moved { to, agreed } => {
                if self.is_at_one_of(node, places) {
                    self.moved(node, to.clone());
                }
                if let Some(from) = places.first().filter(|_| agreed) {
                    self.agree_on_place(node, from, to);
                }
            }
            Then::Exchanged { other } => {
                if let [from, to] = places {
                    // Neither is a move of the user's.
                    for (node, from, to) in [(node, from, to), (other, to, from)] {
                        if self.is_at_one_of(node, places) {
                            self.moved(node, to.clone());
                        }
                        self.agree_on_place(node, from, to.clone());
                    }
                }
            }
            Then::Removed => {
                self.look_no_more(node);
                self.trees.set_local(node, Local::Absent);
                self.trees.set_synced(node, None);
            }
            Then::ModeSet(bit) => {
                self.trees.update_present(node, |present| {
                    present.stamp.ctime = None;
                    if let LocalBody::File { executable, .. } = &mut present.body {
                        *executable = bit;
                    }
                });
                if let Some(synced) = self.trees.get(node).synced().cloned() {
                    let body = with_executable(&synced.body, bit);
                    self.trees.set_synced(node, Some(State { body, ..synced }));
                }
            }
        }
    }

    /// A node was moved here, from there, to where the server has it, or on its way there. What was
    /// deleted in it, and could not be decided about so far, has the fate that it had before: if this
    /// overrules a move of the user's, that still keeps it.
    pub(super) fn agree_on_place(&mut self, node: NodeId, from: &Place, to: Place) {
        let record = self.trees.get(node);
        let Some(synced) = record.synced() else { return };
        let moved_there = record.origin() != record.remote().map(|there| &there.place);
        if *from != synced.place || self.is_moved_here(from.parent, NodeId::ROOT) {
            self.keep_undecided_here(node);
        } else if self.is_moved_here(to.parent, NodeId::ROOT) {
            self.let_go_in(node);
        }
        if moved_there {
            self.keep_undecided_there(node);
        }
        self.trees.pass_by(node, to);
    }

    /// What was placed was moved on at once, and met there as something new: that is it.
    fn seen_elsewhere(&self, node: NodeId, placed: &Stamp, kind: Kind) -> Option<NodeId> {
        let seen = self.trees.by_inode(&placed.inode).filter(|&seen| seen != node)?;
        let record = self.trees.get(seen);
        let present = record.present()?;
        let same = present.body.kind() == kind
            && !present.linked
            && (placed.inode.birth.is_some()
                || kind == Kind::Directory
                || present.stamp.still(placed));
        (same && !record.accepted() && !self.is_in_flight(seen)).then_some(seen)
    }

    /// Whether a node is not known to have been moved away from these places.
    fn is_at_one_of(&self, node: NodeId, places: &[Place]) -> bool {
        self.trees.get(node).present().is_none_or(|present| places.contains(&present.place))
    }

    fn moved(&mut self, node: NodeId, to: Place) {
        self.trees.update_present(node, |present| {
            present.place = to;
            present.stamp.ctime = None;
        });
        if self.trees.is_dir_here(node) {
            // Its watches, and those below it, go by path.
            self.want_all(node, 0);
        }
    }

    /// Nothing was changed: look again at what was met, and try later if that helps.
    pub(super) fn on_not_changed(&mut self, node: NodeId, error: &DiskError, places: &[Place]) {
        let words = error.to_string();
        self.trees.set_intent(node, None);
        self.hold(node, words.clone());
        // That its bytes are to be fetched again says nothing of what was met before.
        if *error != DiskError::NotStaged {
            self.solved(node, ProblemKind::Busy);
            self.solved(node, ProblemKind::Unwritable);
            self.solved(node, ProblemKind::DiskFull);
        }
        match error {
            DiskError::Gone | DiskError::Changed | DiskError::Occupied => {
                places.iter().for_each(|place| self.want_name(place.parent, place.name.clone()));
                self.want_node(node);
                self.was_unannounced(node, *error == DiskError::Gone);
            }
            DiskError::Busy => self.problem(node, ProblemKind::Busy, words),
            DiskError::NotEmpty => {
                self.inbound.kept.insert(node);
                self.want_all(node, 0);
            }
            DiskError::NotStaged => {
                self.fetches.unstage(node);
            }
            DiskError::InvalidName(_) => self.problem(node, ProblemKind::Parked, words),
            DiskError::RootGone(words) => self.lose_root(words.clone()),
            DiskError::Full(_) => self.problem(node, ProblemKind::DiskFull, words),
            DiskError::Denied(_) | DiskError::Failed(_) => {
                self.problem(node, ProblemKind::Unwritable, words);
            }
        }
    }
}
