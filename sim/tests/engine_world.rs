//! The engine world under proptest: any users, any schedule, any faults; every rule must hold.

use std::cell::RefCell;
use std::io::Write;
use std::thread;

use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestError, TestRng, TestRunner};
use sim::counts;
use sim::oracle::rules;
use sim::search::Summary;
use sim::shrink::Cases;
use sim::user::Action;

/// The runs are shared by so many threads.
const THREADS: u64 = 2;
/// One in so many runs is run twice.
const TWICE: u64 = 20;

/// So many runs are enough for every fault to strike, and for every program to run.
const RUNS_FOR_ALL: u64 = 2_500;
/// Every fault there is, but those of users in the window of a change.
const FAULTS: [&str; 25] = [
    "answer",
    "bad_save",
    "bad_transfer",
    "clock_jump",
    "cut",
    "disk_full",
    "double_event",
    "kill_client",
    "kill_in_change",
    "kill_server",
    "lose_event",
    "lost_news",
    "mute",
    "old_device",
    "old_disk",
    "old_server",
    "old_state",
    "overflow",
    "power_cut",
    "quota",
    "read_only",
    "reorder_event",
    "save_crash",
    "store_crash",
    "suspend",
];
/// What users do in the windows of changes.
const WINDOWS: [&str; 8] = [
    "window_chmod",
    "window_close",
    "window_directory",
    "window_open",
    "window_rename",
    "window_truncate",
    "window_unlink",
    "window_write",
];

/// Tells people who ran the tests, also when all is well: past the capturing of what tests print.
fn tell(words: &str) {
    let _ = writeln!(std::io::stderr(), "{words}");
}

/// Runs a share of the cases: what they were like, and what the first that failed says.
fn share(seed: u64, runs: u64) -> (Summary, Result<(), String>) {
    let config = Config {
        cases: u32::try_from(runs).unwrap_or(u32::MAX),
        failure_persistence: None,
        max_shrink_iters: 4_000,
        ..Config::default()
    };
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_be_bytes());
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
    let summary = RefCell::new(Summary::default());
    let result = TestRunner::new_with_rng(config, rng).run(&Cases, |case| {
        let outcome = case.run(false);
        let mut summary = summary.borrow_mut();
        summary.add(&outcome);
        if summary.runs().is_multiple_of(TWICE) {
            summary.ran_twice();
            if case.run(false).trace != outcome.trace {
                return Err(TestCaseError::fail("the same tapes gave another trace"));
            }
        }
        outcome.result.map_err(|broken| TestCaseError::fail(broken.to_string()))
    });
    let result = result.map_err(|error| match error {
        TestError::Fail(why, case) => {
            format!("{why}\ncargo run --release -p sim -- replay {}", case.encode())
        }
        TestError::Abort(why) => why.to_string(),
    });
    (summary.into_inner(), result)
}

#[test]
fn every_rule_holds_whatever_happens() {
    let seed = std::env::var("SIM_SEED").ok().and_then(|text| text.parse().ok()).unwrap_or(1);
    let runs = counts::engine();
    tell(&format!("the engine world: {runs} runs, SIM_SEED={seed}"));
    let shares = (0..THREADS).map(|thread| {
        let share_of_runs = (runs + thread) / THREADS;
        thread::spawn(move || share(seed * THREADS + thread, share_of_runs))
    });
    let shares: Vec<_> = shares.collect();
    let mut summary = Summary::default();
    let mut failures = Vec::new();
    for share in shares {
        let (part, result) = share.join().expect("a share's failures are told, not thrown");
        summary.join(&part);
        failures.extend(result.err());
    }
    tell(&summary.to_string());
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    for rule in rules::ALL {
        assert!(summary.judged().of(rule) > 0, "nothing was judged by: {rule}");
    }
    if runs >= RUNS_FOR_ALL {
        for fault in FAULTS.into_iter().chain(WINDOWS).chain(Action::PROGRAMS) {
            assert!(summary.struck(fault) > 0, "{fault} never struck");
        }
    }
}
