//! Where is looked, when, and what follows from looks that fail or are late.

use alloc::format;
use alloc::string::String;

use super::*;
use crate::client::bench::{node, path};
use crate::client::event::Event;
use crate::client::explain::Why;
use crate::client::scene::{Known, Scene, state};
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

fn denied() -> DiskError {
    DiskError::Denied("not yours".into())
}

fn started(known: &[Known]) -> Scene {
    let mut scene = Scene::of(known);
    scene.start();
    scene
}

fn live(known: &[Known]) -> Scene {
    let mut scene = Scene::of(known);
    scene.client.stream.phase = Phase::Live;
    scene
}

#[test]
fn a_hint_has_the_name_looked_at_in_the_last_directory_that_is_known() {
    let check = |at: &str, looks: &str| assert_eq!(started(&TREE).hint(at), looks, "{at}");
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
    let check = |at: &str, looks: &str| assert_eq!(started(&TREE).overflow(at), looks, "{at}");
    check("", "/ /d /d/e /d/e/f");
    check("d/e", "/d/e /d/e/f");
    check("d/e/f/g", "/d/e/f");
    check("d/new", "/d /d/e /d/e/f");
}

#[test]
fn what_is_wanted_of_a_directory_is_looked_at_at_once() {
    let mut scene = started(&TREE);
    // A single name, and then everything below.
    scene.tell(Event::Hinted(Hint { path: path("new"), closed: false }));
    assert_eq!(scene.overflow(""), "/ /d /d/e /d/e/f");
    for (names, all) in [(MAX_NAMES, false), (MAX_NAMES + 1, true)] {
        let mut scene = started(&TREE);
        scene.looks.clear();
        for number in 0..names {
            let path = path(&format!("{number}"));
            scene.tell(Event::Hinted(Hint { path, closed: false }));
        }
        scene.wait(20);
        assert_eq!((scene.looks.len(), scene.looks[0] == "/"), (1, all), "{names} names");
    }
}

#[test]
fn nothing_is_done_before_everything_was_looked_at() {
    let mut scene = Scene::of(&[TREE[0], COMING]);
    scene.looks_slowly = true;
    scene.start();
    assert_eq!((scene.looks.join(" "), scene.told()), ("/".into(), String::new()));
    scene.tell(Event::Hinted(Hint { path: path("new"), closed: false }));
    scene.answer_look(0);
    assert_eq!((scene.looks.join(" "), scene.told()), ("/ /d".into(), String::new()));
    scene.answer_look(0);
    assert_eq!(scene.told(), "", "there is a hint");
    scene.wait(20);
    scene.answer_look(0);
    assert_eq!((scene.looks.join(" "), scene.told()), ("/ /d / {new}".into(), "link z".into()));
}

#[test]
fn where_the_folder_is_not_there_nothing_is_done_until_it_is() {
    let mut scene = Scene::of(&[COMING]);
    scene.failing = alloc::vec![("", DiskError::RootGone("unplugged".into()))];
    scene.start();
    assert_eq!(scene.client.status().halted.as_deref(), Some("unplugged"));
    assert_eq!(scene.told(), "");
    scene.failing.clear();
    scene.wait(RETRY_MS);
    assert_eq!((scene.client.status().halted, scene.told()), (None, "link z".into()));
    let mut scene = started(&TREE);
    scene.failing = alloc::vec![("", DiskError::Gone)];
    scene.overflow("");
    assert_eq!(scene.told(), ": Unreadable: it is not there any more");
}

#[test]
fn a_directory_that_was_away_for_a_moment_is_looked_at_again() {
    let mut scene = started(&TREE);
    scene.take("", "d");
    assert_eq!(scene.hint("d/new"), "/d {new}");
    scene.wait(20);
    assert_eq!(scene.looks.join(" "), "/d {new} / {d}");
    scene.put('d', DIR, "", "d");
    scene.put('n', FILE, "d", "new");
    scene.looks.clear();
    scene.wait(ELSEWHERE_MS);
    assert_eq!(scene.looks.join(" "), "/d {new}");
    scene.wait(DELETION_MS);
    assert_ne!(scene.client.explain(&path("d/new")).why, Why::NotSeen);
    assert_eq!(scene.client.explain(&path("d/e/f/g")).why, Why::InSync);
}

#[test]
fn what_cannot_be_read_is_no_problem_once_it_is_gone() {
    let mut scene = started(&TREE[..1]);
    scene.looks_slowly = true;
    assert_eq!(scene.hint("d/new"), "/d {new}");
    scene.client.trees.set_remote(node('d'), None);
    scene.tell(Event::Ticked);
    scene.answer_change("remove d", Ok(()));
    scene.failing = alloc::vec![("d", denied())];
    scene.answer_look(0);
    assert_eq!(scene.told(), "remove d");
}

#[test]
fn what_is_in_a_directory_is_unknown_until_all_of_it_was_looked_at_again() {
    let unknown = Why::Unknown(path("d"));
    let why = |scene: &Scene| scene.client.explain(&path("d/e/f/g")).why;
    let mut scene = Scene::of(&TREE);
    scene.client.trees.set_remote(node('g'), None);
    scene.failing = alloc::vec![("d", denied())];
    scene.start();
    assert_eq!(scene.told(), "d: Unreadable: permission denied: not yours");
    assert_eq!(why(&scene), unknown);
    scene.failing.clear();
    scene.looks_slowly = true;
    scene.wait(RETRY_MS);
    // A later hint does not matter.
    assert_eq!(scene.hint("new"), "/ {new}");
    for before in [0, 1, 1] {
        assert_eq!((why(&scene), scene.told().contains("remove")), (unknown.clone(), false));
        scene.answer_look(before);
    }
    assert_eq!(scene.told(), "remove d/e/f/g");
}

#[test]
fn a_directory_that_is_another_node_from_now_on_is_still_unreadable() {
    let mut scene = Scene::of(&[('a', DIR, "", "", "d"), ('b', DIR, "d", "", "")]);
    scene.failing = alloc::vec![("d", denied())];
    scene.looks_slowly = true;
    scene.start();
    (0..3).for_each(|_| scene.answer_look(0));
    assert_eq!(scene.looks.join(" "), "/ / {d} /d /d");
    assert_eq!(scene.client.trees.path_here(node('a')), Some(path("d")));
    assert_eq!(scene.told(), "d: Unreadable: permission denied: not yours");
    scene.failing.clear();
    scene.answer_look(0);
    assert_eq!(scene.told(), "");
}

#[test]
fn what_a_change_does_not_find_is_looked_for_everywhere() {
    let there = |kind: Kind| state(kind, "new");
    // It has moved, or a directory above it has.
    for moved in ["d/e/f/g", "d/e/f", "d/e", "d"] {
        let mut scene = Scene::of(&TREE);
        scene.client.trees.set_remote(node('g'), there(FILE));
        scene.put('o', DIR, "", "o");
        scene.start();
        let (above, last) = moved.rsplit_once('/').unwrap_or(("", moved));
        scene.take(above, last);
        let letter = last.chars().next().unwrap();
        scene.put(letter, if letter == 'g' { FILE } else { DIR }, "o", last);
        scene.looks.clear();
        scene.answer_change("rename d/e/f/g (to new) → new", Err(DiskError::Gone));
        for _ in 0..20 {
            scene.wait(100);
        }
        let to = format!("o/{last}");
        let found = scene.client.trees.path_here(node(letter)).unwrap();
        assert_eq!(found, path(&to), "{:?}", scene.looks);
    }
}

#[test]
fn what_is_in_itself_while_moves_are_half_seen_is_not_followed_for_ever() {
    let known = [('d', DIR, "e/d", "d", "d"), ('e', DIR, "d/e", "d/e", "d/e")];
    let mut client = Scene::of(&known).client;
    client.was_unannounced(node('d'), true);
    assert!(client.looks.unannounced.contains(&node('e')));
}

#[test]
fn a_look_tells_nothing_of_a_name_that_was_changed_meanwhile() {
    let mut scene = started(&[('a', FILE, "f", "f", "f")]);
    scene.looks_slowly = true;
    assert_eq!(scene.hint("f"), "/ {f}");
    scene.client.trees.set_remote(node('a'), state(FILE, "g"));
    scene.tell(Event::Ticked);
    assert_eq!(scene.told(), "rename f (to g) → g");
    scene.take("", "f");
    scene.looks.clear();
    scene.answer_look(0);
    scene.wait(20);
    assert_eq!(scene.looks.join(" "), "/ {f}");
    assert!(scene.client.looks.missing.is_empty());
}

#[test]
fn a_look_at_one_name_tells_nothing_of_others() {
    let mut scene = Scene::of(&[COMING]);
    scene.put_pipe("", "z");
    scene.unnameable = alloc::vec!["\\xff".into()];
    scene.start();
    let told = scene.told();
    assert_eq!(told.matches("Parked").count(), 2, "{told}");
    scene.hint("new");
    assert_eq!(scene.told(), told);
    scene.unnameable.clear();
    scene.take("", "z");
    scene.overflow("");
    assert_eq!(scene.told(), "link z");
}

#[test]
fn a_deleted_directory_goes_when_nothing_is_seen_in_it_any_more() {
    let count = |scene: &Scene| scene.told().matches("remove d").count();
    let known = [('d', DIR, "d", "d", ""), ('e', DIR, "e", "e", "e")];
    let mut scene = started(&known);
    scene.put_pipe("d", "pipe");
    scene.put_pipe("e", "pipe");
    scene.overflow("e");
    scene.looks_slowly = true;
    scene.answer_change("remove d", Err(DiskError::NotEmpty));
    scene.wait(1_000);
    assert_eq!(count(&scene), 1, "it is looked into");
    scene.answer_look(0);
    scene.wait(5_000);
    assert_eq!(count(&scene), 1, "something is in it");
    scene.take("d", "pipe");
    scene.hint("d/pipe");
    scene.answer_look(0);
    scene.wait(5_000);
    assert_eq!(count(&scene), 2);
}

#[test]
fn when_the_ignore_rules_change_everything_is_looked_at() {
    const RULES: &str = ".onefoldignore";
    for (dir, all) in [("", true), ("d", false)] {
        let mut scene = started(&TREE);
        scene.put('r', FILE, dir, RULES);
        let looks = scene.hint(format!("{dir}/{RULES}").trim_start_matches('/'));
        assert_eq!(looks.ends_with("/ /d /d/e /d/e/f"), all, "{looks}");
    }
}

#[test]
fn nothing_is_sent_while_ignore_rules_are_to_come() {
    const RULES: &str = ".onefoldignore";
    let new = ('n', DIR, "n", "", "");
    let check = |rules: Known, sent: bool| {
        let mut scene = live(&[new, rules]);
        scene.start();
        scene.wait(5_000);
        assert_eq!(scene.told().contains("commit"), sent, "{rules:?}: {}", scene.told());
    };
    check(('r', LINK, "", "", RULES), false);
    check(('r', LINK, RULES, RULES, RULES), true);
    // They were deleted here, or another name is.
    check(('r', LINK, "", RULES, RULES), true);
    check(('r', LINK, "", "", "other"), true);
    // They cannot come.
    let mut scene = live(&[new, ('r', LINK, "", "", RULES)]);
    scene.put_pipe("", RULES);
    scene.start();
    scene.wait(5_000);
    assert!(scene.told().contains("commit"), "{}", scene.told());
}

#[test]
fn it_is_known_when_looking_goes_on() {
    const LETTERS: &str = "ABCDEFGHIJKLMNOPQ";
    let due = |scene: &Scene| {
        let (at, reason) = scene.client.looks_deadline().unwrap();
        (at.ms_since(scene.now.instant), reason)
    };
    let mut scene = started(&TREE);
    assert_eq!(due(&scene), (RESCAN_MS - 200, Reason::Rescan));
    scene.looks_slowly = true;
    scene.tell(Event::Hinted(Hint { path: path("new"), closed: false }));
    assert_eq!(due(&scene), (GATHER_MS, Reason::Settle));
    // While a directory is looked at, that is waited for; and while many are.
    scene.wait(20);
    scene.tell(Event::Hinted(Hint { path: path("new"), closed: false }));
    assert_eq!(due(&scene).1, Reason::Rescan);
    let directory = |at: &'static str| (at.chars().next().unwrap(), DIR, at, at, at);
    let known: Vec<Known> = (0..=MAX_LOOKS).map(|at| directory(&LETTERS[at..=at])).collect();
    let mut scene = Scene::of(&known);
    scene.looks_slowly = true;
    scene.start();
    scene.answer_look(0);
    assert_eq!((scene.looks.len(), due(&scene).1), (1 + MAX_LOOKS, Reason::Rescan));
}
