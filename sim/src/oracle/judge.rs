//! The rules that hold when everything is at rest.

use std::collections::BTreeMap;

use onefold_core::hash::ContentId;
use onefold_core::name::RelPath;
use onefold_core::operation::Step;

use crate::disk::user::target_version;
use crate::world::World;
use crate::world::device::Device;

use super::Broken;
use super::tree::{self, Leaf, Tree};

/// Entries of the journal for each deed of a user, at most; and so many in any case.
const ENTRIES_PER_DEED: u64 = 4;
const ENTRIES_IN_ANY_CASE: u64 = 20;

/// All rules.
pub fn all(world: &World) -> Result<(), Broken> {
    if let Some(why) = world.witness().halt() {
        return Err(Broken::new("no engine stops for good", why));
    }
    world.server.journal.check()?;
    let server = tree::of_rows(&world.server.journal.rows())?;
    same_trees(world, &server)?;
    nothing_lost(world, &server)?;
    nothing_comes_back(world, &server)?;
    one_file_each(world, &server)?;
    no_needless_copies(world, &server)?;
    no_temporary_names(world)?;
    bounded(world)
}

/// All disks and the server hold the same tree.
pub fn same_trees(world: &World, server: &Tree) -> Result<(), Broken> {
    for (index, device) in world.devices.iter().enumerate() {
        let differences = tree::differences(&device.disk, server);
        if !differences.is_empty() {
            let problems = device.client.as_ref().map(|client| client.status().problems);
            return Err(Broken::new(
                "all disks and the server hold the same tree",
                format!("device {index}: {} (problems: {problems:?})", differences.join("; ")),
            ));
        }
    }
    Ok(())
}

/// Where each version stands.
fn places(server: &Tree) -> BTreeMap<ContentId, Vec<&RelPath>> {
    let mut places: BTreeMap<ContentId, Vec<&RelPath>> = BTreeMap::new();
    for (path, leaf) in server {
        let version = match leaf {
            Leaf::Directory => continue,
            Leaf::File(content, _) => *content,
            Leaf::Symlink(target) => target_version(target),
        };
        places.entry(version).or_default().push(path);
    }
    places
}

/// Every version that no user changed or deleted is in the tree.
fn nothing_lost(world: &World, server: &Tree) -> Result<(), Broken> {
    let places = places(server);
    let unknown: Vec<_> =
        world.devices.iter().flat_map(|device| device.disk.versions()).map(|(_, v)| v).collect();
    for (version, fate) in &world.witness().versions {
        let excused = fate.written.is_empty()
            || !fate.destroyed_by.is_empty()
            || fate.copied
            || fate.lost_power
            || places.contains_key(version)
            || unknown.contains(version);
        if !excused {
            let in_history = world.witness().history.contains(version);
            let what = format!("{}: {fate:?}; in the history: {in_history}", fate.path);
            return Err(Broken::new("no version is lost", what));
        }
    }
    Ok(())
}

/// What one user deleted, and no other touched, is gone.
fn nothing_comes_back(world: &World, server: &Tree) -> Result<(), Broken> {
    let unknown = |device: &Device| !tree::of_disk(&device.disk).1.is_empty();
    let hidden = world.witness().had_unknown || world.devices.iter().any(unknown);
    if world.witness().merged || hidden {
        return Ok(());
    }
    for (version, paths) in places(server) {
        let Some(fate) = world.witness().versions.get(&version) else { continue };
        let Some(by) = fate.destroyed_by.first() else { continue };
        let alone = fate.destroyed_by.len() == 1
            && !fate.copied
            && !world.witness().moved_by_others(version, *by)
            && world.witness().directory_movers.iter().all(|mover| mover == by);
        if alone {
            let what = format!("{paths:?}: {fate:?}");
            return Err(Broken::new("what was deleted stays deleted", what));
        }
    }
    Ok(())
}

/// A version that no user copied stands at one path.
fn one_file_each(world: &World, server: &Tree) -> Result<(), Broken> {
    let excused = world.witness().merged || world.witness().half_seen;
    for (version, paths) in places(server) {
        // A backup is new, and what it was made of is edited: both may end up somewhere.
        let backup = |path: &&RelPath| path.to_bytes().ends_with(b"~");
        let copied = world.witness().versions.get(&version).is_none_or(|fate| fate.copied)
            || paths.iter().any(backup)
            || world.witness().is_forked(version);
        if paths.len() > 1 && !copied && !excused {
            return Err(Broken::new("there is one file for each version", format!("{paths:?}")));
        }
    }
    Ok(())
}

/// Whether a path names a conflict copy.
pub fn is_copy(path: &RelPath) -> bool {
    let has = |bytes: &[u8]| bytes.windows(11).any(|window| window == b" (conflict,");
    path.names().last().is_some_and(|name| has(name.as_bytes()))
}

/// No conflict copies where only one user ever did anything, or all keep to their own.
fn no_needless_copies(world: &World, server: &Tree) -> Result<(), Broken> {
    let copies: Vec<_> = server.keys().filter(|path| is_copy(path)).collect();
    if (world.witness().actors.len() < 2 || world.apart())
        && !copies.is_empty()
        && !world.had_late_writers()
    {
        return Err(Broken::new("no needless conflict copy", format!("{copies:?}")));
    }
    Ok(())
}

/// No temporary file left its device, or was even read.
fn no_temporary_names(world: &World) -> Result<(), Broken> {
    for (device, path) in world.witness().fleeting() {
        let Some(name) = path.names().last() else { continue };
        if name.as_bytes().ends_with(b"~") {
            continue; // Other programs make lasting ones.
        }
        let id = world.server.device_id(*device);
        let sent = world.witness().entries.iter().filter(|entry| entry.device == id).any(|entry| {
            entry.operation.steps.iter().any(|step| match step {
                Step::Create { place, .. } | Step::Move { place, .. } => place.name == *name,
                _ => false,
            })
        });
        if sent {
            let what = format!("device {device}: {path}");
            return Err(Broken::new("no temporary name leaves its device", what));
        }
    }
    Ok(())
}

/// The number of entries is bounded by what users did.
fn bounded(world: &World) -> Result<(), Broken> {
    let entries = world.witness().entries.len() as u64;
    let bound = ENTRIES_PER_DEED * world.witness().deeds + ENTRIES_IN_ANY_CASE;
    if entries > bound {
        let what = format!("{entries} entries for {} deeds", world.witness().deeds);
        return Err(Broken::new("a bounded number of entries for each deed", what));
    }
    Ok(())
}
