//! Faults that searches of fresh seeds found, told as short stories.

use sim::disk::user::path;
use sim::scenario::Scenario;
use sim::user::script::Call;
use sim::world::Setting;
use sim::world::arranged::Hold;

/// Two devices, of which the first takes names that differ in case only for the same.
fn folding() -> Scenario {
    Scenario::with(Setting { folds_case: 1, ..Setting::calm(2) })
}

/// What had just been placed, and was renamed before the engine heard of that and died, was taken for
/// something new: it came back at its old name, too.
#[test]
fn what_is_renamed_in_a_change_whose_engine_dies_is_renamed() {
    let mut s = Scenario::new(2);
    s.write(0, "f", "one").settle().hold(1, Hold::Changed).hold(1, Hold::Events).mark();
    s.write(0, "f", "two").until("the update is there", |s| s.disk(1) == "f=two");
    s.rename(1, "f", "g").kill(1);
    s.release(1, Hold::Changed).release(1, Hold::Events).everywhere("g=two");
    assert_eq!((s.new_entries(), s.deletions()), (2, 0), "the edit, and the move");
}

/// The same, where it was new on that disk.
#[test]
fn what_is_renamed_when_it_first_came_and_the_engine_dies_is_renamed() {
    let mut s = Scenario::new(2);
    s.hold(1, Hold::Changed).hold(1, Hold::Events);
    s.write(0, "f", "one").until("it is there", |s| s.disk(1) == "f=one");
    s.rename(1, "f", "g").kill(1);
    s.release(1, Hold::Changed).release(1, Hold::Events).everywhere("g=one");
    assert_eq!(s.entries(), 2, "its creation, and the move");
}

/// Something else with the same bytes is no reason to take a file for moved.
#[test]
fn a_copy_that_was_here_before_is_not_what_an_engine_that_died_placed() {
    let mut s = Scenario::new(2);
    s.offline(1).write(1, "mine", "one").settle();
    s.write(0, "f", "one").hold(1, Hold::Changes).online(1).until_asked(1, "place");
    s.kill(1).release(1, Hold::Changes).everywhere("f=one mine=one");
}

/// A change that was begun before a crash waited for a file that was open at its place, and was never
/// thought of again when that was deleted.
#[test]
fn what_an_engine_that_died_was_placing_comes_when_what_was_in_its_way_is_gone() {
    let mut s = Scenario::new(2);
    s.hold(0, Hold::Changes).write(1, "c", "one").until_asked(0, "place");
    s.call(0, Call::Open(path("c"), true)).kill(0).release(0, Hold::Changes).settle();
    s.rename(1, "c", "a").settle().delete(0, "c").close(0).everywhere("a=one");
}

/// Without birth times a pipe that had got a file's number was taken for that file: what was to have
/// the file's name waited for it for ever.
#[test]
fn a_pipe_is_not_the_file_whose_number_it_got() {
    Scenario::with(Setting { no_births: 1, ..Setting::calm(2) })
        .mkdir(1, "c")
        .write(1, "c/leaf", "one")
        .write(1, "a", "two")
        .settle()
        .rename(0, "c/leaf", "a")
        .pipe(0, "c/f")
        .by_the_rules()
        .delete(0, "c/f")
        .everywhere("a=one c/");
}

/// What was to have the name of a file that an ignored name hides waited for it for ever.
#[test]
fn what_takes_the_name_of_a_hidden_file_becomes_a_copy() {
    let mut s = Scenario::new(2);
    s.write(0, "a", "one").write(0, "b", "two").settle().ignore("x", true);
    s.rename(0, "a", "x").rename(0, "b", "a").settle();
    s.here(0, "a (0)=two").here(1, "a (0)=two a=one");
    s.rename(0, "x", "d").settle().here(0, "a (0)=two d=one").here(1, "a (0)=two d=one");
}

/// A name that a pipe took from a file was thought to hide the file.
#[test]
fn a_file_that_a_pipe_replaced_is_gone() {
    let mut s = Scenario::new(2);
    s.write(0, "a", "one").write(0, "b", "two").settle().pipe(0, "p").rename(0, "p", "a");
    s.settle().here(1, "b=two").rename(0, "b", "c").rename(0, "a", "p").rename(0, "c", "a");
    s.by_the_rules().here(1, "a=two").delete(0, "p").everywhere("a=two");
}

/// A directory was forgotten when it was not at its name after a restart, though the server had just
/// been told of it: it was made anew where it had gone, and came back where it was.
#[test]
fn what_was_sent_before_a_restart_and_then_moved_is_moved() {
    let mut s = Scenario::new(2);
    s.mkdir(0, "a").mkdir(0, "a/b").settle().mark();
    s.mkdir(0, "f").write(0, "f/leaf", "one").hold(0, Hold::Down).until_asked(0, "create");
    s.until("the server has it", |s| s.new_entries() > 0).stop(0).release(0, Hold::Down);
    s.rename(0, "f", "a/b/g").start(0).everywhere("a/ a/b/ a/b/g/ a/b/g/leaf=one");
    assert_eq!((s.deletions(), s.contents_sent()), (0, 1));
}

/// What was written to a file whose new name cannot be here stayed here only.
#[test]
fn a_conflicting_edit_of_a_parked_file_is_kept_as_a_copy() {
    let mut s = folding();
    s.write(1, "A", "one").write(1, "f", "two").write(1, "b", "three").settle().offline(0);
    s.write(1, "f", "theirs").settle().rename(1, "A", "a").rename(1, "f", "A").rename(1, "b", "f");
    s.settle().write(0, "f", "mine").online(0).by_the_rules();
    s.here(0, "a=one f (0)=mine f=three").here(1, "A=theirs a=one f (0)=mine f=three");
}

/// The oracle took a name for that of a directory which another had by then.
#[test]
fn what_a_directory_held_is_gone_when_a_pipe_has_its_name() {
    let mut s = Scenario::new(2);
    s.mkdir(0, "a").write(0, "a/leaf", "one").settle().offline(0);
    s.remove_all(0, "a").wait(3_000).pipe(0, "a").wait(100).online(0).by_the_rules();
    s.delete(0, "a").everywhere("");
}

/// The same, where a file has it, and the directory went to where nobody can look.
#[test]
fn what_a_directory_held_is_gone_when_it_went_where_nobody_can_look() {
    let mut s = Scenario::new(2);
    s.mkdir(0, "d").mkdir(0, "d/a").mkdir(0, "u").write(0, "u/leaf", "one").settle();
    s.access(0, "u", false, true).settle();
    s.rename(0, "d", "t").rename(0, "u/leaf", "d").rename(0, "t", "u/leaf");
    s.settle().access(0, "u", true, true).wait(6_000).everywhere("d=one u/ u/leaf/ u/leaf/a/");
}

/// A name that a program had given a known file for a moment was sent, while the look that showed it
/// gone was under way.
#[test]
fn a_name_that_a_known_file_had_for_a_moment_is_not_sent() {
    let mut s = Scenario::new(2);
    s.write(0, "f", "one").settle().mark();
    s.rename(0, "f", "f.tmp").wait(105).delete(0, "f.tmp").everywhere("");
    assert_eq!(s.asked(0, "move"), 0);
}

/// A directory was taken for the backup of the file that got its name: it was made anew, and came back.
#[test]
fn a_directory_is_no_backup_of_the_file_that_gets_its_name() {
    let mut s = Scenario::new(2);
    s.mkdir(0, "c").write(0, "c/leaf", "one").write(0, "f", "two").settle().mark();
    s.rename(0, "c", "c~").rename(0, "f", "c").everywhere("c=two c~/ c~/leaf=one");
    assert_eq!((s.deletions(), s.contents_sent()), (0, 0));
}

/// What came into a directory was put into another one that had got its name, while it was missing: it
/// was then taken for deleted with it.
#[test]
fn what_comes_into_a_missing_directory_is_not_put_into_the_one_that_has_its_name() {
    let mut s = Scenario::new(2);
    s.mkdir(0, "a").mkdir(0, "a/b").mkdir(0, "c").mkdir(0, "c/b").settle().offline(0);
    s.remove_all(0, "a").rename(0, "c/b", "a").mkdir(0, "a/b").wait(50);
    s.symlink(1, "a/b/x", "there").online(0).by_the_rules();
    s.check("it is kept", |s| s.disk(1).contains("/x->there") && s.disk(0) == s.disk(1));
}

/// What was looked at as not empty when it was to go stayed for ever, and was called in sync: a look
/// into it did not show it empty yet, and then what was in it was met elsewhere.
#[test]
fn a_directory_goes_when_what_kept_it_is_met_elsewhere() {
    let mut s = Scenario::new(2);
    s.mkdir(0, "d").mkdir(0, "e").write(0, "y", "one").settle().mark();
    s.hold(1, Hold::Changes).remove_all(0, "d").until_asked(1, "remove");
    s.rename(1, "y", "d/y").release(1, Hold::Changes).wait(50);
    let y = s.move_out(1, "d/y");
    s.wait(50).move_in(1, y, "e/y").everywhere("e/ e/y=one");
}

/// A name that was there for a moment was sent: the event that it was gone came later than the time
/// in which a new name settles.
#[test]
fn a_name_that_is_gone_before_its_event_comes_is_not_sent() {
    let mut s = Scenario::new(2);
    s.write(0, "f", "one").settle().mark();
    s.rename(0, "f", ".f.tmp").mkdir(0, "t").symlink(0, "l", "to").wait(20).hold(0, Hold::Events);
    s.rename(0, ".f.tmp", "f").remove_all(0, "t").delete(0, "l").wait(500);
    s.check("nothing was sent", |s| s.new_entries() == 0);
    s.release(0, Hold::Events).everywhere("f=one").check("nor later", |s| s.new_entries() == 0);
}

/// A file that was moved on a disk whose engine then died at once, and started when the server had
/// gone on.
fn moved_by_an_engine_that_died(meanwhile: impl Fn(&mut Scenario)) -> Scenario {
    let mut s = Scenario::new(2);
    s.write(0, "f", "one").settle().hold(1, Hold::Changed).rename(0, "f", "g");
    s.until("it is moved there", |s| s.disk(1) == "g=one").stop(1).release(1, Hold::Changed);
    meanwhile(&mut s);
    // What the server has by now comes before the disk was looked at.
    s.wait(3_000).hold(1, Hold::Looks).start(1).wait(1_000).release(1, Hold::Looks);
    s
}

/// A move by an engine that died before it heard of it was taken for its user's: what another had
/// deleted meanwhile came back.
#[test]
fn a_move_whose_engine_died_does_not_bring_back_what_is_deleted() {
    moved_by_an_engine_that_died(|s| _ = s.delete(0, "g")).everywhere("");
}

/// The same, where what had been moved back elsewhere got a conflict name everywhere.
#[test]
fn a_move_whose_engine_died_does_not_undo_that_it_is_moved_back() {
    moved_by_an_engine_that_died(|s| _ = s.rename(0, "g", "f").write(0, "g", "two"))
        .everywhere("f=one g=two");
}

/// The same with names that change places.
#[test]
fn an_exchange_whose_engine_died_does_not_bring_back_what_is_deleted() {
    let mut s = Scenario::new(2);
    s.write(0, "a", "one").write(0, "b", "two").settle().hold(1, Hold::Changed);
    s.rename(0, "a", "t").rename(0, "b", "a").rename(0, "t", "b");
    s.until("they change places", |s| s.disk(1) == "a=two b=one").stop(1);
    s.release(1, Hold::Changed).delete(0, "a").delete(0, "b").wait(3_000);
    s.hold(1, Hold::Looks).start(1).wait(1_000).release(1, Hold::Looks).everywhere("");
}

/// The same with an executable bit, which went back to what the user had changed meanwhile.
#[test]
fn a_bit_whose_engine_died_does_not_undo_that_it_is_cleared() {
    let mut s = Scenario::new(2);
    s.write(0, "f", "one").settle().hold(1, Hold::Changed).chmod(0, "f", true);
    s.until("it is set there", |s| s.disk(1) == "f=one*").stop(1).release(1, Hold::Changed);
    s.chmod(0, "f", false).wait(3_000).hold(1, Hold::Looks).start(1).wait(1_000);
    s.release(1, Hold::Looks).everywhere("f=one");
}

/// The engine took itself for broken when it started: one file was gone, and its inode had come to
/// the other while it had two names, by which nobody is told.
#[test]
fn an_inode_of_two_nodes_may_be_found_at_a_start_before_anything_was_looked_at() {
    let mut s = Scenario::new(2);
    s.write(0, "a", "one").write(0, "b", "two").settle();
    s.rename(0, "a", "b").link(0, "b", "c").wait(50).delete(0, "c").wait(50);
    s.kill(0).wait(300).kill(0).everywhere("b=one");
}

/// What was found deleted before a restart was deleted everywhere, though its directory could not be
/// read any more: it may have come back.
#[test]
fn what_was_deleted_waits_while_its_directory_cannot_be_read() {
    let mut s = Scenario::new(2);
    s.mkdir(0, "d").write(0, "d/f", "one").write(0, "d/g", "two").settle().offline(0);
    s.delete(0, "d/f").delete(0, "d/g").wait(3_000).stop(0);
    s.write(0, "d/g", "two again").access(0, "d", false, true).start(0).online(0).wait(30_000);
    s.here(1, "d/ d/f=one d/g=two").access(0, "d", true, true).everywhere("d/ d/g=two again");
}

/// A new file that was gone again became the server's of the same bytes, which was then taken to be
/// here for good.
#[test]
fn what_is_missing_does_not_become_what_the_server_has() {
    let mut s = Scenario::new(2);
    s.settle().hold(0, Hold::Up).write(0, "f", "one").wait(500).write(1, "f", "one").wait(500);
    s.stop(0).release(0, Hold::Up).delete(0, "f").start(0).everywhere("f=one");
}

/// The renamed directory came back for what was new in it, before anyone could see that it was gone;
/// what had been in it stayed deleted.
#[test]
fn a_renamed_directory_comes_back_with_all_that_was_in_it_when_it_can_be_seen() {
    let mut s = Scenario::new(2);
    s.mkdir(0, "p").mkdir(0, "p/a").write(0, "p/a/c", "one").settle().offline(0);
    s.remove_all(0, "p/a").wait(3_000).stop(0).access(0, "p", false, true);
    s.rename(1, "p/a", "p/b").mkdir(1, "p/b/d").wait(2_000).start(0).online(0).wait(30_000);
    s.access(0, "p", true, true).everywhere("p/ p/b/ p/b/c=one p/b/d/");
}

/// An edit of a file that another had replaced, in a directory whose name cannot be had, went nowhere:
/// what had its name waited for the edit's refusal, and was not planned again when that came.
#[test]
fn an_edit_in_a_parked_directory_is_kept_beside_what_replaced_the_file() {
    let mut s = folding();
    s.mkdir(0, "a").mkdir(0, "d").write(0, "d/f", "one").write(0, "x", "two").settle();
    s.offline(0).write(0, "d/f", "mine").rename(1, "x", "d/f").rename(1, "d", "A").settle();
    s.online(0).by_the_rules().here(1, "A/ A/f (0)=mine A/f=two a/");
    s.here(0, "a/ d/ d/f (0)=mine d/f=two");
}

/// The oracle took it for a deletion undone: who moves a file that is still empty moves what another
/// writes into it, also when that one deletes it before he knows of the move.
#[test]
fn what_is_written_into_a_file_that_another_moved_empty_moves_with_it() {
    let mut s = Scenario::new(2);
    s.call(0, Call::Open(path("b"), true)).close(0).settle();
    s.offline(1).rename(1, "b", "c").open(0, "b").append(0, "one", "one").close(0).settle();
    s.offline(0).delete(0, "b").online(1).settle().online(0).everywhere("c=one");
}

/// What was edited on both sides while it moves into a directory whose name cannot be had stayed where
/// it was, and was never sent.
#[test]
fn a_rival_of_what_moves_into_a_parked_directory_is_a_copy() {
    let mut s = folding();
    s.mkdir(0, "a").write(0, "f", "one").settle().offline(0).write(0, "f", "mine");
    s.mkdir(1, "A").rename(1, "f", "A/f").write(1, "A/f", "two").settle().online(0);
    s.by_the_rules().here(1, "A/ A/f=two a/ f=mine").here(0, "a/ f=mine");
}

/// What got the name of a directory in which something waits for a name was no rest for ever.
#[test]
fn what_gets_the_name_of_a_deleted_directory_that_cannot_go_is_told() {
    let mut s = folding();
    s.write(0, "a", "one").mkdir(0, "d").write(0, "d/x", "two").settle();
    s.rename(1, "d/x", "A").remove_all(1, "d").write(1, "d", "three").by_the_rules();
    s.here(0, "a=one d/ d/x=two").delete(0, "a").everywhere("A=two d=three");
}

/// A conflict copy was to have a name that differs in case only from that of another one, and waited
/// for it for ever.
#[test]
fn a_conflict_copy_has_a_name_of_its_own_where_case_is_not_told_apart() {
    let mut s = folding();
    s.offline(0).write(0, "f", "mine").write(1, "f", "yours").settle().online(0).settle();
    s.rename(1, "f", "g").settle().offline(0).write(0, "F", "mine too");
    s.write(1, "F", "yours too").settle().online(0).by_the_rules();
    s.check("four files", |s| s.files(0).len() == 4);
}

/// The oracle did not know that what waits for a name keeps out what wants one like its own.
#[test]
fn what_waits_for_a_name_keeps_out_what_differs_in_case_from_it() {
    let mut s = folding();
    s.write(0, "A", "one").mkdir(0, "f").write(0, "f/A", "two").settle();
    s.rename(1, "f/A", "a").write(1, "f/a", "three").by_the_rules();
    s.here(0, "A=one f/ f/A=two").delete(0, "A").everywhere("a=two f/ f/a=three");
}

/// The same, with directories: they all look alike.
#[test]
fn a_directory_that_waits_for_a_name_keeps_out_the_one_that_got_its_own() {
    let mut s = folding();
    s.mkdir(0, "a").mkdir(0, "a/b").write(0, "a/b/f", "one").settle();
    s.rename(1, "a/b", "A").mkdir(1, "a/b").write(1, "a/b/g", "two").by_the_rules();
    s.here(0, "a/ a/b/ a/b/f=one");
}

/// A commit was decided twice: its device had acknowledged the entries before it heard the outcome,
/// which the server then forgot.
#[test]
fn an_outcome_is_kept_until_its_device_has_heard_it() {
    let mut s = Scenario::new(2);
    s.settle().limit(true).hold(0, Hold::Down).mkdir(0, "d").write(0, "d/f", "one").wait(2_000);
    s.mkdir(1, "e").wait(2_000).cut(0).release(0, Hold::Down);
    s.until("it hears all entries", |s| s.told(0, "hears entry 1") > 0).hold(0, Hold::Down);
    s.wait(500).lose_first_message(0).wait(3_000).limit(false).cut(0).release(0, Hold::Down);
    s.wait(60_000).everywhere("d/ d/f=one e/");
}

/// Without birth times a directory that was removed and made again, and got its old number, was taken
/// for the same, and not watched: what was then written in it was noticed an hour later.
#[test]
fn a_directory_that_is_made_again_is_watched_again() {
    let mut s = Scenario::with(Setting { no_births: 1, ..Setting::calm(2) });
    s.mkdir(0, "a").mkdir(0, "a/b").settle().remove_all(0, "a/b").mkdir(0, "a/b").wait(30);
    s.write(0, "a/b/f", "one").everywhere("a/ a/b/ a/b/f=one");
}

/// A directory could be read again, and what was in the ones below it was taken for known before it
/// was looked at: a file that was there again was deleted for everyone, and came back as another.
#[test]
fn what_is_below_a_directory_that_can_be_read_again_is_unknown_until_it_was_looked_at() {
    let mut s = Scenario::new(2);
    s.mkdir(0, "c").mkdir(0, "c/a").write(0, "c/a/f", "one").settle().offline(0);
    s.delete(0, "c/a/f").wait(3_000).access(0, "c", false, true).kill(0).wait(3_000);
    s.write(0, "c/a/f", "two").lose_events(0).online(0).wait(3_000).access(0, "c", true, true);
    s.everywhere("c/ c/a/ c/a/f=two");
    assert_eq!(s.deletions(), 0, "it was there");
}

/// A file that the server may have heard of had lost its name in a new directory, which was removed: it
/// was still taken to be in there, and after a restart in a directory that nobody knew.
#[test]
fn what_lost_its_name_in_a_directory_goes_with_that() {
    let mut s = Scenario::new(2);
    s.settle().hold(0, Hold::Up).write(0, "f", "one").write(0, "b", "two").wait(500).offline(0);
    s.kill(0).wait(500).release(0, Hold::Up).mkdir(0, "a").rename(0, "f", "a/f").wait(500);
    s.rename(0, "b", "a/f").wait(30).remove_all(0, "a").wait(30).online(0).wait(600);
    s.mkdir(0, "a").remove_all(0, "a").wait(50).kill(0).everywhere("");
}

/// A directory could be read again while a look into one that was gone was still wanted: when that had
/// been given up, nothing came to have the files in the first read.
#[test]
fn what_was_written_where_nobody_could_look_is_read_once_that_can_be_seen() {
    let mut s = Scenario::new(2);
    s.mkdir(0, "d").mkdir(0, "e").write(0, "d/f", "one").settle().mkdir(0, "e/t").wait(30);
    s.write(0, "e/t/g", "gone").remove_all(0, "e/t").wait(5).access(0, "d", false, false);
    s.write(0, "d/f", "two").wait(15).access(0, "d", true, true).tell_overflow(0);
    s.everywhere("d/ d/f=two e/");
}

/// The client came back from a backup, and met a directory that it could not read as a new one, before
/// it heard that it was one of the server's: the first stayed unreadable for good, and what was new in
/// the directory was not sent.
#[test]
fn a_directory_that_is_met_as_one_of_the_servers_is_as_unreadable_as_it_was() {
    let mut s = Scenario::new(2);
    let before = s.settle().saved(1);
    s.mkdir(1, "d").write(1, "d/f", "one").settle().access(1, "d", false, false);
    s.bring_back(1, before).wait(200).access(1, "d", true, true).write(1, "d/g", "two");
    s.wait(2_000).everywhere("d/ d/f=one d/g=two");
}

/// Of two directories that change places, the outer had settled before the inner: as that could not go
/// yet, the outer seemed to go into itself, and was put back.
#[test]
fn a_directory_goes_into_what_was_in_it_however_late_that_settles() {
    let mut s = Scenario::new(2);
    s.mkdir(0, "a").mkdir(0, "a/b").write(0, "a/b/f", "one").settle();
    s.rename(0, "a/b", "t").rename(0, "a", "t/a").wait(60).rename(0, "t", "b");
    s.everywhere("b/ b/a/ b/f=one");
}

/// A directory that the server never heard of was moved while it could not be read: the next try of
/// where it had been was still to come, and what was in it was not sent before.
#[test]
fn a_new_directory_that_could_not_be_read_is_sent_from_where_it_was_moved_to() {
    let mut s = Scenario::new(2);
    s.settle()
        .offline(0)
        .mkdir(0, "e")
        .mkdir(0, "d")
        .write(0, "d/f", "one")
        .access(0, "d", false, true);
    s.kill(0).wait(20).rename(0, "d", "e/d").wait(15).access(0, "e/d", true, true);
    s.wait(2_000).online(0).everywhere("e/ e/d/ e/d/f=one");
}
