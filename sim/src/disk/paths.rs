//! Names of the virtual disk: what a path leads to, and what leads to an inode.

use std::collections::BTreeMap;

use onefold_core::name::{Name, RelPath};

use super::{Disk, Errno, Form, Inode, Number, ROOT};

impl Disk {
    /// The names in a directory.
    pub fn children(&self, number: Number) -> Option<&BTreeMap<Name, Number>> {
        match &self.inode(number).form {
            Form::Directory(names) => Some(names),
            Form::File { .. } | Form::Symlink(_) | Form::Fifo => None,
        }
    }

    /// What a name in a directory leads to, and the name as the disk has it.
    pub fn entry(&self, directory: Number, name: &Name) -> Option<(Name, Number)> {
        let names = self.children(directory)?;
        if let Some(number) = names.get(name) {
            return Some((name.clone(), *number));
        }
        let folding = self.traits.folding;
        let folded = folding.folds().then(|| folding.fold(name))?;
        let alike = |(other, _): &(&Name, &Number)| folding.fold(other) == folded;
        names.iter().find(alike).map(|(name, at)| (name.clone(), *at))
    }

    /// The inode at a path; no symlink is followed.
    pub fn at(&self, path: &RelPath) -> Result<Number, Errno> {
        let mut number = ROOT;
        for name in path.names() {
            if self.children(number).is_none() {
                return Err(Errno::NotDirectory);
            }
            number = self.entry(number, name).ok_or(Errno::NotFound)?.1;
        }
        Ok(number)
    }

    /// The directory of a path, and the name in it as it was given.
    pub(super) fn parent(&self, path: &RelPath) -> Result<(Number, Name), Errno> {
        let (parent, name) = path.split().ok_or(Errno::Invalid)?;
        let number = self.at(&parent)?;
        match self.children(number) {
            Some(_) => Ok((number, name.clone())),
            None => Err(Errno::NotDirectory),
        }
    }

    /// The directory of a path, if names in it may be changed.
    pub(super) fn writable_parent(&self, path: &RelPath) -> Result<(Number, Name), Errno> {
        let (directory, name) = self.parent(path)?;
        if self.inode(directory).writable { Ok((directory, name)) } else { Err(Errno::Denied) }
    }

    /// Where a directory is now; `None` if it is not below the root.
    pub fn path_of(&self, directory: Number) -> Option<RelPath> {
        let mut names = Vec::new();
        let mut number = directory;
        while number != ROOT {
            let (parent, name) = self.table.inodes[number].as_ref()?.home.clone()?;
            names.push(name);
            number = parent;
        }
        names.reverse();
        Some(RelPath::new(names))
    }

    /// Every name that leads to an inode.
    pub(super) fn names_of(&self, wanted: Number) -> Vec<(Number, Name)> {
        let mut found = Vec::new();
        for (number, inode) in self.table.inodes.iter().enumerate() {
            if let Some(Inode { form: Form::Directory(names), .. }) = inode {
                let hits = names.iter().filter(|(_, at)| **at == wanted);
                found.extend(hits.map(|(name, _)| (number, name.clone())));
            }
        }
        found
    }

    /// Every path below the root with its inode, in path order, directories before what is in them.
    pub fn walk(&self) -> Vec<(RelPath, Number)> {
        let mut found = Vec::new();
        let mut open = vec![(RelPath::root(), ROOT)];
        while let Some((path, number)) = open.pop() {
            for (name, child) in self.children(number).into_iter().flatten() {
                let path = path.join(name.clone());
                found.push((path.clone(), *child));
                if self.children(*child).is_some() {
                    open.push((path, *child));
                }
            }
        }
        found.sort_unstable();
        found
    }

    /// Every name below the root with its inode, in no order to rely on: quicker than [`Disk::walk`].
    pub fn names(&self) -> Vec<(&Name, Number)> {
        let mut found = Vec::with_capacity(32);
        let mut open = vec![ROOT];
        while let Some(number) = open.pop() {
            for (name, child) in self.children(number).into_iter().flatten() {
                found.push((name, *child));
                if self.children(*child).is_some() {
                    open.push(*child);
                }
            }
        }
        found
    }
}
