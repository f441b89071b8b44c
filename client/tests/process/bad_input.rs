//! Bad input gets a clear error and changes nothing.

use std::fs;

use crate::bench::{Bench, Device, assert_exit, assert_refused};

#[tokio::test(flavor = "multi_thread")]
async fn a_link_that_does_not_work_changes_nothing() {
    let bench = Bench::start().await;
    let used = bench.link().await;
    let a = Device::new(bench.place.path(), "a");
    assert_exit(&a.run(&["join", &used, a.dir(), "--once"]), 0);
    let fresh = bench.link().await;
    let (before, after) = fresh.split_once('#').unwrap();
    let wrong_pin = format!("{before}#{}{}", "A".repeat(43), &after[43..]);
    let elsewhere = fresh.replace(&bench.server.address.to_string(), "127.0.0.1:1");
    let b = Device::new(bench.place.path(), "b");
    for (link, words) in [
        ("", "not an Onefold link"),
        ("https://example.org/x", "not an Onefold link"),
        (before, "cut off"),
        (&used, "used already"),
        (&wrong_pin, "certificate"),
        (&elsewhere, "127.0.0.1:1"),
    ] {
        assert_refused(&b.run(&["join", link, b.dir()]), words);
        assert!(!b.root.exists(), "{link}");
    }
    fs::create_dir(&b.root).unwrap();
    assert_refused(&b.run(&["join", &used, b.dir()]), "used already");
    assert_eq!(fs::read_dir(&b.root).unwrap().count(), 0);
    assert_exit(&b.run(&["join", &fresh, b.dir(), "--once"]), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_place_that_cannot_be_a_folder_is_refused_and_the_link_stays_good() {
    let bench = Bench::start().await;
    let a = bench.joined("a").await;
    let link = bench.link().await;
    let other = Device::new(bench.place.path(), "other");
    a.write("file", "text");
    let join = |device: &Device, dir: &str| device.run(&["join", &link, dir]);
    let inside = format!("{}/inside", a.dir());
    let place = bench.place.path().to_str().unwrap().to_owned();
    assert_refused(&join(&other, &format!("{}/file", a.dir())), "is a file");
    assert_refused(&join(&a, &inside), "is inside");
    assert_refused(&join(&other, &inside), "is inside");
    assert_refused(&join(&a, a.dir()), "already linked");
    assert_refused(&join(&other, &place), "own state");
    assert!(!a.path("inside").exists());
    assert_exit(&other.run(&["join", &link, other.dir(), "--once"]), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_cannot_have_any_name() {
    let bench = Bench::start().await;
    let a = Device::new(bench.place.path(), "a");
    let link = bench.link().await;
    assert_refused(&a.run(&["join", &link, a.dir(), "--device", "a/b"]), "cannot be called");
    assert_exit(&a.run(&["join", &link, a.dir(), "--device", "a b", "--once"]), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_port_in_use_is_told() {
    let bench = Bench::start().await;
    let a = Device::new(bench.place.path(), "a");
    let port = bench.server.address.to_string();
    let output = a.run(&["host", a.dir(), "--listen", &port]);
    assert_exit(&output, 1);
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(told.contains(&port) && told.contains("in use"), "{told}");
    assert!(!a.root.exists());
}

#[test]
fn what_is_not_linked_is_told() {
    let place = tempfile::tempdir().unwrap();
    let a = Device::new(place.path(), "a");
    assert_refused(&a.run(&["sync"]), "no folder is linked");
    for command in ["pause", "resume", "unlink", "log", "conflicts", "status"] {
        assert_refused(&a.run(&[command, a.dir()]), "not linked");
    }
    assert_exit(&a.run(&["status", "--json"]), 0);
    assert_exit(&a.run(&["frobnicate"]), 2);
    assert_exit(&a.run(&["--version"]), 0);
}
