//! A database that is not as it should be: a clear word at the start, and later a wait that loses
//! nothing.

use std::collections::BTreeSet;
use std::fs;
use std::time::Duration;

use tests::{
    Device, MariaDb, Mount, Options, PATIENCE, Server, World, mysql_database, noise, pick, wait_for,
};

/// A user with no right but to its own database, in whose URL a password stands.
const USER: &str = "limited:s%3Acret";
const MAKE_USER: &str = "CREATE DATABASE onefold; \
                         CREATE USER limited@'127.0.0.1' IDENTIFIED BY 's:cret'; \
                         GRANT ALL ON onefold.* TO limited@'127.0.0.1'";

/// The URL of that user's database.
fn limited(database: &MariaDb) -> String {
    database.sql(MAKE_USER);
    format!("{}/onefold", database.url().replace("onefold:p%40ss", USER))
}

#[test]
fn a_database_that_cannot_be_used_is_told_without_its_password() {
    let world = World::new();
    let database = MariaDb::start();
    let url = limited(&database);
    let port = url.rsplit_once(':').unwrap().1.split_once('/').unwrap().0;
    for (url, words) in [
        (url.replace("s%3Acret", "s%3Awrong"), "access denied"),
        (url.replace(port, "1"), "refused"),
        (url.replace("127.0.0.1", "nowhere.invalid"), "nowhere.invalid"),
        (url.replace("/onefold", "/other"), "denied"),
        (url.replace("/onefold", ""), "names no database"),
        (url.replace("mysql:", "postgres:"), "mysql://"),
        (format!("mysql://limited:s%3Acret@127.0.0.1:{port}x/onefold"), "--database"),
    ] {
        for variable in [true, false] {
            let mut command = world.command("onefold-server");
            command.args(["--data", "server", "--listen", "127.0.0.1:0"]);
            command.args(["--database-timeout", "3s"]);
            if variable {
                command.env("ONEFOLD_DATABASE", &url);
            } else {
                command.args(["--database", &url]);
            }
            let output = world.run(command, "server");
            let said = output.stderr.to_lowercase();
            assert!(matches!(output.code, Some(1 | 2)), "{url}: {output:?}");
            assert!(said.contains(words), "{url}: {words:?} is not in: {said}");
            for password in ["s%3a", "s:cret", "s:wrong"] {
                assert!(!said.contains(password), "{url}: a password is in: {said}");
            }
        }
    }
    database.sql(
        "USE onefold; CREATE TABLE onefold_schema (version BIGINT NOT NULL PRIMARY KEY); \
                  INSERT INTO onefold_schema VALUES (1000)",
    );
    let mut command = world.command("onefold-server");
    command.args(["--data", "server", "check"]).env("ONEFOLD_DATABASE", &url);
    world.run(command, "server").complains(1, &["newer"]);
    assert_eq!(database.sql("SHOW TABLES FROM onefold").lines().count(), 1, "it was written to");
}

#[test]
fn servers_that_start_at_once_over_a_new_database_make_one_schema_and_one_certificate() {
    let world = World::new();
    let file = format!("sqlite:{}", world.at("one.db").display());
    for (kind, url) in [("sqlite", file), ("mysql", mysql_database())] {
        let mut servers: Vec<_> = (1..=4)
            .map(|number| {
                let mut command = world.command("onefold-server");
                command.arg("--data").arg(format!("{kind}{number}"));
                command.args(["--blobs", &format!("{kind}-blobs"), "--listen", "127.0.0.1:0"]);
                command.env("ONEFOLD_DATABASE", &url);
                world.start(command, "server")
            })
            .collect();
        for server in &mut servers {
            server.line("listening on https://");
        }
        let fingerprints: BTreeSet<_> = (1..=4)
            .map(|number| {
                let mut command = world.command("onefold-server");
                command.arg("--data").arg(format!("{kind}{number}")).arg("invite");
                command.env("ONEFOLD_DATABASE", &url);
                let link = world.run(command, "invite").expect(0).stdout;
                let (_, secrets) = link.split_once('#').unwrap();
                secrets.split('.').next().unwrap().to_owned()
            })
            .collect();
        assert_eq!(fingerprints.len(), 1, "{fingerprints:?}");
        for server in servers {
            server.stop();
        }
    }
}

#[test]
fn a_database_that_is_away_or_only_read_for_a_while_is_waited_for() {
    let away = Duration::from_secs(pick(4, 60));
    let world = World::new();
    let mut database = MariaDb::start();
    let mysql = Some(limited(&database));
    let mut server = Server::start_with(&world, Options { mysql, ..Options::default() });
    let mut one = Device::join(&world, "one", &server.link());
    let mut two = Device::join(&world, "two", &server.link());

    database.sql("SET GLOBAL read_only = 1");
    one.write("read only.txt", "while it is only read");
    wait_for_offline_or_unsent(&one);
    std::thread::sleep(away);
    database.sql("SET GLOBAL read_only = 0");
    two.wait_for_tree(&one.tree());

    database.kill();
    one.write("away.txt", "while it is away");
    two.write("of two.txt", "likewise");
    wait_for_offline_or_unsent(&one);
    std::thread::sleep(away);
    database.restart(&[]);
    for device in [&mut one, &mut two] {
        wait_for("both changes to arrive", PATIENCE, || {
            let both = ["away.txt", "of two.txt"].iter().all(|name| device.at(name).exists());
            if both { Ok(()) } else { Err(device.tree().lines().join("\n")) }
        });
        device.wait_until_in_sync();
        device.stop();
    }
    assert!(!server.log().contains("s%3Acret") && !server.log().contains("s:cret"));
    server.stop();
    server.check();
}

/// Waits until the device says that something is not at the server.
#[track_caller]
fn wait_for_offline_or_unsent(device: &Device<'_>) {
    wait_for("the device to say that it is not in sync", PATIENCE, || {
        let status = device.status();
        if status["state"] == "in_sync" { Err(status.to_string()) } else { Ok(()) }
    });
}

#[test]
fn a_full_disk_of_contents_stops_what_does_not_fit_until_there_is_room() {
    let world = World::new();
    let blobs = world.at("blobs");
    fs::create_dir(&blobs).unwrap();
    let Some(mount) = Mount::memory(&blobs, 4) else { return };
    let options = Options { blobs: Some(blobs.join("packs")), ..Options::default() };
    let mut server = Server::start_with(&world, options);
    let mut one = Device::join(&world, "one", &server.link());
    let mut two = Device::join(&world, "two", &server.link());
    let large = noise(3, 9_000_000);
    one.write("large.bin", &large);
    wait_for("the server to say that it is full", PATIENCE, || {
        let log = server.log();
        if log.contains("the blob store is full") { Ok(()) } else { Err(log) }
    });
    wait_for("the device to say so, too", PATIENCE, || {
        let status = one.status();
        let problems = status["problems"].to_string();
        if problems.contains("large.bin") && problems.contains("full") {
            Ok(())
        } else {
            Err(status.to_string())
        }
    });
    // What needs no room there goes on.
    one.write("small.txt", "small");
    wait_for("a small file to pass", PATIENCE, || {
        if two.at("small.txt").exists() { Ok(()) } else { Err(one.status().to_string()) }
    });
    assert!(!two.at("large.bin").exists());
    mount.resize(64);
    two.wait_for_tree(&one.tree());
    for device in [&mut one, &mut two] {
        device.wait_until_in_sync();
        device.stop();
    }
    server.stop();
    server.check();
    drop(server);
}
