//! Trees as they are compared: what stands at each path of a disk, and of the server's journal.

use std::collections::{BTreeMap, BTreeSet};

use onefold_core::folding::Folding;
use onefold_core::hash::ContentId;
use onefold_core::id::NodeId;
use onefold_core::name::{Name, RelPath};
use onefold_core::node::{Body, Target};
use onefold_core::server::facts::NodeRow;

use crate::disk::user::target_version;
use crate::disk::{Disk, Form};

use super::scene::Holding;
use super::{Broken, Tally, rules};

/// What stands at a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Leaf {
    /// A directory.
    Directory,
    /// A file.
    File(ContentId, bool),
    /// A symlink.
    Symlink(Target),
}

impl Leaf {
    /// What a node is.
    pub fn of(body: &Body) -> Self {
        match body {
            Body::Directory => Self::Directory,
            Body::File { content, executable } => Self::File(content.id, *executable),
            Body::Symlink(target) => Self::Symlink(target.clone()),
        }
    }

    /// What an inode is; `None` for what is not synced.
    pub fn here(form: &Form) -> Option<Self> {
        Some(match form {
            Form::Fifo => return None,
            Form::Directory(_) => Self::Directory,
            Form::File { bytes, executable } => Self::File(ContentId::of(bytes), *executable),
            Form::Symlink(target) => Self::Symlink(target.clone()),
        })
    }

    /// The version that it is, if it is one: directories and empty files are none.
    pub fn version(&self) -> Option<ContentId> {
        match self {
            Self::Directory => None,
            Self::File(content, _) => Some(*content).filter(|id| *id != ContentId::of(b"")),
            Self::Symlink(target) => Some(target_version(target)),
        }
    }
}

/// What stands at each path.
pub type Tree = BTreeMap<RelPath, Leaf>;

/// What a disk holds: its tree, and the paths at which something stands that is not synced.
pub fn of_disk(disk: &Disk) -> (Tree, BTreeSet<RelPath>) {
    let mut tree = Tree::new();
    let mut unknown = BTreeSet::new();
    for (path, number) in disk.walk() {
        let ignored = path.names().iter().any(|name| disk.ignored.contains(name));
        let leaf = Leaf::here(&disk.inode(number).form).filter(|_| !ignored);
        match leaf {
            Some(leaf) => {
                tree.insert(path, leaf);
            }
            None => {
                unknown.insert(path);
            }
        }
    }
    (tree, unknown)
}

/// What the server's rows say; an orphan, a cycle or a doubled name breaks a rule.
pub fn of_rows(rows: &[NodeRow], tally: &mut Tally) -> Result<Tree, Broken> {
    let live: BTreeMap<NodeId, &NodeRow> =
        rows.iter().filter(|row| row.alive).map(|row| (row.node, row)).collect();
    let mut tree = Tree::new();
    tally.judged(rules::BELOW_ROOT, live.len());
    tally.judged(rules::UNIQUE_NAMES, live.len());
    for row in live.values() {
        let path = path_of(&live, row)
            .ok_or_else(|| Broken::new(rules::BELOW_ROOT, format!("{row:?}")))?;
        if tree.insert(path.clone(), Leaf::of(&row.state.body)).is_some() {
            return Err(Broken::new(rules::UNIQUE_NAMES, format!("{path}")));
        }
    }
    Ok(tree)
}

fn path_of(live: &BTreeMap<NodeId, &NodeRow>, row: &NodeRow) -> Option<RelPath> {
    let mut names = vec![row.state.place.name.clone()];
    let mut parent = row.state.place.parent;
    while parent != NodeId::ROOT {
        let row = live.get(&parent)?;
        if names.len() > live.len() || !matches!(row.state.body, Body::Directory) {
            return None;
        }
        names.push(row.state.place.name.clone());
        parent = row.state.place.parent;
    }
    names.reverse();
    Some(RelPath::new(names))
}

/// Where a disk differs from the server's tree, beyond what it cannot hold or must not touch.
///
/// Where something that is not synced stands on a disk, what was there is unknown, cannot be put
/// there, and may have been moved elsewhere since: only what both have is compared then.
pub fn differences(device: &Holding, server: &Tree) -> Vec<String> {
    let Holding { tree, unknown, folding, stored, .. } = device;
    let mut here = tree.clone();
    let mut there = server.clone();
    // What cannot have its name here stays where it was.
    let parked =
        if folding.folds() { park(*folding, *stored, &mut here, &mut there) } else { Vec::new() };
    // A name may have been given back in another form than it has at the server.
    let form = folding.of_form();
    let [here, there] = [here, there].map(|tree| in_form(form, tree));
    let unknown = &unknown.iter().map(|path| folded(form, path)).collect();
    let mut found = Vec::new();
    let (stays, waiting) = kept_out(&here, &there, unknown, &parked, *folding);
    // A directory that was deleted stays as long as what waits for a name is in it.
    let holds_waiting = |directory: &RelPath| {
        here.iter().any(|(path, leaf)| {
            path.is_within(directory) && !there.contains_key(path) && waiting.contains(&leaf)
        })
    };
    for (path, leaf) in &here {
        match there.get(path) {
            Some(other) if other == leaf || stays.contains(path) => {}
            Some(other) => found.push(format!("{path}: {leaf:?} here, {other:?} there")),
            None if !unknown.is_empty() || waiting.contains(&leaf) => {}
            None if *leaf == Leaf::Directory && holds_waiting(path) => {}
            None => found.push(format!("{path}: only here, {leaf:?}")),
        }
    }
    // Below what stays, nothing that the server has there can come; and any directory may be one that
    // waits for a name: they all look alike.
    let in_waiting = |path: &RelPath| {
        waiting.contains(&&Leaf::Directory)
            && path.split().is_some_and(|(dir, _)| dir != RelPath::root())
    };
    let comes = |path: &RelPath| {
        !here.contains_key(path) && !stays.iter().any(|at| path.is_within(at)) && !in_waiting(path)
    };
    let missing = there.iter().filter(|(path, _)| unknown.is_empty() && comes(path));
    found.extend(missing.map(|(path, leaf)| format!("{path}: only there, {leaf:?}")));
    found
}

/// The paths here of what stays because its name at the server is parked, or taken by something that
/// is not synced, or because it is a directory with such a thing in it; and, in turn, of what stays
/// because it was to have the name of such a one, or has such a one in it. And all that waits for a
/// name.
fn kept_out<'a>(
    here: &'a Tree,
    there: &'a Tree,
    unknown: &BTreeSet<RelPath>,
    parked: &'a [Leaf],
    folding: Folding,
) -> (BTreeSet<RelPath>, Vec<&'a Leaf>) {
    let is_same = |a: &RelPath, b: &RelPath| a == b || folded(folding, a) == folded(folding, b);
    // Or has something above it that is.
    let taken = |path: &RelPath| {
        let mut line = path.above().skip(1).chain([path.clone()]);
        line.any(|at| unknown.iter().any(|other| is_same(&at, other)))
    };
    let holds = |path: &RelPath| unknown.iter().any(|at| at.is_within(path));
    let mut stays: BTreeSet<RelPath> = here.keys().filter(|path| holds(path)).cloned().collect();
    let mut waiting: Vec<&'a Leaf> = (there.iter())
        .filter(|(path, _)| taken(path) || stays.contains(*path))
        .map(|(_, leaf)| leaf)
        .chain(parked)
        .collect();
    let mut next = 0;
    while let Some(leaf) = waiting.get(next).copied() {
        next += 1;
        for (path, _) in here.iter().filter(|(_, other)| *other == leaf) {
            // Of two directories, only another spelling tells that they are not one.
            let differs = |at: &RelPath, wanted: &Leaf| wanted != leaf || at != path;
            let same = there.iter().filter(|(at, leaf)| differs(at, leaf) && is_same(at, path));
            for (at, _) in same {
                if stays.insert(at.clone()) {
                    let with_it = there.iter().filter(|(path, _)| path.is_within(at));
                    waiting.extend(with_it.map(|(_, leaf)| leaf));
                }
            }
            // So does a deleted directory that it is in, and what got its name waits, too.
            for directory in path.above().skip(1).filter(|_| !there.contains_key(path)) {
                let wanted = there.get(&directory).filter(|wanted| **wanted != Leaf::Directory);
                if wanted.is_some() && stays.insert(directory) {
                    waiting.extend(wanted);
                }
            }
        }
    }
    (stays, waiting)
}

/// A path as all are that are one on such a disk.
pub fn folded(folding: Folding, path: &RelPath) -> RelPath {
    if !folding.folds() {
        return path.clone();
    }
    // What is too long in its letters' parts is left as it is.
    let name = |name: &Name| Name::new(&folding.fold(name)).unwrap_or_else(|_| name.clone());
    RelPath::new(path.names().iter().map(name).collect())
}

fn in_form(form: Folding, tree: Tree) -> Tree {
    if !form.folds() {
        return tree;
    }
    tree.into_iter().map(|(path, leaf)| (folded(form, &path), leaf)).collect()
}

/// Takes out of both what clashes on a disk that folds names: of each clash only the one whose very
/// name stands here is here, and none where that cannot be told. Gives what was taken out of `there`.
fn park(folding: Folding, stored: Folding, here: &mut Tree, there: &mut Tree) -> Vec<Leaf> {
    let mut alike: BTreeMap<(RelPath, Vec<u8>), Vec<RelPath>> = BTreeMap::new();
    for path in there.keys() {
        let Some((parent, name)) = path.split() else { continue };
        alike.entry((parent, folding.fold(name).into_owned())).or_default().push(path.clone());
    }
    let (mut parked, mut untold) = (Vec::new(), Vec::new());
    for (_, mut paths) in alike.into_iter().filter(|(_, paths)| paths.len() > 1) {
        let standing: Vec<_> =
            (0..paths.len()).filter(|at| here.contains_key(&folded(stored, &paths[*at]))).collect();
        match standing[..] {
            [only] => _ = paths.swap_remove(only),
            _ => untold.push(folded(folding, &paths[0])),
        }
        parked.extend(paths);
    }
    let is_in = |path: &RelPath, tops: &[RelPath]| tops.iter().any(|top| path.is_within(top));
    here.retain(|path, _| !is_in(&folded(folding, path), &untold));
    let waiting = there.iter().filter(|(path, _)| is_in(path, &parked));
    let waiting = waiting.map(|(_, leaf)| leaf.clone()).collect();
    there.retain(|path, _| !is_in(path, &parked));
    waiting
}
