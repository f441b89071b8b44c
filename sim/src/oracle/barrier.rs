//! Rules that hold whenever users wait until all is quiet.
//!
//! Where only one user did anything since it was last quiet, everyone's tree is as he left his: no
//! engine changed his disk, and everything he did is everywhere.

use crate::world::World;
use crate::world::device::{Device, Link};

use super::witness::Epoch;
use super::{Broken, judge, tree};

impl World {
    /// All is quiet: judges what can be judged, and begins anew.
    pub(crate) fn at_barrier(&mut self) -> Result<(), Broken> {
        let everyone = self.all_can_sync();
        let waiting = |device: &Device| {
            device.client.as_ref().is_some_and(|client| !client.status().problems.is_empty())
        };
        // What waits for a name comes when a user makes room.
        let spoiled = !everyone || self.devices.iter().any(waiting);
        let epoch = self.begin_epoch(spoiled);
        if !everyone {
            return Ok(());
        }
        judge::same_trees(self, &tree::of_rows(&self.server.journal.rows())?)?;
        let actors = epoch.deeds.iter().filter(|deeds| **deeds > 0).count();
        let Some((actor, left)) = epoch.last else { return Ok(()) };
        if epoch.spoiled || actors != 1 || self.witness().has_links {
            return Ok(());
        }
        let (now, _) = tree::of_disk(&self.devices[actor].disk);
        if now != left {
            let gone = left.iter().filter(|(path, leaf)| now.get(*path) != Some(leaf));
            let new = now.iter().filter(|(path, leaf)| left.get(*path) != Some(leaf));
            let what = format!(
                "device {actor} was alone; gone: {:?}; new: {:?}",
                gone.collect::<Vec<_>>(),
                new.collect::<Vec<_>>()
            );
            return Err(Broken::new("who acts alone is followed", what));
        }
        Ok(())
    }
}

impl World {
    /// Begins to record anew; what was recorded since the last time.
    fn begin_epoch(&mut self, spoiled: bool) -> Epoch {
        let deeds = vec![0; self.devices.len()];
        let new = Epoch { deeds, spoiled, last: None };
        std::mem::replace(&mut self.witness_mut().epoch, new)
    }

    /// Whether nothing is in the way of syncing anything everywhere.
    fn all_can_sync(&self) -> bool {
        let free = |device: &Device| {
            let muted = matches!(device.link, Link::Up { muted: true, .. });
            let unknown = !tree::of_disk(&device.disk).1.is_empty();
            device.reachable
                && !muted
                && !unknown
                && !device.disk.full
                && device.disk.restricted().is_empty()
        };
        !self.witness().is_blind()
            && self.free_of_problems().is_ok()
            && self.devices.iter().all(free)
    }

    /// A user made a call: how his disk looks when his program is done is what he meant.
    pub(crate) fn note_epoch(&mut self, index: usize, done: bool) {
        let tree = done.then(|| tree::of_disk(&self.devices[index].disk).0);
        let epoch = &mut self.witness_mut().epoch;
        epoch.deeds[index] += 1;
        if let Some(tree) = tree {
            epoch.last = Some((index, tree));
        }
    }
}
