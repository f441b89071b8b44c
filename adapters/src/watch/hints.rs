//! What was heard and not yet handed on: each path once.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use notify::event::{AccessKind, AccessMode, EventKind, ModifyKind, RenameMode};
use onefold_core::client::event::{Event, Hint};
use onefold_core::name::{InvalidName, Name, RelPath};

use super::lock;

/// More paths than this become one overflow of the root: to look at all of it costs less memory.
const MAX_HINTS: usize = 100_000;

/// A set of hints that one thread fills and another takes from.
pub(super) struct Hints {
    root: PathBuf,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    overflowed: BTreeSet<RelPath>,
    hints: BTreeMap<RelPath, bool>,
    closed: bool,
}

impl Hints {
    pub(super) fn new(root: &Path) -> Self {
        Self { root: root.to_owned(), state: Mutex::default(), changed: Condvar::new() }
    }

    /// Nobody will take any more.
    pub(super) fn close(&self) {
        lock(&self.state).closed = true;
        self.changed.notify_all();
    }

    /// Something may have changed at a path.
    pub(super) fn hint(&self, path: RelPath, closed: bool) {
        let mut state = lock(&self.state);
        *state.hints.entry(path).or_default() |= closed;
        let too_many = state.hints.len() > MAX_HINTS;
        drop(state);
        if too_many {
            self.overflow(RelPath::root());
        }
        self.changed.notify_all();
    }

    /// All below a path is to be looked at again.
    pub(super) fn overflow(&self, path: RelPath) {
        let mut state = lock(&self.state);
        if path.names().is_empty() {
            state.hints.clear();
            state.overflowed.clear();
        }
        state.overflowed.insert(path);
        drop(state);
        self.changed.notify_all();
    }

    /// Waits for hints, and takes them all, overflows first; empty once it has waited for so long
    /// since it was called, `None` when closed.
    pub(super) fn next(&self, patience: Duration) -> Option<Vec<Event>> {
        let end = Instant::now() + patience;
        let mut state = lock(&self.state);
        while state.hints.is_empty() && state.overflowed.is_empty() && !state.closed {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Some(Vec::new());
            }
            let waited = self.changed.wait_timeout(state, left);
            (state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        }
        if state.closed {
            return None;
        }
        let overflowed = std::mem::take(&mut state.overflowed).into_iter().map(Event::Overflowed);
        let hints = std::mem::take(&mut state.hints).into_iter();
        let hints = hints.map(|(path, closed)| Event::Hinted(Hint { path, closed }));
        Some(overflowed.chain(hints).collect())
    }

    /// Takes in what notify says.
    pub(super) fn take_in(&self, event: &notify::Event) {
        if event.need_rescan() {
            return self.overflow(RelPath::root());
        }
        let renamed_to = event.kind == EventKind::Modify(ModifyKind::Name(RenameMode::To));
        let closed = match event.kind {
            EventKind::Access(AccessKind::Close(AccessMode::Write)) => true,
            EventKind::Access(_) => return,
            // Told before, as two events.
            EventKind::Modify(ModifyKind::Name(RenameMode::Both)) => return,
            EventKind::Any
            | EventKind::Create(_)
            | EventKind::Modify(_)
            | EventKind::Remove(_)
            | EventKind::Other => renamed_to,
        };
        for path in &event.paths {
            let Some(relative) = self.place(path) else { continue };
            // The watches of a directory, and of all below it, went with its old name.
            if renamed_to && path.symlink_metadata().is_ok_and(|meta| meta.is_dir()) {
                self.overflow(relative.clone());
            }
            self.hint(relative, closed);
        }
    }

    /// Where an event's path is below the root, or the nearest directory above it if a name is none
    /// of ours; `None` in the client's own directory.
    fn place(&self, path: &Path) -> Option<RelPath> {
        let mut names = Vec::new();
        for component in path.strip_prefix(&self.root).ok()?.components() {
            match Name::new(component.as_os_str().as_encoded_bytes()) {
                Ok(name) => names.push(name),
                Err(InvalidName::Reserved) => return None,
                Err(
                    InvalidName::Empty
                    | InvalidName::TooLong
                    | InvalidName::Separator
                    | InvalidName::Dots,
                ) => break,
            }
        }
        Some(RelPath::new(names))
    }
}
