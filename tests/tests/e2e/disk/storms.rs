//! Writers that never rest, and temporary files by the thousand.

use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::Value;
use tests::{Device, Random, Recorder, Server, Usage, World, long, noise, pick, wait_for};

use super::{problems, two, wait_for_bytes, wait_for_problem};

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
    let early = append(&one.at("log.txt"), Duration::from_secs(30), length);

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

/// Bytes of a file that is written to here and there.
const WRITTEN_BYTES: usize = 100_000;

/// Holds a file open and writes to it here and there for so long; all of what it then holds.
fn write_about(path: &Path, mut random: Random, lasts: Duration) -> Vec<u8> {
    let file = OpenOptions::new().write(true).open(path).expect("ours");
    let mut bytes = fs::read(path).expect("ours");
    let began = Instant::now();
    while began.elapsed() < lasts {
        let length = 1 + usize::try_from(random.below(5_000)).expect("small");
        let at = usize::try_from(random.below(WRITTEN_BYTES as u64)).expect("small");
        let block = noise(random.next(), length);
        bytes.resize(bytes.len().max(at + length), 0);
        bytes[at..at + length].copy_from_slice(&block);
        file.write_all_at(&block, at as u64).expect("ours");
        sleep(Duration::from_millis(20));
    }
    bytes
}

#[test]
fn a_writer_that_holds_a_file_open_and_an_edit_from_elsewhere_both_survive() {
    let world = World::new();
    let server = Server::start(&world);
    let [mut one, mut two] = two(&world, &server);
    let rounds = pick(3, 200);
    let holds = Duration::from_secs(pick(1, 10));
    let mut random = Random::from_environment("writers");
    for round in 0..rounds {
        one.write(&format!("{round}.bin"), noise(round, WRITTEN_BYTES));
    }
    two.wait_for_tree(&one.tree());
    let written: Vec<_> = std::thread::scope(|scope| {
        let writers = (0..rounds).map(|round| {
            let (one, two) = (&one, &two);
            let random = random.fork();
            let edited = holds.mul_f64(random.clone().below(1_000) as f64 / 1_000.0);
            scope.spawn(move || {
                let edit = scope.spawn(move || {
                    sleep(edited);
                    let bytes = noise(1_000_000 + round, WRITTEN_BYTES);
                    two.write(&format!("{round}.bin"), &bytes);
                    bytes
                });
                let here = write_about(&one.at(&format!("{round}.bin")), random, holds);
                [here, edit.join().expect("it is written")]
            })
        });
        let writers: Vec<_> = writers.collect();
        writers.into_iter().map(|writer| writer.join().expect("it is written")).collect()
    });

    let held = |device: &Device<'_>| -> BTreeSet<Vec<u8>> {
        let files = fs::read_dir(device.folder()).expect("ours").flatten();
        files.filter_map(|file| fs::read(file.path()).ok()).collect()
    };
    wait_for("both to hold all that was written", tests::PATIENCE, || {
        for device in [&one, &two] {
            let held = held(device);
            let lost = |pair: &[Vec<u8>; 2]| pair.iter().any(|bytes| !held.contains(bytes));
            if let Some(round) = written.iter().position(lost) {
                return Err(format!("{}: not all of round {round} is there", device.name()));
            }
        }
        Ok(())
    });
    one.wait_until_in_sync();
    two.wait_until_in_sync();
    two.wait_for_tree(&one.tree());
    let (files, copies) = (one.tree().files(), one.tree().conflict_copies().len());
    println!("{rounds} of {rounds}: {files} files, {copies} of them conflict copies");
    assert_eq!(
        files,
        usize::try_from(rounds).expect("small") + copies,
        "one copy for each at most"
    );
}

/// Longer than a second before what was busy would be tried again if nobody told that it is closed.
const HELD_OPEN: Duration = Duration::from_millis(2_500);

#[test]
fn a_busy_file_is_updated_within_a_second_of_its_being_closed() {
    let world = World::new();
    let server = Server::start(&world);
    let [one, two] = two(&world, &server);
    one.write("f.txt", "version 0");
    two.wait_for_tree(&one.tree());
    let mut took = Vec::new();
    for round in 1..=pick(2, 20) {
        let open = OpenOptions::new().append(true).open(two.at("f.txt")).expect("ours");
        let text = format!("version {round}");
        one.write("f.txt", &text);
        wait_for_problem(&two, "busy");
        sleep(HELD_OPEN);
        let closed = Instant::now();
        drop(open);
        wait_for_bytes(&two.at("f.txt"), text.as_bytes());
        took.push(closed.elapsed());
    }
    took.sort();
    println!("updated after {took:?}");
    // A busy machine may be slow.
    assert!(!long() || took.iter().all(|took| *took < Duration::from_secs(1)), "{took:?}");
}

/// Less than what waits between two tries of something that goes on failing.
const TOLD_WITHIN: Duration = Duration::from_secs(10);

#[test]
fn open_files_that_are_to_have_the_same_bytes_are_each_told_to_be_busy() {
    const FILES: usize = 30;
    let world = World::new();
    let server = Server::start(&world);
    let [one, two] = two(&world, &server);
    let write_all = |text: &str| (0..FILES).for_each(|file| one.write(&file.to_string(), text));
    write_all("old");
    two.wait_for_tree(&one.tree());
    let append = |file: usize| OpenOptions::new().append(true).open(two.at(&file.to_string()));
    let open: Vec<_> = (0..FILES).map(|file| append(file).expect("ours")).collect();

    write_all("the same in all of them");

    wait_for("each to be told", TOLD_WITHIN, || {
        let status = two.status();
        let busy = problems(&status, "busy").len();
        if busy == FILES { Ok(()) } else { Err(format!("{busy} of {FILES}: {status}")) }
    });
    drop(open);
    two.wait_for_tree(&one.tree());
}

#[test]
fn temporary_files_leave_no_trace_beside_a_document_that_is_saved() {
    let world = World::new();
    let server = Server::start(&world);
    let [mut one, mut two] = two(&world, &server);
    one.write("document.txt", "version 0");
    two.wait_for_tree(&one.tree());
    let recorder = Recorder::start(two.folder());
    let before = [&mut one, &mut two].map(|device| Usage::of(device.process().id()));
    let (files, saves) = (pick(2_000, 20_000), pick(10, 50));
    make_and_remove(&one, files, saves);
    let ended = Instant::now();

    wait_for("both to hold the same", tests::PATIENCE, || one.tree().same(&two.tree()));
    one.wait_until_in_sync();

    for device in [&one, &two] {
        let told = names(device);
        assert_eq!(told, BTreeSet::from(["document.txt".to_owned()]), "{}", device.name());
    }
    assert_eq!(recorder.last_names(), BTreeSet::from(["document.txt".to_owned()]));
    // The first was there before.
    let versions = versions(&two, "document.txt") - 1;
    println!("{versions} versions of {saves} saves");
    assert!(versions <= saves as usize, "{versions}");
    if long() {
        assert_at_rest([&mut one, &mut two], ended, before);
    }
}

/// Makes temporary files, none of which gets old, in 5 seconds, and saves a document beside them.
fn make_and_remove(device: &Device<'_>, files: u32, saves: u32) {
    let (began, mut oldest) = (Instant::now(), Duration::ZERO);
    for number in 0..files {
        let path = device.at(&format!("temporary{number}.tmp"));
        let made = Instant::now();
        fs::write(&path, format!("temporary {number}")).expect("ours");
        fs::remove_file(&path).expect("ours");
        oldest = oldest.max(made.elapsed());
        if number % (files / saves) == 0 {
            device.write("document.new", format!("version {}", number + 1));
            fs::rename(device.at("document.new"), device.at("document.txt")).expect("ours");
        }
        let due = Duration::from_secs(5).mul_f64(f64::from(number) / f64::from(files));
        sleep(due.saturating_sub(began.elapsed()));
    }
    println!("{files} temporary files in {:?}, the oldest {oldest:?}", began.elapsed());
}

/// From 5 to 10 seconds after a storm, its programs use next to nothing.
fn assert_at_rest(devices: [&mut Device<'_>; 2], ended: Instant, before: [Usage; 2]) {
    let ids = devices.map(|device| device.process().id());
    sleep(Duration::from_secs(5).saturating_sub(ended.elapsed()));
    let (began, first) = (Instant::now(), ids.map(Usage::of));
    sleep(Duration::from_secs(5));
    let (lasted, last) = (began.elapsed(), ids.map(Usage::of));
    for device in 0..ids.len() {
        let used = last[device].processor - first[device].processor;
        let share = used.as_secs_f64() / lasted.as_secs_f64();
        let grown = last[device].memory.saturating_sub(before[device].memory);
        let percent = share * 100.0;
        println!("device {device}: {percent:.1} % of a processor, {} KiB more", grown / 1024);
        assert!(share < 0.02, "{share}");
        assert!(grown < 20 * 1024 * 1024, "{grown}");
    }
}
