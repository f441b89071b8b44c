//! What ever appeared in a folder, if only for an instant: a recorder on inotify.
//!
//! Invariants: a directory is watched before it is listed, so that what appears in a new one is seen;
//! if the kernel says that it dropped events, asking for the names fails the test. The client's own
//! directory is left out.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::fs;
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustix::fs::inotify::{self, CreateFlags, ReadFlags, Reader, WatchFlags};

/// The client's own directory.
const OWN: &str = ".onefold";
/// Room for events that are read at once.
const BUFFER_BYTES: usize = 256 * 1024;

/// Records every name that appears below a directory, from when it is made.
#[derive(Debug)]
pub struct Recorder {
    shared: Arc<Shared>,
    /// Watched for a moment, to learn that all before it was read.
    barrier: PathBuf,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct Shared {
    inotify: OwnedFd,
    root: PathBuf,
    seen: Mutex<Seen>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Seen {
    lives: BTreeMap<PathBuf, Life>,
    /// Since when what is read now may have happened.
    earliest: Option<Instant>,
    directories: BTreeMap<i32, PathBuf>,
    ignored: BTreeSet<i32>,
    overflowed: bool,
    ends: bool,
}

/// How long something was at a path; rather longer than it was: the kernel does not say when.
#[derive(Debug, Default)]
struct Life {
    since: Option<Instant>,
    longest: Duration,
}

impl Seen {
    fn appeared(&mut self, path: &Path) {
        let life = self.lives.entry(path.to_owned()).or_default();
        life.since = life.since.or(self.earliest);
    }

    /// It is gone from its path, with all below it, which lives on where it `moved` to.
    fn went(&mut self, path: &Path, moved: bool) {
        let from = self.lives.range_mut(path.to_owned()..);
        for (at, life) in from.take_while(|(at, _)| at.starts_with(path)) {
            let Some(since) = life.since.take() else { continue };
            let lasted = if moved && at != path { Duration::MAX } else { since.elapsed() };
            life.longest = life.longest.max(lasted);
        }
    }
}

impl Recorder {
    /// Watches a directory and all below it; what is there already is not recorded.
    pub fn start(root: &Path) -> Self {
        let inotify = inotify::init(CreateFlags::CLOEXEC).expect("the system has inotify");
        let (seen, changed) = (Mutex::default(), Condvar::new());
        let shared = Arc::new(Shared { inotify, root: root.to_owned(), seen, changed });
        shared.watch(&mut shared.seen(), Path::new(""), false);
        let reading = Arc::clone(&shared);
        let thread = std::thread::spawn(move || reading.read());
        let barrier = root.parent().expect("a folder is in a world").to_owned();
        Self { shared, barrier, thread: Some(thread) }
    }

    /// Every path, relative to the directory, at which something appeared until now.
    pub fn names(&self) -> BTreeSet<PathBuf> {
        let seen = self.drained();
        assert!(!seen.overflowed, "the kernel dropped events: the record has gaps");
        seen.lives.keys().cloned().collect()
    }

    /// Of these paths, those at which nothing was ever for so long. What is in a directory that moves
    /// is as long-lived as it is itself, not as its path.
    pub fn fleeting(&self, within: Duration) -> BTreeSet<PathBuf> {
        let fleeting = |life: &Life| life.since.is_none() && life.longest < within;
        let seen = self.drained();
        assert!(!seen.overflowed, "the kernel dropped events: the record has gaps");
        let lives = seen.lives.iter().filter(|(_, life)| fleeting(life));
        lives.map(|(path, _)| path.clone()).collect()
    }

    /// The same by the last part of each path, as text.
    pub fn last_names(&self) -> BTreeSet<String> {
        let last = |path: &PathBuf| Some(path.file_name()?.to_string_lossy().into_owned());
        self.names().iter().filter_map(last).collect()
    }

    /// All that happened before this call has been read.
    fn drained(&self) -> MutexGuard<'_, Seen> {
        let watch =
            inotify::add_watch(&self.shared.inotify, &self.barrier, WatchFlags::DELETE_SELF)
                .expect("the world is there");
        inotify::remove_watch(&self.shared.inotify, watch).expect("it was watched");
        let seen = self.shared.seen();
        let waits = |seen: &mut Seen| !seen.ignored.remove(&watch);
        self.shared.changed.wait_while(seen, waits).unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        self.shared.seen().ends = true;
        drop(self.drained());
        let thread = self.thread.take().expect("it is joined once");
        // It has told what was wrong with it.
        let _ = thread.join();
    }
}

impl Shared {
    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Watches a directory and all below it; with `record`, what is found there has appeared.
    fn watch(&self, seen: &mut Seen, directory: &Path, record: bool) {
        let at = self.root.join(directory);
        let flags = WatchFlags::CREATE
            | WatchFlags::MOVED_TO
            | WatchFlags::DELETE
            | WatchFlags::MOVED_FROM
            | WatchFlags::ONLYDIR
            | WatchFlags::DONT_FOLLOW;
        // It may be gone again.
        let Ok(watch) = inotify::add_watch(&self.inotify, &at, flags) else { return };
        seen.directories.insert(watch, directory.to_owned());
        for entry in fs::read_dir(&at).into_iter().flatten().flatten() {
            if entry.file_name() == OWN {
                continue;
            }
            let path = directory.join(entry.file_name());
            if record {
                seen.appeared(&path);
            }
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                self.watch(seen, &path, record);
            }
        }
    }

    fn read(&self) {
        let mut buffer = vec![MaybeUninit::uninit(); BUFFER_BYTES];
        let mut events = Reader::new(&self.inotify, &mut buffer);
        // What one read gives came after the one before it had begun: when that ended, nobody can tell
        // for sure where threads wait for their turn.
        let mut last_began = Instant::now();
        loop {
            let begins = events.is_buffer_empty();
            let now = Instant::now();
            let event = events.next().expect("inotify can be read");
            let mut seen = self.seen();
            if begins {
                seen.earliest = Some(std::mem::replace(&mut last_began, now));
            }
            if event.events().contains(ReadFlags::QUEUE_OVERFLOW) {
                seen.overflowed = true;
            }
            if event.events().contains(ReadFlags::IGNORED) {
                seen.directories.remove(&event.wd());
                seen.ignored.insert(event.wd());
                self.changed.notify_all();
                if seen.ends {
                    return;
                }
            }
            let name = event.file_name().map(|name| OsStr::from_bytes(name.to_bytes()));
            let Some(name) = name.filter(|name| *name != OWN) else { continue };
            let Some(directory) = seen.directories.get(&event.wd()) else { continue };
            let path = directory.join(name);
            if event.events().intersects(ReadFlags::DELETE | ReadFlags::MOVED_FROM) {
                seen.went(&path, event.events().contains(ReadFlags::MOVED_FROM));
                continue;
            }
            seen.appeared(&path);
            if event.events().contains(ReadFlags::ISDIR) {
                self.watch(&mut seen, &path, true);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_below_directories_made_later_and_names_that_are_gone_again_are_recorded() {
        let world = tempfile::tempdir().unwrap();
        let root = world.path().join("root");
        fs::create_dir_all(root.join("old")).unwrap();
        fs::create_dir(root.join(OWN)).unwrap();
        let recorder = Recorder::start(&root);

        fs::write(root.join("short-lived"), "").unwrap();
        fs::remove_file(root.join("short-lived")).unwrap();
        fs::create_dir_all(root.join("old/a/b")).unwrap();
        fs::write(root.join("old/a/b/deep"), "").unwrap();
        assert!(recorder.last_names().contains("deep"));
        fs::rename(root.join("old/a"), root.join("moved")).unwrap();
        drop(recorder.names());
        fs::write(root.join("moved/b/after"), "").unwrap();
        fs::write(root.join(OWN).join("own"), "").unwrap();

        let names = recorder.names();
        for path in ["short-lived", "old/a/b/deep", "moved", "moved/b/after"] {
            assert!(names.contains(Path::new(path)), "{path} is not in {names:?}");
        }
        assert!(!recorder.last_names().contains("own"));
        let fleeting = recorder.fleeting(Duration::from_secs(3_600));
        for path in ["short-lived", "old/a"] {
            assert!(fleeting.contains(Path::new(path)), "{path} is not in {fleeting:?}");
        }
        for path in ["old/a/b/deep", "moved/b/after"] {
            assert!(!fleeting.contains(Path::new(path)), "{path} is in {fleeting:?}");
        }
        assert_eq!(recorder.fleeting(Duration::ZERO), BTreeSet::new());
    }
}
