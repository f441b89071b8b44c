//! The real arms of a folder's ports: its disk, its database, its server, opened for the driver.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Weak};

use onefold_adapters::disk::{self, Counts, Link, OpenError, RealDisk};
use onefold_adapters::http::HttpTransfer;
use onefold_adapters::limit::Limits;
use onefold_adapters::meter::Meter;
use onefold_adapters::trees::SqliteTrees;
use onefold_adapters::watch::Watcher;
use onefold_adapters::ws::WsConnector;
use onefold_core::client::event::Notice;
use onefold_core::client::{ASK_FROM_FILES, Client, Config};
use tokio::sync::{Notify, mpsc};
use tokio::task::JoinSet;

use crate::driver::Ports;
use crate::error::Trouble;
use crate::history::Log;
use crate::home::Home;
use crate::linked::Linked;
use crate::restore::restore;
use crate::sweeper::{Sweeper, label};
use crate::watching::{Watching, pass_on};

/// Hints that wait for the engine; more of them wait in the kernel.
const HINTS_WAITING: usize = 4096;

/// A folder that is open, and an engine for it.
pub struct Arms {
    /// What the driver works with.
    pub ports: Ports<RealDisk, SqliteTrees, HttpTransfer, WsConnector, Watching>,
    /// The engine, as it was saved.
    pub client: Client,
    /// Where notices are written down.
    pub log: Log,
    /// What is told of this disk.
    pub disk: DiskWords,
    /// Counts what moves.
    pub meter: Meter,
    /// What runs beside the driver until it ends: looks after files that were displaced, and passes
    /// on what the watcher hears.
    pub upkeep: JoinSet<()>,
}

/// What is told of a folder's disk, as it is when it is asked. It keeps nothing open.
#[derive(Clone)]
pub struct DiskWords {
    guard: String,
    disk: Weak<RealDisk>,
    watching: Weak<Watching>,
}

impl DiskWords {
    /// Of a disk that is not there.
    #[cfg(test)]
    pub fn example(guard: &str) -> Self {
        Self { guard: guard.to_owned(), disk: Weak::new(), watching: Weak::new() }
    }

    /// The disk itself, while it is open.
    pub fn disk(&self) -> Option<Arc<RealDisk>> {
        self.disk.upgrade()
    }

    /// What protects files on it.
    pub fn guard(&self) -> String {
        self.disk.upgrade().map_or_else(|| self.guard.clone(), |disk| disk.guard_in_words())
    }

    /// How often it had to step in.
    pub fn counts(&self) -> Counts {
        self.disk.upgrade().map(|disk| disk.counts()).unwrap_or_default()
    }

    /// Why some of it is only looked at from time to time, if some is.
    pub fn polled(&self) -> Option<String> {
        self.watching.upgrade()?.polled()
    }
}

impl fmt::Debug for DiskWords {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.guard)
    }
}

/// Opens a folder that was linked.
pub async fn open(
    home: &Home,
    linked: &Linked,
    notices: mpsc::Sender<Notice>,
    limits: &Limits,
) -> Result<Arms, Trouble> {
    let disk = Arc::new(open_disk(linked, Link::Existing).await?);
    let (events, hints) = mpsc::channel(HINTS_WAITING);
    let watcher = Arc::new(Watcher::new(disk.path()).map_err(|error| {
        Trouble::unchanged(
            format_args!("{} cannot be synced: {error}", linked.root.display()),
            "Raise the limits of inotify (sysctl fs.inotify.max_user_instances), and try again",
        )
    })?);
    watcher.watch_displaced();
    let written_late = Arc::new(Notify::new());
    let sweeper = Sweeper::new(&disk, linked, events.clone(), Arc::clone(&written_late));
    let passing_on = pass_on(Arc::clone(&watcher), events, written_late);
    let guard = disk.guard();
    let mut seed = [0; 32];
    getrandom::fill(&mut seed).map_err(Trouble::bug)?;
    let device_name = linked.device_name.clone();
    let config = Config {
        device_name,
        seed,
        folding: guard.folding,
        has_modes: guard.modes,
        ask_from_files: ASK_FROM_FILES,
    };
    let (trees, client) = restore(home, linked, &config).await?;
    let trees = Arc::new(trees);
    let meter = Meter::default();
    let transfer = HttpTransfer::new(&linked.server, &linked.token).map_err(Trouble::bug)?;
    let transfer = transfer.paced(limits, &meter);
    let connector = WsConnector::new(&linked.server, &linked.token).map_err(Trouble::bug)?;
    let connector = connector.metered(&meter);
    let watching = Arc::new(Watching::new(watcher));
    let words = DiskWords {
        guard: guard.to_string(),
        disk: Arc::downgrade(&disk),
        watching: Arc::downgrade(&watching),
    };
    let ports = Ports {
        disk,
        trees: Arc::clone(&trees),
        transfer: Arc::new(transfer),
        connector: Arc::new(connector),
        watcher: watching,
        hints,
        notices,
    };
    let log = Log::new(trees);
    let mut upkeep = JoinSet::new();
    upkeep.spawn(sweeper.run());
    upkeep.spawn(passing_on);
    Ok(Arms { ports, client, log, disk: words, meter, upkeep })
}

/// The directory in a root that is the client's own.
pub fn own_directory(root: &Path) -> PathBuf {
    root.join(disk::OWN)
}

/// What tells that a directory is the root of a linked folder.
pub fn mark_file(root: &Path) -> PathBuf {
    own_directory(root).join("folder")
}

/// Marks a root that is linked now, so that it is known again.
pub async fn mark(linked: &Linked) -> Result<(), Trouble> {
    open_disk(linked, Link::Create).await.map(drop)
}

/// Removes the mark of a root that was linked. What was set aside there for a while stays.
pub fn unmark(linked: &Linked) {
    // A root that is not there now may keep its mark: joining it again says what to do.
    let _ = fs::remove_file(mark_file(&linked.root));
}

/// Opens the disk of a folder.
pub async fn open_disk(linked: &Linked, link: Link) -> Result<RealDisk, Trouble> {
    let (root, folder, label) = (linked.root.clone(), linked.folder, label(linked));
    let open = move || RealDisk::open(&root, folder, link, &label);
    let opened = tokio::task::spawn_blocking(open).await.map_err(Trouble::bug)?;
    opened.map_err(|error| in_words(&error))
}

/// An error of the disk says what was kept and what to do by itself.
fn in_words(error: &OpenError) -> Trouble {
    let text = error.to_string();
    let (what, advice) = text.split_once(". Nothing was changed").unwrap_or((&text, ""));
    let advice = advice.trim_start_matches(['.', ' ', ',']);
    Trouble::unchanged(what, if advice.is_empty() { "Try again" } else { advice })
}
