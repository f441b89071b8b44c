//! The engine world under proptest: any users, any schedule, any faults; every rule must hold.

use std::cell::RefCell;
use std::io::Write;

use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestError, TestRng, TestRunner};
use sim::oracle::rules;
use sim::search::Summary;
use sim::shrink::Cases;

/// So many runs, unless `SIM_RUNS` says otherwise.
const RUNS: u32 = 500;
/// One in so many runs is run twice.
const TWICE: u64 = 20;

fn from_environment(name: &str, default: u32) -> u32 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

/// Tells people who ran the tests, also when all is well: past the capturing of what tests print.
fn tell(words: &str) {
    let _ = writeln!(std::io::stderr(), "{words}");
}

#[test]
fn every_rule_holds_whatever_happens() {
    let runs = from_environment("SIM_RUNS", RUNS);
    let seed = from_environment("SIM_SEED", 1);
    tell(&format!("SIM_RUNS={runs} SIM_SEED={seed}"));
    let config = Config {
        cases: runs,
        failure_persistence: None,
        max_shrink_iters: 4_000,
        ..Config::default()
    };
    let mut bytes = [0; 32];
    bytes[..4].copy_from_slice(&seed.to_be_bytes());
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
    let summary = RefCell::new(Summary::default());
    let result = TestRunner::new_with_rng(config, rng).run(&Cases, |case| {
        let outcome = case.run(false);
        let mut summary = summary.borrow_mut();
        summary.add(&outcome);
        if summary.runs().is_multiple_of(TWICE) && case.run(false).trace != outcome.trace {
            return Err(TestCaseError::fail("the same tapes gave another trace"));
        }
        outcome.result.map_err(|broken| TestCaseError::fail(broken.to_string()))
    });
    tell(&summary.borrow().to_string());
    match result {
        Ok(()) => {
            for rule in rules::ALL {
                assert!(summary.borrow().judged().of(rule) > 0, "nothing was judged by: {rule}");
            }
        }
        Err(TestError::Fail(why, case)) => {
            panic!("{why}\ncargo run --release -p sim -- replay {}", case.encode())
        }
        Err(TestError::Abort(why)) => panic!("{why}"),
    }
}
