//! What happened since all was last quiet.

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
    /// The slowest kind of change, and when the last one was made.
    pub pace: Pace,
    /// When the last change was made.
    pub changed_ms: u64,
}
