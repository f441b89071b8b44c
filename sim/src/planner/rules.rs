//! What must have become of each node, when all is quiet: told from the three trees alone, by direction.
//!
//! What only one side had is everywhere. What one side alone changed is as that side left it. Edits and
//! moves beat deletions. Of what both changed differently, the server's (accepted first) keeps its place,
//! and this disk's bytes stand beside it. "Delete everything" breaks nearly all of these.

use std::collections::{BTreeMap, BTreeSet};

use onefold_core::id::NodeId;
use onefold_core::name::{Name, RelPath, parse_conflict_name};
use onefold_core::node::{Body, Kind, Place, State};

use super::Broken;
use super::setup::Three;
use super::tree::Tree;

/// Judges what came out, at the server and on the disk. Gives how many conflict copies there are.
pub fn all(three: &Three, after: &Tree, disk: &Tree) -> Result<u64, Broken> {
    same(after, disk)?;
    let judge = Judge { three, after };
    for node in three.nodes() {
        let (agreed, here, there) =
            (three.agreed.get(node), three.local.get(node), three.remote.get(node));
        match (agreed, here, there) {
            (_, None, None) => judge.is_gone(node)?,
            (None, None, Some(there)) => judge.is_as(node, there, "what only the server had")?,
            (None, Some(here), None) => judge.stands(node, here, "what only this disk had")?,
            (None, Some(here), Some(there)) => judge.met(node, here, there)?,
            (Some(_), None, Some(there)) => judge.deleted_here(node, there)?,
            (Some(_), Some(here), None) => judge.deleted_there(node, here)?,
            (Some(agreed), Some(here), Some(there)) => judge.lived(node, agreed, here, there)?,
        }
    }
    judge.copies()
}

fn same(after: &Tree, disk: &Tree) -> Result<(), Broken> {
    let listed = |tree: &Tree| -> BTreeMap<RelPath, Body> {
        let without_mtime = |body: &Body| match body {
            Body::File { content, executable } => {
                let mut content = *content;
                content.mtime = onefold_core::time::FileTime::default();
                Body::File { content, executable: *executable }
            }
            Body::Directory | Body::Symlink(_) => body.clone(),
        };
        tree.0.iter().map(|(node, state)| (tree.path(*node), without_mtime(&state.body))).collect()
    };
    let (there, here) = (listed(after), listed(disk));
    if there == here {
        return Ok(());
    }
    let listed = super::setup::listed;
    let what = format!("here: {:?}\n  there: {:?}", listed(disk), listed(after));
    Err(Broken::new("all trees are equal", what))
}

struct Judge<'a> {
    three: &'a Three,
    after: &'a Tree,
}

impl Judge<'_> {
    fn broken(&self, node: NodeId, rule: &'static str) -> Broken {
        let Three { agreed, local, remote, .. } = self.three;
        let shown = |tree: &Tree| match tree.get(node) {
            Some(state) => format!("{} ({:?})", tree.path(node), state.body),
            None => "nothing".into(),
        };
        let [agreed, here, there, after] = [agreed, local, remote, self.after].map(shown);
        let what = format!(
            "{node:?} was {agreed}; here: {here}; there: {there}; it became: {after}\n  the whole: \
             {:?}",
            super::setup::listed(self.after)
        );
        Broken::new(rule, what)
    }

    fn is_gone(&self, node: NodeId) -> Result<(), Broken> {
        match self.after.get(node) {
            None => Ok(()),
            Some(_) => Err(self.broken(node, "what both sides deleted is gone")),
        }
    }

    /// The node is just as one side left it.
    fn is_as(&self, node: NodeId, state: &State, _what: &str) -> Result<(), Broken> {
        let rule = "what only the server had, or changed, is everywhere as the server has it";
        let after = self.after.get(node).ok_or_else(|| self.broken(node, rule))?;
        let same = after.place == state.place
            && after.body.same_bytes(&state.body)
            && after.body.executable() == state.body.executable();
        if same { Ok(()) } else { Err(self.broken(node, rule)) }
    }

    /// What is on this disk, and not (any more) at the server: under its own name, or beside what the
    /// server has there.
    fn stands(&self, node: NodeId, here: &State, _what: &str) -> Result<(), Broken> {
        let rule = "what only this disk had, or kept, is everywhere";
        if self.heirs(node, here).is_empty() { Err(self.broken(node, rule)) } else { Ok(()) }
    }

    /// The nodes that this one may have become, if it was made at the server anew.
    fn heirs(&self, node: NodeId, here: &State) -> BTreeSet<NodeId> {
        let parents = self.heirs_of_directory(here.place.parent);
        let fits = |id: NodeId, state: &State| {
            let there = self.three.remote.get(id).is_some();
            state.body.same_bytes(&here.body)
                && (there || state.body.executable() == here.body.executable())
                && parents.contains(&state.place.parent)
                && (state.place.name == here.place.name
                    || self.is_copy(&state.place, &here.place.name))
        };
        let all = self.after.0.iter().filter(|(id, state)| fits(**id, state)).map(|(id, _)| *id);
        let all: BTreeSet<NodeId> = all.collect();
        // Its own id, if it still has it, and nothing else.
        if all.contains(&node) { BTreeSet::from([node]) } else { all }
    }

    fn heirs_of_directory(&self, dir: NodeId) -> BTreeSet<NodeId> {
        let own = dir == NodeId::ROOT || self.three.remote.get(dir).is_some();
        match self.three.local.get(dir) {
            Some(state) if !own => self.heirs(dir, state),
            Some(_) | None => BTreeSet::from([dir]),
        }
    }

    /// A conflict copy, beside what the server had at that name.
    fn is_copy(&self, place: &Place, name: &Name) -> bool {
        let beside = parse_conflict_name(&place.name).is_some_and(|copy| copy.beside == *name);
        let rival = self.after.child(place.parent, name);
        beside && rival.is_some_and(|rival| self.three.remote.get(rival).is_some())
    }

    /// On both sides, and not agreed on.
    fn met(&self, node: NodeId, here: &State, there: &State) -> Result<(), Broken> {
        if !here.body.same_bytes(&there.body) {
            self.is_as(node, there, "")?;
            return self.stands_beside(node, here);
        }
        let rule = "what both sides had is one";
        let after = self.after.get(node).ok_or_else(|| self.broken(node, rule))?;
        let placed = after.place == there.place || self.is_placed(after, &here.place);
        let same = after.body.same_bytes(&there.body)
            && after.body.executable() == there.body.executable();
        if placed && same { Ok(()) } else { Err(self.broken(node, rule)) }
    }

    /// This disk's version of a node whose id the server's version keeps.
    fn stands_beside(&self, node: NodeId, here: &State) -> Result<(), Broken> {
        let rule = "the versions of both sides are everywhere";
        let original = self.after.get(node).ok_or_else(|| self.broken(node, rule))?;
        let at = |place: &Place| {
            let own = self.heirs_of_directory(here.place.parent).contains(&place.parent)
                && (place.name == here.place.name || self.is_copy(place, &here.place.name));
            let beside =
                place.parent == original.place.parent && self.is_copy(place, &original.place.name);
            own || beside
        };
        let stands = (self.after.0.iter()).any(|(id, state)| {
            *id != node && state.body.same_bytes(&here.body) && at(&state.place)
        });
        if stands { Ok(()) } else { Err(self.broken(node, rule)) }
    }

    fn deleted_here(&self, node: NodeId, there: &State) -> Result<(), Broken> {
        if self.three.touched(&self.three.remote, node) {
            return self.is_as(node, there, "");
        }
        if self.three.moved_above(&self.three.remote, node) {
            // A deletion that is only found when the move was followed is of the moved one.
            let may_go = !self.three.seen && self.after.get(node).is_none();
            return if may_go { Ok(()) } else { self.is_as(node, there, "") };
        }
        let rule = "what one side deleted, and the other did not change, is gone";
        match self.after.get(node) {
            Some(after) if after.place == there.place && self.is_needed(node) => Ok(()),
            None => Ok(()),
            Some(_) => Err(self.broken(node, rule)),
        }
    }

    fn deleted_there(&self, node: NodeId, here: &State) -> Result<(), Broken> {
        let three = self.three;
        if three.touched(&three.local, node) || three.moved_above(&three.local, node) {
            return self.stands(node, here, "");
        }
        let rule = "what one side deleted, and the other did not change, is gone";
        match self.after.get(node) {
            Some(after) if self.is_placed(after, &here.place) && self.is_needed(node) => Ok(()),
            None => Ok(()),
            Some(_) => Err(self.broken(node, rule)),
        }
    }

    /// A directory that something is in.
    fn is_needed(&self, node: NodeId) -> bool {
        self.after.children(node).next().is_some()
    }

    /// Where this disk has it, or beside what the server has there, or where the server has it, if it would
    /// be inside itself.
    fn is_placed(&self, after: &State, here: &Place) -> bool {
        let parents = self.heirs_of_directory(here.parent);
        parents.contains(&after.place.parent)
            && (after.place.name == here.name || self.is_copy(&after.place, &here.name))
    }

    /// Whether a directory is, or was to be made anew, in another. One that the server deleted is made
    /// anew for what is moved into it, but not for what would be inside itself there.
    fn would_be_inside(&self, dir: NodeId, other: NodeId) -> bool {
        let place = |at: &NodeId| {
            let state = self.after.get(*at).or_else(|| self.three.local.get(*at));
            state.map(|state| state.place.parent)
        };
        let many = self.three.nodes().len() + self.after.0.len();
        std::iter::successors(Some(dir), place).take(many).any(|at| at == other)
    }

    fn lived(
        &self,
        node: NodeId,
        agreed: &State,
        here: &State,
        there: &State,
    ) -> Result<(), Broken> {
        let rule = "what neither side deleted lives";
        let after = self.after.get(node).ok_or_else(|| self.broken(node, rule))?;
        let placed = if there.place != agreed.place || here.place == agreed.place {
            after.place == there.place
        } else {
            // What this disk had it in may have become another directory, which the server has.
            let mut parents = self.heirs_of_directory(here.place.parent);
            parents.insert(here.place.parent);
            let cycle = parents.iter().any(|dir| self.would_be_inside(*dir, node));
            self.is_placed(after, &here.place) || cycle && after.place == there.place
        };
        if !placed {
            return Err(self.broken(node, "who alone moved it says where it is"));
        }
        let same = |one: &State, other: &State| one.body.same_bytes(&other.body);
        let (wrote_here, wrote_there) = (!same(here, agreed), !same(there, agreed));
        let rule = "who alone wrote it says what it holds";
        let written = if wrote_there { there } else { here };
        if !same(after, written) {
            return Err(self.broken(node, rule));
        }
        if wrote_here && wrote_there && !same(here, there) {
            return self.stands_beside(node, here);
        }
        let bit = |state: &State| state.body.executable();
        let set = if bit(there) == bit(agreed) { bit(here) } else { bit(there) };
        if node != NodeId::ROOT && after.body.kind() == Kind::File && bit(after) != set {
            return Err(self.broken(node, "who alone set the executable bit says what it is"));
        }
        Ok(())
    }

    /// No conflict copy is needless: it stands beside what the server had at that name.
    fn copies(&self) -> Result<u64, Broken> {
        let mut count = 0;
        for (node, state) in &self.after.0 {
            if let Some(copy) = parse_conflict_name(&state.place.name) {
                count += 1;
                if !self.is_copy(&state.place, &copy.beside) {
                    return Err(self.broken(*node, "no conflict copy is needless"));
                }
            }
        }
        Ok(count)
    }
}
