//! How often a run of cases met what: a case that met nothing shows nothing.

use std::collections::BTreeMap;
use std::fmt;

use onefold_core::client::reconcile::{Act, Decision};

/// Counts, over many cases.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Cases that were run.
    pub cases: u64,
    /// Rounds that they took.
    pub rounds: u64,
    /// The most rounds that one took.
    pub longest: u64,
    /// Deeds, by side and kind.
    pub deeds: BTreeMap<String, u64>,
    /// Decisions that the first comparison of the three trees calls for.
    pub decisions: BTreeMap<String, u64>,
    /// Effects that were carried out, by kind.
    pub effects: BTreeMap<&'static str, u64>,
    /// Those that failed, by kind.
    pub failed: BTreeMap<&'static str, u64>,
    /// Times that the engine was killed.
    pub killed: u64,
    /// Conflict copies that were left.
    pub copies: u64,
}

impl Tally {
    /// Counts a decision.
    pub fn decision(&mut self, decision: Decision) {
        let mut count = |name: String| *self.decisions.entry(name).or_default() += 1;
        let Decision::Merge { place, content, executable } = decision else {
            return count(format!("{decision:?}"));
        };
        if decision == Decision::REST {
            return count("Rest".into());
        }
        for (what, act) in [("place", place), ("content", content), ("executable", executable)] {
            if act != Act::Rest {
                count(format!("{act:?} {what}"));
            }
        }
    }

    /// Counts in what another thread counted.
    pub fn add(&mut self, other: Self) {
        self.cases += other.cases;
        self.rounds += other.rounds;
        self.longest = self.longest.max(other.longest);
        self.killed += other.killed;
        self.copies += other.copies;
        merge(&mut self.deeds, other.deeds);
        merge(&mut self.decisions, other.decisions);
        merge(&mut self.effects, other.effects);
        merge(&mut self.failed, other.failed);
    }
}

fn merge<K: Ord>(into: &mut BTreeMap<K, u64>, from: BTreeMap<K, u64>) {
    for (key, count) in from {
        *into.entry(key).or_default() += count;
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { cases, rounds, longest, killed, copies, .. } = self;
        let failed: u64 = self.failed.values().sum();
        let effects: u64 = self.effects.values().sum();
        writeln!(
            f,
            "{cases} planner cases, {rounds} rounds (the longest {longest}), {effects} effects of \
             which {failed} failed, {killed} kills, {copies} conflict copies"
        )?;
        line(f, "deeds", &self.deeds)?;
        line(f, "decisions", &self.decisions)?;
        line(f, "effects", &self.effects)?;
        line(f, "failed", &self.failed)
    }
}

fn line<K: fmt::Display>(
    f: &mut fmt::Formatter<'_>,
    what: &str,
    counts: &BTreeMap<K, u64>,
) -> fmt::Result {
    let counts: Vec<String> = counts.iter().map(|(key, count)| format!("{key} {count}")).collect();
    writeln!(f, "{what}: {}", counts.join(", "))
}
