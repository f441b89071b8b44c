//! The work that client engines ask for, done as the client's driver does it.

use onefold_adapters::trees::CrashPoint;
use onefold_core::client::event::{Effect, Event, TransferError, Upload};
use onefold_core::client::saved::SaveBatch;
use onefold_core::disk::{DiskError, Start};
use onefold_core::node::Content;

use crate::oracle::Broken;
use crate::planted;

use super::World;
use super::arranged::Hold;
use super::device::{Begun, Stage, Task};

/// In the simulation contents are small: larger ones than this go the way of large contents.
const INLINE_BYTES: usize = 20;

impl Task {
    /// It is a save that is still to be done.
    pub(super) fn is_save(&self) -> bool {
        matches!(&self.stage, Stage::Begun(effect, _) if matches!(**effect, Effect::Save { .. }))
    }

    /// It opens a stream.
    pub(super) fn is_connect(&self) -> bool {
        matches!(&self.stage, Stage::Begun(effect, _) if matches!(**effect, Effect::Connect))
    }
}

impl World {
    /// Begins a task: sometimes it sees part of what it is to see right now, and the rest later.
    pub(super) fn begin_task(&mut self, index: usize, effect: Effect) {
        let born = self.next_born();
        let torn = self.schedule_strikes(self.setting.faults.torn_look)
            || self.arranged.holds(index, Hold::SlowReads);
        let disk = &mut self.devices[index].disk;
        let begun = match &effect {
            Effect::Look { dir, names, .. } if torn => {
                let share = 1 + self.schedule.below(2);
                Begun::Look(disk.look_begin(dir, names, share))
            }
            Effect::Hash { path, stamp, .. } | Effect::Upload { path, stamp, start: false, .. }
                if torn =>
            {
                Begun::Read(disk.read_begin(path, stamp))
            }
            _ => Begun::Nothing,
        };
        if torn && !matches!(begun, Begun::Nothing) {
            self.story.strike("torn_look", || format!("device {index}: {effect:?} takes long"));
        }
        self.devices[index].tasks.push(Task { born, stage: Stage::Begun(Box::new(effect), begun) });
    }

    pub(super) fn schedule_strikes(&mut self, in_1000: u16) -> bool {
        in_1000 > 0 && self.schedule.strikes(in_1000.into())
    }

    /// A task goes one stage on: it is done, or its answer arrives.
    pub(super) fn advance_task(&mut self, index: usize, at: usize) -> Result<(), Broken> {
        let task = self.devices[index].tasks.remove(at);
        match task.stage {
            Stage::Done(event) => self.give(index, event),
            Stage::Begun(effect, _) if matches!(*effect, Effect::Connect) => {
                self.connect(index);
                Ok(())
            }
            Stage::Begun(effect, begun) => {
                self.devices[index].set_disk_clock(self.now_ms);
                let born = task.born;
                if let Some(event) = self.do_task(index, *effect, begun)? {
                    self.story.hash(&event);
                    let tasks = &mut self.devices[index].tasks;
                    tasks.insert(at.min(tasks.len()), Task { born, stage: Stage::Done(event) });
                }
                Ok(())
            }
        }
    }

    /// Does a task; no answer if the process ended over it.
    fn do_task(
        &mut self,
        index: usize,
        effect: Effect,
        begun: Begun,
    ) -> Result<Option<Event>, Broken> {
        let disk = &mut self.devices[index].disk;
        Ok(Some(match (effect, begun) {
            (Effect::Look { id, dir, names }, begun) => {
                let looking = match begun {
                    Begun::Look(looking) => looking,
                    Begun::Read(_) | Begun::Nothing => disk.look_begin(&dir, &names, 0),
                };
                Event::Looked(id, looking.and_then(|looking| disk.look_end(looking)))
            }
            (Effect::Hash { id, path, stamp }, begun) => {
                let read = self.read(index, &path, &stamp, begun);
                Event::Hashed(id, read.map(|(content, _)| content))
            }
            (Effect::HashStart { id, path, stamp, start }, _) => {
                let read = disk.read_start(&path, &stamp, start);
                Event::Hashed(id, read.map(|(content, _)| content))
            }
            (Effect::Upload { id, path, stamp, content, start }, begun) => {
                let read = match start {
                    true => disk.read_start(&path, &stamp, Start::Bytes(content.size)),
                    false => self.read(index, &path, &stamp, begun),
                };
                Event::Uploaded(id, self.upload(index, read, content))
            }
            (Effect::Fetch { id, content, bytes, .. }, _) => {
                Event::Fetched(id, self.fetch(index, content, bytes))
            }
            (Effect::Change { id, node, change }, _) => {
                return self.change(index, id, node, &change);
            }
            (Effect::Save { id, batch }, _) => {
                let saved = self.save(index, batch);
                if self.devices[index].client.is_none() {
                    return Ok(None);
                }
                Event::Saved(id, saved)
            }
            (Effect::Connect | Effect::Disconnect | Effect::Send(_) | Effect::Report(_), _) => {
                return Ok(None);
            }
        }))
    }

    /// Makes a batch durable. That may fail, or be cut short: then the engine hears that it was not
    /// saved, though it may have been, or the process ends over it.
    fn save(&mut self, index: usize, batch: SaveBatch) -> Result<(), String> {
        let full = self.devices[index].disk.full;
        if self.schedule_strikes(self.setting.faults.bad_save) || full && self.schedule_strikes(500)
        {
            self.story.strike("bad_save", || format!("device {index}: a save fails"));
            return Err("no space left on device".into());
        }
        if self.schedule_strikes(self.setting.faults.save_crash) {
            let point = [CrashPoint::BeforeSave, CrashPoint::AfterSave][self.schedule.below(2)];
            self.story.strike("save_crash", || format!("device {index}: cut short: {point:?}"));
            self.devices[index].store.crash_at(point);
            let saved = self.devices[index].store.save_now(batch);
            if self.schedule.strikes(500) {
                self.kill_client(index);
            }
            return saved.map_err(|error| error.to_string());
        }
        planted::client::save(self.setting.planted, &self.devices[index].store, batch)
    }

    fn read(
        &mut self,
        index: usize,
        path: &onefold_core::name::RelPath,
        stamp: &onefold_core::disk::Stamp,
        begun: Begun,
    ) -> Result<(Content, onefold_core::blob::Blob), DiskError> {
        let disk = &self.devices[index].disk;
        let reading = match begun {
            Begun::Read(reading) => reading,
            Begun::Look(_) | Begun::Nothing => disk.read_begin(path, stamp),
        };
        reading.and_then(|reading| disk.read_end(reading))
    }

    fn upload(
        &mut self,
        index: usize,
        read: Result<(Content, onefold_core::blob::Blob), DiskError>,
        content: Content,
    ) -> Result<Upload, TransferError> {
        let (now, bytes) = read.map_err(TransferError::Disk)?;
        if now.id != content.id {
            return Err(TransferError::Disk(DiskError::Changed));
        }
        if bytes.len() <= INLINE_BYTES {
            return Ok(Upload::Inline(bytes));
        }
        if self.arranged.server_full {
            return Err(TransferError::Network("the server has no room".into()));
        }
        self.transfer(index)?;
        let put = self.server.journal.put(content.id, &bytes);
        put.map_err(|error| TransferError::Network(error.to_string()))?;
        // Here the bytes got across, but not the answer.
        self.transfer(index)?;
        Ok(Upload::Stored)
    }

    fn fetch(
        &mut self,
        index: usize,
        content: Content,
        bytes: Option<onefold_core::blob::Blob>,
    ) -> Result<(), TransferError> {
        let bytes = match bytes {
            Some(bytes) => bytes,
            None => {
                self.transfer(index)?;
                self.server.journal.content(content.id).ok_or(TransferError::Missing)?
            }
        };
        let disk = &mut self.devices[index].disk;
        let bytes = planted::change::fetched(disk, &bytes).map_or(bytes, Into::into);
        disk.stage(&content, &bytes).map_err(TransferError::Disk)
    }

    fn transfer(&mut self, index: usize) -> Result<(), TransferError> {
        if !self.devices[index].reachable {
            return Err(TransferError::Network("unreachable".into()));
        }
        if self.schedule_strikes(self.setting.faults.bad_transfer) {
            self.story.strike("bad_transfer", || format!("device {index}: a transfer is cut"));
            return Err(TransferError::Network("cut".into()));
        }
        Ok(())
    }
}
