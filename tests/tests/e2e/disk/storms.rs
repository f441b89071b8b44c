//! Writers that never rest, and temporary files by the thousand.

use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::Value;
use tests::{Device, Random, Server, World, pick, wait_for};

use super::{two, wait_for_bytes};

/// A writer that closes its file within this is slow, and not without rest.
const WAITED_FOR: Duration = Duration::from_secs(2);

/// How many versions of a file a device's log tells of.
fn versions(device: &Device<'_>, path: &str) -> usize {
    let of = |line: &&Value| line["path"] == path;
    device.log().iter().filter(of).count()
}

/// Every path that a device's log ever told of.
fn names(device: &Device<'_>) -> BTreeSet<String> {
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let of = |line: &Value| text(&line["path"]).into_iter().chain(text(&line["from"]));
    device.log().iter().flat_map(of).collect()
}

/// Appends to a file, which it holds open, for so long; what `while_open` then finds.
fn append<T>(path: &Path, lasts: Duration, while_open: impl FnOnce() -> T) -> T {
    let mut file = File::create(path).expect("ours");
    let (began, mut lines) = (Instant::now(), 0);
    while began.elapsed() < lasts {
        writeln!(file, "line {lines} of a log that is never at rest").expect("ours");
        lines += 1;
        sleep(Duration::from_millis(10));
    }
    println!("{lines} lines");
    while_open()
}

#[test]
fn a_writer_of_a_few_seconds_is_waited_for_and_goes_whole() {
    let world = World::new();
    let server = Server::start(&world);
    let [one, two] = two(&world, &server);

    let early = append(&one.at("log.txt"), WAITED_FOR, || two.at("log.txt").exists());

    assert!(!early, "a part of it came before it was closed");
    wait_for_bytes(&two.at("log.txt"), &fs::read(one.at("log.txt")).expect("ours"));
    assert_eq!(versions(&two, "log.txt"), 1);
}

#[test]
fn a_file_that_is_appended_to_without_rest_goes_in_a_few_versions_when_the_disk_tests_are_long() {
    if pick(0, 1) == 0 {
        return;
    }
    let world = World::new();
    let server = Server::start(&world);
    let [one, two] = two(&world, &server);

    let length = || fs::metadata(two.at("log.txt")).map_or(0, |file| file.len());
    let early = append(&one.at("log.txt"), Duration::from_secs(60), length);

    let ended = Instant::now();
    assert!(early > 0, "nothing of it came while it was written");
    wait_for_bytes(&two.at("log.txt"), &fs::read(one.at("log.txt")).expect("ours"));
    println!("the last line arrived after {:?}", ended.elapsed());
    assert!(ended.elapsed() < Duration::from_secs(2), "{:?}", ended.elapsed());
    let versions = versions(&two, "log.txt");
    println!("{versions} versions");
    assert!((3..=60).contains(&versions), "{versions} versions");
}

#[test]
fn a_file_that_is_appended_to_and_closed_each_time_goes_in_a_few_versions() {
    let world = World::new();
    let server = Server::start(&world);
    let [one, two] = two(&world, &server);
    let lasts = Duration::from_secs(pick(8, 30));
    let (began, mut lines) = (Instant::now(), 0);
    while began.elapsed() < lasts {
        let file = OpenOptions::new().create(true).append(true).open(one.at("log.txt"));
        writeln!(file.expect("ours"), "line {lines}").expect("ours");
        lines += 1;
        sleep(Duration::from_millis(10));
    }

    wait_for_bytes(&two.at("log.txt"), &fs::read(one.at("log.txt")).expect("ours"));

    let versions = versions(&two, "log.txt");
    println!("{lines} lines, {versions} versions");
    assert!((pick(2, 3)..=60).contains(&versions), "{versions} versions");
}

#[test]
fn a_writer_that_holds_a_file_open_and_an_edit_from_elsewhere_both_survive() {
    let world = World::new();
    let server = Server::start(&world);
    let [mut one, mut two] = two(&world, &server);
    let rounds = pick(2, 200);
    let holds = Duration::from_secs(pick(1, 10));
    let mut random = Random::from_environment("writers");
    for round in 0..rounds {
        one.write(&format!("{round}.txt"), format!("the beginning of file {round}"));
    }
    two.wait_for_tree(&one.tree());
    std::thread::scope(|scope| {
        for round in 0..rounds {
            let (one, two) = (&one, &two);
            let edited = holds.mul_f64(random.below(1_000) as f64 / 1_000.0);
            scope.spawn(move || {
                let path = one.at(&format!("{round}.txt"));
                let file = OpenOptions::new().write(true).open(path).expect("ours");
                let began = Instant::now();
                let mut edit = Some(format!("round {round}: edited there"));
                while began.elapsed() < holds {
                    if began.elapsed() >= edited
                        && let Some(edit) = edit.take()
                    {
                        two.write(&format!("{round}.txt"), edit);
                    }
                    let text = format!("round {round}: written here, {:?}", began.elapsed());
                    file.write_all_at(format!("{text:60}").as_bytes(), 0).expect("ours");
                    sleep(Duration::from_millis(20));
                }
                file.write_all_at(
                    format!("{:60}", format!("round {round}: the last")).as_bytes(),
                    0,
                )
                .expect("ours");
            });
        }
    });

    one.wait_until_in_sync();
    two.wait_until_in_sync();
    two.wait_for_tree(&one.tree());
    let lines = one.tree().lines().join("\n");
    for round in 0..rounds {
        for version in [format!("round {round}: edited there"), format!("round {round}: the last ")]
        {
            assert!(lines.contains(&version), "{version} is lost:\n{lines}");
        }
    }
}

#[test]
fn temporary_files_leave_no_trace_beside_a_document_that_is_saved() {
    let world = World::new();
    let server = Server::start(&world);
    let [mut one, two] = two(&world, &server);
    one.write("document.txt", "version 0");
    two.wait_for_tree(&one.tree());
    let (files, saves) = (pick(2_000, 20_000), pick(10, 50));
    let pause = Duration::from_secs(5) / (files / 10);
    for number in 0..files {
        let path = one.at(&format!("temporary{number}.tmp"));
        fs::write(&path, format!("temporary {number}")).expect("ours");
        fs::remove_file(&path).expect("ours");
        if number % (files / saves) == 0 {
            one.write("document.new", format!("version {}", number + 1));
            fs::rename(one.at("document.new"), one.at("document.txt")).expect("ours");
        }
        if number % 10 == 0 {
            sleep(pause);
        }
    }

    wait_for("both to hold the same", tests::PATIENCE, || one.tree().same(&two.tree()));
    one.wait_until_in_sync();

    for device in [&one, &two] {
        let told = names(device);
        assert_eq!(told, BTreeSet::from(["document.txt".to_owned()]), "{}", device.name());
    }
    let versions = versions(&two, "document.txt");
    println!("{versions} versions of {saves} saves");
    assert!(versions <= saves as usize + 1, "{versions}");
}
