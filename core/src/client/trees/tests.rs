//! What is in what, also while moves are half seen.

use alloc::string::String;

use super::*;
use crate::client::bench::{ROOT, content, dir, file, here, inode, known, name, node, present};

fn directory_in(parent: NodeId, number: u64) -> Record {
    Record::of(here(number, &dir(parent, "d")), None, None)
}

/// Of two moves, the second was seen first: each directory is in the other.
#[test]
fn what_is_below_a_directory_ends_where_a_circle_closes() {
    let (one, other) = (node(1), node(2));
    let mut trees = Trees::default();
    trees.restore(one, directory_in(other, 1));
    trees.restore(other, directory_in(one, 2));
    assert_eq!(trees.below_here(one), [other]);
    assert_eq!(trees.below_here(other), [one]);
}

/// Of two that were seen at one name, the first has lost it: it is not met by name, and yet goes
/// where its directory goes.
#[test]
fn what_has_lost_its_name_stays_in_its_directory() {
    let [dir, first, second, heir] = [1, 2, 3, 4].map(node);
    let mut trees = Trees::default();
    trees.restore(dir, directory_in(ROOT, 1));
    trees.restore(first, directory_in(dir, 2));
    trees.restore(second, directory_in(dir, 3));
    assert_eq!(trees.below_here(dir), [second]);
    assert_eq!(trees.all_below_here(dir), [first, second]);
    trees.hand_over(dir, heir);
    assert_eq!(trees.all_below_here(dir), []);
    assert_eq!(trees.all_below_here(heir), [first, second]);
    trees.set_local(first, Local::Absent);
    assert_eq!(trees.all_below_here(heir), [second]);
}

#[test]
fn what_has_lost_its_name_does_not_get_it_back_as_more_is_known_of_it() {
    let [first, second] = [1, 2].map(node);
    let mut trees = Trees::default();
    let record = directory_in(ROOT, 1);
    trees.restore(first, record.clone());
    trees.restore(second, record.clone());
    let (place, inode) = record.present().map(|here| (&here.place, here.stamp.inode)).unwrap();
    let holders = |trees: &Trees| [trees.at_here(place), trees.by_inode(&inode)];
    trees.update_present(first, |present| present.stamp.size += 1);
    assert_eq!(holders(&trees), [Some(second); 2]);
    trees.set_local(first, record.local().clone());
    assert_eq!(holders(&trees), [Some(first); 2]);
    assert_eq!(trees.files_here(), (0, 0));
    trees.update_present(second, |present| present.place.name = name("elsewhere"));
    assert_eq!(trees.child_here(ROOT, &name("elsewhere")), Some(second));
}

#[test]
fn what_comes_and_goes_without_being_kept_is_never_saved() {
    let (dir, inside) = (node(1), node(2));
    let mut trees = Trees::default();
    for (node, record) in [(dir, directory_in(ROOT, 1)), (inside, directory_in(dir, 2))] {
        trees.set_local(node, record.local().clone());
        assert!(trees.is_unsaved(node));
    }
    assert_eq!(trees.take_unsaved(), BTreeSet::new());
    trees.set_local(inside, Local::Absent);
    trees.set_local(dir, Local::Absent);
    assert!(!trees.has_unsaved());
}

#[test]
fn what_is_kept_is_saved_with_the_directories_that_it_is_in() {
    let [dir, inside] = [1, 2].map(node);
    let mut trees = Trees::default();
    trees.set_local(dir, directory_in(ROOT, 1).local().clone());
    trees.set_local(inside, directory_in(dir, 2).local().clone());
    trees.keep(inside);
    assert_eq!(trees.take_unsaved(), BTreeSet::from([dir, inside]));
    trees.set_local(inside, Local::Absent);
    assert_eq!(trees.take_unsaved(), BTreeSet::from([inside]), "its record is to go");

    // What is known to the server moves into a directory that was just made.
    let [new, known] = [3, 4].map(node);
    trees.set_remote(known, Some(self::dir(ROOT, "d")));
    trees.set_local(new, directory_in(ROOT, 3).local().clone());
    assert_eq!(trees.take_unsaved(), BTreeSet::from([known]));
    trees.set_local(known, directory_in(new, 4).local().clone());
    assert_eq!(trees.take_unsaved(), BTreeSet::from([new, known]));
}

/// Trees of nodes that each have a letter, and what is here and at the server; all are planned.
fn trees(nodes: &[(char, Option<State>, Option<State>)]) -> Trees {
    let mut trees = Trees::default();
    for (letter, here, there) in nodes {
        let (node, record) = known(*letter, here.as_ref(), there.as_ref(), there.as_ref());
        trees.restore(node, record);
    }
    while trees.next_dirty().is_some() {}
    trees
}

/// Which nodes are planned when this has changed.
#[track_caller]
fn check_planned(mut trees: Trees, change: impl FnOnce(&mut Trees), expected: &str) {
    assert!(trees.is_clean());
    change(&mut trees);
    assert_eq!(trees.is_clean(), expected.is_empty());
    let mut planned = String::new();
    while let Some(node) = trees.next_dirty() {
        planned.push(char::from(node.as_bytes()[0]));
    }
    assert_eq!(planned, expected);
}

/// A directory `d` with `e` and `f` in it, of which `f` is only here, and `g` only at the server;
/// `x` is in the root, and there alone; in another directory, `m` is here, and `n` at the server.
fn some_trees() -> Trees {
    let both = |letter, state: State| (letter, Some(state.clone()), Some(state));
    trees(&[
        both('c', dir(ROOT, "c")),
        both('d', dir(ROOT, "d")),
        both('e', file(node('d'), "e", "one")),
        ('f', Some(file(node('d'), "f", "one")), None),
        ('g', None, Some(file(node('d'), "g", "one"))),
        ('m', Some(file(node('c'), "m", "one")), None),
        ('n', None, Some(file(node('c'), "n", "one"))),
        ('x', None, Some(file(ROOT, "x", "one"))),
    ])
}

#[test]
fn a_change_here_has_planned_all_whose_plans_depend_on_it() {
    let here = |letter: char, state| here(letter.into(), &state);
    let edit =
        |trees: &mut Trees| trees.set_local(node('e'), here('e', file(node('d'), "e", "two")));
    check_planned(some_trees(), edit, "e");
    // Its old directory and its new one, and what is at its new name, or at its old one, there.
    let go = |trees: &mut Trees| trees.set_local(node('e'), here('e', file(node('c'), "n", "one")));
    check_planned(some_trees(), go, "cden");
    let leave = |trees: &mut Trees| trees.set_local(node('d'), Local::Absent);
    check_planned(some_trees(), leave, "deg");
    let same = |trees: &mut Trees| trees.set_local(node('d'), here('d', dir(ROOT, "d")));
    check_planned(some_trees(), same, "");
}

#[test]
fn a_change_at_the_server_has_planned_all_whose_plans_depend_on_it() {
    let edit = |trees: &mut Trees| trees.set_remote(node('e'), Some(file(node('d'), "e", "two")));
    check_planned(some_trees(), edit, "e");
    let go = |trees: &mut Trees| trees.set_remote(node('e'), Some(file(node('c'), "m", "one")));
    check_planned(some_trees(), go, "cdem");
    let leave = |trees: &mut Trees| trees.set_remote(node('d'), None);
    check_planned(some_trees(), leave, "def");
}

#[test]
fn what_is_agreed_on_no_more_has_what_is_in_it_here_planned() {
    let moved = |trees: &mut Trees| trees.set_synced(node('d'), Some(dir(ROOT, "y")));
    check_planned(some_trees(), moved, "d");
    let forget = |trees: &mut Trees| trees.set_synced(node('d'), None);
    check_planned(some_trees(), forget, "def");
    let root = |trees: &mut Trees| trees.touch(ROOT);
    check_planned(some_trees(), root, "");
}

#[test]
fn what_is_within_what_is_told_of_each_side() {
    let trees = some_trees();
    let (outer, elsewhere) = (node('d'), node('c'));
    for (inside, here, there) in [('d', true, true), ('e', true, true), ('f', true, false)] {
        assert_eq!(trees.is_within_here(node(inside), outer), here, "{inside}");
        assert_eq!(trees.is_within_there(node(inside), outer), there, "{inside}");
        assert!(!trees.is_within_here(node(inside), elsewhere));
        assert!(!trees.is_within_there(node(inside), elsewhere));
        assert!(trees.is_within_here(node(inside), node(inside)));
    }
    assert!(trees.is_within_here(node('f'), ROOT));
    assert!(trees.is_within_there(node('g'), outer));
    assert!(!trees.is_within_here(node('g'), outer));
}

#[test]
fn what_both_agreed_on_is_handed_over_with_the_directory_that_it_was_in() {
    let mut trees = some_trees();
    let elsewhere = file(node('c'), "e", "one");
    trees.set_synced(node('f'), Some(elsewhere.clone()));
    trees.hand_over(node('d'), node('h'));
    let synced = |letter| trees.get(node(letter)).synced().cloned();
    assert_eq!(synced('e'), Some(file(node('h'), "e", "one")));
    assert_eq!(synced('f'), Some(elsewhere), "it had moved");
}

#[test]
fn a_file_with_several_names_is_known_under_each() {
    let mut trees = Trees::default();
    for (letter, number) in [('a', 5), ('b', 5), ('c', 6)] {
        let name = String::from(letter);
        let mut here = present(number, &file(ROOT, &name, "one"));
        here.linked = true;
        trees.restore(node(letter), Record::of(Local::Present(here), None, None));
    }
    assert_eq!(trees.names_of(&inode(5)), [node('a'), node('b')]);
    assert_eq!(trees.names_of(&inode(6)), [node('c')]);
    assert_eq!(trees.names_of(&inode(7)), []);
}

#[test]
fn what_may_be_older_descends_from_nothing() {
    let mut trees = some_trees();
    trees.set_synced(node('e'), Some(file(node('d'), "e", "two")));
    assert!(trees.get(node('e')).descends_from(content("one").id));
    trees.forget_past(node('e'));
    assert!(!trees.get(node('e')).descends_from(content("one").id));
}
