//! Where is looked, when, and what follows from looks that fail or are late.

use alloc::format;
use alloc::string::{String, ToString};

use super::*;
use crate::client::bench::{Bench, Known, PIPE, name, node, path, seen, state};
use crate::client::event::Event;
use crate::client::explain::Why;
use crate::client::stream::Phase;
use crate::node::Kind::{self, Directory as DIR, File as FILE, Symlink as LINK};

/// Three directories in each other, and a file in the innermost: all agreed on.
const TREE: [Known; 4] = [
    ('d', DIR, "d", "d", "d"),
    ('e', DIR, "d/e", "d/e", "d/e"),
    ('f', DIR, "e/f", "e/f", "e/f"),
    ('g', FILE, "f/g", "f/g", "f/g"),
];
/// To be made here, once everything was looked at.
const COMING: Known = ('z', LINK, "", "", "z");

fn started(known: &[Known]) -> Bench {
    let mut bench = Bench::alone(known);
    bench.start();
    bench
}

fn live(known: &[Known]) -> Bench {
    let mut bench = Bench::alone(known);
    bench.client.stream.phase = Phase::Live;
    bench
}

#[test]
fn a_hint_has_the_name_looked_at_in_the_last_directory_that_is_known() {
    let check =
        |at: &str, looks: &str| assert_eq!(started(&TREE).looks_for_hint(at), looks, "{at}");
    check("d/e/f/g", "/d/e/f {g}");
    check("d/e/f/new", "/d/e/f {new}");
    check("d/e", "/d {e}");
    check("d", "/ {d}");
    check("new", "/ {new}");
    check("d/new/below", "/d {new}");
    check("d/e/f/g/below", "/d/e/f {g}");
    check("", "/");
}

#[test]
fn where_events_were_lost_all_is_looked_at() {
    let check =
        |at: &str, looks: &str| assert_eq!(started(&TREE).looks_for_overflow(at), looks, "{at}");
    check("", "/ /d /d/e /d/e/f");
    check("d/e", "/d/e /d/e/f");
    check("d/e/f/g", "/d/e/f");
    check("d/new", "/d /d/e /d/e/f");
}

#[test]
fn what_is_wanted_of_a_directory_is_looked_at_at_once() {
    let mut bench = started(&TREE);
    // A single name, and then everything below.
    bench.hint("new", false);
    assert_eq!(bench.looks_for_overflow(""), "/ /d /d/e /d/e/f");
    for (names, all) in [(MAX_NAMES, false), (MAX_NAMES + 1, true)] {
        let mut bench = started(&TREE);
        bench.looked.clear();
        for number in 0..names {
            bench.hint(&number.to_string(), false);
        }
        bench.wait(20);
        assert_eq!((bench.looked.len(), bench.looked[0] == "/"), (1, all), "{names} names");
    }
}

#[test]
fn nothing_is_done_before_everything_was_looked_at() {
    let mut bench = Bench::alone(&[TREE[0], COMING]);
    bench.looks = false;
    bench.start();
    assert_eq!((bench.looked.join(" "), bench.told()), ("/".into(), String::new()));
    bench.hint("new", false);
    bench.answer_look(0);
    assert_eq!((bench.looked.join(" "), bench.told()), ("/ /d".into(), String::new()));
    bench.answer_look(0);
    assert_eq!(bench.told(), "", "there is a hint");
    bench.wait(20);
    bench.answer_look(0);
    assert_eq!((bench.looked.join(" "), bench.told()), ("/ /d / {new}".into(), "link z".into()));
}

#[test]
fn where_the_folder_is_not_there_nothing_is_done_until_it_is() {
    let mut bench = Bench::alone(&[COMING]);
    bench.failing.insert(path(""), DiskError::RootGone("unplugged".into()));
    bench.start();
    assert_eq!(bench.client.status().halted.as_deref(), Some("unplugged"));
    assert_eq!(bench.told(), "");
    bench.failing.clear();
    bench.wait(RETRY_MS);
    assert_eq!((bench.client.status().halted, bench.told()), (None, "link z".into()));
    let mut bench = started(&TREE);
    bench.failing.insert(path(""), DiskError::Gone);
    bench.looks_for_overflow("");
    assert_eq!(bench.told(), ": Unreadable: it is not there any more");
}

#[test]
fn a_directory_that_was_away_for_a_moment_is_looked_at_again() {
    let mut bench = started(&TREE);
    bench.put("d", None);
    assert_eq!(bench.looks_for_hint("d/new"), "/d {new}");
    bench.wait(20);
    assert_eq!(bench.looked.join(" "), "/d {new} / {d}");
    bench.put("d", Some(seen('d', DIR)));
    bench.put("d/new", Some(seen('n', FILE)));
    bench.looked.clear();
    bench.wait(ELSEWHERE_MS);
    assert_eq!(bench.looked.join(" "), "/d {new}");
    bench.wait(DELETION_MS);
    assert_ne!(bench.client.explain(&path("d/new")).why, Why::NotSeen);
    assert_eq!(bench.client.explain(&path("d/e/f/g")).why, Why::InSync);
}

#[test]
fn what_cannot_be_read_is_no_problem_once_it_is_gone() {
    let mut bench = started(&TREE[..1]);
    bench.looks = false;
    assert_eq!(bench.looks_for_hint("d/new"), "/d {new}");
    bench.client.trees.set_remote(node('d'), None);
    bench.tell(Event::Ticked);
    bench.done("remove d", 0);
    bench.deny("d");
    bench.answer_look(0);
    assert_eq!(bench.told(), "remove d");
}

#[test]
fn what_is_in_a_directory_is_unknown_until_all_of_it_was_looked_at_again() {
    let unknown = Why::Unknown(path("d"));
    let why = |bench: &Bench| bench.client.explain(&path("d/e/f/g")).why;
    let mut bench = Bench::alone(&TREE);
    bench.client.trees.set_remote(node('g'), None);
    bench.deny("d");
    bench.start();
    assert_eq!(bench.told(), "d: Unreadable: permission denied: not yours");
    assert_eq!(why(&bench), unknown);
    bench.failing.clear();
    bench.looks = false;
    bench.wait(RETRY_MS);
    // A later hint does not matter.
    assert_eq!(bench.looks_for_hint("new"), "/ {new}");
    for before in [0, 1, 1] {
        assert_eq!((why(&bench), bench.told().contains("remove")), (unknown.clone(), false));
        bench.answer_look(before);
    }
    assert_eq!(bench.told(), "remove d/e/f/g");
}

#[test]
fn a_directory_that_is_another_node_from_now_on_is_still_unreadable() {
    let mut bench = Bench::alone(&[('a', DIR, "", "", "d"), ('b', DIR, "d", "", "")]);
    bench.deny("d");
    bench.looks = false;
    bench.start();
    (0..3).for_each(|_| bench.answer_look(0));
    assert_eq!(bench.looked.join(" "), "/ / {d} /d /d");
    assert_eq!(bench.client.trees.path_here(node('a')), Some(path("d")));
    assert_eq!(bench.told(), "d: Unreadable: permission denied: not yours");
    bench.failing.clear();
    bench.answer_look(0);
    assert_eq!(bench.told(), "");
}

#[test]
fn what_a_change_does_not_find_is_looked_for_everywhere() {
    let there = |kind: Kind| state(kind, "new");
    // It has moved, or a directory above it has.
    for moved in ["d/e/f/g", "d/e/f", "d/e", "d"] {
        let mut bench = Bench::alone(&TREE);
        bench.client.trees.set_remote(node('g'), there(FILE));
        bench.put("o", Some(seen('o', DIR)));
        bench.start();
        let last = moved.rsplit('/').next().unwrap();
        bench.put(moved, None);
        let letter = last.chars().next().unwrap();
        let to = format!("o/{last}");
        bench.put(&to, Some(seen(letter, if letter == 'g' { FILE } else { DIR })));
        bench.looked.clear();
        bench.fails("rename d/e/f/g (to new) → new", DiskError::Gone);
        for _ in 0..20 {
            bench.wait(100);
        }
        let found = bench.client.trees.path_here(node(letter)).unwrap();
        assert_eq!(found, path(&to), "{:?}", bench.looked);
    }
}

#[test]
fn what_is_in_itself_while_moves_are_half_seen_is_not_followed_for_ever() {
    let known = [('d', DIR, "e/d", "d", "d"), ('e', DIR, "d/e", "d/e", "d/e")];
    let mut client = Bench::alone(&known).client;
    client.was_unannounced(node('d'), true);
    assert!(client.looks.unannounced.contains(&node('e')));
}

#[test]
fn a_look_tells_nothing_of_a_name_that_was_changed_meanwhile() {
    let mut bench = started(&[('a', FILE, "f", "f", "f")]);
    bench.looks = false;
    assert_eq!(bench.looks_for_hint("f"), "/ {f}");
    bench.client.trees.set_remote(node('a'), state(FILE, "g"));
    bench.tell(Event::Ticked);
    assert_eq!(bench.told(), "rename f (to g) → g");
    bench.put("f", None);
    bench.looked.clear();
    bench.answer_look(0);
    bench.wait(20);
    assert_eq!(bench.looked.join(" "), "/ {f}");
    assert!(bench.client.looks.missing.is_empty());
}

#[test]
fn a_look_at_one_name_tells_nothing_of_others() {
    let mut bench = Bench::alone(&[COMING]);
    bench.put("z", Some(PIPE));
    bench.unnameable = alloc::vec!["\\xff".into()];
    bench.start();
    let told = bench.told();
    assert_eq!(told.matches("Parked").count(), 2, "{told}");
    bench.looks_for_hint("new");
    assert_eq!(bench.told(), told);
    bench.unnameable.clear();
    bench.put("z", None);
    bench.looks_for_overflow("");
    assert_eq!(bench.told(), "link z");
}

#[test]
fn a_deleted_directory_goes_when_nothing_is_seen_in_it_any_more() {
    let count = |bench: &Bench| bench.told().matches("remove d").count();
    let known = [('d', DIR, "d", "d", ""), ('e', DIR, "e", "e", "e")];
    let mut bench = started(&known);
    bench.put("d/pipe", Some(PIPE));
    bench.put("e/pipe", Some(PIPE));
    bench.looks_for_overflow("e");
    bench.looks = false;
    bench.fails("remove d", DiskError::NotEmpty);
    bench.wait(1_000);
    assert_eq!(count(&bench), 1, "it is looked into");
    bench.answer_look(0);
    bench.wait(5_000);
    assert_eq!(count(&bench), 1, "something is in it");
    bench.put("d/pipe", None);
    bench.looks_for_hint("d/pipe");
    bench.answer_look(0);
    bench.wait(5_000);
    assert_eq!(count(&bench), 2);
}

#[test]
fn when_the_ignore_rules_change_everything_is_looked_at() {
    const RULES: &str = ".onefoldignore";
    for (dir, all) in [("", true), ("d", false)] {
        let mut bench = started(&TREE);
        let at = path(dir).join(name(RULES)).to_string();
        bench.put(&at, Some(seen('r', FILE)));
        let looks = bench.looks_for_hint(&at);
        assert_eq!(looks.ends_with("/ /d /d/e /d/e/f"), all, "{looks}");
    }
}

#[test]
fn nothing_is_sent_while_ignore_rules_are_to_come() {
    const RULES: &str = ".onefoldignore";
    let new = ('n', DIR, "n", "", "");
    let check = |rules: Known, sent: bool| {
        let mut bench = live(&[new, rules]);
        bench.start();
        bench.wait(5_000);
        assert_eq!(bench.told().contains("send"), sent, "{rules:?}: {}", bench.told());
    };
    check(('r', LINK, "", "", RULES), false);
    check(('r', LINK, RULES, RULES, RULES), true);
    // They were deleted here, or another name is.
    check(('r', LINK, "", RULES, RULES), true);
    check(('r', LINK, "", "", "other"), true);
    // They cannot come.
    let mut bench = live(&[new, ('r', LINK, "", "", RULES)]);
    bench.put(RULES, Some(PIPE));
    bench.start();
    bench.wait(5_000);
    assert!(bench.told().contains("send"), "{}", bench.told());
}

#[test]
fn it_is_known_when_looking_goes_on() {
    const LETTERS: &str = "ABCDEFGHIJKLMNOPQ";
    let due = |bench: &Bench| {
        let (at, reason) = bench.client.looks_deadline().unwrap();
        (at.ms_since(bench.now()), reason)
    };
    let mut bench = started(&TREE);
    assert_eq!(due(&bench), (RESCAN_MS - 200, Reason::Rescan));
    bench.looks = false;
    bench.hint("new", false);
    assert_eq!(due(&bench), (GATHER_MS, Reason::Settle));
    // While a directory is looked at, that is waited for; and while many are.
    bench.wait(20);
    bench.hint("new", false);
    assert_eq!(due(&bench).1, Reason::Rescan);
    let directory = |at: &'static str| (at.chars().next().unwrap(), DIR, at, at, at);
    let known: Vec<Known> = (0..=MAX_LOOKS).map(|at| directory(&LETTERS[at..=at])).collect();
    let mut bench = Bench::alone(&known);
    bench.looks = false;
    bench.start();
    bench.answer_look(0);
    assert_eq!((bench.looked.len(), due(&bench).1), (1 + MAX_LOOKS, Reason::Rescan));
}

#[test]
fn what_seems_to_have_lost_its_name_is_not_deleted_before_that_is_seen() {
    // A file that both deleted is still known at the name of the directory that came there.
    let mut bench = Bench::alone(&[('a', DIR, "d", "d", "d"), ('b', FILE, "d", "d", "")]);
    bench.looks = false;
    bench.tell(Event::Started);
    bench.wait(10);
    bench.fails_to_look("look ", DiskError::Denied("not yours".into()));
    bench.wait(3_000);
    assert!(bench.client.trees.get(node('a')).present().is_some());
    assert!(!bench.client.is_missing_any(), "nobody waits for what cannot be seen");
}

#[test]
fn what_is_missing_waits_for_older_looks_and_is_not_asked_about_meanwhile() {
    let mut bench = started(&[('d', DIR, "d", "d", "d"), ('g', FILE, "g", "g", "g")]);
    bench.deny("d");
    bench.looks_for_overflow("d");
    bench.put("g", None);
    bench.looks_for_hint("g");
    bench.wait(2 * DELETION_MS);
    assert!(bench.client.is_missing_any(), "it may be in there");
    let due = bench.client.looks_deadline().map(|(at, _)| at.ms_since(bench.now()));
    assert!(due.is_some_and(|due| due > DELETION_MS), "{due:?}");
    bench.failing.clear();
    bench.wait(RETRY_MS);
    assert_eq!(bench.client.trees.get(node('g')).local(), &Local::Absent);
}

#[test]
fn what_was_found_and_is_missing_again_is_missing_since_then() {
    let mut bench = started(&[('d', DIR, "d", "d", "d"), ('g', FILE, "g", "g", "g")]);
    bench.deny("d");
    bench.looks_for_overflow("d");
    for (there, wait) in [(false, 2 * DELETION_MS), (true, 0), (false, 0)] {
        bench.put("g", there.then(|| seen('g', FILE)));
        bench.looks_for_hint("g");
        bench.wait(wait);
    }
    // All is seen at once, and another look shows nothing at its name.
    bench.failing.clear();
    bench.looks_for_overflow("d");
    bench.wait(DELETION_MS / 2);
    assert!(bench.client.trees.get(node('g')).present().is_some());
    bench.wait(DELETION_MS);
    assert_eq!(bench.client.trees.get(node('g')).local(), &Local::Absent);
}
