//! Links, special files and metadata: 42 to 53 of the list.

use sim::scenario::Scenario;
use sim::scenario::orders::both_orders;

/// 42: Symlinks in a loop, and to a parent: the scan ends, and they go around as they are.
#[test]
fn symlinks_in_a_loop_and_to_a_parent_go_around_as_they_are() {
    let mut s = Scenario::new(3);
    s.symlink(0, "a", "b").symlink(0, "b", "a").mkdir(0, "d").symlink(0, "d/up", "..");
    s.symlink(0, "d/self", "self").overflow(0);
    s.everywhere("a->b b->a d/ d/self->self d/up->..");
}

/// 43: A symlink to /etc is stored as a link, and never followed.
#[test]
fn a_symlink_that_leads_out_is_a_link_and_is_never_followed() {
    let mut s = Scenario::new(3);
    s.symlink(0, "l", "/etc").write(0, "f", "text").everywhere("f=text l->/etc");
    both_orders(
        |s| _ = s.mkdir(0, "d").write(0, "d/x", "old"),
        |s, d| _ = s.remove_all(d, "d").symlink(d, "d", "/etc"),
        |s, d| _ = s.write(d, "d/x", "new"),
        ["d (1)/ d (1)/x=new d->/etc", "d (0)->/etc d/ d/x=new"],
    );
}

/// 45: A pipe in the tree is left out; nobody opens it.
#[test]
fn a_pipe_is_left_out_and_harms_nobody() {
    let mut s = Scenario::new(3);
    s.mkdir(0, "d").pipe(0, "d/p").write(0, "d/x", "one").by_the_rules();
    s.here(1, "d/ d/x=one").check("nothing read it", |s| s.asked(0, "hash") == 1);
    s.write(1, "d/p", "file").by_the_rules().delete(0, "d/p").everywhere("d/ d/p=file d/x=one");
}

/// 48: A read-only directory on B, and a new file for it: that waits, others go on, and it comes
/// when the directory may be written again.
#[test]
fn a_file_for_a_read_only_directory_waits_until_it_may_be_written() {
    let mut s = Scenario::new(3);
    s.mkdir(0, "d").write(0, "d/x", "old").settle().access(1, "d", true, false).settle();
    s.write(0, "d/new", "one").write(0, "d/x", "newer").write(0, "other", "two").settle();
    s.here(1, "d/ d/x=old other=two").here(2, "d/ d/new=one d/x=newer other=two");
    s.check("it is told", |s| s.problems(1).contains("d/new: Unwritable"));
    s.access(1, "d", true, true).heal().everywhere("d/ d/new=one d/x=newer other=two");
    s.check("nothing to tell", |s| s.problems(1).is_empty());
}

/// 49: An unreadable directory on A: nothing below it is deleted anywhere.
#[test]
fn below_a_directory_that_cannot_be_read_nothing_is_deleted_anywhere() {
    let mut s = Scenario::new(3);
    s.mkdir(0, "d").mkdir(0, "d/e").write(0, "d/e/x", "one").write(0, "d/y", "two").settle().mark();
    s.access(0, "d", false, true).overflow(0).wait(20_000).kill(0).wait(20_000).settle();
    s.check("nothing is deleted", |s| s.deletions() == 0 && s.new_entries() == 0);
    s.write(1, "d/y", "newer").settle().here(2, "d/ d/e/ d/e/x=one d/y=newer");
    s.access(0, "d", true, true).heal().everywhere("d/ d/e/ d/e/x=one d/y=newer");
    s.check("nothing is deleted", |s| s.deletions() == 0);
}

/// 50: A flip of the executable bit only: no content is transferred.
#[test]
fn a_flip_of_the_executable_bit_transfers_no_content() {
    let mut s = Scenario::new(3);
    s.write(0, "f", "a text that is large enough to be uploaded").settle().mark();
    s.chmod(0, "f", true);
    s.everywhere("f=a text that is large enough to be uploaded*");
    s.check("no content", |s| s.new_entries() == 1 && s.uploads(0) == 0);
    s.check("none elsewhere", |s| s.asked(1, "fetch") == 0 && s.asked(1, "place") == 0);
    s.mark().chmod(1, "f", false);
    s.everywhere("f=a text that is large enough to be uploaded");
    s.check("one entry", |s| s.new_entries() == 1);
}

/// 51: Times of any value make no loops.
#[test]
fn times_of_any_value_make_no_loops() {
    for seconds in [0, -1, -5_000_000_000, 4_294_967_296, 15_000_000_000, i64::MAX, i64::MIN] {
        let mut s = Scenario::new(3);
        s.write(0, "f", "text").touch(0, "f", seconds).everywhere("f=text");
        s.check("one entry", |s| s.new_entries() == 1);
        s.mark().overflow(0).overflow(1).overflow(2).kill(1).wait(4_000_000);
        s.everywhere("f=text").check("no entry more", |s| s.new_entries() == 0);
        s.check("and no change", |s| (0..3).all(|device| s.changes(device) == 0));
    }
}

/// 52: All files are touched: they are read again, and nothing is sent.
#[test]
fn a_touch_of_everything_sends_nothing() {
    let mut s = Scenario::new(3);
    for file in 0..50 {
        s.write(0, &format!("f{file}"), &format!("text {file}"));
    }
    s.settle().mark();
    for file in 0..50 {
        s.touch(0, &format!("f{file}"), 1_000);
    }
    s.by_the_rules().check("nothing is sent", |s| s.new_entries() == 0 && s.uploads(0) == 0);
    s.check("all are read once", |s| s.asked(0, "hash") == 50);
}
