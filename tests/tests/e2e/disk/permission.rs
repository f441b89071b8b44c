//! What may not be read or written, tried by a client that has no more rights than its user.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use tests::{Device, Server, World};

use super::{problems, wait_for_bytes, wait_for_problem};

/// The rights that make root more than the owner of its files.
const DROPPED: &str = "-dac_override,-dac_read_search,-lease,-fowner";

/// Has a command run without these rights.
fn unprivileged(command: &Command) -> Command {
    let mut plain = Command::new("setpriv");
    plain.arg(format!("--bounding-set={DROPPED}")).arg(format!("--inh-caps={DROPPED}"));
    plain.arg("--").arg(command.get_program()).args(command.get_args());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => plain.env(name, value),
            None => plain.env_remove(name),
        };
    }
    if let Some(directory) = command.get_current_dir() {
        plain.current_dir(directory);
    }
    plain
}

/// A device whose client runs without them.
pub(super) fn join_unprivileged<'w>(world: &'w World, name: &str, link: &str) -> Device<'w> {
    let mut device = Device::new(world, name);
    let mut command = device.command(["join", link]);
    command.arg(device.folder()).args(["--device", name]);
    device.start(unprivileged(&command));
    device.wait_until_in_sync();
    device
}

pub(super) fn mode(path: &Path, bits: u32) {
    fs::set_permissions(path, Permissions::from_mode(bits)).expect("it is ours");
}

/// Without this, none of these tests could fail.
#[track_caller]
fn assert_cannot_read(path: &Path) {
    mode(path, 0o000);
    let mut cat = Command::new("cat");
    cat.arg(path);
    let output = unprivileged(&cat).output().expect("setpriv is there");
    assert!(!output.status.success(), "a file of mode 000 was read");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("Permission denied"), "{said}");
}

#[test]
fn what_cannot_be_read_waits_with_its_reason_and_everything_else_goes_on() {
    let world = World::new();
    let server = Server::start(&world);
    let mut one = join_unprivileged(&world, "one", &server.link());
    let two = Device::join(&world, "two", &server.link());
    one.write("d/inside.txt", "1");
    one.write("known.txt", "old");
    two.wait_for_tree(&one.tree());
    fs::write(world.at("secret"), "2").expect("ours");
    assert_cannot_read(&world.at("secret"));

    fs::rename(world.at("secret"), one.at("secret.txt")).expect("ours");
    mode(&one.at("d"), 0o000);
    one.write("other.txt", "3");

    wait_for_bytes(&two.at("other.txt"), b"3");
    // A directory is tried when it is looked at.
    one.run(["sync", "--once"]).expect(3);
    let unreadable = wait_for_problem(&one, "unreadable");
    let paths = |found: &[(String, String)]| -> Vec<String> {
        found.iter().map(|(path, _)| path.clone()).collect()
    };
    tests::wait_for("both to be told", tests::PATIENCE, || {
        let found = paths(&problems(&one.status(), "unreadable"));
        if found == ["d", "secret.txt"] { Ok(()) } else { Err(format!("{found:?}")) }
    });
    assert!(unreadable[0].1.contains("ermission denied"), "{unreadable:?}");
    assert!(two.at("d/inside.txt").exists(), "what cannot be seen is not deleted");
    assert!(!two.at("secret.txt").exists());
    // It heals by itself.
    mode(&one.at("d"), 0o755);
    mode(&one.at("secret.txt"), 0o644);
    wait_for_bytes(&two.at("secret.txt"), b"2");
    one.wait_until_in_sync();
    assert_eq!(problems(&one.status(), "unreadable"), []);
}

#[test]
fn what_cannot_be_written_waits_with_its_reason_and_everything_else_goes_on() {
    let world = World::new();
    let server = Server::start(&world);
    let one = Device::join(&world, "one", &server.link());
    let mut two = join_unprivileged(&world, "two", &server.link());
    one.write("d/f.txt", "old");
    two.wait_for_tree(&one.tree());
    fs::write(world.at("secret"), "2").expect("ours");
    assert_cannot_read(&world.at("secret"));

    mode(&two.at("d"), 0o555);
    one.write("d/f.txt", "new");
    one.write("d/more.txt", "more");
    one.write("other.txt", "3");

    wait_for_bytes(&two.at("other.txt"), b"3");
    let found = wait_for_problem(&two, "unwritable");
    assert!(found[0].0.starts_with("d/"), "{found:?}");
    assert!(found[0].1.contains("ermission denied"), "{found:?}");
    assert_eq!(fs::read(two.at("d/f.txt")).expect("it is"), b"old");
    mode(&two.at("d"), 0o755);
    two.wait_for_tree(&one.tree());
    two.wait_until_in_sync();
}

#[test]
fn its_own_files_have_leases_without_any_rights() {
    let world = World::new();
    let server = Server::start(&world);
    let two = join_unprivileged(&world, "two", &server.link());
    let guard = two.status()["guard"].as_str().expect("text").to_owned();
    assert!(guard.starts_with("full: leases"), "{guard}");
}
