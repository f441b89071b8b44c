//! The watcher's way into the driver: hints go to the engine, and a displaced file that was written
//! late goes to the sweeper.
//!
//! A directory that cannot be watched is looked at from time to time; that is told once. So is the
//! root, of whose going away no event may tell.

use std::collections::BTreeSet;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use onefold_adapters::port::Watcher;
use onefold_adapters::watch::{self, Watched};
use onefold_core::client::event::{Event, Hint};
use onefold_core::name::RelPath;
use tokio::sync::{Notify, mpsc};
use tokio::task::spawn_blocking;
use tokio::time::{MissedTickBehavior, interval};

use crate::console;

/// How often directories are looked at that cannot be watched.
const LOOK_EVERY: Duration = Duration::from_secs(30);
/// How often it is made sure that the root is still there: one call of `stat`.
const ROOT_EVERY: Duration = Duration::from_secs(5);

/// Watches a folder.
pub struct Watching {
    watcher: Arc<watch::Watcher>,
    told: OnceLock<String>,
}

impl Watching {
    /// By this watcher.
    pub fn new(watcher: Arc<watch::Watcher>) -> Self {
        Self { watcher, told: OnceLock::new() }
    }

    /// Why some directories are only looked at from time to time, if some are.
    pub fn polled(&self) -> Option<String> {
        self.told.get().cloned().filter(|_| !self.watcher.unwatched().is_empty())
    }
}

impl Watcher for Watching {
    fn watch(&self, dir: &RelPath) -> Result<(), String> {
        match self.watcher.watch_directory(dir) {
            Watched::Yes | Watched::Gone => Ok(()),
            Watched::Poll(reason) => {
                if self.told.set(reason.clone()).is_ok() {
                    console::warn(format_args!("{reason}"));
                }
                Err(reason)
            }
        }
    }
}

/// Passes on what the watcher hears, until nobody listens any more.
pub async fn pass_on(
    watcher: Arc<watch::Watcher>,
    hints: mpsc::Sender<Event>,
    written_late: Arc<Notify>,
) {
    let mut looks = interval(LOOK_EVERY);
    let mut roots = interval(ROOT_EVERY);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    roots.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let events = tokio::select! {
            biased;
            () = watcher.heard() => {
                let heard = watcher.take_all();
                if heard.sweep {
                    written_late.notify_one();
                }
                heard.events
            }
            _ = looks.tick() => outermost(watcher.unwatched()),
            _ = roots.tick() => root_gone(&watcher).await,
        };
        for event in events {
            if hints.send(event).await.is_err() {
                return;
            }
        }
    }
}

/// To look at the root, if something else is in its place, or nothing.
async fn root_gone(watcher: &Arc<watch::Watcher>) -> Vec<Event> {
    let watcher = watcher.clone();
    // A disk that does not answer has not gone away.
    let stays = spawn_blocking(move || watcher.root_stays()).await.unwrap_or(true);
    let look = Event::Hinted(Hint { path: RelPath::root(), closed: false });
    if stays { Vec::new() } else { vec![look] }
}

/// To look at these directories and at all below them.
fn outermost(directories: Vec<RelPath>) -> Vec<Event> {
    let all: BTreeSet<_> = directories.iter().cloned().collect();
    let is_below_another = |directory: &RelPath| directory.above().any(|dir| all.contains(&dir));
    directories.into_iter().filter(|it| !is_below_another(it)).map(Event::Overflowed).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_below_another_is_not_looked_at_twice() {
        let path = |text: &str| RelPath::parse(text.as_bytes()).unwrap();
        let events = outermost(["a", "a/b", "ab", "c/d/e", "c/d"].map(path).to_vec());
        let expected = ["a", "ab", "c/d"].map(path).map(Event::Overflowed);
        assert_eq!(events, expected);
    }
}
