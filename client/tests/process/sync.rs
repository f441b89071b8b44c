//! Folders become the same, and commands say so.

use std::fs;

use crate::bench::{Bench, assert_exit, eventually, said};

#[tokio::test(flavor = "multi_thread")]
async fn two_folders_become_the_same() {
    let bench = Bench::start().await;
    let a = bench.joined("a").await;
    a.write("d/x.txt", "from a");
    assert_exit(&a.run(&["sync", "--once"]), 0);
    let b = bench.joined("b").await;
    assert_eq!(b.text("d/x.txt").unwrap(), "from a");
    b.write("d/x.txt", "from b");
    assert_exit(&b.run(&["sync", b.dir(), "--once"]), 0);
    assert_exit(&a.run(&["sync", "--once"]), 0);
    assert_eq!(a.text("d/x.txt").unwrap(), "from b");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_arrives_while_both_run() {
    let bench = Bench::start().await;
    let (a, b) = (bench.joined("a").await, bench.joined("b").await);
    let clients = [a.sync(), b.sync()];
    a.write("x", "1");
    eventually("x arrives", || b.text("x").as_deref() == Some("1"));
    b.write("x", "2");
    eventually("the edit arrives", || a.text("x").as_deref() == Some("2"));
    assert_eq!(clients[0].line(), "created x [a]");
    assert_eq!(clients[0].line(), "edited x [b]");
}

#[tokio::test(flavor = "multi_thread")]
async fn once_beside_a_running_client_waits_for_it_and_for_what_others_sent() {
    let bench = Bench::start().await;
    let (a, b) = (bench.joined("a").await, bench.joined("b").await);
    let _client = b.sync();
    a.write("x", "1");
    assert_exit(&a.run(&["sync", "--once"]), 0);
    b.write("y", "2");
    assert_exit(&b.run(&["sync", "--once"]), 0);
    assert_eq!(b.text("x").unwrap(), "1");
    assert_exit(&a.run(&["sync", "--once"]), 0);
    assert_eq!(a.text("y").unwrap(), "2");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_conflict_is_listed_on_both_devices() {
    let bench = Bench::start().await;
    let a = bench.joined("a").await;
    a.write("r.txt", "base");
    assert_exit(&a.run(&["sync", "--once"]), 0);
    let b = bench.joined("b").await;
    a.write("r.txt", "from a");
    b.write("r.txt", "from b, longer");
    for device in [&a, &b, &a] {
        assert_exit(&device.run(&["sync", "--once"]), 0);
    }
    for device in [&a, &b] {
        let output = device.run(&["conflicts", device.dir(), "--json"]);
        let copies: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(copies.as_array().unwrap().len(), 1, "{copies}");
        assert_eq!((&copies[0]["beside"], &copies[0]["device"]), (&"r.txt".into(), &"b".into()));
        let path = copies[0]["path"].as_str().unwrap();
        assert_eq!(device.text(path).unwrap(), "from b, longer");
        assert_eq!(device.text("r.txt").unwrap(), "from a");
        assert_eq!(device.status()["conflicts"], serde_json::json!([path]));
    }
    fs::remove_file(a.path("r.txt")).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn once_lists_what_is_busy_and_ends_with_3() {
    let bench = Bench::start().await;
    let a = bench.joined("a").await;
    let writer = fs::File::create(a.path("open.txt")).unwrap();
    a.write("x", "1");
    let output = a.run(&["sync", "--once"]);
    assert_exit(&output, 3);
    assert!(said(&output).contains("open.txt: busy"), "{}", said(&output));
    drop(writer);
    assert_exit(&a.run(&["sync", "--once"]), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_tells_what_happened_and_goes_on() {
    let bench = Bench::start().await;
    let (a, b) = (bench.joined("a").await, bench.joined("b").await);
    let _client = b.sync();
    a.write("x", "1");
    assert_exit(&a.run(&["sync", "--once"]), 0);
    let follower = b.start(&["log", "--follow", "--json"]);
    let line: serde_json::Value = serde_json::from_str(&follower.line()).unwrap();
    let told = ["device", "action", "path", "folder"].map(|field| line[field].as_str().unwrap());
    assert_eq!(told, ["a", "created", "x", "default"]);
    assert!(line["time"].as_str().unwrap().ends_with('Z'));
    fs::rename(a.path("x"), a.path("y")).unwrap();
    assert_exit(&a.run(&["sync", "--once"]), 0);
    let line: serde_json::Value = serde_json::from_str(&follower.line()).unwrap();
    assert_eq!((&line["action"], &line["from"]), (&"moved".into(), &"x".into()));
    assert_eq!(follower.end("-INT"), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unreachable_server_is_told_and_nothing_is_lost() {
    let Bench { place, server } = Bench::start().await;
    let bench = Bench { place, server };
    let a = bench.joined("a").await;
    a.write("x", "1");
    bench.server.stop().await;
    let output = a.run(&["sync", "--once"]);
    assert_exit(&output, 1);
    assert!(said(&output).contains("nothing listens there"), "{}", said(&output));
    assert_eq!(a.text("x").unwrap(), "1");
    assert_eq!(a.status()["state"], "offline");
}
