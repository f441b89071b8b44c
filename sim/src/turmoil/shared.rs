//! What all hosts of a run, and the run itself, share: disks, users, stores and the record.
//!
//! It lives outside turmoil's hosts, so it is there when they crash. All of a run happens on one
//! thread; the lock is for the ports' sake, which may be sent anywhere.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use onefold_adapters::blobs::MemoryBlobs;
use onefold_adapters::journal::{MemoryJournal, NewDevice};
use onefold_adapters::secret::Secret;
use onefold_adapters::trees::MemoryTrees;
use onefold_client::driver::Command;
use onefold_core::client::Status;
use onefold_core::client::event::Event;
use onefold_core::folding::Folding;
use onefold_core::hash::ContentId;
use onefold_core::id::{DeviceId, FolderId};
use onefold_core::time::FileTime;
use tokio::sync::mpsc;

use crate::disk::{Disk, Traits};
use crate::oracle::{Broken, Witness};
use crate::story::Story;
use crate::tape::Tape;
use crate::user::UserStep;
use crate::user::program::User;
use crate::user::script::Writer;

use super::case::{Case, Setting};
use super::fault::{Chances, Fault};

/// The one folder.
pub const FOLDER: FolderId = FolderId::from_bytes([7; 16]);

/// A device, with or without a client that runs.
#[derive(Debug)]
pub struct Device {
    /// Its disk.
    pub disk: Disk,
    /// Contents on their way into staging.
    pub partial: BTreeMap<ContentId, Vec<u8>>,
    /// What its engine saved.
    pub store: Arc<MemoryTrees>,
    /// Its user.
    pub user: User,
    /// Where its engine stands, as of the last event.
    pub status: Status,
    /// The running client's watcher tells its driver here.
    pub hints: Option<mpsc::Sender<Event>>,
    /// The running client is commanded here.
    pub commands: Option<mpsc::Sender<Command>>,
    /// Both sides were merged once.
    pub joined: bool,
    /// How many times the client was started.
    pub starts: u64,
    /// What its client was placing when it was killed, and has not seen to since: where a user moves
    /// that, nobody can tell what it is, and it is placed once more.
    pub unrecorded: BTreeSet<ContentId>,
    /// Its client was killed in the middle of a tick: it does nothing more.
    pub dying: bool,
    /// The network can be had.
    pub reachable: bool,
    /// The wall clock's error, in milliseconds.
    pub skew_ms: i64,
}

/// See the module.
#[derive(Debug)]
pub struct Shared {
    /// Devices, disks and the network.
    pub setting: Setting,
    /// The devices.
    pub devices: Vec<Device>,
    /// The server's database.
    pub journal: MemoryJournal,
    /// The server's packs.
    pub blobs: Arc<MemoryBlobs>,
    /// What is recorded of the run.
    pub story: Story,
    /// What the oracle is told.
    pub witness: Witness,
    /// How often small things go wrong.
    pub chances: Chances,
    /// By which numbers.
    pub draws: Tape,
    /// What users are still to do.
    pub steps: VecDeque<UserStep>,
    /// When the next of it is due.
    pub step_due_ms: u64,
    /// Since when the next of it waits.
    pub waiting_since_ms: u64,
    /// Makes up what users write.
    pub writer: Writer,
    /// How many events engines were told.
    pub events: u64,
    /// What was to happen to a device's host when this tick is over.
    pub deaths: Vec<(usize, Fault)>,
    now_ms: u64,
}

/// Everyone's handle on it.
#[derive(Clone, Debug)]
pub struct Handle(Arc<Mutex<Shared>>);

impl Handle {
    /// Holds it.
    pub fn lock(&self) -> MutexGuard<'_, Shared> {
        let mut shared = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(elapsed) = turmoil::sim_elapsed() {
            shared.set_now(u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX));
        }
        shared
    }

    /// Makes it.
    pub fn new(case: &Case, story: Story) -> Result<Self, Broken> {
        let setting = case.setting;
        let count = usize::from(setting.devices.clamp(1, 8));
        let has = |bits: u8, index: usize| bits >> index & 1 == 1;
        let cuts = |fault| matches!(fault, Fault::PowerCut { .. });
        let disk = |index| {
            let traits = Traits {
                folding: Folding {
                    case: has(setting.folds_case, index),
                    form: has(setting.folds_form, index),
                },
                decomposes: has(setting.folds_form & setting.decomposes, index),
                birth_times: !has(setting.no_births, index),
                leases: !has(setting.no_leases, index),
                power_cuts: case.strikes.iter().any(|strike| cuts(strike.fault)),
            };
            Disk::new(100 + index as u64, traits)
        };
        let mut shared = Shared {
            setting,
            devices: (0..count).map(|index| Device::new(disk(index))).collect(),
            journal: MemoryJournal::new(),
            blobs: Arc::default(),
            story,
            witness: Witness::new(count, setting.apart),
            chances: case.chances,
            draws: Tape::new(case.draws.clone()),
            steps: case.users.iter().copied().collect(),
            step_due_ms: 0,
            waiting_since_ms: 0,
            writer: Writer::default(),
            events: 0,
            deaths: Vec::new(),
            now_ms: 0,
        };
        shared.writer.large_in = setting.large_in;
        shared.found(count).map_err(|error| Broken::new("a server can be set up", error))?;
        Ok(Self(Arc::new(Mutex::new(shared))))
    }
}

impl Device {
    fn new(disk: Disk) -> Self {
        Self {
            disk,
            partial: BTreeMap::new(),
            store: Arc::new(MemoryTrees::new()),
            user: User::default(),
            status: Status::default(),
            hints: None,
            commands: None,
            joined: false,
            starts: 0,
            unrecorded: BTreeSet::new(),
            dying: false,
            reachable: true,
            skew_ms: 0,
        }
    }
}

impl Shared {
    /// The folder is there, and all devices have joined it.
    fn found(&mut self, count: usize) -> Result<(), String> {
        let mut store = self.journal.store();
        store.create_folder(FOLDER, "folder").map_err(|error| error.to_string())?;
        for index in 0..count {
            let (name, token) = (format!("device{index}"), token(index).hash());
            let device = NewDevice { id: device_id(index), name, token };
            store.add_device(FOLDER, true, device).map_err(|error| error.to_string())?;
        }
        Ok(())
    }

    /// The virtual time since the run's beginning.
    pub fn now_ms(&self) -> u64 {
        self.now_ms
    }

    /// Time goes on, for the record and for disks.
    pub fn set_now(&mut self, now_ms: u64) {
        self.now_ms = now_ms;
        self.story.set_time(now_ms);
    }

    /// Sets a filesystem's clock to the wall clock.
    pub fn set_disk_clock(&mut self, index: usize) {
        let now_ms = self.now_ms;
        let device = &mut self.devices[index];
        device.disk.set_clock(file_time(now_ms, device.skew_ms));
    }

    /// A wall clock jumps, and the filesystem's with it.
    pub fn jump_clock(&mut self, index: usize, by_ms: i64) {
        let now_ms = self.now_ms;
        let device = &mut self.devices[index];
        device.skew_ms += by_ms;
        device.disk.jump_clock(file_time(now_ms, device.skew_ms));
    }

    /// Whether something goes wrong that does so this many times in 1000.
    pub fn goes_wrong(&mut self, in_1000: u16) -> bool {
        in_1000 > 0 && self.draws.strikes(in_1000.into())
    }

    /// Where the journal stands.
    pub fn head(&self) -> u64 {
        self.journal.store().head(FOLDER).cursor.seq.get()
    }
}

/// A device's id.
pub fn device_id(index: usize) -> DeviceId {
    DeviceId::from_bytes([index as u8 + 1; 16])
}

/// A device's token.
pub fn token(index: usize) -> Secret {
    Secret::parse(&format!("{index:0>42}A")).expect("43 digits and letters are a secret")
}

fn file_time(now_ms: u64, skew_ms: i64) -> FileTime {
    let wall_ms = now_ms as i64 + skew_ms;
    FileTime {
        seconds: 1_700_000_000 + wall_ms.div_euclid(1000),
        nanoseconds: wall_ms.rem_euclid(1000) as u32 * 1_000_000,
    }
}
