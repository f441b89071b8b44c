//! What a power cut takes: every change since the last sync may be lost, from the newest back.
//!
//! Names and inodes are journaled in order, as ext4 does it; bytes that were not synced may be lost on
//! their own, which leaves an empty file under a name that is already there.

use onefold_core::blob::Blob;

use super::{Disk, Form, Number, Table};

/// How many unsynced states are remembered; the disk syncs by itself when there are more.
const MAX_UNSYNCED: usize = 40;

/// The states that a power cut may bring back.
#[derive(Debug, Default)]
pub struct Power {
    states: Vec<Table>,
}

impl Power {
    /// All of this is durable.
    pub(super) fn synced(&mut self, table: &Table) {
        self.states.clear();
        self.states.push(table.clone());
    }
}

/// All that is on a disk.
#[derive(Clone, Debug)]
pub struct Image(Table);

impl Disk {
    /// A copy of all that is on it.
    pub fn image(&self) -> Image {
        Image(self.table.clone())
    }

    /// Everything is as on that copy.
    pub fn restore(&mut self, image: Image) {
        self.end_processes();
        self.table = image.0;
        self.forget_unlinked();
        self.sync();
    }

    /// Nobody has anything open any more.
    fn end_processes(&mut self) {
        self.handles.clear();
        self.unwatch();
        self.lease = None;
        self.held.clear();
    }

    /// Something changed that is not synced yet.
    pub(super) fn changed(&mut self) {
        if self.traits.power_cuts {
            if self.power.states.len() > MAX_UNSYNCED {
                self.power.states.remove(0);
            }
            self.power.states.push(self.table.clone());
        }
    }

    /// Everything is durable now.
    pub fn sync(&mut self) {
        if self.traits.power_cuts {
            self.power.synced(&self.table);
        }
    }

    /// Cuts the power: up to `back` of the newest unsynced changes are lost, and with `torn` the
    /// bytes of files that were written since the last sync, too.
    pub fn cut_power(&mut self, back: usize, torn: bool) {
        self.end_processes();
        if !self.traits.power_cuts {
            return;
        }
        let states = &mut self.power.states;
        let at = states.len() - 1 - back.min(states.len() - 1);
        let durable = states[0].clone();
        self.table = states[at].clone();
        if torn {
            self.tear(&durable);
        }
        self.forget_unlinked();
        self.sync();
    }

    /// Empties files whose bytes are not those of the last sync.
    fn tear(&mut self, durable: &Table) {
        for number in 0..self.table.inodes.len() {
            let old = durable.inodes.get(number).and_then(Option::as_ref);
            let Some(inode) = &mut self.table.inodes[number] else { continue };
            let Form::File { bytes, .. } = &mut inode.form else { continue };
            let same = old.is_some_and(|old| {
                let same_bytes = matches!(&old.form, Form::File { bytes: b, .. } if b == bytes);
                old.birth == inode.birth && same_bytes
            });
            if !same {
                *bytes = Blob::from(&[][..]);
            }
        }
    }

    /// A file that was open and had no name is gone after a restart.
    fn forget_unlinked(&mut self) {
        for number in 0..self.table.inodes.len() as Number {
            if self.table.inodes[number].is_some() {
                self.release(number);
            }
        }
    }
}
