//! Real programs against the guard, on real threads.

use std::collections::BTreeSet;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use onefold_core::disk::{Change, Old, Seen};
use onefold_core::node::Kind;

use super::{DAY, World};

/// How long the programs and the guard are at each other.
fn length() -> Duration {
    let long = std::env::var_os("ONEFOLD_LONG").is_some();
    Duration::from_secs(if long { 60 } else { 2 })
}

/// Writes versions into a file, each a line of its own, in one of the ways that programs do.
fn write_versions(root: &Path, writer: usize, stop: &AtomicBool) -> Vec<String> {
    let file = root.join("file");
    let mut written = Vec::new();
    while !stop.load(Ordering::Relaxed) {
        let line = format!("<writer {writer}, version {}>", written.len());
        let done = match writer {
            // Appends.
            0 => OpenOptions::new()
                .append(true)
                .open(&file)
                .and_then(|mut file| file.write_all(line.as_bytes())),
            // Makes it, if it is not there.
            1 => OpenOptions::new()
                .append(true)
                .create_new(true)
                .open(&file)
                .and_then(|mut file| file.write_all(line.as_bytes())),
            // Has it open for a while, and writes then.
            _ => OpenOptions::new().append(true).open(&file).and_then(|mut open| {
                std::thread::sleep(Duration::from_micros(300));
                open.write_all(line.as_bytes())
            }),
        };
        // Rests now and then, as long as the guard needs to see that nothing moves, or a little less.
        let rest = Duration::from_millis(11 + 7 * writer as u64 + written.len() as u64 % 13);
        std::thread::sleep(rest);
        if done.is_ok() {
            written.push(line);
        }
    }
    written
}

#[test]
fn no_line_that_was_ever_appended_is_lost_to_replacing_and_removing() {
    let world = World::new();
    let stop = AtomicBool::new(false);
    let end = Instant::now() + length();
    let mut changes = 0;
    // What the engine knew when it changed the file: it would have sent that before.
    let mut known = String::new();
    let written = std::thread::scope(|scope| {
        let writers = [0, 1, 2].map(|writer| {
            scope.spawn({
                let (root, stop) = (&world.root, &stop);
                move || write_versions(root, writer, stop)
            })
        });
        while Instant::now() < end {
            changes += usize::from(change_once(&world, changes, &mut known));
            world.sweep_after(Duration::ZERO);
        }
        stop.store(true, Ordering::Relaxed);
        writers.map(|writer| writer.join().unwrap())
    });
    world.sweep_after(DAY * 2);
    let mut all = known;
    for entry in fs::read_dir(&world.root).unwrap() {
        let entry = entry.unwrap();
        if entry.file_type().unwrap().is_file() {
            all.push_str(&fs::read_to_string(entry.path()).unwrap());
        }
    }
    let kept: BTreeSet<&str> = all.split_inclusive('>').map(last_line).collect();
    for line in written.iter().flatten() {
        assert!(kept.contains(line.as_str()), "{line} is lost");
    }
    let counts = world.disk.counts();
    assert!(changes > 10, "{changes}, {counts:?}");
    println!("{changes} changes, {} lines, {counts:?}", written.iter().flatten().count());
}

/// The line that ends here, without what the guard placed before it.
fn last_line(text: &str) -> &str {
    text.rfind('<').map_or("", |begin| &text[begin..])
}

/// Hashes the file, as the engine does, and then replaces or removes it.
fn change_once(world: &World, round: usize, known: &mut String) -> bool {
    use onefold_adapters::port::Disk;
    let at = super::path("file");
    let Some(Seen::Node(found)) = world.seen("file") else {
        let content = world.stage(format!("[{round}]").as_bytes());
        return world.place("file", Old::Absent, content).is_ok();
    };
    let Ok(source) = world.disk.read(&at, &found.stamp) else { return false };
    let mut bytes = vec![0; usize::try_from(found.stamp.size).unwrap()];
    if source.read_at(&mut bytes, 0).is_err() || source.unchanged().is_err() {
        return false;
    }
    let done = if round.is_multiple_of(3) {
        let change = Change::Remove { at, expect: found.stamp, kind: Kind::File };
        world.change(&change).is_ok()
    } else {
        let content = world.stage(format!("[{round}]").as_bytes());
        world.place("file", Old::Is(found.stamp), content).is_ok()
    };
    if done {
        known.push_str(&String::from_utf8(bytes).unwrap());
    }
    done
}

#[test]
fn many_files_are_placed_at_once() {
    let world = World::new();
    let (threads, each) = (4, 100);
    let begin = Instant::now();
    std::thread::scope(|scope| {
        for thread in 0..threads {
            let world = &world;
            scope.spawn(move || {
                for number in 0..each {
                    let name = format!("file {thread} {number}");
                    let content = world.stage(name.as_bytes());
                    world.place(&name, Old::Absent, content).unwrap();
                }
            });
        }
    });
    let per_file = begin.elapsed() / (threads * each);
    println!("{per_file:?} a file");
    assert_eq!(world.look("").unwrap().names.len(), (threads * each) as usize);
}
