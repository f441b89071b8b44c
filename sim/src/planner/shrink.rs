//! Makes a failing case simpler: fewer deeds, fewer failures, a calm schedule.

use super::case::{Case, Record};
use super::server::News;
use super::tally::Tally;
use super::tree::Deed;

/// No case is made simpler with more runs than this.
const MAX_RUNS: u32 = 3_000;

/// The simplest case found that breaks the same rule.
pub fn shrunk(case: &Case, rule: &str) -> Case {
    let mut best = case.clone();
    let mut runs = 0;
    loop {
        let mut better = false;
        for trial in simpler(&best) {
            if runs == MAX_RUNS {
                return best;
            }
            runs += 1;
            let outcome = trial.run(&mut Tally::default(), Record::Nothing);
            if outcome.result.is_err_and(|broken| broken.rule == rule) {
                (best, better) = (trial, true);
                break;
            }
        }
        if !better {
            return best;
        }
    }
}

/// All that are a little simpler, the boldest first.
fn simpler(case: &Case) -> Vec<Case> {
    let mut trials = Vec::new();
    let mut push = |change: &dyn Fn(&mut Case)| {
        let mut trial = case.clone();
        change(&mut trial);
        while trial.schedule.last() == Some(&0) {
            trial.schedule.pop();
        }
        if trial != *case {
            trials.push(trial);
        }
    };
    push(&|trial| trial.schedule.clear());
    push(&|trial| trial.killed = 0);
    push(&|trial| trial.failing = 0);
    push(&|trial| trial.forgotten = 0);
    push(&|trial| trial.news = News::Heard);
    push(&|trial| trial.news = News::Entries);
    push(&|trial| trial.seen = true);
    push(&|trial| trial.read = true);
    let sides: [fn(&mut Case) -> &mut Vec<Deed>; 3] =
        [|case| &mut case.local, |case| &mut case.remote, |case| &mut case.base];
    for side in sides {
        for at in (0..side(&mut case.clone()).len()).rev() {
            push(&|trial| {
                side(trial).remove(at);
            });
        }
    }
    for size in [64, 16, 4, 1] {
        for at in (0..case.schedule.len()).step_by(size) {
            let end = (at + size).min(case.schedule.len());
            push(&|trial| trial.schedule[at..end].fill(0));
        }
    }
    trials
}
