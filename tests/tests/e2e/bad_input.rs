//! What is wrong gets a clear word, and loses nothing.

use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use tests::{Device, Options, Output, PATIENCE, Proxy, Server, Tree, World, wait_for};

/// Long enough for a link to expire.
const EXPIRED: Duration = Duration::from_secs(2);

/// What a device had before something went wrong.
fn device_with_a_file<'w>(world: &'w World, name: &str) -> (Device<'w>, Tree) {
    let device = Device::new(world, name);
    device.write("mine.txt", "mine");
    let tree = device.tree();
    (device, tree)
}

/// Insists that it failed with 1, said these words, said more than one sentence (what happened, what
/// was kept, what to do), and changed nothing.
#[track_caller]
fn check(device: &Device<'_>, before: &Tree, output: Output, words: &[&str]) {
    let output = output.complains(1, words);
    assert!(output.stderr.matches(['.', ';']).count() >= 2, "too few words: {}", output.stderr);
    assert_eq!(before.same(&device.tree()), Ok(()), "files were touched");
    assert!(!device.at(".onefold").exists(), "something is left behind");
    let status = device.run(["status", "--json"]).expect(0);
    assert!(status.stdout.contains("\"folders\":[]"), "{}", status.stdout);
}

#[test]
fn a_text_that_is_no_link_is_refused() {
    let world = World::new();
    let (device, before) = device_with_a_file(&world, "one");
    for text in ["", "hello", "https://example.org/x", "onefold://127.0.0.1:1/default"] {
        check(&device, &before, device.run_join(text, &[]), &["link"]);
    }
}

#[test]
fn a_link_with_a_wrong_secret_is_refused() {
    let world = World::new();
    let server = Server::start(&world);
    let (device, before) = device_with_a_file(&world, "one");
    let mut link = server.link();
    let last = link.pop();
    // Not the last bits: some of them stand for nothing.
    let changed = link.pop().map_or('A', |c| if c == 'A' { 'B' } else { 'A' });
    link.push(changed);
    link.extend(last);
    check(&device, &before, device.run_join(&link, &[]), &["link"]);
}

#[test]
fn a_link_that_was_used_up_is_refused() {
    let world = World::new();
    let server = Server::start(&world);
    let link = server.link();
    Device::join_once(&world, "one", &link);
    let (two, before) = device_with_a_file(&world, "two");
    check(&two, &before, two.run_join(&link, &[]), &["link", "used"]);
    let twice = server.invite(&["--uses", "2"]);
    two.run_join(&twice, &["--once"]).expect(0);
    Device::join_once(&world, "three", &twice);
    let (four, before) = device_with_a_file(&world, "four");
    check(&four, &before, four.run_join(&twice, &[]), &["link", "used"]);
}

#[test]
fn a_link_that_has_expired_is_refused() {
    let world = World::new();
    let server = Server::start(&world);
    let link = server.invite(&["--expires", "1s"]);
    std::thread::sleep(EXPIRED);
    let (device, before) = device_with_a_file(&world, "one");
    check(&device, &before, device.run_join(&link, &[]), &["link", "expired"]);
}

#[test]
fn a_server_with_another_certificate_is_refused() {
    let world = World::new();
    let server = Server::start(&world);
    let (device, before) = device_with_a_file(&world, "one");
    let link = server.link();
    let (head, secrets) = link.split_once('#').unwrap();
    let other = if secrets.starts_with('A') { "B" } else { "A" };
    let link = format!("{head}#{other}{}", &secrets[1..]);
    check(&device, &before, device.run_join(&link, &[]), &["certificate", "another server"]);
}

#[test]
fn a_server_out_of_reach_is_named() {
    let world = World::new();
    let mut server = Server::start(&world);
    let (device, before) = device_with_a_file(&world, "one");
    let (link, address) = (server.link(), server.address().to_owned());
    server.stop();
    check(&device, &before, device.run_join(&link, &[]), &[&address]);

    server.restart();
    device.run_join(&link, &["--once"]).expect(0);
    server.stop();
    device.write("new.txt", "new");
    let before = device.tree();
    device.run(["sync", "--once"]).complains(1, &[&address]);
    assert_eq!(before.same(&device.tree()), Ok(()));
    server.restart();
    device.once();
}

#[test]
fn a_folder_that_is_a_file_is_refused() {
    let world = World::new();
    let server = Server::start(&world);
    let (device, before) = device_with_a_file(&world, "one");
    let file = device.at("mine.txt");
    for command in ["join", "host"] {
        let mut arguments = vec![command.to_owned()];
        arguments.extend((command == "join").then(|| server.link()));
        arguments.push(file.display().to_string());
        check(&device, &before, device.run(arguments), &["mine.txt", "file"]);
    }
}

#[test]
fn a_folder_inside_or_around_a_linked_one_is_refused() {
    let world = World::new();
    let server = Server::start(&world);
    let device = Device::join_once(&world, "one", &server.link());
    device.write("d/f.txt", "f");
    device.once();
    let before = device.tree();
    let inside = device.at("d");
    for place in [inside.as_path(), device.folder(), world.path()] {
        let link = server.link();
        let arguments = ["join".as_ref(), link.as_ref(), place.as_os_str()];
        let said = device.run(arguments).complains(1, &["nothing was changed"]);
        assert!(said.stderr.contains(&*place.to_string_lossy()), "{}", said.stderr);
    }
    // Another home does not know of the link, but the folder itself tells.
    let other = Device::new(&world, "other");
    let link = server.link();
    other.run(["join".as_ref(), link.as_ref(), inside.as_os_str()]).complains(1, &["linked"]);
    assert_eq!(before.same(&device.tree()), Ok(()));
    device.once();
    assert_eq!(before.same(&device.tree()), Ok(()));
}

#[test]
fn a_port_in_use_is_named() {
    let world = World::new();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let mut command = world.command("onefold-server");
    command.args(["--data", "server", "--listen", &address]);
    world.run(command, "server").complains(1, &[&address, "--listen"]);

    let (device, before) = device_with_a_file(&world, "one");
    let folder = device.folder().display().to_string();
    let output = device.run(["host", &folder, "--listen", &address]);
    check(&device, &before, output, &[&address, "--listen"]);
}

#[test]
fn a_server_refuses_what_would_not_be_safe() {
    let world = World::new();
    for arguments in [
        &["--listen", "0.0.0.0:0", "--http"][..],
        &["--listen", "0.0.0.0:0"],
        &["--behind-proxy"],
        &["--tls-cert", "missing.pem"],
    ] {
        let mut command = world.command("onefold-server");
        command.args(["--data", "server"]).args(arguments);
        world.run(command, "server").expect(2);
    }
}

#[test]
fn a_device_that_speaks_an_unknown_version_is_told_so_and_keeps_its_files() {
    let world = World::new();
    let server = Server::start_with(&world, Options { http: true, ..Options::default() });
    let proxy = Proxy::speaking(server.address(), 99);
    let (device, _) = device_with_a_file(&world, "one");
    let before = device.tree();

    let output = device.run_join(&proxy.link(&server.link()), &["--once"]);

    output.complains(1, &["version"]);
    assert_eq!(before.same(&device.tree()), Ok(()));
    let two = Device::join_once(&world, "two", &server.link());
    assert_eq!(two.cursor(), 0, "something was taken from a device that is not understood");
}

#[test]
fn a_connection_that_speaks_nonsense_harms_nobody() {
    let world = World::new();
    let mut server = Server::start_with(&world, Options { http: true, ..Options::default() });
    let device = Device::join_once(&world, "one", &server.link());
    for bytes in [
        &b"\x16\x03\x01\x02\x00"[..],
        b"GET /v1/stream HTTP/1.1\r\nhost: x\r\n\r\n",
        b"POST /v1/join HTTP/1.1\r\nhost: x\r\ncontent-length: 3\r\n\r\nxyz",
        b"PUT /v1/chunks HTTP/1.1\r\nhost: x\r\ncontent-length: 99999999999\r\n\r\n",
        &[0xff; 4096],
    ] {
        let mut stream = TcpStream::connect(server.address()).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(2))).unwrap();
        // It may close at once, or say what is wrong; both are fine.
        let _ = stream.write_all(bytes);
        let mut answer = [0; 1024];
        let read = stream.read(&mut answer).unwrap_or(0);
        let answer = String::from_utf8_lossy(&answer[..read]).into_owned();
        assert!(!answer.contains(" 200 ") && !answer.contains(" 500 "), "{answer}");
    }
    device.write("f.txt", "all is well");
    device.once();
    server.stop();
    server.check();
}

#[test]
fn a_database_that_is_newer_than_the_program_is_refused_and_kept() {
    let world = World::new();
    let mut server = Server::start_with(&world, Options { sqlite: true, ..Options::default() });
    let device = Device::join_once(&world, "one", &server.link());
    device.write("f.txt", "kept");
    device.once();
    server.stop();
    let of_server = find(server.data(), ".db");
    let of_client = find(device.home(), ".db");
    for database in [&of_server, &of_client] {
        make_newer(database);
    }
    let before = (fs::read(&of_server).unwrap(), device.tree());

    for arguments in [&["check"][..], &["invite"], &["--listen", "127.0.0.1:0"]] {
        server.admin(arguments).complains(1, &["newer"]);
    }
    device.run(["sync", "--once"]).complains(1, &["newer"]);

    assert!(fs::read(&of_server).unwrap() == before.0, "the database was written to");
    assert_eq!(before.1.same(&device.tree()), Ok(()));
}

/// The one file below a directory whose name ends so.
fn find(directory: &Path, end: &str) -> PathBuf {
    let mut found = Vec::new();
    let mut waiting = vec![directory.to_owned()];
    while let Some(path) = waiting.pop() {
        if path.is_dir() {
            let entries = fs::read_dir(&path).expect("nobody changes it now");
            waiting.extend(entries.map(|entry| entry.expect("a name").path()));
        } else if path.to_str().is_some_and(|path| path.ends_with(end)) {
            found.push(path);
        }
    }
    assert_eq!(found.len(), 1, "{found:?}");
    found.remove(0)
}

/// Makes a database look as if a later version of the program had written it.
fn make_newer(database: &Path) {
    let sql = "UPDATE onefold_schema SET version = version + 1000; \
               PRAGMA wal_checkpoint(TRUNCATE);";
    let output = Command::new("sqlite3").arg(database).arg(sql).output();
    assert!(output.expect("sqlite3 is there").status.success(), "{}", database.display());
}

#[test]
fn a_second_client_on_one_home_is_told_of_the_first() {
    let world = World::new();
    let server = Server::start(&world);
    let mut one = Device::join(&world, "one", &server.link());
    let second = one.run(["sync"]);
    second.complains(1, &["running", "already"]);
    let folder = world.at("hosted").display().to_string();
    one.run(["host", &folder]).complains(1, &["running"]);
    let other = Device::new(&world, "other");
    let link = server.link();
    let arguments = ["join".as_ref(), link.as_ref(), one.folder().as_os_str()];
    other.run(arguments).complains(1, &["another client"]);

    // One that was killed holds nothing.
    one.kill();
    one.sync();
    one.write("f.txt", "it goes on");
    one.wait_until_in_sync();
    one.stop();
}

#[test]
fn a_folder_whose_disk_is_gone_is_never_taken_for_empty() {
    let world = World::new();
    let server = Server::start(&world);
    let one = Device::join_once(&world, "one", &server.link());
    let two = Device::join_once(&world, "two", &server.link());
    one.write("d/f.txt", "f");
    one.once();
    two.once();
    let aside = world.at("aside");
    fs::rename(one.folder(), &aside).unwrap();
    one.run(["sync", "--once"]).complains(1, &["one"]);
    fs::create_dir(one.folder()).unwrap();
    one.run(["sync", "--once"]).complains(1, &["one"]);
    two.once();
    assert_eq!(two.tree().lines(), ["d/", "d/f.txt = f"]);
    fs::remove_dir_all(one.folder()).unwrap();
    fs::rename(&aside, one.folder()).unwrap();
    one.once();
    two.once();
    assert_eq!(one.tree().same(&two.tree()), Ok(()));
}

#[test]
fn a_running_client_without_a_server_waits_and_goes_on() {
    let world = World::new();
    let mut server = Server::start(&world);
    let mut one = Device::join(&world, "one", &server.link());
    let two = Device::join_once(&world, "two", &server.link());
    server.kill();
    one.write("f.txt", "while the server is away");
    wait_for("the client to notice", PATIENCE, || {
        let status = one.status();
        if status["state"] == "offline" { Ok(()) } else { Err(status.to_string()) }
    });
    server.restart();
    one.wait_until_in_sync();
    two.once();
    assert_eq!(two.tree().same(&one.tree()), Ok(()));
    one.stop();
}
