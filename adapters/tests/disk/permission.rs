//! What a user without privileges may not do, tried without them.

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::Path;

use onefold_adapters::disk::{Link, OpenError, RealDisk};
use onefold_core::disk::{Change, DiskError, Old};
use onefold_core::node::Kind;

use super::{FOLDER, LABEL, World, path};

const NOBODY: u32 = 65_534;

/// Does something as a user without privileges, in a thread of its own, in a directory of his.
fn as_nobody(test: impl FnOnce(&Path) + Send) {
    let dir = tempfile::tempdir().unwrap();
    if rustix::process::geteuid().is_root() {
        chown(dir.path(), Some(NOBODY), Some(NOBODY)).unwrap();
    }
    std::thread::scope(|scope| {
        let thread = scope.spawn(|| {
            drop_privileges();
            test(dir.path());
        });
        thread.join().unwrap();
    });
}

fn drop_privileges() {
    if !rustix::process::geteuid().is_root() {
        return;
    }
    for call in [libc::SYS_setresgid, libc::SYS_setresuid] {
        // SAFETY: the raw call changes this thread alone, and touches no memory.
        let result = unsafe { libc::syscall(call, NOBODY, NOBODY, NOBODY) };
        assert_eq!(result, 0);
    }
}

fn mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn a_directory_that_may_not_be_read_is_unknown_and_not_empty() {
    as_nobody(|place| {
        let world = World::new_in(place);
        world.write("dir/file", "1");
        let dir = world.root.join("dir");
        for unreadable in [0o000, 0o300, 0o600] {
            mode(&dir, unreadable);
            let look = world.look("dir");
            assert!(matches!(look, Err(DiskError::Denied(_))), "{unreadable:o}: {look:?}");
        }
        mode(&dir, 0o700);
        assert_eq!(world.look("dir").unwrap().names.len(), 1);
    });
}

#[test]
fn in_a_directory_that_may_not_be_written_nothing_changes() {
    as_nobody(|place| {
        let world = World::new_in(place);
        world.write("dir/file", "1");
        let (content, stamp) = (world.stage(b"new"), world.stamp("dir/file"));
        mode(&world.root.join("dir"), 0o500);
        let denied = |result: Result<_, _>| matches!(result, Err(DiskError::Denied(_)));
        assert!(denied(world.place("dir/file", Old::Is(stamp), content)));
        assert!(denied(world.place("dir/new", Old::Absent, content)));
        let remove = Change::Remove { at: path("dir/file"), expect: stamp, kind: Kind::File };
        assert!(denied(world.change(&remove).map(|_| stamp)));
        mode(&world.root.join("dir"), 0o700);
        assert_eq!(world.read("dir/file"), "1");
        world.place("dir/file", Old::Is(world.stamp("dir/file")), content).unwrap();
    });
}

#[test]
fn a_read_only_file_and_one_that_may_not_be_read_are_replaced_and_keep_their_mode() {
    as_nobody(|place| {
        let world = World::new_in(place);
        for (name, bits) in [("read-only", 0o444), ("unreadable", 0o200)] {
            world.write(name, "old");
            mode(&world.root.join(name), bits);
            let (content, stamp) = (world.stage(b"new"), world.stamp(name));
            world.place(name, Old::Is(stamp), content).unwrap();
            let now = fs::metadata(world.root.join(name)).unwrap().permissions().mode();
            assert_eq!(now & 0o777, bits, "{name}");
        }
    });
}

#[test]
fn a_directory_that_may_be_changed_but_not_listed_is_changed() {
    as_nobody(|place| {
        let world = World::new_in(place);
        world.write("dir/file", "1");
        mode(&world.root.join("dir"), 0o300);
        let content = world.stage(b"new");
        world.place("dir/new", Old::Absent, content).unwrap();
        mode(&world.root.join("dir"), 0o700);
        assert_eq!(world.read("dir/new"), "new");
    });
}

#[test]
fn a_root_that_may_not_be_entered_is_told_as_such() {
    as_nobody(|place| {
        let root = place.join("root");
        fs::create_dir(&root).unwrap();
        mode(&root, 0o000);
        let opened = RealDisk::open(&root, FOLDER, Link::Create, LABEL);
        assert!(matches!(opened, Err(OpenError::Denied(..))), "{:?}", opened.err());
        mode(&root, 0o500);
        let opened = RealDisk::open(&root, FOLDER, Link::Create, LABEL);
        assert!(matches!(opened, Err(OpenError::Denied(..))), "{:?}", opened.err());
        mode(&root, 0o700);
    });
}

#[test]
fn anothers_file_is_guarded_the_weaker_way() {
    if !rustix::process::geteuid().is_root() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    chown(dir.path(), Some(NOBODY), Some(NOBODY)).unwrap();
    let root = dir.path().join("root");
    fs::create_dir(&root).unwrap();
    fs::write(root.join("file"), "old").unwrap();
    chown(&root, Some(NOBODY), Some(NOBODY)).unwrap();
    // It stays root's, and may be read by all.
    let late = fs::OpenOptions::new().append(true).open(root.join("file")).unwrap();
    std::thread::scope(|scope| {
        let thread = scope.spawn(move || {
            drop_privileges();
            let disk = RealDisk::open(&root, FOLDER, Link::Create, LABEL).unwrap();
            let world = World { root, disk, dir };
            let (content, stamp) = (world.stage(b"new"), world.stamp("file"));
            world.place("file", Old::Is(stamp), content).unwrap();
            let guard = world.disk.guard_in_words();
            assert!(guard.ends_with("weaker for 1 file of another owner"), "{guard}");
            world
        });
        let world = thread.join().unwrap();
        use std::io::Write;
        (&late).write_all(b" written late").unwrap();
        drop(late);
        let swept = world.sweep_after(std::time::Duration::ZERO);
        assert_eq!(swept.rescued.len(), 1);
        assert_eq!(world.read("file"), "new");
        assert_eq!(world.read(&format!("file (conflict, {LABEL})")), "old written late");
    });
}
