//! The client engine: three trees and one planner.
//!
//! State is observations, never work: the three trees are kept, and what to do is derived from them
//! each time. One way in ([`Client::handle`]), one way out (its effects), and [`Client::deadline`].
//!
//! | file | concern |
//! |---|---|
//! | `record`, `trees`, `sums` | one node in three trees; all of them, with indexes and counts |
//! | `reconcile` | what to do about one node: pure |
//! | `looking`, `identity` | where to look; which node each thing on the disk is |
//! | `hiding` | what is behind a name that is not synced |
//! | `naming` | names that a disk gives back in another form |
//! | `reading`, `growing` | settling, and reading files; those that never rest |
//! | `planning` | decisions into work, and what only moves *synced* |
//! | `inbound`, `way` | what this disk needs; making way for it |
//! | `fetching`, `changing`, `intents` | contents coming in; changes of the disk; after a crash |
//! | `holds` | what failed, until it is tried again |
//! | `deletions` | deletions of much at once, held until a person answers |
//! | `uploading`, `outbound`, `ordering` | contents going out; commits; the order of their steps |
//! | `keys` | what tells this state's commits from those of a copy of it |
//! | `stream`, `receiving` | the connection; entries and snapshots |
//! | `saving` | making all of it durable |
//! | `status`, `explain` | where it stands; why one thing is, or is not, in sync |
//! | `bench` | what tests of the engine stand on |

#[cfg(test)]
mod bench;
mod changing;
mod deletions;
pub mod event;
mod explain;
mod fetching;
mod growing;
mod hiding;
mod holds;
pub mod identity;
mod ids;
mod inbound;
mod intents;
mod keys;
mod looking;
mod missing;
mod naming;
mod ordering;
mod outbound;
mod planning;
mod reading;
mod receiving;
pub mod reconcile;
pub mod record;
mod sameness;
pub mod saved;
mod saving;
mod status;
mod stream;
mod sums;
mod tally;
mod timers;
pub mod trees;
mod uploading;
mod way;

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::string::String;
use alloc::vec::Vec;

use event::{Effect, Event, TaskId};
use saved::Saved;

use crate::folding::Folding;
use crate::id::NodeId;
use crate::time::{Instant, Now};

pub use deletions::{ASK_FROM_FILES, Answer};
pub use explain::{Explained, Wait, Why};
pub use status::{Checked, Direction, Moving, Problem, ProblemKind, Status};

/// What an engine is made with.
#[derive(Clone, Debug)]
pub struct Config {
    /// The device's name, in the names of its conflict copies.
    pub device_name: String,
    /// Fresh from the operating system at each start, and never stored: ids are drawn from it.
    pub seed: [u8; 32],
    /// Which names this disk takes for one.
    pub folding: Folding,
    /// Files on this disk have executable bits. Where they have none, what it shows means nothing,
    /// and a file keeps the bit that was agreed on.
    pub has_modes: bool,
    /// From so many deleted files on, [`ASK_FROM_FILES`], a person is asked about them, if they are
    /// most of the folder.
    pub ask_from_files: u64,
}

/// Why the saved state cannot be gone on from; the driver starts with an empty one (and merges).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the saved state cannot be read: {0}")]
pub struct DamagedState(pub String);

/// How often one event may lead to planning again; what is left then waits for the next event.
const MAX_ROUNDS: usize = 100;

/// The engine of one folder on one device.
#[derive(Debug)]
pub struct Client {
    config: Config,
    now: Now,
    started: bool,
    ids: ids::Ids,
    last_task: u64,
    trees: trees::Trees,
    looks: looking::Looks,
    reads: reading::Reads,
    growing: growing::Growing,
    inbound: inbound::Inbound,
    fetches: fetching::Fetches,
    changes: changing::Changes,
    outbound: outbound::Outbound,
    uploads: uploading::Uploads,
    stream: stream::Stream,
    saves: saving::Saves,
    keys: keys::Keys,
    holds: holds::Holds,
    deletions: deletions::Deletions,
    problems: BTreeMap<(NodeId, ProblemKind), String>,
    halted: Option<String>,
    unresolved: intents::Unresolved,
    /// Nodes that may have been sent before this engine started; nothing told yet that they were.
    sent_before: BTreeSet<NodeId>,
    out: Vec<Effect>,
}

#[cfg(test)]
impl Client {
    /// An engine that goes on from these trees, for tests.
    fn of_trees(records: impl IntoIterator<Item = (NodeId, record::Record)>) -> Self {
        let config = Config {
            device_name: "desk".into(),
            seed: [0; 32],
            folding: Folding::NONE,
            has_modes: true,
            ask_from_files: ASK_FROM_FILES,
        };
        let device = crate::id::DeviceId::from_bytes([9; 16]);
        let saved = Saved::of_trees(device, crate::operation::Cursor::START, records);
        Self::new(config, saved).expect("what was just saved can be read")
    }
}

impl Client {
    /// An engine that goes on from what was saved; the first event is [`Event::Started`].
    pub fn new(config: Config, saved: Saved) -> Result<Self, DamagedState> {
        let (trees, stream, saves, keys) = saving::restore(saved)?;
        let unresolved = intents::Unresolved::of(&trees);
        let never_heard_of = trees.nodes().filter(|(_, record)| !record.accepted());
        let sent_before = never_heard_of.map(|(node, _)| node).collect();
        Ok(Self {
            ids: ids::Ids::new(config.seed),
            config,
            now: Now::default(),
            started: false,
            last_task: 0,
            trees,
            looks: looking::Looks::default(),
            reads: reading::Reads::default(),
            growing: growing::Growing::default(),
            inbound: inbound::Inbound::default(),
            fetches: fetching::Fetches::default(),
            changes: changing::Changes::default(),
            outbound: outbound::Outbound::default(),
            uploads: uploading::Uploads::default(),
            stream,
            saves,
            keys,
            holds: holds::Holds::default(),
            deletions: deletions::Deletions::default(),
            problems: BTreeMap::new(),
            halted: None,
            unresolved,
            sent_before,
            out: Vec::new(),
        })
    }

    /// Takes an event in, gives effects out: the same events give the same effects, always.
    #[must_use]
    pub fn handle(&mut self, now: Now, event: Event) -> Vec<Effect> {
        self.now = Now { instant: self.now.instant.max(now.instant), local: now.local };
        match event {
            Event::Started => {
                self.started = true;
                self.remember_hidden();
                self.miss_displaced();
                self.settle_anew();
                self.rescan();
            }
            Event::Ticked => {}
            Event::Hinted(hint) => self.on_hint(&hint),
            Event::Overflowed(path) => self.on_overflow(&path),
            Event::Looked(id, result) => self.on_looked(id, result),
            Event::Hashed(id, result) => {
                if !self.on_start_hashed(id, &result) {
                    self.on_hashed(id, result);
                }
            }
            Event::Uploaded(id, result) => self.on_uploaded(id, result),
            Event::Fetched(id, result) => self.on_fetched(id, result),
            Event::Changed(id, result) => self.on_changed(id, result),
            Event::Saved(id, result) => self.on_saved(id, result),
            Event::Connected => self.on_connected(),
            Event::Disconnected(_) => self.on_disconnected(),
            Event::Received(message) => self.on_message(message),
            Event::Answered(answer) => self.on_answered(answer),
        }
        if self.started {
            self.pump();
        } else {
            self.pump_saves();
        }
        core::mem::take(&mut self.out)
    }

    /// Plans what changed and starts what may start, until nothing more follows from it.
    fn pump(&mut self) {
        for _ in 0..MAX_ROUNDS {
            self.pump_looks();
            self.pump_stream();
            self.end_holds();
            self.pump_growing();
            self.pump_reads();
            self.pump_saves();
            self.judge_deletions();
            self.pump_inbound();
            self.pump_outbound();
            if self.trees.is_clean() || !self.may_plan() {
                break;
            }
        }
        // What was only just begun may have something to save before it can go on.
        self.pump_saves();
    }

    /// When to come back with [`Event::Ticked`], and what for.
    pub fn deadline(&self) -> Option<(Instant, Reason)> {
        if !self.started {
            return None;
        }
        let deadlines = [
            self.looks_deadline(),
            self.reads_deadline(),
            self.growing_deadline(),
            self.holds_deadline(),
            self.inbound_deadline(),
            self.stream_deadline(),
            self.saves_deadline(),
        ];
        deadlines.into_iter().flatten().min()
    }

    /// Changes of the disk and commits are in order now.
    fn may_change_disk(&self) -> bool {
        self.looks.scanned
            && self.looks.root_gone.is_none()
            && self.halted.is_none()
            && !matches!(self.stream.phase, stream::Phase::Building(_))
    }

    fn task(&mut self) -> TaskId {
        self.last_task += 1;
        TaskId(self.last_task)
    }
}

/// What an engine waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reason {
    /// A file settles.
    Settle,
    /// A deletion is looked at again before it is sent.
    Deletion,
    /// Something that failed, or was busy, is tried again.
    Retry,
    /// The server is tried again.
    Reconnect,
    /// The connection has been silent for too long.
    Silence,
    /// The server is told how far this device is.
    Acknowledge,
    /// The slow background rescan.
    Rescan,
}
