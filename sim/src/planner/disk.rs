//! The smallest disk: inodes with names, and the promise of a change (it acts only if what is there
//! is what the engine believes). Nobody else uses it while a case runs.

use std::collections::{BTreeMap, BTreeSet};

use onefold_core::disk::{Change, DiskError, Form, Found, Inode, Listing, Names, Old, Seen, Stamp};
use onefold_core::hash::ContentId;
use onefold_core::id::NodeId;
use onefold_core::name::{Name, RelPath};
use onefold_core::node::{Body, Content, Kind, Place, State};
use onefold_core::operation::Step;
use onefold_core::time::FileTime;

use super::tree::Tree;

/// The root's number.
const ROOT: u64 = 1;

/// A disk.
#[derive(Clone, Debug)]
pub struct Disk {
    items: BTreeMap<u64, Item>,
    staged: BTreeSet<ContentId>,
    clock: i64,
}

/// A file, directory or symlink.
#[derive(Clone, Debug)]
struct Item {
    parent: u64,
    name: Name,
    birth: i64,
    mtime: FileTime,
    ctime: i64,
    body: Body,
}

impl Default for Disk {
    fn default() -> Self {
        Self { items: BTreeMap::new(), staged: BTreeSet::new(), clock: 1_000_000 }
    }
}

impl Disk {
    fn tick(&mut self) -> FileTime {
        self.clock += 1;
        FileTime { seconds: self.clock, nanoseconds: 0 }
    }

    /// The lowest free number: one that was freed is given to the next at once.
    fn put(&mut self, parent: u64, name: Name, body: Body, mtime: FileTime) -> u64 {
        let number = (ROOT + 1..).find(|number| !self.items.contains_key(number));
        let number = number.expect("numbers do not end");
        let birth = self.tick().seconds;
        self.items.insert(number, Item { parent, name, birth, mtime, ctime: birth, body });
        number
    }

    fn stamp(&self, number: u64) -> Stamp {
        let item = &self.items[&number];
        let size = item.body.content().map_or(0, |content| content.size);
        let (mtime, ctime) = (item.mtime, FileTime { seconds: item.ctime, nanoseconds: 0 });
        Stamp { inode: self.inode(number), size, mtime, ctime: Some(ctime) }
    }

    fn inode(&self, number: u64) -> Inode {
        let seconds = self.items.get(&number).map_or(1, |item| item.birth);
        Inode { device: 1, number, birth: Some(FileTime { seconds, nanoseconds: 0 }) }
    }

    fn child(&self, parent: u64, name: &Name) -> Option<u64> {
        let at = |item: &Item| item.parent == parent && item.name == *name;
        self.items.iter().find(|(_, item)| at(item)).map(|(number, _)| *number)
    }

    fn reach(&self, path: &RelPath) -> Result<u64, DiskError> {
        let mut at = ROOT;
        for name in path.names() {
            at = self.child(at, name).ok_or(DiskError::Gone)?;
        }
        Ok(at)
    }

    /// The directory of a path, which must be there, and its last name.
    fn spot(&self, path: &RelPath) -> Result<(u64, Name), DiskError> {
        let (name, above) = path.names().split_last().ok_or(DiskError::Changed)?;
        let dir = self.reach(&RelPath::new(above.to_vec()))?;
        let is_dir = dir == ROOT || self.items[&dir].body == Body::Directory;
        if is_dir { Ok((dir, name.clone())) } else { Err(DiskError::Gone) }
    }

    fn free(&self, path: &RelPath) -> Result<(u64, Name), DiskError> {
        let (dir, name) = self.spot(path)?;
        match self.child(dir, &name) {
            None => Ok((dir, name)),
            Some(_) => Err(DiskError::Occupied),
        }
    }

    fn expected(&self, path: &RelPath, expect: &Stamp) -> Result<u64, DiskError> {
        let number = self.reach(path)?;
        let now = self.stamp(number);
        let same = match self.items[&number].body {
            Body::Directory => now.inode == expect.inode,
            Body::File { .. } | Body::Symlink(_) => expect.still(&now),
        };
        if same { Ok(number) } else { Err(DiskError::Changed) }
    }

    /// Answers a look.
    pub fn look(&self, dir: &RelPath, names: &Names) -> Result<Listing, DiskError> {
        let number = self.reach(dir)?;
        let inside = self.items.iter().filter(|(_, item)| item.parent == number);
        let asked = inside.filter(|(_, item)| match names {
            Names::All => true,
            Names::Only(only) => only.contains(&item.name),
        });
        let found = asked.map(|(number, item)| {
            let form = match &item.body {
                Body::Directory => Form::Directory,
                Body::File { executable, .. } => Form::File { executable: *executable },
                Body::Symlink(target) => Form::Symlink(target.clone()),
            };
            let found = Found { stamp: self.stamp(*number), links: 1, form };
            (item.name.clone(), Seen::Node(found))
        });
        let names = found.collect();
        Ok(Listing { inode: self.inode(number), names, unnameable: Vec::new() })
    }

    /// Reads a file that must be as it is believed to be.
    pub fn read(&self, path: &RelPath, stamp: &Stamp) -> Result<Content, DiskError> {
        let number = self.expected(path, stamp)?;
        let item = &self.items[&number];
        let content = item.body.content().ok_or(DiskError::Changed)?;
        Ok(Content { mtime: item.mtime, ..content })
    }

    /// Keeps a content for a change to come.
    pub fn stage(&mut self, content: ContentId) {
        self.staged.insert(content);
    }

    /// Loses what is staged.
    pub fn unstage(&mut self) {
        self.staged.clear();
    }

    /// Carries a change out, or does nothing.
    pub fn change(&mut self, change: &Change) -> Result<Option<Stamp>, DiskError> {
        match change {
            Change::MakeDirectory { at } => {
                let (dir, name) = self.free(at)?;
                let mtime = self.tick();
                Ok(Some(self.placed(dir, name, Body::Directory, mtime)))
            }
            Change::PlaceFile { at, old, content, executable } => {
                let (dir, name) = self.way(at, old)?;
                if !self.staged.remove(&content.id) {
                    return Err(DiskError::NotStaged);
                }
                let body = Body::File { content: *content, executable: *executable };
                self.clear(dir, &name);
                Ok(Some(self.placed(dir, name, body, content.mtime)))
            }
            Change::PlaceSymlink { at, old, target } => {
                let (dir, name) = self.way(at, old)?;
                self.clear(dir, &name);
                let mtime = self.tick();
                Ok(Some(self.placed(dir, name, Body::Symlink(target.clone()), mtime)))
            }
            Change::Rename { from, expect, to, .. } => {
                let number = self.expected(from, expect)?;
                let (dir, name) = self.free(to)?;
                self.rename(number, dir, name);
                Ok(None)
            }
            Change::Exchange { first, expect_first, second, expect_second } => {
                let number = self.expected(first, expect_first)?;
                let other = self.expected(second, expect_second)?;
                let spots = (self.spot(first)?, self.spot(second)?);
                self.rename(number, spots.1.0, spots.1.1);
                self.rename(other, spots.0.0, spots.0.1);
                Ok(None)
            }
            Change::Remove { at, expect, kind } => {
                let number = self.expected(at, expect)?;
                if self.items[&number].body.kind() != *kind {
                    return Err(DiskError::Changed);
                }
                if self.items.values().any(|item| item.parent == number) {
                    return Err(DiskError::NotEmpty);
                }
                self.items.remove(&number);
                Ok(None)
            }
            Change::SetExecutable { at, expect, executable } => {
                let number = self.expected(at, expect)?;
                self.set_executable(number, *executable);
                Ok(None)
            }
        }
    }

    fn way(&self, at: &RelPath, old: &Old) -> Result<(u64, Name), DiskError> {
        match old {
            Old::Absent => self.free(at),
            Old::Is(expect) => self.expected(at, expect).and_then(|_| self.spot(at)),
        }
    }

    fn clear(&mut self, dir: u64, name: &Name) {
        if let Some(old) = self.child(dir, name) {
            self.items.remove(&old);
        }
    }

    /// The stamp is taken before the swap, which sets the ctime.
    fn placed(&mut self, dir: u64, name: Name, body: Body, mtime: FileTime) -> Stamp {
        let number = self.put(dir, name, body, mtime);
        Stamp { ctime: None, ..self.stamp(number) }
    }

    fn rename(&mut self, number: u64, parent: u64, name: Name) {
        let ctime = self.tick().seconds;
        if let Some(item) = self.items.get_mut(&number) {
            (item.parent, item.name, item.ctime) = (parent, name, ctime);
        }
    }

    fn set_executable(&mut self, number: u64, bit: bool) {
        let now = self.tick().seconds;
        if let Some(item) = self.items.get_mut(&number) {
            item.ctime = now;
            if let Body::File { executable, .. } = &mut item.body {
                *executable = bit;
            }
        }
    }

    /// The tree on the disk: numbers in place of the nodes' ids, which no disk knows.
    pub fn tree(&self) -> Tree {
        let id = |number: u64| {
            let mut bytes = [0; 16];
            bytes[8..].copy_from_slice(&if number == ROOT { 0 } else { number }.to_be_bytes());
            NodeId::from_bytes(bytes)
        };
        let state = |item: &Item| State {
            place: Place { parent: id(item.parent), name: item.name.clone() },
            body: item.body.clone(),
        };
        Tree(self.items.iter().map(|(number, item)| (id(*number), state(item))).collect())
    }
}

/// A disk in the hands of its user, who knows which node each inode is.
#[derive(Clone, Debug, Default)]
pub struct Hands {
    /// The disk.
    pub disk: Disk,
    numbers: BTreeMap<NodeId, u64>,
}

impl Hands {
    /// What a look would show of a node.
    pub fn stamp(&self, node: NodeId) -> Option<Stamp> {
        let number = *self.numbers.get(&node)?;
        let stamp = self.disk.stamp(number);
        let is_directory = self.disk.items[&number].body.kind() == Kind::Directory;
        let zero = FileTime { seconds: 0, nanoseconds: 0 };
        let of_directory = Stamp { size: 0, mtime: zero, ctime: None, ..stamp };
        Some(if is_directory { of_directory } else { stamp })
    }

    fn number(&self, node: NodeId) -> u64 {
        if node == NodeId::ROOT { ROOT } else { self.numbers[&node] }
    }

    /// Does to the disk what a step says; `anew`: edits are made by another inode.
    pub fn take(&mut self, step: &Step, anew: bool) {
        match step {
            Step::Create { node, place, body } => {
                let parent = self.number(place.parent);
                let mtime = self.disk.tick();
                let number = self.disk.put(parent, place.name.clone(), body.clone(), mtime);
                self.numbers.insert(*node, number);
            }
            Step::Delete { node } => {
                let number = self.numbers.remove(node);
                number.map(|number| self.disk.items.remove(&number));
            }
            Step::Move { node, place } => {
                let (number, parent) = (self.number(*node), self.number(place.parent));
                self.disk.rename(number, parent, place.name.clone());
            }
            Step::SetExecutable { node, executable } => {
                let number = self.number(*node);
                self.disk.set_executable(number, *executable);
            }
            Step::Edit { node, content } => {
                let executable = self.disk.items[&self.number(*node)].body.executable();
                self.write(*node, Body::File { content: *content, executable }, anew);
            }
            // A symlink cannot be written to: it is always another.
            Step::Retarget { node, target } => {
                self.write(*node, Body::Symlink(target.clone()), true);
            }
        }
    }

    fn write(&mut self, node: NodeId, body: Body, anew: bool) {
        let mtime = self.disk.tick();
        let number = self.number(node);
        let item = &self.disk.items[&number];
        let (parent, name) = (item.parent, item.name.clone());
        if anew {
            // Made beside the old one, so it is another number.
            let new = self.disk.put(parent, name, body, mtime);
            self.disk.items.remove(&number);
            self.numbers.insert(node, new);
        } else if let Some(item) = self.disk.items.get_mut(&number) {
            (item.body, item.mtime, item.ctime) = (body, mtime, mtime.seconds);
        }
    }
}

/// A stamp of nothing in particular.
pub fn no_stamp() -> Stamp {
    let mtime = FileTime { seconds: 0, nanoseconds: 0 };
    Stamp { inode: Inode { device: 1, number: 0, birth: None }, size: 0, mtime, ctime: None }
}
