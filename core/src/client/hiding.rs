//! What is hidden: behind a name that something has which is not synced.
//!
//! Nothing is known of it, and it is not acted on, until another thing has that name, or nothing.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use crate::id::NodeId;
use crate::name::Name;

use super::Client;
use super::record::{Local, Record};
use super::trees::MAX_DEPTH;

impl Client {
    /// After a restart: what was hidden by a name is so still if something has that name which is
    /// not synced.
    pub(super) fn remember_hidden(&mut self) {
        let hidden = |node| match self.trees.get(node).local() {
            Local::Hidden(hidden) => Some(hidden.place.clone()),
            Local::Absent | Local::Present(_) => None,
        };
        let mut before: BTreeMap<(NodeId, Name), Vec<NodeId>> = BTreeMap::new();
        for (node, _) in self.trees.nodes() {
            let Some(mut top) = hidden(node) else { continue };
            for _ in 0..MAX_DEPTH {
                let Some(above) = hidden(top.parent) else { break };
                top = above;
            }
            before.entry((top.parent, top.name)).or_default().push(node);
        }
        self.looks.hidden_before = before;
    }

    /// Everything was looked at: what was hidden before a restart, and was not seen, is not here.
    pub(super) fn miss_hidden(&mut self) {
        self.looks.hidden_before.clear();
        let hidden = |(node, record): (NodeId, &Record)| {
            let is_hidden = matches!(record.local(), Local::Hidden(_));
            (is_hidden && !self.looks.hidden.contains_key(&node)).then_some(node)
        };
        let gone: Vec<NodeId> = self.trees.nodes().filter_map(hidden).collect();
        for node in gone {
            if self.unseen_around(node).is_none() {
                self.trees.set_local(node, Local::Absent);
            }
        }
    }

    /// What hid these nodes is gone from its name: they are not here.
    pub(super) fn reveal(&mut self, dir: NodeId, name: &Name) {
        let behind = |(_, (of, at)): &(&NodeId, &(NodeId, Name))| *of == dir && at == name;
        let nodes: Vec<NodeId> =
            self.looks.hidden.iter().filter(behind).map(|(node, _)| *node).collect();
        for node in nodes {
            self.looks.hidden.remove(&node);
            if matches!(self.trees.get(node).local(), Local::Hidden(_)) {
                self.trees.set_local(node, Local::Absent);
            }
        }
    }

    /// A directory that the server has is hidden here, or in one that is: what is in it at the server
    /// merges with what is in it here once that is seen.
    pub(super) fn is_hidden_here(&self, dir: NodeId) -> bool {
        let mut at = dir;
        for _ in 0..MAX_DEPTH {
            let record = self.trees.get(at);
            match (record.local(), record.remote()) {
                (Local::Hidden(_), _) => return true,
                (Local::Absent, Some(there)) => at = there.place.parent,
                (Local::Absent | Local::Present(_), _) => return false,
            }
        }
        false
    }

    /// Only the server has it, in a directory that is hidden here.
    pub(super) fn is_to_be_hidden(&self, node: NodeId) -> bool {
        let record = self.trees.get(node);
        matches!(record.local(), Local::Absent)
            && record.remote().is_some_and(|there| self.is_hidden_here(there.place.parent))
    }

    /// A directory is another node from now on: what stands in it and is not synced stands in that.
    pub(super) fn hide_as(&mut self, from: NodeId, to: NodeId) {
        for name in self.others_in(from) {
            self.looks.others.remove(&(from, name.clone()));
            self.looks.others.insert((to, name));
        }
        let before = self.looks.hidden_before.extract_if(.., |(dir, _), _| *dir == from);
        let before: Vec<_> = before.map(|((_, name), nodes)| ((to, name), nodes)).collect();
        self.looks.hidden_before.extend(before);
        for (dir, _) in self.looks.hidden.values_mut().filter(|(dir, _)| *dir == from) {
            *dir = to;
        }
    }

    /// What stands in a directory and is not synced.
    pub(super) fn others_in(&self, dir: NodeId) -> Vec<Name> {
        (self.looks.others.range((dir, Name::first())..))
            .take_while(|(of, _)| *of == dir)
            .map(|(_, name)| name.clone())
            .collect()
    }

    /// A directory is gone, and with it what stood in it and was not synced.
    pub(super) fn others_are_gone(&mut self, dir: NodeId) {
        for name in &self.others_in(dir) {
            self.not_other(dir, name);
            self.reveal(dir, name);
        }
    }
}
