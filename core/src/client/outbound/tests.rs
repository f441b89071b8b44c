//! What is asked of the server, when, and what becomes of it.

use alloc::format;
use alloc::string::{String, ToString};

use super::*;
use crate::client::bench::{
    Bench, OTHER, ROOT, agreed, coming, dir, file, found, here, known, node, path, stamp,
};
use crate::client::event::Event;
use crate::client::record::Record;
use crate::disk::{DiskError, Seen};
use crate::node::{Kind, State};
use crate::operation::MAX_INLINE_BYTES;
use crate::protocol::Resume;

mod cycles;

/// Someone makes a directory, and that has settled.
fn make(bench: &mut Bench, number: u64, at: &str) {
    bench.change(at, Some(found(number, &Body::Directory)));
    bench.wait(200);
}

#[test]
fn a_new_name_is_sent_when_it_has_settled_and_the_server_hears() {
    let mut bench = Bench::started([]);
    bench.change("d", Some(found(7, &Body::Directory)));
    bench.wait(50);
    bench.check(&[]);
    bench.wait(200);
    bench.check(&["send create new as d"]);
    assert_eq!(bench.client.unrest().as_deref(), Some("changes are being sent"));
    // One at a time.
    make(&mut bench, 8, "e");
    bench.check(&["send create new as d"]);
    bench.accept("send create new as d");
    bench.check(&["send create new as e"]);
    bench.accept("send create new as e");
    assert_eq!(bench.client.unrest(), None);
    bench.resume = None;
    bench.tell(Event::Disconnected("lost".into()));
    make(&mut bench, 9, "f");
    bench.check(&[]);
    bench.resume = Some(Resume::Entries);
    bench.wait(5_000);
    bench.check(&["send create new as f"]);
}

#[test]
fn what_shows_a_copy_of_this_device_is_durable_before_the_first_commit() {
    let mut bench = Bench::started([]);
    bench.change("d", Some(found(7, &Body::Directory)));
    bench.wait(50);
    bench.saves = false;
    bench.wait(200);
    // First what is to be sent, then as whom.
    bench.check(&["save"]);
    bench.done("save", 0);
    bench.check(&["save"]);
    assert_eq!(bench.client.unrest().as_deref(), Some("changes are being sent"));
    bench.done("save", 0);
    bench.check(&["send create new as d"]);
}

#[test]
fn what_is_gone_before_a_commit_can_go_up_is_not_sent() {
    let mut bench = Bench::started([]);
    bench.change("d", Some(found(7, &Body::Directory)));
    bench.wait(50);
    bench.saves = false;
    bench.wait(200);
    bench.done("save", 0);
    bench.change("d", None);
    bench.saves = true;
    bench.done("save", 0);
    bench.check(&[]);
    assert_eq!(bench.client.unrest(), None);
}

/// What is asked for where these were moved here, and nowhere else.
#[track_caller]
fn check_moved(nodes: &[(u8, &State, &State)], expected: &[&str]) {
    let moved = |&(number, here, was): &(u8, &State, &State)| {
        known(number, Some(here), Some(was), Some(was))
    };
    let mut bench = Bench::started(nodes.iter().map(moved));
    bench.wait(500);
    bench.check(expected);
}

#[test]
fn moves_go_together_only_where_none_can_go_first() {
    let [a, b] = ["a", "b"].map(|at| dir(ROOT, at));
    // Into a directory that moves, too.
    let (from, to) = (file(ROOT, "f", "one"), file(node(1), "f", "one"));
    check_moved(&[(1, &b, &a), (2, &to, &from)], &["send move 1 to b, move 2 to b/f"]);
    // `a/b/c` becomes `c/a`, and what was between stays in it.
    let (inside, between) = (dir(node(3), "c"), dir(node(1), "b"));
    let (outer, inner) = (dir(node(2), "a"), dir(ROOT, "c"));
    check_moved(
        &[(1, &outer, &a), (2, &inner, &inside), (3, &between, &between)],
        &["send move 1 to c/a + move 2 to c"],
    );
}

#[test]
fn nothing_is_sent_while_the_folder_is_not_there() {
    let mut bench = Bench::started([]);
    make(&mut bench, 7, "d");
    make(&mut bench, 8, "e");
    bench.looks = false;
    bench.change("e", Some(found(8, &Body::Directory)));
    bench.fails_to_look("look ", DiskError::RootGone("unplugged".into()));
    bench.accept("send create new as d");
    bench.check(&[]);
    bench.looks = true;
    bench.wait(6_000);
    bench.check(&["send create new as e"]);
}

#[test]
fn nothing_is_sent_before_the_rules_that_may_hide_it_are_here() {
    let mut bench = Bench::started([coming(1, &file(ROOT, ".onefoldignore", "one"))]);
    make(&mut bench, 7, "d");
    bench.check(&["fetch one"]);
    bench.done("fetch one", 0);
    bench.done("place one at .onefoldignore", 1);
    bench.check(&["send create new as d"]);
}

#[test]
fn a_commit_whose_outcome_is_not_known_is_sent_again_unless_a_snapshot_tells() {
    let mut bench = Bench::started([]);
    make(&mut bench, 7, "d");
    let asked = "send create new as d";
    let first = bench.commit(asked);
    bench.reconnect(Resume::Entries);
    assert_eq!(bench.commit(asked), first);
    bench.reconnect(Resume::Snapshot);
    bench.page(3, Vec::new());
    assert_ne!(bench.commit(asked).key, first.key);
}

#[test]
fn a_name_that_something_hidden_has_at_the_server_is_given_up() {
    let f = file(ROOT, "f", "one");
    let mut bench = Bench::started([agreed(1, &f)]);
    let hidden = Seen::Other { stamp: stamp(1, &f.body), kind: Some(Kind::File) };
    bench.put("ignored", Some(hidden));
    bench.put("f", Some(found(7, &Body::Directory)));
    bench.tell(Event::Overflowed(path("")));
    bench.wait(200);
    bench.check(&["rename f → f (!)"]);
}

#[test]
fn as_many_bytes_travel_in_a_commit_as_fit() {
    let mut bench = Bench::started([]);
    make(&mut bench, 200, "first");
    let bytes: String = "x".repeat(MAX_INLINE_BYTES as usize);
    let fit = MAX_COMMIT_BYTES / bytes.len();
    for number in 0..=fit as u64 {
        let at = format!("f{number}");
        bench.put(&at, Some(found(number + 1, &file(ROOT, &at, &bytes).body)));
    }
    bench.tell(Event::Overflowed(path("")));
    bench.wait(2_500);
    while let Some(asked) = bench.asks().iter().find(|asked| asked.starts_with("read")).cloned() {
        bench.reads(&asked, &bytes);
    }
    while let Some(asked) = bench.asks().iter().find(|asked| asked.starts_with("upload")).cloned() {
        bench.uploads(&asked, &bytes);
    }
    bench.accept("send create new as first");
    let asks = bench.asks();
    assert_eq!(bench.commit(&asks[0]).contents.len(), fit);
}

/// One of many nodes, in the order of these numbers.
fn many(number: usize) -> NodeId {
    let mut bytes = [0; 16];
    bytes[..4].copy_from_slice(&(number as u32).to_be_bytes());
    NodeId::from_bytes(bytes)
}

/// The only thing that is asked for.
#[track_caller]
fn only_commit(bench: &mut Bench) -> Commit {
    let asks = bench.asks();
    assert_eq!(asks.len(), 1);
    bench.commit(&asks[0])
}

#[test]
fn names_of_more_files_than_a_commit_has_operations_move_along_together() {
    let count = MAX_OPERATIONS + 1;
    let moved = |number: usize| {
        let at = |number: usize| file(ROOT, &format!("f{number:04}"), "one");
        let (was, now) = (at(number), at(number + 1));
        let local = here(number as u64, &now);
        (many(number), Record::of(local, Some(was.clone()), Some(was)))
    };
    let mut bench = Bench::started((1..=count).map(moved));
    bench.wait(5_000);
    let operations = only_commit(&mut bench).operations;
    assert_eq!((operations.len(), operations[0].steps.len()), (1, count));
}

#[test]
fn no_more_operations_go_in_a_commit_than_may() {
    let count = MAX_OPERATIONS + 2;
    // The last but two is in the last but one, and that in the last.
    let made = |number: usize| {
        let parent = if number + 2 < count { ROOT } else { many(number + 1) };
        let parent = if number == count { ROOT } else { parent };
        let local = here(number as u64, &dir(parent, &format!("d{number:04}")));
        (many(number), Record::of(local, None, None))
    };
    let mut bench = Bench::of((1..=count).map(made));
    bench.resume = None;
    bench.tell(Event::Started);
    bench.wait(5_000);
    bench.resume = Some(Resume::Entries);
    bench.wait(10_000);
    assert_eq!(only_commit(&mut bench).operations.len(), MAX_OPERATIONS);
}

#[track_caller]
fn check_to_send(bench: &Bench, expected: (u64, u64)) {
    assert_eq!(bench.client.status().uploading, expected);
}

#[test]
fn what_is_to_be_sent_is_counted_until_it_was_taken() {
    let files = (1..).zip(["1", "22", "333", "4444", "55555", "666666"]);
    let new = |(number, bytes): (u8, &str)| {
        known(number, Some(&file(ROOT, &number.to_string(), bytes)), None, None)
    };
    let mut bench = Bench::started(files.map(new));
    bench.wait(200);
    bench.check(&["upload 1", "upload 2", "upload 3", "upload 4"]);
    check_to_send(&bench, (6, 21));
    assert_eq!(bench.client.unrest().as_deref(), Some("changes are being sent"));
    // It travels in the commit.
    bench.uploads("upload 1", "1");
    check_to_send(&bench, (6, 21));
    // These are at the server, and wait for the next commit.
    bench.done("upload 2", 0);
    bench.done("upload 3", 0);
    check_to_send(&bench, (6, 16));
    bench.check(&["send create 1 as 1", "upload 4", "upload 5", "upload 6"]);
    // It is written anew while it goes up.
    bench.change("4", Some(found(4, &file(ROOT, "4", "seven..").body)));
    check_to_send(&bench, (6, 19));
    for at in ["4", "5", "6"] {
        bench.done(&format!("upload {at}"), 0);
    }
    bench.reads("read 4", "seven..");
    bench.accept("send create 1 as 1");
    check_to_send(&bench, (5, 7));
    bench.done("upload 4", 0);
    bench.accept("send create 2 as 2, create 3 as 3, create 5 as 5, create 6 as 6");
    check_to_send(&bench, (1, 0));
    bench.accept("send create 4 as 4");
    check_to_send(&bench, (0, 0));
    assert_eq!(bench.client.unrest(), None);
}

#[test]
fn what_is_as_it_was_when_it_went_up_is_counted_once_while_another_version_goes_up() {
    let mut bench = Bench::started([agreed(1, &file(ROOT, "f", "one"))]);
    make(&mut bench, 200, "first");
    for (number, bytes) in [(2, "22"), (3, "333"), (4, "22")] {
        bench.change("f", Some(found(number, &file(ROOT, "f", bytes).body)));
        bench.reads("read f", bytes);
        if number == 2 {
            bench.uploads("upload f", bytes);
        }
    }
    bench.check(&["send create new as first", "upload f"]);
    check_to_send(&bench, (2, 2));
}

#[test]
fn what_the_server_refuses_is_asked_for_again_only_after_a_while() {
    let mut bench = Bench::started([]);
    make(&mut bench, 7, "d");
    bench.refuse("send create new as d", Refusal::Stale);
    bench.check(&[]);
    bench.wait(300);
    bench.refuse("send create new as d", Refusal::ReadOnly);
    bench.check(&[]);
    assert_eq!(bench.problems(), [("d".into(), ProblemKind::Refused)]);
    // What is in it waits with it, and people were told.
    make(&mut bench, 8, "d/e");
    assert_eq!(bench.client.unrest(), None);
    bench.wait(600);
    bench.accept("send create new as d, create new as d/e");
    assert_eq!((bench.problems().len(), bench.client.unrest()), (0, None));
}

#[test]
fn what_a_commit_is_made_on_is_acknowledged_and_nothing_later_before_its_outcome() {
    let mut bench = Bench::started([coming(1, &dir(ROOT, "a")), coming(2, &dir(ROOT, "b"))]);
    let delete = |number| [Step::Delete { node: node(number) }];
    bench.hear(OTHER, delete(1));
    make(&mut bench, 7, "d");
    bench.hear(OTHER, delete(2));
    bench.wait(5_000);
    assert_eq!(bench.acknowledged, [1]);
    bench.accept("send create new as d");
    bench.wait(5_000);
    assert_eq!(bench.acknowledged, [1, 3]);
}

/// A folder of thirty files.
fn thirty() -> Bench {
    let files = (1..=30).map(|number| agreed(number, &file(ROOT, &format!("f{number}"), "one")));
    Bench::started(files)
}

/// Someone deletes these of them.
fn delete(bench: &mut Bench, files: core::ops::RangeInclusive<u8>) {
    for number in files {
        bench.put(&format!("f{number}"), None);
    }
    bench.tell(Event::Overflowed(path("")));
    bench.wait(3_000);
}

#[test]
fn deletions_on_their_way_and_such_as_went_count_among_those_that_a_person_is_asked_about() {
    for accepted in [false, true] {
        let mut bench = thirty();
        delete(&mut bench, 1..=15);
        let asked = bench.asks()[0].clone();
        if accepted {
            bench.accept(&asked);
        }
        delete(&mut bench, 16..=29);
        assert_eq!(bench.problems().len(), 14, "{accepted}");
    }
}

#[test]
fn deletions_that_make_room_for_as_many_files_are_not_asked_about() {
    let mut bench = thirty();
    for number in 1..=15 {
        let at = format!("new{number}");
        bench.put(&at, Some(found(100 + number, &file(ROOT, &at, "two").body)));
    }
    bench.tell(Event::Overflowed(path("")));
    bench.wait(200);
    for doing in ["read", "upload"] {
        while let Some(asked) = bench.asks().into_iter().find(|asked| asked.starts_with(doing)) {
            if doing == "read" {
                bench.reads(&asked, "two");
            } else {
                bench.done(&asked, 0);
            }
        }
    }
    while let Some(asked) = bench.asks().first().cloned() {
        bench.accept(&asked);
    }
    delete(&mut bench, 1..=15);
    let asked = bench.asks()[0].clone();
    bench.accept(&asked);
    delete(&mut bench, 16..=30);
    assert_eq!(bench.problems(), []);
}

#[test]
fn what_has_the_name_of_a_directory_whose_deletion_is_held_waits_and_all_rests() {
    let files =
        (1..=30).map(|number| agreed(number, &file(node(31), &format!("f{number}"), "one")));
    let mut bench = Bench::started(files.chain([agreed(31, &dir(ROOT, "d"))]));
    bench.change("d", None);
    bench.wait(3_000);
    bench.change("d", Some(found(100, &file(ROOT, "d", "two").body)));
    bench.wait(2_000);
    bench.reads("read d", "two");
    assert_eq!(bench.client.unrest().as_deref(), Some("changes are being sent"));
    bench.done("upload d", 0);
    bench.check(&[]);
    assert_eq!(bench.client.unrest(), None);
    assert_eq!(bench.problems(), [("d".into(), ProblemKind::HeldDeletion)]);
}

/// What is asked for of a file at `f` that is written to without rest, and is there at the server.
#[track_caller]
fn check_growing(there: &State, expected: &[&str]) {
    let was = file(ROOT, "f", "one");
    let mut bench = Bench::started([known(1, Some(&was), Some(&was), Some(&was))]);
    let grow = |bench: &mut Bench, bytes: &str| {
        bench.change("f", Some(found(1, &file(ROOT, "f", bytes).body)));
        while bench.asks().contains(&"read f".into()) {
            bench.hashed("read f", Err(DiskError::Busy));
        }
    };
    grow(&mut bench, "three");
    for _ in 0..4 {
        bench.wait(5_000);
        grow(&mut bench, "three");
    }
    bench.reads("read the start of f", "three");
    grow(&mut bench, "three and");
    bench.wait(1_100);
    if there.place != was.place {
        bench.hear(OTHER, [Step::Move { node: node(1), place: there.place.clone() }]);
    }
    bench.reads("read the start of f", "three");
    bench.check(expected);
}

#[test]
fn of_a_file_that_never_rests_its_start_is_sent_unless_it_is_to_be_elsewhere() {
    check_growing(&file(ROOT, "f", "one"), &["read f", "upload f"]);
    check_growing(&file(ROOT, "to", "one"), &["read f", "rename f (to to) → to"]);
}
