//! What comes back from the past: devices and the server from old backups, and disks that are cloned.

use onefold_adapters::journal::MemoryStore;
use onefold_core::client::saved::Saved;

use crate::disk::Image;
use crate::oracle::Witness;
use crate::oracle::deed::Stood;

use super::World;

/// So many backups of each are kept.
const KEPT: usize = 4;
/// So many of 1000 copies of a device are not switched on at once.
const CLONES_STARTED_LATER: u32 = 300;

/// Backups that were made on the way.
#[derive(Debug, Default)]
pub struct Backups {
    /// Of each device: its disk, and the state of its client.
    pub devices: Vec<Vec<(Image, Saved)>>,
    server: Vec<MemoryStore>,
    made: usize,
}

impl Backups {
    /// None yet.
    pub fn new(devices: usize) -> Self {
        Self { devices: vec![Vec::new(); devices], ..Self::default() }
    }

    /// There is one of the server.
    pub fn has_server(&self) -> bool {
        !self.server.is_empty()
    }
}

/// Keeps one more; the newest takes an older one's place.
fn keep<T>(kept: &mut Vec<T>, number: usize, new: T) {
    if kept.len() < KEPT {
        kept.push(new);
    } else {
        kept[number % KEPT] = new;
    }
}

impl World {
    /// Makes a backup of a device and of the server, if any may be needed.
    pub(super) fn back_up(&mut self, index: usize) {
        let faults = &self.setting.faults;
        self.backups.made += 1;
        let number = self.backups.made;
        if faults.old_backup > 0 {
            let device = &self.devices[index];
            let backup = (device.disk.image(), device.store.load_now());
            keep(&mut self.backups.devices[index], number, backup);
        }
        if faults.old_server > 0 {
            keep(&mut self.backups.server, number, self.server.journal.backup());
        }
    }

    /// A device comes back from a backup: as a whole, or its disk alone, or its client's state.
    pub(super) fn restore_device(&mut self, index: usize) {
        let kept = &self.backups.devices[index];
        let (image, saved) = kept[self.schedule.below(kept.len())].clone();
        let which = self.schedule.below(3);
        let (fault, what) = [
            ("old_state", "the state of its client"),
            ("old_disk", "its disk"),
            ("old_device", "its disk and the state of its client"),
        ][which];
        self.story.strike(fault, || format!("device {index}: a backup brings back {what}"));
        self.kill_client(index);
        if which != 1 {
            self.devices[index].restore_store(saved);
            self.witness.forgot();
        }
        if which != 0 {
            self.stop_users(index);
            let (before, after) = self.replace_disk(index, image);
            self.witness.disk_replaced(index, &before, &after);
        }
        self.witness.brought_back(0);
    }

    /// The server comes back from a backup.
    pub(super) fn old_server(&mut self) {
        let backup = self.schedule.below(self.backups.server.len());
        let backup = self.backups.server[backup].clone();
        let before = self.server.journal.head().cursor.seq.get();
        self.restore_server(backup);
        let head = self.server.journal.head().cursor;
        self.story.strike("old_server", || format!("the server is back at {}", head.seq));
        for index in 0..self.devices.len() {
            self.server.journal.let_in(self.server.folder, self.server.device_id(index));
        }
        self.witness.brought_back(before.abs_diff(head.seq.get()) as usize);
    }

    /// A device's disk becomes a copy of another's, the state of its client with it: from now on the
    /// server takes one for the other, while both run. Some copies are started later: then by this.
    pub(super) fn clone_disk(&mut self, index: usize) {
        if self.devices[index].off {
            self.story.strike("clone_starts", || format!("device {index} is switched on"));
            self.devices[index].off = false;
            return;
        }
        let others: Vec<usize> = (0..self.devices.len()).filter(|other| *other != index).collect();
        let of = others[self.schedule.below(others.len())];
        let later = self.schedule.strikes(CLONES_STARTED_LATER);
        self.copy_device(of, index, later);
    }

    /// A device becomes a copy of another; `later`: it is switched off at first.
    pub(crate) fn copy_device(&mut self, of: usize, index: usize, later: bool) {
        self.story.strike("clone_disk", || format!("device {index} is now a clone of device {of}"));
        self.kill_client(index);
        self.stop_users(index);
        let (image, saved) = (self.devices[of].disk.image(), self.devices[of].store.load_now());
        let traits = self.devices[of].disk.traits;
        self.devices[index].disk.traits = traits;
        let (before, after) = self.replace_disk(index, image);
        self.devices[index].restore_store(saved);
        self.server.take_for(index, of);
        self.planted.cloned(of, index);
        self.witness.copied(of, index);
        self.witness.disk_replaced(of, &[], &[]);
        self.witness.disk_replaced(index, &before, &after);
        self.backups.devices[index].clear();
        self.devices[index].off = later;
    }

    /// Puts another disk in: what stood on the one before, and what stands now. What the first had
    /// displaced, and late writers wrote to it, goes with it.
    fn replace_disk(&mut self, index: usize, image: Image) -> (Vec<Stood>, Vec<Stood>) {
        let disk = &mut self.devices[index].disk;
        let kept: Vec<_> = disk.kept_versions().collect();
        let before = Witness::standing(disk);
        disk.restore(image);
        let after = Witness::standing(disk);
        self.witness.versions.lost_power(&kept);
        (before, after)
    }

    /// A clone is told to join anew: it does, with the files that it has.
    pub(super) fn part_clones(&mut self) {
        for index in 0..self.devices.len() {
            self.devices[index].off = false;
            if self.server.is_cloned(index) {
                self.story.say(|| format!("device {index} joins anew"));
                // What its user did since it was copied, he did not know anyone else to have.
                self.witness.brought_back(0);
                // What the copy wrote last, the other may not have met yet.
                (0..index).for_each(|other| self.kill_client(other));
                self.kill_client(index);
                self.devices[index].restore_store(Saved::default());
                self.server.join_anew(index);
            }
        }
    }
}
