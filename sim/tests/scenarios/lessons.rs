//! What users of other programs suffered, where the list of scenarios does not say it already.

use sim::disk::guard::Moment;
use sim::disk::user::path;
use sim::scenario::Scenario;
use sim::scenario::orders::both_orders;
use sim::user::script::Call;
use sim::world::arranged::Hold;

fn a_tree(s: &mut Scenario) {
    s.mkdir(0, "d").write(0, "d/x", "one").write(0, "f", "two").settle().mark();
}

/// 1: An update, a deletion, a rename of a file and of a directory, and a link, each coming right
/// after a local change that nobody has looked at yet: the comparison is on every way.
#[test]
fn whatever_comes_in_compares_first_on_every_way() {
    type Come = fn(&mut Scenario);
    let incoming: [(&str, Come); 5] = [
        ("an edit", |s| _ = s.write(0, "d/x", "theirs")),
        ("a deletion", |s| _ = s.delete(0, "d/x")),
        ("a rename", |s| _ = s.rename(0, "d/x", "y")),
        ("a rename of the directory", |s| _ = s.rename(0, "d", "e")),
        ("a link in its place", |s| _ = s.delete(0, "d/x").symlink(0, "d/x", "to")),
    ];
    for (_, come) in incoming {
        for save in [Scenario::write, Scenario::save, Scenario::keepass] {
            let mut s = Scenario::new(3);
            a_tree(&mut s);
            s.hold(1, Hold::Events);
            save(&mut s, 1, "d/x", "mine");
            come(&mut s);
            s.wait(5_000).release(1, Hold::Events).heal().by_the_rules();
            s.check("mine is everywhere", |s| {
                (0..3).all(|device| s.disk(device).contains("=mine"))
            });
        }
    }
}

/// 2: A program writes its old copy back after the file was replaced: that is a new version, and the
/// other one is in history.
#[test]
fn an_old_copy_written_back_is_a_new_version_and_the_other_is_in_history() {
    let mut s = Scenario::new(3);
    a_tree(&mut s);
    s.write(0, "f", "theirs").everywhere("d/ d/x=one f=theirs").write(1, "f", "two");
    s.everywhere("d/ d/x=one f=two").check("in history", |s| s.was_sent("theirs"));
}

/// 5: A download is cut by a full disk, or by the network: no part of it ever stands under a user's
/// name.
#[test]
fn no_partial_download_stands_under_a_users_name() {
    let mut s = Scenario::new(3);
    a_tree(&mut s);
    let big = "a large content that comes in pieces";
    s.hold(1, Hold::Fetches).write(0, "f", big).until_asked(1, "fetch").full(1, true);
    s.release(1, Hold::Fetches).wait(10_000).here(1, "d/ d/x=one f=two");
    s.kill(1).wait(10_000).here(1, "d/ d/x=one f=two").full(1, false).heal();
    s.everywhere(&format!("d/ d/x=one f={big}")).check("not sent back", |s| s.uploads(1) == 0);
}

/// 6: What could not be synced is told as long as it is so, and tried again by itself.
#[test]
fn what_could_not_be_synced_is_told_until_it_is() {
    let mut s = Scenario::new(3);
    a_tree(&mut s);
    s.access(1, "d", true, false).write(0, "d/new", "n").settle().wait(4_000_000);
    s.check("still told", |s| s.problems(1).contains("d/new: Unwritable"));
    s.kill(1).wait(60_000).check("and after a restart", |s| s.problems(1).contains("d/new"));
    s.access(1, "d", true, true).heal().everywhere("d/ d/new=n d/x=one f=two");
    s.check("no longer", |s| s.problems(1).is_empty());
}

/// 8: A client finds its files older than its state, or its state older than its files.
#[test]
fn a_state_and_files_of_different_age_lose_nothing() {
    let mut s = Scenario::new(3);
    a_tree(&mut s);
    let saved = s.saved(1);
    s.write(0, "f", "newer").rename(0, "d", "e").write(1, "mine", "m").settle();
    s.write(2, "e/x", "newest").everywhere("e/ e/x=newest f=newer mine=m").mark();
    s.bring_back(1, saved).everywhere("e/ e/x=newest f=newer mine=m");
    s.check("nothing is deleted or copied", |s| s.deletions() == 0 && s.copies() == 0);
}

/// 9: The root is empty since its disk is gone, and users see files go: nothing is deleted elsewhere,
/// however often the client starts.
#[test]
fn an_unplugged_disk_deletes_nothing_however_often_the_client_starts() {
    let mut s = Scenario::new(3);
    a_tree(&mut s);
    s.unmount(1, true);
    for _ in 0..5 {
        s.write(0, "f", "newer").overflow(1).wait(30_000).kill(1).wait(30_000);
    }
    s.check("nothing is deleted", |s| s.deletions() == 0);
    s.unmount(1, false).everywhere("d/ d/x=one f=newer");
}

/// 10: A pull makes everything vanish for a moment: nothing is deleted elsewhere.
#[test]
fn what_vanishes_for_a_moment_is_not_deleted_elsewhere() {
    let mut s = Scenario::new(3);
    for file in 0..100 {
        s.write(0, &format!("f{file:02}"), &format!("text {file}"));
    }
    s.settle().mark();
    for round in 0..3 {
        let texts: Vec<_> = (0..100).map(|file| format!("text {file} of {round}")).collect();
        (0..100).for_each(|file| _ = s.delete(0, &format!("f{file:02}")));
        s.wait(900);
        for (file, text) in texts.iter().enumerate() {
            s.write(0, &format!("f{file:02}"), text);
        }
        s.wait(100);
    }
    s.by_the_rules().check("nothing is deleted", |s| s.deletions() == 0 && s.copies() == 0);
    s.check("the same", |s| s.disk(0) == s.disk(2) && s.files(2).len() == 100);
}

/// 11: A directory is deleted while another device adds to it, and nobody has looked yet: what was
/// added survives.
#[test]
fn what_is_added_to_a_directory_just_before_it_is_to_go_survives() {
    for at in [Moment::Begin, Moment::Compared] {
        let mut s = Scenario::new(3);
        a_tree(&mut s);
        s.hold(1, Hold::Events).remove_all(0, "d").until("it is to go", |s| s.deletions() == 2);
        let new = s.bytes("new");
        s.act_in_change(
            1,
            at,
            vec![Call::Open(path("d/new"), true), Call::Write(new, true), Call::Close],
        );
        s.wait(2_000).release(1, Hold::Events).everywhere("d/ d/new=new f=two");
    }
}

/// 13 and 20: Files rotated on one device while the other edits the newest: no copy of any.
#[test]
fn a_rotation_meets_an_edit_without_copies() {
    both_orders(
        |s| _ = s.write(0, "l0", "new").write(0, "l1", "old").write(0, "l2", "oldest"),
        |s, d| {
            s.rename(d, "l2", "l3")
                .rename(d, "l1", "l2")
                .rename(d, "l0", "l1")
                .write(d, "l0", "fresh");
        },
        |s, d| _ = s.write(d, "l1", "old, edited"),
        ["l0=fresh l1=new l2=old, edited l3=oldest"; 2],
    );
}

/// 15: A directory that cannot be read is no empty directory: what nobody has seen in it survives its
/// deletion elsewhere.
#[test]
fn what_is_in_a_directory_that_cannot_be_read_survives_its_deletion_elsewhere() {
    let mut s = Scenario::new(3);
    a_tree(&mut s);
    s.access(1, "d", false, true).settle().write(1, "d/new", "mine").write(1, "d/x", "mine, too");
    s.wait(10_000).remove_all(0, "d").wait(20_000).here(0, "f=two");
    s.here(1, "d/ d/new=mine d/x=mine, too f=two").kill(1).wait(20_000);
    s.access(1, "d", true, true).heal().everywhere("d/ d/new=mine d/x=mine, too f=two");
}

/// 21: A second local write while the first is not acknowledged is based on the first: no copy.
#[test]
fn a_file_written_again_and_again_before_any_answer_is_no_conflict() {
    let mut s = Scenario::new(3);
    a_tree(&mut s);
    s.hold(0, Hold::Down);
    for round in 0..10 {
        s.write(0, "f", &format!("v{round}")).wait(700);
    }
    s.release(0, Hold::Down).everywhere("d/ d/x=one f=v9").check("no copy", |s| s.copies() == 0);
}

/// 22: Every way of saving keeps the file: what the other does to it meanwhile counts for it.
#[test]
fn every_way_of_saving_keeps_the_file_that_the_other_renames() {
    type Save = for<'a> fn(&'a mut Scenario, usize, &str, &str) -> &'a mut Scenario;
    let saves: [Save; 9] = [
        Scenario::vim,
        Scenario::office,
        Scenario::libre_office,
        Scenario::jet_brains,
        Scenario::gedit,
        Scenario::keepass,
        Scenario::in_design,
        Scenario::mac_os,
        Scenario::save,
    ];
    for save in saves {
        both_orders(
            |s| _ = s.write(0, "f", "old").ignore("~$f", true).ignore(".~lock.f#", true),
            |s, d| _ = save(s, d, "f", "new"),
            |s, d| _ = s.rename(d, "f", "g").chmod(d, "g", true),
            ["g=new*"; 2],
        );
    }
}

/// 36: An operation that the server refused is not kept as pending: the newer state counts.
#[test]
fn a_deletion_that_came_too_late_is_not_done_later() {
    let mut s = Scenario::new(3);
    a_tree(&mut s);
    s.offline(0).delete(0, "f").wait(3_000).write(1, "f", "newer").settle().online(0);
    s.everywhere("d/ d/x=one f=newer").wait(4_000_000).everywhere("d/ d/x=one f=newer");
    s.check("nothing is deleted", |s| s.deletions() == 0);
}

/// 38: A directory that others delete stays while something ignored is in it, and is not sent back.
#[test]
fn a_directory_kept_for_what_is_ignored_in_it_is_not_sent_back() {
    let mut s = Scenario::new(3);
    s.ignore("cache", true);
    a_tree(&mut s);
    s.write(1, "d/cache", "c").settle().remove_all(0, "d").settle().wait(4_000_000).by_the_rules();
    s.check("gone elsewhere", |s| s.disk(0) == "f=two" && s.disk(2) == "f=two");
    s.check("kept here", |s| s.disk(1) == "d/ f=two" && s.new_entries() == 2);
    s.kill(1).settle().check("not after a restart", |s| s.disk(2) == "f=two");
    s.delete(1, "d/cache").heal().everywhere("f=two");
}

/// 40: After anything went wrong it goes on by itself, item by item; what was deleted does not come
/// back.
#[test]
fn after_all_that_went_wrong_it_goes_on_and_nothing_deleted_comes_back() {
    let mut s = Scenario::new(3);
    a_tree(&mut s);
    s.mute(2).offline(0).delete(0, "d/x").write(0, "n", "new").write(1, "f", "mine").full(1, true);
    s.wait(5_000).kill_server().kill(2).wait(5_000).kill(1).online(0).wait(60_000);
    s.full(1, false).heal().everywhere("d/ f=mine n=new").check("no copy", |s| s.copies() == 0);
}
