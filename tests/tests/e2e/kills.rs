//! Programs are killed at any instant, while files change on both devices: nothing is lost, and
//! nothing is taken for a conflict that is none.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tests::{Random, Tree, World, noise, pick};

use crate::pair::Pair;

/// How long a program lives before it is killed, at most.
const LIFE_MS: u64 = 700;
/// How long a user pauses between two changes, at most.
const PAUSE_MS: u64 = 25;

/// A user of one device. Each keeps to a directory of their own, so no two change one file.
struct User {
    root: PathBuf,
    random: Random,
    /// What must be there in the end: bytes by path below `root`.
    files: BTreeMap<String, Vec<u8>>,
    changes: u64,
}

impl User {
    fn new(root: PathBuf, random: Random) -> Self {
        fs::create_dir_all(&root).expect("a free name");
        Self { root, random, files: BTreeMap::new(), changes: 0 }
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
            std::thread::sleep(Duration::from_millis(self.random.below(PAUSE_MS)));
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

#[test]
fn kills_at_any_instant_lose_nothing_and_make_no_conflict() {
    let mut random = Random::from_environment("kills");
    let kills = pick(10, 100);
    let world = World::new();
    let mut pair = Pair::live(&world, |_| {});
    let mut users = [&pair.one, &pair.two]
        .map(|device| User::new(device.at(&format!("of {}", device.name())), random.fork()));
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for user in &mut users {
            scope.spawn(|| user.work_until(&done));
        }
        // Also when a kill goes wrong, so that the test ends.
        let _at_the_end = Raise(&done);
        for number in 0..kills {
            std::thread::sleep(Duration::from_millis(random.below(LIFE_MS)));
            kill(&mut pair, number, &mut random);
        }
    });
    let changes = users.iter().map(|user| user.changes).sum::<u64>();
    println!("{kills} kills in the midst of {changes} changes");

    let mut expected = pair.one.tree();
    let own = Path::new("of two");
    expected.0.retain(|path, _| !path.starts_with(own));
    let theirs = pair.two.tree().0;
    expected.0.extend(theirs.into_iter().filter(|(path, _)| path.starts_with(own)));
    assert_eq!(expected.conflict_copies(), Vec::<&Path>::new(), "no two changed one file");
    for device in [&pair.one, &pair.two] {
        device.wait_for_tree(&expected);
        for user in &users {
            user.check(device.folder());
        }
    }
    pair.one.wait_until_in_sync();
    pair.two.wait_until_in_sync();
    pair.end();
}

/// Kills one program of three, in turn, and starts it again after a while.
fn kill(pair: &mut Pair<'_>, number: u32, random: &mut Random) {
    let rest = Duration::from_millis(random.below(LIFE_MS / 4));
    match number % 3 {
        0 => {
            pair.one.kill();
            std::thread::sleep(rest);
            pair.one.sync();
        }
        1 => {
            pair.server.kill();
            std::thread::sleep(rest);
            pair.server.restart();
        }
        _ => {
            pair.two.kill();
            std::thread::sleep(rest);
            pair.two.sync();
        }
    }
}

/// Sets a flag when it is dropped.
struct Raise<'f>(&'f AtomicBool);

impl Drop for Raise<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}
