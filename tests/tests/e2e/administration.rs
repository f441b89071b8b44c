//! Who has a folder: lists of devices, links that devices make, names, and shutting one out.

use serde_json::Value;
use tests::{Device, PATIENCE, Server, World, wait_for};

/// What `onefold-server devices --json` prints.
#[track_caller]
fn listed(server: &Server<'_>) -> Vec<Value> {
    let output = server.admin(&["devices", "--json"]).expect(0);
    serde_json::from_str(&output.stdout).expect("a list")
}

/// Waits until a device's status tells of just these devices, by name, all up to date.
#[track_caller]
fn wait_for_members(device: &Device<'_>, names: &[&str]) {
    wait_for("the devices", PATIENCE, || {
        let status = device.status();
        let members = status["devices"].as_array().expect("a list");
        let told: Vec<_> = members.iter().map(|member| member["name"].as_str()).collect();
        let up_to_date = members.iter().all(|member| member["behind"] == 0);
        let expected: Vec<_> = names.iter().copied().map(Some).collect();
        if told == expected && up_to_date { Ok(()) } else { Err(status["devices"].to_string()) }
    });
}

#[test]
fn a_device_that_is_shut_out_is_told_at_once_and_keeps_its_files() {
    let world = World::new();
    let server = Server::start(&world);
    let one = &mut Device::join(&world, "one", &server.link());
    let two = &mut Device::join(&world, "two", &server.link());
    one.write("before.txt", "both have it");
    two.wait_for_tree(&one.tree());
    wait_for_members(one, &["one", "two"]);
    let lines = listed(&server);
    let names: Vec<_> = lines.iter().map(|line| (&line["folder"], &line["name"])).collect();
    let [default, one_name, two_name] = ["default", "one", "two"].map(Value::from);
    assert_eq!(names, [(&default, &one_name), (&default, &two_name)]);
    assert!(lines.iter().all(|line| line["last_seen_ms"].is_i64()), "{lines:?}");
    let text = server.admin(&["devices"]).expect(0).stdout;
    assert!(text.contains("\"two\" in \"default\": last seen"), "{text}");

    server.admin(&["revoke", "three"]).complains(1, &["nobody was shut out", "devices"]);
    // What ends its stream is another process than the one that has it.
    let said = server.admin(&["revoke", "two"]).expect(0).stdout;
    assert!(said.contains("shut out \"two\""), "{said}");
    wait_for("the device to say that it was shut out", PATIENCE, || {
        let status = two.status();
        let told = status["state"] == "attention"
            && status["detail"].as_str().is_some_and(|words| words.contains("was shut out"));
        if told { Ok(()) } else { Err(status.to_string()) }
    });
    wait_for_members(one, &["one"]);
    one.write("after.txt", "only one has it");
    one.once();
    assert!(!two.at("after.txt").exists());
    assert_eq!(std::fs::read_to_string(two.at("before.txt")).unwrap(), "both have it");
    two.stop();
    two.run(["sync", "--once"]).complains(1, &["was shut out", "Every file is as it was"]);
    one.stop();
    server.check();
}

#[test]
fn a_name_that_two_devices_have_is_told_apart_by_their_ids() {
    let world = World::new();
    let server = Server::start(&world);
    for place in ["one", "two"] {
        let device = Device::new(&world, place);
        let dir = device.folder().to_str().expect("a path of ours");
        device.run(["join", &server.link(), dir, "--device", "same", "--once"]).expect(0);
    }
    let ids: Vec<String> =
        listed(&server).iter().map(|line| line["id"].as_str().unwrap().to_owned()).collect();
    let words = ["may be any of these", &ids[0], &ids[1]];
    server.admin(&["revoke", "same"]).complains(1, &words);
    assert!(listed(&server).iter().all(|line| line["revoked"] == false));
    server.admin(&["revoke", &ids[1][..12]]).expect(0);
    let revoked = listed(&server).into_iter().filter(|line| line["revoked"] == true);
    assert_eq!(revoked.map(|line| line["id"].clone()).collect::<Vec<_>>(), [ids[1].as_str()]);
}

#[test]
fn a_device_that_may_write_invites_another_and_one_that_may_only_read_does_not() {
    let world = World::new();
    let server = Server::start(&world);
    let mut one = Device::join(&world, "one", &server.link());
    one.write("f.txt", "from one");
    let invite = |device: &Device<'_>, options: &[&str]| {
        let dir = device.folder().to_str().expect("a path of ours");
        device.run([&["invite", dir], options].concat())
    };
    let link = invite(&one, &["--uses", "2", "--expires", "1h"]).expect(0).stdout;
    let mut two = Device::join(&world, "two", link.trim_end());
    two.wait_for_tree(&one.tree());
    one.stop();
    let link = invite(&one, &["--read-only"]).expect(0).stdout;
    let reader = Device::join_once(&world, "reader", link.trim_end());
    assert!(reader.at("f.txt").exists());
    invite(&reader, &[]).complains(1, &["no link was made", "may only read"]);
    invite(&one, &["--expires", "90d"]).complains(1, &["at most 30 days"]);
    two.stop();
}

#[test]
fn a_device_that_is_renamed_is_known_by_its_new_name() {
    let world = World::new();
    let server = Server::start(&world);
    let mut one = Device::join(&world, "one", &server.link());
    let mut two = Device::join(&world, "two", &server.link());
    let rename = |device: &Device<'_>, name: &str| {
        let dir = device.folder().to_str().expect("a path of ours");
        device.run(["rename", dir, name])
    };
    rename(&one, "a/b").complains(1, &["no slash"]);
    rename(&one, "zoé's \"desk\"").expect(0);
    one.wait_until_in_sync();
    assert_eq!(one.status()["device"], "zoé's \"desk\"");
    wait_for_members(&two, &["two", "zoé's \"desk\""]);
    one.write("f.txt", "after");
    two.wait_for_tree(&one.tree());
    wait_for("the log to tell who wrote it", PATIENCE, || {
        let log = two.log();
        let told = log.iter().any(|line| line["device"] == "zoé's \"desk\"");
        if told { Ok(()) } else { Err(format!("{log:?}")) }
    });
    // A device tells how far it is a little later, and another hears of that later still.
    wait_for("the server to hear that both have it", PATIENCE, || {
        let lines = listed(&server);
        let all = lines.iter().all(|line| line["behind"] == 0);
        if all { Ok(()) } else { Err(format!("{lines:?}")) }
    });
    one.stop();
    rename(&one, "one again").expect(0);
    wait_for_members(&two, &["one again", "two"]);
    two.stop();
}
