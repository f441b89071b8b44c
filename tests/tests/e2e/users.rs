//! Users who change files while other things happen: each on a device of their own, in a directory of
//! their own, so that no two change one file.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tests::{Device, Node, Random, Tree, noise};

/// How long a user pauses between two changes, at most.
const PAUSE_MS: u64 = 25;

/// A user.
pub(crate) struct User {
    root: PathBuf,
    random: Random,
    /// What must be there in the end: bytes by path below `root`.
    files: BTreeMap<String, Vec<u8>>,
    changes: u64,
    pause_ms: u64,
}

impl User {
    /// A user of this device.
    pub(crate) fn of(device: &Device<'_>, random: &mut Random) -> Self {
        let root = device.at(&own(device));
        fs::create_dir_all(&root).expect("a free name");
        let random = random.fork();
        Self { root, random, files: BTreeMap::new(), changes: 0, pause_ms: PAUSE_MS }
    }

    /// One of so many, who share one machine's power.
    pub(crate) fn one_of(self, users: u64) -> Self {
        Self { pause_ms: PAUSE_MS * users, ..self }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    fn some_name(&mut self) -> String {
        format!("{}/{}", self.random.below(4), self.random.below(12))
    }

    fn existing(&mut self) -> Option<String> {
        let count = self.files.len() as u64;
        let at = if count == 0 { return None } else { self.random.below(count) };
        self.files.keys().nth(usize::try_from(at).ok()?).cloned()
    }

    fn work_until(&mut self, done: &AtomicBool) {
        while !done.load(Ordering::SeqCst) {
            self.change();
            std::thread::sleep(Duration::from_millis(self.random.below(self.pause_ms)));
        }
    }

    fn change(&mut self) {
        self.changes += 1;
        match (self.random.below(10), self.existing()) {
            (0, Some(name)) => {
                fs::remove_file(self.path(&name)).expect("only its user removes it");
                self.files.remove(&name);
            }
            (1 | 2, Some(from)) => {
                let to = self.some_name();
                make_parent(&self.path(&to));
                fs::rename(self.path(&from), self.path(&to)).expect("only its user moves it");
                let bytes = self.files.remove(&from).expect("it is one of these");
                self.files.insert(to, bytes);
            }
            (3 | 4, _) => {
                let name = self.some_name();
                let beside = self.path(&format!("{name}.tmp"));
                let bytes = self.bytes();
                make_parent(&beside);
                fs::write(&beside, &bytes).expect("the folder can be written to");
                fs::rename(&beside, self.path(&name)).expect("only its user moves it");
                self.files.insert(name, bytes);
            }
            _ => {
                let name = self.some_name();
                let bytes = self.bytes();
                make_parent(&self.path(&name));
                fs::write(self.path(&name), &bytes).expect("the folder can be written to");
                self.files.insert(name, bytes);
            }
        }
    }

    /// Mostly few bytes, now and then many; never the same twice.
    fn bytes(&mut self) -> Vec<u8> {
        let most = if self.random.below(12) == 0 { 400_000 } else { 2_000 };
        let len = 1 + self.random.below(most);
        noise(self.random.next(), usize::try_from(len).expect("it is small"))
    }

    /// Insists that a folder holds just what this user left.
    fn check(&self, folder: &Path) {
        let root = folder.join(self.root.file_name().expect("a directory of their own"));
        for (name, bytes) in &self.files {
            let found = fs::read(root.join(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
            assert!(found == *bytes, "{} is not as its user left it", root.join(name).display());
        }
        let files = Tree::read(&root).expect("nobody changes it now").files();
        assert_eq!(files, self.files.len(), "files in {}", root.display());
    }
}

fn make_parent(path: &Path) {
    fs::create_dir_all(path.parent().expect("it is in the folder")).expect("a directory");
}

/// The directory that the device's user keeps to.
fn own(device: &Device<'_>) -> String {
    format!("of {}", device.name())
}

/// Does something while all these users change files; how many changes they made.
pub(crate) fn while_they_work(users: &mut [User], meanwhile: impl FnOnce()) -> u64 {
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for user in &mut *users {
            scope.spawn(|| user.work_until(&done));
        }
        // Also when something goes wrong meanwhile, so that the test ends.
        let _at_the_end = Raise(&done);
        meanwhile();
    });
    users.iter().map(|user| user.changes).sum()
}

/// Insists that all devices come to hold just what each user left on their own, and no conflict copy;
/// and that they say so.
#[track_caller]
pub(crate) fn all_come_to_hold(devices: &mut [&mut Device<'_>], users: &[User]) {
    let mut expected = Tree::default();
    for device in &*devices {
        // Only what is theirs: what others changed may be on its way to this device.
        let own = PathBuf::from(own(device));
        let theirs = Tree::read(&device.folder().join(&own)).expect("nobody changes it now");
        expected.0.extend(theirs.0.into_iter().map(|(path, node)| (own.join(path), node)));
        expected.0.insert(own, Node::Directory);
    }
    assert_eq!(expected.conflict_copies(), Vec::<&Path>::new(), "no two changed one file");
    for device in devices {
        device.wait_for_tree(&expected);
        users.iter().for_each(|user| user.check(device.folder()));
        device.wait_until_in_sync();
    }
}

/// Sets a flag when it is dropped.
struct Raise<'f>(&'f AtomicBool);

impl Drop for Raise<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}
