//! The README's first command does what it says, in a fresh clone.

use std::process::Command;

use tests::{Device, World, long, repository};

#[test]
fn the_first_command_of_the_readme_works_in_a_fresh_clone() {
    if !long() {
        println!("a long run builds a fresh clone; here, what it runs is tried as it was built");
        return;
    }
    let world = World::new();
    let clone = world.at("clone");
    let git = |arguments: &[&str]| {
        let mut git = Command::new("git");
        let status = git.args(arguments).arg(repository()).arg(&clone).status();
        assert!(status.is_ok_and(|status| status.success()), "git {arguments:?}");
    };
    git(&["clone", "-q"]);
    let readme = std::fs::read_to_string(clone.join("README.md")).unwrap();
    let line = readme.lines().find(|line| line.contains("cargo run --release -- host"));
    assert!(line.is_some(), "the README names its first command");
    let mut build = Command::new("cargo");
    let built = build.args(["build", "--release"]).current_dir(&clone).status();
    assert!(built.unwrap().success());

    let mut host = Device::new(&world, "shared");
    host.write("f.txt", "shared");
    let mut command = Command::new("cargo");
    command.args(["run", "-q", "--release", "--", "host"]).arg(host.folder());
    command.current_dir(&clone).env("ONEFOLD_HOME", host.home());
    host.start(command);
    let link = host.process().line("onefold://");
    let two = Device::join_once(&world, "two", &link);
    assert_eq!(two.tree().lines(), ["f.txt = shared"]);
}
