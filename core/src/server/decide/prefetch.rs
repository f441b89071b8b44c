//! Which facts a batch will need, as far as can be told before deciding it.
//!
//! All commits are looked at together, so that loading takes about as many rounds as the deepest
//! directory has ancestors, however many operations there are. It need not be exact: what turns out
//! to be missing is asked for when it is.

use alloc::collections::BTreeSet;
use alloc::vec::Vec;

use crate::id::NodeId;
use crate::node::{Content, Kind, Place};
use crate::operation::{Commit, Step};
use crate::server::facts::{FactKey, NodeRow};

use super::known::Known;
use super::{Inline, Submitted};

/// The keys that are not loaded and will be needed, each once.
pub(super) fn missing(known: &Known, submitted: &[Submitted], inline: &[Inline]) -> Vec<FactKey> {
    let mut search =
        Search { known, keys: BTreeSet::new(), walked: BTreeSet::from([NodeId::ROOT]) };
    for (Submitted { device, writable, commit }, inline) in submitted.iter().zip(inline) {
        search.want(known.outcome(*device, commit.key));
        if *writable {
            search.commit(commit, inline);
        }
    }
    search.keys.into_iter().collect()
}

struct Search<'a> {
    known: &'a Known,
    keys: BTreeSet<FactKey>,
    /// The directories whose chain of ancestors was looked up already.
    walked: BTreeSet<NodeId>,
}

impl<'a> Search<'a> {
    fn want<T>(&mut self, lookup: Result<T, FactKey>) -> Option<T> {
        lookup.map_err(|key| self.keys.insert(key)).ok()
    }

    fn commit(&mut self, commit: &Commit, inline: &Inline) {
        let created: BTreeSet<NodeId> = commit
            .operations
            .iter()
            .flat_map(|operation| &operation.steps)
            .filter(|step| matches!(step, Step::Create { .. }))
            .map(Step::node)
            .collect();
        for step in commit.operations.iter().flat_map(|operation| &operation.steps) {
            self.step(step, inline, &created);
        }
    }

    fn step(&mut self, step: &Step, inline: &Inline, created: &BTreeSet<NodeId>) {
        let row = self.want(self.known.node(step.node())).flatten();
        if let Some(content) = step.content().filter(|content| !inline.contains_key(&content.id)) {
            self.content(content);
        }
        match step {
            Step::Create { place, .. } => self.place(place, created),
            Step::Move { place, .. } => {
                self.place(place, created);
                if row.is_some_and(is_directory) {
                    self.ancestors(place.parent);
                }
            }
            Step::Delete { node } => {
                let Some(row) = row.filter(|row| row.alive) else { return };
                self.ancestors(row.state.place.parent);
                if is_directory(row) {
                    self.want(self.known.live_children(*node));
                }
            }
            Step::Edit { .. } | Step::Retarget { .. } | Step::SetExecutable { .. } => {}
        }
    }

    fn content(&mut self, content: Content) {
        self.want(self.known.has_content(content));
    }

    /// A directory that this commit makes had no children before; its own step looks it up.
    fn place(&mut self, place: &Place, created: &BTreeSet<NodeId>) {
        if !created.contains(&place.parent) {
            self.want(self.known.child(place));
            if place.parent != NodeId::ROOT {
                self.want(self.known.node(place.parent));
            }
        }
    }

    fn ancestors(&mut self, mut node: NodeId) {
        while self.walked.insert(node) {
            match self.want(self.known.node(node)).flatten() {
                Some(row) => node = row.state.place.parent,
                None => return,
            }
        }
    }
}

fn is_directory(row: &NodeRow) -> bool {
    row.state.body.kind() == Kind::Directory
}
