//! What moves is told while it moves: which file, which way, how much of it is there, how fast; and
//! it moves no faster than it may.

use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::Command;
use std::time::Instant;

use serde_json::Value;
use tests::{
    Device, PATIENCE, Proxy, Server, World, noise, on_a_terminal, wait_for, with_words_to,
};

const MIB: usize = 1024 * 1024;
/// How many bytes may move in a second.
const LIMIT: usize = 2 * MIB;

/// Waits until a device tells of the only transfer, and that something of it is there.
#[track_caller]
fn moving(device: &Device<'_>, direction: &str, left: &str) -> Value {
    let mut told = Value::Null;
    wait_for("a transfer that is told", PATIENCE, || {
        told = device.status();
        let transfer = &told["transfers"][0];
        let moves = transfer["direction"] == direction
            && transfer["done"].as_u64().is_some_and(|done| done > 0)
            && told["rate"][direction].as_u64().is_some_and(|rate| rate > 0);
        if moves { Ok(()) } else { Err(told.to_string()) }
    });
    let transfer = &told["transfers"][0];
    assert_eq!((&transfer["path"], &transfer["bytes"]), (&"large.bin".into(), &(24 * MIB).into()));
    assert!(transfer["done"].as_u64() <= transfer["bytes"].as_u64(), "{told}");
    assert_eq!(told[left], serde_json::json!({ "items": 1, "bytes": 24 * MIB }), "{told}");
    told
}

#[test]
fn a_large_file_is_told_of_while_it_moves() {
    let world = World::new();
    let server = Server::start(&world);
    let [up, down] = [Proxy::to(server.address()), Proxy::to(server.address())];
    let mut one = Device::new(&world, "one");
    let mut two = Device::new(&world, "two");
    one.start_joining(&up.link(&server.link()));
    two.start_joining(&down.link(&server.link()));
    one.wait_until_in_sync();
    two.wait_until_in_sync();
    let idle = one.status();
    assert_eq!((&idle["transfers"], &idle["rate"]["up"]), (&Value::Array(vec![]), &0.into()));
    let limited = |device: &Device<'_>, option: &str, rate: &str| {
        device.run(["limit", option, rate]).expect(0);
    };

    limited(&one, "--up", "2MiB");
    limited(&two, "--down", "2MiB");
    let (before, began) = (up.up(), Instant::now());
    one.write("large.bin", noise(1, 24 * MIB));
    moving(&one, "up", "uploading");
    let (sent, seconds) = (up.up() - before, began.elapsed().as_secs_f64());
    // A machine that is slow makes it less. The system's buffers are a part of what was sent.
    let most = 2.0 * LIMIT as f64 * seconds + 4.0 * MIB as f64;
    assert!((sent as f64) < most, "{sent} bytes in {seconds} s at {LIMIT} a second");
    limited(&one, "--up", "none");
    let told = moving(&two, "down", "downloading");
    assert!(told["rate"]["down"].as_u64().is_some_and(|rate| rate < 3 * LIMIT as u64), "{told}");
    limited(&two, "--down", "none");
    let expected = one.tree();
    two.wait_for_tree(&expected);
    one.wait_until_in_sync();
    two.wait_until_in_sync();
    let done = two.status();
    assert_eq!(done["transfers"], Value::Array(vec![]), "{done}");
    assert_eq!(done["downloading"], serde_json::json!({ "items": 0, "bytes": 0 }));
    one.stop();
    two.stop();
}

#[test]
fn long_work_shows_bars_on_a_terminal_and_lines_elsewhere() {
    let world = World::new();
    let server = Server::start(&world);
    let one = Device::new(&world, "one");
    one.write("large.bin", noise(2, 8 * MIB));
    one.run_join(&server.link(), &["--once"]).expect(0);
    let start = |name: &str, terminal: bool| {
        let device = Device::new(&world, name);
        device.run(["limit", "--down", "2MiB"]).expect(0);
        let folder = device.folder().to_str().expect("a path of ours").to_owned();
        let join = ["join", &server.link(), &folder, "--device", name, "--once"];
        let command = device.command(join);
        let command = if terminal { on_a_terminal(&command) } else { command };
        (world.start(command, name), device)
    };
    let (terminal, two) = start("two", true);
    let (file, three) = start("three", false);
    let seen = terminal.wait(PATIENCE).expect(0).stdout;
    let said = file.wait(PATIENCE).expect(0);
    for device in [&two, &three] {
        device.tree().same(&one.tree()).expect("all of it came");
    }

    // Drawn over and over in one line, below what is said, and gone at the end.
    let frames: Vec<_> = seen.split('\r').filter(|frame| frame.contains("receiving [")).collect();
    assert!(frames.len() > 2, "{seen:?}");
    let has = |words: &str| frames.iter().any(|frame| frame.contains(words));
    assert!(has("=") && has("1 file, ") && has(" of 8.0 MiB, ") && has("/s, ") && has(" s left"));
    let joined = format!("joined \"default\" as \"two\": {}", two.folder().display());
    assert!(seen.lines().any(|line| line.trim_end() == joined), "{seen:?}");
    let last = seen.rsplit('\n').find(|line| !line.is_empty()).expect("lines");
    let shown = last.rsplit("\x1b[2K").next().expect("a text").trim();
    assert!(!shown.contains("receiving"), "{last:?}");

    // Elsewhere there is nothing but lines.
    assert!(!said.stdout.contains(['\x1b', '\r']), "{:?}", said.stdout);
    let line =
        |start: &str| said.stdout.lines().find(|line| line.starts_with(start)).map(str::to_owned);
    let (moving, done) = (line("receiving: 1 file, "), line("received 8.0 MiB in "));
    assert!(moving.is_some_and(|line| line.contains(" of 8.0 MiB")), "{}", said.stdout);
    assert!(done.is_some(), "{}", said.stdout);
    assert!(!said.stderr.contains("receiv"), "{}", said.stderr);
}

/// A FIFO that is open, so that nobody waits for who reads it.
fn pipe_in(world: &World) -> (PathBuf, File) {
    let pipe = world.at("pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status().expect("it is there").success());
    let open = OpenOptions::new().read(true).write(true).open(&pipe).expect("it is ours");
    (pipe, open)
}

fn write_more_names_than_a_pipe_holds(device: &Device<'_>, files: usize) {
    let name = |number| format!("{number:04}-{}", "long".repeat(50));
    (0..files).for_each(|number| device.write(&name(number), "new"));
}

/// Ctrl-S, a pager, a program that starts a client and forgets its output.
#[test]
fn who_reads_nothing_of_what_it_says_holds_up_nothing() {
    let world = World::new();
    let server = Server::start(&world);
    let mut one = Device::join_once(&world, "one", &server.link());
    let mut two = Device::join(&world, "two", &server.link());
    let (pipe, reader) = pipe_in(&world);
    one.start(with_words_to(&one.command(["sync"]), &pipe));

    write_more_names_than_a_pipe_holds(&two, 1_500);
    one.wait_for_tree(&two.tree());
    one.wait_until_in_sync();
    let created = |line: &&str| line.contains("-longlong");
    let lines = BufReader::new(reader).lines().map_while(Result::ok);
    let read = lines.filter(|line| created(&&**line)).take(1_500).count();
    assert_eq!(read, 1_500, "who reads it at last finds all of it");
    one.stop();
    two.stop();
}

#[test]
fn a_client_whose_words_nobody_reads_ends_when_it_is_told_to() {
    let world = World::new();
    let server = Server::start(&world);
    let mut one = Device::join_once(&world, "one", &server.link());
    let two = Device::join_once(&world, "two", &server.link());
    write_more_names_than_a_pipe_holds(&two, 600);
    two.once();
    let (pipe, _unread) = pipe_in(&world);
    one.start(with_words_to(&one.command(["sync"]), &pipe));
    one.wait_for_tree(&two.tree());
    one.stop();
}
