//! The root, the disk and the power: 82 to 92 of the list.

use sim::disk::guard::Moment;
use sim::scenario::Scenario;
use sim::scenario::orders::both_orders;
use sim::world::Setting;
use sim::world::arranged::Hold;
use sim::world::faults::Faults;

fn a_tree(s: &mut Scenario) {
    s.mkdir(0, "d").write(0, "d/x", "one").write(0, "f", "two").settle().mark();
}

/// Three devices whose power can be cut.
fn with_power_cuts() -> Scenario {
    // The fault is only allowed, never drawn: there is no tape.
    let faults = Faults { power_cut: 1, ..Faults::default() };
    Scenario::with(Setting { faults, ..Setting::calm(3) })
}

/// 82: The root is not mounted at the start: everything waits, nothing is deleted.
#[test]
fn a_root_that_is_not_mounted_at_the_start_deletes_nothing() {
    let mut s = Scenario::new(3);
    a_tree(&mut s);
    s.stop(0).unmount(0, true).start(0).wait(60_000).write(1, "f", "new").wait(60_000);
    s.check("nothing is deleted", |s| s.deletions() == 0 && s.disk(2) == "d/ d/x=one f=new");
    s.unmount(0, false).everywhere("d/ d/x=one f=new").check("still", |s| s.deletions() == 0);
}

/// 83: The root is unmounted in the middle of a scan: what that showed is thrown away.
#[test]
fn a_root_that_is_unmounted_in_the_middle_of_a_scan_deletes_nothing() {
    for after in 0..6 {
        let mut s = Scenario::new(3);
        a_tree(&mut s);
        s.hold(0, Hold::SlowReads).overflow(0);
        for _ in 0..after {
            s.step();
        }
        s.unmount(0, true).wait(60_000).kill(0).wait(60_000);
        s.check("nothing is deleted", |s| s.deletions() == 0);
        s.unmount(0, false).release(0, Hold::SlowReads).everywhere("d/ d/x=one f=two");
    }
}

/// 86: Most files are renamed: no guard trips.
#[test]
fn most_files_can_be_renamed_at_once() {
    let mut s = Scenario::new(3);
    for file in 0..50 {
        s.write(0, &format!("f{file}"), &format!("text {file}"));
    }
    s.settle().mark();
    for file in 0..30 {
        s.rename(0, &format!("f{file}"), &format!("g{file}"));
    }
    s.by_the_rules().check("only moves", |s| s.deletions() == 0 && s.uploads(0) == 0);
    s.check("all of them", |s| s.files(2).len() == 50 && s.disk(0) == s.disk(2));
}

/// 87: The disk is full while something is downloaded or placed, or a state is saved: nothing is
/// harmed, and it goes on by itself when there is room.
#[test]
fn a_full_disk_harms_nothing_and_goes_on_by_itself() {
    let mut s = Scenario::new(3);
    a_tree(&mut s);
    s.full(1, true).write(0, "f", "newer").mkdir(0, "e").write(0, "e/y", "three").settle();
    s.here(1, "d/ d/x=one f=two").check("it is told", |s| s.problems(1).contains("f: DiskFull"));
    s.delete(1, "d/x").settle().here(2, "d/ e/ e/y=three f=newer");
    s.full(1, false).heal().everywhere("d/ e/ e/y=three f=newer");
    s.check("nothing to tell", |s| s.problems(1).is_empty() && s.copies() == 0);
}

/// 88: The server has no room for contents: the upload waits, others go on.
#[test]
fn a_full_server_keeps_one_upload_waiting_and_the_rest_goes_on() {
    let big = "a large content for which there is no room";
    let mut s = Scenario::new(3);
    a_tree(&mut s);
    s.server_full(true).write(0, "big", big).write(0, "small", "s").wait(20_000);
    s.check("the small one is there", |s| s.disk(2) == "d/ d/x=one f=two small=s");
    s.server_full(false).everywhere(&format!("big={big} d/ d/x=one f=two small=s"));
}

/// 89: The client is killed, or the power cut, at each step of a change, of a save, and of a commit.
#[test]
fn a_client_killed_at_any_step_loses_nothing() {
    for at in [Moment::Compared, Moment::Swapped] {
        for edit in [Scenario::write, Scenario::save] {
            let mut s = Scenario::new(3);
            a_tree(&mut s);
            s.die_in_change(1, at);
            edit(&mut s, 0, "f", "new");
            s.until("it died", |s| s.world.devices[1].starts == 2);
            s.everywhere("d/ d/x=one f=new").check("no copy", |s| s.copies() == 0);
        }
    }
    // So many steps after an edit, on either side of it.
    for steps in 0..60 {
        for device in [0, 1] {
            let mut s = Scenario::new(3);
            a_tree(&mut s);
            s.write(0, "f", "new").rename(0, "d/x", "x").mkdir(0, "n");
            for _ in 0..steps {
                s.step();
            }
            s.kill(device).everywhere("d/ f=new n/ x=one");
            s.check("no copy", |s| s.copies() == 0 && s.deletions() == 0);
        }
    }
}

/// 90: What the disk lost in a power cut after the state was saved is put right at the start, and
/// never read as the user's doing.
#[test]
fn a_placed_file_that_a_power_cut_took_back_is_placed_again() {
    for back in 0..6 {
        for steps in 0..50 {
            let mut s = with_power_cuts();
            a_tree(&mut s);
            s.write(0, "f", "new").rename(0, "d", "e").write(0, "n", "three");
            for _ in 0..steps {
                s.step();
            }
            s.cut_power(1, back).everywhere("e/ e/x=one f=new n=three");
            s.check("nothing was reverted", |s| s.deletions() == 0 && s.uploads(1) == 0);
        }
    }
}

/// 91: Three weeks of sleep: it catches up from its cursor. (Tombstones are kept for ever; their
/// horizon comes with garbage collection, a later feature.)
#[test]
fn a_device_that_slept_for_weeks_catches_up() {
    let mut s = Scenario::new(3);
    a_tree(&mut s);
    s.offline(0).write(0, "mine", "before");
    for week in 0..3 {
        s.write(1, "f", &format!("week {week}")).mkdir(1, &format!("w{week}"));
        s.wait(7 * 24 * 60 * 60 * 1000);
    }
    s.delete(1, "d/x").settle().online(0);
    s.everywhere("d/ f=week 2 mine=before w0/ w1/ w2/").check("no copy", |s| s.copies() == 0);

    // So far behind that a snapshot is shorter.
    let mut s = Scenario::new(2);
    a_tree(&mut s);
    s.offline(0).write(0, "f", "mine");
    for edit in 0..1_100 {
        s.write(1, "d/x", &format!("v{edit}")).wait(30);
    }
    s.settle().online(0).everywhere("d/ d/x=v1099 f=mine");
    s.check("no copy", |s| s.copies() == 0);
}

/// 92: A clock jumps by ten years, either way: the outcome is the same.
#[test]
fn clocks_that_jump_change_no_outcome() {
    for years in [-10, 10] {
        both_orders(
            |s| _ = s.write(0, "f", "old").write(0, "g", "old g"),
            |s, d| {
                s.jump(d, years).write(d, "f", "here").save(d, "g", "new g").jump(d, -2 * years);
            },
            |s, d| _ = s.save(d, "f", "there"),
            ["f (1)=there f=here g=new g", "f (0)=here f=there g=new g"],
        );
    }
}
