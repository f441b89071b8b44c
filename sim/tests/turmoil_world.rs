//! The turmoil world: the product's drivers over a simulated network; every rule must hold.

use std::io::Write;

use sim::search::Summary;
use sim::turmoil::case::Case;
use sim::turmoil::shrink::shrunk;
use sim::{counts, oracle::rules};

/// One in so many runs is run twice.
const TWICE: u64 = 20;
/// So many runs are enough for every fault to strike.
const RUNS_FOR_ALL: u64 = 200;
/// Every fault there is.
const FAULTS: [&str; 18] = [
    "bad_commit",
    "bad_save",
    "clock_jump",
    "disk_full",
    "double_event",
    "hold",
    "kill_client",
    "kill_in_change",
    "kill_server",
    "lose_event",
    "offline",
    "overflow",
    "partition",
    "power_cut",
    "server_power_cut",
    "stop_client",
    "torn_look",
    "window",
];

/// Tells people who ran the tests, also when all is well: past the capturing of what tests print.
fn tell(words: &str) {
    let _ = writeln!(std::io::stderr(), "{words}");
}

#[test]
fn every_rule_holds_whatever_happens_to_the_drivers() {
    let runs = counts::turmoil();
    let seed: u64 = std::env::var("SIM_SEED").ok().and_then(|text| text.parse().ok()).unwrap_or(1);
    tell(&format!("{runs} turmoil runs from seed {seed}"));
    let mut summary = Summary::default();
    for seed in seed..seed + runs {
        let case = Case::draw(seed);
        let outcome = case.run(false);
        summary.add(&outcome);
        if let Err(broken) = outcome.result {
            let case = shrunk(case, broken.rule);
            let why = case.run(false).result.err().unwrap_or(broken);
            let replay = "cargo run --release -p sim -- replay";
            panic!("{why}\n{replay} {}\n{replay} turmoil:{seed}", case.encode());
        }
        if seed % TWICE == 0 {
            let traces = [traced(seed), traced(seed)];
            assert_eq!(traces[0], traces[1], "the same tapes gave another trace: turmoil:{seed}");
            summary.ran_twice();
        }
    }
    tell(&summary.to_string());
    if runs >= RUNS_FOR_ALL {
        for fault in FAULTS {
            assert!(summary.struck(fault) > 0, "it never struck: {fault}");
        }
        for rule in [rules::SAME_TREES, rules::NOTHING_LOST, rules::ALONE, rules::REBUILT] {
            assert!(summary.judged().of(rule) > 0, "nothing was judged by: {rule}");
        }
    }
}

/// Names the case whose trace a process of its own prints.
const TRACED: &str = "SIM_TRACED";

/// The trace of a drawn case in a fresh process, as a replay is.
fn traced(seed: u64) -> String {
    let program = std::env::current_exe().expect("this test is a file");
    let output = std::process::Command::new(program)
        .args(["--exact", "the_trace_of_a_case_is_printed", "--nocapture"])
        .env(TRACED, seed.to_string())
        .output()
        .expect("this test can be run");
    let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
    let trace = stdout.lines().find_map(|line| line.split("trace ").nth(1).map(str::to_owned));
    trace.unwrap_or_else(|| panic!("no trace: {stdout}"))
}

/// Not a test of its own: what the processes do that are compared.
#[test]
fn the_trace_of_a_case_is_printed() {
    let Some(seed) = std::env::var(TRACED).ok().and_then(|seed| seed.parse().ok()) else { return };
    println!("trace {}", Case::draw(seed).run(false).trace);
}

#[test]
fn a_case_reads_back_as_it_was_written() {
    for seed in 0..20 {
        let case = Case::draw(seed);
        assert_eq!(Case::decode(&case.encode()), Some(case));
    }
}

/// Whether a hand-written run ends with all rules held.
fn holds(case: &Case) {
    let outcome = case.run(true);
    assert_eq!(outcome.result, Ok(()), "{}", outcome.lines.join("\n"));
}

#[test]
fn what_one_device_writes_reaches_the_other_through_the_product_s_own_drivers() {
    use sim::user::{Action, Pause, Spot, UserStep};
    let step = |device, action| UserStep { device, pause: Pause::Quiet, action, pace: 0 };
    let spot = Spot { dir: 0, word: 0 };
    let users = [
        step(0, Action::Create(spot)),
        step(1, Action::Append(0)),
        step(0, Action::Rename(0, Spot { dir: 0, word: 1 })),
        step(1, Action::Delete(0)),
    ];
    let mut case = Case::calm(2, users.to_vec());
    holds(&case);
    case.setting.large_in = 1;
    holds(&case);
    let told = case.run(true).lines.join("\n");
    assert!(told.contains("upload"), "large contents go over HTTP: {told}");
}
