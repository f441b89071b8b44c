//! Copies of one device, all running: what they did to each other, told as short stories.

use sim::scenario::Scenario;
use sim::world::arranged::Hold;

/// Each copy has had its turn, more than once.
const TURNS_MS: u64 = 300_000;

/// A copy took what the other had written for its own, and its own older bytes for a newer edit.
#[test]
fn a_copy_does_not_put_its_old_version_over_what_the_other_wrote() {
    let mut s = Scenario::new(3);
    s.write(0, "f", "one").settle().copy(0, 1);
    s.write(0, "f", "two").wait(TURNS_MS);
    s.check("all have it", |s| (0..3).all(|device| s.disk(device) == "f=two"));
    s.calm().everywhere("f=two");
}

/// The same, with the copy already listening when the other writes.
#[test]
fn a_copy_that_is_connected_takes_what_the_other_writes_for_anothers() {
    let mut s = Scenario::new(3);
    s.write(0, "f", "one").settle().copy(0, 1);
    s.until("the copy has the stream", |s| s.told(1, "hears welcome") > 0);
    s.write(0, "f", "two").write(1, "g", "new").wait(TURNS_MS);
    s.check("all have it", |s| (0..3).all(|device| s.disk(device) == "f=two g=new"));
    s.calm().everywhere("f=two g=new");
}

/// SCENARIOS 102, with more than two.
#[test]
fn what_three_copies_of_a_device_write_is_all_kept() {
    let mut s = Scenario::new(4);
    s.write(0, "f", "one").settle().copy(0, 1).copy(0, 2);
    for (device, text) in ["first", "second", "third"].into_iter().enumerate() {
        s.write(device, "f", text).write(device, text, text);
    }
    s.wait(TURNS_MS);
    let kept = |s: &Scenario, device: usize| {
        ["first", "second", "third"].iter().all(|text| {
            let disk = s.disk(device);
            disk.contains(&format!("{text}={text}"))
                && disk.matches(&format!("={text}")).count() > 1
        })
    };
    s.check("every device has every version", |s| (0..4).all(|device| kept(s, device)));
    s.check("people are told", |s| s.problems(0).contains("Copied"));
    s.calm().settle();
}

/// A backup of disk and state that was made between two commits of one connection, brought back before
/// the server knew how far the device was: it took the second commit for its own doing.
#[test]
fn a_device_from_a_backup_of_a_moment_ago_takes_what_it_wrote_since_for_newer() {
    let mut s = Scenario::new(3);
    s.write(0, "f", "one").settle().copy(0, 1).stop(1);
    s.write(0, "f", "two").until("it is sent", |s| s.was_sent("two")).stop(0);
    s.start(1).wait(TURNS_MS).here(1, "f=two").here(2, "f=two");
    s.start(0).calm().everywhere("f=two");
}

/// A newer version was deleted just before the server came back from an old backup, whose older one
/// was fetched then. When the server came back from a newer backup, with the newer version, the older
/// one was believed to have come of it, and took its place.
#[test]
fn an_older_version_that_came_back_has_not_come_of_the_newer_one() {
    let mut s = Scenario::new(2);
    s.write(0, "f", "one").settle();
    let older = s.backup();
    s.write(0, "f", "two").settle();
    let newer = s.backup();
    s.offline(0).offline(1).delete(1, "f").wait(3_000).restore(older).online(1).settle();
    s.write(1, "g", "three").settle().here(1, "f=one g=three");
    s.restore(newer).settle().online(0).everywhere("f (1)=one f=two g=three");
}

/// The server went back, and then forward again: what this device had committed before, and never heard
/// the outcome of, seemed to have been made of what the older server had put here, which was sent as newer.
#[test]
fn what_a_server_that_went_back_put_here_is_older_than_what_was_committed_before() {
    let mut s = Scenario::new(2);
    s.write(0, "a", "one").settle();
    let old = s.backup();
    s.write(0, "a", "two").hold(0, Hold::Down);
    s.until("the edit is there", |s| s.entries() == 2);
    let new = s.backup();
    s.kill(0).release(0, Hold::Down).settle().delete(0, "a").settle();
    s.restore(old).settle().here(0, "a=one").restore(new).everywhere("a=two");
}
