//! Changes of this disk that were begun before a crash, and may have been done.
//!
//! What is to be placed or removed is made durable before the disk is asked. So after a crash, bytes
//! that this device itself had placed are not taken for a user's edit, nor a removal for a user's
//! deletion, whatever has happened at the server since.

use crate::id::NodeId;
use crate::node::State;

use super::Client;
use super::reconcile::same;
use super::record::{Intent, Local};

impl Client {
    /// Notes what is begun for a node. `false`: that is not durable yet.
    pub(super) fn intend(&mut self, node: NodeId, intent: &Intent) -> bool {
        if self.trees.get(node).intent() != Some(intent) {
            self.trees.set_intent(node, Some(intent.clone()));
        }
        self.is_saved(node)
    }

    /// Finds out, once, what became of a change that was begun before this engine started.
    /// `false`: a file must be read first.
    pub(super) fn resolve_intent(&mut self, node: NodeId) -> bool {
        if !self.unresolved.contains(&node) {
            return true;
        }
        if self.is_in_flight(node) || self.looks.missing.contains_key(&node) {
            return false;
        }
        let done = match self.trees.get(node).intent().cloned() {
            Some(Intent::Place(agreed)) => match self.was_placed(node, &agreed) {
                Some(true) => Some(Some(*agreed)),
                Some(false) => None,
                None => return false,
            },
            Some(Intent::Remove) => {
                let gone = matches!(self.trees.get(node).local(), Local::Absent);
                gone.then_some(None)
            }
            None => None,
        };
        self.unresolved.remove(&node);
        if let Some(agreed) = done {
            self.trees.set_synced(node, agreed);
            self.trees.set_intent(node, None);
        }
        true
    }

    /// Whether what was to be placed is here; `None`: a file must be read first.
    fn was_placed(&mut self, node: NodeId, agreed: &State) -> Option<bool> {
        let holder = match self.trees.get(node).local() {
            Local::Present(_) => node,
            Local::Hidden(_) => return Some(false),
            // It was new here: what stands at its place was met as a stranger.
            Local::Absent => match self.trees.at_here(&agreed.place) {
                Some(other) if !self.trees.get(other).accepted() => other,
                Some(_) | None => return Some(false),
            },
        };
        let here = self.trees.get(holder).present()?;
        let placed = same(&here.body, &agreed.body);
        match placed {
            None => {
                self.want_read(holder);
                if holder != node {
                    // Its reading has what wants its name planned again.
                    self.trees.touch(holder);
                }
            }
            Some(true) if holder != node && !self.is_in_flight(holder) => {
                self.hand_over(holder, node);
                if self.trees.is_dir_here(node) {
                    self.want_all(node, 0);
                }
            }
            Some(_) => {}
        }
        placed
    }
}
