//! The three trees of a client: one record for each node, and the indexes to walk them.
//!
//! Invariants: an index names exactly the records that say so; every change of a record marks it
//! *dirty* (to be planned) with the nodes whose plans depend on it, and *unsaved*, unless it is
//! *fleeting*: new on this disk alone, so that nothing of it is written until it is *kept*; whatever is
//! in a directory that is fleeting is fleeting, too. It decides nothing.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

use crate::disk::Inode;
use crate::id::NodeId;
use crate::name::{Name, RelPath};
use crate::node::{Kind, Place, State};
use crate::protocol::TreeSum;

use super::record::{Consent, Intent, Local, Present, Record};
use super::sums::Sums;
use index::{Children, below, children, nodes_in, remove_own, whereabouts};

/// A deeper tree is taken for broken.
pub(super) const MAX_DEPTH: usize = 100_000;

/// All nodes that a client knows of.
#[derive(Debug, Default)]
pub struct Trees {
    records: BTreeMap<NodeId, Record>,
    here: Children,
    there: Children,
    /// Nodes that were last seen in a directory, and that no name leads to: another has theirs now, or
    /// they are hidden.
    nameless: BTreeSet<(NodeId, NodeId)>,
    inodes: BTreeMap<Inode, NodeId>,
    /// Files with more than one name, each under all of its nodes.
    linked: BTreeSet<(Inode, NodeId)>,
    sums: Sums,
    dirty: BTreeSet<NodeId>,
    unsaved: BTreeSet<NodeId>,
    fleeting: BTreeSet<NodeId>,
}

static NOWHERE: Record = Record::NOWHERE;

impl Trees {
    /// Puts a record back that was saved.
    pub fn restore(&mut self, node: NodeId, record: Record) {
        self.sums.add_local(&record);
        self.index_local(node, &record);
        self.index_remote(node, &record);
        self.sums.note_consent(node, &record);
        self.records.insert(node, record);
        self.dirty.insert(node);
    }

    /// A node's record; one that is nowhere if there is none.
    pub fn get(&self, node: NodeId) -> &Record {
        self.records.get(&node).unwrap_or(&NOWHERE)
    }

    /// Whether there is a record.
    pub fn contains(&self, node: NodeId) -> bool {
        self.records.contains_key(&node)
    }

    /// Every node, by id.
    pub fn nodes(&self) -> impl Iterator<Item = (NodeId, &Record)> {
        self.records.iter().map(|(node, record)| (*node, record))
    }

    /// The sum over *remote*.
    pub const fn sum(&self) -> TreeSum {
        self.sums.tree
    }

    /// How many live nodes at the server are no directories.
    pub const fn files_there(&self) -> u64 {
        self.sums.files_there
    }

    /// How many files are on this disk, and their bytes.
    pub const fn files_here(&self) -> (u64, u64) {
        (self.sums.files_here, self.sums.bytes_here)
    }

    /// The deletions that a person is asked about.
    pub const fn awaited(&self) -> &BTreeSet<NodeId> {
        &self.sums.awaited
    }

    /// Which node has a name on this disk.
    pub fn child_here(&self, parent: NodeId, name: &Name) -> Option<NodeId> {
        self.here.get(&(parent, name.clone())).copied()
    }

    /// Which node has a name at the server.
    pub fn child_there(&self, parent: NodeId, name: &Name) -> Option<NodeId> {
        self.there.get(&(parent, name.clone())).copied()
    }

    /// Which node stands at a place on this disk.
    pub fn at_here(&self, place: &Place) -> Option<NodeId> {
        self.child_here(place.parent, &place.name)
    }

    /// Which node stands at a place at the server.
    pub fn at_there(&self, place: &Place) -> Option<NodeId> {
        self.child_there(place.parent, &place.name)
    }

    /// The nodes in a directory on this disk.
    pub fn children_here(&self, parent: NodeId) -> impl Iterator<Item = (&Name, NodeId)> {
        children(&self.here, parent)
    }

    /// The nodes in a directory at the server.
    pub fn children_there(&self, parent: NodeId) -> impl Iterator<Item = (&Name, NodeId)> {
        children(&self.there, parent)
    }

    /// The node that an inode is.
    pub fn by_inode(&self, inode: &Inode) -> Option<NodeId> {
        self.inodes.get(inode).copied()
    }

    /// The nodes that an inode is under its several names.
    pub fn names_of(&self, inode: &Inode) -> Vec<NodeId> {
        let of = self.linked.range((*inode, NodeId::ROOT)..).take_while(|(of, _)| of == inode);
        of.map(|(_, node)| *node).collect()
    }

    /// A directory of this disk that has this inode now; the root has no record.
    pub fn is_dir_here(&self, node: NodeId) -> bool {
        node == NodeId::ROOT
            || self.get(node).present().is_some_and(|p| p.body.kind() == Kind::Directory)
    }

    /// A live directory at the server.
    pub fn is_dir_there(&self, node: NodeId) -> bool {
        node == NodeId::ROOT
            || self.get(node).remote().is_some_and(|state| state.body.kind() == Kind::Directory)
    }

    /// The path on this disk; `None` if the node, or a directory above it, is not here.
    pub fn path_here(&self, node: NodeId) -> Option<RelPath> {
        self.path(node, |record| record.present().map(|present| &present.place))
    }

    /// The path at the server.
    pub fn path_there(&self, node: NodeId) -> Option<RelPath> {
        self.path(node, |record| record.remote().map(|state| &state.place))
    }

    /// Where a person would look for it: here, else there, else where it last was.
    pub fn path_shown(&self, node: NodeId) -> RelPath {
        self.path_here(node)
            .or_else(|| self.path_there(node))
            .or_else(|| self.path(node, |record| record.synced().map(|state| &state.place)))
            .unwrap_or_default()
    }

    /// The path of a place on this disk.
    pub fn place_path(&self, place: &Place) -> Option<RelPath> {
        Some(self.path_here(place.parent)?.join(place.name.clone()))
    }

    fn path<'a>(
        &'a self,
        node: NodeId,
        place: impl Fn(&'a Record) -> Option<&'a Place>,
    ) -> Option<RelPath> {
        let mut names = Vec::new();
        let mut at = node;
        while at != NodeId::ROOT {
            let place = place(self.records.get(&at)?)?;
            names.push(place.name.clone());
            at = place.parent;
            if names.len() > MAX_DEPTH {
                return None;
            }
        }
        names.reverse();
        Some(RelPath::new(names))
    }

    /// A node and the directories that it is in on this disk, as was last seen. While moves are half
    /// seen, they may be in each other: then the same come again, so far.
    pub fn line_here(&self, node: NodeId) -> impl Iterator<Item = NodeId> {
        let parent = |at: &NodeId| self.get(*at).last_seen().map(|here| here.place.parent);
        core::iter::successors(Some(node), parent).take(MAX_DEPTH)
    }

    /// Whether `node` is `above` or below it, on this disk.
    pub fn is_within_here(&self, node: NodeId, above: NodeId) -> bool {
        self.is_within(node, above, |record| record.last_seen().map(|here| &here.place))
    }

    /// Whether `node` is `above` or below it, at the server.
    pub fn is_within_there(&self, node: NodeId, above: NodeId) -> bool {
        self.is_within(node, above, |record| record.remote().map(|state| &state.place))
    }

    fn is_within<'a>(
        &'a self,
        node: NodeId,
        above: NodeId,
        place: impl Fn(&'a Record) -> Option<&'a Place>,
    ) -> bool {
        let mut at = node;
        for _ in 0..MAX_DEPTH {
            if at == above {
                return true;
            }
            match self.records.get(&at).and_then(&place) {
                Some(place) => at = place.parent,
                None => return false,
            }
        }
        true
    }

    /// All below a directory on this disk, parents first, without the directory itself.
    pub fn below_here(&self, node: NodeId) -> Vec<NodeId> {
        below(|dir| nodes_in(&self.here, dir), node)
    }

    /// The same, with what no name leads to: it was last seen there.
    pub fn all_below_here(&self, node: NodeId) -> Vec<NodeId> {
        below(|dir| self.all_in_here(dir), node)
    }

    /// Those that no name leads to come first.
    fn all_in_here(&self, dir: NodeId) -> impl Iterator<Item = NodeId> {
        let nameless = self.nameless.range((dir, NodeId::ROOT)..);
        let nameless = nameless.take_while(move |(of, _)| *of == dir).map(|(_, node)| *node);
        nameless.chain(nodes_in(&self.here, dir))
    }

    /// All below a directory at the server, parents first, without the directory itself.
    pub fn below_there(&self, node: NodeId) -> Vec<NodeId> {
        below(|dir| nodes_in(&self.there, dir), node)
    }

    /// Says what this disk shows of a node.
    pub fn set_local(&mut self, node: NodeId, local: Local) {
        self.change(node, |record| record.set_local(local));
    }

    /// Says what both sides agree on.
    pub fn set_synced(&mut self, node: NodeId, state: Option<State>) {
        self.change(node, |record| record.set_synced(state));
    }

    /// Says what the server has.
    pub fn set_remote(&mut self, node: NodeId, state: Option<State>) {
        self.change(node, |record| record.set_remote(state));
    }

    /// Says that what will be agreed on descends from nothing that was.
    pub fn forget_past(&mut self, node: NodeId) {
        self.change(node, Record::forget_past);
    }

    /// Says which change of this disk is begun for a node.
    pub fn set_intent(&mut self, node: NodeId, intent: Option<Intent>) {
        self.change(node, |record| record.set_intent(intent));
    }

    /// Says whether a person was asked about its deletion here.
    pub fn set_consent(&mut self, node: NodeId, consent: Consent) {
        self.change(node, |record| record.set_consent(consent));
    }

    /// Changes what is on this disk for certain. The name, or the inode, that another has by now stays
    /// the other's.
    pub fn update_present(&mut self, node: NodeId, update: impl FnOnce(&mut Present)) {
        self.change_or_claim(node, false, |record| {
            if let Some(present) = record.present_mut() {
                update(present);
            }
        });
    }

    /// Notes which look saw a node: nothing to plan or save.
    pub fn note_seen(&mut self, node: NodeId, look: u64) {
        if let Some(present) = self.records.get_mut(&node).and_then(Record::present_mut) {
            present.seen_by = look;
        }
    }

    /// Gives what is on this disk of one node to another that has nothing here, with all inside: none
    /// of that has moved.
    pub fn hand_over(&mut self, from: NodeId, to: NodeId) {
        let local = self.get(from).local().clone();
        let inside: Vec<NodeId> = self.all_in_here(from).collect();
        self.set_local(from, Local::Absent);
        self.set_local(to, local);
        for child in inside {
            self.change(child, |record| match record.local().clone() {
                Local::Present(mut present) => {
                    present.place.parent = to;
                    record.set_local(Local::Present(present));
                }
                Local::Hidden(mut present) => {
                    present.place.parent = to;
                    record.set_local(Local::Hidden(present));
                }
                Local::Absent => {}
            });
            let synced = self.get(child).synced().filter(|synced| synced.place.parent == from);
            if let Some(mut synced) = synced.cloned() {
                synced.place.parent = to;
                self.set_synced(child, Some(synced));
            }
        }
    }

    /// Has a node planned (again).
    pub fn touch(&mut self, node: NodeId) {
        if node != NodeId::ROOT {
            self.dirty.insert(node);
        }
    }

    /// The next node to plan.
    pub fn next_dirty(&mut self) -> Option<NodeId> {
        self.dirty.pop_first()
    }

    /// Whether nothing waits to be planned.
    pub fn is_clean(&self) -> bool {
        self.dirty.is_empty()
    }

    fn change(&mut self, node: NodeId, change: impl FnOnce(&mut Record)) {
        self.change_or_claim(node, true, change);
    }

    /// `claims`: its name and inode are its own from now on, also where they stay the same.
    fn change_or_claim(&mut self, node: NodeId, claims: bool, change: impl FnOnce(&mut Record)) {
        let before = self.records.remove(&node).unwrap_or(Record::NOWHERE);
        let mut after = before.clone();
        change(&mut after);
        if before != after {
            // What did not change is not claimed again: another node may have its name by now.
            if before.local() != after.local() {
                self.sums.remove_local(&before);
                self.sums.add_local(&after);
                if claims || whereabouts(&before) != whereabouts(&after) {
                    self.unindex_local(node, &before);
                    self.index_local(node, &after);
                }
            }
            if before.remote() != after.remote() {
                self.unindex_remote(node, &before);
                self.index_remote(node, &after);
            }
            self.sums.note_consent(node, &after);
            self.touch_around(node, &before, &after);
            self.note_unsaved(node, &before, &after);
        }
        if !after.is_nowhere() {
            self.records.insert(node, after);
        }
    }

    fn index_local(&mut self, node: NodeId, record: &Record) {
        match record.local() {
            Local::Present(Present { place, .. }) => {
                let had_it = self.here.insert((place.parent, place.name.clone()), node);
                let lost = had_it.filter(|other| *other != node).map(|lost| (place.parent, lost));
                self.nameless.extend(lost);
                self.nameless.remove(&(place.parent, node));
            }
            Local::Hidden(present) => drop(self.nameless.insert((present.place.parent, node))),
            Local::Absent => {}
        }
        if let Some(present) = record.last_seen() {
            let holder = self.inodes.entry(present.stamp.inode).or_insert(node);
            // The other name of a file does not make it forgotten under its first.
            if present.linked {
                self.linked.insert((present.stamp.inode, node));
            } else {
                *holder = node;
            }
        }
    }

    fn index_remote(&mut self, node: NodeId, record: &Record) {
        self.sums.add_remote(node, record);
        if let Some(state) = record.remote() {
            self.there.insert((state.place.parent, state.place.name.clone()), node);
        }
    }

    fn unindex_local(&mut self, node: NodeId, record: &Record) {
        if let Local::Present(present) = record.local() {
            remove_own(&mut self.here, &(present.place.parent, present.place.name.clone()), node);
        }
        if let Some(present) = record.last_seen() {
            self.nameless.remove(&(present.place.parent, node));
            remove_own(&mut self.inodes, &present.stamp.inode, node);
            self.linked.remove(&(present.stamp.inode, node));
        }
    }

    fn unindex_remote(&mut self, node: NodeId, record: &Record) {
        self.sums.remove_remote(node, record);
        if let Some(state) = record.remote() {
            remove_own(&mut self.there, &(state.place.parent, state.place.name.clone()), node);
        }
    }

    /// Marks all whose plan may change because this record did: itself, what stands at or wants its
    /// old and new names, its directories, and what is in it when it comes or goes.
    fn touch_around(&mut self, node: NodeId, before: &Record, after: &Record) {
        self.touch(node);
        let here = |record: &Record| record.present().map(|present| present.place.clone());
        let there = |record: &Record| record.remote().map(|state| state.place.clone());
        if here(before) != here(after) {
            for place in [here(before), here(after)].into_iter().flatten() {
                self.at_there(&place).into_iter().for_each(|other| self.touch(other));
                self.touch(place.parent);
            }
            self.touch_all(|trees| trees.children_there(node).map(|(_, child)| child).collect());
        }
        if there(before) != there(after) {
            for place in [there(before), there(after)].into_iter().flatten() {
                self.at_here(&place).into_iter().for_each(|other| self.touch(other));
                self.touch(place.parent);
            }
        }
        if there(before) != there(after) || before.synced().is_some() != after.synced().is_some() {
            self.touch_all(|trees| trees.children_here(node).map(|(_, child)| child).collect());
        }
    }

    fn touch_all(&mut self, nodes: impl FnOnce(&Self) -> Vec<NodeId>) {
        for node in nodes(self) {
            self.touch(node);
        }
    }
}

mod index;
mod moves;
mod unsaved;

#[cfg(test)]
mod tests;
