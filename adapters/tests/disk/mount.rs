//! Other filesystems: mounted inside the root, full, and gone. Who may not mount skips these.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use onefold_adapters::disk::{Link, OpenError, RealDisk};
use onefold_adapters::port::Disk;
use onefold_core::disk::{Change, DiskError, Old, Seen};
use onefold_core::node::Kind;

use super::{FOLDER, LABEL, World, content, path};

/// A small filesystem, until it is dropped.
pub(super) struct Mount(PathBuf);

impl Mount {
    pub(super) fn at(path: &Path, arguments: &[&str]) -> Option<Self> {
        fs::create_dir_all(path).unwrap();
        let done = Command::new("mount").args(arguments).arg(path).output().ok()?;
        done.status.success().then(|| Self(path.to_owned()))
    }

    /// By a program that carries the filesystem out, and goes into the background once it is there.
    pub(super) fn by(program: &str, arguments: &[&str], path: &Path) -> Option<Self> {
        fs::create_dir_all(path).unwrap();
        let done = Command::new(program).args(arguments).arg(path).output().ok()?;
        let is_mounted = || {
            let above = path.parent().unwrap();
            fs::metadata(path).unwrap().dev() != fs::metadata(above).unwrap().dev()
        };
        (done.status.success() && is_mounted()).then(|| Self(path.to_owned()))
    }

    /// Where it is.
    pub(super) fn path(&self) -> &Path {
        &self.0
    }

    fn small(path: &Path) -> Option<Self> {
        Self::at(path, &["-t", "tmpfs", "-o", "size=512k", "tmpfs"])
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(&self.0).status();
    }
}

#[test]
fn what_is_mounted_inside_the_root_is_unknown() {
    let world = World::new();
    world.write("plain/file", "1");
    let Some(_mount) = Mount::small(&world.root.join("mounted")) else { return };
    let plain = world.root.join("plain");
    let arguments = ["--bind", plain.to_str().unwrap()];
    let Some(_bind) = Mount::at(&world.root.join("bound"), &arguments) else { return };
    fs::write(world.root.join("mounted/file"), "1").unwrap();
    for name in ["mounted", "bound"] {
        assert!(matches!(world.seen(name), Some(Seen::Other(_))), "{name}");
        assert!(matches!(world.look(name), Err(DiskError::Failed(_))), "{name}");
        let content = world.stage(b"new");
        let placed = world.place(&format!("{name}/new"), Old::Absent, content);
        assert!(matches!(placed, Err(DiskError::Failed(_))), "{name}: {placed:?}");
    }
    assert!(matches!(world.seen("plain"), Some(Seen::Node(_))));
}

#[test]
fn a_full_disk_changes_nothing_and_what_was_staged_is_gone_on_from() {
    let dir = tempfile::tempdir().unwrap();
    let Some(_mount) = Mount::small(dir.path()) else { return };
    let world = World::new_in(dir.path());
    world.write("file", "old");
    let bytes = vec![7; 300 * 1024];
    let content = content(&bytes);
    let mut staging = world.disk.stage(&content).unwrap();
    world.write("ballast", vec![1; 300 * 1024]);
    let mut full = false;
    for chunk in bytes.chunks(64 * 1024) {
        match staging.append(chunk) {
            Ok(()) => {}
            Err(DiskError::Full(_)) => full = true,
            Err(error) => panic!("{error}"),
        }
        if full {
            break;
        }
    }
    assert!(full);
    let have = staging.len();
    drop(staging);
    fs::remove_file(world.root.join("ballast")).unwrap();
    let mut staging = world.disk.stage(&content).unwrap();
    assert!(have > 0 && staging.len() == have, "{have}");
    staging.append(&bytes[usize::try_from(have).unwrap()..]).unwrap();
    staging.finish().unwrap();
    let stamp = world.stamp("file");
    world.place("file", Old::Is(stamp), content).unwrap();
    assert_eq!(fs::read(world.root.join("file")).unwrap(), bytes);
}

#[test]
fn below_the_floor_nothing_comes_in_and_what_is_there_is_read_and_removed() {
    let dir = tempfile::tempdir().unwrap();
    let Some(_mount) = Mount::at(dir.path(), &["-t", "tmpfs", "-o", "size=2m", "tmpfs"]) else {
        return;
    };
    let world = World::new_in(dir.path());
    world.write("file", "old");
    // Of 2 MiB, 102 KiB are to stay free.
    world.write("ballast", vec![1; 2 * 1024 * 1024 - 90 * 1024]);
    let refused = world.disk.stage(&content(b"new")).err();
    let Some(DiskError::Full(words)) = refused else { panic!("{refused:?}") };
    assert!(words.contains("MiB are free"), "{words}");
    world.disk.hash(&path("file"), &world.stamp("file")).unwrap();
    let ballast = world.stamp("ballast");
    let remove = Change::Remove { at: path("ballast"), expect: ballast, kind: Kind::File };
    world.change(&remove).unwrap();
    world.sweep_after(Duration::from_secs(60));
    world.stage(b"new");
}

#[test]
fn an_unmounted_root_stops_everything_and_its_empty_place_stays_empty() {
    let dir = tempfile::tempdir().unwrap();
    let Some(mount) = Mount::small(&dir.path().join("root")) else { return };
    let world = {
        let root = dir.path().join("root");
        let disk = RealDisk::open(&root, FOLDER, Link::Create, LABEL).unwrap();
        World { root, disk, dir }
    };
    world.write("file", "1");
    let content = world.stage(b"new");
    drop(mount);
    assert!(matches!(world.look(""), Err(DiskError::RootGone(_))));
    assert!(matches!(world.disk.stage(&content).err(), Some(DiskError::RootGone(_))));
    let placed = world.place("new", Old::Absent, content);
    assert!(matches!(placed, Err(DiskError::RootGone(_))));
    assert_eq!(fs::read_dir(&world.root).unwrap().count(), 0);
    let again = RealDisk::open(&world.root, FOLDER, Link::Existing, LABEL);
    assert!(matches!(again, Err(OpenError::Unmarked(_))));
    assert_eq!(fs::read_dir(&world.root).unwrap().count(), 0);
}
