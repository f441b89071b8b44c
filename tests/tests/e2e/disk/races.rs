//! Users who act on a file in the very instant in which a client swaps it for a newer one.
//!
//! The client records what it is about to do in `.onefold/displaced`, syncs that record, and then
//! swaps. Whoever sees the record being written knows that the swap is due, and to what: so users
//! here meet it far more often than by chance.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{Read, Seek, Write};
use std::mem::MaybeUninit;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rustix::fs::inotify::{self, CreateFlags, Reader, WatchFlags};
use serde_json::Value;
use tests::{Device, PATIENCE, Random, Server, Tree, World, pick, wait_for};

use super::two;

/// How many files are changed at once.
const BATCH: u64 = 50;
/// From the record of a swap to the swap, before it was ever measured.
const FIRST_GUESS: Duration = Duration::from_micros(600);
/// How long users may take to see that nothing more comes.
const POLL: Duration = Duration::from_micros(100);

/// What a user does to the file.
#[derive(Clone, Copy, Debug)]
enum Deed {
    Write,
    RenameOver,
    Unlink,
    Truncate,
}

/// What must be found in the end, by the file that it is about.
type Promised = BTreeMap<String, Vec<String>>;

fn old_text(name: &str) -> String {
    format!("<old {name}> and more that was there before")
}

fn new_text(name: &str) -> String {
    format!("<new {name}> and more that came from elsewhere")
}

/// The part of a text that tells which it is.
fn mark(text: &str) -> &str {
    text.split_inclusive('>').next().expect("it has one")
}

/// A user who does one thing to one file; what must not be lost by it.
fn act(deed: Deed, path: &Path, name: &str, aside: &Path) -> Vec<String> {
    let victim = File::open(path).ok();
    let made = match deed {
        Deed::Write => append(path, name),
        Deed::RenameOver => rename_over(path, name, aside),
        Deed::Unlink => fs::remove_file(path).ok().map(|()| Vec::new()),
        Deed::Truncate => truncate(path),
    };
    let Some(mut promised) = made else { return Vec::new() };
    // Whoever did away with the old text did not know of the new.
    let gone = victim.filter(|file| file.metadata().is_ok_and(|meta| meta.nlink() == 0));
    if gone.is_some_and(|mut file| text_of(&mut file).starts_with("<old")) {
        promised.push(mark(&new_text(name)).to_owned());
    }
    promised
}

fn append(path: &Path, name: &str) -> Option<Vec<String>> {
    let mut file = OpenOptions::new().append(true).open(path).ok()?;
    let line = format!("<user of {name}>");
    file.write_all(line.as_bytes()).expect("ours");
    Some(vec![line, mark(&new_text(name)).to_owned()])
}

fn rename_over(path: &Path, name: &str, aside: &Path) -> Option<Vec<String>> {
    let text = format!("<user of {name}>");
    fs::write(aside, &text).expect("ours");
    fs::rename(aside, path).ok()?;
    Some(vec![text])
}

fn truncate(path: &Path) -> Option<Vec<String>> {
    let mut file = OpenOptions::new().read(true).write(true).open(path).ok()?;
    let length = mark(&text_of(&mut file)).len();
    file.set_len(length as u64).expect("ours");
    let left = text_of(&mut file);
    let was_old = left.starts_with("<old");
    let mut promised = vec![left];
    if was_old {
        promised.push(mark(&new_text(path.file_name()?.to_str()?)).to_owned());
    }
    Some(promised)
}

fn text_of(file: &mut File) -> String {
    let mut text = String::new();
    file.rewind().expect("a file");
    file.read_to_string(&mut text).expect("text");
    text
}

/// Acts on each file once, when the client is about to swap it, until it is told to stop.
fn race(deed: Deed, device: &Device<'_>, random: &mut Random, stop: &AtomicBool) -> Promised {
    let displaced = device.at(".onefold/displaced");
    let inotify = inotify::init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK).expect("inotify");
    let flags = WatchFlags::MODIFY | WatchFlags::MOVED_FROM;
    inotify::add_watch(&inotify, &displaced, flags).expect("the client has made it");
    let mut buffer = vec![MaybeUninit::uninit(); 64 * 1024];
    let mut events = Reader::new(&inotify, &mut buffer);
    let (mut promised, mut usual) = (Promised::new(), FIRST_GUESS);
    let mut began: Option<Instant> = None;
    while !stop.load(Ordering::Relaxed) {
        let Ok(event) = events.next() else {
            std::thread::sleep(POLL);
            continue;
        };
        let name = event.file_name().and_then(|name| name.to_str().ok()).unwrap_or_default();
        if name.ends_with(".new") {
            // The swap has come: so long after the record.
            if let Some(began) = began.take() {
                usual = (usual * 7 + began.elapsed()) / 8;
            }
            continue;
        }
        let Some(path) = about(&displaced.join(name)) else { continue };
        if promised.contains_key(&path) {
            continue;
        }
        let noticed = Instant::now();
        began = Some(noticed);
        let delay = usual.mul_f64(random.below(1_500) as f64 / 1_000.0);
        while noticed.elapsed() < delay {
            std::hint::spin_loop();
        }
        let at = device.at(&path);
        let name = at.file_name().and_then(|name| name.to_str()).expect("text").to_owned();
        promised.insert(path, act(deed, &at, &name, &device.home().join("saved")));
    }
    promised
}

/// Which file a record is about, once that is written: the names of its path stand in it as they are.
fn about(record: &Path) -> Option<String> {
    let bytes = fs::read(record).ok()?;
    let text = String::from_utf8_lossy(&bytes);
    let (before, _) = text.rsplit_once(".txt")?;
    let begin = before.rfind(|letter: char| !letter.is_ascii_alphanumeric() && letter != '-')? + 1;
    let stem = before.get(begin..)?;
    let (directory, _) = stem.split_once('-')?;
    Some(format!("races/{directory}/{stem}.txt"))
}

/// Changes many files on the one device while a user of the other is at them; nothing may be lost.
/// How many of them that user acted on.
fn batch(devices: &mut [Device<'_>; 2], deed: Deed, number: u64, random: &mut Random) -> usize {
    let directory = format!("races/{deed:?}{number}");
    let names: Vec<_> = (0..BATCH).map(|file| format!("{deed:?}{number}-{file}.txt")).collect();
    let [here, there] = [0, 1].map(|device: usize| devices[device].at(&directory));
    let wait_until_none = |what: &str, is_left: fn(&str, Option<&str>) -> bool| {
        wait_for(what, PATIENCE, || {
            let text = |name: &String| fs::read_to_string(there.join(name)).ok();
            let left = names.iter().filter(|name| is_left(name, text(name).as_deref())).count();
            if left == 0 { Ok(()) } else { Err(format!("{left} files are left")) }
        });
    };
    for name in &names {
        devices[0].write(&format!("{directory}/{name}"), old_text(name));
    }
    wait_until_none("all files to arrive", |name, text| text != Some(&old_text(name)));
    let stop = AtomicBool::new(false);
    let promised = std::thread::scope(|scope| {
        let racing = scope.spawn(|| race(deed, &devices[1], &mut random.fork(), &stop));
        for name in &names {
            fs::write(here.join(name), new_text(name)).expect("ours");
        }
        wait_until_none("all files to change", |name, text| text == Some(&old_text(name)));
        stop.store(true, Ordering::Relaxed);
        racing.join().expect("the user ends")
    });
    let nothing_lost = || [&here, &there].into_iter().try_for_each(|at| check(at, &promised));
    wait_for("nothing to be lost", PATIENCE, nothing_lost);
    devices.iter_mut().for_each(Device::wait_until_in_sync);
    let trees = || [&here, &there].map(|at| Tree::read(at).expect("at rest").timeless());
    wait_for("both to hold the same", PATIENCE, || {
        let [one, two] = trees();
        one.same(&two)
    });
    assert_eq!(nothing_lost(), Ok(()));
    promised.len()
}

/// Whether all that was promised is in a directory, in the file itself or in a copy beside it.
fn check(directory: &Path, promised: &Promised) -> Result<(), String> {
    let mut texts: BTreeMap<String, String> = BTreeMap::new();
    for entry in fs::read_dir(directory).map_err(|error| error.to_string())?.flatten() {
        let name = entry.file_name().into_string().expect("text");
        let stem = name.split_once([' ', '.']).map_or(&*name, |(stem, _)| stem).to_owned();
        *texts.entry(stem).or_default() += &fs::read_to_string(entry.path()).unwrap_or_default();
    }
    for (path, promised) in promised {
        let stem = Path::new(path).file_stem().and_then(|stem| stem.to_str()).expect("text");
        let text = texts.get(stem).map_or("", String::as_str);
        if let Some(lost) = promised.iter().find(|promised| !text.contains(*promised)) {
            return Err(format!("{}: {lost} of {path} is not in {text:?}", directory.display()));
        }
    }
    Ok(())
}

/// What the guard of a device counted.
fn guarded(device: &Device<'_>) -> Value {
    device.status()["guarded"].clone()
}

/// How often something of this user's doing was noticed between two counts.
fn noticed(before: &Value, after: &Value) -> Vec<(&'static str, u64)> {
    let count = |value: &Value, name: &str| value[name].as_u64().expect("it is counted");
    ["refused", "broken", "vanished", "swapped_back", "rescued"]
        .into_iter()
        .map(|name| (name, count(after, name) - count(before, name)))
        .collect()
}

#[test]
fn nothing_is_lost_when_users_act_in_the_instant_of_a_swap() {
    let world = World::new();
    let server = Server::start(&world);
    let mut devices = two(&world, &server);
    let mut random = Random::from_environment("races");
    for deed in [Deed::Write, Deed::RenameOver, Deed::Unlink, Deed::Truncate] {
        let (wanted, before) = (pick(50, 5_000), guarded(&devices[1]));
        let (mut acted, mut number) = (0, 0);
        while acted < wanted {
            acted += batch(&mut devices, deed, number, &mut random) as u64;
            number += 1;
        }
        let after = guarded(&devices[1]);
        let noticed = noticed(&before, &after);
        println!("{deed:?}: {acted} times of {}; the guard: {noticed:?}", number * BATCH);
        let in_window = noticed.iter().filter(|(what, _)| *what != "refused");
        let in_window: u64 = in_window.map(|(_, times)| times).sum();
        // A few rounds may all miss it.
        assert!(in_window > 0 || pick(1, 0) == 1, "{deed:?} never met a swap");
    }
    devices.iter_mut().for_each(Device::stop);
    server.check();
}
