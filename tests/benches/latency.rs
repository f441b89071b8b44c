//! How long a change takes: from the return of the call that made it to the right bytes at the other
//! path, with two clients and a server as processes on this machine.
//!
//! Run it with `./test bench`. Beside it stands what cannot be had for less: one round trip over
//! loopback and one `fsync`.
#![forbid(unsafe_code)]

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::time::{Duration, Instant};

use tests::{Device, Random, Server, World, noise};

/// How often each is measured.
const TIMES: usize = 100;
/// The size of the files, in bytes.
const FILE_BYTES: usize = 4_000;
/// How often the other path is looked at.
const LOOK_EVERY: Duration = Duration::from_micros(500);
/// What has not arrived by then never will.
const PATIENCE: Duration = Duration::from_secs(30);
/// Between two changes, at most: they do not keep step with any timer.
const PAUSE_MS: u64 = 60;

/// What is measured.
struct Measure<'a> {
    what: &'a str,
    target_ms: u64,
    change: &'a dyn Fn(usize),
    arrived: &'a dyn Fn(usize) -> bool,
}

fn main() {
    if std::env::args().any(|argument| argument == "--list") {
        return;
    }
    println!("median and p95 of {TIMES} each, in ms");
    println!("{:<44} {:>8} {:>8} {:>8}", "", "median", "p95", "target");
    let mut missed = 0;
    let mut baseline = baseline().expect("loopback and the disk work");
    row("one loopback round trip and one fsync", &mut baseline, None);
    let world = World::new();
    let server = Server::start(&world);
    let one = Device::join(&world, "one", &server.link());
    let two = Device::join(&world, "two", &server.link());
    let at = |device: &Device<'_>, name: &str, number: usize| {
        device.folder().join(format!("{name} {number}.txt"))
    };
    let holds = |path: &Path, bytes: &[u8]| fs::read(path).is_ok_and(|found| found == bytes);
    let content =
        |version: usize, number: usize| noise((version * 1000 + number) as u64, FILE_BYTES);
    // So that those that are deleted are not most of a folder, of which a person would be asked.
    for number in 0..2 * TIMES {
        write(&at(&one, "kept", number), &content(0, number));
    }
    two.wait_for_tree(&one.tree());
    for measure in [
        Measure {
            what: "create a file",
            target_ms: 300,
            change: &|number| write(&at(&one, "file", number), &content(1, number)),
            arrived: &|number| holds(&at(&two, "file", number), &content(1, number)),
        },
        Measure {
            what: "edit a known file",
            target_ms: 100,
            change: &|number| write(&at(&one, "file", number), &content(2, number)),
            arrived: &|number| holds(&at(&two, "file", number), &content(2, number)),
        },
        Measure {
            what: "edit a known file, on the other device",
            target_ms: 100,
            change: &|number| write(&at(&two, "file", number), &content(3, number)),
            arrived: &|number| holds(&at(&one, "file", number), &content(3, number)),
        },
        Measure {
            what: "rename a file",
            target_ms: 300,
            change: &|number| {
                fs::rename(at(&one, "file", number), at(&one, "renamed", number)).expect("renamed");
            },
            arrived: &|number| holds(&at(&two, "renamed", number), &content(3, number)),
        },
        Measure {
            what: "delete a file",
            target_ms: 2_000,
            change: &|number| fs::remove_file(at(&one, "renamed", number)).expect("removed"),
            arrived: &|number| !at(&two, "renamed", number).exists(),
        },
    ] {
        let mut took = take(&measure);
        missed += usize::from(!row(measure.what, &mut took, Some(measure.target_ms)));
    }
    drop((one, two, server));
    drop(world);
    assert_eq!(missed, 0, "targets that were missed");
}

fn write(path: &Path, bytes: &[u8]) {
    fs::write(path, bytes).expect("the folder can be written to");
}

fn take(measure: &Measure<'_>) -> Vec<Duration> {
    let mut random = Random::new(TIMES as u64);
    let mut one = |number| {
        std::thread::sleep(Duration::from_millis(random.below(PAUSE_MS)));
        (measure.change)(number);
        let started = Instant::now();
        while !(measure.arrived)(number) {
            assert!(started.elapsed() < PATIENCE, "{}: number {number}", measure.what);
            std::thread::sleep(LOOK_EVERY);
        }
        started.elapsed()
    };
    (0..TIMES).map(&mut one).collect()
}

/// Prints a row; whether the median met the target.
fn row(what: &str, took: &mut [Duration], target_ms: Option<u64>) -> bool {
    took.sort();
    let ms = |at: usize| took[at.min(took.len() - 1)].as_secs_f64() * 1000.0;
    let (median, p95) = (ms(took.len() / 2), ms(took.len() * 95 / 100));
    let target = target_ms.map(|ms| ms.to_string()).unwrap_or_default();
    println!("{what:<44} {median:>8.1} {p95:>8.1} {target:>8}");
    target_ms.is_none_or(|target| p95 < target as f64)
}

/// One byte to an echo over loopback and back, then one write and `fsync`.
fn baseline() -> io::Result<Vec<Duration>> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let mut to = TcpStream::connect(listener.local_addr()?)?;
    let (mut echo, _) = listener.accept()?;
    std::thread::spawn(move || {
        let mut byte = [0];
        while echo.read_exact(&mut byte).and_then(|()| echo.write_all(&byte)).is_ok() {}
    });
    let world = World::new();
    let mut file = File::create(world.at("file"))?;
    let mut took = Vec::new();
    for _ in 0..TIMES {
        let started = Instant::now();
        let mut byte = [1];
        to.write_all(&byte)?;
        to.read_exact(&mut byte)?;
        file.write_all(&[0; FILE_BYTES])?;
        file.sync_data()?;
        took.push(started.elapsed());
    }
    Ok(took)
}
