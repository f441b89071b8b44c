//! A crash while this disk was changed: what is then asked for, by whether the change was made.

use super::*;
use crate::client::bench::{
    Bench, ROOT, agreed, begun, coming, dir, executable, file, found, known, link, linked, node,
    place as at, written_at,
};
use crate::client::event::Event;

/// What stands at a path when the engine begins again, if that is not as it was known; a number for
/// each inode.
type Stands<'a> = (&'a str, Option<(u64, &'a State)>);

/// Crashed, with this on the disk, and yet to be started.
fn crashed(records: &[(NodeId, Record)], stands: &[Stands]) -> Bench {
    let mut bench = Bench::of(records.to_vec());
    for (at, seen) in stands {
        bench.put(at, seen.map(|(number, state)| found(number, &state.body)));
    }
    bench
}

/// The same, started.
fn after_crash(records: &[(NodeId, Record)], stands: &[Stands]) -> Bench {
    let mut bench = crashed(records, stands);
    bench.tell(Event::Started);
    bench
}

/// What is asked for once these files were read.
#[track_caller]
fn check(
    records: &[(NodeId, Record)],
    stands: &[Stands],
    reads: &[(&str, &str)],
    expected: &[&str],
) {
    let mut bench = after_crash(records, stands);
    bench.wait(2_500);
    for (at, bytes) in reads {
        bench.reads(&alloc::format!("read {at}"), bytes);
        bench.wait(2_500);
    }
    bench.check(expected);
    if expected.is_empty() {
        assert_eq!((bench.client.unrest(), bench.problems().len()), (None, 0));
    }
}

fn place(state: &State) -> Intent {
    Intent::Place(state.clone().into())
}

#[test]
fn a_file_that_was_new_is_known_by_its_bytes_whatever_has_become_of_it_at_the_server() {
    let [placed, newer, users] = ["one", "seven..", "two"].map(|bytes| file(ROOT, "f", bytes));
    let there = |state: &State| [begun(coming(1, state), place(&placed))];
    let stands = |state| [("f", Some((7, state)))];
    check(&there(&placed), &stands(&placed), &[("f", "one")], &[]);
    check(&there(&newer), &stands(&placed), &[("f", "one")], &["fetch 7 bytes"]);
    // It was not placed.
    check(&there(&newer), &[], &[], &["fetch 7 bytes"]);
    // Nor is it what a user has put there.
    check(&there(&newer), &stands(&users), &[("f", "two")], &["fetch 7 bytes", "upload f"]);
}

#[test]
fn what_was_placed_over_a_file_is_agreed_on_and_what_a_user_wrote_is_kept() {
    let [was, placed, newest, users] =
        ["one", "seven..", "nine nine", "a user's"].map(|bytes| file(ROOT, "f", bytes));
    let there =
        |state: &State| [begun(known(1, Some(&was), Some(&was), Some(state)), place(&placed))];
    let stands = [("f", Some((7, &placed)))];
    check(&there(&placed), &stands, &[("f", "seven..")], &[]);
    check(&there(&newest), &stands, &[("f", "seven..")], &["fetch 9 bytes"]);
    check(&there(&placed), &[], &[], &["fetch 7 bytes"]);
    let written = [("f", Some((7, &users)))];
    let both = ["upload f", "fetch 7 bytes"];
    check(&there(&placed), &written, &[("f", "a user's")], &both);
}

#[test]
fn what_was_placed_and_moved_on_is_met_where_it_is() {
    let [placed, newer, users] = ["one", "seven..", "two"].map(|bytes| file(ROOT, "f", bytes));
    let there = |state: &State| begun(coming(1, state), place(&placed));
    let moved = ("g", Some((7, &placed)));
    check(&[there(&placed)], &[moved], &[("g", "one")], &["upload g", "send move 1 to g"]);
    let both = ["upload g", "fetch 7 bytes", "send move 1 to g"];
    check(&[there(&newer)], &[moved], &[("g", "one")], &both);
    // These bytes are a user's.
    check(
        &[there(&newer)],
        &[("g", Some((7, &users)))],
        &[("g", "two")],
        &["fetch 7 bytes", "upload g"],
    );
    // It may be either.
    let two = [moved, ("h", Some((8, &users)))];
    check(
        &[there(&newer)],
        &two,
        &[("g", "one"), ("h", "two")],
        &["fetch 7 bytes", "upload g", "upload h"],
    );
    // It is longer, or was known before.
    check(
        &[there(&placed)],
        &[("g", Some((7, &newer)))],
        &[("g", "seven..")],
        &["fetch one", "upload g"],
    );
    let before = known(2, Some(&file(ROOT, "g", "one")), None, None);
    check(&[there(&newer), before], &[], &[], &["fetch 7 bytes", "upload g"]);
    // It is another's, which was placed, too.
    let other = file(ROOT, "g", "two");
    let both = [there(&newer), begun(coming(2, &other), place(&other))];
    check(&both, &[("g", Some((7, &other)))], &[("g", "two")], &["fetch 7 bytes"]);
}

#[test]
fn what_was_placed_and_moved_on_is_told_from_others_that_are_new_or_alike() {
    let [placed, other] = ["one", "seven.."].map(|bytes| file(ROOT, "f", bytes));
    let record = begun(coming(1, &placed), place(&placed));
    let later = written_at(1, placed.clone());
    let moved = ("g", Some((7, &placed)));
    for beside in [&other, &later] {
        let stands = [moved, ("h", Some((8, beside)))];
        let mut bench = after_crash(core::slice::from_ref(&record), &stands);
        bench.wait(2_500);
        bench.reads("read g", "one");
        assert_eq!(bench.id("g"), Some(node(1)), "{beside:?}");
    }
    // One that the server has.
    let alike = agreed(2, &file(ROOT, "h", "one"));
    let mut bench = after_crash(&[record.clone(), alike], &[]);
    bench.wait(2_500);
    bench.check(&["fetch one"]);
    // One that has another name, too.
    let mut bench = Bench::of([record]);
    bench.put("g", Some(linked(found(7, &placed.body))));
    bench.tell(Event::Started);
    bench.wait(2_500);
    bench.reads("read g", "one");
    bench.check(&["fetch one", "upload g"]);
}

#[test]
fn a_new_directory_is_not_taken_for_one_that_was_to_be_made_elsewhere() {
    let (d, e) = (dir(ROOT, "d"), dir(ROOT, "e"));
    let records = [begun(coming(1, &d), place(&d))];
    check(&records, &[("d", Some((7, &d)))], &[], &[]);
    check(&records, &[("e", Some((7, &e)))], &[], &["make d", "send create new as e"]);
}

#[test]
fn a_file_that_is_not_at_its_name_any_more_is_waited_for() {
    let [was, placed] = ["one", "seven.."].map(|bytes| file(ROOT, "f", bytes));
    let record = begun(known(1, Some(&was), Some(&was), Some(&placed)), place(&placed));
    let mut bench = after_crash(&[record], &[("f", None)]);
    bench.wait(300);
    bench.change("g", Some(found(7, &placed.body)));
    bench.wait(200);
    bench.reads("read g", "seven..");
    bench.wait(2_500);
    bench.check(&["upload g", "send move 1 to g"]);
}

#[test]
fn a_removal_is_not_taken_for_a_users() {
    let was = file(ROOT, "f", "one");
    let there = |state| [begun(known(1, Some(&was), Some(&was), state), Intent::Remove)];
    check(&there(None), &[("f", None)], &[], &[]);
    check(&there(None), &[], &[], &["remove f"]);
    // By now the server has it again.
    check(&there(Some(&was)), &[("f", None)], &[], &["fetch one"]);
    check(&there(Some(&was)), &[], &[], &[]);
}

#[test]
fn a_move_is_not_taken_for_a_users() {
    let [from, to] = ["from", "to"].map(|at| file(ROOT, at, "one"));
    let moves = |there| {
        let record = known(1, Some(&from), Some(&from), Some(there));
        [begun(record, Intent::Move(to.place.clone().into()))]
    };
    let moved = [("from", None), ("to", Some((1, &to)))];
    check(&moves(&to), &moved, &[], &[]);
    check(&moves(&to), &[], &[], &["rename from (to to) → to"]);
    // By now the server has it where it was.
    check(&moves(&from), &moved, &[], &["rename to (to from) → from"]);
    check(&moves(&from), &[], &[], &[]);
    // It is still being looked for.
    check(&moves(&from), &[("from", None)], &[], &["send delete 1"]);
}

/// A directory `d` that cannot be read after the crash, and something in it or on its way there.
fn after_crash_unseen(record: (NodeId, Record), stands: &[Stands]) -> Bench {
    let mut bench = crashed(&[agreed(3, &dir(ROOT, "d")), record], stands);
    bench.deny("d");
    bench.tell(Event::Started);
    bench.wait(7_000);
    bench.check(&[]);
    bench.failing.clear();
    bench.wait(7_000);
    bench
}

#[test]
fn a_move_to_where_nothing_can_be_seen_is_not_taken_for_a_deletion() {
    let (from, to) = (file(ROOT, "from", "one"), file(node(3), "to", "one"));
    let record = known(1, Some(&from), Some(&from), Some(&to));
    let record = begun(record, Intent::Move(to.place.clone().into()));
    let moved = [("from", None), ("d/to", Some((1, &to)))];
    let mut bench = after_crash_unseen(record.clone(), &moved);
    bench.check(&[]);
    assert_eq!((bench.id("d/to"), bench.problems().len()), (Some(node(1)), 0));
    bench.change("d/to", None);
    bench.wait(2_500);
    bench.check(&["send delete 1"]);
    // It was not moved, but deleted: the server's move keeps it.
    after_crash_unseen(record, &[("from", None)]).check(&["fetch one"]);
}

#[test]
fn what_was_placed_where_nothing_can_be_seen_is_not_taken_for_a_users() {
    let [was, placed, newest] =
        ["one", "seven..", "nine nine"].map(|bytes| file(node(3), "f", bytes));
    let record = begun(known(1, Some(&was), Some(&was), Some(&newest)), place(&placed));
    let mut bench = after_crash_unseen(record, &[("d/f", Some((7, &placed)))]);
    bench.reads("read d/f", "seven..");
    bench.check(&["fetch 9 bytes"]);
}

/// It was taken for deleted as soon as its name was seen to be free, and then met as something new.
#[test]
fn what_was_moved_to_where_nobody_can_look_is_waited_for() {
    let closed = || agreed(1, &dir(ROOT, "closed"));
    let begun_move = |of: u8, was: &State, to: &State| {
        begun(known(of, Some(was), Some(was), Some(to)), Intent::Move(to.place.clone().into()))
    };
    #[track_caller]
    fn check(records: &[(NodeId, Record)], stands: &[Stands], at: &str) {
        let mut bench = crashed(records, stands);
        bench.deny("closed");
        bench.tell(Event::Started);
        bench.wait(4_000);
        assert!(bench.client.trees.get(node(3)).present().is_some());
        assert!(!bench.client.is_missing_any(), "nobody waits for what cannot be seen");
        bench.failing.clear();
        bench.wait(10_000);
        bench.check(&[]);
        assert_eq!(bench.id(at), Some(node(3)));
    }
    let (was, to) = (file(ROOT, "f", "one"), file(node(1), "g", "one"));
    let stands = [("f", None), ("closed/g", Some((3, &to)))];
    check(&[closed(), begun_move(3, &was, &to)], &stands, "closed/g");
    // The directory that it was in was then removed.
    let d = dir(ROOT, "d");
    let was = file(node(2), "f", "one");
    let removed = begun(known(2, Some(&d), Some(&d), None), Intent::Remove);
    let stands = [("d", None), ("closed/g", Some((3, &to)))];
    check(&[closed(), removed, begun_move(3, &was, &to)], &stands, "closed/g");
    // The directory that it is in was then moved.
    let moved = dir(node(1), "e");
    let (was, to) = (file(ROOT, "f", "one"), file(node(2), "g", "one"));
    let stands = [("f", None), ("d", None), ("closed/e", Some((2, &moved)))];
    let stands = [&stands[..], &[("closed/e/g", Some((3, &to)))]].concat();
    let both = [begun_move(2, &d, &moved), begun_move(3, &was, &to)];
    check(&[&[closed()], &both[..]].concat(), &stands, "closed/e/g");
}

/// It is begun once more, after a crash, when what is in it was not known yet.
#[test]
fn a_move_that_overrules_a_users_waits_until_what_that_one_keeps_is_saved() {
    let [agreed, users, servers] = ["d", "a", "c"].map(|at| dir(ROOT, at));
    let inside = file(node(1), "f", "one");
    let moved = known(1, Some(&users), Some(&agreed), Some(&servers));
    let mut bench = Bench::of([
        begun(moved, Intent::Move(servers.place.clone().into())),
        known(2, Some(&inside), Some(&inside), None),
    ]);
    (bench.saves, bench.resume) = (false, None);
    bench.tell(Event::Started);
    bench.check(&["save"]);
    bench.done("save", 0);
    bench.check(&["rename a (to c) → c"]);
}

#[test]
fn an_executable_bit_is_not_taken_for_a_users() {
    let was = file(ROOT, "f", "one");
    let set = executable(was.clone());
    let sets =
        |there| [begun(known(1, Some(&was), Some(&was), Some(there)), Intent::SetExecutable(true))];
    let was_set = [("f", Some((1, &set)))];
    check(&sets(&set), &was_set, &[], &[]);
    check(&sets(&set), &[], &[], &["mode f +x"]);
    // By now the server has it as it was.
    check(&sets(&was), &was_set, &[], &["mode f"]);
    check(&sets(&was), &[], &[], &[]);
}

#[test]
fn what_was_placed_and_is_deleted_at_the_server_by_now_goes_though_another_has_its_name() {
    let (f, d) = (file(ROOT, "f", "one"), dir(ROOT, "f"));
    let records = [begun(known(1, None, None, None), place(&f)), coming(2, &d)];
    check(&records, &[("f", Some((7, &f)))], &[("f", "one")], &["upload f", "remove f"]);
}

/// What the server has new, and how it is asked for: as a symlink, and as a file.
fn placings() -> [(State, &'static str); 2] {
    let symlink = State { place: at(ROOT, "l"), body: link("to") };
    [(symlink, "link l"), (file(ROOT, "l", "one"), "place one at l")]
}

/// The engine is killed before it was placed, while a user's that is alike stands beside it.
#[track_caller]
fn check_killed(mut bench: Bench, placing: &str) {
    bench.reading = Some(Ok("one"));
    bench.take(placing);
    bench.kill();
    bench.check(&[placing, "send create new as users"]);
}

/// It had been seen, but not for long enough to be saved.
#[test]
fn what_was_here_when_a_placing_began_is_not_that_moved_on() {
    for (new, placing) in placings() {
        let mut bench = Bench::quick([coming(1, &new)]);
        bench.put("users", Some(found(7, &new.body)));
        bench.tell(Event::Started);
        check_killed(bench, placing);
    }
}

/// It came while that the placing began was being saved.
#[test]
fn what_was_here_before_a_placing_was_asked_for_is_not_that_moved_on() {
    for (new, placing) in placings() {
        let mut bench = Bench::quick([coming(1, &new)]);
        bench.saves = false;
        bench.tell(Event::Started);
        bench.change("users", Some(found(7, &new.body)));
        bench.done("save", 0);
        bench.check(&["save"]);
        bench.done("save", 0);
        bench.saves = true;
        check_killed(bench, placing);
    }
}
