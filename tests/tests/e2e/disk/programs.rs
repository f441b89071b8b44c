//! Real programs that save and change files in a synced folder, while the other device does too.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use tests::{Device, PATIENCE, Server, Tree, World, wait_for};

use super::two;

/// Runs a program in a folder; it must be there, and succeed.
#[track_caller]
fn run(folder: &Path, program: &str, arguments: &[&str]) {
    let mut command = Command::new(program);
    command.current_dir(folder).args(arguments).env("HOME", folder.parent().expect("a world"));
    for (name, value) in [("GIT_AUTHOR_NAME", "a"), ("GIT_COMMITTER_NAME", "a")] {
        command.env(name, value).env(name.replace("NAME", "EMAIL"), "a@example.org");
    }
    let output = command.output().unwrap_or_else(|error| panic!("{program}: {error}"));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program} {arguments:?}: {said}");
}

/// Waits until both hold the same, for good.
#[track_caller]
fn settle(devices: &mut [Device<'_>; 2]) -> Tree {
    devices.iter_mut().for_each(Device::wait_until_in_sync);
    let [one, two] = devices;
    // A file that is written again with the bytes it had has a new time, which is not sent.
    let [here, there] = [&*one, &*two];
    wait_for("both to hold the same", PATIENCE, || {
        here.tree().timeless().same(&there.tree().timeless())
    });
    one.tree()
}

/// Each device saves a document of its own with a program, several times, at once; then nothing else
/// was ever sent.
#[track_caller]
fn check_saves(save: impl Fn(&Path, &str, usize) + Sync, documents: &[&str]) {
    let world = World::new();
    let server = Server::start(&world);
    let mut devices = two(&world, &server);
    for name in documents {
        devices[0].write(name, format!("text of {name}\n"));
    }
    settle(&mut devices);
    for round in 0..3 {
        std::thread::scope(|scope| {
            for (device, name) in devices.iter().zip(documents) {
                let save = &save;
                scope.spawn(move || save(device.folder(), name, round));
            }
        });
    }
    let tree = settle(&mut devices);
    for (name, _) in documents.iter().zip(0..2) {
        let text = fs::read_to_string(devices[1].at(name)).expect("it is there");
        assert!(text.contains("round 2"), "{name}: {text}");
    }
    assert_eq!(tree.conflict_copies(), Vec::<&Path>::new());
    let told: BTreeSet<String> =
        devices[1].log().iter().map(|line| line["path"].as_str().expect("text").into()).collect();
    assert_eq!(told, documents.iter().map(|name| (*name).to_owned()).collect());
}

fn vim(folder: &Path, name: &str, round: usize, options: &str) {
    let edit = format!("+normal oround {round}");
    run(folder, "vim", &["-u", "NONE", "-N", "-es", "-c", options, &edit, "-c", "wq", name]);
}

#[test]
fn vim_saves_with_and_without_a_backup() {
    check_saves(
        |folder, name, round| vim(folder, name, round, "set nobackup"),
        &["a.txt", "b.txt"],
    );
    check_saves(
        |folder, name, round| vim(folder, name, round, "set writebackup backupcopy=no"),
        &["a.txt", "b.txt"],
    );
}

#[test]
fn sed_edits_in_place() {
    check_saves(
        |folder, name, round| run(folder, "sed", &["-i", &format!("1i round {round}"), name]),
        &["a.txt", "b.txt"],
    );
}

#[test]
fn git_commits_and_checks_out_while_the_other_device_edits_an_untracked_file() {
    let world = World::new();
    let server = Server::start(&world);
    let mut devices = two(&world, &server);
    let folder = devices[0].folder().to_owned();
    run(&folder, "git", &["init", "-q", "-b", "main"]);
    for tag in ["v1", "v2"] {
        for number in 0..tests::pick(60, 3_000) {
            let path = match tag {
                "v1" => format!("src/{}/{number}.rs", number % 7),
                _ => format!("src/{}/{number}.rs", number % 5),
            };
            devices[0].write(&path, format!("{tag} of {number}"));
        }
        run(&folder, "git", &["add", "-A"]);
        run(&folder, "git", &["commit", "-q", "-m", tag]);
        run(&folder, "git", &["tag", tag]);
    }
    settle(&mut devices);
    let listed = Command::new("git").current_dir(&folder).args(["ls-files"]).output();
    let listed = listed.expect("git is there").stdout;
    assert!(!String::from_utf8_lossy(&listed).contains(".onefold"), "git took the client's own");
    for round in 0..4 {
        devices[1].write("untracked.txt", format!("round {round}"));
        run(&folder, "git", &["checkout", "-q", ["v1", "v2"][round % 2]]);
    }
    settle(&mut devices);
    for device in &devices {
        run(device.folder(), "git", &["fsck", "--strict"]);
        let status = ["status", "--porcelain", "--untracked-files=no"];
        let status = Command::new("git").current_dir(device.folder()).args(status).output();
        let status = status.expect("git is there");
        assert_eq!(String::from_utf8_lossy(&status.stdout), "", "{}", device.name());
        assert_eq!(fs::read(device.at("untracked.txt")).expect("it is there"), b"round 3");
    }
}

#[test]
fn a_database_that_is_written_arrives_whole() {
    let world = World::new();
    let server = Server::start(&world);
    let mut devices = two(&world, &server);
    let folder = devices[0].folder().to_owned();
    run(&folder, "sqlite3", &["data.db", "create table t (n integer, text text)"]);
    for round in 0..5 {
        let insert = format!("insert into t values ({round}, hex(randomblob(2000)))");
        run(&folder, "sqlite3", &["data.db", &insert]);
        devices[1].write("beside.txt", format!("round {round}"));
    }
    settle(&mut devices);
    let there = devices[1].folder();
    let output = Command::new("sqlite3")
        .current_dir(there)
        .args(["data.db", "pragma integrity_check; select count(*) from t"])
        .output()
        .expect("sqlite3 is there");
    assert_eq!(String::from_utf8_lossy(&output.stdout), "ok\n5\n");
}

#[test]
fn a_tree_that_tar_unpacks_and_one_that_rsync_copies_arrive_whole() {
    let world = World::new();
    let server = Server::start(&world);
    let mut devices = two(&world, &server);
    let source = world.at("source");
    for number in 0..100 {
        let path = source.join(format!("{}/{}", number % 6, number % 4));
        fs::create_dir_all(&path).expect("ours");
        fs::write(path.join(format!("{number}.txt")), tests::noise(number, 3_000)).expect("ours");
    }
    run(&source, "tar", &["-cf", "../tree.tar", "."]);
    fs::create_dir(devices[0].at("tar")).expect("ours");
    run(&devices[0].at("tar"), "tar", &["-xf", world.at("tree.tar").to_str().expect("text")]);
    let from = format!("{}/", source.display());
    run(devices[1].folder(), "rsync", &["-a", &from, "rsync"]);
    let tree = settle(&mut devices);
    assert_eq!(tree.files(), 200);
    let told = devices[0].log();
    let paths: BTreeSet<&str> =
        told.iter().map(|line| line["path"].as_str().expect("text")).collect();
    let temporary =
        |path: &&&str| path.rsplit('/').next().is_some_and(|name| name.starts_with('.'));
    assert_eq!(paths.iter().filter(temporary).collect::<Vec<_>>(), Vec::<&&str>::new());
}
