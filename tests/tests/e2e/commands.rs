//! What the commands promise: exit codes, and what `--json` prints.

use std::fs;

use rustix::process::Signal;
use serde_json::{Value, json};
use tests::{Device, PATIENCE, Server, World, wait_for};

use crate::pair::Pair;

#[test]
fn both_programs_say_their_version_and_explain_themselves() {
    let world = World::new();
    for (program, commands) in [
        ("onefold", &["host", "join", "sync", "status", "log", "conflicts", "pause", "unlink"][..]),
        ("onefold-server", &["invite", "check"]),
    ] {
        let run = |argument: &str| {
            let mut command = world.command(program);
            command.arg(argument);
            world.run(command, program).expect(0).stdout
        };
        assert!(run("--version").starts_with(program), "{}", run("--version"));
        let help = run("--help");
        for command in commands {
            assert!(help.contains(command), "{command} is not in:\n{help}");
        }
    }
}

#[test]
fn wrong_usage_ends_with_2() {
    let world = World::new();
    let device = Device::new(&world, "one");
    for arguments in [&["join"][..], &["sync", "--twice"], &["frobnicate"], &["pause"]] {
        device.run(arguments).expect(2);
    }
    let mut command = world.command("onefold-server");
    command.args(["--data", "server", "frobnicate"]);
    world.run(command, "server").expect(2);
}

#[test]
fn the_status_of_a_folder_has_every_promised_field() {
    let world = World::new();
    let mut pair = Pair::live(&world, |root| {
        fs::create_dir(root.join("d")).expect("a free name");
        fs::write(root.join("d/f.txt"), "twelve bytes").expect("a free name");
    });
    for is_running in [true, false] {
        let status = pair.one.status();
        let state = if is_running { "in_sync" } else { "offline" };
        assert_eq!(status["state"], state, "{status}");
        assert_eq!(status["folder"], "default");
        assert_eq!(status["device"], "one");
        assert_eq!(status["cursor"], 2);
        assert_eq!((&status["files"], &status["bytes"]), (&json!(1), &json!(12)));
        for direction in ["uploading", "downloading"] {
            assert_eq!(status[direction], json!({"items": 0, "bytes": 0}), "{direction}");
        }
        assert_eq!((&status["conflicts"], &status["problems"]), (&json!([]), &json!([])));
        assert!(status["guard"].as_str().is_some_and(|guard| !guard.is_empty()));
        let all = pair.one.run(["status", "--json"]).expect(0);
        let mut all: Value = serde_json::from_str(&all.stdout).unwrap();
        // Who has acknowledged what may have changed since.
        all["folders"][0]["devices"] = status["devices"].clone();
        assert_eq!(all, json!({"folders": [status]}));
        if is_running {
            pair.one.stop();
        }
    }
    pair.end();
}

#[test]
fn the_log_tells_what_happened_newest_last() {
    let world = World::new();
    let pair = Pair::live(&world, |_| {});
    pair.one.write("f.txt", "1");
    pair.two.wait_for_tree(&pair.one.tree());
    pair.two.write("f.txt", "12");
    pair.one.wait_for_tree(&pair.two.tree());
    fs::rename(pair.one.at("f.txt"), pair.one.at("g.txt")).unwrap();
    pair.two.wait_for_tree(&pair.one.tree());
    fs::remove_file(pair.two.at("g.txt")).unwrap();
    pair.one.wait_for_tree(&pair.two.tree());

    for device in [&pair.one, &pair.two] {
        wait_for("the log to have all of it", PATIENCE, || {
            let log = device.log();
            let lines: Vec<_> = log
                .iter()
                .map(|line| {
                    assert!(line["time"].is_string(), "{line}");
                    ["device", "action", "path"].map(|field| line[field].as_str().unwrap())
                })
                .collect();
            let expected = [
                ["one", "created", "f.txt"],
                ["two", "edited", "f.txt"],
                ["one", "moved", "g.txt"],
                ["two", "deleted", "g.txt"],
            ];
            if lines == expected { Ok(()) } else { Err(format!("{lines:?}")) }
        });
        let text = device.run(["log"]).expect(0).stdout;
        assert_eq!(text.lines().count(), 4, "{text}");
    }
    pair.end();
}

#[test]
fn the_log_can_be_followed() {
    let world = World::new();
    let pair = Pair::live(&world, |_| {});
    let mut following = world.start(pair.two.command(["log", "--follow"]), "log");
    pair.one.write("f.txt", "1");
    wait_for("the line", PATIENCE, || {
        let said = following.stdout();
        if said.contains("f.txt") { Ok(()) } else { Err(said) }
    });
    assert!(following.ended().is_none());
    following.stop();
    pair.end();
}

#[test]
fn a_conflict_copy_is_listed_until_it_is_gone() {
    let world = World::new();
    let pair = Pair::offline(&world, |root| {
        fs::create_dir(root.join("d")).expect("a free name");
        fs::write(root.join("d/f.txt"), "old").expect("a free name");
    });
    for device in [&pair.one, &pair.two] {
        device.write("d/f.txt", format!("by {}", device.name()));
    }
    for device in [&pair.one, &pair.two, &pair.one] {
        device.once();
    }
    let tree = pair.one.tree();
    let [copy] = tree.conflict_copies()[..] else { panic!("one copy: {tree:?}") };
    for device in [&pair.one, &pair.two] {
        let listed = device.json("conflicts");
        assert_eq!(listed.as_array().map(Vec::len), Some(1), "{listed}");
        assert_eq!(listed[0]["path"], copy.to_str().unwrap());
        assert_eq!(listed[0]["beside"], "d/f.txt");
        assert_eq!(listed[0]["device"], "two");
        assert_eq!(device.status()["conflicts"], json!([copy.to_str().unwrap()]));
    }
    fs::remove_file(pair.one.folder().join(copy)).unwrap();
    pair.one.once();
    pair.two.once();
    assert_eq!(pair.two.json("conflicts"), json!([]));
    pair.end();
}

#[test]
fn a_paused_folder_rests_until_it_is_resumed_across_restarts() {
    let world = World::new();
    let mut pair = Pair::live(&world, |_| {});
    let folder = pair.two.folder().to_owned();
    let two = |command: &str| pair.two.run([command.as_ref(), folder.as_os_str()]).expect(0);
    two("pause");
    assert_eq!(pair.two.status()["state"], "paused");
    pair.two.kill();
    pair.one.write("f.txt", "while it rests");
    pair.one.wait_until_in_sync();
    let paused = pair.two.run(["sync", "--once"]);
    assert_ne!(paused.code, Some(0), "{paused:?}");
    assert_eq!(pair.two.status()["state"], "paused");
    assert!(!pair.two.at("f.txt").exists());

    pair.two.run(["resume".as_ref(), folder.as_os_str()]).expect(0);
    pair.two.sync();
    pair.two.wait_for_tree(&pair.one.tree());
    pair.end();
}

#[test]
fn an_unlinked_folder_keeps_every_file_and_syncs_no_more() {
    let world = World::new();
    let mut pair = Pair::live(&world, |root| {
        fs::write(root.join("f.txt"), "kept").expect("a free name");
    });
    let before = pair.two.tree();
    pair.two.run(["unlink".as_ref(), pair.two.folder().as_os_str()]).expect(0);
    assert_eq!(before.same(&pair.two.tree()), Ok(()));
    let status = pair.two.run(["status", "--json"]).expect(0);
    let status: Value = serde_json::from_str(&status.stdout).unwrap();
    assert_eq!(status, json!({"folders": []}));
    pair.one.write("g.txt", "not for two");
    pair.one.wait_until_in_sync();
    assert_eq!(before.same(&pair.two.tree()), Ok(()));

    // The last folder is gone: nothing is left to sync.
    wait_for("the client to end", PATIENCE, || {
        let ended = pair.two.process().ended();
        ended.map(|_| ()).ok_or_else(|| "it runs".to_owned())
    });
    let again = Device::new(&world, "two");
    again.run_join(&pair.server.link(), &["--once"]).expect(0);
    assert_eq!(again.tree().same(&pair.one.tree()), Ok(()));
}

#[test]
fn once_beside_a_running_client_waits_for_that_one() {
    let world = World::new();
    let pair = Pair::live(&world, |_| {});
    pair.one.write("f.txt", "new");
    pair.one.once();
    pair.two.once();
    assert_eq!(fs::read(pair.two.at("f.txt")).unwrap(), b"new");
    pair.end();
}

#[test]
fn a_command_says_that_it_waits_for_a_client_that_does_not_answer() {
    let world = World::new();
    let mut pair = Pair::offline(&world, |_| ());
    pair.one.sync();
    pair.one.wait_until_in_sync();
    pair.one.process().signal(Signal::STOP);
    let status = world.start(pair.one.command(["status"]), "status");
    wait_for("the command to say so", PATIENCE, || {
        let said = status.stderr();
        if said.contains("has not answered yet") { Ok(()) } else { Err(said) }
    });
    pair.one.process().signal(Signal::CONT);
    let said = status.wait(PATIENCE).expect(0).stdout;
    assert!(said.contains("in sync"), "{said}");
}

#[test]
fn a_second_folder_is_taken_over_by_the_running_client() {
    let world = World::new();
    let pair = Pair::live(&world, |_| {});
    let other = world.at("other");
    let link = pair.server.invite(&["--folder", "photos & more"]);
    pair.one.run(["join".as_ref(), link.as_ref(), other.as_os_str()]).expect(0);
    fs::write(other.join("p.jpg"), "a picture").unwrap();
    pair.one.once();
    let status = pair.one.run(["status", "--json"]).expect(0);
    let status: Value = serde_json::from_str(&status.stdout).unwrap();
    let names: Vec<_> =
        status["folders"].as_array().unwrap().iter().map(|folder| &folder["folder"]).collect();
    assert_eq!(names, ["default", "photos & more"]);
    assert!(!pair.two.at("p.jpg").exists());
    pair.end();
}

#[test]
fn a_busy_file_is_named_and_the_rest_is_in_sync() {
    let world = World::new();
    let pair = Pair::offline(&world, |_| {});
    pair.one.write("f.txt", "1");
    pair.one.write("busy.txt", "1");
    pair.one.once();
    pair.two.once();
    pair.two.write("busy.txt", "by two");
    pair.two.write("f.txt", "by two");
    pair.two.once();
    let open = fs::OpenOptions::new().append(true).open(pair.one.at("busy.txt")).unwrap();

    let output = pair.one.run(["sync", "--once"]).expect(3);

    assert!(output.stderr.contains("busy.txt"), "{}", output.stderr);
    assert!(!output.stderr.contains("f.txt"), "{}", output.stderr);
    assert_eq!(pair.one.tree().lines(), ["busy.txt = 1", "f.txt = by two"]);
    let problems = &pair.one.status()["problems"];
    assert_eq!((&problems[0]["path"], &problems[0]["kind"]), (&json!("busy.txt"), &json!("busy")));
    drop(open);
    pair.one.once();
    pair.assert_same();
    pair.end();
}

#[test]
fn a_client_ends_within_five_seconds_in_the_middle_of_a_transfer() {
    let world = World::new();
    let mut pair = Pair::live(&world, |_| {});
    tests::fill(&pair.one.at("large.bin"), 1, 200 * 1024 * 1024).unwrap();
    wait_for("the upload to begin", PATIENCE, || {
        let status = pair.one.status();
        let items = status["uploading"]["items"].as_u64();
        if items > Some(0) { Ok(()) } else { Err(status.to_string()) }
    });
    pair.one.stop();
    pair.server.stop();
    pair.two.stop();
    pair.server.check();
}

#[test]
fn a_host_serves_again_after_a_restart() {
    let world = World::new();
    let mut host = Device::new(&world, "host");
    host.write("f.txt", "shared");
    let command = |host: &Device<'_>| {
        let mut command = host.command(["host"]);
        command.arg(host.folder());
        command
    };
    let mut first = command(&host);
    first.args(["--listen", "127.0.0.1:0"]);
    host.start(first);
    let link = host.process().line("onefold://");
    let two = Device::join_once(&world, "two", &link);
    wait_for("what is shared to arrive", PATIENCE, || {
        two.run(["sync", "--once"]);
        two.tree().same(&host.tree())
    });

    host.stop();
    host.write("g.txt", "while it was stopped");
    host.start(command(&host));
    host.process().line("onefold://");
    wait_for("what is new to arrive", PATIENCE, || {
        two.run(["sync", "--once"]);
        two.tree().same(&host.tree())
    });
    host.kill();
    host.start(command(&host));
    let link = host.process().line("onefold://");
    let three = Device::join_once(&world, "three", &link);
    assert_eq!(three.tree().lines(), ["f.txt = shared", "g.txt = while it was stopped"]);
    host.stop();
}

#[test]
fn the_server_ends_within_five_seconds_with_devices_connected() {
    let world = World::new();
    let mut server = Server::start(&world);
    let mut device = Device::join(&world, "one", &server.link());
    server.stop();
    wait_for("the device to notice", PATIENCE, || {
        let status = device.status();
        if status["state"] == "offline" { Ok(()) } else { Err(status.to_string()) }
    });
    server.restart();
    device.wait_until_in_sync();
    device.stop();
}
