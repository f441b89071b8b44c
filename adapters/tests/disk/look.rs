use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::net::UnixListener;

use onefold_adapters::port::Disk;
use onefold_core::disk::{DiskError, Form, Names, Seen};
use rustix::fs::{CWD, FileType, Mode, mknodat};

use super::{World, name, path};

fn names(world: &World, dir: &str) -> Vec<String> {
    world.look(dir).unwrap().names.iter().map(|(name, _)| name.to_string()).collect()
}

fn is_other(world: &World, at: &str) -> bool {
    matches!(world.seen(at), Some(Seen::Other { .. }))
}

#[test]
fn lists_files_directories_and_links_as_they_are() {
    let world = World::new();
    world.write("dir/file", "1");
    world.write("run", "#!");
    let executable = fs::Permissions::from_mode(0o755);
    fs::set_permissions(world.root.join("run"), executable).unwrap();
    symlink("nowhere", world.root.join("link")).unwrap();
    assert_eq!(names(&world, ""), ["dir", "link", "run"]);
    assert_eq!(world.found("dir").form, Form::Directory);
    assert_eq!(world.found("run").form, Form::File { executable: true });
    assert_eq!(world.found("dir/file").form, Form::File { executable: false });
    assert!(matches!(world.found("link").form, Form::Symlink(target)
        if target.as_bytes() == b"nowhere"));
}

#[test]
fn what_was_asked_for_and_is_absent_is_left_out() {
    let world = World::new();
    world.write("here", "1");
    let asked = Names::Only([name("here"), name("gone")].into());
    let listing = world.disk.look(&path(""), &asked).unwrap();
    assert_eq!(listing.names.len(), 1);
    assert_eq!(world.look("gone").unwrap_err(), DiskError::Gone);
    assert_eq!(world.look("here").unwrap_err(), DiskError::Gone);
}

#[test]
fn fifos_sockets_and_devices_are_there_but_unknown_and_never_opened() {
    let world = World::new();
    let at = |name: &str| world.root.join(name);
    let mode = Mode::RUSR | Mode::WUSR;
    mknodat(CWD, at("fifo"), FileType::Fifo, mode, 0).unwrap();
    let _socket = UnixListener::bind(at("socket")).unwrap();
    for name in ["fifo", "socket"] {
        assert!(is_other(&world, name), "{name}");
    }
}

#[test]
fn ignored_names_are_there_but_unknown_and_the_rules_are_read_again() {
    let world = World::new();
    world.write("a.log", "1");
    world.write(".DS_Store", "1");
    assert!(!is_other(&world, "a.log"));
    assert!(is_other(&world, ".DS_Store"));
    world.write(".onefoldignore", "*.log\n");
    assert!(is_other(&world, "a.log"));
    world.write(".onefoldignore", "*.txt\n");
    assert!(!is_other(&world, "a.log"));
}

#[test]
fn rules_outlive_an_editor_that_saves_them() {
    let world = World::new();
    world.write("a.log", "1");
    world.write(".onefoldignore", "*.log\n");
    assert!(is_other(&world, "a.log"));
    fs::remove_file(world.root.join(".onefoldignore")).unwrap();
    assert!(is_other(&world, "a.log"));
    let truncated = fs::File::create(world.root.join(".onefoldignore")).unwrap();
    assert!(is_other(&world, "a.log"), "while it is being written");
    drop(truncated);
    assert!(!is_other(&world, "a.log"));
}

#[test]
fn the_clients_own_directory_is_never_seen_at_any_depth() {
    let world = World::new();
    world.write("dir/.onefold/x", "1");
    world.write("dir/.OneFold/x", "1");
    world.write("dir/y", "1");
    assert_eq!(names(&world, ""), ["dir"]);
    assert_eq!(names(&world, "dir"), ["y"]);
    let mode = fs::metadata(world.root.join(".onefold")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o700);
}

#[test]
fn a_directory_keeps_its_stamp_while_its_files_change() {
    let world = World::new();
    world.write("dir/a", "1");
    let before = world.stamp("dir");
    world.write("dir/b", "1");
    assert_eq!(world.stamp("dir"), before);
}

#[test]
fn any_name_that_the_system_can_hold_comes_back_as_it_is() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    let world = World::new();
    for bytes in [&b" "[..], b"\xff\xfe", b"-rf", b"a\nb", b"...", &[b'n'; 255]] {
        fs::write(world.root.join(OsStr::from_bytes(bytes)), "1").unwrap();
    }
    assert_eq!(world.look("").unwrap().names.len(), 6);
}
