//! What the oracle is shown of this world.

use onefold_core::node::Body;

use crate::oracle::scene::{Holding, Kept, Scene};
use crate::oracle::{Broken, Tally, barrier, judge, tree};

use super::World;
use super::device::Link;
use super::faults::Faults;

impl World {
    /// What is to be judged, as it stands now.
    pub fn scene(&self) -> Scene<'_> {
        let devices = self.devices.iter().enumerate().map(|(index, device)| {
            let muted = matches!(device.link, Link::Up { muted: true, .. });
            let problems = device.client.as_ref().map(|client| client.status().problems);
            let mut holding = Holding::of(self.server.device_id(index), &device.disk);
            holding.free &= device.reachable && !muted;
            holding.problems = format!("{problems:?}");
            holding
        });
        Scene { witness: &self.witness, devices: devices.collect(), server: self.kept() }
    }

    fn kept(&self) -> Kept {
        let journal = &self.server.journal;
        let rows = journal.rows();
        let live = rows.iter().filter(|row| row.alive);
        let contents = live.filter_map(|row| match &row.state.body {
            Body::File { content, .. } => {
                Some((content.id, journal.content(content.id)?.len() as u64))
            }
            Body::Directory | Body::Symlink(_) => None,
        });
        Kept { contents: contents.collect(), head: journal.head(), rows }
    }

    /// How often each rule had something to judge so far.
    pub fn judged(&self) -> Tally {
        let mut tally = self.witness.tally.clone();
        tally.add(self.wire.tally());
        tally
    }

    /// Judges all rules that hold at rest.
    pub fn judge(&mut self) -> Result<(), Broken> {
        let tally = judge::all(&self.scene())?;
        self.witness.tally.add(&tally);
        Ok(())
    }

    /// All is quiet: judges what can be judged, and begins anew.
    pub(super) fn at_barrier(&mut self) -> Result<(), Broken> {
        let epoch = self.witness.begin_epoch();
        let scene = self.scene();
        let free = !self.witness.is_blind()
            && self.free_of_problems().is_ok()
            && scene.devices.iter().all(|device| device.free);
        // What waits for a name comes when a user makes room.
        let waiting = self.devices.iter().filter_map(|device| device.client.as_ref());
        let waiting = waiting.map(|client| client.status().problems).any(|list| !list.is_empty());
        if !free {
            self.witness.epoch.spoiled = true;
            return Ok(());
        }
        let mut tally = barrier::at_quiet(&scene, &epoch)?;
        // Before a step that did nothing it may have been quiet for long.
        let fresh = self.waiting_since_ms.is_some_and(|since| epoch.changed_ms >= since);
        // What waits for a name is tried once more, later, before all is quiet.
        if fresh && !waiting && self.setting.faults == Faults::default() {
            barrier::was_quick(&epoch, self.now_ms, &mut tally)?;
        }
        self.witness.tally.add(&tally);
        if waiting {
            // Not everyone has everything yet.
            self.witness.epoch.spoiled = true;
        } else {
            self.witness.all_agree();
        }
        Ok(())
    }

    /// A user made a call: how his disk looks when his program is done is what he meant.
    pub(super) fn note_epoch(&mut self, index: usize, done: bool) {
        let tree = done.then(|| tree::of_disk(&self.devices[index].disk).0);
        self.witness.user_called(index, self.now_ms, tree);
    }
}
