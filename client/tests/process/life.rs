//! One process for each home: locks, restarts, pauses, links, damage.

use std::fs;

use crate::bench::{Bench, Device, assert_exit, assert_refused, eventually, said};

#[tokio::test(flavor = "multi_thread")]
async fn a_second_client_on_one_home_is_told_so() {
    let bench = Bench::start().await;
    let a = bench.joined("a").await;
    let client = a.sync();
    assert_refused(&a.run(&["sync"]), "running already");
    let other = bench.place.path().join("other");
    assert_refused(&a.run(&["host", other.to_str().unwrap()]), "running already");
    assert!(!other.exists());
    assert_eq!(client.end("-TERM"), Some(0));
    assert_exit(&a.run(&["sync", "--once"]), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_lock_of_a_killed_client_is_taken_over() {
    let bench = Bench::start().await;
    let a = bench.joined("a").await;
    let client = a.sync();
    assert_eq!(client.end("-KILL"), None);
    assert_eq!(a.status()["running"], false);
    let client = a.sync();
    assert_eq!(a.status()["running"], true);
    assert_eq!(client.end("-INT"), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_running_client_takes_over_what_is_joined_beside_it() {
    let bench = Bench::start().await;
    let a = bench.joined("a").await;
    let _client = a.sync();
    let second = bench.place.path().canonicalize().unwrap().join("second");
    let second = second.to_str().unwrap();
    assert_exit(&a.run(&["join", &bench.link().await, second, "--device", "a2", "--once"]), 0);
    a.write("x", "1");
    let arrived = std::path::Path::new(second).join("x");
    eventually("x arrives", || fs::read_to_string(&arrived).is_ok_and(|text| text == "1"));
    let output = a.run(&["status", "--json"]);
    let status: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(status["folders"].as_array().unwrap().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pause_outlives_the_client() {
    let bench = Bench::start().await;
    let (a, b) = (bench.joined("a").await, bench.joined("b").await);
    let client = a.sync();
    assert_exit(&a.run(&["pause", a.dir()]), 0);
    assert_eq!(a.status()["state"], "paused");
    assert_eq!(client.end("-TERM"), Some(0));
    assert_refused(&a.run(&["sync"]), "paused");
    assert_exit(&a.run(&["sync", a.dir(), "--once"]), 1);
    b.write("x", "1");
    assert_exit(&b.run(&["sync", "--once"]), 0);
    assert_eq!(a.text("x"), None);
    assert_exit(&a.run(&["resume", a.dir()]), 0);
    assert_exit(&a.run(&["sync", "--once"]), 0);
    assert_eq!(a.text("x").unwrap(), "1");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_running_client_pauses_and_resumes_when_told() {
    let bench = Bench::start().await;
    let (a, b) = (bench.joined("a").await, bench.joined("b").await);
    let _client = a.sync();
    assert_exit(&a.run(&["pause", a.dir()]), 0);
    b.write("x", "1");
    assert_exit(&b.run(&["sync", "--once"]), 0);
    assert_eq!(a.text("x"), None);
    assert_exit(&a.run(&["resume", a.dir()]), 0);
    eventually("x arrives", || a.text("x").is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unlinked_folder_keeps_every_file_and_can_be_joined_again() {
    let bench = Bench::start().await;
    let a = bench.joined("a").await;
    a.write("x", "1");
    assert_exit(&a.run(&["sync", "--once"]), 0);
    assert_exit(&a.run(&["unlink", a.dir()]), 0);
    assert_eq!(a.text("x").unwrap(), "1");
    assert_refused(&a.run(&["status", a.dir()]), "not linked");
    a.write("y", "2");
    let link = bench.link().await;
    assert_exit(&a.run(&["join", &link, a.dir(), "--device", "again", "--once"]), 0);
    assert_eq!(a.status()["conflicts"], serde_json::json!([]));
    assert_eq!(a.status()["files"], 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_state_is_set_aside_and_everything_is_merged() {
    let bench = Bench::start().await;
    let a = bench.joined("a").await;
    a.write("x", "1");
    assert_exit(&a.run(&["sync", "--once"]), 0);
    let folder = fs::read_dir(a.home.join("folders")).unwrap().next().unwrap().unwrap().path();
    fs::write(folder.join("trees.db"), "no database at all, but some text ".repeat(1000)).unwrap();
    for end in ["-wal", "-shm"] {
        let _ = fs::remove_file(folder.join(format!("trees.db{end}")));
    }
    let output = a.run(&["sync", "--once"]);
    assert_exit(&output, 0);
    assert!(said(&output).contains("is damaged"), "{}", said(&output));
    assert!(folder.join("trees.db.damaged-1").exists());
    assert_eq!(a.text("x").unwrap(), "1");
    assert_eq!(a.status()["conflicts"], serde_json::json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hosted_folder_is_joined_by_its_link_and_served_again_at_the_same_port() {
    let place = tempfile::tempdir().unwrap();
    let (a, b) = (Device::new(place.path(), "a"), Device::new(place.path(), "b"));
    a.write("x", "1");
    let host = a.start(&["host", a.dir(), "--listen", "127.0.0.1:0"]);
    let link = host.line();
    assert!(link.starts_with("onefold://127.0.0.1:"), "{link}");
    // The link comes first; what is in the folder follows.
    eventually("a is in sync", || a.status()["state"] == "in_sync");
    assert_exit(&b.run(&["join", &link, b.dir(), "--device", "b", "--once"]), 0);
    assert_eq!(b.text("x").unwrap(), "1");
    assert_eq!(host.end("-TERM"), Some(0));

    let host = a.start(&["host", a.dir()]);
    let again = host.line();
    let server = |link: &str| link.split_once('#').unwrap().0.to_owned();
    assert_eq!(server(&again), server(&link));
    assert_ne!(again, link);
    b.write("y", "2");
    assert_exit(&b.run(&["sync", "--once"]), 0);
    eventually("y arrives", || a.text("y").is_some());
    assert_eq!(host.end("-INT"), Some(0));
}
