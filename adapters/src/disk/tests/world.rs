//! A small tree on a real disk, one change to it, and what must be left of it.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use onefold_core::blob::Blob;
use onefold_core::disk::{Change, DiskError, Names, Old, Seen, Stamp};
use onefold_core::hash::ContentId;
use onefold_core::id::{FolderId, NodeId};
use onefold_core::name::RelPath;
use onefold_core::node::{Content, Kind, Target};
use onefold_core::time::FileTime;
use tempfile::TempDir;

use crate::disk::hooks::{Hooks, Point};
use crate::disk::{Guard, Link, RealDisk, Swept};
use crate::port::Disk;

/// Takes off what a filesystem offers.
pub(super) type Limit = fn(Guard) -> Guard;

pub(super) const LABEL: &str = "test, 2026-11-22 0741";
const FOLDER: FolderId = FolderId::from_bytes([3; 16]);
const NODE: NodeId = NodeId::from_bytes([9; 16]);

/// What was there, what the change brings, and what a user writes: all of one size, so that only
/// times and inodes tell them apart.
pub(super) const OLD: &str = "the old!";
pub(super) const NEW: &str = "the new!";
pub(super) const OTHER: &str = "another!";

/// A change at fixed paths of the tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Case {
    PlaceNew,
    Replace,
    ReplaceExecutable,
    ReplaceByLink,
    ReplaceLink,
    Rename,
    RenameQuiet,
    RenameDirectory,
    Exchange,
    Remove,
    RemoveLink,
    RemoveDirectory,
    SetExecutable,
    MakeDirectory,
}

pub(super) const CASES: [Case; 14] = [
    Case::PlaceNew,
    Case::Replace,
    Case::ReplaceExecutable,
    Case::ReplaceByLink,
    Case::ReplaceLink,
    Case::Rename,
    Case::RenameQuiet,
    Case::RenameDirectory,
    Case::Exchange,
    Case::Remove,
    Case::RemoveLink,
    Case::RemoveDirectory,
    Case::SetExecutable,
    Case::MakeDirectory,
];

impl Case {
    /// The path that the change is about; users act there.
    pub(super) const fn path(self) -> &'static str {
        match self {
            Self::PlaceNew | Self::MakeDirectory => "p/free",
            Self::Replace
            | Self::ReplaceExecutable
            | Self::ReplaceByLink
            | Self::Rename
            | Self::RenameQuiet
            | Self::Exchange
            | Self::Remove
            | Self::SetExecutable => "p/file",
            Self::ReplaceLink | Self::RemoveLink => "p/link",
            Self::RenameDirectory => "p/full",
            Self::RemoveDirectory => "p/empty",
        }
    }

    /// The old bytes may go when it is done.
    pub(super) const fn displaces(self) -> bool {
        matches!(self, Self::Replace | Self::ReplaceExecutable | Self::ReplaceByLink | Self::Remove)
    }

    /// It brings new bytes.
    pub(super) const fn brings(self) -> bool {
        matches!(self, Self::PlaceNew | Self::Replace | Self::ReplaceExecutable)
    }
}

/// A point that a run came to, counted from its beginning, and what is done there.
#[derive(Default)]
pub(super) struct Script {
    trace: Mutex<Vec<Point>>,
    actions: Mutex<BTreeMap<usize, Vec<Action>>>,
}

type Action = Box<dyn FnOnce() + Send>;

impl Script {
    /// Does something at a step of the next change.
    pub(super) fn on(&self, step: usize, action: impl FnOnce() + Send + 'static) {
        self.actions.lock().unwrap().entry(step).or_default().push(Box::new(action));
    }

    /// The points so far.
    pub(super) fn trace(&self) -> Vec<Point> {
        self.trace.lock().unwrap().clone()
    }
}

impl Hooks for Arc<Script> {
    fn at(&self, point: Point) {
        let mut trace = self.trace.lock().unwrap();
        trace.push(point);
        let step = trace.len() - 1;
        drop(trace);
        let actions = self.actions.lock().unwrap().remove(&step);
        actions.into_iter().flatten().for_each(|action| action());
    }
}

/// A root with a tree in it, and its disk.
pub(super) struct World {
    pub(super) root: PathBuf,
    pub(super) script: Arc<Script>,
    pub(super) disk: Option<RealDisk>,
    limit: Limit,
    _dir: TempDir,
}

/// Where a tree lives that needs no durability, if there is such a place.
pub(super) fn memory() -> PathBuf {
    let memory = Path::new("/dev/shm");
    if memory.is_dir() { memory.to_owned() } else { std::env::temp_dir() }
}

impl World {
    pub(super) fn new(place: &Path, limit: Limit) -> Self {
        let dir = tempfile::tempdir_in(place).unwrap();
        let root = dir.path().join("root");
        fs::create_dir_all(root.join("p/full")).unwrap();
        fs::create_dir(root.join("p/empty")).unwrap();
        fs::write(root.join("p/file"), OLD).unwrap();
        fs::write(root.join("p/other"), OTHER).unwrap();
        fs::write(root.join("p/full/inner"), b"an inner").unwrap();
        // So old that any write shows in it, however coarse the clock is.
        let long_ago = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000);
        let file = fs::File::options().write(true).open(root.join("p/file")).unwrap();
        file.set_modified(long_ago).unwrap();
        drop(file);
        symlink("file", root.join("p/link")).unwrap();
        let mut world = Self { root, script: Arc::default(), disk: None, limit, _dir: dir };
        world.open(Link::Create);
        world
    }

    pub(super) fn open(&mut self, link: Link) {
        self.disk = None;
        self.script = Arc::default();
        let hooks = Box::new(self.script.clone());
        let disk = RealDisk::open_as(&self.root, FOLDER, link, LABEL, self.limit, hooks);
        self.disk = Some(disk.unwrap());
    }

    pub(super) fn disk(&self) -> &RealDisk {
        self.disk.as_ref().expect("it is open but while it is opened again")
    }

    pub(super) fn stamp(&self, at: &str) -> Stamp {
        let path = path(at);
        let (dir, name) = path.split().unwrap();
        let names = Names::Only([name.clone()].into());
        let listing = self.disk().look(&dir, &names).unwrap();
        match &listing.names[..] {
            [(_, Seen::Node(found))] => found.stamp,
            other => panic!("{at} is {other:?}"),
        }
    }

    pub(super) fn content(&self) -> Content {
        let mtime = FileTime { seconds: 1_000_000_000, nanoseconds: 5 };
        Content { id: ContentId::of(NEW.as_bytes()), size: NEW.len() as u64, mtime }
    }

    /// Stages what the case needs and gives its change, with the stamps that are there now.
    pub(super) fn change(&self, case: Case) -> Change {
        let content = self.content();
        if case.brings() {
            let mut staging = self.disk().stage(&content).unwrap();
            staging.append(NEW.as_bytes()).unwrap();
            staging.finish().unwrap();
        }
        let at = path(case.path());
        let expect = || self.stamp(case.path());
        let target = Target::try_from(Blob::from(&b"elsewhere"[..])).unwrap();
        match case {
            Case::PlaceNew => {
                Change::PlaceFile { at, old: Old::Absent, content, executable: false }
            }
            Case::Replace | Case::ReplaceExecutable => {
                let executable = case == Case::ReplaceExecutable;
                Change::PlaceFile { at, old: Old::Is(expect()), content, executable }
            }
            Case::ReplaceByLink | Case::ReplaceLink => {
                Change::PlaceSymlink { at, old: Old::Is(expect()), target }
            }
            Case::Rename | Case::RenameQuiet | Case::RenameDirectory => Change::Rename {
                from: at,
                expect: expect(),
                to: path("p/free"),
                only_if_quiet: case == Case::RenameQuiet,
            },
            Case::Exchange => Change::Exchange {
                first: at,
                expect_first: expect(),
                second: path("p/other"),
                expect_second: self.stamp("p/other"),
            },
            Case::Remove => Change::Remove { at, expect: expect(), kind: Kind::File },
            Case::RemoveLink => Change::Remove { at, expect: expect(), kind: Kind::Symlink },
            Case::RemoveDirectory => Change::Remove { at, expect: expect(), kind: Kind::Directory },
            Case::SetExecutable => Change::SetExecutable { at, expect: expect(), executable: true },
            Case::MakeDirectory => Change::MakeDirectory { at },
        }
    }

    pub(super) fn run(&self, change: &Change) -> Result<Option<Stamp>, DiskError> {
        self.disk().change(NODE, change)
    }

    /// Sweeps as if two days had passed.
    pub(super) fn sweep_late(&self) -> Swept {
        let later = SystemTime::now() + Duration::from_secs(2 * 24 * 3_600);
        self.disk().sweep(later, LABEL).unwrap()
    }

    /// Every path below the root with what it holds; `.onefold` left out.
    pub(super) fn tree(&self) -> BTreeMap<String, String> {
        let mut tree = BTreeMap::new();
        collect(&self.root, &self.root, &mut tree);
        tree
    }

    /// How many files are in slots, intents left out.
    pub(super) fn in_slots(&self) -> usize {
        fs::read_dir(self.root.join(".onefold/displaced"))
            .unwrap()
            .filter(|entry| {
                let name = entry.as_ref().unwrap().file_name();
                !name.to_string_lossy().ends_with(".intent")
            })
            .count()
    }
}

pub(super) fn path(text: &str) -> RelPath {
    RelPath::parse(text.as_bytes()).unwrap()
}

fn collect(root: &Path, dir: &Path, tree: &mut BTreeMap<String, String>) {
    for entry in fs::read_dir(dir).unwrap() {
        let entry = entry.unwrap();
        let path = entry.path();
        let name = path.strip_prefix(root).unwrap().to_string_lossy().into_owned();
        let kind = entry.file_type().unwrap();
        if name == ".onefold" {
            continue;
        }
        let holds = if kind.is_dir() {
            collect(root, &path, tree);
            "<dir>".to_owned()
        } else if kind.is_symlink() {
            format!("-> {}", fs::read_link(&path).unwrap().display())
        } else {
            String::from_utf8_lossy(&fs::read(&path).unwrap()).into_owned()
        };
        tree.insert(name, holds);
    }
}
