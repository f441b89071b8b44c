//! Making a failing case simpler: fewer steps of users, fewer faults, calmer numbers.

use super::case::Case;
use super::fault::Chances;

/// A case is not made simpler with more runs than this.
const MAX_RUNS: u32 = 600;

/// One way to make a case simpler.
#[derive(Clone, Copy, Debug)]
enum Way {
    /// Nothing small goes wrong any more, of one kind or of all.
    NoChance(Option<usize>),
    /// Leave out so many strikes, from there.
    DropStrikes(usize, usize),
    /// Leave out so many steps of users, from there.
    DropSteps(usize, usize),
    /// Make so many numbers calm, from there.
    Calm(usize, usize),
    /// Make the setting plainer.
    Plain(usize),
    /// A user's program makes all its calls at once.
    AtOnce(usize),
}

/// The simplest case found that breaks the same rule.
pub fn shrunk(case: Case, rule: &str) -> Case {
    let mut best = case;
    let mut runs = 0;
    loop {
        let before = best.clone();
        for way in ways(&before) {
            let mut trial = best.clone();
            apply(&mut trial, way);
            trial = trial.trimmed();
            if trial == best {
                continue;
            }
            if runs == MAX_RUNS {
                return best;
            }
            runs += 1;
            if trial.run(false).result.is_err_and(|broken| broken.rule == rule) {
                best = trial;
            }
        }
        if best == before {
            return best;
        }
    }
}

/// All ways, the boldest first.
fn ways(case: &Case) -> Vec<Way> {
    let mut ways = vec![Way::Calm(0, usize::MAX), Way::NoChance(None)];
    ways.extend((0..5).map(|which| Way::NoChance(Some(which))));
    for size in [16, 8, 4, 2, 1] {
        ways.extend((0..case.strikes.len()).step_by(size).map(|at| Way::DropStrikes(at, size)));
        ways.extend((0..case.users.len()).step_by(size).map(|at| Way::DropSteps(at, size)));
        let size = case.draws.len().div_ceil(64 / size).max(1);
        ways.extend((0..case.draws.len()).step_by(size).map(|at| Way::Calm(at, size)));
    }
    ways.extend((0..7).map(Way::Plain));
    ways.extend((0..case.users.len()).map(Way::AtOnce));
    ways
}

fn apply(case: &mut Case, way: Way) {
    let setting = &mut case.setting;
    match way {
        Way::NoChance(None) => case.chances = Chances::default(),
        Way::NoChance(Some(which)) => {
            let Chances { window, kill_in_change, bad_save, lose_event, double_event } =
                &mut case.chances;
            let each = [window, kill_in_change, bad_save, lose_event, double_event];
            each.into_iter().nth(which).into_iter().for_each(|chance| *chance = 0);
        }
        Way::DropStrikes(at, size) => drain(&mut case.strikes, at, size),
        Way::DropSteps(at, size) => drain(&mut case.users, at, size),
        Way::Calm(at, size) => {
            let end = at.saturating_add(size).min(case.draws.len());
            case.draws[at.min(end)..end].fill(0);
        }
        Way::Plain(0) => (setting.folds_case, setting.folds_form) = (0, 0),
        Way::Plain(1) => setting.no_births = 0,
        Way::Plain(2) => setting.no_leases = 0,
        Way::Plain(3) => setting.apart = false,
        Way::Plain(4) => setting.latency_ms = (1, 5),
        Way::Plain(5) => setting.large_in = 0,
        Way::Plain(_) => setting.devices = setting.devices.saturating_sub(1).max(2),
        Way::AtOnce(at) => {
            if let Some(step) = case.users.get_mut(at) {
                step.pace = 0;
            }
        }
    }
}

fn drain<T>(list: &mut Vec<T>, at: usize, size: usize) {
    let end = at.saturating_add(size).min(list.len());
    list.drain(at.min(end)..end);
}
