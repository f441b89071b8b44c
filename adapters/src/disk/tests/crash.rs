//! A crash at every step of every change, alone and after every deed of a user.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::Path;
use std::sync::{Arc, Mutex};

use super::interleave::{LIMITS, Outcome, assert_nothing_is_lost, steps};
use super::users::{Aftermath, DEEDS, Deed, act};
use super::world::{CASES, Case, Limit, World, memory};
use crate::disk::Link;

struct Crash;

/// Runs a change up to a step and no further; opens the root again.
fn crash(world: &mut World, case: Case, step: usize) {
    world.script.on(step, || resume_unwind(Box::new(Crash)));
    let change = world.change(case);
    let run = catch_unwind(AssertUnwindSafe(|| world.run(&change)));
    // A deed may have made the change shorter than the step.
    if let Err(cause) = run {
        assert!(cause.is::<Crash>());
    }
    world.open(Link::Existing);
}

fn check(place: &Path, limit: Limit, case: Case, step: usize) {
    let world = World::new(place, limit);
    let before = world.tree();
    let change = world.change(case);
    world.run(&change).unwrap();
    let done = world.tree();
    let mut world = World::new(place, limit);
    crash(&mut world, case, step);
    let after = world.tree();
    assert!(after == before || after == done, "neither the old nor the new: {after:#?}");
    world.sweep_late();
    assert_eq!(world.tree(), after);
    assert_eq!(world.in_slots(), 0);
    assert_eq!(world.disk().counts().rescued, 0);
}

fn check_with_deed(
    place: &Path,
    limit: Limit,
    case: Case,
    (deed_step, step): (usize, usize),
    deed: Deed,
) {
    let mut world = World::new(place, limit);
    let aftermath = Arc::new(Mutex::new(Aftermath::default()));
    let (later, root) = (aftermath.clone(), world.root.clone());
    world.script.on(deed_step, move || *later.lock().unwrap() = act(deed, &root, case.path()));
    crash(&mut world, case, step);
    let user = std::mem::take(&mut *aftermath.lock().unwrap()).finish();
    world.sweep_late();
    let after = world.tree();
    let story = || format!("{after:#?}");
    assert_nothing_is_lost(case, Outcome::Unknown, &user, &after, &story);
    assert_eq!(world.in_slots(), 0, "{}", story());
}

#[test]
fn after_a_crash_at_any_step_the_tree_holds_the_old_or_the_new() {
    for (name, limit) in LIMITS {
        for case in CASES {
            for step in 0..steps(&memory(), limit, case) {
                let run = catch_unwind(|| check(&memory(), limit, case, step));
                assert!(run.is_ok(), "{name}: {case:?}, a crash at step {step}");
            }
        }
    }
}

/// Of the many thousand runs, this many are left out for each one made, but in the long tests.
const LEFT_OUT: usize = 6;

#[test]
fn no_deed_before_a_crash_loses_anything() {
    let stride = if std::env::var_os("ONEFOLD_LONG").is_some() { 1 } else { LEFT_OUT + 1 };
    let mut runs = Vec::new();
    for (name, limit) in LIMITS {
        for case in CASES {
            let steps = steps(&memory(), limit, case);
            for (first, second) in (0..steps).flat_map(|a| (a..steps + 2).map(move |b| (a, b))) {
                runs.extend(DEEDS.map(|deed| (name, limit, case, (first, second), deed)));
            }
        }
    }
    for (name, limit, case, at, deed) in runs.into_iter().step_by(stride) {
        let run = catch_unwind(|| check_with_deed(&memory(), limit, case, at, deed));
        assert!(run.is_ok(), "{name}: {case:?}, {deed:?}, then a crash, at steps {at:?}");
    }
}
