//! The arm in memory, which can crash: what is durable survives, the rest goes.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard};

use onefold_core::blob::Blob;
use onefold_core::client::saved::{SaveBatch, Saved};
use onefold_core::id::NodeId;

use crate::port::{StoreError, Trees};

/// Where a save may be cut short.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum CrashPoint {
    /// Before anything of the batch is kept.
    BeforeSave,
    /// The batch is kept, but nobody hears of it.
    AfterSave,
}

/// State in memory.
#[derive(Debug, Default)]
pub struct MemoryTrees {
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    durable: State,
    /// Saved since, in order: a kill keeps them, a power cut may take them from the end.
    volatile: Vec<SaveBatch>,
    crash_at: Option<CrashPoint>,
}

#[derive(Clone, Debug, Default)]
struct State {
    records: BTreeMap<NodeId, Blob>,
    header: Option<Blob>,
}

impl State {
    fn apply(&mut self, batch: SaveBatch) {
        if batch.clear {
            self.records.clear();
        }
        for (node, record) in batch.records {
            match record {
                Some(record) => self.records.insert(node, record),
                None => self.records.remove(&node),
            };
        }
        self.header = batch.header.or(self.header.take());
    }
}

impl MemoryTrees {
    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }

    /// Reads all of it.
    pub fn load_now(&self) -> Saved {
        let mut inner = self.lock();
        inner.sync();
        let State { records, header } = inner.durable.clone();
        Saved { records: records.into_iter().collect(), header }
    }

    /// Keeps a batch, which survives a kill; see [`MemoryTrees::cut_power`].
    pub fn save_now(&self, batch: SaveBatch) -> Result<(), StoreError> {
        let mut inner = self.lock();
        let crash = inner.crash_at.take();
        if crash == Some(CrashPoint::BeforeSave) {
            return Err(StoreError::Unavailable("crashed before the save".into()));
        }
        inner.volatile.push(batch);
        match crash {
            None | Some(CrashPoint::BeforeSave) => Ok(()),
            Some(CrashPoint::AfterSave) => {
                Err(StoreError::Unknown("crashed after the save".into()))
            }
        }
    }

    /// The next save is cut short here.
    pub fn crash_at(&self, point: CrashPoint) {
        self.lock().crash_at = Some(point);
    }

    /// Everything saved so far is on stable storage.
    pub fn sync(&self) {
        self.lock().sync();
    }

    /// How many batches a power cut may take.
    pub fn volatile(&self) -> usize {
        self.lock().volatile.len()
    }

    /// A power cut that leaves the first so many of the batches that were not on stable storage yet.
    pub fn cut_power(&self, keep: usize) {
        let mut inner = self.lock();
        inner.volatile.truncate(keep);
        inner.sync();
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().expect("no panic while it is locked")
    }
}

impl Inner {
    fn sync(&mut self) {
        for batch in std::mem::take(&mut self.volatile) {
            self.durable.apply(batch);
        }
    }
}

impl Trees for MemoryTrees {
    async fn load(&self) -> Result<Saved, StoreError> {
        Ok(self.load_now())
    }

    async fn save(&self, batch: SaveBatch) -> Result<(), StoreError> {
        self.save_now(batch)
    }
}
