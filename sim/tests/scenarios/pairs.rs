//! Every pair of a catalogue of deeds, at once on two devices, in both orders, offline and not.
//!
//! No outcome is spelled out here: the rules of the oracle hold, all disks are the same, and there
//! are no more copies than deeds that can clash.

use sim::scenario::Scenario;
use sim::world::arranged::Hold;

type Deed = fn(&mut Scenario, usize);

/// What everyone has.
fn before(s: &mut Scenario) {
    s.mkdir(0, "d").write(0, "d/x", "x").mkdir(0, "d/in").write(0, "d/in/y", "y");
    s.mkdir(0, "e").write(0, "e/z", "z").write(0, "f", "f").write(0, "g", "g").symlink(0, "l", "f");
}

/// A text of one device's own.
fn mine(d: usize, text: &str) -> String {
    format!("{text} of {d}")
}

const DEEDS: [(&str, Deed); 34] = [
    ("edits", |s, d| _ = s.write(d, "d/x", &mine(d, "X")).save(d, "f", &mine(d, "F"))),
    ("saves by vim", |s, d| _ = s.vim(d, "d/in/y", &mine(d, "Y")).vim(d, "f", &mine(d, "F"))),
    ("saves by office", |s, d| _ = s.office(d, "d/x", &mine(d, "X")).office(d, "g", &mine(d, "G"))),
    ("makes files", |s, d| _ = s.write(d, "d/new", &mine(d, "n")).write(d, "n", &mine(d, "m"))),
    ("makes directories", |s, d| {
        s.mkdir(d, "n").write(d, "n/x", &mine(d, "n")).mkdir(d, "d/in/n");
    }),
    ("deletes files", |s, d| _ = s.delete(d, "d/x").delete(d, "f")),
    ("deletes a directory", |s, d| _ = s.remove_all(d, "d")),
    ("deletes both directories", |s, d| _ = s.remove_all(d, "d").remove_all(d, "e")),
    ("renames files", |s, d| _ = s.rename(d, "f", "h").rename(d, "d/x", "d/w")),
    ("renames files otherwise", |s, d| _ = s.rename(d, "f", "k").rename(d, "d/x", "x")),
    ("renames a directory", |s, d| _ = s.rename(d, "d", "D")),
    ("renames it to a name the other may want", |s, d| _ = s.rename(d, "d", "n")),
    ("moves it into the other", |s, d| _ = s.rename(d, "d", "e/d")),
    ("moves the other into it", |s, d| _ = s.rename(d, "e", "d/in/e")),
    ("moves the inner one out", |s, d| _ = s.rename(d, "d/in", "in")),
    ("turns them inside out", |s, d| {
        s.rename(d, "d/in", "t").rename(d, "d", "t/d").rename(d, "t", "d");
    }),
    ("swaps directories", |s, d| _ = s.rename(d, "d", "t").rename(d, "e", "d").rename(d, "t", "e")),
    ("swaps files", |s, d| _ = s.rename(d, "f", "t").rename(d, "g", "f").rename(d, "t", "g")),
    ("swaps files across", |s, d| {
        s.rename(d, "f", "t").rename(d, "d/in/y", "f").rename(d, "t", "d/in/y");
    }),
    ("rotates", |s, d| {
        s.rename(d, "g", "h").rename(d, "f", "g").write(d, "f", &mine(d, "fresh"));
    }),
    ("replaces a file", |s, d| _ = s.rename(d, "f", "g")),
    ("replaces one inside", |s, d| _ = s.rename(d, "f", "d/x")),
    ("takes a directory's name", |s, d| _ = s.remove_all(d, "d").write(d, "d", &mine(d, "file"))),
    ("takes a file's name", |s, d| {
        s.delete(d, "f").mkdir(d, "f").write(d, "f/x", &mine(d, "in"));
    }),
    ("keeps only what is inside", |s, d| {
        s.rename(d, "d/in/y", "t").remove_all(d, "d").rename(d, "t", "d");
    }),
    ("links instead", |s, d| _ = s.delete(d, "f").symlink(d, "f", &mine(d, "to"))),
    ("sets the link anew", |s, d| {
        s.symlink(d, "t", &mine(d, "to")).rename(d, "t", "l");
    }),
    ("drops the link", |s, d| _ = s.delete(d, "l").write(d, "l", &mine(d, "l"))),
    ("sets bits", |s, d| _ = s.chmod(d, "f", true).chmod(d, "d/x", true)),
    ("touches", |s, d| _ = s.touch(d, "f", 5).touch(d, "d/x", 6)),
    ("edits and renames", |s, d| {
        s.write(d, "f", &mine(d, "F")).rename(d, "f", "h").rename(d, "d", "D");
        s.write(d, "D/x", &mine(d, "X"));
    }),
    ("moves and fills", |s, d| {
        s.mkdir(d, "n").rename(d, "d/x", "n/x").rename(d, "f", "n/f").write(
            d,
            "n/m",
            &mine(d, "m"),
        );
    }),
    ("copies and deletes", |s, d| {
        s.write(d, "copy", &mine(d, "copy")).remove_all(d, "e").mkdir(d, "e");
    }),
    ("does and undoes", |s, d| {
        s.rename(d, "d", "t").rename(d, "f", "t/f").rename(d, "t/f", "f").rename(d, "t", "d");
    }),
];

/// How the two meet.
#[derive(Clone, Copy, Debug)]
enum Meeting {
    /// Both are offline; the first comes online, then the second.
    Offline,
    /// Both are online, and what is on its way crosses.
    Crossing,
    /// The second's watcher is slow, but quicker than a deletion is believed: what comes in meets
    /// what nobody has looked at.
    Unseen,
    /// The second's client does not run meanwhile.
    Stopped,
}

fn meet(here: &(&str, Deed), there: &(&str, Deed), meeting: Meeting, swapped: bool) {
    let mut s = Scenario::new(3);
    before(&mut s);
    s.settle().mark();
    let (first, second) = if swapped { (1, 0) } else { (0, 1) };
    match meeting {
        Meeting::Offline => _ = s.offline(0).offline(1),
        Meeting::Crossing => {}
        Meeting::Unseen => _ = s.hold(second, Hold::Events),
        Meeting::Stopped => _ = s.stop(second),
    }
    here.1(&mut s, first);
    there.1(&mut s, second);
    match meeting {
        Meeting::Offline => _ = s.settle().online(first).settle().online(second),
        Meeting::Crossing => {}
        Meeting::Unseen => _ = s.wait(700).release(second, Hold::Events),
        Meeting::Stopped => _ = s.wait(5_000).start(second),
    }
    s.heal().by_the_rules();
    let what = format!("the same everywhere: {} / {}, {meeting:?}", here.0, there.0);
    s.check(&what, |s| s.disk(0) == s.disk(1) && s.disk(1) == s.disk(2));
    s.check(&format!("few copies: {what}"), |s| s.copies() <= 3);
    let entries = s.new_entries();
    s.check(&format!("few entries, not {entries}: {what}"), |s| s.new_entries() <= 24);
}

fn all_pairs(meeting: Meeting) {
    for here in &DEEDS {
        for there in &DEEDS {
            for swapped in [false, true] {
                let told = std::panic::catch_unwind(|| meet(here, there, meeting, swapped));
                assert!(told.is_ok(), "{} / {}, {meeting:?}, swapped: {swapped}", here.0, there.0);
            }
        }
    }
}

#[test]
fn any_two_deeds_offline_meet_by_the_rules() {
    all_pairs(Meeting::Offline);
}

#[test]
fn any_two_deeds_that_cross_meet_by_the_rules() {
    all_pairs(Meeting::Crossing);
}

#[test]
fn what_comes_in_meets_any_deed_that_nobody_has_seen_by_the_rules() {
    all_pairs(Meeting::Unseen);
}

#[test]
fn what_happened_while_the_client_did_not_run_meets_any_deed_by_the_rules() {
    all_pairs(Meeting::Stopped);
}
