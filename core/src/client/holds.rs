//! What failed, and waits before it is tried again: longer each time.
//!
//! Invariant: nothing waits for long without words. Where no problem says why, what failed last does,
//! once that was tried a few times.

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;

use crate::id::NodeId;
use crate::time::Instant;

use super::status::{Problem, ProblemKind};
use super::timers::Timers;
use super::{Client, Reason};

/// The first wait before something that failed is tried again; doubles each time.
const FIRST_RETRY_MS: u64 = 250;
/// The longest wait.
const LAST_RETRY_MS: u64 = 30_000;
/// People are told of what failed so often in a row: after some four seconds.
const TOLD_AFTER: u32 = 5;

/// Nodes that wait before they are tried again.
#[derive(Debug, Default)]
pub(super) struct Holds {
    until: Timers,
    failed: BTreeMap<NodeId, Failed>,
}

/// What failed, how often in a row.
#[derive(Debug)]
struct Failed {
    times: u32,
    /// In words, the last time.
    why: String,
}

impl Client {
    /// Tries the node again only after a while, longer each time.
    pub(super) fn hold(&mut self, node: NodeId, why: impl Into<String>) {
        let times = self.holds.failed.get(&node).map_or(0, |failed| failed.times);
        let wait = (FIRST_RETRY_MS << times.min(10)).min(LAST_RETRY_MS);
        self.holds.failed.insert(node, Failed { times: times + 1, why: why.into() });
        self.holds.until.set(node, self.now.instant + wait);
    }

    /// Tries the node again at once: something about it has changed.
    pub(super) fn release(&mut self, node: NodeId) {
        self.holds.until.remove(node);
        self.holds.failed.remove(&node);
    }

    /// The node waits before it is tried again.
    pub(super) fn is_held(&self, node: NodeId) -> bool {
        self.holds.until.contains(node)
    }

    /// Plans again what has waited for long enough.
    pub(super) fn end_holds(&mut self) {
        while let Some(node) = self.holds.until.pop_due(self.now.instant) {
            self.trees.touch(node);
        }
    }

    /// Nothing waits to be tried again but what people were told about.
    pub(super) fn holds_idle(&self) -> bool {
        self.holds.until.iter().all(|(node, _)| self.is_explained(node))
    }

    /// People were told why the node waits. A problem of another kind says nothing of that.
    fn is_explained(&self, node: NodeId) -> bool {
        let why = self.holds.failed.get(&node).map(|failed| &failed.why);
        self.problems_of(node).any(|(_, reason)| Some(reason) == why)
    }

    pub(super) fn holds_deadline(&self) -> Option<(Instant, Reason)> {
        self.holds.until.next().map(|until| (until, Reason::Retry))
    }

    /// Why a node waits that has failed a few times, where no problem says it.
    pub(super) fn retried(&self, node: NodeId) -> Option<Problem> {
        let failed = self.holds.failed.get(&node).filter(|failed| failed.times >= TOLD_AFTER)?;
        if !self.is_held(node) || self.is_explained(node) {
            return None;
        }
        let reason = format!("{}; it is tried again by itself", failed.why);
        Some(Problem { path: self.trees.path_shown(node), kind: ProblemKind::Retried, reason })
    }

    /// All that waits so.
    pub(super) fn all_retried(&self) -> impl Iterator<Item = Problem> {
        self.holds.until.iter().filter_map(|(node, _)| self.retried(node))
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::*;
    use crate::client::bench::{ROOT, coming, dir, node};

    #[test]
    fn what_fails_again_and_again_says_why_it_waits() {
        let node = node(1);
        let mut client = Client::of_trees([coming(1, &dir(ROOT, "f"))]);
        for _ in 1..TOLD_AFTER {
            client.hold(node, "no luck");
            assert_eq!(client.retried(node), None);
        }
        client.hold(node, "no luck today");
        let told = client.status().problems;
        let told: Vec<_> = told.iter().map(|problem| (problem.kind, &*problem.reason)).collect();
        assert_eq!(told, [(ProblemKind::Retried, "no luck today; it is tried again by itself")]);
        client.problem(node, ProblemKind::Parked, "no name".into());
        assert!(client.retried(node).is_some() && !client.holds_idle(), "that says another thing");
        client.problem(node, ProblemKind::Unreadable, "no luck today".into());
        assert_eq!(client.retried(node), None, "that says why");
        assert!(client.holds_idle());
        client.release(node);
        assert_eq!(client.retried(node), None);
    }
}
