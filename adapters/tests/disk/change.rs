use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::time::Duration;

use onefold_adapters::port::Disk;
use onefold_core::disk::{Change, DiskError, Names, Old};
use onefold_core::name::{Name, RelPath};
use onefold_core::node::{Content, Kind};
use onefold_core::time::FileTime;

use super::{DAY, LABEL, World, path};

#[test]
fn a_placed_file_has_its_bytes_time_and_mode_and_is_as_the_stamp_says() {
    let world = World::new();
    for seconds in [1_500_000_000, 0, -1_000, 4_294_967_296, 15_000_000_000] {
        let at = format!("file {seconds}");
        let staged = world.stage(at.as_bytes());
        let mtime = FileTime { seconds, nanoseconds: 123_456_789 };
        let stamp = world.place(&at, Old::Absent, Content { mtime, ..staged }).unwrap();
        assert_eq!(stamp.mtime, mtime);
        assert!(stamp.still(&world.stamp(&at)), "{at}");
        assert_eq!(world.read(&at), at);
    }
    let made = fs::File::create(world.root.join("by hand")).unwrap();
    let mode = |at: &str| fs::metadata(world.root.join(at)).unwrap().mode();
    assert_eq!(mode("file 0"), made.metadata().unwrap().mode());
}

#[test]
fn a_replaced_file_keeps_its_mode_and_attributes_but_for_the_executable_bit() {
    let world = World::new();
    world.write("file", "old");
    let at = world.root.join("file");
    fs::set_permissions(&at, fs::Permissions::from_mode(0o640)).unwrap();
    let flags = rustix::fs::XattrFlags::empty();
    let has_attributes = rustix::fs::setxattr(&at, "user.note", b"kept", flags).is_ok();
    let (content, old) = (world.stage(b"new"), Old::Is(world.stamp("file")));
    let change = Change::PlaceFile { at: path("file"), old, content, executable: true };
    world.change(&change).unwrap();
    assert_eq!(fs::metadata(&at).unwrap().mode() & 0o777, 0o750);
    if has_attributes {
        let mut value = [0; 8];
        let length = rustix::fs::getxattr(&at, "user.note", &mut value[..]).unwrap();
        assert_eq!(&value[..length], b"kept");
    }
}

#[test]
fn nothing_is_placed_over_what_the_engine_does_not_know() {
    let world = World::new();
    let content = world.stage(b"new");
    world.write("file", "user's");
    assert_eq!(world.place("file", Old::Absent, content), Err(DiskError::Occupied));
    let old = world.stamp("file");
    world.write("file", "edited");
    assert_eq!(world.place("file", Old::Is(old), content), Err(DiskError::Changed));
    fs::remove_file(world.root.join("file")).unwrap();
    assert_eq!(world.place("file", Old::Is(old), content), Err(DiskError::Gone));
    assert_eq!(world.place("none/file", Old::Absent, content), Err(DiskError::Gone));
    // It is still staged after all these.
    world.place("file", Old::Absent, content).unwrap();
}

#[test]
fn a_file_in_a_writers_hands_is_busy_until_it_is_closed() {
    let world = World::new();
    world.write("file", "old");
    let writer = OpenOptions::new().append(true).open(world.root.join("file")).unwrap();
    let (content, stamp) = (world.stage(b"new"), world.stamp("file"));
    assert_eq!(world.place("file", Old::Is(stamp), content), Err(DiskError::Busy));
    let remove = Change::Remove { at: path("file"), expect: stamp, kind: Kind::File };
    assert_eq!(world.change(&remove), Err(DiskError::Busy));
    let rename = |only_if_quiet| Change::Rename {
        from: path("file"),
        expect: stamp,
        to: path("other"),
        only_if_quiet,
    };
    assert_eq!(world.change(&rename(true)), Err(DiskError::Busy));
    assert_eq!(world.disk.counts().refused, 3);
    drop(writer);
    world.until_closed("file");
    world.place("file", Old::Is(stamp), content).unwrap();
    assert_eq!(world.read("file"), "new");
}

#[test]
fn an_open_file_is_renamed_with_its_writer_unless_it_must_be_quiet() {
    let world = World::new();
    world.write("file", "old");
    let mut writer = OpenOptions::new().append(true).open(world.root.join("file")).unwrap();
    let (from, to, expect) = (path("file"), path("other"), world.stamp("file"));
    let change = Change::Rename { from, expect, to, only_if_quiet: false };
    let stamp = world.change(&change).unwrap().unwrap();
    assert!(stamp.still(&world.stamp("other")));
    writer.write_all(b" and on").unwrap();
    assert_eq!(world.read("other"), "old and on");
}

#[test]
fn a_late_writer_gets_a_version_of_his_own() {
    let world = World::new();
    world.write("report.txt", "old");
    let at = world.root.join("report.txt");
    // Opened for reading only, and written through its name in /proc: the guard cannot see that.
    let late = fs::File::open(&at).unwrap();
    let (content, stamp) = (world.stage(b"new"), world.stamp("report.txt"));
    world.place("report.txt", Old::Is(stamp), content).unwrap();
    assert_eq!(world.sweep_after(Duration::ZERO).rescued, []);
    use std::os::fd::AsRawFd;
    fs::write(format!("/proc/self/fd/{}", late.as_raw_fd()), "written late").unwrap();
    let swept = world.sweep_after(Duration::ZERO);
    assert_eq!(swept.rescued.len(), 1);
    assert_eq!(world.read("report.txt"), "new");
    assert_eq!(world.read(&format!("report (conflict, {LABEL}).txt")), "written late");
    assert_eq!(world.sweep_after(DAY * 2).kept, 0);
}

#[test]
fn displaced_bytes_are_kept_for_a_day_and_removed_ones_for_a_moment() {
    let world = World::new();
    world.write("replaced", "old");
    world.write("removed", "old");
    let (content, stamp) = (world.stage(b"new"), world.stamp("replaced"));
    world.place("replaced", Old::Is(stamp), content).unwrap();
    let expect = world.stamp("removed");
    world.change(&Change::Remove { at: path("removed"), expect, kind: Kind::File }).unwrap();
    assert_eq!(world.sweep_after(Duration::ZERO).kept, 2);
    assert_eq!(world.sweep_after(Duration::from_secs(20)).kept, 1);
    assert_eq!(world.sweep_after(DAY / 2).kept, 1);
    let swept = world.sweep_after(DAY * 2);
    assert_eq!((swept.kept, swept.next), (0, None));
}

#[test]
fn a_directory_is_removed_only_when_it_is_empty() {
    let world = World::new();
    let at = path("dir");
    let stamp = world.change(&Change::MakeDirectory { at: at.clone() }).unwrap().unwrap();
    world.write("dir/file", "1");
    assert_eq!(stamp, world.stamp("dir"));
    let again = Change::MakeDirectory { at: at.clone() };
    assert_eq!(world.change(&again), Err(DiskError::Occupied));
    let remove = Change::Remove { at, expect: stamp, kind: Kind::Directory };
    assert_eq!(world.change(&remove), Err(DiskError::NotEmpty));
    fs::remove_file(world.root.join("dir/file")).unwrap();
    assert_eq!(world.change(&remove), Ok(None));
    assert_eq!(world.change(&remove), Err(DiskError::Gone));
}

#[test]
fn a_rename_replaces_nothing_and_moves_into_no_own_inside() {
    let world = World::new();
    world.write("dir/file", "1");
    world.write("other", "2");
    let rename = |from: &str, to: &str| {
        let expect = world.stamp(from);
        let (from, to) = (path(from), path(to));
        world.change(&Change::Rename { from, expect, to, only_if_quiet: false })
    };
    assert_eq!(rename("dir/file", "other"), Err(DiskError::Occupied));
    assert!(matches!(rename("dir", "dir/inside"), Err(DiskError::Failed(_))));
    assert_eq!(rename("other", "none/other"), Err(DiskError::Gone));
    rename("dir", "moved").unwrap();
    assert_eq!(world.read("moved/file"), "1");
}

#[test]
fn a_file_of_the_longest_name_is_placed() {
    let world = World::new();
    let content = world.stage(b"1");
    let at = RelPath::new(vec![Name::new(&[b'n'; 255]).unwrap()]);
    let change = Change::PlaceFile { at, old: Old::Absent, content, executable: false };
    assert!(world.change(&change).is_ok());
}

#[test]
fn the_executable_bit_is_set_and_cleared_without_a_new_file() {
    let world = World::new();
    world.write("file", "1");
    for executable in [true, false] {
        let expect = world.stamp("file");
        let at = path("file");
        let stamp = world.change(&Change::SetExecutable { at, expect, executable }).unwrap();
        assert!(stamp.unwrap().still(&world.stamp("file")));
        let mode = fs::metadata(world.root.join("file")).unwrap().mode();
        assert_eq!(mode & 0o100 != 0, executable);
    }
}

#[test]
fn nothing_is_changed_through_a_link_that_leads_out() {
    let world = World::new();
    let outside = tempfile::tempdir().unwrap();
    fs::write(outside.path().join("file"), "outside").unwrap();
    world.write("dir/file", "inside");
    let stamp = world.stamp("dir/file");
    fs::rename(world.root.join("dir"), world.root.join("away")).unwrap();
    std::os::unix::fs::symlink(outside.path(), world.root.join("dir")).unwrap();
    let content = world.stage(b"new");
    assert_eq!(world.place("dir/file", Old::Is(stamp), content), Err(DiskError::Gone));
    assert_eq!(world.place("dir/new", Old::Absent, content), Err(DiskError::Gone));
    assert_eq!(world.disk.look(&path("dir"), &Names::All).unwrap_err(), DiskError::Gone);
    assert_eq!(world.disk.hash(&path("dir/file"), &stamp), Err(DiskError::Gone));
    assert_eq!(fs::read_dir(outside.path()).unwrap().count(), 1);
    assert_eq!(fs::read_to_string(outside.path().join("file")).unwrap(), "outside");
}

#[test]
fn one_of_two_hard_links_is_replaced_and_the_other_stays() {
    let world = World::new();
    world.write("one", "old");
    fs::hard_link(world.root.join("one"), world.root.join("two")).unwrap();
    assert_eq!(world.found("one").links, 2);
    let (content, stamp) = (world.stage(b"new"), world.stamp("one"));
    world.place("one", Old::Is(stamp), content).unwrap();
    world.write("two", "edited");
    assert_eq!(world.sweep_after(DAY * 2).rescued, []);
    assert_eq!((world.read("one"), world.read("two")), ("new".into(), "edited".into()));
}
