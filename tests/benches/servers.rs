//! Two servers over one MariaDB: how long an edit takes to a device at the same server, and to one at
//! the other; with NATS between the servers, and without, where the other looks once a second.
//!
//! Run it with `./test bench`. Both ways are measured with the same edits.
#![forbid(unsafe_code)]

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use tests::{Device, Nats, Options, Random, Server, World, mysql_database, noise};

/// How often each is measured.
const TIMES: usize = 100;
/// The size of the file, in bytes.
const FILE_BYTES: usize = 4_000;
/// How often the other paths are looked at.
const LOOK_EVERY: Duration = Duration::from_micros(500);
/// What has not arrived by then never will.
const PATIENCE: Duration = Duration::from_secs(30);
/// Between two edits, at most: they do not keep step with any timer.
const PAUSE_MS: u64 = 60;
/// How much longer the way through two servers may take where they tell each other.
const TARGET_RATIO: f64 = 1.5;

fn main() {
    if std::env::args().any(|argument| argument == "--list") {
        return;
    }
    println!(
        "\nAn edit through one server and through two over one MariaDB, median of {TIMES} in ms"
    );
    println!("{:<24} {:>8} {:>8} {:>8}", "", "one", "two", "ratio");
    let nats = Nats::start();
    let ratio = measure("told through NATS", Some(nats.url()), TIMES);
    measure("looked up every second", None, TIMES / 4);
    assert!(ratio <= TARGET_RATIO, "{ratio:.2} times as long, and not {TARGET_RATIO}");
}

/// Measures and prints; how many times as long the way through two servers is.
fn measure(how: &str, nats: Option<String>, times: usize) -> f64 {
    let world = World::new();
    let options = Options { mysql: Some(mysql_database()), nats, ..Options::default() };
    let here = Server::start_with(&world, options);
    let there = here.beside("other");
    let writer = Device::join(&world, "writer", &here.link());
    let same = Device::join(&world, "same", &here.link());
    let other = Device::join(&world, "other device", &there.link());
    for (device, server) in [(&writer, &here), (&same, &here), (&other, &there)] {
        assert_eq!(device.status()["server"], server.address(), "it talks to the right one");
    }
    let mut random = Random::new(1);
    let (mut through_one, mut through_two) = (Vec::new(), Vec::new());
    // The first makes the file, and is not counted.
    for number in 0..=times {
        let bytes = noise(number as u64, FILE_BYTES);
        std::thread::sleep(Duration::from_millis(random.below(PAUSE_MS)));
        fs::write(writer.at("f"), &bytes).expect("the folder can be written to");
        let began = Instant::now();
        let (mut one, mut two) = (None, None);
        while one.is_none() || two.is_none() {
            for (arrived, device) in [(&mut one, &same), (&mut two, &other)] {
                if arrived.is_none() && holds(&device.at("f"), &bytes) {
                    *arrived = Some(began.elapsed());
                }
            }
            assert!(began.elapsed() < PATIENCE, "{how}: number {number}");
            std::thread::sleep(LOOK_EVERY);
        }
        if number > 0 {
            through_one.extend(one);
            through_two.extend(two);
        }
    }
    let (one, two) = (median(&mut through_one), median(&mut through_two));
    println!("{how:<24} {one:>8.1} {two:>8.1} {:>8.2}", two / one);
    two / one
}

fn holds(path: &Path, bytes: &[u8]) -> bool {
    fs::read(path).is_ok_and(|found| found == bytes)
}

fn median(took: &mut [Duration]) -> f64 {
    took.sort();
    took[took.len() / 2].as_secs_f64() * 1000.0
}
