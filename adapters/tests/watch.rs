//! The watcher, on real directories.

#![expect(clippy::unwrap_used, reason = "a test fails where it cannot go on")]

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::PathBuf;
use std::time::Duration;

use onefold_adapters::watch::{Watched, Watcher};
use onefold_core::client::event::{Event, Hint};
use onefold_core::name::RelPath;
use tempfile::TempDir;
use tokio::time::timeout;

struct World {
    root: PathBuf,
    watcher: Watcher,
    _dir: TempDir,
}

#[derive(Debug, Default)]
struct Told {
    hints: BTreeMap<String, bool>,
    overflowed: Vec<String>,
    sweep: bool,
    events: usize,
}

impl World {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().canonicalize().unwrap();
        fs::create_dir_all(root.join("a/b")).unwrap();
        fs::create_dir_all(root.join(".onefold/displaced")).unwrap();
        fs::write(root.join("a/b/file"), "1").unwrap();
        let watcher = Watcher::new(&root).unwrap();
        for dir in ["", "a", "a/b"] {
            assert_eq!(watcher.watch_directory(&path(dir)), Watched::Yes);
        }
        Self { root, watcher, _dir: dir }
    }

    /// All that is told up to a file made now, which comes last, by its name too.
    async fn told(&self) -> Told {
        fs::write(self.root.join("~end"), "").unwrap();
        let mut told = Told::default();
        loop {
            timeout(Duration::from_secs(10), self.watcher.heard()).await.unwrap();
            let heard = self.watcher.take_all();
            told.sweep |= heard.sweep;
            let mut end = false;
            for event in heard.events {
                told.events += 1;
                match event {
                    Event::Hinted(Hint { path, closed }) if path == self::path("~end") => {
                        end |= closed;
                    }
                    Event::Hinted(Hint { path, closed }) => {
                        *told.hints.entry(path.to_string()).or_default() |= closed;
                    }
                    Event::Overflowed(path) => told.overflowed.push(path.to_string()),
                    other => panic!("{other:?}"),
                }
            }
            if end {
                return told;
            }
        }
    }
}

fn path(text: &str) -> RelPath {
    RelPath::parse(text.as_bytes()).unwrap()
}

#[tokio::test]
async fn tells_of_a_change_and_of_the_close_after_it() {
    let world = World::new();
    let mut file = fs::File::options().append(true).open(world.root.join("a/b/file")).unwrap();
    file.write_all(b"2").unwrap();
    assert_eq!(world.told().await.hints.get("a/b/file"), Some(&false));
    drop(file);
    assert_eq!(world.told().await.hints.get("a/b/file"), Some(&true));
}

#[tokio::test]
async fn a_rename_is_told_at_both_names_and_the_new_one_is_closed() {
    let world = World::new();
    fs::rename(world.root.join("a/b/file"), world.root.join("a/renamed")).unwrap();
    let told = world.told().await;
    assert_eq!(told.hints.get("a/b/file"), Some(&false));
    assert_eq!(told.hints.get("a/renamed"), Some(&true));
}

#[tokio::test]
async fn says_nothing_of_the_clients_own_directory_nor_of_reading() {
    let world = World::new();
    fs::write(world.root.join(".onefold/x"), "").unwrap();
    fs::write(world.root.join("a/.onefold"), "").unwrap();
    fs::read(world.root.join("a/b/file")).unwrap();
    let told = world.told().await;
    assert!(told.hints.is_empty() && told.overflowed.is_empty(), "{told:?}");
}

#[tokio::test]
async fn the_close_of_a_displaced_file_asks_for_a_sweep() {
    let world = World::new();
    world.watcher.watch_displaced();
    fs::write(world.root.join(".onefold/displaced/1.intent"), "").unwrap();
    assert!(!world.told().await.sweep);
    fs::write(world.root.join(".onefold/displaced/1.old"), "").unwrap();
    let told = world.told().await;
    assert!(told.sweep && told.hints.is_empty(), "{told:?}");
}

#[tokio::test]
async fn a_renamed_directory_is_watched_again_under_its_new_name() {
    let world = World::new();
    fs::rename(world.root.join("a"), world.root.join("z")).unwrap();
    assert_eq!(world.told().await.overflowed, ["z"]);
    for dir in ["z", "z/b"] {
        assert_eq!(world.watcher.watch_directory(&path(dir)), Watched::Yes);
    }
    fs::write(world.root.join("z/b/file"), "2").unwrap();
    fs::write(world.root.join("z/new"), "3").unwrap();
    let told = world.told().await;
    assert_eq!(told.hints.get("z/b/file"), Some(&true), "{told:?}");
    assert_eq!(told.hints.get("z/new"), Some(&true), "{told:?}");
    assert!(!told.hints.contains_key("a/b/file"), "{told:?}");
}

#[tokio::test]
async fn a_watch_under_the_new_name_before_the_rename_was_heard_is_put_right() {
    let world = World::new();
    for round in 0..20 {
        let (from, to) = if round % 2 == 0 { ("a", "z") } else { ("z", "a") };
        fs::rename(world.root.join(from), world.root.join(to)).unwrap();
        // A rescan may come upon it first.
        world.watcher.watch_directory(&path(to));
        let told = world.told().await;
        assert!(told.overflowed.contains(&to.to_owned()), "{told:?}");
        world.watcher.watch_directory(&path(to));
        fs::write(world.root.join(to).join("new"), "3").unwrap();
        let told = world.told().await;
        assert!(told.hints.contains_key(&format!("{to}/new")), "round {round}: {told:?}");
    }
}

#[tokio::test]
async fn what_is_done_often_before_it_is_taken_is_told_once() {
    let world = World::new();
    for _ in 0..1_000 {
        fs::write(world.root.join("a/busy"), "x").unwrap();
    }
    let told = world.told().await;
    assert_eq!(told.hints.get("a/busy"), Some(&true));
    assert!(told.events < 50, "{told:?}");
}

#[tokio::test]
async fn a_directory_that_went_away_is_no_error() {
    let world = World::new();
    assert_eq!(world.watcher.watch_directory(&path("none")), Watched::Gone);
    assert!(world.watcher.unwatched().is_empty());
}

#[tokio::test]
async fn a_directory_that_cannot_be_watched_is_told_until_it_can_be() {
    let world = World::new();
    // A path of 5,000 bytes is more than the system takes at once.
    let deep = path(&vec!["n".repeat(200); 25].join("/"));
    assert!(matches!(world.watcher.watch_directory(&deep), Watched::Poll(_)));
    assert_eq!(world.watcher.unwatched(), [deep]);
}

#[test]
fn more_directories_than_may_be_watched_are_told_with_the_command_that_helps() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().canonicalize().unwrap();
    let watcher = Watcher::with_limit(&root, 20).unwrap();
    let names: Vec<String> = (0..40).map(|number| format!("d{number}")).collect();
    let mut told = Vec::new();
    for name in &names {
        fs::create_dir(root.join(name)).unwrap();
        match watcher.watch_directory(&path(name)) {
            Watched::Poll(reason) => told.push(reason),
            watched => assert_eq!(watched, Watched::Yes),
        }
    }
    // Of 20, some are left to other programs.
    assert!(told.len() >= 20, "{}", told.len());
    assert!(told.len() < 40, "{}", told.len());
    assert!(told[0].contains("the 20 that"), "{}", told[0]);
    assert!(told[0].contains("sysctl fs.inotify.max_user_watches="), "{}", told[0]);
    assert_eq!(watcher.unwatched().len(), told.len());
}

#[test]
fn a_root_with_something_else_in_its_place_is_known_until_it_is_back() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().canonicalize().unwrap().join("root");
    let aside = dir.path().join("aside");
    fs::create_dir(&root).unwrap();
    let watcher = Watcher::new(&root).unwrap();
    fs::write(root.join("file"), "1").unwrap();
    assert!(watcher.root_stays());
    fs::rename(&root, &aside).unwrap();
    assert!(!watcher.root_stays());
    fs::create_dir(&root).unwrap();
    assert!(!watcher.root_stays());
    fs::remove_dir(&root).unwrap();
    fs::rename(&aside, &root).unwrap();
    assert!(watcher.root_stays());
}
