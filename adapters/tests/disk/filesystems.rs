//! The guard on real filesystems, each with what it offers. One that cannot be made or mounted here is
//! left out, and said to be.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use onefold_adapters::disk::{Link, OpenError, RealDisk};
use onefold_core::disk::{Change, DiskError, Old};
use onefold_core::node::Kind;

use super::mount::Mount;
use super::{FOLDER, LABEL, World, path};

/// Whether leases, exchange, no-replace and birth times are there.
type Offers = [bool; 4];
/// What the kernel itself offers where a program carries the filesystem out.
const LEASES_ONLY: Offers = [true, false, false, false];

/// A filesystem in a file of so many MiB.
fn image(dir: &Path, kind: &str, mib: u64, make: &[&str]) -> Option<Mount> {
    let image = made(dir, kind, mib, make)?;
    Mount::at(&dir.join(kind), &["-o", "loop", "-t", kind, image.to_str().unwrap()])
}

/// A file of so many MiB that holds an empty filesystem.
fn made(dir: &Path, kind: &str, mib: u64, make: &[&str]) -> Option<PathBuf> {
    let image = dir.join(format!("{kind}.image"));
    fs::File::create(&image).unwrap().set_len(mib * 1024 * 1024).unwrap();
    let made = Command::new(format!("mkfs.{kind}")).args(make).arg(&image).output().ok()?;
    assert!(made.status.success(), "mkfs.{kind}: {}", String::from_utf8_lossy(&made.stderr));
    Some(image)
}

/// Everything that the guard promises, on the filesystem at a directory.
#[track_caller]
fn check(place: Option<Mount>, kind: &str, offers: Offers) {
    let Some(mount) = place else {
        eprintln!("{kind} cannot be mounted here: not tried");
        return;
    };
    let world = World::new_in(mount.path());
    let guard = world.disk.guard();
    let found = [guard.leases, guard.exchange, guard.no_replace, guard.birth_times];
    assert_eq!(found, offers, "{kind}: {guard}");
    let full = offers == [true; 4];
    assert_eq!(guard.to_string().starts_with("full"), full, "{kind}: {guard}");
    replaces(&world, kind);
    waits_for_a_writer(&world, kind, guard.leases);
    keeps_what_is_written_late(&world, kind);
    takes_no_name_that_is_taken(&world, kind);
    removes(&world, kind);
    drop(world);
    drop(mount);
}

fn replaces(world: &World, kind: &str) {
    world.write("file", "old");
    let (content, stamp) = (world.stage(b"new"), world.stamp("file"));
    let placed = world.place("file", Old::Is(stamp), content).unwrap();
    assert_eq!(world.read("file"), "new", "{kind}");
    assert!(placed.still(&world.stamp("file")), "{kind}");
    // What the engine did not see is not replaced.
    world.write("file", "a user's");
    let content = world.stage(b"newer");
    let refused = world.place("file", Old::Is(placed), content);
    assert!(matches!(refused, Err(DiskError::Changed)), "{kind}: {refused:?}");
    assert_eq!(world.read("file"), "a user's", "{kind}");
}

fn waits_for_a_writer(world: &World, kind: &str, leases: bool) {
    world.write("busy", "old");
    let writer = OpenOptions::new().append(true).open(world.root.join("busy")).unwrap();
    let (content, stamp) = (world.stage(b"from elsewhere"), world.stamp("busy"));
    let placed = world.place("busy", Old::Is(stamp), content);
    assert_eq!(placed.is_err(), leases, "{kind}: {placed:?}");
    drop(writer);
    if leases {
        assert!(matches!(placed, Err(DiskError::Busy)), "{kind}: {placed:?}");
        world.until_closed("busy");
        world.place("busy", Old::Is(world.stamp("busy")), content).unwrap();
    }
    assert_eq!(world.read("busy"), "from elsewhere", "{kind}");
}

fn keeps_what_is_written_late(world: &World, kind: &str) {
    world.write("late", "old");
    let stamp = world.stamp("late");
    let mut reader = OpenOptions::new().read(true).open(world.root.join("late")).unwrap();
    let content = world.stage(b"new bytes");
    world.place("late", Old::Is(stamp), content).unwrap();
    // Whoever has it open still has the old one.
    let mut old = String::new();
    std::io::Read::read_to_string(&mut reader, &mut old).unwrap();
    assert_eq!(old, "old", "{kind}");
    drop(reader);
    let writer = OpenOptions::new().append(true).open(world.root.join("late"));
    writer.unwrap().write_all(b", and more").unwrap();
    let swept = world.sweep_after(Duration::ZERO);
    assert_eq!(swept.stuck, [], "{kind}");
    assert_eq!(world.read("late"), "new bytes, and more", "{kind}");
}

fn takes_no_name_that_is_taken(world: &World, kind: &str) {
    world.write("taken", "a user's");
    let content = world.stage(b"from elsewhere, too");
    let refused = world.place("taken", Old::Absent, content);
    assert!(matches!(refused, Err(DiskError::Occupied)), "{kind}: {refused:?}");
    world.write("moved", "1");
    let expect = world.stamp("moved");
    let to = path("taken");
    let rename = Change::Rename { from: path("moved"), expect, to, only_if_quiet: false };
    let refused = world.change(&rename);
    assert!(matches!(refused, Err(DiskError::Occupied)), "{kind}: {refused:?}");
    assert_eq!(world.read("taken"), "a user's", "{kind}");
    let to = path(&format!("moved (conflict, {LABEL})"));
    world
        .change(&Change::Rename { from: path("moved"), expect, to, only_if_quiet: false })
        .unwrap();
    assert!(!world.root.join("moved").exists(), "{kind}");
}

fn removes(world: &World, kind: &str) {
    world.write("gone", "1");
    let expect = world.stamp("gone");
    world.change(&Change::Remove { at: path("gone"), expect, kind: Kind::File }).unwrap();
    assert!(!world.root.join("gone").exists(), "{kind}");
}

#[test]
fn ext4_has_all_that_the_guard_uses() {
    let dir = tempfile::tempdir().unwrap();
    check(image(dir.path(), "ext4", 16, &["-q", "-F"]), "ext4", [true; 4]);
}

#[test]
fn xfs_has_all_that_the_guard_uses() {
    let dir = tempfile::tempdir().unwrap();
    check(image(dir.path(), "xfs", 320, &["-q", "-f"]), "xfs", [true; 4]);
}

#[test]
fn a_filesystem_in_memory_has_all_that_the_guard_uses() {
    let dir = tempfile::tempdir().unwrap();
    let memory = ["-t", "tmpfs", "-o", "size=16m", "tmpfs"];
    check(Mount::at(&dir.path().join("memory"), &memory), "tmpfs", [true; 4]);
}

#[test]
fn small_inodes_have_no_birth_times_and_whole_seconds() {
    let dir = tempfile::tempdir().unwrap();
    let offers = [true, true, true, false];
    check(image(dir.path(), "ext3", 16, &["-q", "-F", "-I", "128"]), "ext3", offers);
}

#[test]
fn an_overlay_is_guarded_with_what_it_offers() {
    let dir = tempfile::tempdir().unwrap();
    let memory = ["-t", "tmpfs", "-o", "size=16m", "tmpfs"];
    let Some(_below) = Mount::at(&dir.path().join("below"), &memory) else { return };
    let part = |name: &str| {
        let path = dir.path().join("below").join(name);
        fs::create_dir(&path).unwrap();
        path.display().to_string()
    };
    let (lower, upper, work) = (part("lower"), part("upper"), part("work"));
    let options = format!("lowerdir={lower},upperdir={upper},workdir={work}");
    let mount =
        Mount::at(&dir.path().join("overlay"), &["-t", "overlay", "-o", &options, "overlay"]);
    check(mount, "overlay", [true; 4]);
}

#[test]
fn btrfs_has_all_that_the_guard_uses() {
    let dir = tempfile::tempdir().unwrap();
    check(image(dir.path(), "btrfs", 128, &["-q"]), "btrfs", [true; 4]);
}

#[test]
fn a_folder_that_a_program_shows_elsewhere_is_guarded_with_what_it_offers() {
    let dir = tempfile::tempdir().unwrap();
    let below = dir.path().join("below");
    fs::create_dir(&below).unwrap();
    let mount = Mount::by("bindfs", &[below.to_str().unwrap()], &dir.path().join("bindfs"));
    check(mount, "bindfs", LEASES_ONLY);
}

#[test]
fn ntfs_is_guarded_with_what_it_offers() {
    let dir = tempfile::tempdir().unwrap();
    let mount = made(dir.path(), "ntfs", 16, &["-F", "-q"]).and_then(|image| {
        Mount::by("ntfs-3g", &[image.to_str().unwrap()], &dir.path().join("ntfs"))
    });
    check(mount, "ntfs", LEASES_ONLY);
}

#[test]
fn a_disk_where_no_name_can_be_taken_safely_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let mount = made(dir.path(), "vfat", 16, &[]).and_then(|image| {
        let arguments = ["-o", "rw+", image.to_str().unwrap()];
        Mount::by("fusefat", &arguments, &dir.path().join("vfat"))
    });
    let Some(mount) = mount else {
        eprintln!("vfat cannot be mounted here: not tried");
        return;
    };
    let root = mount.path().join("root");
    fs::create_dir(&root).unwrap();
    fs::write(root.join("mine"), "mine").unwrap();
    let opened = RealDisk::open(&root, FOLDER, Link::Create, LABEL);
    assert!(matches!(opened, Err(OpenError::Unguarded(_))));
    assert_eq!(fs::read(root.join("mine")).unwrap(), b"mine");
}
