//! The tree as the journal's entries tell it, one after the other: the server's rows must say the same.

use std::collections::BTreeMap;

use onefold_core::id::NodeId;
use onefold_core::name::RelPath;
use onefold_core::node::{Body, State};
use onefold_core::operation::{Entry, Step};
use onefold_core::server::facts::NodeRow;

use super::tree::{Leaf, Tree};
use super::{Broken, rules};

/// Nodes as the entries left them: whether each lives, and its state.
#[derive(Clone, Debug, Default)]
pub struct Shadow(BTreeMap<NodeId, (bool, State)>);

impl Shadow {
    /// One entry more.
    pub fn follow(&mut self, entry: &Entry) -> Result<(), Broken> {
        for step in &entry.operation.steps {
            let known = self.0.get_mut(&step.node()).filter(|(alive, _)| *alive);
            let done = match (step, known) {
                (Step::Create { node, place, body }, None) => {
                    let state = State { place: place.clone(), body: body.clone() };
                    self.0.insert(*node, (true, state));
                    true
                }
                (Step::Edit { content, .. }, Some((_, state))) => state.write(*content),
                (Step::Retarget { target, .. }, Some((_, state))) => {
                    state.body = Body::Symlink(target.clone());
                    true
                }
                (Step::SetExecutable { executable, .. }, Some((_, state))) => {
                    state.set(*executable)
                }
                (Step::Move { place, .. }, Some((_, state))) => {
                    state.place = place.clone();
                    true
                }
                (Step::Delete { .. }, Some((alive, _))) => {
                    *alive = false;
                    true
                }
                _ => false,
            };
            if !done {
                return Err(Broken::new(rules::ROWS_FOLLOW, format!("{entry:?}")));
            }
        }
        Ok(())
    }

    /// The state of a node that lives.
    pub fn live(&self, node: NodeId) -> Option<&State> {
        self.0.get(&node).filter(|(alive, _)| *alive).map(|(_, state)| state)
    }

    /// The state of a node that lives, or the last one of one that does not.
    pub fn last(&self, node: NodeId) -> Option<&State> {
        self.0.get(&node).map(|(_, state)| state)
    }

    /// The live nodes.
    fn all(&self) -> impl Iterator<Item = (NodeId, &State)> {
        self.0.iter().filter(|(_, (alive, _))| *alive).map(|(node, (_, state))| (*node, state))
    }

    /// What stands at a place.
    pub fn at(&self, parent: NodeId, name: &onefold_core::name::Name) -> Option<&State> {
        let found = self.all().find(|(_, is)| is.place.parent == parent && is.place.name == *name);
        found.map(|(_, state)| state)
    }

    /// Where a node is, or last was.
    pub fn path(&self, node: NodeId) -> Option<RelPath> {
        let mut names = Vec::new();
        let mut at = node;
        while at != NodeId::ROOT {
            let (_, state) = self.0.get(&at)?;
            names.push(state.place.name.clone());
            at = state.place.parent;
            if names.len() > self.0.len() {
                return None;
            }
        }
        names.reverse();
        Some(RelPath::new(names))
    }

    /// All that lives, by path.
    pub fn tree(&self) -> Tree {
        let path =
            |(node, state): (NodeId, &State)| Some((self.path(node)?, Leaf::of(&state.body)));
        self.all().filter_map(path).collect()
    }

    /// The server's rows must say just this.
    pub fn same(&self, rows: &[NodeRow]) -> Result<(), Broken> {
        let live: BTreeMap<_, _> =
            rows.iter().filter(|row| row.alive).map(|row| (row.node, &row.state)).collect();
        if live != self.all().collect() {
            let what = format!("entries: {:?}; rows: {live:?}", self.tree());
            return Err(Broken::new(rules::ROWS_FOLLOW, what));
        }
        Ok(())
    }
}

/// What an entry sets in a file's state; `false` if it is no file.
trait OfFile {
    fn write(&mut self, new: onefold_core::node::Content) -> bool;
    fn set(&mut self, new: bool) -> bool;
}

impl OfFile for State {
    fn write(&mut self, new: onefold_core::node::Content) -> bool {
        match &mut self.body {
            Body::File { content, .. } => *content = new,
            Body::Directory | Body::Symlink(_) => return false,
        }
        true
    }

    fn set(&mut self, new: bool) -> bool {
        match &mut self.body {
            Body::File { executable, .. } => *executable = new,
            Body::Directory | Body::Symlink(_) => return false,
        }
        true
    }
}
