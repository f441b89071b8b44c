//! Hints of what may have changed on the disk, from the system's watcher (notify: inotify).
//!
//! Each directory is watched by itself, before it is listed. Events are drained on the watcher's own
//! thread into a set without bound that holds each path once, so that the system's queue does not
//! overflow while the engine is busy. They say where to look, never what is there: a lost, late or
//! doubled one does no harm. The system's limit of watches is shared by all of a user's programs: a
//! part of it is left to them, and what is then unwatched is told, to be looked at from time to time;
//! so is all of a network filesystem, whose other users' changes nothing here hears of.
//! The client's own directory is left out, but for the close of a displaced
//! file, which is for the disk's sweep.

mod limits;

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use notify::event::{AccessKind, AccessMode, EventKind, ModifyKind, RenameMode};
use notify::{Config, ErrorKind, EventHandler, RecommendedWatcher, RecursiveMode, Watcher as _};
use onefold_core::client::event::{Event, Hint};
use onefold_core::name::{InvalidName, Name, RelPath};
use tokio::sync::Notify;

use limits::Budget;

/// More paths than this are told as one overflow of the root: to look at all of it costs less.
const MAX_HINTS: usize = 100_000;

/// Watches the directories below a root.
pub struct Watcher {
    /// Counted and asked for in one step, so that no other thread's watch comes in between.
    inner: Mutex<(RecommendedWatcher, Budget)>,
    shared: Arc<Shared>,
    root: PathBuf,
    /// The root's device and inode numbers when it was first watched.
    identity: Option<(u64, u64)>,
    /// How many watches the system allows.
    limit: u64,
    /// Why all of it is looked at from time to time.
    network: Option<String>,
}

/// What was heard since the last time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Heard {
    /// For the engine: overflows first, then hints.
    pub events: Vec<Event>,
    /// A displaced file was closed after writing: sweep the disk now.
    pub sweep: bool,
}

/// Whether a directory is watched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Watched {
    /// Changes in it will be heard.
    Yes,
    /// It went away meanwhile: a normal event.
    Gone,
    /// It has to be looked at from time to time; the text says why, and what to do.
    Poll(String),
}

impl Watcher {
    /// A watcher of nothing yet. The root is an absolute path without links. The error is in words.
    pub fn new(root: &Path) -> Result<Self, String> {
        Self::with_limit(root, limits::watches())
    }

    /// The same where the system allows so many watches.
    pub fn with_limit(root: &Path, limit: u64) -> Result<Self, String> {
        let shared = Arc::new(Shared { root: root.to_owned(), ..Shared::default() });
        let handler = Handler(shared.clone());
        let config = Config::default().with_follow_symlinks(false);
        let inner = RecommendedWatcher::new(handler, config)
            .map_err(|error| format!("changes cannot be watched for: {}", plain(&error)))?;
        let inner = Mutex::new((inner, Budget::new(limit)));
        let network = limits::network(root);
        let (identity, root) = (identity(root), root.to_owned());
        Ok(Self { inner, shared, root, identity, limit, network })
    }

    /// Watches a directory, from before this returns. A directory that was renamed has to be watched
    /// anew; an overflow tells of it.
    pub fn watch_directory(&self, dir: &RelPath) -> Watched {
        let path = absolute(&self.root, dir);
        let watched = self.watched(self.watch(&path));
        let mut state = self.shared.state();
        match watched {
            Watched::Yes => {
                state.unwatched.remove(dir);
            }
            Watched::Gone => {}
            Watched::Poll(_) => {
                state.unwatched.insert(dir.clone());
            }
        }
        watched
    }

    /// Asks the system for a watch, unless that would be one of those that are left to others. No
    /// other lock may be held: the system's events are taken in on another thread meanwhile.
    fn watch(&self, path: &Path) -> notify::Result<()> {
        let (inner, budget) = &mut *lock(&self.inner);
        if !budget.take() {
            return Err(notify::Error::new(ErrorKind::MaxFilesWatch));
        }
        inner.watch(path, RecursiveMode::NonRecursive)
    }

    fn watched(&self, result: notify::Result<()>) -> Watched {
        let Err(error) = result else {
            // On a network what this machine's programs do is heard, and nothing else.
            return self.network.clone().map_or(Watched::Yes, Watched::Poll);
        };
        match &error.kind {
            ErrorKind::PathNotFound => Watched::Gone,
            ErrorKind::Io(io) if io.kind() == std::io::ErrorKind::NotFound => Watched::Gone,
            ErrorKind::MaxFilesWatch => Watched::Poll(limit_reached(self.limit)),
            _ => Watched::Poll(format!("changes cannot be watched for: {}", plain(&error))),
        }
    }

    /// Watches the directory of displaced files, so that a late writer's close is heard at once.
    pub fn watch_displaced(&self) {
        let path = self.root.join(DISPLACED);
        // Without it, a later sweep finds the same.
        let _ = self.watch(&path);
    }

    /// The directories that could not be watched, to be looked at from time to time.
    pub fn unwatched(&self) -> Vec<RelPath> {
        self.shared.state().unwatched.iter().cloned().collect()
    }

    /// Whether the root is still what it was. A filesystem that is unmounted lazily, as a busy one
    /// is when its disk is unplugged, lives on below the watches, and no event tells of it. Blocks.
    pub fn root_stays(&self) -> bool {
        identity(&self.root) == self.identity
    }

    /// Waits until there is something to take. May be dropped and called again.
    pub async fn heard(&self) {
        loop {
            let notified = self.shared.notify.notified();
            if self.shared.state().has_something() {
                return;
            }
            notified.await;
        }
    }

    /// Takes all that was heard.
    pub fn take_all(&self) -> Heard {
        let mut state = self.shared.state();
        let mut events: Vec<_> =
            std::mem::take(&mut state.overflowed).into_iter().map(Event::Overflowed).collect();
        let hints = std::mem::take(&mut state.hints);
        events.extend(hints.into_iter().map(|(path, closed)| Event::Hinted(Hint { path, closed })));
        Heard { events, sweep: std::mem::take(&mut state.sweep) }
    }
}

const DISPLACED: &str = ".onefold/displaced";

fn limit_reached(limit: u64) -> String {
    let raised = (limit * 8).max(1_048_576);
    format!(
        "there are more directories than the {limit} that the system lets programs of one user \
         watch: the others are looked at every half minute, so that changes in them are noticed \
         later. To raise the limit: sysctl fs.inotify.max_user_watches={raised}"
    )
}

#[derive(Default)]
struct Shared {
    root: PathBuf,
    state: Mutex<State>,
    notify: Notify,
}

#[derive(Default)]
struct State {
    overflowed: BTreeSet<RelPath>,
    hints: BTreeMap<RelPath, bool>,
    sweep: bool,
    unwatched: BTreeSet<RelPath>,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }
}

impl State {
    fn has_something(&self) -> bool {
        self.sweep || !self.hints.is_empty() || !self.overflowed.is_empty()
    }

    fn hint(&mut self, path: RelPath, closed: bool) {
        *self.hints.entry(path).or_default() |= closed;
        if self.hints.len() > MAX_HINTS {
            self.overflow(RelPath::root());
        }
    }

    /// All below the path is to be looked at: hints there say nothing more.
    fn overflow(&mut self, path: RelPath) {
        if path.names().is_empty() {
            self.hints.clear();
            self.overflowed.clear();
        }
        self.overflowed.insert(path);
    }
}

struct Handler(Arc<Shared>);

impl EventHandler for Handler {
    fn handle_event(&mut self, event: notify::Result<notify::Event>) {
        let mut state = self.0.state();
        match event {
            Ok(event) if event.need_rescan() => state.overflow(RelPath::root()),
            Ok(event) => take_in(&self.0.root, &mut state, &event),
            // Whatever it was, something may have been missed.
            Err(_) => state.overflow(RelPath::root()),
        }
        let something = state.has_something();
        drop(state);
        if something {
            self.0.notify.notify_waiters();
        }
    }
}

fn take_in(root: &Path, state: &mut State, event: &notify::Event) {
    let closed = match event.kind {
        EventKind::Access(AccessKind::Close(AccessMode::Write))
        | EventKind::Modify(ModifyKind::Name(RenameMode::To)) => true,
        EventKind::Access(_) => return,
        // Told before as two events.
        EventKind::Modify(ModifyKind::Name(RenameMode::Both)) => return,
        EventKind::Any
        | EventKind::Create(_)
        | EventKind::Modify(_)
        | EventKind::Remove(_)
        | EventKind::Other => false,
    };
    for path in &event.paths {
        match place(root, path) {
            Place::In(relative) => {
                // Its watches went with its old name, and those of all below it.
                let moved =
                    matches!(event.kind, EventKind::Modify(ModifyKind::Name(RenameMode::To)));
                if moved && path.symlink_metadata().is_ok_and(|meta| meta.is_dir()) {
                    state.overflow(relative.clone());
                }
                state.hint(relative, closed);
            }
            Place::Own if closed && path.parent() == Some(&root.join(DISPLACED)) => {
                // The records beside the files are written by the disk itself.
                state.sweep |= path.extension().is_none_or(|extension| extension != "intent");
            }
            Place::Own | Place::Outside => {}
        }
    }
}

/// Where an event's path is.
enum Place {
    /// Below the root; the nearest directory above, if the name is none of ours.
    In(RelPath),
    /// In the client's own directory.
    Own,
    Outside,
}

fn place(root: &Path, path: &Path) -> Place {
    let Ok(relative) = path.strip_prefix(root) else { return Place::Outside };
    let mut names = Vec::new();
    for component in relative.components() {
        match Name::new(component.as_os_str().as_encoded_bytes()) {
            Ok(name) => names.push(name),
            Err(InvalidName::Reserved) => return Place::Own,
            Err(_) => break,
        }
    }
    Place::In(RelPath::new(names))
}

fn identity(root: &Path) -> Option<(u64, u64)> {
    let meta = root.symlink_metadata().ok()?;
    Some((meta.dev(), meta.ino()))
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
        ErrorKind::Io(error) => {
            error.to_string().split(" (os error").next().unwrap_or_default().to_owned()
        }
        _ => error.to_string(),
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
