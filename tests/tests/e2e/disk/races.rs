//! Users who act on a file in the very instant in which a client swaps it for a newer one.
//!
//! The client records what it is about to do in `.onefold/displaced`, and then opens the old file to
//! take a lease on it: the swap follows within microseconds. Users here wait for just that, so they
//! meet it far more often than by chance; and once more while the kernel takes some milliseconds
//! longer before each swap and after it, so that every deed meets it many times.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File, OpenOptions};
use std::io::{Read, Seek, Write};
use std::mem::MaybeUninit;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::ScopedJoinHandle;
use std::time::{Duration, Instant};

use rustix::fs::inotify::{self, CreateFlags, Reader, WatchFlags};
use serde_json::Value;
use tests::{Device, PATIENCE, Random, Server, Tree, World, pick, wait_for};

use super::two;

/// How many files are changed at once.
const BATCH: u64 = 50;
/// From the opening of the old file to when all is done, with room for both sides of it.
const WINDOW: Duration = Duration::from_micros(150);
/// The same where swaps are slowed down.
const SLOW_WINDOW: Duration = Duration::from_millis(8);
/// What slows them down: some milliseconds before each swap, and after it.
const SLOWED: [&str; 6] = [
    "--seccomp-bpf",
    "-e",
    "trace=renameat2",
    "-e",
    "inject=renameat2:delay_enter=4ms:delay_exit=4ms",
    "--signal=none",
];
/// How long it is waited for without rest that a recorded change begins.
const SOON: Duration = Duration::from_millis(20);
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

const DEEDS: [Deed; 4] = [Deed::Write, Deed::RenameOver, Deed::Unlink, Deed::Truncate];

/// What must be found in the end, by the file that it is about.
type Promised = BTreeMap<String, Vec<String>>;

fn old_text(name: &str) -> String {
    format!("<old {name}> and more that was there before")
}

fn new_text(name: &str) -> String {
    format!("<new {name}> and more that came from elsewhere")
}

fn size_of(text: &str) -> u64 {
    text.len() as u64
}

/// The part of a text that tells which it is.
fn mark(text: &str) -> &str {
    text.split_inclusive('>').next().expect("it has one")
}

/// A user who does one thing to one file; what must not be lost by it.
fn act(deed: Deed, path: &Path, name: &str, saved: &Path) -> Vec<String> {
    let victim = File::open(path).ok();
    let made = match deed {
        Deed::Write => append(path, name),
        Deed::RenameOver => fs::rename(saved, path).ok().map(|()| vec![user_text(name)]),
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

fn user_text(name: &str) -> String {
    format!("<user of {name}>")
}

fn append(path: &Path, name: &str) -> Option<Vec<String>> {
    let mut file = OpenOptions::new().append(true).open(path).ok()?;
    let line = user_text(name);
    file.write_all(line.as_bytes()).expect("ours");
    Some(vec![line, mark(&new_text(name)).to_owned()])
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

/// Users who do one kind of thing, so long after they see that a swap is due.
struct Users {
    deed: Deed,
    window: Duration,
    random: Random,
}

/// Acts on each file of a directory once, when the client is about to swap it, until it is told to
/// stop. Each user has a thread: what one waits for keeps no other.
fn race(users: &mut Users, device: &Device<'_>, directory: &str, stop: &AtomicBool) -> Promised {
    let displaced = device.at(".onefold/displaced");
    let inotify = inotify::init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK).expect("inotify");
    let records = inotify::add_watch(&inotify, &displaced, WatchFlags::MODIFY);
    let records = records.expect("the client has made it");
    inotify::add_watch(&inotify, device.at(directory), WatchFlags::OPEN).expect("it came");
    let mut buffer = vec![MaybeUninit::uninit(); 64 * 1024];
    let mut events = Reader::new(&inotify, &mut buffer);
    let saved = |name: &str| -> PathBuf { device.home().join(name) };
    let (mut recorded, mut last) = (BTreeSet::new(), Instant::now());
    std::thread::scope(|scope| {
        let mut begun = BTreeMap::new();
        while !stop.load(Ordering::Relaxed) {
            let Ok(event) = events.next() else {
                if recorded.is_empty() || last.elapsed() > SOON {
                    std::thread::sleep(POLL);
                }
                continue;
            };
            let name = event.file_name().and_then(|name| name.to_str().ok()).unwrap_or_default();
            if event.wd() == records {
                let about = about(&displaced.join(name)).filter(|name| !begun.contains_key(name));
                let Some(name) = about else { continue };
                fs::write(saved(&name), user_text(&name)).expect("ours");
                recorded.insert(name);
                last = Instant::now();
            } else if recorded.remove(name) {
                let opened = Instant::now();
                let delay = users.window.mul_f64(users.random.below(1_000) as f64 / 1_000.0);
                let (deed, name) = (users.deed, name.to_owned());
                let (at, saved) = (device.at(directory).join(&name), saved(&name));
                let user = move |name: &str| {
                    while opened.elapsed() < delay {
                        std::thread::yield_now();
                    }
                    act(deed, &at, name, &saved)
                };
                begun.insert(name.clone(), scope.spawn(move || user(&name)));
            }
        }
        let end = |user: ScopedJoinHandle<'_, _>| user.join().expect("a user ends");
        begun.into_iter().map(|(name, user)| (name, end(user))).collect()
    })
}

/// Which file a record is about, once that is written: the names of its path stand in it as they are.
fn about(record: &Path) -> Option<String> {
    let bytes = fs::read(record).ok()?;
    let text = String::from_utf8_lossy(&bytes);
    let (before, _) = text.rsplit_once(".txt")?;
    let begin = before.rfind(|letter: char| !letter.is_ascii_alphanumeric() && letter != '-')? + 1;
    Some(format!("{}.txt", before.get(begin..)?))
}

/// Changes many files on the one device while a user of the other is at them; nothing may be lost.
/// How many of them that user acted on.
fn batch(devices: &mut [Device<'_>; 2], users: &mut Users, number: u64) -> u64 {
    let Users { deed, .. } = users;
    let directory = format!("races/{deed:?}{number}");
    let names: Vec<_> = (0..BATCH).map(|file| format!("{deed:?}{number}-{file}.txt")).collect();
    let [here, there] = [0, 1].map(|device: usize| devices[device].at(&directory));
    // Only looked at: who opens a file is taken for the client.
    let wait_until_none = |what: &str, is_left: fn(&str, Option<u64>) -> bool| {
        wait_for(what, PATIENCE, || {
            let size = |name: &String| fs::metadata(there.join(name)).ok().map(|file| file.len());
            let left = names.iter().filter(|name| is_left(name, size(name))).count();
            if left == 0 { Ok(()) } else { Err(format!("{left} files are left")) }
        });
    };
    for name in &names {
        devices[0].write(&format!("{directory}/{name}"), old_text(name));
    }
    wait_until_none("all files to arrive", |name, size| size != Some(size_of(&old_text(name))));
    let stop = AtomicBool::new(false);
    let promised = std::thread::scope(|scope| {
        let racing = scope.spawn(|| race(users, &devices[1], &directory, &stop));
        for name in &names {
            fs::write(here.join(name), new_text(name)).expect("ours");
        }
        wait_until_none("all files to change", |name, size| size == Some(size_of(&old_text(name))));
        stop.store(true, Ordering::Relaxed);
        racing.join().expect("the user ends")
    });
    let nothing_lost = || [&here, &there].into_iter().try_for_each(|at| check(at, &promised));
    wait_for("nothing to be lost", PATIENCE, nothing_lost);
    devices.iter_mut().for_each(Device::wait_until_in_sync);
    wait_for("both to hold the same", PATIENCE, || {
        let read = |at| Tree::read(at).map_err(|error| error.to_string());
        read(&here)?.timeless().same(&read(&there)?.timeless())
    });
    assert_eq!(nothing_lost(), Ok(()));
    promised.len() as u64
}

/// Whether all that was promised is in a directory, in the file itself or in a copy beside it.
fn check(directory: &Path, promised: &Promised) -> Result<(), String> {
    let mut texts: BTreeMap<String, String> = BTreeMap::new();
    for entry in fs::read_dir(directory).map_err(|error| error.to_string())?.flatten() {
        let name = entry.file_name().into_string().expect("text");
        let stem = name.split_once([' ', '.']).map_or(&*name, |(stem, _)| stem).to_owned();
        *texts.entry(stem).or_default() += &fs::read_to_string(entry.path()).unwrap_or_default();
    }
    for (name, promised) in promised {
        let stem = Path::new(name).file_stem().and_then(|stem| stem.to_str()).expect("text");
        let text = texts.get(stem).map_or("", String::as_str);
        if let Some(lost) = promised.iter().find(|promised| !text.contains(*promised)) {
            return Err(format!("{}: {lost} of {name} is not in {text:?}", directory.display()));
        }
    }
    Ok(())
}

/// What the guard of a device counted.
fn guarded(device: &Device<'_>) -> Value {
    device.status()["guarded"].clone()
}

/// What tells of a user's doing at the very swap. A refused lease is one before it; one that was
/// broken is a swap that was taken back.
const IN_WINDOW: [&str; 3] = ["vanished", "swapped_back", "rescued"];
/// So many batches are tried at most until a deed meets a swap.
const MAX_BATCHES: u64 = 20;

/// How often users met a swap, between two counts.
fn met(before: &Value, after: &Value) -> u64 {
    let count = |value: &Value, name: &str| value[name].as_u64().expect("it is counted");
    IN_WINDOW.iter().map(|name| count(after, name) - count(before, name)).sum()
}

/// Users do one kind of thing so many times; how often they met a swap.
fn act_often(
    devices: &mut [Device<'_>; 2],
    users: &mut Users,
    numbers: &mut u64,
    times: u64,
) -> u64 {
    let (before, first) = (guarded(&devices[1]), *numbers);
    let mut acted = 0;
    let meets = users.window == SLOW_WINDOW;
    while acted < times
        || meets && met(&before, &guarded(&devices[1])) == 0 && *numbers - first < MAX_BATCHES
    {
        acted += batch(devices, users, *numbers);
        *numbers += 1;
    }
    let after = guarded(&devices[1]);
    let (deed, files) = (users.deed, (*numbers - first) * BATCH);
    println!("{deed:?}: {acted} times of {files}; the guard before {before} and after {after}");
    met(&before, &after)
}

#[test]
fn nothing_is_lost_when_users_act_in_the_instant_of_a_swap() {
    let world = World::new();
    let server = Server::start(&world);
    let mut devices = two(&world, &server);
    let random = Random::from_environment("races");
    let (mut numbers, mut met) = (0, [0; 4]);
    for window in [WINDOW, SLOW_WINDOW] {
        if window == SLOW_WINDOW {
            devices[1].stop();
            devices[1].sync_traced(&world.at("swaps"), &SLOWED);
            devices[1].wait_until_in_sync();
        }
        for (deed, met) in DEEDS.into_iter().zip(&mut met) {
            let mut users = Users { deed, window, random: random.clone() };
            let times = if window == WINDOW { pick(0, 1_250) } else { pick(25, 250) };
            *met += act_often(&mut devices, &mut users, &mut numbers, times);
        }
    }
    println!("{DEEDS:?} met a swap {met:?} times");
    assert!(met.iter().all(|met| *met > 0), "one never met a swap: {met:?}");
    devices.iter_mut().for_each(Device::stop);
    server.check();
}
