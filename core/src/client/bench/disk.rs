//! A small disk: what stands at a name in a directory, which goes where the directory's inode goes.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use super::{found, inode};
use crate::client::looking::asked;
use crate::client::record::{Local, LocalBody, Present, Record};
use crate::client::trees::Trees;
use crate::disk::{Change, DiskError, Form, Found, Listing, Names, Seen, Stamp};
use crate::id::NodeId;
use crate::name::{Name, RelPath};
use crate::node::{Body, Content, Place};

/// The root's inode.
const ROOT: u64 = 0;

/// See the module.
#[derive(Debug)]
pub(super) struct Disk {
    /// By the directory's inode.
    names: BTreeMap<(u64, Name), Seen>,
    /// What is known of the bytes of each file, by its inode.
    contents: BTreeMap<u64, Content>,
}

impl Disk {
    /// One that is as the engine knows it.
    pub(super) fn of(trees: &Trees) -> Self {
        let number = |node| {
            let seen = trees.get(node).last_seen();
            if node == NodeId::ROOT { ROOT } else { seen.unwrap().stamp.inode.number }
        };
        let stands = |(_, record): (NodeId, &Record)| {
            stands(record).map(|(at, seen)| ((number(at.parent), at.name), seen))
        };
        let names = trees.nodes().filter_map(stands).collect();
        let content = |(_, record): (NodeId, &Record)| {
            let Present { stamp, body, .. } = record.last_seen()?;
            Some((stamp.inode.number, body.known()?.content()?))
        };
        Self { names, contents: trees.nodes().filter_map(content).collect() }
    }

    /// The number of a directory's inode.
    fn dir(&self, path: &RelPath) -> Option<u64> {
        path.names().iter().try_fold(ROOT, |at, name| {
            match self.names.get(&(at, name.clone()))? {
                Seen::Node(Found { stamp, form: Form::Directory, .. }) => Some(stamp.inode.number),
                Seen::Node(_) | Seen::Other { .. } => None,
            }
        })
    }

    fn key(&self, at: &RelPath) -> (u64, Name) {
        let (dir, name) = at.split().unwrap();
        let dir = self.dir(&dir);
        (dir.unwrap_or_else(|| panic!("{at} is in nothing")), name.clone())
    }

    fn at(&self, at: &RelPath) -> Option<&Seen> {
        let (dir, name) = at.split()?;
        self.names.get(&(self.dir(&dir)?, name.clone()))
    }

    pub(super) fn put(&mut self, at: &RelPath, seen: Option<Seen>) {
        let key = self.key(at);
        match seen {
            Some(seen) => self.names.insert(key, seen),
            None => self.names.remove(&key),
        };
    }

    pub(super) fn write(&mut self, at: &RelPath, number: u64, content: Content) {
        self.contents.insert(number, content);
        self.put(at, Some(found(number, &Body::File { content, executable: false })));
    }

    pub(super) fn read(&self, at: &RelPath, expected: &Stamp) -> Result<Content, DiskError> {
        match self.at(at) {
            Some(Seen::Node(found)) if found.stamp.inode == expected.inode => {
                Ok(self.contents[&expected.inode.number])
            }
            Some(_) => Err(DiskError::Changed),
            None => Err(DiskError::Gone),
        }
    }

    /// What is at each of two paths, if anything, is at the other from now on.
    pub(super) fn swap(&mut self, first: &RelPath, second: &RelPath) {
        let [one, other] = [first, second].map(|at| self.names.remove(&self.key(at)));
        self.put(second, one);
        self.put(first, other);
    }

    pub(super) fn list(&self, dir: &RelPath, names: &Names) -> Result<Listing, DiskError> {
        let number = self.dir(dir).ok_or(DiskError::Gone)?;
        let inside =
            self.names.iter().filter(|((of, name), _)| *of == number && asked(names, name));
        let names = inside.map(|((_, name), seen)| (name.clone(), seen.clone())).collect();
        Ok(Listing { inode: inode(number), names, unnameable: Vec::new() })
    }

    /// Makes a change; what is new has this inode.
    pub(super) fn change(&mut self, number: u64, change: &Change) -> Option<Stamp> {
        let (at, body) = match change {
            Change::MakeDirectory { at } => (at, Body::Directory),
            Change::PlaceFile { at, content, executable, .. } => {
                self.contents.insert(number, *content);
                (at, Body::File { content: *content, executable: *executable })
            }
            Change::PlaceSymlink { at, target, .. } => (at, Body::Symlink(target.clone())),
            Change::Rename { from: first, to: second, .. }
            | Change::Exchange { first, second, .. } => {
                self.swap(first, second);
                return None;
            }
            Change::Remove { at, .. } => {
                self.put(at, None);
                return None;
            }
            Change::SetExecutable { at, executable, .. } => {
                if let Some(Seen::Node(found)) = self.names.get_mut(&self.key(at)) {
                    found.form = Form::File { executable: *executable };
                }
                return None;
            }
        };
        let seen = found(number, &body);
        let Seen::Node(Found { stamp, .. }) = seen else { return None };
        self.put(at, Some(seen));
        Some(stamp)
    }
}

/// Where a node stands, and what a look shows of it.
fn stands(record: &Record) -> Option<(Place, Seen)> {
    let Present { place, stamp, linked, body, .. } = record.last_seen()?;
    let form = match body {
        LocalBody::Directory => Form::Directory,
        LocalBody::File { executable, .. } => Form::File { executable: *executable },
        LocalBody::Symlink(target) => Form::Symlink(target.clone()),
    };
    let seen = match record.local() {
        Local::Hidden(_) => Seen::Other { stamp: *stamp, kind: Some(body.kind()) },
        Local::Present(_) | Local::Absent => {
            Seen::Node(Found { stamp: *stamp, links: if *linked { 2 } else { 1 }, form })
        }
    };
    Some((place.clone(), seen))
}
