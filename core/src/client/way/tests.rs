//! How names are made free on this disk for what the server has there.

use alloc::boxed::Box;
use alloc::format;

use crate::client::bench::{Bench, Known, PIPE, node, state};
use crate::client::event::Event;
use crate::client::record::Intent;
use crate::client::stream::Phase;
use crate::disk::DiskError;
use crate::folding::Folding;
use crate::name::RelPath;
use crate::node::Kind::{Directory as DIR, File as FILE, Symlink as LINK};

const CASE: Folding = Folding { case: true, form: false };

/// What is asked for, and what is wrong, once all was looked at.
#[track_caller]
fn check(known: &[Known], expected: &str) {
    let mut bench = Bench::alone(known);
    bench.start();
    assert_eq!(bench.told(), expected);
}

/// The same on a disk that does not tell upper from lower case.
#[track_caller]
fn check_folding(known: &[Known], expected: &str) {
    let mut bench = Bench::alone(known);
    bench.client.config.folding = CASE;
    bench.start();
    assert_eq!(bench.told(), expected);
}

#[test]
fn a_chain_of_names_moves_from_its_end() {
    let (a, b) = (('a', FILE, "f", "f", "g"), ('b', FILE, "g", "g", "h"));
    check(&[a, b], "rename g (to h) → h");
    // At its end, two trade places.
    let (c, d) = (('c', FILE, "h", "h", "i"), ('d', FILE, "i", "i", "h"));
    let mut bench = Bench::alone(&[a, b, c, d]);
    // No server has two at one name.
    bench.checks = false;
    bench.start();
    assert_eq!(bench.told(), "exchange h (to i), i (to h)");
}

#[test]
fn a_circle_of_names_trades_places() {
    let a = ('a', FILE, "f", "f", "g");
    check(&[a, ('b', FILE, "g", "g", "f")], "exchange f (to g), g (to f)");
    // What is to go on from there was not begun to be moved where it is to be.
    check(
        &[a, ('b', FILE, "g", "g", "h"), ('c', FILE, "h", "h", "f")],
        "exchange f (to g), g (to h)",
    );
}

#[test]
fn names_are_traded_once_it_is_durable_that_both_are() {
    let mut bench = Bench::alone(&[('a', FILE, "f", "f", "g"), ('b', FILE, "g", "g", "f")]);
    // Of one of them it is, since a crash.
    let to = state(FILE, "g").unwrap().place;
    bench.client.trees.set_intent(node('a'), Some(Intent::Move(Box::new(to))));
    bench.client.trees.take_unsaved();
    bench.start();
    assert_eq!(bench.told(), "exchange f (to g), g (to f)");
}

#[test]
fn a_directory_in_a_circle_with_what_is_in_it_is_set_aside() {
    let b = ('b', DIR, "g", "g", "h");
    let (a, c) = (('a', FILE, "b/x", "b/x", "g"), ('c', FILE, "h", "h", "b/x"));
    check(&[a, b, c], "rename g (to g (!)) → g (!)");
}

#[test]
fn what_is_deleted_in_a_directory_that_is_set_aside_goes() {
    let f = ('f', FILE, "b/f", "b/f", "b/f");
    let b = ('b', DIR, "g", "g", "h");
    let (a, c) = (('a', FILE, "b/x", "b/x", "g"), ('c', FILE, "h", "h", "b/x"));
    let mut bench = Bench::alone(&[a, b, c, f]);
    bench.start();
    bench.client.trees.set_remote(node('f'), None);
    bench.done("rename g (to g (!)) → g (!)", 0);
    assert!(bench.told().contains("remove g (!)/f"), "{}", bench.told());
}

#[test]
fn names_are_not_traded_with_what_cannot_be_read_or_is_not_saved() {
    let (a, b) = (('a', FILE, "f", "f", "g"), ('b', FILE, "g=?", "g", "f"));
    let mut bench = Bench::alone(&[a, b]);
    bench.reading = Some(Err(DiskError::Busy));
    bench.start();
    let busy = "Busy: a program has it open for writing";
    assert_eq!(bench.told(), format!("f: {busy}; g: {busy}"));
    bench.reading = Some(Ok("1"));
    bench.wait(1_000);
    assert_eq!(bench.told(), format!("exchange f (to g), g (to f); f: {busy}"));
    // What is to go on from there is durable as it was read, too.
    let mut bench = Bench::alone(&[a, ('b', FILE, "g=?", "g", "h"), ('c', FILE, "h", "h", "f")]);
    bench.reading = Some(Ok("1"));
    bench.start();
    assert_eq!(bench.told(), "exchange f (to g), g (to h)");
}

#[test]
fn people_are_told_that_what_has_its_name_is_open_until_that_is_closed() {
    let mut bench = Bench::alone(&[('a', FILE, "f", "f", "g"), ('b', FILE, "g=?", "", "")]);
    bench.reading = Some(Err(DiskError::Busy));
    bench.start();
    let busy = "Busy: a program has it open for writing";
    assert_eq!(bench.told(), format!("f: {busy}; g: {busy}"));
    bench.reading = Some(Ok("2"));
    bench.wait(1_000);
    assert_eq!(bench.told(), "rename g → g (!) if quiet; tell g (!)");
    // It may be open itself: then it still is, whatever the other waits for.
    let (a, b) = (('a', FILE, "f=?", "f", "g"), ('b', FILE, "g", "g", "x/g"));
    let mut bench = Bench::alone(&[a, b, ('x', DIR, "", "", "x")]);
    bench.put("x", Some(PIPE));
    bench.reading = Some(Err(DiskError::Busy));
    bench.start();
    assert!(bench.told().contains(&format!("f: {busy}")), "{}", bench.told());
    bench.reading = None;
    bench.wait(1_000);
    assert!(bench.told().contains("read f"), "{}", bench.told());
    assert!(bench.told().contains(&format!("f: {busy}")), "{}", bench.told());
}

#[test]
fn what_is_to_be_in_the_directory_that_gets_its_name_is_set_aside() {
    let a = ('a', DIR, "", "", "g");
    check(&[a, ('b', FILE, "g", "g", "a/x")], "rename g (to g (!)) → g (!) if quiet");
    // Or what has the name that it is to have.
    let (b, c) = (('b', FILE, "g", "g", "k"), ('c', FILE, "k", "k", "a/y"));
    check(&[a, b, c], "rename g (to g (!)) → g (!) if quiet");
    // Also where it cannot be there yet.
    let p = ('p', DIR, "~p", "", "a/p");
    check(&[a, ('b', FILE, "g", "g", "p/x"), p], "rename g (to g (!)) → g (!) if quiet");
}

#[test]
fn a_chain_of_names_may_become_a_circle() {
    let (a, b) = (('a', FILE, "f", "f", "g"), ('b', FILE, "g", "g", "h"));
    let mut bench = Bench::alone(&[a, b, ('c', FILE, "h", "h", "k")]);
    bench.put("k", Some(PIPE));
    bench.start();
    let parked = "h: Parked: something that is not synced has its name here";
    assert_eq!(bench.told(), parked);
    bench.client.trees.set_remote(node('c'), state(FILE, "f"));
    bench.wait(1);
    assert_eq!(bench.told(), format!("exchange f (to g), g; {parked}"));
}

#[test]
fn what_waits_for_a_directory_to_go_waits_for_what_is_to_come_out_of_it() {
    let (a, b) = (('a', DIR, "", "", "g"), ('b', FILE, "g", "g", "k"));
    let c = ('c', DIR, "k", "k", "");
    check(&[a, b, c, ('i', FILE, "c/i", "c/i", "a/y")], "rename g (to g (!)) → g (!) if quiet");
    check(&[a, b, c, ('i', FILE, "c/i", "c/i", "")], "remove k/i");
}

#[test]
fn what_is_to_be_in_a_directory_inside_it_waits_for_that_to_come_out() {
    let (a, b) = (('a', DIR, "", "", "g"), ('b', DIR, "g", "g", "x/g"));
    let (x, c) = (('x', DIR, "b/x", "b/x", "k"), ('c', FILE, "k", "k", "a/y"));
    check(&[a, b, c, x], "rename g (to g (!)) → g (!)");
}

#[test]
fn what_is_in_a_directory_that_goes_comes_out_before_it_gets_that_name() {
    let (a, o) = (('a', DIR, "o/a", "o/a", "g"), ('o', DIR, "g", "g", ""));
    check(&[a, o], "rename g/a (to g (!)) → g (!)");
    // It comes out first, and what is to be in it after it.
    check(&[a, o, ('j', FILE, "o/A", "o/A", "a/y")], "rename g/a (to g (!)) → g (!)");
    // One that is elsewhere waits.
    let i = ('i', FILE, "o/i", "o/i", "");
    check(&[('a', FILE, "f", "f", "g"), o, i], "remove g/i");
    // What a user moved into it stays there: the deletion of it is not the last word.
    check(&[('a', DIR, "f", "f", "g"), o, ('i', FILE, "o/i", "a/i", "a/i")], "");
}

#[test]
fn what_is_to_go_into_the_directory_that_comes_comes_out_of_the_one_that_goes() {
    let (a, o) = (('a', DIR, "", "", "g"), ('o', DIR, "g", "g", ""));
    check(&[a, o, ('i', FILE, "o/i", "o/i", "a/i")], "rename g/i (to i (!)) → i (!) if quiet");
    // Or what has the name that it is to have is to go there.
    let (i, c) = (('i', FILE, "o/i", "o/i", "h"), ('c', FILE, "h", "h", "a/y"));
    check(&[a, c, i, o], "rename g/i (to h (!)) → h (!) if quiet");
    // Also where it cannot be there yet.
    let p = ('p', DIR, "~p", "", "a/p");
    check(&[a, ('i', FILE, "o/i", "o/i", "p/x"), o, p], "rename g/i (to i (!)) → i (!) if quiet");
}

#[test]
fn people_are_told_what_keeps_a_deleted_directory_at_a_name_that_is_wanted() {
    let known = [('a', LINK, "", "", "g"), ('o', DIR, "g", "g", "")];
    let mut bench = Bench::alone(&known);
    bench.start();
    assert_eq!(bench.told(), "remove g");
    bench.put("g/pipe", Some(PIPE));
    bench.fails("remove g", DiskError::NotEmpty);
    bench.wait(1_000);
    let told = "g: Parked: what is not synced is still in the directory that has its name here";
    assert_eq!(bench.told(), format!("remove g; {told}"));
    let mut bench = Bench::alone(&known);
    bench.start();
    bench.fails("remove g", DiskError::Denied("not yours".into()));
    let told = "g: Parked: what has its name here was deleted, and cannot go yet";
    assert_eq!(
        bench.told(),
        format!("remove g; g: Unwritable: permission denied: not yours; {told}")
    );
}

#[test]
fn what_is_not_synced_keeps_its_name_until_it_is_gone() {
    let a = ('a', LINK, "", "", "g");
    let b = ('b', LINK, "", "", "G");
    let known = |at| if at == "g" { a } else { b };
    let parked = "Parked: something that is not synced has its name here";
    for (at, case, told) in [
        ("g", false, format!("g: {parked}")),
        ("G", true, format!("G: {parked}")),
        ("G", false, "link G".into()),
    ] {
        let mut bench = Bench::alone(&[known(at)]);
        bench.client.config.folding.case = case;
        bench.put("g", Some(PIPE));
        bench.start();
        assert_eq!(bench.told(), told);
        bench.put("g", None);
        bench.tell(Event::Overflowed(RelPath::root()));
        assert_eq!(bench.told(), format!("link {at}"));
    }
    check_folding(&[a], "link g");
}

#[test]
fn only_what_waits_for_a_name_is_tried_again_when_that_is_free() {
    let mut bench = Bench::alone(&[('a', LINK, "", "", "a"), ('b', LINK, "", "", "B")]);
    bench.client.config.folding = CASE;
    bench.put("b", Some(PIPE));
    bench.start();
    bench.fails("link a", DiskError::InvalidName("odd".into()));
    bench.put("b", None);
    bench.looks_for_overflow("");
    let told = "link a; link B; a: Parked: this disk cannot hold that name: odd";
    assert_eq!(bench.told(), told);
}

#[test]
fn on_a_disk_that_takes_both_names_for_one_the_second_waits() {
    let told = "F: Parked: this disk takes another name for F, and has that";
    check_folding(&[('a', LINK, "", "", "F"), ('b', FILE, "f", "f", "f")], told);
    check_folding(&[('a', LINK, "", "", "F"), ('b', FILE, "f", "e", "e")], told);
    // Others that are there do not matter, nor does its own old name.
    check_folding(&[('a', LINK, "", "", "F"), ('b', FILE, "x", "x", "x")], "link F");
    check_folding(&[('a', FILE, "f", "f", "F")], "rename f (to F) → F");
}

#[test]
fn what_is_here_already_is_taken_for_what_comes() {
    let a = ('a', FILE, "", "", "g");
    // Until it is read, nothing is fetched.
    let mut bench = Bench::alone(&[a, ('b', FILE, "g=?", "", "")]);
    bench.client.stream.phase = Phase::Live;
    bench.start();
    assert_eq!(bench.told(), "read g");
    bench.reads("read g", "1");
    bench.wait(1_000);
    assert_eq!(bench.told(), "read g");
    // What cannot be the very same does not keep it from being fetched.
    for b in [('b', FILE, "g=2", "", ""), ('b', FILE, "g", "g", ""), ('b', DIR, "g", "", "")] {
        let mut bench = Bench::alone(&[a, b]);
        bench.client.stream.phase = Phase::Live;
        bench.start();
        assert!(bench.told().starts_with("fetch"), "{b:?}: {}", bench.told());
    }
    check(&[('a', DIR, "", "", "d"), ('b', DIR, "d", "", "")], "");
    check(&[('a', LINK, "", "", "l"), ('b', LINK, "l", "", "")], "");
}

#[test]
fn what_cannot_be_the_same_is_set_aside_at_once() {
    let told = "rename g → g (!) if quiet; tell g (!)";
    check(&[('a', DIR, "", "", "g"), ('b', FILE, "g=?", "", "")], told);
    let known = [('a', LINK, "", "", "g"), ('b', LINK, "g=2", "", "")];
    let told = "rename g → g (!); tell g (!)";
    check(&known, told);
    // What could not be is tried again later.
    let mut bench = Bench::alone(&known);
    bench.start();
    bench.fails("rename g → g (!)", DiskError::Changed);
    assert_eq!(bench.told(), told);
    bench.wait(1_000);
    assert_eq!(bench.told(), format!("{told}; {told}"));
}

#[test]
fn the_name_of_a_conflict_copy_is_free_here_and_at_the_server() {
    const SAME: &str = "g (conflict, desk, 0000-00-00 0000)";
    const ALIKE: &str = "G (conflict, desk, 0000-00-00 0000)";
    let (a, b) = (('a', LINK, "", "", "g"), ('b', LINK, "g=2", "", ""));
    let (first, second) = ("rename g → g (!); tell g (!)", "rename g → g (! 2); tell g (! 2)");
    check_folding(&[a, b], first);
    for (name, exact, folded) in [(SAME, second, second), (ALIKE, first, second)] {
        let here = ('c', LINK, name, name, name);
        check(&[a, b, here], exact);
        check_folding(&[a, b, here], folded);
        let (there, link) = (('c', LINK, "", "", name), format!("link {} (!)", &name[..1]));
        check(&[a, b, there], &format!("{exact}; {link}"));
        check_folding(&[a, b, there], &format!("{folded}; {link}"));
    }
}
