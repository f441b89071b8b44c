//! Cases for proptest: drawn from one number, shrunk towards fewer steps of users, fewer faults and a
//! calm schedule.

use proptest::strategy::{NewTree, Strategy, ValueTree};
use proptest::test_runner::TestRunner;

use crate::run::Case;
use crate::user::{Pause, UserStep};

/// All cases.
#[derive(Clone, Copy, Debug)]
pub struct Cases;

impl Strategy for Cases {
    type Tree = Shrinking;
    type Value = Case;

    fn new_tree(&self, runner: &mut TestRunner) -> NewTree<Self> {
        use proptest::prelude::Rng;
        Ok(Shrinking::new(Case::draw(runner.rng().next_u64())))
    }
}

/// One way to make a case simpler.
#[derive(Clone, Copy, Debug)]
enum Way {
    /// Leave out so many steps of users, from there.
    Drop(usize, usize),
    /// Make so many numbers of the schedule calm, from there.
    Calm(usize, usize),
    /// Turn a fault off.
    TurnOff(usize),
    /// Make the setting plainer.
    Plain(usize),
    /// Make a step of a user simpler.
    Simplify(usize, usize),
}

/// A case on its way to a simpler one.
#[derive(Debug)]
pub struct Shrinking {
    best: Case,
    trial: Case,
    ways: Vec<Way>,
    progress: bool,
}

impl Shrinking {
    /// Begins to make a failing case simpler.
    pub fn new(case: Case) -> Self {
        let ways = ways(&case);
        Self { best: case.clone(), trial: case, ways, progress: false }
    }

    fn next(&mut self) -> bool {
        loop {
            while let Some(way) = self.ways.pop() {
                let mut trial = self.best.clone();
                apply(&mut trial, way);
                trial = trial.trimmed();
                if trial != self.best {
                    self.trial = trial;
                    return true;
                }
            }
            if !std::mem::take(&mut self.progress) {
                self.trial = self.best.clone();
                return false;
            }
            self.ways = ways(&self.best);
        }
    }
}

impl ValueTree for Shrinking {
    type Value = Case;

    fn current(&self) -> Case {
        self.trial.clone()
    }

    /// The trial failed, too: go on from it.
    fn simplify(&mut self) -> bool {
        self.progress |= self.best != self.trial;
        self.best = self.trial.clone();
        self.next()
    }

    /// The trial passed: go on from the best so far.
    fn complicate(&mut self) -> bool {
        self.next()
    }
}

/// All ways, the boldest last, as they are taken from the end.
fn ways(case: &Case) -> Vec<Way> {
    let mut ways = Vec::new();
    for at in 0..case.users.len() {
        ways.extend((0..4).map(|how| Way::Simplify(at, how)));
    }
    let set: Vec<_> = (0..case.schedule.len()).filter(|at| case.schedule[*at] != 0).collect();
    if set.len() < 150 {
        ways.extend(set.iter().map(|at| Way::Calm(*at, 1)));
    }
    ways.extend((0..6).map(Way::Plain));
    for size in [1, 2, 4, 8, 16, 32] {
        let starts = (0..case.users.len()).step_by(size);
        ways.extend(starts.map(|at| Way::Drop(at, size)));
        let size = case.schedule.len().div_ceil(64 / size).max(1);
        let starts = (0..case.schedule.len()).step_by(size);
        ways.extend(starts.map(|at| Way::Calm(at, size)));
    }
    ways.extend((0..crate::world::faults::Faults::default().each().len()).map(Way::TurnOff));
    ways.push(Way::Calm(case.schedule.len() / 2, case.schedule.len()));
    ways.push(Way::Calm(0, case.schedule.len()));
    ways
}

fn apply(case: &mut Case, way: Way) {
    match way {
        Way::Drop(at, size) => {
            let end = (at + size).min(case.users.len());
            case.users.drain(at.min(end)..end);
        }
        Way::Calm(at, size) => {
            let end = (at + size).min(case.schedule.len());
            case.schedule[at.min(end)..end].fill(0);
        }
        Way::TurnOff(which) => {
            if let Some((_, weight)) = case.setting.faults.each().into_iter().nth(which) {
                *weight = 0;
            }
        }
        Way::Plain(0) => (case.setting.folds_case, case.setting.folds_form) = (0, 0),
        Way::Plain(1) => case.setting.no_births = 0,
        Way::Plain(2) => case.setting.no_leases = 0,
        Way::Plain(3) => case.setting.apart = false,
        Way::Plain(4) => case.setting.servers = 1,
        Way::Plain(_) => case.setting.devices = case.setting.devices.saturating_sub(1).max(2),
        Way::Simplify(at, how) => {
            if let Some(step) = case.users.get_mut(at) {
                simplify(step, how);
            }
        }
    }
}

fn simplify(step: &mut UserStep, how: usize) {
    match how {
        0 => step.pace = 0,
        1 => step.device %= 2,
        2 => step.pause = Pause::Quiet,
        _ => {
            if let Pause::Ms(ms) = &mut step.pause {
                *ms = 0;
            }
        }
    }
}
