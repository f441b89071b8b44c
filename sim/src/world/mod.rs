//! The engine world: client engines and a server engine on simulated disks, network and clocks.
//!
//! A run has two tapes: what users do, and how everything is scheduled. At each step the enabled
//! [`choice::Choice`]s are listed, the calmest first, and one number of the schedule tape picks; past its
//! end the run is calm. So the two tapes shrink apart, and shrink towards calm.
//!
//! Invariants: no real clock, no randomness, no I/O; the same tapes give the same [`Story`].

pub mod arranged;
pub mod backups;
pub mod choice;
pub mod connect;
pub mod device;
pub mod faults;
pub mod journal;
pub mod scene;
pub mod server;
pub mod settle;
pub mod strike;
pub mod tasks;
pub mod users;
pub mod window;

use std::collections::VecDeque;

use onefold_core::client::event::{Effect, Event, Notice};
use onefold_core::folding::Folding;
use serde::{Deserialize, Serialize};

use crate::disk::{Disk, Traits};
use crate::oracle::wire::Wire;
use crate::oracle::{Broken, Witness};
use crate::planted::{self, Planted};
use crate::story::Story;
use crate::tape::Tape;
use crate::user::UserStep;
use crate::user::program::User;
use crate::user::script::Writer;
use crate::words;

use arranged::Arranged;
use backups::Backups;
use device::Device;
use faults::Faults;
use server::Server;

/// What a run is made of, besides its tapes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Setting {
    /// How many devices.
    pub devices: u8,
    /// Bit by bit: these devices' disks fold case.
    pub folds_case: u8,
    /// Bit by bit: these devices' disks take composed and decomposed letters for one.
    pub folds_form: u8,
    /// Bit by bit: those of them that give names back decomposed.
    pub decomposes: u8,
    /// Bit by bit: these devices' disks have no birth times.
    pub no_births: u8,
    /// Bit by bit: these devices' disks have no leases.
    pub no_leases: u8,
    /// How many server processes there are over one journal.
    pub servers: u8,
    /// How likely each fault is.
    pub faults: Faults,
    /// Each user keeps to a directory of his own.
    pub apart: bool,
    /// From so many deleted files on, users are asked whether they meant it.
    pub ask_from_files: u32,
    /// What the engines' seeds are made from.
    pub seed: u64,
    /// A fault of the engines, planted.
    pub planted: Option<Planted>,
}

impl Setting {
    /// So many devices, and no faults.
    pub fn calm(devices: u8) -> Self {
        Self {
            devices,
            folds_case: 0,
            folds_form: 0,
            decomposes: 0,
            no_births: 0,
            no_leases: 0,
            servers: 1,
            faults: Faults::default(),
            apart: false,
            ask_from_files: 20,
            seed: 1,
            planted: None,
        }
    }
}

/// A world.
#[derive(Debug)]
pub struct World {
    /// The devices.
    pub devices: Vec<Device>,
    /// The server.
    pub server: Server,
    /// What is recorded of the run.
    pub story: Story,
    /// Steps so far.
    pub steps: u64,
    /// What a scenario arranges.
    pub arranged: Arranged,
    setting: Setting,
    now_ms: u64,
    born: u64,
    schedule: Tape,
    /// Each device's user; after them, each device's intruder, who acts in the windows of changes.
    users: Vec<User>,
    /// Bit by bit: the devices whose users do anything.
    inhabited: u8,
    backups: Backups,
    user_steps: VecDeque<UserStep>,
    step_due_ms: u64,
    waiting_since_ms: Option<u64>,
    writer: Writer,
    witness: Witness,
    wire: Wire,
    idle_ticks: u32,
    planted: planted::client::Memory,
}

impl World {
    /// A world in which nothing has happened yet, with its clients started.
    pub fn new(setting: Setting, story: Story) -> Result<Self, Broken> {
        Self::with_tapes(setting, Vec::new(), Vec::new(), story)
    }

    /// The same, with tapes to run.
    pub fn with_tapes(
        setting: Setting,
        user_steps: Vec<UserStep>,
        schedule: Vec<u32>,
        story: Story,
    ) -> Result<Self, Broken> {
        let count = usize::from(setting.devices.clamp(1, 8));
        let has = |bits: u8, index: usize| bits >> index & 1 == 1;
        let disk = |index| {
            let traits = Traits {
                folding: Folding {
                    case: has(setting.folds_case, index),
                    form: has(setting.folds_form, index),
                },
                decomposes: has(setting.folds_form & setting.decomposes, index),
                birth_times: !has(setting.no_births, index),
                leases: !has(setting.no_leases, index),
                power_cuts: setting.faults.power_cut > 0,
            };
            let mut disk = Disk::new(100 + index as u64, traits);
            disk.planted = setting.planted;
            disk
        };
        let mut world = Self {
            devices: (0..count).map(|index| Device::new(index, disk(index))).collect(),
            server: Server::new(count),
            story,
            steps: 0,
            arranged: Arranged::default(),
            setting,
            now_ms: 1_000,
            born: 1,
            schedule: Tape::new(schedule),
            users: (0..2 * count).map(|_| User::default()).collect(),
            inhabited: inhabited(&user_steps, count),
            backups: Backups::new(count),
            user_steps: user_steps.into(),
            step_due_ms: 1_000,
            waiting_since_ms: None,
            writer: Writer::default(),
            witness: Witness::new(count, setting.apart),
            wire: Wire::default(),
            idle_ticks: 0,
            planted: planted::client::Memory::new(setting.planted),
        };
        world.server.journal.plant(setting.planted);
        for index in 0..count {
            world.start_client(index)?;
        }
        Ok(world)
    }

    /// What was recorded for the oracle.
    pub(crate) fn witness(&self) -> &Witness {
        &self.witness
    }

    /// The record, to be written.
    pub(crate) fn witness_mut(&mut self) -> &mut Witness {
        &mut self.witness
    }

    /// What happens next is drawn from these numbers, and from calm when they are at their end.
    pub(crate) fn set_schedule(&mut self, numbers: Vec<u32>) {
        self.schedule = Tape::new(numbers);
    }

    /// The virtual time since the world's beginning.
    pub fn now_ms(&self) -> u64 {
        self.now_ms
    }

    fn next_born(&mut self) -> u64 {
        self.born += 1;
        self.born
    }

    /// Starts a device's client from what it saved.
    pub fn start_client(&mut self, index: usize) -> Result<(), Broken> {
        let seed = self.setting.seed;
        let device = &mut self.devices[index];
        device.set_disk_clock(self.now_ms);
        let saved = self.planted.found(index, device.store.load_now());
        let rescued = device.disk.tend_kept(&format!("device{index}"), true);
        self.witness.rescued(rescued.len());
        device
            .start(self.now_ms, seed, self.setting.ask_from_files.into(), saved)
            .map_err(|error| Broken::new("saved state can be gone on from", error))?;
        self.witness.started(index, &device.store.load_now());
        self.story.say(|| format!("device {index}: client starts (rescued: {rescued:?})"));
        self.give(index, Event::Started)
    }

    /// Gives a client an event, and does what it asks for as far as that is done at once.
    pub(crate) fn give(&mut self, index: usize, event: Event) -> Result<(), Broken> {
        let device = &mut self.devices[index];
        if device.client.is_none() {
            return Ok(());
        }
        self.story.hash(&event);
        self.story.say(|| format!("device {index} {}", words::event(&event)));
        self.witness.heard(index, &event);
        let event = self.planted.event(index, event, &device.disk);
        self.hand(index, event)
    }

    /// The client takes an event in, as it is told it.
    fn hand(&mut self, index: usize, event: Event) -> Result<(), Broken> {
        let device = &mut self.devices[index];
        device.set_disk_clock(self.now_ms);
        let now = device.now(self.now_ms);
        let Some(client) = &mut device.client else { return Ok(()) };
        let effects = client.handle(now, event);
        device.due = client.deadline().map(|(at, _)| at);
        let checked = client.check();
        for effect in effects {
            self.story.hash(&effect);
            self.witness.asked(index, &effect);
            self.perform(index, effect);
        }
        self.witness.checked(index, checked);
        self.witness.verdict()?;
        self.wire.verdict()?;
        match self.planted.next(&mut self.devices[index].ahead_ms) {
            Some(event) => self.hand(index, event),
            None => Ok(()),
        }
    }

    fn perform(&mut self, index: usize, effect: Effect) {
        self.story.say(|| format!("device {index}     asks: {}", words::effect(&effect)));
        match self.planted.effect(index, effect) {
            Effect::Report(notice) => self.report(index, &notice),
            Effect::Send(message) => self.send(index, message),
            Effect::Disconnect => self.disconnect(index),
            effect @ (Effect::Look { .. }
            | Effect::Hash { .. }
            | Effect::HashStart { .. }
            | Effect::Upload { .. }
            | Effect::Fetch { .. }
            | Effect::Change { .. }
            | Effect::Save { .. }
            | Effect::Connect) => self.begin_task(index, effect),
        }
    }

    fn report(&mut self, index: usize, notice: &Notice) {
        match notice {
            Notice::Halted(why) => self.witness.halted(index, why),
            Notice::Merging(reason) => self.witness.merging(*reason),
            Notice::Happened { .. }
            | Notice::ConflictCopy { .. }
            | Notice::DeletionsHeld { .. } => {}
        }
    }
}

/// Bit by bit: the devices whose users do anything.
fn inhabited(steps: &[UserStep], devices: usize) -> u8 {
    steps.iter().fold(0, |bits, step| bits | 1 << (usize::from(step.device) % devices))
}
