//! Edits and deletes: 1 to 11 of the list.

use sim::scenario::Scenario;
use sim::scenario::orders::{both_orders, every_order};
use sim::world::arranged::Hold;

fn a_file(s: &mut Scenario) {
    s.write(0, "f", "old");
}

/// 1: A edits f, B edits f (different): both versions survive; the first at S keeps the name, the
/// other is a copy on all; one copy only.
#[test]
fn both_edit_a_file_and_both_versions_survive_with_one_copy() {
    every_order(
        a_file,
        &[&|s, d| _ = s.write(d, "f", "here"), &|s, d| _ = s.write(d, "f", "there")],
        |s, order| {
            let first_here = order[0] == 0;
            let expected = if first_here { "f (1)=there f=here" } else { "f (0)=here f=there" };
            s.everywhere(expected).check("one copy only", |s| s.copies() == 1);
            s.check("an edit and a copy", |s| s.new_entries() == 2);
        },
    );
}

/// 2: A and B edit f to the same bytes: no copy, one version.
#[test]
fn both_edit_a_file_to_the_same_bytes_and_there_is_one_version() {
    every_order(
        a_file,
        &[&|s, d| _ = s.write(d, "f", "new"), &|s, d| _ = s.save(d, "f", "new")],
        |s, _| _ = s.everywhere("f=new").check("one version", |s| s.new_entries() == 1),
    );
}

/// 3: A, B, C edit f offline: one winner, two copies with distinct names.
#[test]
fn three_edit_a_file_offline_and_there_are_one_winner_and_two_copies() {
    every_order(
        a_file,
        &[&|s, d| _ = s.write(d, "f", "v0"), &|s, d| _ = s.write(d, "f", "v1"), &|s, d| {
            _ = s.save(d, "f", "v2")
        }],
        |s, order| {
            let mut names = vec![format!("f=v{}", order[0])];
            names.extend(order[1..].iter().map(|device| format!("f ({device})=v{device}")));
            names.sort();
            s.everywhere(&names.join(" ")).check("two copies", |s| s.copies() == 2);
        },
    );
}

/// 4: A edits, B deletes: the edit wins, f is restored on B; the delete is recorded in history.
#[test]
fn one_edits_and_the_other_deletes_and_the_edit_wins() {
    every_order(
        a_file,
        &[&|s, d| _ = s.write(d, "f", "new"), &|s, d| _ = s.delete(d, "f")],
        |s, order| {
            let deleted_first = usize::from(order[0] == 1);
            s.everywhere("f=new").check("no copy", |s| s.copies() == 0);
            s.check("an accepted delete is recorded", |s| s.deletions() == deleted_first);
        },
    );
}

/// 5: A deletes, B deletes: gone, no error, one tombstone.
#[test]
fn both_delete_and_there_is_one_tombstone() {
    every_order(a_file, &[&|s, d| _ = s.delete(d, "f"), &|s, d| _ = s.delete(d, "f")], |s, _| {
        s.everywhere("").check("one tombstone", |s| {
            s.deletions() == 1 && s.world.server.journal.rows().len() == 1
        });
        for device in 0..3 {
            s.check("no error", |s| s.problems(device).is_empty());
        }
    });
}

/// 6: A deletes f, B only touches its mtime or its executable bit: the delete wins.
#[test]
fn one_deletes_and_the_other_touches_only_and_the_delete_wins() {
    both_orders(a_file, |s, d| _ = s.delete(d, "f"), |s, d| _ = s.touch(d, "f", 7), ["", ""]);
    both_orders(a_file, |s, d| _ = s.delete(d, "f"), |s, d| _ = s.chmod(d, "f", true), ["", ""]);
}

/// 7: A deletes f and makes identical bytes again within the window: no visible change.
#[test]
fn a_file_deleted_and_made_again_with_the_same_bytes_is_no_change() {
    let mut s = Scenario::new(3);
    s.write(0, "f", "old").settle().mark().delete(0, "f").wait(200).write(0, "f", "old");
    s.everywhere("f=old").check("nothing is sent", |s| s.new_entries() == 0);
    s.check("nothing changes elsewhere", |s| s.changes(1) + s.changes(2) == 0);
}

/// 8: A makes n.txt, B makes n.txt, the same bytes: merged, no copy.
#[test]
fn both_make_a_file_with_the_same_bytes_and_they_merge() {
    every_order(
        |_| {},
        &[&|s, d| _ = s.write(d, "n.txt", "same"), &|s, d| _ = s.write(d, "n.txt", "same")],
        |s, _| _ = s.everywhere("n.txt=same").check("one creation", |s| s.new_entries() == 1),
    );
}

/// 9: The same with different bytes: a copy, including when B has not yet looked at its own.
#[test]
fn both_make_a_file_with_different_bytes_and_one_becomes_a_copy() {
    both_orders(
        |_| {},
        |s, d| _ = s.write(d, "n.txt", "one"),
        |s, d| _ = s.write(d, "n.txt", "two"),
        ["n (1).txt=two n.txt=one", "n (0).txt=one n.txt=two"],
    );
    let mut s = Scenario::new(3);
    s.hold(1, Hold::Events).write(1, "n.txt", "two").write(0, "n.txt", "one");
    s.until("A's file reaches B's disk", |s| s.changes(1) > 0).wait(500);
    s.release(1, Hold::Events).everywhere("n (1).txt=two n.txt=one");
}

/// 10: A copy is edited on both sides again: a copy of a copy, and names of at most 255 bytes.
#[test]
fn a_copy_that_both_edit_again_becomes_a_copy_of_a_copy_with_a_valid_name() {
    let long = format!("{}.txt", "é".repeat(120));
    let mut s = Scenario::new(3);
    s.write(0, &long, "old").settle();
    for round in 0..4 {
        s.offline(0).offline(1);
        let copies = s.files(0);
        for (index, file) in copies.iter().enumerate() {
            s.write(0, file, &format!("a{round}.{index}")).write(
                1,
                file,
                &format!("b{round}.{index}"),
            );
        }
        s.settle().online(0).settle().online(1).settle().by_the_rules();
        s.check("each became two", |s| s.files(2).len() == 2 * copies.len());
        s.check("all are the same", |s| s.disk(0) == s.disk(1) && s.disk(1) == s.disk(2));
        for file in s.files(2) {
            assert!(file.len() <= 255, "{file}");
        }
    }
}

/// 11: A edits a large file, B edits it during A's upload: A's edit is refused as stale and becomes
/// a copy.
#[test]
fn an_edit_during_the_others_upload_of_the_same_file_leaves_the_upload_a_copy() {
    let (mine, yours) = ("mine, and that is a large content", "yours, which is as large a content");
    let mut s = Scenario::new(3);
    s.write(0, "big", "old").settle().mark();
    s.hold(0, Hold::Uploads).write(0, "big", mine).until_asked(0, "upload");
    s.write(1, "big", yours).wait(2_000).here(2, &format!("big={yours}"));
    s.release(0, Hold::Uploads);
    s.everywhere(&format!("big (0)={mine} big={yours}"));
    s.check("one copy", |s| s.copies() == 1 && s.new_entries() == 2);
}
