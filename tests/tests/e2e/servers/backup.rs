//! The backup that the README describes, and its restoring: devices merge with what is older than
//! they are, and nothing is lost.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tests::{
    Device, Options, PATIENCE, Server, Tree, World, copy_tree, mysql_database, mysql_program,
    noise, wait_for,
};

use super::says_that_it_merges;

/// So large that it travels in chunks.
const LARGE_BYTES: usize = 700_000;

/// How one kind of database is copied while it is used, and put back while nobody uses it.
trait Database {
    fn back_up(&self, to: &Path);
    fn restore(&self, from: &Path);
}

/// An SQLite file.
struct File(PathBuf);

impl Database for File {
    fn back_up(&self, to: &Path) {
        let copy = to.join("server.db");
        let backup = format!(".backup '{}'", copy.display());
        succeeds(Command::new("sqlite3").arg(&self.0).arg(backup));
    }

    fn restore(&self, from: &Path) {
        for beside in ["-wal", "-shm"] {
            // What belongs to the newer file must not be taken for the older one's.
            let _ = fs::remove_file(format!("{}{beside}", self.0.display()));
        }
        fs::copy(from.join("server.db"), &self.0).expect("the server has stopped");
    }
}

/// A database of a MySQL server: its URL.
struct OfServer(String);

impl Database for OfServer {
    fn back_up(&self, to: &Path) {
        let (server, name) = self.0.rsplit_once('/').expect("a database");
        let dump = fs::File::create(to.join("server.sql")).expect("a directory");
        let mut command = mysql_program("mariadb-dump", server);
        command.args(["--single-transaction", "--hex-blob", "--add-drop-database"]);
        succeeds(command.args(["--databases", name]).stdout(dump));
    }

    fn restore(&self, from: &Path) {
        let (server, _) = self.0.rsplit_once('/').expect("a database");
        let dump = fs::File::open(from.join("server.sql")).expect("it was made");
        succeeds(mysql_program("mariadb", server).stdin(dump));
    }
}

#[track_caller]
fn succeeds(command: &mut Command) {
    let output = command.stderr(Stdio::piped()).output().expect("./test installs it");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn an_older_backup_of_a_file_is_merged_with_and_loses_nothing() {
    let world = World::new();
    let server = Server::start_with(&world, Options { sqlite: true, ..Options::default() });
    let file = File(server.data().join("server.db"));
    check(&world, server, &file);
}

#[test]
fn an_older_backup_of_a_database_is_merged_with_and_loses_nothing() {
    let world = World::new();
    let url = mysql_database();
    let server =
        Server::start_with(&world, Options { mysql: Some(url.clone()), ..Options::default() });
    check(&world, server, &OfServer(url));
}

fn check(world: &World, mut server: Server<'_>, database: &impl Database) {
    let mut one = Device::join(world, "one", &server.link());
    let mut two = Device::join(world, "two", &server.link());
    one.write("kept.txt", "kept");
    one.write("edited.txt", "before");
    one.write("d/renamed.txt", "renamed");
    one.write("large.bin", noise(1, LARGE_BYTES));
    one.wait_until_in_sync();
    two.wait_for_tree(&one.tree());

    let backup = world.at("backup");
    fs::create_dir(&backup).expect("a free name");
    // In this order: what the database names is then among the contents.
    database.back_up(&backup);
    copy_tree(&server.data().join("blobs"), &backup.join("blobs"));

    // A year of work, most of it on the device that has not made the files.
    two.write("edited.txt", "after");
    fs::rename(two.at("d"), two.at("e")).expect("a free name");
    two.write("new.txt", "new");
    two.write("large.bin", noise(2, LARGE_BYTES));
    one.write("of one.txt", "of one");
    let mut late = Device::join(world, "late", &server.link());
    for device in [&mut one, &mut two, &mut late] {
        let written = ["new.txt", "of one.txt", "e/renamed.txt"];
        wait_for("all changes to arrive", PATIENCE, || {
            let missing = written.iter().find(|name| !device.at(name).exists());
            missing.map_or(Ok(()), |name| Err((*name).to_owned()))
        });
        device.wait_until_in_sync();
    }
    one.wait_for_tree(&two.tree());
    let newest = one.tree();
    late.stop();

    server.kill();
    database.restore(&backup);
    fs::remove_dir_all(server.data().join("blobs")).expect("the server has stopped");
    copy_tree(&backup.join("blobs"), &server.data().join("blobs"));
    server.check();
    server.restart();

    for device in [&mut one, &mut two] {
        wait_for("the device to see that the server went back", PATIENCE, || {
            let log = device.process().stderr();
            if says_that_it_merges(&log) { Ok(()) } else { Err(log) }
        });
        device.wait_until_in_sync();
    }
    for device in [&one, &two] {
        device.wait_for_tree(&one.tree());
        contains(&device.tree(), &newest);
    }
    // One that is not in the backup is told so, keeps its files, and joins anew.
    late.run(["sync", "--once"]).complains(1, &["join again"]);
    contains(&late.tree(), &newest);
    let fresh = Device::join_once(world, "fresh", &server.link());
    fresh.wait_for_tree(&one.tree());
    for device in [&mut one, &mut two] {
        device.wait_until_in_sync();
        device.stop();
    }
    server.stop();
    server.check();
}

/// Insists that every file is there as it was, under its name.
#[track_caller]
fn contains(tree: &Tree, expected: &Tree) {
    let missing: Vec<_> =
        expected.0.iter().filter(|(path, node)| tree.0.get(*path) != Some(node)).collect();
    assert!(missing.is_empty(), "missing: {missing:#?}\nthere: {:#?}", tree.lines());
}
