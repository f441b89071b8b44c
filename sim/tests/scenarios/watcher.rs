//! The watcher and the scan: 75 to 81 of the list.

use sim::scenario::Scenario;
use sim::world::Setting;
use sim::world::arranged::Hold;
use sim::world::faults::Faults;

/// A few things of every kind that users do.
fn some_work(s: &mut Scenario, round: usize) {
    let dir = format!("d{round}");
    s.mkdir(0, &dir).write(0, &format!("{dir}/x"), &format!("x{round}"));
    s.save(0, "f", &format!("f{round}")).write(0, &format!("g{round}"), &format!("g{round}"));
    if round > 0 {
        let last = round - 1;
        s.rename(0, &format!("g{last}"), &format!("d{last}/g"));
        s.rename(0, &format!("d{last}"), &format!("{dir}/d"));
    }
}

const AFTER_SOME_WORK: &str =
    "d2/ d2/d/ d2/d/d/ d2/d/d/g=g0 d2/d/d/x=x0 d2/d/g=g1 d2/d/x=x1 d2/x=x2 f=f2 g2=g2";

/// 75: The watcher overflows at any moment: a scoped rescan, and the same result.
#[test]
fn an_overflow_at_any_moment_changes_nothing_in_the_end() {
    for after in 0..12 {
        let mut s = Scenario::new(3);
        s.write(0, "f", "old").settle();
        for round in 0..3 {
            s.hold(0, Hold::Events);
            some_work(&mut s, round);
            s.keep_events(0, after).tell_overflow(0).release(0, Hold::Events).wait(60);
        }
        s.everywhere(AFTER_SOME_WORK).check("no copy", |s| s.copies() == 0);
    }
}

/// 76: Events are dropped, doubled and late at random: the same after the next scan.
#[test]
fn dropped_and_doubled_events_change_nothing_after_the_next_scan() {
    for seed in 0..40_u32 {
        let faults = Faults {
            lose_event: 30,
            double_event: 40,
            disorder: 40,
            delay: 10,
            ..Faults::default()
        };
        let mut s = Scenario::with(Setting { faults, ..Setting::calm(3) });
        s.write(0, "f", "old").settle();
        let numbers = (0..4_000_u32).map(|n| (n + 1 + 4_000 * seed).wrapping_mul(2_654_435_761));
        s.disorder(numbers.collect());
        for round in 0..3 {
            some_work(&mut s, round);
            s.wait(40);
        }
        s.calm().overflow(0).overflow(1).overflow(2).everywhere(AFTER_SOME_WORK);
    }
}

/// 78: Directories and files in them are made faster than they can be watched: none is missed.
#[test]
fn trees_made_faster_than_they_can_be_watched_are_taken_whole() {
    let mut s = Scenario::new(3);
    s.hold(0, Hold::Looks).mkdir(0, "a").wait(50).mkdir(0, "a/b").mkdir(0, "a/b/c");
    s.write(0, "a/b/c/x", "one").release(0, Hold::Looks).wait(12);
    s.write(0, "a/y", "two").write(0, "a/b/z", "three").hold(0, Hold::Looks).wait(30);
    s.write(0, "a/b/c/late", "four").release(0, Hold::Looks);
    s.everywhere("a/ a/b/ a/b/c/ a/b/c/late=four a/b/c/x=one a/b/z=three a/y=two");
}

/// 80: A change between the end of a sync and the watcher's being armed again is seen.
#[test]
fn what_changes_while_nobody_watches_is_seen_at_the_next_start() {
    let mut s = Scenario::new(3);
    s.mkdir(0, "d").write(0, "d/x", "old").write(0, "gone", "soon").settle();
    s.stop(0).write(0, "d/x", "new").delete(0, "gone").rename(0, "d", "e").write(0, "n", "one");
    s.start(0).everywhere("e/ e/x=new n=one");
    // While its first looks are under way, too.
    s.stop(0).hold(0, Hold::Looks).start(0).wait(50).write(0, "e/x", "newer").mkdir(0, "e/f");
    s.release(0, Hold::Looks).everywhere("e/ e/f/ e/x=newer n=one");
}

/// 81: What we write ourselves comes back as events: no loop, also when the user edits right after.
#[test]
fn our_own_writes_are_not_sent_back() {
    let mut s = Scenario::new(3);
    s.write(0, "f", "old").settle().mark();
    s.write(0, "f", "new").everywhere("f=new");
    s.check("one entry", |s| s.new_entries() == 1);
    s.check("nobody sends it back", |s| s.uploads(1) + s.uploads(2) == 0);
    s.mark().hold(1, Hold::Events).write(0, "f", "newer");
    s.until("it is placed", |s| s.disk(1) == "f=newer")
        .write(1, "f", "mine")
        .release(1, Hold::Events);
    s.everywhere("f=mine").check("two edits, no copy", |s| s.new_entries() == 2);
}

/// What another device's change does not find where it was is looked for everywhere before it is
/// taken for deleted, however late its event is.
#[test]
fn a_file_renamed_long_before_its_event_comes_is_still_the_same_file() {
    type Deed = fn(&mut Scenario);
    let deeds: [(Deed, &str); 3] = [
        (|s| _ = s.rename(1, "d/x", "y"), "d/ f=two g=three z=one"),
        (|s| _ = s.rename(1, "d", "e"), "e/ f=two g=three z=one"),
        (
            |s| _ = s.rename(1, "d/x", "t").rename(1, "f", "d/x").rename(1, "t", "f"),
            "d/ d/x=two g=three z=one",
        ),
    ];
    for (deed, expected) in deeds {
        let mut s = Scenario::new(3);
        s.mkdir(0, "d").write(0, "d/x", "one").write(0, "f", "two").write(0, "g", "three").settle();
        s.mark().hold(1, Hold::Events);
        deed(&mut s);
        s.rename(0, "d/x", "z").wait(5_000).release(1, Hold::Events).heal().everywhere(expected);
        s.check("nothing is deleted or copied", |s| s.deletions() == 0 && s.copies() == 0);
    }
}
