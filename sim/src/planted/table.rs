//! Each planted fault, the rule that caught it, and after how many runs.

use std::fmt;

use super::Planted;
use crate::oracle::Broken;

/// No fault is looked for longer.
pub const MAX_RUNS: u64 = 2_000;

/// How a fault was caught.
#[derive(Clone, Debug)]
pub struct Caught {
    /// The fault.
    pub fault: Planted,
    /// What it broke, and in which run; `None` if in none.
    pub by: Option<(Broken, u64)>,
}

impl Caught {
    /// Runs cases until a rule breaks.
    pub fn look_for(fault: Planted, max_runs: u64) -> Self {
        let by =
            (1..=max_runs).find_map(|run| Some((fault.case(run).run(false).result.err()?, run)));
        Self { fault, by }
    }

    /// It broke one of the rules that are there to catch it.
    pub fn is_for_the_right_reason(&self) -> bool {
        self.by.as_ref().is_some_and(|(broken, _)| self.fault.rules().contains(&broken.rule))
    }
}

impl fmt::Display for Caught {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:<20} | ", format!("{:?}", self.fault))?;
        match &self.by {
            Some((broken, runs)) => write!(f, "{} | after {runs} runs", broken.rule)?,
            None => write!(f, "not caught")?,
        }
        write!(f, " |{}", self.fault.words())
    }
}
