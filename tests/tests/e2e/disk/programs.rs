//! Programs that change many files at once in a synced folder, while the other device works, too.

use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use tests::{Device, PATIENCE, Recorder, Server, Tree, World, pick, wait_for};

use super::two;

/// A program in a folder, with a home and an author of its own.
pub(super) fn program(folder: &Path, program: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new(program);
    command.current_dir(folder).args(arguments).env("HOME", folder.parent().expect("a world"));
    for (name, value) in [("GIT_AUTHOR_NAME", "a"), ("GIT_COMMITTER_NAME", "a")] {
        command.env(name, value).env(name.replace("NAME", "EMAIL"), "a@example.org");
    }
    command
}

/// Runs a program in a folder; it must be there, and succeed. What it says.
#[track_caller]
pub(super) fn run(folder: &Path, name: &str, arguments: &[&str]) -> String {
    let output = program(folder, name, arguments).output();
    let output = output.unwrap_or_else(|error| panic!("{name}: {error}"));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{name} {arguments:?}: {said}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Waits until both hold the same, for good.
#[track_caller]
pub(super) fn settle(devices: &mut [Device<'_>; 2]) -> Tree {
    devices.iter_mut().for_each(Device::wait_until_in_sync);
    let [one, two] = devices;
    // A file that is written again with the bytes it had has a new time, which is not sent.
    let [here, there] = [&*one, &*two];
    wait_for("both to hold the same", PATIENCE, || {
        here.tree().timeless().same(&there.tree().timeless())
    });
    one.tree()
}

/// Names that appeared on a device and are in none of these trees.
pub(super) fn strange(recorder: &Recorder, trees: &[&Tree]) -> Vec<PathBuf> {
    let known = |path: &PathBuf| trees.iter().any(|tree| tree.0.contains_key(path));
    let own = |path: &PathBuf| path.iter().any(|part| part == ".onefold");
    recorder.names().into_iter().filter(|path| !known(path) && !own(path)).collect()
}

/// What a device was told of, by what was done.
fn told(device: &Device<'_>, action: &str) -> BTreeSet<String> {
    let log = device.log();
    let lines = log.iter().filter(|line| line["action"] == action);
    lines.map(|line| line["path"].as_str().expect("text").to_owned()).collect()
}

/// Two versions of a repository: of so many files, some are edited, some are only in one of them,
/// and some are in another directory.
fn make_repository(folder: &Path, files: u64) -> [BTreeSet<String>; 2] {
    run(folder, "git", &["init", "-q", "-b", "main"]);
    ["v1", "v2"].map(|tag| {
        let second = tag == "v2";
        if second {
            fs::remove_dir_all(folder.join("src")).expect("ours");
        }
        let mut paths = BTreeSet::new();
        for number in (0..files).filter(|number| number % 10 != u64::from(second)) {
            let moved = second && number % 7 == 0;
            let path = format!("src/{}/{number}.rs", if moved { 99 } else { number % 30 });
            let edited = second && number % 3 == 0;
            let text = format!("{} of {number}\n", if edited { "v2" } else { "v1" });
            fs::create_dir_all(folder.join(&path).parent().expect("src")).expect("ours");
            fs::write(folder.join(&path), text).expect("ours");
            paths.insert(path);
        }
        for arguments in [&["add", "-A"][..], &["commit", "-q", "-m", tag], &["tag", tag]] {
            run(folder, "git", arguments);
        }
        paths
    })
}

/// The directories that hold these files.
fn directories(paths: &BTreeSet<String>) -> BTreeSet<String> {
    let parents = paths.iter().filter_map(|path| path.rsplit_once('/'));
    parents.map(|(directory, _)| directory.to_owned()).collect()
}

#[test]
fn git_checks_out_back_and_forth_while_the_other_device_edits_an_untracked_file() {
    let world = World::new();
    let server = Server::start(&world);
    let mut devices = two(&world, &server);
    let folder = devices[0].folder().to_owned();
    let versions = make_repository(&folder, pick(80, 4_000));
    let before = settle(&mut devices);
    let listed = run(&folder, "git", &["ls-files"]);
    assert!(!listed.contains(".onefold"), "git took the client's own");
    let early = told(&devices[1], "deleted");
    let recorder = Recorder::start(devices[1].folder());
    let mut trees = vec![before];
    for round in 0..pick(4, 10) {
        let tag = ["v1", "v2"][usize::try_from(round % 2).expect("a bit")];
        std::thread::scope(|scope| {
            scope.spawn(|| run(&folder, "git", &["checkout", "-q", tag]));
            devices[1].write("untracked.txt", format!("round {round}"));
        });
        if round % 2 == 1 {
            trees.push(devices[0].tree());
        }
    }
    trees.push(settle(&mut devices));
    // Before git itself has work to do there.
    let mut strange = strange(&recorder, &trees.iter().collect::<Vec<_>>());
    for device in &devices {
        run(device.folder(), "git", &["fsck", "--strict"]);
        let status = run(device.folder(), "git", &["status", "--porcelain"]);
        assert_eq!(status, "?? untracked.txt\n", "{}", device.name());
        assert!(fs::read_to_string(device.at("untracked.txt")).expect("it").starts_with("round"));
    }
    // What is in both versions was never meant to go.
    let mut meant: BTreeSet<_> = versions[0].symmetric_difference(&versions[1]).cloned().collect();
    let [first, second] = versions.each_ref().map(directories);
    meant.extend(first.symmetric_difference(&second).cloned());
    let deleted = told(&devices[1], "deleted");
    let deleted: Vec<_> =
        deleted.difference(&early).filter(|path| !meant.contains(*path)).collect();
    assert!(deleted.is_empty(), "these deletions were sent: {deleted:?}");
    let in_version = |path: &PathBuf| {
        path.to_str()
            .is_some_and(|path| versions.iter().any(|v| v.contains(path)) || meant.contains(path))
    };
    strange.retain(|path| !in_version(path) && path != Path::new("untracked.txt"));
    assert_eq!(strange, Vec::<PathBuf>::new(), "these appeared on the other device");
    assert_eq!(trees.last().expect("one").conflict_copies(), Vec::<&Path>::new());
}

#[test]
fn a_tree_that_tar_unpacks_and_one_that_rsync_copies_arrive_whole() {
    let world = World::new();
    let server = Server::start(&world);
    let mut devices = two(&world, &server);
    let source = world.at("source");
    let files = pick(100, 3_000);
    for number in 0..files {
        let path = source.join(format!("{}/{}", number % 6, number % 40));
        fs::create_dir_all(&path).expect("ours");
        fs::write(path.join(format!("{number}.txt")), tests::noise(number, 3_000)).expect("ours");
    }
    run(&source, "tar", &["-cf", "../tree.tar", "."]);
    let recorder = Recorder::start(devices[1].folder());
    fs::create_dir(devices[0].at("tar")).expect("ours");
    let from = format!("{}/", source.display());
    std::thread::scope(|scope| {
        let [one, two] = &devices;
        let tar = world.at("tree.tar");
        let tar = tar.to_str().expect("text").to_owned();
        scope.spawn(move || {
            run(&one.at("tar"), "tar", &["-xf", &tar]);
            run(one.folder(), "rsync", &["-a", &from, "rsync"]);
        });
        two.write("there.txt", "meanwhile");
    });
    let tree = settle(&mut devices);
    assert_eq!(tree.files(), usize::try_from(files).expect("small") * 2 + 1);
    assert_eq!(strange(&recorder, &[&tree]), Vec::<PathBuf>::new());

    // What changed is copied again: over the old names, and into the old files.
    for number in 0..10 {
        let path = source.join(format!("{}/{}", number % 6, number % 40));
        fs::write(path.join(format!("{number}.txt")), tests::noise(number + 9_000, 400_000))
            .expect("ours");
    }
    let from = format!("{}/", source.display());
    run(devices[0].folder(), "rsync", &["-a", &from, "rsync"]);
    run(devices[0].folder(), "rsync", &["-a", "--inplace", &from, "tar"]);
    let tree = settle(&mut devices);
    assert_eq!(tree.conflict_copies(), Vec::<&Path>::new());
    assert_eq!(strange(&recorder, &[&tree]), Vec::<PathBuf>::new());
    let same =
        Tree::read(&source).expect("ours").same(&Tree::read(&devices[1].at("rsync")).expect("it"));
    assert_eq!(same, Ok(()));
}

/// A person at a database: a program that holds it open for as long as this lives.
struct Session {
    program: Child,
    ask: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Session {
    fn open(folder: &Path, database: &str) -> Self {
        let mut command = program(folder, "sqlite3", &[database]);
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut program = command.spawn().expect("sqlite3 is there");
        let ask = program.stdin.take().expect("it is piped");
        let answers = BufReader::new(program.stdout.take().expect("it is piped"));
        Self { program, ask, answers }
    }

    /// Runs statements; the last line that they print.
    fn run(&mut self, statements: &str) -> String {
        writeln!(self.ask, "{statements}").expect("it reads");
        self.ask.flush().expect("it reads");
        let mut line = String::new();
        self.answers.read_line(&mut line).expect("it answers");
        line.trim_end().to_owned()
    }

    fn close(self) {
        let Self { mut program, ask, .. } = self;
        drop(ask);
        assert!(program.wait().expect("it is our child").success());
    }
}

fn rows(folder: &Path, database: &str) -> String {
    run(folder, "sqlite3", &[database, "pragma integrity_check; select count(*) from t"])
}

#[test]
fn a_database_that_is_written_arrives_whole() {
    let world = World::new();
    let server = Server::start(&world);
    let mut devices = two(&world, &server);
    let recorder = Recorder::start(devices[1].folder());
    let folder = devices[0].folder().to_owned();
    run(&folder, "sqlite3", &["data.db", "create table t (n integer, text text)"]);
    for round in 0..5 {
        let insert = format!("insert into t values ({round}, hex(randomblob(2000)))");
        run(&folder, "sqlite3", &["data.db", &insert]);
        devices[1].write("beside.txt", format!("round {round}"));
    }
    let tree = settle(&mut devices);
    assert_eq!(rows(devices[1].folder(), "data.db"), "ok\n5\n");
    assert_eq!(strange(&recorder, &[&tree]), Vec::<PathBuf>::new());
}

#[test]
fn a_database_in_use_with_its_log_beside_it_is_sent_when_it_is_closed_and_never_renamed() {
    let world = World::new();
    let server = Server::start(&world);
    let mut devices = two(&world, &server);
    let folder = devices[0].folder().to_owned();
    let make = "pragma journal_mode = wal; create table t (n integer)";
    run(&folder, "sqlite3", &["data.db", make]);
    settle(&mut devices);

    let mut session = Session::open(&folder, "data.db");
    let count = "insert into t values (1); select count(*) from t;";
    assert_eq!(session.run(count), "1");
    let inode = || fs::metadata(folder.join("data.db")).expect("it is").ino();
    let before = inode();
    // The other device has another row, and does not know of this one's.
    run(devices[1].folder(), "sqlite3", &["data.db", "insert into t values (2), (3)"]);
    super::wait_for_problem(&devices[0], "busy");
    for round in 2..pick(10, 200) {
        assert_eq!(session.run(count), round.to_string());
        devices[1].write("beside.txt", format!("round {round}"));
    }
    super::wait_for_bytes(&folder.join("beside.txt"), format!("round {}", pick(9, 199)).as_bytes());
    assert_eq!(inode(), before, "it was replaced while it was in use");
    let names =
        |folder: &Path| Tree::read(folder).expect("readable").0.into_keys().collect::<Vec<_>>();
    assert!(!names(devices[1].folder()).iter().any(|name| name.ends_with("data.db-wal")));
    session.close();

    let tree = settle(&mut devices);
    let copies = tree.conflict_copies();
    assert_eq!(copies.len(), 1, "{:?}", tree.lines());
    let copy = copies[0].to_str().expect("text");
    for device in &devices {
        let mut both = [rows(device.folder(), "data.db"), rows(device.folder(), copy)];
        both.sort();
        let mut expected = ["ok\n2\n".to_owned(), format!("ok\n{}\n", pick(9, 199))];
        expected.sort();
        assert_eq!(both, expected, "{}", device.name());
    }
}
