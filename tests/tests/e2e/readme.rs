//! The README's first command does what it says.

use std::process::Command;

use tests::{Device, World, long, repository};

#[test]
fn the_first_command_of_the_readme_shares_a_folder() {
    let readme = std::fs::read_to_string(repository().join("README.md")).unwrap();
    let line = readme.lines().find(|line| line.starts_with("cargo run --release -- "));
    let arguments: Vec<&str> = line.expect("the README names it").split(' ').skip(4).collect();
    let [command, _folder] = arguments[..] else { panic!("{arguments:?}") };
    let world = World::new();
    let mut host = Device::new(&world, "shared");
    host.write("f.txt", "shared");

    // A long run builds it as a newcomer does; otherwise, what is built runs it.
    let folder = host.folder().as_os_str();
    let share = if long() {
        let mut share = fresh_clone(&world);
        share.arg(command).arg(folder).env("ONEFOLD_HOME", host.home());
        share
    } else {
        host.command([command.as_ref(), folder])
    };
    host.start(share);

    let link = host.process().line("onefold://");
    // Who joins right away finds what is there.
    assert!(host.process().stdout().starts_with("onefold://"), "the link comes first");
    let two = Device::join_once(&world, "two", &link);
    assert_eq!(two.tree().lines(), ["f.txt = shared"]);
}

/// Cargo, as the README runs it, in a clone that has never been built.
fn fresh_clone(world: &World) -> Command {
    let clone = world.at("clone");
    let cloned = Command::new("git").args(["clone", "-q"]).arg(repository()).arg(&clone).status();
    assert!(cloned.is_ok_and(|status| status.success()), "git clone");
    let built = Command::new("cargo").args(["build", "--release"]).current_dir(&clone).status();
    assert!(built.is_ok_and(|status| status.success()), "cargo build --release");
    let mut run = Command::new("cargo");
    run.args(["run", "-q", "--release", "--"]).current_dir(&clone);
    run
}
