//! What the oracle is told and shown of this world.

use onefold_adapters::blobs::MemoryBlobs;
use onefold_adapters::journal::StoredContent;
use onefold_core::hash::ContentId;
use onefold_core::id::Seq;
use onefold_core::node::Body;

use crate::oracle::scene::{Holding, Kept, Scene};
use crate::oracle::{Broken, barrier, judge, tree};

use super::shared::{FOLDER, Shared, device_id};

impl Shared {
    /// What is to be judged, as it stands now.
    fn scene(&self) -> Scene<'_> {
        let devices = self.devices.iter().enumerate().map(|(index, device)| {
            let mut holding = Holding::of(device_id(index), &device.disk);
            holding.free &= device.reachable && device.commands.is_some();
            holding.problems = format!("{:?}", device.status.problems);
            holding
        });
        Scene { witness: &self.witness, devices: devices.collect(), server: self.kept() }
    }

    fn kept(&self) -> Kept {
        let store = self.journal.store();
        let rows = store.check_nodes(FOLDER, None, usize::MAX);
        let live = rows.iter().filter(|row| row.alive);
        let whole = |id: ContentId| {
            let stored = store.content(FOLDER, id)?;
            let located = |ids: &[_]| store.locate_chunks(FOLDER, ids);
            size_if_whole(id, &stored, located, &self.blobs)
        };
        let contents = live.filter_map(|row| match &row.state.body {
            Body::File { content, .. } => Some((content.id, whole(content.id)?)),
            Body::Directory | Body::Symlink(_) => None,
        });
        Kept { contents: contents.collect(), head: store.head(FOLDER), rows }
    }

    /// Judges all rules that hold at rest.
    pub(super) fn judge(&mut self) -> Result<(), Broken> {
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
        if !free {
            self.witness.epoch.spoiled = true;
            return Ok(());
        }
        let tally = barrier::at_quiet(&scene, &epoch)?;
        self.witness.tally.add(&tally);
        if self.devices.iter().all(|device| device.status.problems.is_empty()) {
            self.witness.all_agree();
        }
        Ok(())
    }

    /// A user made a call: how his disk looks when his program is done is what he meant.
    pub(super) fn note_epoch(&mut self, index: usize, done: bool) {
        let tree = done.then(|| tree::of_disk(&self.devices[index].disk).0);
        self.witness.user_called(index, self.now_ms(), tree);
    }

    /// Shows the oracle what is new in the journal.
    pub(super) fn journal_grew(&mut self) -> Result<(), Broken> {
        let seen = self.witness.cursor.map_or(Seq::ZERO, |cursor| cursor.seq);
        let new = {
            let store = self.journal.store();
            if store.head(FOLDER).cursor.seq == seen {
                return Ok(());
            }
            store.check_entries(FOLDER, seen, usize::MAX)
        };
        self.witness.journal_grew(new, &mut self.story)
    }
}

/// How large a content is, if all of it is there and right.
fn size_if_whole(
    id: ContentId,
    stored: &StoredContent,
    located: impl FnOnce(
        &[onefold_core::hash::ChunkId],
    )
        -> Vec<(onefold_core::hash::ChunkId, onefold_adapters::journal::ChunkLocation)>,
    blobs: &MemoryBlobs,
) -> Option<u64> {
    let bytes = match stored {
        StoredContent::Inline(bytes) => bytes.to_vec(),
        StoredContent::Chunks(manifest) => {
            let ids: Vec<_> = manifest.chunks.iter().map(|chunk| chunk.id).collect();
            blobs.get_now(&located(&ids)).ok()?.concat()
        }
    };
    (ContentId::of(&bytes) == id).then_some(bytes.len() as u64)
}
