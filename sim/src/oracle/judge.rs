//! The rules that hold when everything is at rest.

use std::collections::BTreeMap;

use onefold_core::hash::ContentId;
use onefold_core::name::RelPath;
use onefold_core::node::Body;
use onefold_core::operation::Step;
use onefold_core::protocol::TreeSum;

use super::scene::{Kept, Scene};
use super::tree::{self, Tree};
use super::{Broken, Tally, rules};

/// Entries of the journal for each deed of a user, at most; and so many in any case.
const ENTRIES_PER_DEED: u64 = 4;
const ENTRIES_IN_ANY_CASE: u64 = 20;

/// All rules; how often each had something to judge.
pub fn all(scene: &Scene<'_>) -> Result<Tally, Broken> {
    let mut tally = Tally::default();
    tally.judged(rules::NO_HALT, scene.devices.len());
    if let Some(why) = scene.witness.halt() {
        return Err(Broken::new(rules::NO_HALT, why));
    }
    server_is_whole(&scene.server, &mut tally)?;
    let server = tree::of_rows(&scene.server.rows, &mut tally)?;
    tally.judged(rules::ROWS_FOLLOW, scene.server.rows.len());
    scene.witness.shadow.same(&scene.server.rows)?;
    scene.witness.divergence.judge(&mut tally)?;
    same_trees(scene, &server, &mut tally)?;
    nothing_lost(scene, &server, &mut tally)?;
    nothing_comes_back(scene, &server, &mut tally)?;
    one_file_each(scene, &server, &mut tally)?;
    no_needless_copies(scene, &server, &mut tally)?;
    no_temporary_names(scene, &mut tally)?;
    bounded(scene, &mut tally)?;
    Ok(tally)
}

/// The head's sum, its bytes, and the contents of live files are right.
fn server_is_whole(server: &Kept, tally: &mut Tally) -> Result<(), Broken> {
    let mut sum = TreeSum::default();
    let mut bytes = 0;
    for row in server.rows.iter().filter(|row| row.alive) {
        sum.add(row.node, &row.state);
        if let Body::File { content, .. } = &row.state.body {
            bytes += content.size;
            tally.judged(rules::SERVER_HAS_CONTENTS, 1u64);
            if server.contents.get(&content.id) != Some(&content.size) {
                return Err(Broken::new(rules::SERVER_HAS_CONTENTS, format!("{row:?}")));
            }
        }
    }
    tally.judged(rules::SUM_IS_RIGHT, server.rows.len());
    if sum != server.head.sum || bytes != server.head.bytes {
        let what = format!("{sum:?} and {bytes} bytes, not {:?}", server.head);
        return Err(Broken::new(rules::SUM_IS_RIGHT, what));
    }
    Ok(())
}

/// All disks and the server hold the same tree.
pub fn same_trees(scene: &Scene<'_>, server: &Tree, tally: &mut Tally) -> Result<(), Broken> {
    for (index, device) in scene.devices.iter().enumerate() {
        tally.judged(rules::SAME_TREES, server.len());
        let differences = tree::differences(device, server);
        if !differences.is_empty() {
            let problems = &device.problems;
            return Err(Broken::new(
                rules::SAME_TREES,
                format!("device {index}: {} (problems: {problems})", differences.join("; ")),
            ));
        }
    }
    Ok(())
}

/// Where each version stands.
fn places(server: &Tree) -> BTreeMap<ContentId, Vec<&RelPath>> {
    let mut places: BTreeMap<ContentId, Vec<&RelPath>> = BTreeMap::new();
    for (path, leaf) in server {
        let Some(version) = leaf.version() else { continue };
        places.entry(version).or_default().push(path);
    }
    places
}

/// Every version that no user changed or deleted is in the tree. What a power cut took is excused
/// only if the server never had it (its writer had not made it durable), or has it in its history.
fn nothing_lost(scene: &Scene<'_>, server: &Tree, tally: &mut Tally) -> Result<(), Broken> {
    let places = places(server);
    // What is not synced, or has a name that clashes, is where it is.
    let on_a_disk = |version| scene.devices.iter().any(|device| device.versions.contains(version));
    for (version, fate) in &scene.witness.versions.all {
        let in_history = scene.witness.history.contains(version);
        let by_users = !fate.destroyed_by.is_empty() || !fate.dropped_by.is_empty();
        let by_power = fate.lost_power || fate.rolled_back && in_history;
        // What an engine once agreed on, by an older memory, is an ancestor of the file that it finds.
        let by_memory = scene.witness.old_memory && in_history;
        if fate.written.is_empty() || by_users || by_power || by_memory {
            continue;
        }
        tally.judged(rules::NOTHING_LOST, 1u64);
        if !places.contains_key(version) && !on_a_disk(version) {
            let what = format!("{}: {fate:?}; in the history: {in_history}", fate.path);
            return Err(Broken::new(rules::NOTHING_LOST, what));
        }
    }
    Ok(())
}

/// What one user deleted, and no other touched, is gone.
fn nothing_comes_back(scene: &Scene<'_>, server: &Tree, tally: &mut Tally) -> Result<(), Broken> {
    let hidden =
        scene.witness.had_unknown || scene.devices.iter().any(|device| !device.unknown.is_empty());
    if scene.witness.merged || hidden {
        return Ok(());
    }
    let places = places(server);
    for (version, fate) in &scene.witness.versions.all {
        let Some(by) = fate.destroyed_by.first() else { continue };
        let alone = fate.destroyed_by.len() == 1
            && !fate.copied
            && !fate.half_deleted
            && !scene.witness.versions.moved_by_others(*version, *by)
            && scene.witness.directory_movers.iter().all(|mover| mover == by);
        if !alone {
            continue;
        }
        tally.judged(rules::STAYS_DELETED, 1u64);
        if let Some(paths) = places.get(version) {
            let what = format!("{paths:?}: {fate:?}");
            return Err(Broken::new(rules::STAYS_DELETED, what));
        }
    }
    Ok(())
}

/// A version that no user copied stands at one path.
fn one_file_each(scene: &Scene<'_>, server: &Tree, tally: &mut Tally) -> Result<(), Broken> {
    let excused = scene.witness.merged || scene.witness.half_seen;
    for (version, paths) in places(server) {
        // A backup is new, and what it was made of is edited: both may end up somewhere.
        let backup = |path: &&RelPath| path.to_bytes().ends_with(b"~");
        let copied = scene.witness.versions.all.get(&version).is_none_or(|fate| fate.copied)
            || paths.iter().any(backup)
            || scene.witness.versions.is_forked(version);
        tally.judged(rules::ONE_FILE_EACH, u64::from(!copied));
        if paths.len() > 1 && !copied && !excused {
            return Err(Broken::new(rules::ONE_FILE_EACH, format!("{paths:?}")));
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
fn no_needless_copies(scene: &Scene<'_>, server: &Tree, tally: &mut Tally) -> Result<(), Broken> {
    let copies: Vec<_> = server.keys().filter(|path| is_copy(path)).collect();
    if (scene.witness.actors.len() > 1 && !scene.witness.apart)
        || scene.witness.rescues > 0
        || scene.witness.took_back
    {
        return Ok(());
    }
    tally.judged(rules::NO_NEEDLESS_COPY, server.len());
    if !copies.is_empty() {
        return Err(Broken::new(rules::NO_NEEDLESS_COPY, format!("{copies:?}")));
    }
    Ok(())
}

/// No temporary file left its device, or was even read.
fn no_temporary_names(scene: &Scene<'_>, tally: &mut Tally) -> Result<(), Broken> {
    for (device, path) in scene.witness.temporary.fleeting() {
        let Some(name) = path.names().last() else { continue };
        if name.as_bytes().ends_with(b"~") {
            continue; // Other programs make lasting ones.
        }
        let id = scene.devices[*device].id;
        let named = scene.witness.entries.iter().filter(|entry| {
            entry.operation.steps.iter().any(|step| match step {
                Step::Create { place, .. } | Step::Move { place, .. } => place.name == *name,
                _ => false,
            })
        });
        let named: Vec<_> = named.map(|entry| entry.device).collect();
        let by_any = scene.witness.namers.get(name);
        if by_any.is_some_and(|devices| devices.iter().any(|device| *device != id)) {
            continue; // What another left there for good came to this one.
        }
        tally.judged(rules::NO_TEMPORARY, 1u64);
        if !named.is_empty() {
            let what = format!("device {device}: {path}");
            return Err(Broken::new(rules::NO_TEMPORARY, what));
        }
    }
    Ok(())
}

/// The number of entries is bounded by what users did.
fn bounded(scene: &Scene<'_>, tally: &mut Tally) -> Result<(), Broken> {
    let entries = scene.witness.entries.len() as u64;
    let bound = ENTRIES_PER_DEED * scene.witness.deeds + ENTRIES_IN_ANY_CASE;
    tally.judged(rules::BOUNDED, scene.witness.entries.len());
    if entries > bound {
        let what = format!("{entries} entries for {} deeds", scene.witness.deeds);
        return Err(Broken::new(rules::BOUNDED, what));
    }
    Ok(())
}
