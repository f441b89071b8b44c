//! `onefold status PATH`: why one thing is, or is not, in sync.

use std::fs::{self, File};
use std::process::Command;

use serde_json::Value;
use tests::{Device, PATIENCE, Server, World, wait_for};

fn explained(device: &Device<'_>, path: &str) -> Value {
    let at = device.at(path);
    let at = at.to_str().expect("a path of ours");
    let output = device.run(["status", at, "--json"]).expect(0);
    serde_json::from_str(&output.stdout).expect("one object")
}

/// Waits until a path is explained by this word, and words that have this in them.
#[track_caller]
fn check(device: &Device<'_>, path: &str, state: &str, words: &str) {
    wait_for(&format!("{path} to be {state}"), PATIENCE, || {
        let told = explained(device, path);
        let fits = told["state"] == state
            && told["reason"].as_str().is_some_and(|reason| reason.contains(words));
        if fits { Ok(()) } else { Err(told.to_string()) }
    });
}

#[test]
fn each_thing_says_why_it_is_or_is_not_in_sync() {
    let world = World::new();
    let server = Server::start(&world);
    let mut one = Device::join(&world, "one", &server.link());
    one.write("d/agreed.txt", "both have it");
    one.write(".onefoldignore", "# mine\n*.log\nbuild/\n");
    one.write("a.log", "ignored");
    one.write("build/deep/f", "ignored");
    one.write("d/.f.swp", "an editor's");
    let made = Command::new("mkfifo").arg(one.at("pipe")).status().expect("mkfifo is there");
    assert!(made.success());
    std::os::unix::fs::symlink("nowhere", one.at("link")).expect("a free name");
    one.once();
    let writer = File::options().create(true).append(true).open(one.at("d/busy.txt"));
    check(&one, "d/busy.txt", "busy", "a program has it open for writing");

    check(&one, "d/agreed.txt", "in_sync", "agree");
    check(&one, "link", "in_sync", "agree");
    check(&one, "a.log", "ignored", "line 2 of .onefoldignore: *.log");
    check(&one, "build/deep/f", "ignored", "build is ignored by line 3 of .onefoldignore");
    check(&one, "d/.f.swp", "ignored", "names like .*.sw[nop]");
    check(&one, "pipe", "not_synced", "no file, directory or symbolic link");
    check(&one, "nothing", "not_seen", "nothing is here");
    let told = explained(&one, "d");
    assert_eq!((&told["kind"], &told["state"]), (&"directory".into(), &"in_sync".into()));
    assert_eq!(
        (&told["not_in_sync"], &told["inside"][0]["path"]),
        (&1.into(), &"d/busy.txt".into())
    );
    let told = explained(&one, "d/agreed.txt");
    let change = told["last_change"].as_str().expect("a line of the log");
    assert!(change.ends_with("created d/agreed.txt [one]"), "{change}");
    let at = one.at("d/agreed.txt");
    let words = one.run(["status", at.to_str().unwrap()]).expect(0).stdout;
    assert!(words.contains("d/agreed.txt: in sync"), "{words}");

    drop(writer);
    check(&one, "d/busy.txt", "in_sync", "agree");
    one.stop();
    check(&one, "d/agreed.txt", "in_sync", "agree");
    assert_eq!(explained(&one, "d")["running"], false);
    let outside = world.at("outside");
    fs::write(&outside, "").unwrap();
    let outside = outside.to_str().unwrap();
    one.run(["status", outside]).complains(1, &["not linked"]);
}
