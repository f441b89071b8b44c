//! How many runs each world is put through by its tests.
//!
//! `SIM_RUNS=n` asks for n runs of the engine world, and of the others in proportion;
//! `ONEFOLD_LONG=1` for a hundred times as many.

use std::env::var;

/// Runs of the engine world, unless the environment says otherwise.
const ENGINE: u64 = 5_000;
/// Cases of the planner world for each run of the engine world.
const PLANNER_PER_ENGINE: u64 = 20;
/// Runs of the engine world for each run of the turmoil world.
const ENGINE_PER_TURMOIL: u64 = 25;
/// A long test has so many times as many runs.
const LONG: u64 = 100;

/// Runs of the engine world.
pub fn engine() -> u64 {
    let times = if var("ONEFOLD_LONG").is_ok_and(|long| long == "1") { LONG } else { 1 };
    var("SIM_RUNS").ok().and_then(|runs| runs.parse().ok()).unwrap_or(ENGINE) * times
}

/// Cases of the planner world.
pub fn planner() -> u64 {
    engine() * PLANNER_PER_ENGINE
}

/// Runs of the turmoil world: at least one.
pub fn turmoil() -> u64 {
    (engine() / ENGINE_PER_TURMOIL).max(1)
}
