//! The client engine: three trees and one planner.

pub mod event;
pub mod saved;

use alloc::string::String;
use alloc::vec::Vec;

use event::{Effect, Event};
use saved::Saved;

use crate::name::RelPath;
use crate::time::{Instant, Now};

/// What an engine is made with.
#[derive(Clone, Debug)]
pub struct Config {
    /// The device's name, in the names of its conflict copies.
    pub device_name: String,
    /// Fresh from the operating system at each start, and never stored: ids are drawn from it.
    pub seed: [u8; 32],
    /// Names that differ in case only clash on this disk.
    pub folds_case: bool,
}

/// Why the saved state cannot be gone on from; the driver starts with an empty one (and merges).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the saved state cannot be read: {0}")]
pub struct DamagedState(pub String);

/// The engine of one folder on one device.
#[derive(Debug)]
pub struct Client {}

impl Client {
    /// An engine that goes on from what was saved; the first event is [`Event::Started`].
    pub fn new(_config: Config, _saved: Saved) -> Result<Self, DamagedState> {
        Ok(Self {})
    }

    /// Takes an event in, gives effects out: the same events give the same effects, always.
    #[must_use]
    pub fn handle(&mut self, _now: Now, _event: Event) -> Vec<Effect> {
        Vec::new()
    }

    /// When to come back with [`Event::Ticked`], and what for.
    pub fn deadline(&self) -> Option<(Instant, Reason)> {
        None
    }

    /// What a person, or `--once`, wants to know.
    pub fn status(&self) -> Status {
        Status::default()
    }

    /// Checks the engine's invariants: the first broken one, in words.
    pub fn check(&self) -> Result<(), String> {
        Ok(())
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
    /// The slow background rescan.
    Rescan,
}

/// Where an engine stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Status {
    /// Why it is not at rest; `None`: this device and the server agree, but for the problems.
    pub unrest: Option<String>,
    /// A stream stands, and the server has welcomed the device.
    pub online: bool,
    /// Stopped for good, in words: an invariant broke.
    pub halted: Option<String>,
    /// The last entry that this device has.
    pub seq: u64,
    /// Live files on this disk.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// What is to be sent: items and bytes.
    pub uploading: (u64, u64),
    /// What is to be fetched: items and bytes.
    pub downloading: (u64, u64),
    /// What cannot be synced now, by path.
    pub problems: Vec<Problem>,
}

/// Something that is not in sync, and why.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    /// Where.
    pub path: RelPath,
    /// What kind.
    pub kind: ProblemKind,
    /// In words.
    pub reason: String,
}

/// Kinds of [`Problem`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ProblemKind {
    /// A program has it open for writing.
    Busy,
    /// It cannot be read.
    Unreadable,
    /// It cannot be written here.
    Unwritable,
    /// This device cannot hold its name, or Onefold cannot.
    Parked,
    /// The server does not take it (read-only, over quota).
    Refused,
}
