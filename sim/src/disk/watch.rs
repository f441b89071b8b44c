//! The watcher: hints of what to look at, for directories that are watched.
//!
//! Events queue up until the world delivers them; it may drop, double, reorder or overflow them. A
//! watch stays with its directory's inode through renames, as inotify's does.

use std::collections::{BTreeSet, VecDeque};

use onefold_core::client::event::Hint;
use onefold_core::name::{Name, RelPath};

use super::{Disk, Number};

/// What the watcher says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WatchEvent {
    /// Something may have changed here.
    Hint(Hint),
    /// Events below this were lost.
    Overflow(RelPath),
}

/// What is watched, and what waits to be told.
#[derive(Debug, Default)]
pub struct Watcher {
    watched: BTreeSet<Number>,
    queue: VecDeque<WatchEvent>,
}

impl Watcher {
    /// The directory is gone, and with it the watch.
    pub(super) fn forget(&mut self, number: Number) {
        self.watched.remove(&number);
    }
}

impl Disk {
    /// Watches a directory.
    pub(super) fn watch(&mut self, directory: Number) {
        self.watcher.watched.insert(directory);
    }

    /// Something happened to a name in a directory.
    pub(super) fn hint(&mut self, directory: Number, name: &Name, closed: bool) {
        if !self.watcher.watched.contains(&directory) {
            return;
        }
        if let Some(path) = self.path_of(directory) {
            let hint = Hint { path: path.join(name.clone()), closed };
            self.watcher.queue.push_back(WatchEvent::Hint(hint));
        }
    }

    /// How many events wait.
    pub fn waiting_events(&self) -> usize {
        self.watcher.queue.len()
    }

    /// Takes an event out of the queue, usually the first.
    pub fn take_event(&mut self, index: usize) -> Option<WatchEvent> {
        self.watcher.queue.remove(index)
    }

    /// Puts an event at the end once more.
    pub fn double_event(&mut self, index: usize) {
        if let Some(event) = self.watcher.queue.get(index).cloned() {
            self.watcher.queue.push_back(event);
        }
    }

    /// Puts an event behind all others.
    pub fn delay_event(&mut self, index: usize) {
        let event = self.watcher.queue.remove(index);
        self.watcher.queue.extend(event);
    }

    /// Loses all that waits, and says so.
    pub fn overflow(&mut self) {
        self.watcher.queue.clear();
        self.tell_overflow();
    }

    /// Says that something was lost.
    pub fn tell_overflow(&mut self) {
        self.watcher.queue.push_back(WatchEvent::Overflow(RelPath::root()));
    }

    /// The client that watched is gone.
    pub fn unwatch(&mut self) {
        self.watcher = Watcher::default();
    }
}
