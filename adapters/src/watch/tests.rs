use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::PathBuf;
use std::time::Duration;

use onefold_core::client::event::{Event, Hint};
use onefold_core::name::RelPath;
use tempfile::TempDir;
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::FolderWatcher;
use crate::port::Watcher;

struct World {
    root: PathBuf,
    watcher: FolderWatcher,
    events: mpsc::Receiver<Event>,
    _dir: TempDir,
}

impl World {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().canonicalize().unwrap();
        fs::create_dir_all(root.join("a/b")).unwrap();
        fs::create_dir(root.join(".onefold")).unwrap();
        fs::write(root.join("a/b/file"), "1").unwrap();
        let (sender, events) = mpsc::channel(4);
        let short = Duration::from_millis(20);
        let watcher = FolderWatcher::with_interval(&root, sender, short).unwrap();
        for path in ["", "a", "a/b"] {
            watcher.watch(&self::path(path)).unwrap();
        }
        Self { root, watcher, events, _dir: dir }
    }

    /// All events up to that of a file made now, which comes last, also by its name.
    async fn heard(&mut self) -> Heard {
        fs::write(self.root.join("~end"), "").unwrap();
        let mut heard = Heard::default();
        loop {
            let event = timeout(Duration::from_secs(10), self.events.recv()).await;
            match event.expect("the watcher hears of the end").unwrap() {
                Event::Hinted(Hint { path, closed }) if path == self::path("~end") => {
                    if closed {
                        fs::remove_file(self.root.join("~end")).unwrap();
                        return heard;
                    }
                }
                Event::Hinted(Hint { path, closed }) => {
                    *heard.hints.entry(path.to_string()).or_default() |= closed;
                }
                Event::Overflowed(path) => heard.overflowed.push(path.to_string()),
                other => panic!("{other:?}"),
            }
        }
    }
}

#[derive(Debug, Default)]
struct Heard {
    hints: BTreeMap<String, bool>,
    overflowed: Vec<String>,
}

fn path(text: &str) -> RelPath {
    RelPath::parse(text.as_bytes()).unwrap()
}

#[tokio::test]
async fn tells_of_a_change_and_of_the_close_after_it() {
    let mut world = World::new();
    let mut file = fs::File::options().append(true).open(world.root.join("a/b/file")).unwrap();
    file.write_all(b"2").unwrap();
    assert_eq!(world.heard().await.hints.get("a/b/file"), Some(&false));
    drop(file);
    assert_eq!(world.heard().await.hints.get("a/b/file"), Some(&true));
}

#[tokio::test]
async fn a_rename_is_told_at_both_names_and_the_new_one_is_closed() {
    let mut world = World::new();
    fs::rename(world.root.join("a/b/file"), world.root.join("a/renamed")).unwrap();
    let heard = world.heard().await;
    assert_eq!(heard.hints.get("a/b/file"), Some(&false));
    assert_eq!(heard.hints.get("a/renamed"), Some(&true));
}

#[tokio::test]
async fn says_nothing_of_the_clients_own_directory_nor_of_reading() {
    let mut world = World::new();
    fs::write(world.root.join(".onefold/x"), "").unwrap();
    world.watcher.watch(&path("a")).unwrap();
    fs::read(world.root.join("a/b/file")).unwrap();
    let heard = world.heard().await;
    assert!(heard.hints.is_empty() && heard.overflowed.is_empty(), "{heard:?}");
}

#[tokio::test]
async fn a_renamed_directory_is_watched_again_under_its_new_name() {
    let mut world = World::new();
    fs::rename(world.root.join("a"), world.root.join("z")).unwrap();
    let heard = world.heard().await;
    assert_eq!(heard.overflowed, ["z"]);
    for text in ["z", "z/b"] {
        world.watcher.watch(&path(text)).unwrap();
    }
    fs::write(world.root.join("z/b/file"), "2").unwrap();
    fs::write(world.root.join("z/new"), "3").unwrap();
    let heard = world.heard().await;
    assert_eq!(heard.hints.get("z/b/file"), Some(&true), "{heard:?}");
    assert_eq!(heard.hints.get("z/new"), Some(&true), "{heard:?}");
    assert!(!heard.hints.contains_key("a/b/file"), "{heard:?}");
}

#[tokio::test]
async fn a_watch_under_the_new_name_before_the_rename_was_heard_is_put_right() {
    let mut world = World::new();
    for round in 0..20 {
        let (from, to) = if round % 2 == 0 { ("a", "z") } else { ("z", "a") };
        fs::rename(world.root.join(from), world.root.join(to)).unwrap();
        // A rescan may come upon it first.
        let _ = world.watcher.watch(&path(to));
        let heard = world.heard().await;
        assert!(heard.overflowed.contains(&to.to_owned()), "{heard:?}");
        world.watcher.watch(&path(to)).unwrap();
        fs::write(world.root.join(to).join("new"), "3").unwrap();
        let heard = world.heard().await;
        assert!(heard.hints.contains_key(&format!("{to}/new")), "round {round}: {heard:?}");
    }
}

#[tokio::test]
async fn what_is_done_often_before_it_is_taken_is_told_once() {
    let mut world = World::new();
    let (name, busy) = (world.root.join("a/busy"), 3_000);
    for _ in 0..busy {
        fs::write(&name, "x").unwrap();
    }
    let mut told = 0;
    fs::write(world.root.join("~end"), "").unwrap();
    loop {
        match timeout(Duration::from_secs(10), world.events.recv()).await.unwrap().unwrap() {
            Event::Hinted(hint) if hint.path == path("~end") && hint.closed => break,
            _ => told += 1,
        }
    }
    assert!(told < busy, "{told}");
}

#[tokio::test]
async fn a_directory_that_cannot_be_watched_is_looked_at_from_time_to_time() {
    let mut world = World::new();
    let dir = world.root.join("far");
    fs::create_dir(&dir).unwrap();
    fs::write(dir.join("file"), "1").unwrap();
    world.heard().await;
    world.watcher.polled.add(&world.root, &path("far"));
    fs::write(dir.join("file"), "22").unwrap();
    fs::write(dir.join("new"), "3").unwrap();
    let mut expected = vec!["far/file".to_owned(), "far/new".to_owned()];
    while !expected.is_empty() {
        match timeout(Duration::from_secs(10), world.events.recv()).await.unwrap().unwrap() {
            Event::Hinted(hint) => expected.retain(|path| *path != hint.path.to_string()),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(world.watcher.polled(), 1);
    world.watcher.watch(&path("far")).unwrap();
    assert_eq!(world.watcher.polled(), 0);
}

#[tokio::test]
async fn a_directory_that_went_away_is_no_error() {
    let world = World::new();
    assert_eq!(world.watcher.watch(&path("none")), Ok(()));
    assert_eq!(world.watcher.polled(), 0);
}
