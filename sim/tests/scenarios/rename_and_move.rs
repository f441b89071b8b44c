//! Renames and moves: 12 to 30 of the list.

use sim::scenario::Scenario;
use sim::scenario::orders::{both_orders, every_order};
use sim::world::arranged::Hold;

fn a_file(s: &mut Scenario) {
    s.write(0, "f", "old");
}

fn a_directory(s: &mut Scenario) {
    s.mkdir(0, "d").write(0, "d/x", "one").mkdir(0, "d/in").write(0, "d/in/y", "two");
}

/// 12: A renames f→g, B renames f→h: one name wins; no second file, no loss.
#[test]
fn both_rename_a_file_and_one_name_wins() {
    every_order(
        a_file,
        &[&|s, d| _ = s.rename(d, "f", "g"), &|s, d| _ = s.rename(d, "f", "h")],
        |s, order| {
            s.everywhere(["g=old", "h=old"][order[0]]);
            s.check("one move", |s| s.new_entries() == 1 && s.uploads(0) + s.uploads(1) == 0);
        },
    );
}

/// 13: A renames f→g, B edits f: the edit lands in g on all.
#[test]
fn one_renames_and_the_other_edits_and_the_edit_lands_under_the_new_name() {
    for save in [Scenario::write, Scenario::save, Scenario::vim, Scenario::office] {
        every_order(
            a_file,
            &[&|s, d| _ = s.rename(d, "f", "g"), &|s, d| _ = save(s, d, "f", "new")],
            |s, _| _ = s.everywhere("g=new").check("a move, an edit", |s| s.new_entries() == 2),
        );
    }
}

/// 14: A renames f→g, B deletes f (bytes unchanged): f survives as g in both orders; the delete
/// stays in history.
#[test]
fn one_renames_and_the_other_deletes_and_the_file_survives_under_its_new_name() {
    every_order(
        a_file,
        &[&|s, d| _ = s.rename(d, "f", "g"), &|s, d| _ = s.delete(d, "f")],
        |s, order| {
            let deleted_first = usize::from(order[0] == 1);
            s.everywhere("g=old").check("recorded", |s| s.deletions() == deleted_first);
        },
    );
}

/// 15: A renames f→g, B makes another g: both are kept, one as a copy.
#[test]
fn one_renames_onto_a_name_that_the_other_makes_and_both_files_are_kept() {
    both_orders(
        a_file,
        |s, d| _ = s.rename(d, "f", "g"),
        |s, d| _ = s.write(d, "g", "new"),
        ["g (1)=new g=old", "g (0)=old g=new"],
    );
}

/// 16: A rotation l2→l3, l1→l2, l0→l1, new l0, every second: converges, no copy.
#[test]
fn logs_that_rotate_every_second_converge_without_copies() {
    let mut s = Scenario::new(3);
    for round in 0..12 {
        for (from, to) in [("l2", "l3"), ("l1", "l2"), ("l0", "l1")] {
            if s.disk(0).contains(&format!("{from}=")) {
                s.rename(0, from, to);
            }
        }
        s.write(0, "l0", &format!("r{round}")).wait(1_000);
    }
    s.everywhere("l0=r11 l1=r10 l2=r9 l3=r8").check("no copy", |s| s.copies() == 0);
    s.check("each content is sent once", |s| s.contents_sent() <= 12);
}

/// 17: A renames dir d→e with many files: one entry, no upload, one rename on B.
#[test]
fn a_renamed_directory_is_one_entry_and_one_rename_whatever_is_in_it() {
    let mut s = Scenario::new(3);
    s.mkdir(0, "d");
    for file in 0..300 {
        s.write(0, &format!("d/{file}"), &format!("text {file}"));
    }
    s.settle().mark().rename(0, "d", "e").by_the_rules();
    s.check("one entry, no upload", |s| s.new_entries() == 1 && s.uploads(0) == 0);
    s.check("one rename elsewhere", |s| s.changes(1) == 1 && s.changes(2) == 1);
    s.check("the same everywhere", |s| s.disk(0) == s.disk(1) && s.disk(1) == s.disk(2));
}

/// 18: A renames d→e, B edits d/x: the edit lands in e/x.
#[test]
fn an_edit_in_a_directory_that_the_other_renames_lands_in_it() {
    both_orders(
        a_directory,
        |s, d| _ = s.rename(d, "d", "e"),
        |s, d| _ = s.gedit(d, "d/x", "new").write(d, "d/in/y", "newer"),
        ["e/ e/in/ e/in/y=newer e/x=new"; 2],
    );
}

/// 19: A renames d→e, B adds d/new: it lands in e/new.
#[test]
fn what_is_added_to_a_directory_that_the_other_renames_lands_in_it() {
    both_orders(
        a_directory,
        |s, d| _ = s.rename(d, "d", "e"),
        |s, d| _ = s.write(d, "d/new", "new").mkdir(d, "d/more").write(d, "d/more/z", "z"),
        ["e/ e/in/ e/in/y=two e/more/ e/more/z=z e/new=new e/x=one"; 2],
    );
}

/// 20: A renames d→e, B deletes d (unchanged): the tree survives at e in both orders.
#[test]
fn a_tree_that_one_renames_and_the_other_deletes_survives_whole() {
    both_orders(
        a_directory,
        |s, d| _ = s.rename(d, "d", "e"),
        |s, d| _ = s.remove_all(d, "d"),
        ["e/ e/in/ e/in/y=two e/x=one"; 2],
    );
}

/// 21: A renames d→e, B renames d→g: one name, the children once.
#[test]
fn both_rename_a_directory_and_its_children_are_there_once() {
    every_order(
        a_directory,
        &[&|s, d| _ = s.rename(d, "d", "e"), &|s, d| _ = s.rename(d, "d", "g")],
        |s, order| {
            let name = ["e", "g"][order[0]];
            s.everywhere(&format!("{name}/ {name}/in/ {name}/in/y=two {name}/x=one"));
            s.check("one move", |s| s.new_entries() == 1 && s.deletions() == 0);
        },
    );
}

/// 22: A moves x into y, B moves y into x: no cycle, no orphan; the second is refused and its view
/// put right.
#[test]
fn two_directories_moved_into_each_other_make_no_cycle_and_no_orphan() {
    every_order(
        |s| _ = s.mkdir(0, "x").write(0, "x/f", "one").mkdir(0, "y").write(0, "y/g", "two"),
        &[&|s, d| _ = s.rename(d, "x", "y/x"), &|s, d| _ = s.rename(d, "y", "x/y")],
        |s, order| {
            s.everywhere(["y/ y/g=two y/x/ y/x/f=one", "x/ x/f=one x/y/ x/y/g=two"][order[0]]);
            s.check("the second is refused", |s| s.new_entries() == 1);
        },
    );
}

/// 23: A three-way cycle x→y, y→z, z→x over three clients.
#[test]
fn three_directories_moved_into_each_other_in_a_ring_make_no_cycle() {
    every_order(
        |s| {
            for (dir, text) in [("x", "one"), ("y", "two"), ("z", "three")] {
                s.mkdir(0, dir).write(0, &format!("{dir}/f"), text);
            }
        },
        &[&|s, d| _ = s.rename(d, "x", "y/x"), &|s, d| _ = s.rename(d, "y", "z/y"), &|s, d| {
            _ = s.rename(d, "z", "x/z")
        }],
        |s, order| {
            // The last to come would close the ring: its directory stays where it was.
            let ring = [("x", "one"), ("y", "two"), ("z", "three")];
            let top = order[2];
            let mut path = String::new();
            let mut lines = Vec::new();
            for at in [top, (top + 2) % 3, (top + 1) % 3] {
                path += &format!("{}/", ring[at].0);
                lines.extend([path.clone(), format!("{path}f={}", ring[at].1)]);
            }
            lines.sort();
            s.everywhere(&lines.join(" ")).check("two moves", |s| s.new_entries() == 2);
        },
    );
}

/// 24: B deletes the target t while A moves f into it: t is revived with f.
#[test]
fn a_directory_that_one_deletes_while_the_other_moves_a_file_into_it_is_revived() {
    both_orders(
        |s| _ = s.mkdir(0, "t").mkdir(0, "t/u").write(0, "f", "one"),
        |s, d| _ = s.rename(d, "f", "t/u/f"),
        |s, d| _ = s.remove_all(d, "t"),
        ["t/ t/u/ t/u/f=one"; 2],
    );
}

/// 25: A move out of the root is a deletion; a move in of a full tree makes all of it.
#[test]
fn a_tree_moved_out_is_deleted_and_a_tree_moved_in_is_made_whole() {
    let mut s = Scenario::new(3);
    a_directory(&mut s);
    s.settle().mark();
    let tree = s.move_out(0, "d");
    s.everywhere("").check("four are deleted", |s| s.deletions() == 4);
    s.mark().move_in(0, tree, "back");
    s.everywhere("back/ back/in/ back/in/y=two back/x=one");
    s.check("four are made", |s| s.new_entries() == 4);
}

/// 26: A rename undone before it is synced is nothing.
#[test]
fn a_rename_that_is_undone_before_it_is_synced_is_nothing() {
    for pause_ms in [0, 5, 50] {
        let mut s = Scenario::new(3);
        a_directory(&mut s);
        a_file(&mut s);
        s.settle().mark();
        s.rename(0, "f", "g").rename(0, "d", "e").wait(pause_ms);
        s.rename(0, "g", "f").rename(0, "e", "d");
        s.everywhere("d/ d/in/ d/in/y=two d/x=one f=old");
        s.check("nothing is sent", |s| s.new_entries() == 0);
    }
}

/// 27: f renamed over an existing g: g has f's bytes, one deletion of f; the old g is in history.
#[test]
fn a_file_renamed_over_another_takes_its_name_and_the_old_bytes_are_in_history() {
    let mut s = Scenario::new(3);
    s.write(0, "f", "new").write(0, "g", "old").settle().mark().rename(0, "f", "g");
    s.everywhere("g=new").check("one goes", |s| s.deletions() == 1);
    s.check("the old one is in history", |s| s.was_sent("old"));
    s.check("no bytes are sent", |s| s.contents_sent() == 0 && s.uploads(0) == 0);
}

/// 28: A rename during the upload of the same file: the upload counts under the new name.
#[test]
fn a_file_renamed_during_its_upload_goes_up_under_the_new_name_once() {
    let text = "a large content that takes its time to go up";
    let mut s = Scenario::new(3);
    s.write(0, "f", "old").settle().mark();
    s.hold(0, Hold::Uploads).write(0, "f", text).until_asked(0, "upload");
    s.rename(0, "f", "g").wait(500).release(0, Hold::Uploads);
    s.everywhere(&format!("g={text}"));
    s.check("a move and an edit", |s| s.new_entries() == 2 && s.contents_sent() == 1);
}

/// 29: Half a rename is lost in an overflow: the scan settles it, and nothing is deleted elsewhere
/// before.
#[test]
fn a_rename_of_which_an_overflow_leaves_half_deletes_nothing_elsewhere() {
    let mut s = Scenario::new(3);
    s.mkdir(0, "d").mkdir(0, "e").write(0, "d/f", "old").settle().mark();
    s.hold(0, Hold::Events).rename(0, "d/f", "e/f");
    s.keep_events(0, 1).tell_overflow(0).release(0, Hold::Events);
    s.everywhere("d/ e/ e/f=old").check("one move", |s| s.new_entries() == 1);
    s.check("nothing is deleted", |s| s.deletions() == 0);
}

/// 30: Two hard links of one file on A are two files elsewhere; an edit of one on B leaves the
/// other alone.
#[test]
fn hard_links_are_two_files_and_an_edit_of_one_leaves_the_other_alone() {
    let mut s = Scenario::new(3);
    s.write(0, "f", "old").link(0, "f", "g").everywhere("f=old g=old");
    s.write(1, "f", "new").everywhere("f=new g=old");
    s.write(2, "g", "newer").everywhere("f=new g=newer");
}
