//! A folder that runs: its driver, and the tasks that keep what the driver tells.

use std::fs;
use std::io;
use std::time::Duration;

use onefold_core::client::{Client, Config, DamagedState};
use onefold_core::client::event::Notice;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::arms::{self, Arms, Log};
use crate::clock::{Clock, local_minute};
use crate::console;
use crate::driver::{Command, Driver, Freshness, Snapshot, Workers};
use crate::error::Trouble;
use crate::history::LogLine;
use crate::home::{Home, replace};
use crate::linked::Linked;
use crate::status::FolderStatus;

/// How often the status is kept for when no client runs.
const KEEP_STATUS_EVERY: Duration = Duration::from_secs(1);
/// Notices that wait to be written down.
const NOTICES_WAITING: usize = 1024;
/// How long a driver may take to stop, and its notices to be written down.
const STOP_PATIENCE: Duration = Duration::from_millis(4_500);

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
