//! What a scenario arranges: work that is held back, and what happens at a moment of a change.
//!
//! Nothing of this is drawn; runs of the search arrange nothing.

use std::collections::BTreeSet;

use onefold_core::client::event::{Effect, Event};

use crate::disk::guard::Moment;
use crate::user::script::Call;

use super::device::{Stage, Task};

/// Work of a device that can be held back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Hold {
    /// Events of its watcher.
    Events,
    /// Looks.
    Looks,
    /// Hashes.
    Hashes,
    /// The answers to hashes that are done.
    Hashed,
    /// Uploads.
    Uploads,
    /// Fetches.
    Fetches,
    /// Changes of its disk that have not begun.
    Changes,
    /// The answers to changes of its disk that are done.
    Changed,
    /// Saves of its state that have not begun.
    Saves,
    /// Messages to the server.
    Up,
    /// Messages from the server.
    Down,
    /// The start of its client, once that was killed.
    Start,
    /// Its reads and looks begin at once, and end when they are allowed to.
    SlowReads,
}

/// What happens at a moment of a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meanwhile {
    /// The device's user does what he was told to do.
    Act,
    /// The client is killed.
    Die,
}

/// What is arranged.
#[derive(Debug, Default)]
pub struct Arranged {
    /// What is held back, by device.
    pub held: BTreeSet<(usize, Hold)>,
    /// What happens in a device's next change, once.
    pub in_change: Option<(usize, Moment, Meanwhile)>,
    /// The calls that a device's user then makes.
    pub calls: Vec<Call>,
    /// Time stops here on its way.
    pub alarm_ms: Option<u64>,
    /// The server has no room for large contents.
    pub server_full: bool,
}

impl Arranged {
    /// Whether it is held back.
    pub fn holds(&self, device: usize, hold: Hold) -> bool {
        self.held.contains(&(device, hold))
    }

    /// Whether a task may not go on.
    pub(super) fn holds_task(&self, device: usize, task: &Task) -> bool {
        !self.held.is_empty() && hold_of(task).is_some_and(|hold| self.holds(device, hold))
    }

    /// What happens at this moment of a device's change; it happens once.
    pub(super) fn take(&mut self, device: usize, moment: Moment) -> Option<Meanwhile> {
        let (_, _, meanwhile) =
            self.in_change.filter(|(of, at, _)| (*of, *at) == (device, moment))?;
        self.in_change = None;
        Some(meanwhile)
    }
}

fn hold_of(task: &Task) -> Option<Hold> {
    match &task.stage {
        Stage::Done(Event::Changed(..)) => Some(Hold::Changed),
        Stage::Done(Event::Hashed(..)) => Some(Hold::Hashed),
        Stage::Done(_) => None,
        Stage::Begun(effect, _) => match **effect {
            Effect::Look { .. } => Some(Hold::Looks),
            Effect::Hash { .. } | Effect::HashStart { .. } => Some(Hold::Hashes),
            Effect::Upload { .. } => Some(Hold::Uploads),
            Effect::Fetch { .. } => Some(Hold::Fetches),
            Effect::Change { .. } => Some(Hold::Changes),
            Effect::Save { .. } => Some(Hold::Saves),
            Effect::Connect | Effect::Disconnect | Effect::Send(_) | Effect::Report(_) => None,
        },
    }
}
