//! Displaced files: what a change took from under its name is kept until it is certain that nobody
//! wrote to it since; otherwise it comes back under a conflict name.

use onefold_core::hash::ContentId;
use onefold_core::name::{Name, RelPath, conflict_name};

use super::user::version;
use super::{Disk, Number, ROOT};
use crate::planted::Planted;

/// A file without a name that is kept for a while.
#[derive(Clone, Debug)]
pub struct Kept {
    /// The file.
    pub number: Number,
    /// Where it stood.
    pub from: RelPath,
    /// When it may be dropped.
    pub fate: Fate,
}

/// What becomes of a displaced file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It is dropped if it still is this version.
    DropIf(Option<ContentId>),
    /// It comes back in any case: it is not what was meant to be displaced.
    Rescue,
}

impl Disk {
    /// Keeps a file that has just lost its name.
    pub(super) fn keep(&mut self, number: Number, from: &RelPath, fate: Fate) {
        let kept = Kept { number, from: from.clone(), fate };
        self.table.kept.push(kept);
    }

    /// How many displaced files are kept.
    pub fn kept_files(&self) -> usize {
        self.table.kept.len()
    }

    /// The versions of displaced files that are kept.
    pub fn kept_versions(&self) -> impl Iterator<Item = ContentId> {
        self.table.kept.iter().filter_map(|kept| version(&self.inode(kept.number).form))
    }

    /// Brings back those displaced files that are not what they were, under a conflict name with
    /// this label; with `all` the others are dropped. Files that are open for writing wait.
    pub fn tend_kept(&mut self, label: &str, all: bool) -> Vec<RelPath> {
        let mut rescued = Vec::new();
        let mut dropped = Vec::new();
        for kept in std::mem::take(&mut self.table.kept) {
            let inode = self.inode(kept.number);
            let untouched = kept.fate == Fate::DropIf(version(&inode.form))
                || self.planted == Some(Planted::DropsLateWriter);
            if inode.links > 0 {
                // It still has, or has again, a name of its own.
            } else if self.is_open(kept.number) || (untouched && !all) {
                self.table.kept.push(kept);
            } else if untouched {
                dropped.push(kept.number);
            } else {
                rescued.push(self.rescue(&kept, label));
            }
        }
        dropped.into_iter().for_each(|number| self.release(number));
        if all || !rescued.is_empty() {
            self.sync();
        }
        rescued
    }

    fn rescue(&mut self, kept: &Kept, label: &str) -> RelPath {
        let fallback = (RelPath::root(), kept.from.names().last().cloned());
        let (parent, name) = match kept.from.split() {
            Some((parent, name))
                if self.at(&parent).is_ok_and(|at| self.children(at).is_some()) =>
            {
                (parent, name.clone())
            }
            _ => (fallback.0, fallback.1.expect("a displaced file had a name")),
        };
        let directory = self.at(&parent).unwrap_or(ROOT);
        let free = |count: u32| -> Name { conflict_name(&name, label, count) };
        let mut count = 1;
        while self.entry(directory, &free(count)).is_some() {
            count += 1;
        }
        let name = free(count);
        self.attach(directory, &name, kept.number, true);
        parent.join(name)
    }
}
