//! The rules by name, and how often each had something to judge: one that never had proves nothing.

use std::collections::BTreeMap;
use std::fmt;

/// How often each rule had something to judge.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally(BTreeMap<&'static str, u64>);

impl Tally {
    /// A rule judged so many things.
    pub fn judged(&mut self, rule: &'static str, things: impl TryInto<u64>) {
        *self.0.entry(rule).or_default() += things.try_into().unwrap_or(u64::MAX);
    }

    /// Counts another's in.
    pub fn add(&mut self, other: &Self) {
        for (rule, count) in &other.0 {
            *self.0.entry(rule).or_default() += count;
        }
    }

    /// How often a rule had something to judge.
    pub fn of(&self, rule: &str) -> u64 {
        self.0.get(rule).copied().unwrap_or(0)
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines: Vec<_> =
            self.0.iter().map(|(rule, count)| format!("{count:>12} {rule}")).collect();
        f.write_str(&lines.join("\n"))
    }
}
