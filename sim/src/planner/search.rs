//! Runs many cases, on two threads, and tells of those that broke a rule.

use std::collections::BTreeMap;
use std::ops::Range;

use super::Broken;
use super::case::{Case, Record};
use super::shrink::shrunk;
use super::tally::Tally;

/// One in so many cases is run twice.
const TWICE: u64 = 20;

/// What many cases showed.
#[derive(Clone, Debug, Default)]
pub struct Found {
    /// What they met.
    pub tally: Tally,
    /// The numbers of the cases that broke a rule, by rule.
    pub failures: BTreeMap<&'static str, Vec<u64>>,
}

/// Runs the cases with these numbers.
pub fn search(from: u64, count: u64) -> Found {
    let middle = from + count / 2;
    let halves = [from..middle, middle..from + count];
    std::thread::scope(|scope| {
        let threads = halves.map(|half| scope.spawn(|| search_one(half)));
        threads.into_iter().fold(Found::default(), |mut all, thread| {
            let found = thread.join().expect("a case that panics is caught");
            all.tally.add(found.tally);
            for (rule, seeds) in found.failures {
                all.failures.entry(rule).or_default().extend(seeds);
            }
            all
        })
    })
}

fn search_one(seeds: Range<u64>) -> Found {
    let mut found = Found::default();
    for seed in seeds {
        if let Err(broken) = run(seed, &mut found.tally) {
            found.failures.entry(broken.rule).or_default().push(seed);
        }
    }
    found
}

fn run(seed: u64, tally: &mut Tally) -> Result<(), Broken> {
    let case = Case::draw(seed);
    if !seed.is_multiple_of(TWICE) {
        return case.run(tally, Record::Nothing).result;
    }
    let outcome = case.run(tally, Record::Trace);
    let again = case.run(&mut Tally::default(), Record::Trace);
    if outcome.trace != again.trace {
        return Err(Broken::new("the same case runs the same way", format!("case {seed}")));
    }
    outcome.result
}

/// The simplest case that breaks a rule, of the first few: what broke, and the line that tells its story.
pub fn told(seeds: &[u64], rule: &str) -> String {
    let shrunk = seeds.iter().take(3).map(|seed| shrunk(&Case::draw(*seed), rule));
    let size = |case: &Case| {
        let deeds = case.base.len() + case.local.len() + case.remote.len();
        deeds * 10 + case.schedule.iter().filter(|number| **number > 0).count()
    };
    let Some(case) = shrunk.min_by_key(size) else { return String::new() };
    let outcome = case.run(&mut Tally::default(), Record::Nothing);
    let broken = outcome.result.err().map(|broken| broken.to_string()).unwrap_or_default();
    format!("{broken}\ncargo run --release -p sim -- replay planner:{}", case.encode())
}
