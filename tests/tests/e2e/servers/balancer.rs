//! Three servers behind a TCP balancer: devices do not notice which one they talk to, and go on by
//! themselves when one is killed, or stopped.

use std::time::Duration;

use tests::{Balancer, Device, Nats, Options, Random, Server, World, mysql_database, pick};

use super::says_that_it_merges;
use crate::users::{User, all_come_to_hold, while_they_work};

/// How many devices there are.
const DEVICES: u64 = 6;
/// How long all is well before the next server is killed, at most.
const LIFE_MS: u64 = 1_500;
/// How long a server is away, at most.
const AWAY_MS: u64 = 1_000;

#[test]
fn devices_go_on_through_the_others_when_a_server_is_killed_or_stopped() {
    let mut random = Random::from_environment("three servers");
    let rounds = pick(1, 5);
    let world = World::new();
    let nats = Nats::start();
    let mut balancer = Balancer::new();
    let first = Server::start_with(
        &world,
        Options {
            mysql: Some(mysql_database()),
            nats: Some(nats.url()),
            arguments: vec!["--advertise".to_owned(), balancer.address()],
            ..Options::default()
        },
    );
    let (second, third) = (first.beside("second"), first.beside("third"));
    let mut servers = [first, second, third];
    balancer.start(&servers);
    let link = servers[0].invite(&["--uses", &DEVICES.to_string()]);
    assert!(link.contains(&balancer.address()), "{link}");
    let mut devices: Vec<_> =
        (1..=DEVICES).map(|number| Device::join(&world, &format!("d{number}"), &link)).collect();
    let mut users: Vec<_> =
        devices.iter().map(|device| User::of(device, &mut random).one_of(DEVICES)).collect();

    let changes = while_they_work(&mut users, || {
        for round in 0..rounds {
            for server in &mut servers {
                std::thread::sleep(Duration::from_millis(random.below(LIFE_MS)));
                // The last time each is stopped as one should; devices are then told to go.
                if round + 1 == rounds && rounds > 1 {
                    server.stop()
                } else {
                    server.kill()
                }
                std::thread::sleep(Duration::from_millis(random.below(AWAY_MS)));
                server.restart();
            }
        }
    });
    println!("{rounds} rounds of kills in the midst of {changes} changes");

    all_come_to_hold(&mut devices.iter_mut().collect::<Vec<_>>(), &users);
    for device in &mut devices {
        let log = device.process().stderr();
        assert!(!log.contains("certificate"), "a pin failed: {log}");
        assert!(!says_that_it_merges(&log), "a journal went back: {log}");
        device.stop();
    }
    servers.iter_mut().for_each(Server::stop);
    servers[0].check();
}
