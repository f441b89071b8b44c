//! Hints of what may have changed on the disk, from the system's watcher (notify: inotify).
//!
//! Each directory is watched by itself, before it is listed. Events are drained on the watcher's own
//! thread into a set that holds each path once, so that the system's queue does not overflow while
//! the engine is busy; a second thread hands them on. They say where to look, never what is there: a
//! lost, late or doubled one does no harm. The client's own directory is left out.
//!
//! A directory that cannot be watched, as when the system's limit is reached, is looked at from time
//! to time instead, by [`poll`].

mod hints;
mod poll;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use notify::{Config, ErrorKind, EventHandler, RecommendedWatcher, RecursiveMode};
use onefold_core::client::event::Event;
use onefold_core::name::RelPath;
use tokio::sync::mpsc;

use crate::port::Watcher;
use hints::Hints;
use poll::Polled;

/// How often directories that cannot be watched are looked at.
const POLL_EVERY: Duration = Duration::from_secs(10);

const LIMIT_REACHED: &str = "the system's limit of watched directories is reached, so it is looked \
     at every 10 seconds instead; to raise the limit: sysctl fs.inotify.max_user_watches=1048576";

/// Watches the directories below a root.
pub struct FolderWatcher {
    notify: Mutex<RecommendedWatcher>,
    hints: Arc<Hints>,
    polled: Arc<Polled>,
    root: PathBuf,
}

impl FolderWatcher {
    /// A watcher of nothing yet; what it sees goes up the channel. The error is in words.
    pub fn new(root: &Path, events: mpsc::Sender<Event>) -> Result<Self, String> {
        Self::with_interval(root, events, POLL_EVERY)
    }

    fn with_interval(
        root: &Path,
        events: mpsc::Sender<Event>,
        poll_every: Duration,
    ) -> Result<Self, String> {
        let words = |error: std::io::Error| plain_io(&error);
        let root = root.canonicalize().map_err(words)?;
        let hints = Arc::new(Hints::new(&root));
        let polled = Arc::new(Polled::default());
        let config = Config::default().with_follow_symlinks(false);
        let notify = <RecommendedWatcher as notify::Watcher>::new(Handler(hints.clone()), config)
            .map_err(|error| plain(&error))?;
        let (giver, poller, place) = (hints.clone(), polled.clone(), root.clone());
        std::thread::Builder::new()
            .name("hints".into())
            .spawn(move || hand_on(&giver, &poller, &place, &events, poll_every))
            .map_err(words)?;
        Ok(Self { notify: Mutex::new(notify), hints, polled, root })
    }

    /// How many directories are looked at from time to time, because they cannot be watched.
    pub fn polled(&self) -> usize {
        self.polled.len()
    }
}

impl Drop for FolderWatcher {
    fn drop(&mut self) {
        self.hints.close();
    }
}

impl Watcher for FolderWatcher {
    fn watch(&self, dir: &RelPath) -> Result<(), String> {
        let path = absolute(&self.root, dir);
        let result =
            notify::Watcher::watch(&mut *lock(&self.notify), &path, RecursiveMode::NonRecursive);
        let Err(error) = result else {
            self.polled.remove(dir);
            return Ok(());
        };
        let reason = match &error.kind {
            // It went away: the look that follows says so.
            ErrorKind::PathNotFound => return Ok(()),
            ErrorKind::Io(io) if io.kind() == std::io::ErrorKind::NotFound => return Ok(()),
            ErrorKind::MaxFilesWatch => LIMIT_REACHED.to_owned(),
            _ => plain(&error),
        };
        self.polled.add(&self.root, dir);
        Err(reason)
    }
}

/// Puts what notify says into the set.
struct Handler(Arc<Hints>);

impl EventHandler for Handler {
    fn handle_event(&mut self, event: notify::Result<notify::Event>) {
        match event {
            Ok(event) => self.0.take_in(&event),
            // Whatever it was, something may have been missed.
            Err(_) => self.0.overflow(RelPath::root()),
        }
    }
}

/// Hands on what was heard, as fast as it is taken, until nobody takes it any more.
fn hand_on(
    hints: &Hints,
    polled: &Polled,
    root: &Path,
    events: &mpsc::Sender<Event>,
    poll_every: Duration,
) {
    while let Some(heard) = hints.next(poll_every) {
        if heard.is_empty() {
            for path in polled.poll(root) {
                hints.hint(path, false);
            }
        }
        for event in heard {
            if events.blocking_send(event).is_err() {
                return;
            }
        }
    }
}

fn absolute(root: &Path, dir: &RelPath) -> PathBuf {
    use std::os::unix::ffi::OsStringExt;
    if dir.names().is_empty() {
        return root.to_owned();
    }
    root.join(std::ffi::OsString::from_vec(dir.to_bytes()))
}

fn plain(error: &notify::Error) -> String {
    match &error.kind {
        ErrorKind::Io(error) => plain_io(error),
        _ => error.to_string(),
    }
}

/// An error in the system's words, without its number.
fn plain_io(error: &std::io::Error) -> String {
    error.to_string().split(" (os error").next().unwrap_or_default().to_owned()
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
