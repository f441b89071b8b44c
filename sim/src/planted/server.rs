//! The journal's answers, bent.

use std::collections::BTreeMap;

use onefold_adapters::journal::{MemoryStore, StoreResult};
use onefold_core::id::{DeviceId, FolderId, NodeId};
use onefold_core::node::Kind;
use onefold_core::operation::Commit;
use onefold_core::server::decide::Submitted;
use onefold_core::server::facts::{Fact, Head};
use onefold_core::server::session::{Load, Loaded, Poll};
use onefold_core::time::WallTime;

use super::Planted;

/// What the planted fault of a run remembers.
#[derive(Debug, Default)]
pub struct Memory {
    /// The fault.
    pub fault: Option<Planted>,
    /// The store before the last commit.
    before: Option<Box<MemoryStore>>,
    /// The head that each device was told last.
    told: BTreeMap<DeviceId, Head>,
}

impl Memory {
    /// Answers a session's question.
    pub fn answer(
        &mut self,
        store: &mut MemoryStore,
        (folder, device, writable): (FolderId, DeviceId, bool),
        time: WallTime,
        load: Load,
    ) -> StoreResult<Loaded> {
        match (self.fault, load) {
            (Some(fault), Load::Decide(commit)) => {
                if fault == Planted::AnswersEarly {
                    self.before = Some(Box::new(store.clone()));
                }
                let commit = bent(fault, commit, store.head(folder));
                let targets = targets(&commit);
                let submitted = vec![Submitted { device, writable, commit }];
                let see = |fact| seen(fault, &targets, fact);
                let mut outcomes = store.commit_seeing(folder, time, submitted, see)?;
                Ok(Loaded::Outcome(outcomes.pop().expect("one outcome for each commit")))
            }
            (Some(Planted::NewsLost), Load::Poll) => {
                let head = self.told.get(&device).copied().unwrap_or(Head::EMPTY);
                Ok(Loaded::Poll(Some(Poll { head, writable })))
            }
            (fault, load) => {
                if fault == Some(Planted::NewsLost) {
                    self.told.insert(device, store.head(folder));
                }
                store.answer(folder, device, time, load, writable)
            }
        }
    }

    /// The machine loses power.
    pub fn cut_power(&mut self, store: &mut MemoryStore) {
        if let Some(before) = self.before.take() {
            *store = *before;
        }
    }
}

fn bent(fault: Planted, mut commit: Commit, head: Head) -> Commit {
    if fault == Planted::LastWriterWins {
        commit.seen = head.cursor.seq;
    }
    commit
}

/// The nodes that a commit changes.
fn targets(commit: &Commit) -> Vec<NodeId> {
    commit.operations.iter().flat_map(|of| &of.steps).map(|step| step.node()).collect()
}

/// A fact, as the decision sees it.
fn seen(fault: Planted, targets: &[NodeId], fact: Fact) -> Fact {
    match (fault, fact) {
        (Planted::DecidesAgain, Fact::Outcome(device, key, _)) => Fact::Outcome(device, key, None),
        (Planted::AcceptsTwin, Fact::Child(parent, name, _)) => Fact::Child(parent, name, None),
        (Planted::DeletesFull, Fact::Children(node, _)) => Fact::Children(node, 0),
        (Planted::AcceptsOrphan, Fact::Node(node, Some(mut row)))
            if row.state.body.kind() == Kind::Directory && !targets.contains(&node) =>
        {
            row.alive = true;
            Fact::Node(node, Some(row))
        }
        (Planted::AcceptsCycle, Fact::Node(node, Some(mut row)))
            if row.state.body.kind() == Kind::Directory && !targets.contains(&node) =>
        {
            row.state.place.parent = NodeId::ROOT;
            Fact::Node(node, Some(row))
        }
        (_, fact) => fact,
    }
}
