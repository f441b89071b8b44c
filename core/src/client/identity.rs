//! Which node each thing on the disk is.
//!
//! In this order: a node whose inode is at its path stays; one whose inode is elsewhere moved
//! there; one whose inode is gone is *edited* by a new inode of its kind at its path (every
//! editor's atomic save); the rest are new, or missing. A backup beside a new file of the old name
//! is new, and the file is edited. With more than one hard link, the path alone decides.

use alloc::collections::BTreeSet;
use alloc::vec::Vec;

use crate::disk::{Found, Inode, Listing, Seen, Stamp};
use crate::id::NodeId;
use crate::name::Name;
use crate::node::{Kind, Place};

use super::looking::Look;
use super::record::{Local, LocalBody, Present};
use super::sameness::{
    found_executable, has_other_names, is_backup, is_same_file, may_be_other, seen_stamp, stands,
    unless_read,
};
use super::{Client, ProblemKind};

impl Client {
    /// Takes in what a look showed.
    pub(super) fn identify(&mut self, look: &Look, listing: &Listing) {
        let mut strangers: Vec<(&Name, &Found)> = Vec::new();
        let mut no_others: Vec<&Name> = Vec::new();
        let certain = listing.names.iter().filter(|(name, _)| !look.tainted.contains(name));
        for (name, seen) in certain {
            match seen {
                Seen::Other { stamp, kind } => self.saw_other(look, name, stamp, *kind),
                Seen::Node(found) => {
                    if self.not_other(look.dir, name) {
                        no_others.push(name);
                    }
                    if !self.recognise(look, listing, name, found) {
                        strangers.push((name, found));
                    }
                }
            }
        }
        for (name, found) in strangers {
            self.meet_stranger(look, name, found);
        }
        // Only now: what was hidden may be the very file that stands there, or beside it.
        no_others.into_iter().for_each(|name| self.reveal(look.dir, name));
        self.miss_absent(look, listing);
        if look.deep {
            let inside: Vec<NodeId> =
                self.trees.children_here(look.dir).map(|(_, node)| node).collect();
            for node in inside {
                if self.trees.is_dir_here(node) {
                    self.want_below(node, look.since);
                }
            }
        }
    }

    /// Finds the known node that this is, by its inode. `false`: none.
    fn recognise(&mut self, look: &Look, listing: &Listing, name: &Name, found: &Found) -> bool {
        let inode = &found.stamp.inode;
        let place = Place { parent: look.dir, name: name.clone() };
        if let Some(node) = self.trees.at_here(&place) {
            let known = self.trees.get(node).present().expect("an index names what is present");
            if known.stamp.inode == *inode && known.body.kind() == found.form.kind() {
                self.not_missing(node);
                self.refresh(node, found, look.number);
                if found.form.kind() == Kind::Directory
                    && !look.deep
                    && (inode.birth.is_none() || self.looks.blind.contains(&node))
                {
                    // Something happened to its name, and it may be another with the same number,
                    // which nobody watches; or it can be read now.
                    self.want_all(node, 0);
                }
                return true;
            }
        }
        let Some(node) = self.trees.by_inode(inode) else { return false };
        let Some(known) = self.trees.get(node).last_seen() else { return false };
        if !is_same_file(known, found) {
            return false;
        }
        if inode.birth.is_none()
            && found.form.kind() == Kind::Directory
            && self.may_be_what_was_placed(&place)
            && !self.is_begun_at(node, &place)
        {
            // Its number was free again, and this device made another directory of it.
            return false;
        }
        if known.seen_by > look.number {
            // It was seen elsewhere by a later look: this one is out of date.
            self.want_name(look.dir, name.clone());
            return true;
        }
        let old = known.place.clone();
        if found.form.kind() == Kind::File
            && self.is_backup(name, &old.name)
            && old.parent == look.dir
            && let Some(stands) = stands(listing, &old.name, inode)
            && !self.came_from_elsewhere(&stands)
        {
            return false;
        }
        if found.form.kind() != Kind::Directory
            && !self.may_be_known_there(node)
            && let Some(owner) = self.owner(&place, found.form.kind()).filter(|&o| o != node)
            && !self.has_moved(owner, listing, name)
        {
            let read = self.trees.get(node).present().cloned();
            self.trees.set_local(node, Local::Absent);
            self.give(owner, place, found, look.number, read);
            return true;
        }
        self.not_missing(node);
        self.move_here(node, place, found, look.number);
        true
    }

    /// Whether an inode is that of a node that the server knows: names were moved along, and no
    /// program has saved anything.
    fn came_from_elsewhere(&self, inode: &Inode) -> bool {
        self.trees.by_inode(inode).is_some_and(|node| self.trees.get(node).accepted())
    }

    /// Whether a look shows a node's inode under another name than this, and not as its backup: it
    /// moved, and is not edited by what now stands at this name.
    fn has_moved(&self, node: NodeId, listing: &Listing, name: &Name) -> bool {
        let Some(known) = self.trees.get(node).present() else { return false };
        listing.names.iter().any(|(at, seen)| match seen {
            Seen::Node(found) => {
                at != name && is_same_file(known, found) && !self.is_backup(at, name)
            }
            Seen::Other { .. } => false,
        })
    }

    fn is_backup(&self, name: &Name, of: &Name) -> bool {
        let form = self.config.folding.of_form();
        is_backup(&form.fold(name), &form.fold(of))
    }

    /// What is known of a node is certain again: it is planned.
    pub(super) fn not_missing(&mut self, node: NodeId) {
        if self.looks.missing.remove(&node).is_some() {
            self.trees.touch(node);
            // Some of it may have waited for this to be known (`is_missed_and_unmet`).
            self.trees.below_here(node).into_iter().for_each(|below| self.trees.touch(below));
            if let Some(wanted) = self.looks.wanted.get_mut(&node) {
                wanted.due = wanted.due.min(self.now.instant);
            }
        }
    }

    /// The same inode at the same name: it may have been written to.
    fn refresh(&mut self, node: NodeId, found: &Found, look: u64) {
        let present = self.trees.get(node).present().expect("the caller found it present");
        let now = seen_stamp(found);
        let same_form = match &present.body {
            LocalBody::Directory => true,
            LocalBody::File { executable, .. } => {
                !self.config.has_modes || *executable == found_executable(found)
            }
            LocalBody::Symlink(_) => LocalBody::unread(&found.form) == present.body,
        };
        if present.stamp == now && same_form && present.linked == has_other_names(found) {
            return self.trees.note_seen(node, look);
        }
        let body = self.with_bit(node, unless_read(present, found));
        if let Some(other) = self.trees.by_inode(&now.inode).filter(|&other| other != node)
            && found.links == 1
        {
            // It had another name, which is not its any more.
            self.displace(other);
        }
        self.trees.update_present(node, |present| {
            present.stamp = now;
            present.linked = has_other_names(found);
            present.body = body;
            present.seen_by = look;
        });
        // Who writes through one of its names tells nothing of the others.
        for other in self.trees.names_of(&now.inode) {
            if self.trees.get(other).present().is_some_and(|there| there.stamp != now) {
                self.want_node(other);
            }
        }
        self.unsettle(node, false);
    }

    fn move_here(&mut self, node: NodeId, place: Place, found: &Found, look: u64) {
        let other = self.trees.at_here(&place).filter(|&other| other != node);
        let Some(known) = self.trees.get(node).last_seen().cloned() else { return };
        let body = self.with_bit(node, unless_read(&known, found));
        self.trees.set_local(
            node,
            Local::Present(Present {
                place,
                stamp: seen_stamp(found),
                linked: false,
                body,
                seen_by: look,
            }),
        );
        // Only now: it may have come out of the very directory whose name it takes.
        if let Some(other) = other {
            self.displace(other);
        }
        self.unsettle(node, true);
        if found.form.kind() == Kind::Directory {
            // Its watches go by path.
            self.want_all(node, 0);
            if !self.looks.all_is_seen() {
                // It may have come out of a directory that cannot be read: what is in it was unknown.
                self.plan_what_was_unknown(node);
            }
        }
    }

    /// Something whose inode is not known: a new version of a known node, or a new node.
    fn meet_stranger(&mut self, look: &Look, name: &Name, found: &Found) {
        let place = Place { parent: look.dir, name: name.clone() };
        if let Some(owner) = self.owner(&place, found.form.kind()) {
            return self.give(owner, place, found, look.number, None);
        }
        if let Some(other) = self.trees.at_here(&place) {
            self.displace(other);
        }
        let node = self.ids.node();
        self.give(node, place, found, look.number, None);
    }

    /// The node that a new inode of this kind at this place is an edit of: the one that was there,
    /// or one agreed to be there that is gone, or has become a backup.
    fn owner(&self, place: &Place, kind: Kind) -> Option<NodeId> {
        if let Some(node) = self.trees.at_here(place) {
            let known = self.trees.get(node).present()?;
            return (known.body.kind() == kind).then_some(node);
        }
        let node = self.trees.at_there(place)?;
        let record = self.trees.get(node);
        let agreed = record
            .synced()
            .is_some_and(|synced| synced.place == *place && synced.body.kind() == kind);
        let free = match record.local() {
            Local::Absent => true,
            Local::Present(present) => {
                self.looks.missing.contains_key(&node)
                    || (present.place.parent == place.parent
                        && self.is_backup(&present.place.name, &place.name))
            }
            Local::Hidden(_) => false,
        };
        (agreed && free && !self.is_in_flight(node)).then_some(node)
    }

    /// Makes what was found this node's, here.
    fn give(
        &mut self,
        node: NodeId,
        place: Place,
        found: &Found,
        look: u64,
        read: Option<Present>,
    ) {
        if let Some(other) = self.trees.by_inode(&found.stamp.inode).filter(|&other| other != node)
            && found.links == 1
        {
            // One inode is one file: the number was given away, so the other is gone.
            self.displace(other);
        }
        let before = self.trees.get(node).present().cloned();
        let is_new = before.is_none();
        self.not_missing(node);
        let body = match read.filter(|read| read.stamp.still(&found.stamp)) {
            Some(read) => unless_read(&read, found),
            None => LocalBody::unread(&found.form),
        };
        let body = self.with_bit(node, body);
        self.trees.set_local(
            node,
            Local::Present(Present {
                place: place.clone(),
                stamp: seen_stamp(found),
                linked: has_other_names(found),
                body,
                seen_by: look,
            }),
        );
        self.unsettle(node, is_new && !self.trees.get(node).accepted());
        if found.form.kind() == Kind::Directory {
            self.want_all(node, 0);
        }
        if let Some(before) = before.filter(|before| before.place != place) {
            // What it left there (a backup) is yet to be met.
            self.want_name(before.place.parent, before.place.name);
        }
    }

    /// Another node stands where this one was; where this one is now is yet to be seen.
    fn displace(&mut self, node: NodeId) {
        if self.forget_unaccepted(node) {
            return;
        }
        self.found_missing(node, 0);
    }

    /// A name that is there and is not synced: what we knew there is unknown now.
    fn saw_other(&mut self, look: &Look, name: &Name, stamp: &Stamp, kind: Option<Kind>) {
        let dir = look.dir;
        let place = Place { parent: dir, name: name.clone() };
        self.looks.others.insert((dir, name.clone()));
        let before = self.looks.hidden_before.remove(&(dir, name.clone()));
        for node in before.into_iter().flatten() {
            if matches!(self.trees.get(node).local(), Local::Hidden(_)) {
                self.looks.hidden.insert(node, (dir, name.clone()));
            }
        }
        let may_be = |known: &Present| may_be_other(known, stamp, kind);
        let renamed = (self.trees.by_inode(&stamp.inode))
            .filter(|&node| self.trees.get(node).last_seen().is_some_and(may_be));
        let at_place = self.trees.at_here(&place);
        if kind.is_none() {
            // What no node can be has taken its name: it is not behind that.
            at_place.into_iter().for_each(|node| self.found_gone(node, look.number));
        }
        let at_place = at_place.filter(|_| kind.is_some());
        let hidden: BTreeSet<NodeId> = renamed.into_iter().chain(at_place).collect();
        for node in hidden {
            let mut whole = alloc::vec![node];
            whole.extend(self.trees.below_here(node));
            for node in whole {
                self.looks.missing.remove(&node);
                if let Some(present) = self.trees.get(node).present().cloned() {
                    self.trees.set_local(node, Local::Hidden(present));
                    self.trees.set_synced(node, None);
                }
                if matches!(self.trees.get(node).local(), Local::Hidden(_)) {
                    self.looks.hidden.insert(node, (dir, name.clone()));
                }
            }
        }
    }

    /// What stood at a name and was not synced is not there any more. `false`: nothing did.
    pub(super) fn not_other(&mut self, dir: NodeId, name: &Name) -> bool {
        if !self.looks.others.remove(&(dir, name.clone())) {
            return false;
        }
        for waiting in self.waiting_for(dir, name) {
            self.solved(waiting, ProblemKind::Parked);
            self.release(waiting);
            self.trees.touch(waiting);
        }
        true
    }

    /// The nodes that are to have a name here, or one that this disk takes for the same.
    fn waiting_for(&self, dir: NodeId, name: &Name) -> Vec<NodeId> {
        let folding = self.config.folding;
        let exact = self.trees.child_there(dir, name);
        let folded = |node: &NodeId| {
            (self.trees.get(*node).remote()).is_some_and(|there| {
                there.place.parent == dir && folding.same(&there.place.name, name)
            })
        };
        let parked = (self.problems.keys())
            .filter(|(_, kind)| folding.folds() && *kind == ProblemKind::Parked)
            .map(|(node, _)| *node)
            .filter(folded);
        exact.into_iter().chain(parked).collect()
    }
}

#[cfg(test)]
mod tests;
