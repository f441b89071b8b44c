use std::fs;
use std::path::Path;

use onefold_adapters::disk::{Link, OpenError, RealDisk};
use onefold_core::disk::{DiskError, Old, Seen};
use onefold_core::id::FolderId;

use super::{FOLDER, LABEL, World};

fn open(root: &Path, link: Link) -> Result<RealDisk, OpenError> {
    RealDisk::open(root, FOLDER, link, LABEL)
}

fn is_empty(dir: &Path) -> bool {
    fs::read_dir(dir).unwrap().next().is_none()
}

#[test]
fn an_empty_place_is_not_taken_for_the_folder_and_nothing_is_made_there() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("root");
    assert!(matches!(open(&root, Link::Existing), Err(OpenError::Missing(_))));
    assert!(!root.exists());
    fs::create_dir(&root).unwrap();
    assert!(matches!(open(&root, Link::Existing), Err(OpenError::Unmarked(_))));
    assert!(is_empty(&root));
}

#[test]
fn a_file_is_no_folder() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("file");
    fs::write(&file, "1").unwrap();
    for link in [Link::Create, Link::Existing] {
        assert!(matches!(open(&file, link), Err(OpenError::NotDirectory(_))));
        let below = open(&file.join("below"), link);
        assert!(matches!(below, Err(OpenError::NotDirectory(_))), "{:?}", below.err());
    }
}

#[test]
fn a_root_is_known_again_and_held_by_one_client_at_a_time() {
    let world = World::new();
    assert!(matches!(open(&world.root, Link::Existing), Err(OpenError::InUse(_))));
    let World { root, disk, dir } = world;
    drop(disk);
    open(&root, Link::Existing).unwrap();
    open(&root, Link::Create).unwrap();
    let other = FolderId::from_bytes([9; 16]);
    for link in [Link::Create, Link::Existing] {
        let opened = RealDisk::open(&root, other, link, LABEL);
        assert!(matches!(opened, Err(OpenError::OtherFolder(_, FOLDER))));
    }
    drop(dir);
}

#[test]
fn a_copied_root_is_not_the_folder_but_may_be_joined() {
    let world = World::new();
    world.write("file", "1");
    let (content, stamp) = (world.stage(b"new"), world.stamp("file"));
    world.place("file", Old::Is(stamp), content).unwrap();
    let copy = world.dir.path().join("copy");
    let copied = std::process::Command::new("cp").arg("-a").arg(&world.root).arg(&copy).status();
    assert!(copied.unwrap().success());
    assert!(matches!(open(&copy, Link::Existing), Err(OpenError::Copied(_))));
    let joined = open(&copy, Link::Create).unwrap();
    assert_eq!(joined.recovered().rescued, []);
    drop(joined);
    open(&copy, Link::Existing).unwrap();
    assert_eq!(fs::read_dir(&copy).unwrap().count(), 2);
}

#[test]
fn a_folder_inside_a_linked_folder_is_refused_and_one_that_is_there_is_unknown() {
    let world = World::new();
    let inside = world.root.join("dir/inside");
    fs::create_dir_all(&inside).unwrap();
    let refused = open(&inside, Link::Create);
    assert!(matches!(refused, Err(OpenError::Inside(_, outer)) if outer == world.root));
    assert!(is_empty(&inside));
    let deeper = inside.join("not/yet");
    assert!(matches!(open(&deeper, Link::Create), Err(OpenError::Inside(..))));
    assert!(is_empty(&inside));
    // One that was linked elsewhere and moved here.
    let elsewhere = world.dir.path().join("elsewhere");
    drop(open(&elsewhere, Link::Create).unwrap());
    fs::rename(&elsewhere, world.root.join("moved")).unwrap();
    assert!(matches!(world.seen("moved"), Some(Seen::Other { .. })));
}

#[test]
fn everything_stops_when_the_root_goes_away_or_another_takes_its_place() {
    let world = World::new();
    world.write("file", "1");
    let (content, stamp) = (world.stage(b"new"), world.stamp("file"));
    let away = world.dir.path().join("away");
    let gone = |world: &World| {
        let look = matches!(world.look(""), Err(DiskError::RootGone(_)));
        let place = world.place("file", Old::Is(stamp), content);
        look && matches!(place, Err(DiskError::RootGone(_)))
    };
    fs::rename(&world.root, &away).unwrap();
    assert!(gone(&world), "moved away");
    fs::create_dir(&world.root).unwrap();
    assert!(gone(&world), "an empty one in its place");
    assert!(is_empty(&world.root));
    fs::remove_dir(&world.root).unwrap();
    fs::rename(&away, &world.root).unwrap();
    assert!(!gone(&world), "back again");
    fs::remove_file(world.root.join(".onefold/folder")).unwrap();
    let look = world.look("");
    assert!(matches!(look, Err(DiskError::RootGone(_))), "without its marker");
}

#[test]
fn the_guard_in_force_is_told_in_words() {
    let world = World::new();
    let guard = world.disk.guard();
    assert!(!guard.to_string().is_empty());
    assert!(guard.no_replace && guard.exchange, "{guard}");
}
