//! What a client engine keeps over a restart. A store writes and reads it, and never looks inside.

use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use crate::blob::Blob;
use crate::id::NodeId;

/// A change of the saved state: all of it durable, or none.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SaveBatch {
    /// The old records all go first (a whole new state follows).
    pub clear: bool,
    /// One record for each node that changed; `None` removes it.
    pub records: Vec<(NodeId, Option<Blob>)>,
    /// The engine's own row, if it changed.
    pub header: Option<Blob>,
}

/// The saved state, whole. Empty for a folder that never synced.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Saved {
    /// Every record.
    pub records: Vec<(NodeId, Blob)>,
    /// The engine's own row.
    pub header: Option<Blob>,
}
