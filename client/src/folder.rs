//! A folder that runs: its driver, and the two tasks that keep what the driver tells.

use std::fs;
use std::sync::Arc;
use std::time::Duration;

use onefold_core::client::event::Notice;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use crate::arms::{self, Log};
use crate::clock::{Clock, local_minute};
use crate::console;
use crate::devices::Devices;
use crate::driver::{Command, Driver, Freshness, Snapshot, Workers};
use crate::error::Trouble;
use crate::history::{self, Change};
use crate::home::{Home, replace};
use crate::linked::Linked;
use crate::status::FolderStatus;

/// How often the status is kept, for when no client runs.
const KEEP_STATUS_EVERY: Duration = Duration::from_secs(1);
/// Notices that wait to be written down.
const NOTICES_WAITING: usize = 1024;
/// How long a driver may take to stop, and then its notices to be written down.
const STOP_PATIENCE: [Duration; 2] = [Duration::from_millis(3_500), Duration::from_millis(500)];

/// A folder that runs.
#[derive(Debug)]
pub struct Running {
    linked: Linked,
    guard: String,
    commands: mpsc::Sender<Command>,
    snapshots: watch::Receiver<Snapshot>,
    driver: JoinHandle<()>,
    keepers: [JoinHandle<()>; 2],
}

impl Running {
    /// Opens a folder and runs it.
    pub async fn start(home: &Home, linked: &Linked) -> Result<Self, Trouble> {
        let (notices, to_keep) = mpsc::channel(NOTICES_WAITING);
        let arms = arms::open(home, linked, notices).await?;
        let devices = Devices::new(Arc::clone(&arms.ports.transfer), linked);
        let (commands, asked) = mpsc::channel(16);
        let (tell, snapshots) = watch::channel(Snapshot::default());
        let clock = Clock::new(local_minute);
        let driver = Driver::new(arms.client, clock, Workers::Threads, arms.ports, asked, tell);
        let keepers = [
            tokio::spawn(keep_notices(arms.log, devices, to_keep)),
            tokio::spawn(keep_status(
                home.clone(),
                linked.clone(),
                arms.guard.clone(),
                snapshots.clone(),
            )),
        ];
        Ok(Self {
            linked: linked.clone(),
            guard: arms.guard,
            commands,
            snapshots,
            driver: tokio::spawn(driver.run()),
            keepers,
        })
    }

    /// Stops it, within a few seconds also in the middle of a transfer.
    pub async fn stop(self) {
        let [patience, keepers_patience] = STOP_PATIENCE;
        let _ = self.commands.send(Command::Stop).await;
        if timeout(patience, self.driver).await.is_err() {
            tracing::warn!("{} did not stop in time", self.linked.root.display());
        }
        for keeper in self.keepers {
            let _ = timeout(keepers_patience, keeper).await;
        }
    }

    /// Whether its driver ended, which it does only by an internal error.
    pub fn is_dead(&self) -> bool {
        self.driver.is_finished()
    }

    /// Where it stands.
    pub fn status(&self) -> FolderStatus {
        let snapshot = self.snapshots.borrow();
        let status = FolderStatus::of_running(&self.linked, &self.guard, &snapshot);
        match self.is_dead() {
            true => status.troubled(&Trouble::bug("the folder's driver ended")),
            false => status,
        }
    }

    /// What its driver tells from now on.
    pub fn snapshots(&self) -> watch::Receiver<Snapshot> {
        self.snapshots.clone()
    }

    /// What its driver can be asked by.
    pub fn commands(&self) -> mpsc::Sender<Command> {
        self.commands.clone()
    }
}

/// Has a driver look at everything again; from when on its word then counts.
pub async fn rescan(commands: &mpsc::Sender<Command>) -> Freshness {
    let (asked, answer) = oneshot::channel();
    let _ = commands.send(Command::Rescan(asked)).await;
    // A driver that died tells nothing any more: what waits for its word notices by itself.
    answer.await.unwrap_or_default()
}

/// Where a folder that does not run stood when it last did.
pub fn last_status(home: &Home, linked: &Linked) -> FolderStatus {
    let kept = fs::read(home.folder(linked.device).join("status.json")).ok();
    let kept: Option<FolderStatus> = kept.and_then(|bytes| serde_json::from_slice(&bytes).ok());
    kept.unwrap_or_else(|| FolderStatus::new(linked)).ended(linked.paused)
}

/// Forgets a folder that does not run; every file of it stays.
pub fn unlink(home: &Home, linked: &Linked) -> Result<(), Trouble> {
    home.forget(linked.device)?;
    arms::unmark(linked);
    Ok(())
}

/// Writes down what happened, and says it on the terminal.
async fn keep_notices(log: Log, mut devices: Devices, mut notices: mpsc::Receiver<Notice>) {
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
        Notice::Halted(reason) => console::warn(format_args!(
            "syncing stopped: {reason}. Every file is as it was. `onefold status` says more."
        )),
    }
}

/// Keeps the status for when no client runs; what did not change is not written.
async fn keep_status(
    home: Home,
    linked: Linked,
    guard: String,
    mut snapshots: watch::Receiver<Snapshot>,
) {
    let path = home.folder(linked.device).join("status.json");
    let mut kept = fs::read(&path).unwrap_or_default();
    loop {
        let ended = snapshots.changed().await.is_err();
        let status = FolderStatus::of_running(&linked, &guard, &snapshots.borrow_and_update());
        let bytes = serde_json::to_vec(&status).expect("a status is text and numbers");
        if bytes != kept {
            if let Err(error) = replace(&path, &bytes) {
                tracing::warn!("the status could not be kept: {error}");
            }
            kept = bytes;
        }
        if ended {
            return;
        }
        sleep(KEEP_STATUS_EVERY).await;
    }
}
