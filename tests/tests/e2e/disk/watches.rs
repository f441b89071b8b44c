//! More directories than the system lets a user watch.

use std::fs;
use std::process::Command;

use tests::{Device, Server, World};

use super::wait_for_bytes;

/// How many directories the folder has, and how many may be watched.
const DIRECTORIES: usize = 60;
const LIMIT: usize = 30;

/// Has a command run where only so many watches may be had; `None` where that cannot be arranged.
fn limited(command: &Command) -> Option<Command> {
    let script = format!("echo {LIMIT} > /proc/sys/user/max_inotify_watches && exec \"$@\"");
    let within = |arguments: &[&str]| {
        let mut within = Command::new("unshare");
        within.args(["--user", "--map-root-user", "sh", "-c", &script, "sh"]).args(arguments);
        within
    };
    if !within(&["true"]).output().is_ok_and(|output| output.status.success()) {
        eprintln!("no user namespace with a limit of its own can be had here: not tried");
        return None;
    }
    let mut limited = within(&[]);
    limited.arg(command.get_program()).args(command.get_args());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => limited.env(name, value),
            None => limited.env_remove(name),
        };
    }
    Some(limited)
}

#[test]
fn what_cannot_be_watched_is_told_with_the_command_that_helps_and_looked_at_all_the_same() {
    let world = World::new();
    let server = Server::start(&world);
    let mut one = Device::join_once(&world, "one", &server.link());
    for number in 0..DIRECTORIES {
        one.write(&format!("d{number}/f.txt"), "old");
    }
    one.once();
    let two = Device::join(&world, "two", &server.link());
    let Some(command) = limited(&one.command(["sync"])) else { return };
    one.start(command);
    one.wait_until_in_sync();

    let told = one.process().stderr();
    assert!(told.contains("sysctl fs.inotify.max_user_watches="), "{told}");
    assert!(told.contains(&format!("the {LIMIT} that")), "{told}");
    assert_eq!(told.matches("sysctl").count(), 1, "{told}");
    let polled = one.status()["polled"].as_str().unwrap_or_default().to_owned();
    assert!(polled.contains("sysctl"), "{polled}");

    for number in 0..DIRECTORIES {
        fs::write(one.at(&format!("d{number}/f.txt")), format!("new {number}")).expect("ours");
    }

    for number in 0..DIRECTORIES {
        wait_for_bytes(&two.at(&format!("d{number}/f.txt")), format!("new {number}").as_bytes());
    }
}
