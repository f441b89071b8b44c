//! The network and the server: 93 to 105 of the list.

use sim::scenario::Scenario;
use sim::world::arranged::Hold;

fn a_tree(s: &mut Scenario) {
    s.mkdir(0, "d").write(0, "d/x", "one").write(0, "f", "old").settle().mark();
}

/// 93: A commit reached S and the answer is lost: sent again, it gets the first answer; no second
/// version, no copy.
#[test]
fn a_commit_whose_answer_is_lost_happens_once() {
    for kill in [false, true] {
        let mut s = Scenario::new(3);
        a_tree(&mut s);
        s.hold(0, Hold::Down).write(0, "f", "new").write(0, "n", "text");
        s.until("the server has one", |s| s.new_entries() == 1);
        if kill {
            s.kill(0);
        } else {
            s.cut(0);
        }
        s.release(0, Hold::Down).everywhere("d/ d/x=one f=new n=text");
        s.check("it happened once", |s| s.new_entries() == 2 && s.copies() == 0);
    }
}

/// 93, and the user goes on editing before the answer comes.
#[test]
fn edits_that_follow_a_lost_answer_are_no_conflict() {
    let mut s = Scenario::new(3);
    a_tree(&mut s);
    s.hold(0, Hold::Down).write(0, "f", "new").until("it is there", |s| s.new_entries() == 1);
    s.write(0, "f", "newer").rename(0, "d", "e").wait(500).kill(0).write(0, "f", "newest");
    s.release(0, Hold::Down)
        .everywhere("e/ e/x=one f=newest")
        .check("no copy", |s| s.copies() == 0);
}

/// 94: Messages that come twice, late or with a gap are applied once, in the order of the journal.
#[test]
fn doubled_and_missing_messages_are_put_right() {
    for loss in [false, true] {
        let mut s = Scenario::new(3);
        a_tree(&mut s);
        s.hold(1, Hold::Down)
            .write(0, "f", "a")
            .wait(500)
            .write(0, "f", "b")
            .wait(500)
            .mkdir(0, "e");
        s.wait(500);
        if loss {
            s.lose_first_message(1);
        } else {
            s.double_messages(1);
        }
        s.release(1, Hold::Down).everywhere("d/ d/x=one e/ f=b");
        s.check("no copy", |s| s.copies() == 0 && s.new_entries() == 3);
    }
}

/// 95: Another's edit comes while the own one of the same file is on its way: it is held until that
/// has its outcome.
#[test]
fn an_entry_for_a_file_with_a_commit_on_its_way_waits_for_the_outcome() {
    let mut s = Scenario::new(3);
    a_tree(&mut s);
    s.hold(1, Hold::Up).write(1, "f", "mine").until_asked(1, "send commit");
    s.write(0, "f", "yours").until("A's edit is heard", |s| s.told(1, "hears entry") > 0);
    s.wait(1_000).here(1, "d/ d/x=one f=mine").release(1, Hold::Up);
    s.everywhere("d/ d/x=one f (1)=mine f=yours").check("one copy", |s| s.copies() == 1);

    // The other way round: his own comes first, and the other hears of it late.
    let mut s = Scenario::new(3);
    a_tree(&mut s);
    s.hold(1, Hold::Down).write(1, "f", "mine").until("accepted", |s| s.new_entries() == 1);
    s.write(1, "f", "mine, too").write(0, "d/x", "yours").wait(1_000).release(1, Hold::Down);
    s.everywhere("d/ d/x=yours f=mine, too").check("no copy", |s| s.copies() == 0);
}

/// 96: A connection goes silent: it is noticed, and what was missed is caught up with, within a
/// bound.
#[test]
fn a_silent_connection_is_noticed_and_made_up_for() {
    let mut s = Scenario::new(3);
    a_tree(&mut s);
    s.mute(1).write(0, "f", "new").write(1, "d/x", "mine").wait(30_000);
    s.check("within half a minute", |s| s.disk(1) == "d/ d/x=mine f=new" && s.disk(1) == s.disk(2));
    s.everywhere("d/ d/x=mine f=new");
}

/// 97: S restarts in the middle of an upload: it goes on, and there is no row without its bytes.
#[test]
fn a_server_that_restarts_during_an_upload_gets_it_whole() {
    let big = "a large content that takes its time to go up";
    for steps in 0..40 {
        let mut s = Scenario::new(3);
        a_tree(&mut s);
        s.write(0, "big", big).write(0, "f", "new");
        s.until("it settles", |s| s.asked(0, "hash") > 0);
        for _ in 0..steps {
            s.step();
        }
        s.kill_server().everywhere(&format!("big={big} d/ d/x=one f=new"));
        s.check("two entries", |s| s.new_entries() == 2);
    }
}

/// 99: S is restored from an old backup: clients merge; newer files go up again, nothing is deleted,
/// and where both were changed since there is a copy.
#[test]
fn a_server_restored_from_a_backup_is_merged_with_and_nothing_is_deleted() {
    let mut s = Scenario::new(3);
    a_tree(&mut s);
    let backup = s.backup();
    s.write(0, "f", "newer").write(1, "n", "text").mkdir(0, "e").rename(0, "d/x", "e/x").settle();
    s.restore(backup).settle().mark();
    s.check("newer files are here", |s| {
        s.disk(0).contains("f=newer") && s.disk(0).contains("n=text")
    });
    s.check("nothing is deleted", |s| s.disk(2).contains("=one") && s.disk(0) == s.disk(1));
    s.check("no copy of an ancestor", |s| s.copies() == 0);
    s.by_the_rules();

    // One is away while the server loses his last edits and takes others'.
    let mut s = Scenario::new(3);
    a_tree(&mut s);
    let backup = s.backup();
    s.write(0, "f", "mine").everywhere("d/ d/x=one f=mine").offline(0).offline(1);
    s.restore(backup).write(2, "f", "mine").settle().write(2, "f", "theirs").settle();
    s.online(0).online(1).settle().check("nothing is lost", |s| s.was_sent("theirs"));
    s.by_the_rules();
}

/// 100: S is fresh and empty under the same address: clients send everything again; nothing is
/// deleted.
#[test]
fn an_emptied_server_gets_everything_again() {
    let mut s = Scenario::new(3);
    let empty = s.backup();
    a_tree(&mut s);
    s.offline(2).write(2, "mine", "text").restore(empty);
    s.settle().check("all is there", |s| s.disk(0) == "d/ d/x=one f=old" && s.copies() == 0);
    s.online(2).everywhere("d/ d/x=one f=old mine=text").check("no copy", |s| s.copies() == 0);
    s.check("nothing is deleted", |s| s.deletions() == 0);
}

/// 102: A device's disk is cloned, and both clients go on: both trees are merged, nothing is lost.
#[test]
fn a_device_that_goes_on_from_an_older_state_merges_and_loses_nothing() {
    let mut s = Scenario::new(3);
    a_tree(&mut s);
    let saved = s.saved(1);
    s.write(1, "f", "new").write(1, "n", "text").delete(1, "d/x").everywhere("d/ f=new n=text");
    s.bring_back(1, saved).everywhere("d/ f=new n=text").check("no copy", |s| s.copies() == 0);
    s.check("it merged", |s| {
        s.asked(1, "Merging(OlderDevice)") + s.asked(1, "Merging(ClonedDevice)") > 0
    });
    s.write(1, "f", "newer").everywhere("d/ f=newer n=text");
}

/// 103: A device is revoked with edits that are not sent yet: its files stay, and it says why.
#[test]
fn a_revoked_device_keeps_its_files_and_says_why() {
    let mut s = Scenario::new(3);
    a_tree(&mut s);
    s.offline(0).write(0, "f", "mine").write(0, "n", "text").revoke(0).online(0).wait(60_000);
    s.here(0, "d/ d/x=one f=mine n=text").here(2, "d/ d/x=one f=old");
    let status = s.world.devices[0].client.as_ref().expect("it runs").status();
    let words = status.halted.expect("it stopped");
    assert!(words.contains("shut out") && words.contains("every file here stays"), "{words}");
    s.write(1, "f", "yours").wait(10_000).here(2, "d/ d/x=one f=yours");
    s.kill(0).wait(10_000).here(0, "d/ d/x=one f=mine n=text");
}

/// 104: A device may only read from now on, and has edits: they are set aside, not deleted; what
/// others do still comes. When it may write again, all of it goes out.
#[test]
fn edits_of_a_device_that_may_only_read_are_set_aside_and_not_deleted() {
    let mut s = Scenario::new(3);
    a_tree(&mut s);
    s.may_write(0, false).mark();
    s.write(0, "f", "mine").write(0, "n", "text").mkdir(0, "new").write(0, "new/y", "two");
    s.delete(0, "d/x").settle().wait(60_000);
    s.here(0, "d/ f=mine n=text new/ new/y=two").here(2, "d/ d/x=one f=old");
    s.check("nothing was taken", |s| s.new_entries() == 0);
    s.check("each is told", |s| {
        ["f: Refused", "n: Refused", "new: Refused"].iter().all(|it| s.problems(0).contains(it))
    });
    s.check("and why", |s| s.reasons(0).contains("this device may only read; it stays here only"));
    s.write(1, "f", "yours").write(1, "g", "more").settle().wait(60_000);
    s.check("it comes beside what is set aside", |s| {
        s.disk(0) == "d/ f (0)=mine f=yours g=more n=text new/ new/y=two"
    });
    s.kill(0).wait(60_000);
    s.check("it is all there after a restart", |s| {
        s.disk(0) == "d/ f (0)=mine f=yours g=more n=text new/ new/y=two"
    });
    s.may_write(0, true).wait(60_000);
    s.everywhere("d/ f (0)=mine f=yours g=more n=text new/ new/y=two");
    s.check("nothing to tell", |s| s.problems(0).is_empty());
}

/// A folder that is full at the server: what makes it larger waits and says why, the rest goes on;
/// when there is room, it goes by itself.
#[test]
fn what_a_full_folder_does_not_take_waits_and_the_rest_goes_on() {
    let mut s = Scenario::new(2);
    s.write(0, "f", "old").write(0, "g", "other").settle().limit(true).mark();
    s.write(0, "large", "a longer text").write(1, "f", "o").delete(1, "g").rename(0, "f", "h");
    s.settle()
        .wait(60_000)
        .here(1, "h=o")
        .check("it is told", |s| s.problems(0) == "large: Refused");
    s.check("and why", |s| {
        s.reasons(0).contains("the folder is full at the server; it stays here")
    });
    s.write(1, "h", "").settle().check("what frees room is taken", |s| s.disk(0).contains("h= "));
    s.limit(false).wait(60_000).everywhere("h= large=a longer text");
    s.check("nothing to tell", |s| s.problems(0).is_empty());
}
