//! What is judged: the disks, the server and the record, as every world can show them.
//!
//! The engine world, the turmoil world and real processes on real disks each make a [`Scene`]; the
//! rules see nothing else of them.

use std::collections::{BTreeMap, BTreeSet};

use onefold_core::folding::Folding;
use onefold_core::hash::ContentId;
use onefold_core::id::DeviceId;
use onefold_core::name::RelPath;
use onefold_core::server::facts::{Head, NodeRow};

use crate::disk::Disk;

use super::Witness;
use super::tree::{self, Tree};

/// All that is judged, as it stands now.
#[derive(Debug)]
pub struct Scene<'a> {
    /// What users and engines did.
    pub witness: &'a Witness,
    /// What each device holds.
    pub devices: Vec<Holding>,
    /// What the server holds.
    pub server: Kept,
}

/// What a device holds.
#[derive(Clone, Debug)]
pub struct Holding {
    /// Its id in the journal.
    pub id: DeviceId,
    /// What is synced.
    pub tree: Tree,
    /// Where something stands that is not synced: unknown to the engine.
    pub unknown: BTreeSet<RelPath>,
    /// Every version on it, the unknown ones too.
    pub versions: BTreeSet<ContentId>,
    /// Which names are one here.
    pub folding: Folding,
    /// The form that names are given back in.
    pub stored: Folding,
    /// What the engine says that it cannot sync, for people.
    pub problems: String,
    /// Nothing is in the way of syncing anything.
    pub free: bool,
}

/// What the server holds.
#[derive(Clone, Debug)]
pub struct Kept {
    /// All nodes and tombstones.
    pub rows: Vec<NodeRow>,
    /// Where the journal stands.
    pub head: Head,
    /// The contents of live files that are there, whole and as their ids say, with their sizes.
    pub contents: BTreeMap<ContentId, u64>,
}

impl Holding {
    /// What a simulated disk holds; the engine has no problems, and nothing is in the way.
    pub fn of(id: DeviceId, disk: &Disk) -> Self {
        let (tree, unknown) = tree::of_disk(disk);
        Self {
            id,
            free: unknown.is_empty() && !disk.full && disk.restricted().is_empty(),
            tree,
            unknown,
            versions: disk.versions().into_iter().map(|(_, version)| version).collect(),
            folding: disk.traits.folding,
            stored: disk.stored_form(),
            problems: String::new(),
        }
    }
}
