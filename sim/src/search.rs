//! Looks for failing runs, and makes them simpler.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Instant;

use proptest::strategy::ValueTree;

use crate::oracle::Tally;
use crate::run::{Case, Outcome};
use crate::shrink::Shrinking;

/// A case is not made simpler with more runs than this.
const MAX_SHRINK_RUNS: u32 = 4_000;

/// What many runs were like.
#[derive(Clone, Debug)]
pub struct Summary {
    began: Instant,
    runs: u64,
    twice: u64,
    steps: u64,
    virtual_ms: u64,
    struck: BTreeMap<&'static str, u64>,
    judged: Tally,
}

impl Default for Summary {
    fn default() -> Self {
        let began = Instant::now();
        Self {
            began,
            runs: 0,
            twice: 0,
            steps: 0,
            virtual_ms: 0,
            judged: Tally::default(),
            struck: BTreeMap::new(),
        }
    }
}

impl Summary {
    /// Counts a run in.
    pub fn add(&mut self, outcome: &Outcome) {
        self.runs += 1;
        self.steps += outcome.steps;
        self.virtual_ms += outcome.virtual_ms;
        self.judged.add(&outcome.judged);
        for (fault, count) in &outcome.struck {
            *self.struck.entry(fault).or_default() += count;
        }
    }

    /// A run was run a second time, and compared.
    pub fn ran_twice(&mut self) {
        self.twice += 1;
    }

    /// Counts in what others ran at the same time.
    pub fn join(&mut self, other: &Self) {
        self.runs += other.runs;
        self.twice += other.twice;
        self.steps += other.steps;
        self.virtual_ms += other.virtual_ms;
        self.judged.add(&other.judged);
        for (fault, count) in &other.struck {
            *self.struck.entry(fault).or_default() += count;
        }
    }

    /// How often each rule had something to judge.
    pub fn judged(&self) -> &Tally {
        &self.judged
    }

    /// How often a fault struck.
    pub fn struck(&self, fault: &str) -> u64 {
        self.struck.get(fault).copied().unwrap_or(0)
    }

    /// How many runs there were.
    pub fn runs(&self) -> u64 {
        self.runs
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let real_ms = (self.began.elapsed().as_millis() as u64).max(1);
        let (runs, twice, steps) = (self.runs, self.twice, self.steps);
        writeln!(f, "{runs} runs ({twice} of them twice, with the same trace), {steps} steps")?;
        let per_minute = (runs + twice) * 60_000 / real_ms;
        let hours = self.virtual_ms / 3_600_000;
        let virtual_s = self.virtual_ms / real_ms;
        writeln!(
            f,
            "{per_minute} runs a minute; {hours} virtual hours, {virtual_s} virtual seconds in a second"
        )?;
        write!(f, "faults that struck:")?;
        self.struck.iter().try_for_each(|(fault, count)| write!(f, " {fault} {count}"))?;
        write!(f, "\nrules, and how often each had something to judge:\n{}", self.judged)
    }
}

/// The simplest case found that breaks the same rule.
pub fn shrunk(case: Case, rule: &str) -> Case {
    let mut tree = Shrinking::new(case.clone());
    let mut best = case;
    let mut more = tree.simplify();
    for _ in 0..MAX_SHRINK_RUNS {
        if !more {
            break;
        }
        let trial = tree.current();
        let fails = trial.run(false).result.is_err_and(|broken| broken.rule == rule);
        more = if fails {
            best = trial;
            tree.simplify()
        } else {
            tree.complicate()
        };
    }
    best
}
