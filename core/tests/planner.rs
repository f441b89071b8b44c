//! The planner world of the simulation, with a small number of cases: the engine between a disk and
//! a server, all in this crate's own tests, so that whoever changes a decision sees it at once.
//!
//! The files are the simulation's; it runs them with many more cases.

use planner::search::search;

#[path = "../../sim/src/planner/mod.rs"]
#[expect(dead_code, unreachable_pub, reason = "the simulation's commands use the rest")]
mod planner;
#[path = "../../sim/src/tape.rs"]
#[expect(dead_code, unreachable_pub, reason = "the engine world uses the rest")]
mod tape;
#[path = "../../sim/src/word.rs"]
#[expect(unreachable_pub, reason = "the simulation has it as a library")]
mod word;
#[path = "../../sim/src/words.rs"]
#[expect(unreachable_pub, reason = "the simulation has it as a library")]
mod words;

/// So many cases.
const CASES: u64 = 6_000;
/// So many are run before it is asked whether one broke a rule.
const PART: u64 = 60;

/// Stops at the first that breaks one, and leaves it to the simulation to make it simple and tell
/// it: whoever bends decisions on purpose wants to know soon.
#[test]
fn every_node_becomes_what_the_three_trees_say() {
    let cases = std::env::var("PLANNER_CASES").ok().and_then(|cases| cases.parse().ok());
    for from in (1..=cases.unwrap_or(CASES)).step_by(PART as usize) {
        let failures = search(from, PART).failures;
        assert!(failures.is_empty(), "sim replay planner:NUMBER tells each: {failures:?}");
    }
}
