//! Several servers over one database and one store of contents are one to the devices.

mod backup;
mod balancer;
mod database;
mod encrypted;
mod kills;

use tests::{Device, Nats, Options, PATIENCE, Server, World, mysql_database, wait_for};

/// Whether a client says that it and a server that went back are merged.
fn says_that_it_merges(log: &str) -> bool {
    log.lines().any(|line| line.contains("both sides are merged") && !line.contains("FirstJoin"))
}

/// Waits until a server has logged these words so often.
#[track_caller]
fn wait_for_log(server: &Server<'_>, words: &str, times: usize) {
    wait_for(&format!("{words:?} in a server's log"), PATIENCE, || {
        let log = server.log();
        if log.matches(words).count() >= times { Ok(()) } else { Err(log) }
    });
}

#[test]
fn what_goes_through_one_server_comes_out_at_another_with_nats_and_while_it_is_away() {
    let world = World::new();
    let mut nats = Nats::away();
    let url = Some(nats.url());
    let options = Options { mysql: Some(mysql_database()), nats: url, ..Options::default() };
    // That it is missing at the start is a warning.
    let mut here = Server::start_with(&world, options);
    let mut there = here.beside("other");
    let (mut one, mut two) =
        (Device::join(&world, "one", &here.link()), Device::join(&world, "two", &there.link()));
    for (device, server) in [(&one, &here), (&two, &there)] {
        assert_eq!(device.status()["server"], server.address());
    }
    let both_ways = |round: &str| {
        one.write(&format!("{round} from one"), round);
        two.write(&format!("{round} from two"), round);
        let names = [format!("{round} from one"), format!("{round} from two")];
        for device in [&one, &two] {
            wait_for("changes to pass both ways", PATIENCE, || {
                let there = names.iter().all(|name| device.at(name).exists());
                if there { Ok(()) } else { Err(device.tree().lines().join("\n")) }
            });
        }
    };
    both_ways("without");
    nats.restart();
    for server in [&here, &there] {
        wait_for_log(server, "news of other servers come through", 1);
    }
    both_ways("with");
    nats.kill();
    for server in [&here, &there] {
        wait_for_log(server, "is away", 1);
    }
    both_ways("without again");
    nats.restart();
    for server in [&here, &there] {
        wait_for_log(server, "news of other servers come through", 2);
        assert!(!nats.is_betrayed_by(&server.log()), "a password is in the log");
    }
    both_ways("at last");
    for device in [&mut one, &mut two] {
        device.wait_until_in_sync();
        device.stop();
    }
    here.stop();
    there.stop();
    here.check();
    there.check();
}
