//! Programs are killed at any instant, while files change on both devices: nothing is lost, and
//! nothing is taken for a conflict that is none.

use std::time::Duration;

use tests::{Random, World, pick};

use crate::pair::Pair;
use crate::users::{User, all_come_to_hold, while_they_work};

/// How long a program lives before it is killed, at most.
const LIFE_MS: u64 = 700;

#[test]
fn kills_at_any_instant_lose_nothing_and_make_no_conflict() {
    let mut random = Random::from_environment("kills");
    let kills = pick(10, 100);
    let world = World::new();
    let mut pair = Pair::live(&world, |_| {});
    let mut users = [User::of(&pair.one, &mut random), User::of(&pair.two, &mut random)];
    let changes = while_they_work(&mut users, || {
        for number in 0..kills {
            std::thread::sleep(Duration::from_millis(random.below(LIFE_MS)));
            kill(&mut pair, number, &mut random);
        }
    });
    println!("{kills} kills in the midst of {changes} changes");

    all_come_to_hold(&mut [&mut pair.one, &mut pair.two], &users);
    pair.end();
}

/// Kills one program of three, in turn, and starts it again after a while.
fn kill(pair: &mut Pair<'_>, number: u32, random: &mut Random) {
    let rest = Duration::from_millis(random.below(LIFE_MS / 4));
    match number % 3 {
        0 => {
            pair.one.kill();
            std::thread::sleep(rest);
            pair.one.sync();
        }
        1 => {
            pair.server.kill();
            std::thread::sleep(rest);
            pair.server.restart();
        }
        _ => {
            pair.two.kill();
            std::thread::sleep(rest);
            pair.two.sync();
        }
    }
}
