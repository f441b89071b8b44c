//! Faults in what a client, or the oracle, believed to be on a disk, told as short stories.

use sim::scenario::Scenario;
use sim::world::Setting;
use sim::world::arranged::Hold;

/// Of a file that has two names one was removed, as another device had deleted it, before the second
/// was known; then it was made again. The oracle took the second name for the file that had gone.
#[test]
fn a_second_name_of_a_file_that_went_is_another_file_when_that_comes_again() {
    let mut s = Scenario::new(3);
    s.write(0, "f", "one").settle().stop(1).link(1, "f", "g").hold(2, Hold::Uploads);
    s.write(2, "f", "two").wait(200).delete(0, "f").wait(2_000).hold(2, Hold::Up);
    s.release(2, Hold::Uploads).wait(1_000).start(1);
    s.until("one name goes", |s| s.disk(1) == "g=one").release(2, Hold::Up);
    s.everywhere("f=two g=one");
}

/// Two files came, and their user renamed one over the other before it was saved that they had: the
/// oracle did not know that the second was ever here.
#[test]
fn a_file_that_came_may_be_renamed_over_before_that_is_saved() {
    let mut s = Scenario::new(2);
    s.write(0, "f", "one").write(0, "g", "two");
    s.until("both are asked for", |s| s.asked(1, "place") > 1).hold(1, Hold::Saves);
    s.until("both are here", |s| s.disk(1) == "f=one g=two").wait(50);
    s.rename(1, "g", "f").wait(2_000).release(1, Hold::Saves).everywhere("f=two");
}

/// A file was deleted while it was read, and a directory made of its name: as the reading ended, what
/// was known of the file was noted anew, and with it that the name was the file's.
#[test]
fn what_was_read_of_a_file_that_a_directory_replaced_does_not_take_the_name_back() {
    let mut s = Scenario::new(2);
    s.write(0, "f", "one").settle().mark().write(0, "f", "more").hold(0, Hold::Hashed);
    s.until_asked(0, "hash").wait(5).delete(0, "f").mkdir(0, "f").write(0, "f/g", "new");
    s.wait(50).release(0, Hold::Hashed).everywhere("f/ f/g=new");
}

/// A directory was made, with the inode number of one that the user had just removed, on a disk that
/// tells no birth times; after a crash that one seemed to have been moved there.
#[test]
fn what_was_to_be_made_at_a_name_is_no_other_that_had_its_number() {
    let mut s = Scenario::with(Setting { no_births: 1, ..Setting::calm(2) });
    s.mkdir(0, "d").mkdir(0, "d/e").settle().hold(0, Hold::Looks).remove_all(0, "d/e");
    s.mkdir(1, "f").until("it is made", |s| s.disk(0) == "d/ f/");
    s.kill(0).release(0, Hold::Looks).everywhere("d/ f/");
}

/// A file was moved to where nobody could look, and so believed to be deleted, and moved by another
/// device: the oracle took the one that was seen again, a new one by then, for the one that came.
#[test]
fn what_was_moved_out_of_sight_may_come_again() {
    let mut s = Scenario::new(2);
    s.mkdir(0, "d").mkdir(0, "d/e").write(0, "d/e/f", "one").settle();
    s.rename(1, "d/e/f", "d/g").access(1, "d", false, false).wait(7_000);
    s.rename(0, "d/e/f", "d/e/h").wait(2_000).access(1, "d", true, true).tell_overflow(1);
    let both = "d/ d/e/ d/e/h=one d/g=one";
    s.wait(3_000).here(0, both).here(1, both);
}

/// An edit was refused, of a file that cannot have its name here: as people were told of the name, the
/// client was said to be at rest before it had sent the edit as a file of its own.
#[test]
fn who_cannot_have_its_name_is_not_at_rest_before_it_is_sent() {
    let mut s = Scenario::new(2);
    s.write(0, "f", "one").settle().pipe(1, "b").wait(500).rename(0, "f", "b").wait(3_000);
    s.offline(1).save(1, "f", "mine").write(0, "b", "theirs").wait(500).online(1).settle();
    s.here(0, "b=theirs f=mine").here(1, "f=mine");
}

/// Two files changed places, of which the server had deleted one already; then the other was edited
/// elsewhere, and deleted: the oracle took the one that stands at its name for an older version of it.
#[test]
fn who_deletes_what_changed_places_with_an_older_version_means_that() {
    let mut s = Scenario::new(2);
    s.write(0, "f", "one").write(0, "g", "two").settle().may_write(1, false);
    s.rename(1, "f", "h").wait(1_000).rename(0, "g", "f").wait(2_000);
    s.rename(1, "h", "t").rename(1, "f", "h").rename(1, "t", "f").wait(2_000);
    s.write(0, "f", "two and more").wait(5_000).delete(1, "h").wait(2_000).may_write(1, true);
    s.everywhere("f=one");
}

/// A program was done with a file after that could not be read, and before its last write was seen: the
/// file waited for its next try, as if the program still had it open.
#[test]
fn what_a_program_has_closed_is_read_as_soon_as_its_end_is_seen() {
    let mut s = Scenario::new(2);
    s.write(0, "f", "one").settle().open(0, "f").append(0, " two", "one two").mark();
    s.until("it cannot be read", |s| s.told(0, "open for writing") > 0);
    s.append(0, " three", "one two three").close(0).wait(50);
    s.check("it is everywhere", |s| s.disk(1) == "f=one two three").everywhere("f=one two three");
}

/// A directory had taken the name of a file that both had deleted, and nobody could look, after a crash,
/// which of the two stands there: the wrong one was believed to be gone, and its deletion sent.
#[test]
fn what_seems_to_have_lost_its_name_is_looked_for_before_it_is_deleted() {
    let mut s = Scenario::new(2);
    s.write(0, "a", "one").settle().mark().stop(1).delete(1, "a").mkdir(1, "a");
    s.delete(0, "a").mkdir(0, "a").wait(3_000).start(1).wait(900).hold(1, Hold::Looks).kill(1);
    s.wait(300).access(1, "", false, true).release(1, Hold::Looks).wait(3_000);
    s.access(1, "", true, true).tell_overflow(1).everywhere("a/");
    s.check("only the file is deleted", |s| s.deletions() == 1);
}

/// Two moved one directory, of which the second could not be read where it was moved; the first deleted
/// a file in it. As its own move gave way, it was forgotten that who moves keeps what is in there.
#[test]
fn what_is_in_a_moved_directory_is_kept_though_another_move_of_that_counts() {
    let mut s = Scenario::new(2);
    s.mkdir(0, "d").write(0, "d/f", "one").settle().offline(1).stop(1).rename(1, "d", "a");
    s.access(1, "a", false, true).start(1).wait(2_000).rename(0, "d", "c").delete(0, "c/f");
    s.wait(3_000).online(1).until("it is moved", |s| s.disk(1).starts_with("c/"));
    s.wait(2_000).access(1, "c", true, true).everywhere("c/ c/f=one");
}

/// A file was moved and deleted before the device heard that it had been made, and nobody could look by
/// then where it had been made: it was taken for one that the device had forgotten, and came again.
#[test]
fn what_was_deleted_before_its_making_was_heard_of_is_not_forgotten() {
    let mut s = Scenario::new(2);
    s.hold(0, Hold::Down).mkdir(0, "d").write(0, "d/f", "one");
    s.until("it is made", |s| s.disk(1) == "d/ d/f=one").rename(0, "d/f", "g").wait(300);
    s.delete(0, "g").access(0, "d", false, true).tell_overflow(0).wait(8_000);
    s.release(0, Hold::Down).wait(1_000).access(0, "d", true, true).everywhere("d/");
}
