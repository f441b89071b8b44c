//! What happened since all was last quiet.

use std::collections::BTreeSet;

use onefold_core::node::Place;
use onefold_core::operation::Step;

use super::moving::Moving;
use super::tree::Tree;

/// What kind of a change it was, by how long it may take until it is everywhere.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Pace {
    /// Nothing that is synced.
    #[default]
    Nothing,
    /// A known file has other bytes.
    Edit,
    /// There is a new name.
    Name,
    /// Something is gone.
    Deletion,
}

impl Pace {
    /// The kind of a step in the journal.
    pub const fn of(step: &Step) -> Self {
        match step {
            Step::Edit { .. } | Step::Retarget { .. } | Step::SetExecutable { .. } => Self::Edit,
            Step::Create { .. } | Step::Move { .. } => Self::Name,
            Step::Delete { .. } => Self::Deletion,
        }
    }

    /// Within which time it is everywhere, on a network without delay, in milliseconds.
    pub const fn bound_ms(self) -> u64 {
        match self {
            Self::Nothing => u64::MAX,
            Self::Edit => 100,
            // A change of a disk that is tried once more takes 250 of them.
            Self::Name => 600,
            Self::Deletion => 2_000,
        }
    }
}

/// What users did since all was quiet, and how the last one's disk looked after it.
#[derive(Clone, Debug, Default)]
pub struct Epoch {
    /// How many deeds of each device.
    pub deeds: Vec<u64>,
    /// Everyone had everything when it began.
    pub agreed: bool,
    /// Something happened that may rightly spoil the rules.
    pub spoiled: bool,
    /// The last actor's disk after his last deed.
    pub last: Option<(usize, Tree)>,
    /// A directory that was moved, while nobody did anything else.
    pub moving: Option<Moving>,
    /// A device lost its network, or got it back.
    pub network_changed: bool,
    /// How many names users made: many at once settle longer.
    pub names: u64,
    /// Users moved something.
    pub moved: bool,
    /// Users did away with something.
    pub gone: bool,
    /// The slowest kind of change that came of it.
    pub pace: Pace,
    /// Names that something was moved away from.
    pub left: BTreeSet<Place>,
    /// When the last call was made.
    pub changed_ms: u64,
}

impl Epoch {
    /// The journal has this step, of a node that was at this place if it is not new.
    pub fn step(&mut self, step: &Step, was: Option<&Place>) {
        self.pace = self.pace.max(Pace::of(step));
        match step {
            Step::Move { .. } => self.left.extend(was.cloned()),
            // What took the name of something that is elsewhere now may be a save: it settles as long
            // as a deletion.
            Step::Create { place, .. } if self.left.contains(place) => self.pace = Pace::Deletion,
            _ => {}
        }
    }
}
