//! Every deed of a user, at every step of every change, with every guard: nothing is lost.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex};

use onefold_core::disk::DiskError;

use super::users::{Aftermath, DEEDS, Deed, USERS, User, act};
use super::world::{CASES, Case, Limit, NEW, OLD, OTHER, World, memory};
use crate::disk::Guard;
use crate::disk::hooks::Point;

/// The guards that there are: with all, and with less and less.
pub(super) const LIMITS: [(&str, Limit); 5] = [
    ("full", |guard| guard),
    ("no leases", |guard| Guard { leases: false, ..guard }),
    ("no exchange", |guard| Guard { exchange: false, ..guard }),
    ("no no-replace", |guard| Guard { no_replace: false, ..guard }),
    ("nothing", |guard| Guard { leases: false, exchange: false, no_replace: false, ..guard }),
];

/// How many steps a change has when nobody disturbs it.
pub(super) fn steps(place: &Path, limit: Limit, case: Case) -> usize {
    let world = World::new(place, limit);
    let change = world.change(case);
    world.run(&change).unwrap();
    world.script.trace().len()
}

fn check(place: &Path, limit: Limit, case: Case, step: usize, deed: Deed) {
    let world = World::new(place, limit);
    let change = world.change(case);
    let aftermath = Arc::new(Mutex::new(Aftermath::default()));
    let (later, root) = (aftermath.clone(), world.root.clone());
    world.script.on(step, move || *later.lock().unwrap() = act(deed, &root, case.path()));
    let result = world.run(&change);
    let user = std::mem::take(&mut *aftermath.lock().unwrap()).finish();
    let before = world.tree();
    world.sweep_late();
    let after = world.tree();
    let story = || format!("{result:?}, before the sweep {before:#?}, after it {after:#?}");
    let outcome = if result.is_ok() { Outcome::Done } else { Outcome::NotDone };
    assert_nothing_is_lost(case, outcome, &user, &after, &story);
    assert_eq!(world.in_slots(), 0, "something stays in a slot: {}", story());
    let guard = world.disk().guard();
    if user.wrote && outcome == Outcome::NotDone && guard.leases && guard.exchange {
        let stays = |path: &str| after.get(path).is_some_and(|held| held.starts_with(USERS));
        // Whether a save came just before a move or just after it cannot be told: either name will do.
        let names = [case.path(), "p/free", "p/other"];
        let in_place = names.into_iter().any(stays) || deed == Deed::BecomeDirectory;
        assert!(in_place, "a change that was not made moved the user's file: {}", story());
    }
}

/// What is known of a change.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    Done,
    NotDone,
    /// The power failed in the middle.
    Unknown,
}

pub(super) fn assert_nothing_is_lost(
    case: Case,
    outcome: Outcome,
    user: &User,
    tree: &BTreeMap<String, String>,
    story: &dyn Fn() -> String,
) {
    let holds = |bytes: &str| tree.values().any(|held| held.starts_with(bytes));
    let must_hold = |bytes: &str| {
        let destroyed = user.destroyed.as_deref().is_some_and(|held| held.starts_with(bytes));
        assert!(destroyed || holds(bytes), "`{bytes}` is lost: {}", story());
    };
    let was_new = user.destroyed.as_deref() == Some(NEW);
    // Without exchange the name is free for an instant: who saves there then replaces the old.
    let saved_over = user.wrote && user.destroyed.is_none() && case.displaces();
    if user.wrote {
        assert!(holds(USERS), "the user's bytes are lost: {}", story());
    }
    must_hold(OTHER);
    must_hold("an inner");
    match outcome {
        Outcome::NotDone | Outcome::Unknown if saved_over => {}
        Outcome::NotDone => must_hold(OLD),
        Outcome::Done if case.brings() => must_hold(NEW),
        Outcome::Unknown if case.displaces() && case.brings() && !holds(NEW) && !was_new => {
            must_hold(OLD);
        }
        Outcome::Done | Outcome::Unknown if case.displaces() => {}
        Outcome::Done | Outcome::Unknown => must_hold(OLD),
    }
    for (path, held) in tree.iter().filter(|(path, _)| path.contains("(conflict")) {
        // After a crash, what was on its way comes back even if its directory, or its name, is not
        // to be had any more.
        let homeless = moved(tree) || user.wrote && !case.displaces();
        let safe = (held == OLD || held == NEW) && !(outcome == Outcome::Unknown && homeless);
        assert!(!safe, "{path} is a copy of what nobody wrote: {}", story());
    }
}

fn moved(tree: &BTreeMap<String, String>) -> bool {
    tree.contains_key("q")
}

fn enumerate(place: &Path, cases: &[Case], limits: &[(&str, Limit)]) -> usize {
    let mut runs = 0;
    for (name, limit) in limits {
        for &case in cases {
            for step in 0..steps(place, *limit, case) {
                for deed in DEEDS {
                    let told = format!("{name}: {case:?}, step {step}, {deed:?}");
                    let run = std::panic::catch_unwind(|| check(place, *limit, case, step, deed));
                    assert!(run.is_ok(), "{told}");
                    runs += 1;
                }
            }
        }
    }
    runs
}

#[test]
fn no_deed_of_a_user_at_any_step_loses_anything() {
    let runs = enumerate(&memory(), &CASES, &LIMITS);
    assert!(runs > 3_000, "{runs}");
}

#[test]
fn no_deed_loses_anything_on_the_disk_that_holds_temporary_files_either() {
    let cases = [Case::Replace, Case::Remove];
    enumerate(&std::env::temp_dir(), &cases, &LIMITS[..1]);
}

#[test]
fn an_undisturbed_change_leaves_what_it_says_and_nothing_else() {
    for (name, limit) in LIMITS {
        for case in CASES {
            let world = World::new(&memory(), limit);
            let mut expected = world.tree();
            let change = world.change(case);
            world.run(&change).unwrap();
            let at = case.path();
            let old = expected.get(at).cloned();
            match case {
                Case::PlaceNew | Case::Replace | Case::ReplaceExecutable => {
                    expected.insert(at.into(), NEW.into());
                }
                Case::ReplaceByLink | Case::ReplaceLink => {
                    expected.insert(at.into(), "-> elsewhere".into());
                }
                Case::Rename | Case::RenameQuiet => {
                    expected.insert("p/free".into(), old.unwrap());
                    expected.remove(at);
                }
                Case::RenameDirectory => {
                    for (from, to) in [("p/full", "p/free"), ("p/full/inner", "p/free/inner")] {
                        let moved = expected.remove(from).unwrap();
                        expected.insert(to.into(), moved);
                    }
                }
                Case::Exchange => {
                    let other = expected.insert("p/other".into(), old.unwrap());
                    expected.insert(at.into(), other.unwrap());
                }
                Case::Remove | Case::RemoveLink | Case::RemoveDirectory => {
                    expected.remove(at);
                }
                Case::SetExecutable => {}
                Case::MakeDirectory => {
                    expected.insert(at.into(), "<dir>".into());
                }
            }
            assert_eq!(world.tree(), expected, "{name}: {case:?}");
            let swept = world.sweep_late();
            assert_eq!(swept.rescued, [], "{name}: {case:?}");
            assert_eq!(world.tree(), expected, "{name}: {case:?}");
            assert_eq!(world.in_slots(), 0, "{name}: {case:?}");
        }
    }
}

#[test]
fn a_writer_who_comes_while_the_lease_is_held_gets_the_file_back_in_its_place() {
    for case in [Case::Replace, Case::Remove, Case::RenameQuiet] {
        for point in [Point::Leased, Point::Compared] {
            let undisturbed = World::new(&memory(), LIMITS[0].1);
            let change = undisturbed.change(case);
            undisturbed.run(&change).unwrap();
            let step = undisturbed.script.trace().iter().position(|at| *at == point).unwrap();

            let world = World::new(&memory(), LIMITS[0].1);
            let change = world.change(case);
            let aftermath = Arc::new(Mutex::new(Aftermath::default()));
            let (later, root) = (aftermath.clone(), world.root.clone());
            let deed = Deed::Overwrite;
            world.script.on(step, move || *later.lock().unwrap() = act(deed, &root, case.path()));
            assert_eq!(world.run(&change), Err(DiskError::Busy), "{case:?}, {point:?}");
            assert!(std::mem::take(&mut *aftermath.lock().unwrap()).finish().wrote);
            assert_eq!(world.tree()[case.path()], USERS, "{case:?}, {point:?}");
            world.sweep_late();
            let counts = world.disk().counts();
            assert_eq!((counts.broken, counts.swapped_back, counts.rescued), (1, 1, 0));
        }
    }
}
