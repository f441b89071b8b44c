//! What someone does to the very file that an engine is changing, in the window of that change.

use onefold_core::disk::Change;
use onefold_core::name::RelPath;

use crate::disk::Disk;

use super::script::{Call, Script, Writer, beside};

/// So many ways there are.
pub const INTRUSIONS: usize = 13;

/// The path that a change is about.
pub fn target(change: &Change) -> &RelPath {
    match change {
        Change::MakeDirectory { at }
        | Change::PlaceFile { at, .. }
        | Change::PlaceSymlink { at, .. }
        | Change::Remove { at, .. }
        | Change::SetExecutable { at, .. } => at,
        Change::Rename { from, .. } => from,
        Change::Exchange { first, .. } => first,
    }
}

/// The other path that a change is about, if there is one.
fn other_target(change: &Change) -> Option<&RelPath> {
    match change {
        Change::Rename { to, .. } => Some(to),
        Change::Exchange { second, .. } => Some(second),
        Change::MakeDirectory { .. }
        | Change::PlaceFile { .. }
        | Change::PlaceSymlink { .. }
        | Change::Remove { .. }
        | Change::SetExecutable { .. } => None,
    }
}

impl Writer {
    /// The calls of one of the [`INTRUSIONS`].
    pub fn intrusion(&mut self, disk: &Disk, change: &Change, how: usize) -> Script {
        let at = target(change).clone();
        let end = other_target(change).unwrap_or(&at).clone();
        let aside = self.passing(&at);
        let parent = at.split().map(|(parent, _)| parent).filter(|dir| *dir != RelPath::root());
        let bit = matches!(
            disk.at(&at).map(|number| &disk.inode(number).form),
            Ok(crate::disk::Form::File { executable: true, .. })
        );
        let calls = match how {
            // A program that writes on and on.
            0 => self.appending(&at),
            1 => self.whole(at),
            2 => vec![Call::Unlink(at)],
            3 => {
                let mut calls = self.whole(aside.clone());
                calls.push(Call::Rename(aside, at));
                calls
            }
            4 => vec![Call::Chmod(at, !bit)],
            5 => vec![Call::Rename(at.clone(), beside(&at, "", ".moved"))],
            6 => vec![Call::Rename(at.clone(), aside.clone()), Call::Rename(aside, at)],
            7 => self.whole(end),
            8 => vec![Call::Mkdir(end)],
            9 => match parent {
                Some(parent) => {
                    let moved = beside(&parent, "", ".moved");
                    vec![Call::Rename(parent.clone(), moved.clone()), Call::Rename(moved, parent)]
                }
                None => vec![Call::Mkdir(at)],
            },
            10 => match parent {
                Some(parent) => vec![Call::Rename(parent.clone(), beside(&parent, "", ".moved"))],
                None => vec![Call::Rename(at, end)],
            },
            11 => vec![Call::Unlink(end)],
            _ => vec![Call::Open(at, false), Call::Write(self.bytes(), false), Call::Close],
        };
        Script { calls, temporary: Vec::new() }
    }
}
