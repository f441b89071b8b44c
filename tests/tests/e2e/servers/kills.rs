//! Server and database are killed at any instant while files change: every accepted commit is there,
//! once, and in its place.

use std::time::Duration;

use tests::{MariaDb, Options, Random, Server, World, pick};

use super::says_that_it_merges;
use crate::pair::Pair;
use crate::users::{User, all_come_to_hold, while_they_work};

/// How long all is well before the next kill, at most.
const LIFE_MS: u64 = 900;
/// How long what was killed is away, at most.
const AWAY_MS: u64 = 300;

#[test]
fn kills_of_server_and_database_lose_no_commit_and_make_none_happen_twice() {
    let mut random = Random::from_environment("kills of server and database");
    // A third of them each: of the server, of the database, and of both.
    let kills = pick(6, 150);
    let world = World::new();
    let mut database = MariaDb::start();
    let mysql = Some(format!("{}/onefold", database.url()));
    let server = Server::start_with(&world, Options { mysql, ..Options::default() });
    let mut pair = Pair::live_with(&world, server, |_| {});
    let mut users = [User::of(&pair.one, &mut random), User::of(&pair.two, &mut random)];

    let changes = while_they_work(&mut users, || {
        for number in 0..kills {
            std::thread::sleep(Duration::from_millis(random.below(LIFE_MS)));
            let (of_server, of_database) = [(true, false), (false, true), (true, true)][number % 3];
            if of_server {
                pair.server.kill();
            }
            if of_database {
                database.kill();
            }
            std::thread::sleep(Duration::from_millis(random.below(AWAY_MS)));
            if of_database {
                database.restart(&[]);
            }
            if of_server {
                pair.server.restart();
            }
        }
    });
    println!("{kills} kills in the midst of {changes} changes");

    all_come_to_hold(&mut [&mut pair.one, &mut pair.two], &users);
    // A device whose accepted commit was gone would say that it merges with a journal that went back.
    for device in [&mut pair.one, &mut pair.two] {
        let log = device.process().stderr();
        assert!(!says_that_it_merges(&log), "{log}");
    }
    let head = pair.one.cursor();
    assert_eq!(pair.two.cursor(), head);
    let sql = "SELECT COUNT(*), MIN(seq), MAX(seq) FROM onefold.entries";
    assert_eq!(database.sql(sql).trim_end(), format!("{head}\t1\t{head}"), "no gap, no double");
    pair.end();
}
