//! A folder that runs: its driver, and the tasks beside it that keep what it tells.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use onefold_adapters::disk::RealDisk;
use onefold_adapters::limit::Limits;
use onefold_adapters::meter::Meter;
use onefold_adapters::trees::SqliteTrees;
use onefold_core::client::event::Notice;
use onefold_core::client::{Answer, Status, Why};
use onefold_core::name::RelPath;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{Instant, sleep, timeout};

use crate::arms::{self, Arms, DiskWords};
use crate::clock::{Clock, local_minute};
use crate::console;
use crate::devices::Devices;
use crate::driver::{Command, Driver, Freshness, Pulse, Snapshot, Workers};
use crate::error::Trouble;
use crate::explain::PathStatus;
use crate::history::{self, Change, Log};
use crate::home::{Home, replace};
use crate::linked::Linked;
use crate::news::News;
use crate::progress::Progress;
use crate::status::FolderStatus;

/// How often the status is kept for when no client runs; less often where that is much work.
const KEEP_STATUS_EVERY: Duration = Duration::from_secs(2);
/// A task is at rest at least so many times longer than it works.
const REST_FACTOR: u32 = 50;
/// Notices that wait to be written down.
const NOTICES_WAITING: usize = 1024;
/// How long a driver may take to stop.
const STOP_PATIENCE: Duration = Duration::from_millis(3_500);
/// How long the last notices may take to be written down.
const NOTICES_PATIENCE: Duration = Duration::from_millis(500);
/// How long the database may take to close.
const CLOSE_PATIENCE: Duration = Duration::from_millis(500);

/// What all folders of a home share.
#[derive(Clone, Debug, Default)]
pub struct Shared {
    /// How fast contents may move.
    pub limits: Limits,
    /// Tells whoever looks that something changed.
    pub news: News,
}

/// A folder that runs.
#[derive(Debug)]
pub struct Running {
    keeper: StatusKeeper,
    commands: mpsc::Sender<Command>,
    pulses: watch::Receiver<Pulse>,
    meter: Meter,
    devices: Arc<Devices>,
    driver: JoinHandle<Snapshot>,
    trees: Arc<SqliteTrees>,
    notices: JoinHandle<()>,
    /// Ended with this.
    upkeep: JoinSet<()>,
}

impl Running {
    /// Opens a folder and runs it.
    pub async fn start(home: &Home, linked: &Linked, shared: &Shared) -> Result<Self, Trouble> {
        let (notices, to_keep) = mpsc::channel(NOTICES_WAITING);
        let Arms { ports, client, log, disk, meter, mut upkeep } =
            arms::open(home, linked, notices, &shared.limits).await?;
        let devices = Devices::new(Arc::clone(&ports.transfer), linked, &shared.news);
        let trees = Arc::clone(&ports.trees);
        let (commands, asked) = mpsc::channel(16);
        let (tell, pulses) = watch::channel(Pulse::default());
        let clock = Clock::new(local_minute);
        let driver = Driver::new(client, clock, Workers::Threads, ports, asked, tell);
        let keeper = StatusKeeper::new(home, linked, disk);
        upkeep.spawn(keeper.clone().run(commands.clone(), pulses.clone()));
        upkeep.spawn(shared.news.clone().of_folder(pulses.clone(), meter.clone()));
        let driver = tokio::spawn(driver.run());
        let notices =
            tokio::spawn(keep_notices(log, Arc::clone(&devices), to_keep, shared.news.clone()));
        Ok(Self { keeper, commands, pulses, meter, devices, driver, trees, notices, upkeep })
    }

    /// Stops it, within a few seconds also in the middle of a transfer.
    pub async fn stop(mut self) {
        self.upkeep.shutdown().await;
        let _ = self.commands.send(Command::Stop).await;
        match timeout(STOP_PATIENCE, self.driver).await {
            Ok(Ok(snapshot)) => self.keeper.keep(&snapshot),
            Ok(Err(error)) => tracing::warn!("a driver had ended by an internal error: {error}"),
            Err(_) => tracing::warn!("{} did not stop in time", self.keeper.linked.root.display()),
        }
        let _ = timeout(NOTICES_PATIENCE, self.notices).await;
        // What is not closed leaves its log behind, to be read back at the next start.
        let _ = timeout(CLOSE_PATIENCE, self.trees.close()).await;
    }

    /// Whether its driver ended, which it does by itself only by an internal error.
    pub fn is_dead(&self) -> bool {
        self.driver.is_finished()
    }

    /// What can be asked about it, without holding it.
    pub fn asker(&self) -> Asker {
        let Self { keeper, commands, pulses, meter, devices, .. } = self;
        Asker {
            keeper: keeper.clone(),
            meter: meter.clone(),
            devices: Arc::clone(devices),
            commands: commands.clone(),
            pulses: pulses.clone(),
        }
    }
}

/// Asks a running folder.
#[derive(Clone, Debug)]
pub struct Asker {
    keeper: StatusKeeper,
    meter: Meter,
    devices: Arc<Devices>,
    /// What its driver can be asked by.
    pub commands: mpsc::Sender<Command>,
    /// What its driver tells.
    pub pulses: watch::Receiver<Pulse>,
}

impl Asker {
    /// Where it stands.
    pub async fn status(&self) -> FolderStatus {
        let StatusKeeper { linked, disk, .. } = &self.keeper;
        match ask(&self.commands, Command::Tell).await {
            Some(snapshot) => FolderStatus {
                devices: self.devices.lines(snapshot.status.online).await,
                ..FolderStatus::of_running(linked, disk, &snapshot)
                    .with_progress(Progress::of(&self.meter, &snapshot.status))
            },
            None => FolderStatus::new(linked).troubled(&Trouble::bug("the folder's driver ended")),
        }
    }

    /// What there is to move, and how it goes; `None` if its driver ended.
    pub async fn moving(&self) -> Option<(Status, Progress)> {
        let Snapshot { status, .. } = ask(&self.commands, Command::Tell).await?;
        let progress = Progress::of(&self.meter, &status);
        Some((status, progress))
    }

    /// Why what stands at a path is, or is not, in sync.
    pub async fn explain(&self, path: &RelPath) -> Result<PathStatus, Trouble> {
        let (asked, explained) = oneshot::channel();
        let _ = self.commands.send(Command::Explain(path.clone(), asked)).await;
        let explained = explained.await.map_err(|_| Trouble::bug("the folder's driver ended"))?;
        let transfer = match &explained.why {
            Why::Moving(moving) => Some(Progress::transfer(&self.meter, moving)),
            _ => None,
        };
        let (linked, path) = (self.keeper.linked.clone(), path.clone());
        // The disk may be asked, too.
        let told = move || PathStatus::new(&linked, &path, true, &explained);
        let told = tokio::task::spawn_blocking(told).await.map_err(Trouble::bug)?;
        Ok(PathStatus { transfer, ..told })
    }

    /// Answers about its held deletions: how many there were.
    pub async fn answer(&self, answer: Answer) -> Result<usize, Trouble> {
        let (asked, held) = oneshot::channel();
        let sent = self.commands.send(Command::Answer(answer, asked)).await;
        let ended = || Trouble::bug("the folder's driver ended");
        sent.map_err(|_| ended())?;
        held.await.map_err(|_| ended())
    }

    /// Its disk, while it runs.
    pub fn disk(&self) -> Option<Arc<RealDisk>> {
        self.keeper.disk.disk()
    }

    /// Has it look at everything again; from when on its word then counts.
    pub async fn rescan(&self) -> Freshness {
        // A driver that ended tells nothing any more: who waits for its word notices by itself.
        ask(&self.commands, Command::Rescan).await.unwrap_or_default()
    }
}

/// Asks a driver something; `None` if it ended.
pub async fn ask<T>(
    commands: &mpsc::Sender<Command>,
    question: fn(oneshot::Sender<T>) -> Command,
) -> Option<T> {
    let (asked, answer) = oneshot::channel();
    commands.send(question(asked)).await.ok()?;
    answer.await.ok()
}

/// Where a folder that does not run stood when it last did.
pub fn last_status(home: &Home, linked: &Linked) -> FolderStatus {
    let kept = fs::read(status_file(home, linked)).ok();
    let kept: Option<FolderStatus> = kept.and_then(|bytes| serde_json::from_slice(&bytes).ok());
    kept.unwrap_or_else(|| FolderStatus::new(linked)).ended(linked.paused)
}

/// Whether a folder has run here, so that something must be known of it.
pub fn ran_before(home: &Home, linked: &Linked) -> bool {
    status_file(home, linked).exists()
}

/// Forgets a folder that does not run; every file of it stays.
pub fn unlink(home: &Home, linked: &Linked) -> Result<(), Trouble> {
    home.forget(linked.device)?;
    arms::unmark(linked);
    Ok(())
}

fn status_file(home: &Home, linked: &Linked) -> PathBuf {
    home.folder(linked.device).join("status.json")
}

/// Keeps the status for when no client runs; what did not change is not written.
#[derive(Clone, Debug)]
struct StatusKeeper {
    linked: Linked,
    disk: DiskWords,
    path: PathBuf,
}

impl StatusKeeper {
    fn new(home: &Home, linked: &Linked, disk: DiskWords) -> Self {
        Self { linked: linked.clone(), disk, path: status_file(home, linked) }
    }

    fn keep(&self, snapshot: &Snapshot) {
        let status = FolderStatus::of_running(&self.linked, &self.disk, snapshot);
        let bytes = serde_json::to_vec(&status).expect("a status is text and numbers");
        if fs::read(&self.path).is_ok_and(|kept| kept == bytes) {
            return;
        }
        if let Err(error) = replace(&self.path, &bytes) {
            tracing::warn!("the status could not be kept: {error}");
        }
    }

    async fn run(self, commands: mpsc::Sender<Command>, mut pulses: watch::Receiver<Pulse>) {
        let mut kept = Pulse::default();
        while pulses.changed().await.is_ok() {
            // That something was done is no reason to write: what came of it is.
            let pulse = Pulse { turns: 0, ..pulses.borrow_and_update().clone() };
            if pulse == kept {
                continue;
            }
            kept = pulse;
            let began = Instant::now();
            let Some(snapshot) = ask(&commands, Command::Tell).await else { return };
            self.keep(&snapshot);
            sleep(KEEP_STATUS_EVERY.max(began.elapsed() * REST_FACTOR)).await;
        }
    }
}

/// Writes down what happened, and says it on the terminal.
async fn keep_notices(
    log: Log,
    devices: Arc<Devices>,
    mut notices: mpsc::Receiver<Notice>,
    news: News,
) {
    let mut batch = Vec::new();
    while notices.recv_many(&mut batch, NOTICES_WAITING).await > 0 {
        let mut lines = Vec::with_capacity(batch.len());
        for notice in batch.drain(..) {
            devices.learn(&notice).await;
            say_notice(&notice);
            lines.extend(history::line(&notice, |device| devices.name(device)));
        }
        lines.iter().for_each(|line| console::say(Change::from(line)));
        if let Err(error) = log.append(lines).await {
            tracing::warn!("what happened could not be written to the log: {error}");
        }
        news.tell();
    }
}

/// Says what is no line of the log.
fn say_notice(notice: &Notice) {
    match notice {
        Notice::Happened { .. } => {}
        Notice::ConflictCopy { copy, beside } => {
            console::say(format_args!("kept a conflict copy of {beside}: {copy}"));
        }
        Notice::Merging(reason) => tracing::info!("both sides are merged: {reason:?}"),
        Notice::DeletionsHeld { files, of } => console::warn(format_args!(
            "{files} of {of} files were deleted here. They stay on the other devices until you say: \
             `onefold approve DIR` deletes them there, too; `onefold approve DIR --undo` brings \
             them back."
        )),
        Notice::Halted(reason) => console::warn(format_args!(
            "syncing stopped: {reason}. Every file is as it was. `onefold status` says more."
        )),
    }
}
