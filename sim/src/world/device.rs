//! A device: its disk, its client engine, what that engine saved, and the work it asked for.
//!
//! The work is done as the client's driver does it: each task is begun when the engine asks, done at
//! some later step, and answered at a later one yet, in any order; saves are done in their order. When
//! the process is killed, what was done stays done, and nobody is answered.

use std::collections::VecDeque;

use onefold_adapters::trees::MemoryTrees;
use onefold_core::client::event::{Effect, Event};
use onefold_core::client::saved::{SaveBatch, Saved};
use onefold_core::client::{Client, Config};
use onefold_core::disk::DiskError;
use onefold_core::time::{FileTime, Instant, LocalMinute, Now};

use crate::disk::Disk;
use crate::disk::engine::{Looking, Reading};
use crate::planted;

use super::server::ConnectionId;

/// How far a task has come.
#[derive(Debug)]
pub enum Stage {
    /// Asked for.
    Begun(Box<Effect>, Begun),
    /// Done: this is the answer, on its way.
    Done(Event),
}

/// What a task saw when it began.
#[derive(Debug)]
pub enum Begun {
    /// Nothing.
    Nothing,
    /// A look.
    Look(Result<Looking, DiskError>),
    /// A read, for a hash or an upload.
    Read(Result<Reading, DiskError>),
}

/// A task.
#[derive(Debug)]
pub struct Task {
    /// When it was asked for, in the order of all things.
    pub born: u64,
    /// How far it has come.
    pub stage: Stage,
}

/// The stream to the server, as the client's driver has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Link {
    /// There is none.
    Down,
    /// One stands; `muted`: nothing gets across.
    Up {
        /// Which.
        connection: ConnectionId,
        /// Nothing gets across any more, and nobody is told.
        muted: bool,
    },
}

/// A device.
#[derive(Debug)]
pub struct Device {
    /// Its disk.
    pub disk: Disk,
    /// The engine, while the process runs.
    pub client: Option<Client>,
    /// What the engine saved.
    pub store: MemoryTrees,
    /// Work under way.
    pub tasks: Vec<Task>,
    /// The stream.
    pub link: Link,
    /// What the client is still to hear of its stream.
    pub stream: VecDeque<(u64, Event)>,
    /// The network can be had.
    pub reachable: bool,
    /// The wall clock's error, in milliseconds.
    pub skew_ms: i64,
    /// The machine is switched off, or its client not meant to run.
    pub off: bool,
    /// How many times the client was started.
    pub starts: u64,
    /// So much the engine's clock is ahead of what it should be.
    pub ahead_ms: u64,
    /// When the engine wants to be ticked, by its own clock; as it said last.
    pub due: Option<Instant>,
    started_ms: u64,
    asleep_until_ms: Option<u64>,
    index: usize,
}

impl Device {
    /// A device with an empty disk, and no client running yet.
    pub fn new(index: usize, disk: Disk) -> Self {
        Self {
            disk,
            client: None,
            store: MemoryTrees::new(),
            tasks: Vec::new(),
            link: Link::Down,
            stream: VecDeque::new(),
            reachable: true,
            skew_ms: 0,
            off: false,
            starts: 0,
            ahead_ms: 0,
            due: None,
            started_ms: 0,
            asleep_until_ms: None,
            index,
        }
    }

    /// Starts the client: a fresh seed, and what was saved. The first event is still to be given.
    pub fn start(
        &mut self,
        now_ms: u64,
        seed: u64,
        ask_from_files: u64,
        saved: Saved,
    ) -> Result<(), String> {
        self.starts += 1;
        self.started_ms = now_ms;
        self.ahead_ms = 0;
        let mut hasher = blake3::Hasher::new();
        let starts = planted::client::starts(self.disk.planted, self.starts);
        hasher.update(&seed.to_be_bytes()).update(&starts.to_be_bytes());
        hasher.update(&(self.index as u64).to_be_bytes());
        let config = Config {
            device_name: format!("device{}", self.index),
            seed: *hasher.finalize().as_bytes(),
            folding: planted::client::folding(&self.disk),
            has_modes: true,
            ask_from_files,
        };
        self.disk.unwatch();
        self.client = Some(Client::new(config, saved).map_err(|error| error.to_string())?);
        Ok(())
    }

    /// The state is as it once was.
    pub fn restore_store(&mut self, saved: Saved) {
        self.store = MemoryTrees::new();
        let Saved { records, header } = saved;
        let records = records.into_iter().map(|(node, record)| (node, Some(record))).collect();
        let batch = SaveBatch { clear: true, records, header };
        self.store.save_now(batch).expect("a new store takes a batch");
        self.store.sync();
    }

    /// Ends the client's process.
    pub fn kill(&mut self) {
        planted::client::killed(self.disk.planted, &self.store);
        (self.client, self.due) = (None, None);
        self.tasks.clear();
        self.link = Link::Down;
        self.stream.clear();
        self.disk.unwatch();
    }

    /// The machine is suspended.
    pub fn sleeps(&self) -> bool {
        self.asleep_until_ms.is_some()
    }

    /// What a connection brings reaches the client.
    pub fn hears(&self, id: ConnectionId) -> bool {
        self.link == Link::Up { connection: id, muted: false } && !self.sleeps()
    }

    /// Suspends the machine: nothing happens on it, and its clock for engines stands still.
    pub fn suspend(&mut self, now_ms: u64, for_ms: u64) {
        self.asleep_until_ms = Some(now_ms + for_ms);
        self.started_ms += for_ms;
    }

    /// When it wakes.
    pub fn wakes_ms(&self) -> Option<u64> {
        self.asleep_until_ms
    }

    /// It wakes now, if it sleeps.
    pub fn wake(&mut self, now_ms: u64) {
        if let Some(until) = self.asleep_until_ms.take() {
            self.started_ms -= until.saturating_sub(now_ms);
        }
    }

    /// Its user is asked about deletions.
    pub fn asks(&self) -> bool {
        self.client.as_ref().is_some_and(Client::asks_about_deletions)
    }

    /// The client is about to hear that its stream is gone.
    pub fn stream_ends(&self) -> bool {
        self.stream.iter().any(|(_, event)| matches!(event, Event::Disconnected(_)))
    }

    /// The time as this device's engine is told it.
    pub fn now(&self, now_ms: u64) -> Now {
        let wall_ms = now_ms as i64 + self.skew_ms;
        let minutes = wall_ms.div_euclid(60_000);
        let (hours, days) = (minutes.div_euclid(60), minutes.div_euclid(1440));
        Now {
            instant: Instant::from_ms(now_ms - self.started_ms + 1_000 + self.ahead_ms),
            local: LocalMinute {
                year: 2026,
                month: 1 + days.div_euclid(28).rem_euclid(12) as u8,
                day: 1 + days.rem_euclid(28) as u8,
                hour: hours.rem_euclid(24) as u8,
                minute: minutes.rem_euclid(60) as u8,
            },
        }
    }

    /// When the engine wants to be ticked, in the world's time.
    pub fn deadline_ms(&self) -> Option<u64> {
        if self.sleeps() {
            return None;
        }
        Some((self.due?.as_ms() + self.started_ms).saturating_sub(1_000 + self.ahead_ms))
    }

    /// Sets the filesystem's clock to the wall clock.
    pub fn set_disk_clock(&mut self, now_ms: u64) {
        self.disk.set_clock(file_time(now_ms as i64 + self.skew_ms));
    }

    /// The wall clock jumps, and the filesystem's with it.
    pub fn jump_clock(&mut self, now_ms: u64, by_ms: i64) {
        self.skew_ms += by_ms;
        self.disk.jump_clock(file_time(now_ms as i64 + self.skew_ms));
    }
}

fn file_time(wall_ms: i64) -> FileTime {
    FileTime {
        seconds: 1_700_000_000 + wall_ms.div_euclid(1000),
        nanoseconds: wall_ms.rem_euclid(1000) as u32 * 1_000_000,
    }
}
