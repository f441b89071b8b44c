//! A client's ports: the simulated disk, the store in memory, and streams that end with the process.
//!
//! A client that was killed within a change has until the end of turmoil's tick to live; nothing that
//! it still does gets out of here.

use std::io;

use onefold_adapters::port::{
    Connector, Disk, MessageStream, Source, Staging, StoreError, Transfer, Trees, Watcher,
};
use onefold_core::client::event::TransferError;
use onefold_core::client::saved::{SaveBatch, Saved};
use onefold_core::disk::{Change, DiskError, Listing, Names, Stamp, Start};
use onefold_core::id::NodeId;
use onefold_core::name::RelPath;
use onefold_core::node::Content;
use onefold_core::protocol::{ClientMessage, ServerMessage};

use crate::disk::guard::{Crashed, Moment};

use super::fault::Fault;
use super::shared::{Device, Handle, Shared};

/// A device, as its client's ports know it.
#[derive(Clone, Debug)]
pub struct Port {
    /// The world.
    pub shared: Handle,
    /// Which device.
    pub index: usize,
}

impl Port {
    fn on_disk<T>(
        &self,
        act: impl FnOnce(&mut Shared, usize) -> Result<T, DiskError>,
    ) -> Result<T, DiskError> {
        let mut shared = self.shared.lock();
        if shared.devices[self.index].dying {
            return Err(DiskError::Failed("the process is gone".into()));
        }
        shared.set_disk_clock(self.index);
        act(&mut shared, self.index)
    }

    fn is_dying(&self) -> bool {
        self.shared.lock().devices[self.index].dying
    }

    /// Never comes to an end in a process that was killed.
    async fn if_alive(&self) {
        if self.is_dying() {
            std::future::pending::<()>().await;
        }
    }
}

impl Shared {
    /// While an engine looks or reads, a user's program makes a call.
    fn user_in_between(&mut self, index: usize) {
        self.begin_user_step_in_window(index);
        if self.devices[index].user.is_active() && self.goes_wrong(self.chances.window) {
            self.story.strike("torn_look", || format!("device {index}: a user acts meanwhile"));
            let Self { devices, story, .. } = self;
            let Device { disk, user, .. } = &mut devices[index];
            user.call(disk, index, story);
            let done = !user.is_active();
            self.note_deeds(index);
            self.note_epoch(index, done);
        }
    }
}

impl Disk for Port {
    fn look(&self, dir: &RelPath, names: &Names) -> Result<Listing, DiskError> {
        self.on_disk(|shared, index| {
            let share = 1 + shared.draws.below(2);
            let looking = shared.devices[index].disk.look_begin(dir, names, share)?;
            shared.user_in_between(index);
            shared.devices[index].disk.look_end(looking)
        })
    }

    fn hash(&self, path: &RelPath, stamp: &Stamp) -> Result<Content, DiskError> {
        self.on_disk(|shared, index| {
            let reading = shared.devices[index].disk.read_begin(path, stamp)?;
            shared.user_in_between(index);
            let (content, _) = shared.devices[index].disk.read_end(reading)?;
            Ok(content)
        })
    }

    fn read(&self, path: &RelPath, stamp: &Stamp) -> Result<Box<dyn Source>, DiskError> {
        self.on_disk(|shared, index| {
            shared.devices[index].disk.read_begin(path, stamp)?;
            let port = self.clone();
            let opened = Opened { port, path: path.clone(), stamp: *stamp, start: None };
            Ok(Box::new(opened) as Box<dyn Source>)
        })
    }

    fn read_start(
        &self,
        path: &RelPath,
        stamp: &Stamp,
        start: Start,
    ) -> Result<Box<dyn Source>, DiskError> {
        self.on_disk(|shared, index| {
            let (content, _) = shared.devices[index].disk.read_start(path, stamp, start)?;
            let bytes = content.size;
            let port = self.clone();
            let opened = Opened { port, path: path.clone(), stamp: *stamp, start: Some(bytes) };
            Ok(Box::new(opened) as Box<dyn Source>)
        })
    }

    fn stage(&self, content: &Content) -> Result<Box<dyn Staging>, DiskError> {
        self.on_disk(|shared, index| {
            let device = &mut shared.devices[index];
            let len = device.partial.entry(content.id).or_default().len() as u64;
            let port = self.clone();
            Ok(Box::new(Staged { port, content: *content, len }) as Box<dyn Staging>)
        })
    }

    fn change(&self, node: NodeId, change: &Change) -> Result<Option<Stamp>, DiskError> {
        self.on_disk(|shared, index| shared.change(index, node, change))
    }
}

impl Shared {
    /// Carries a change out, with users, or the end of the process, in its windows.
    fn change(
        &mut self,
        index: usize,
        node: NodeId,
        change: &Change,
    ) -> Result<Option<Stamp>, DiskError> {
        self.begin_user_step_in_window(index);
        let Self { devices, story, draws, chances, witness, .. } = self;
        let Device { disk, user, .. } = &mut devices[index];
        let mut acted = false;
        witness.change_begins(index, node, change, disk);
        let changed = disk.change(change, &mut |disk, moment| {
            witness.at_moment(index, disk);
            let mut goes_wrong = |in_1000: u16| in_1000 > 0 && draws.strikes(in_1000.into());
            if user.is_active() && goes_wrong(chances.window) {
                story.strike("window", || format!("device {index}: a user acts at {moment:?}"));
                user.call(disk, index, story);
                acted = true;
                witness.user_disturbs(index, disk, story);
            }
            let dies = moment != Moment::Begin && goes_wrong(chances.kill_in_change);
            if dies {
                story.strike("kill_in_change", || format!("device {index}: killed at {moment:?}"));
            }
            dies
        });
        witness.changed(index, change, changed.as_ref().ok(), disk);
        let done = !user.is_active();
        self.note_deeds(index);
        if acted {
            self.note_epoch(index, done);
        }
        changed.unwrap_or_else(|Crashed| {
            let device = &mut self.devices[index];
            device.dying = true;
            if let Change::PlaceFile { content, .. } = change {
                device.unrecorded.insert(content.id);
            }
            self.deaths.push((index, Fault::KillClient));
            Err(DiskError::Failed("the process is gone".into()))
        })
    }
}

/// A file that was opened.
struct Opened {
    port: Port,
    path: RelPath,
    stamp: Stamp,
    /// Only so many bytes are read, of a file that may grow.
    start: Option<u64>,
}

impl Source for Opened {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let shared = self.port.shared.lock();
        let bytes = shared.devices[self.port.index].disk.bytes(&self.path);
        let bytes = bytes.ok_or(io::ErrorKind::NotFound)?;
        let end = self.start.map_or(bytes.len(), |start| bytes.len().min(start as usize));
        let bytes = &bytes[..end];
        let from = bytes.len().min(usize::try_from(offset).unwrap_or(usize::MAX));
        let count = buffer.len().min(bytes.len() - from);
        buffer[..count].copy_from_slice(&bytes[from..from + count]);
        Ok(count)
    }

    fn unchanged(&self) -> Result<(), DiskError> {
        self.port.on_disk(|shared, index| {
            shared.user_in_between(index);
            let device = &shared.devices[index];
            if let Some(bytes) = self.start {
                return device
                    .disk
                    .read_start(&self.path, &self.stamp, Start::Bytes(bytes))
                    .map(drop);
            }
            let reading = device.disk.read_begin(&self.path, &self.stamp)?;
            device.disk.read_end(reading).map(drop)
        })
    }
}

/// A content on its way into staging.
struct Staged {
    port: Port,
    content: Content,
    len: u64,
}

impl Staged {
    fn with<T>(&mut self, act: impl FnOnce(&mut Vec<u8>) -> T) -> Result<T, DiskError> {
        let id = self.content.id;
        let (result, len) = self.port.on_disk(|shared, index| {
            let bytes = shared.devices[index].partial.entry(id).or_default();
            Ok((act(bytes), bytes.len() as u64))
        })?;
        self.len = len;
        Ok(result)
    }
}

impl Staging for Staged {
    fn len(&self) -> u64 {
        self.len
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let shared = self.port.shared.lock();
        let partial = &shared.devices[self.port.index].partial;
        let bytes = partial.get(&self.content.id).map_or(&[][..], Vec::as_slice);
        let from = bytes.len().min(usize::try_from(offset).unwrap_or(usize::MAX));
        let count = buffer.len().min(bytes.len() - from);
        buffer[..count].copy_from_slice(&bytes[from..from + count]);
        Ok(count)
    }

    fn truncate(&mut self, len: u64) -> Result<(), DiskError> {
        let len = usize::try_from(len).unwrap_or(usize::MAX);
        self.with(|bytes| bytes.truncate(len))
    }

    fn append(&mut self, more: &[u8]) -> Result<(), DiskError> {
        self.port.on_disk(|shared, index| match shared.devices[index].disk.full {
            true => Err(DiskError::Full("No space left on device".into())),
            false => Ok(()),
        })?;
        self.with(|bytes| bytes.extend_from_slice(more))
    }

    fn finish(self: Box<Self>) -> Result<(), DiskError> {
        self.port.on_disk(|shared, index| {
            let device = &mut shared.devices[index];
            let bytes = device.partial.remove(&self.content.id).unwrap_or_default();
            device.disk.stage(&self.content, &bytes.into())
        })
    }
}

impl Watcher for Port {
    /// The simulated disk watches what is looked at.
    fn watch(&self, _: &RelPath) -> Result<(), String> {
        Ok(())
    }
}

impl Trees for Port {
    async fn load(&self) -> Result<Saved, StoreError> {
        Ok(self.shared.lock().devices[self.index].store.load_now())
    }

    async fn save(&self, batch: SaveBatch) -> Result<(), StoreError> {
        self.if_alive().await;
        let mut shared = self.shared.lock();
        let (index, chance) = (self.index, shared.chances.bad_save);
        if shared.goes_wrong(chance) {
            shared.story.strike("bad_save", || format!("device {index}: a save fails"));
            return Err(StoreError::Unavailable("no space left on device".into()));
        }
        shared.devices[index].store.save_now(batch)
    }
}

/// A port of the network that ends with its process.
#[derive(Debug)]
pub struct Mortal<T> {
    /// What it is when all is well.
    pub inner: T,
    /// Whose it is.
    pub port: Port,
}

impl<C: Connector> Connector for Mortal<C> {
    type Stream = Mortal<C::Stream>;

    async fn connect(&self) -> Result<Mortal<C::Stream>, String> {
        let inner = self.inner.connect().await?;
        Ok(Mortal { inner, port: self.port.clone() })
    }
}

impl<S: MessageStream> MessageStream for Mortal<S> {
    async fn send(&mut self, message: ClientMessage) -> Result<(), String> {
        self.port.if_alive().await;
        self.inner.send(message).await
    }

    async fn receive(&mut self) -> Result<ServerMessage, String> {
        self.inner.receive().await
    }
}

impl<X: Transfer> Transfer for Mortal<X> {
    async fn upload(&self, content: Content, source: Box<dyn Source>) -> Result<(), TransferError> {
        self.port.if_alive().await;
        self.inner.upload(content, source).await
    }

    async fn fetch(
        &self,
        content: Content,
        staging: Box<dyn Staging>,
        alike: Option<Box<dyn Source>>,
    ) -> Result<(), TransferError> {
        self.port.if_alive().await;
        self.inner.fetch(content, staging, alike).await
    }
}
