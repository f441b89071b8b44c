//! The real disk, seen from outside, in real directories.

#![expect(clippy::unwrap_used, reason = "a test fails where it cannot go on")]

mod change;
mod content;
mod filesystems;
mod look;
mod mount;
mod permission;
mod root;
mod stress;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use onefold_adapters::disk::{Link, RealDisk, Swept};
use onefold_adapters::port::Disk;
use onefold_core::disk::{Change, DiskError, Found, Listing, Names, Old, Seen, Stamp};
use onefold_core::hash::ContentId;
use onefold_core::id::{FolderId, NodeId};
use onefold_core::name::{Name, RelPath};
use onefold_core::node::Content;
use onefold_core::time::FileTime;
use tempfile::TempDir;

const FOLDER: FolderId = FolderId::from_bytes([1; 16]);
const NODE: NodeId = NodeId::from_bytes([2; 16]);
const LABEL: &str = "laptop, 2026-11-22 0741";

struct World {
    root: PathBuf,
    disk: RealDisk,
    dir: TempDir,
}

impl World {
    fn new() -> Self {
        Self::new_in(&std::env::temp_dir())
    }

    fn new_in(place: &Path) -> Self {
        let dir = tempfile::tempdir_in(place).unwrap();
        let root = dir.path().join("root");
        let disk = RealDisk::open(&root, FOLDER, Link::Create, LABEL).unwrap();
        Self { root, disk, dir }
    }

    /// The same root after a restart.
    fn reopen(root: PathBuf, dir: TempDir) -> Self {
        let disk = RealDisk::open(&root, FOLDER, Link::Existing, LABEL).unwrap();
        Self { root, disk, dir }
    }

    fn write(&self, at: &str, bytes: impl AsRef<[u8]>) {
        let path = self.root.join(at);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }

    fn read(&self, at: &str) -> String {
        fs::read_to_string(self.root.join(at)).unwrap()
    }

    fn look(&self, dir: &str) -> Result<Listing, DiskError> {
        self.disk.look(&path(dir), &Names::All)
    }

    fn seen(&self, at: &str) -> Option<Seen> {
        let path = path(at);
        let (dir, name) = path.split().unwrap();
        let listing = self.disk.look(&dir, &Names::Only([name.clone()].into())).unwrap();
        listing.names.into_iter().next().map(|(_, seen)| seen)
    }

    fn found(&self, at: &str) -> Found {
        match self.seen(at) {
            Some(Seen::Node(found)) => found,
            other => panic!("{at} is {other:?}"),
        }
    }

    fn stamp(&self, at: &str) -> Stamp {
        self.found(at).stamp
    }

    fn stage(&self, bytes: &[u8]) -> Content {
        let content = content(bytes);
        let mut staging = self.disk.stage(&content).unwrap();
        let have = usize::try_from(staging.len()).unwrap();
        staging.append(&bytes[have..]).unwrap();
        staging.finish().unwrap();
        content
    }

    fn change(&self, change: &Change) -> Result<Option<Stamp>, DiskError> {
        self.disk.change(NODE, change)
    }

    fn place(&self, at: &str, old: Old, content: Content) -> Result<Stamp, DiskError> {
        let change = Change::PlaceFile { at: path(at), old, content, executable: false };
        self.change(&change).map(|stamp| stamp.expect("a placed file has a stamp"))
    }

    /// Waits until nobody has a file open for writing: a program that another test has just started has
    /// what was open then, until it begins.
    fn until_closed(&self, at: &str) {
        let stamp = self.stamp(at);
        let deadline = Instant::now() + Duration::from_secs(10);
        while self.disk.hash(&path(at), &stamp) == Err(DiskError::Busy) {
            assert!(Instant::now() < deadline, "{at} stays open for writing");
            std::thread::yield_now();
        }
    }

    fn sweep_after(&self, passed: Duration) -> Swept {
        self.disk.sweep(SystemTime::now() + passed, LABEL).unwrap()
    }
}

fn content(bytes: &[u8]) -> Content {
    let mtime = FileTime { seconds: 1_500_000_000, nanoseconds: 123_456_789 };
    Content { id: ContentId::of(bytes), size: bytes.len() as u64, mtime }
}

fn path(text: &str) -> RelPath {
    RelPath::parse(text.as_bytes()).unwrap()
}

fn name(text: &str) -> Name {
    Name::new(text.as_bytes()).unwrap()
}

const DAY: Duration = Duration::from_secs(24 * 3_600);
