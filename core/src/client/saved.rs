//! What a client engine keeps over a restart. A store writes and reads it, and never looks inside.

use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use crate::blob::Blob;
use crate::id::{DeviceId, NodeId};
use crate::operation::Cursor;

use super::record::Record;

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

impl Saved {
    /// The state of a device that has this prefix of the journal, and these three trees.
    pub fn of_trees(
        device: DeviceId,
        cursor: Cursor,
        records: impl IntoIterator<Item = (NodeId, Record)>,
    ) -> Self {
        super::saving::saved(device, cursor, records)
    }
}
