//! It can fail: each planted fault is caught, and for the right reason.

use std::io::Write;
use std::thread;

use sim::planted::Planted;
use sim::planted::table::{Caught, MAX_RUNS};

/// So many faults are caught; the others wait for what would show them.
const CAUGHT: usize = 40;
/// Of each fault's runs so many must pass without it.
const CONTROLS: u64 = 5;

/// Does something for each fault, on two threads.
fn each<T: Send>(of: impl Fn(Planted) -> T + Sync) -> Vec<T> {
    let half = |start: usize| -> Vec<(usize, T)> {
        let mine = Planted::ALL.iter().enumerate().skip(start).step_by(2);
        mine.map(|(at, fault)| (at, of(*fault))).collect()
    };
    let mut all = thread::scope(|scope| {
        let other = scope.spawn(|| half(1));
        let mut all = half(0);
        all.extend(other.join().expect("the other half did not panic"));
        all
    });
    all.sort_by_key(|(at, _)| *at);
    all.into_iter().map(|(_, result)| result).collect()
}

#[test]
fn each_planted_fault_is_caught_by_a_rule_that_is_there_for_it() {
    let judged = |fault: Planted| !fault.rules().is_empty();
    let table = each(|fault| judged(fault).then(|| Caught::look_for(fault, MAX_RUNS)));
    let table: Vec<Caught> = table.into_iter().flatten().collect();
    let lines: Vec<String> = table.iter().map(Caught::to_string).collect();
    let _ = writeln!(std::io::stderr(), "{}", lines.join("\n"));
    assert_eq!(table.len(), CAUGHT);
    let missed: Vec<&Caught> =
        table.iter().filter(|caught| !caught.is_for_the_right_reason()).collect();
    assert!(missed.is_empty(), "{missed:#?}");
    let passes_without = |caught: &&Caught| {
        let run = caught.by.as_ref().map(|(_, run)| caught.fault.control(*run).run(false));
        run.is_none_or(|outcome| outcome.result.is_ok())
    };
    let in_any_case: Vec<&Caught> = table.iter().filter(|c| !passes_without(c)).collect();
    assert!(in_any_case.is_empty(), "these runs fail without the fault, too: {in_any_case:#?}");
}

#[test]
fn the_same_runs_pass_without_the_faults() {
    let broken = each(|fault| {
        let case = |run: &u64| fault.control(*run).run(false).result.err();
        (1..=CONTROLS).find_map(|run| Some((fault, run, case(&run)?)))
    });
    let broken: Vec<_> = broken.into_iter().flatten().collect();
    assert!(broken.is_empty(), "{broken:#?}");
}
