//! Runs in which what a planted fault bends happens often.
//!
//! Most faults show in any hostile run. For those that need two users to meet in a moment there is the
//! duel: what the one does arrives at the other's disk while he is about to do something there.

use crate::run::Case;
use crate::tape::Random;
use crate::user::{Action, Pause, Spot, UserStep};

use super::Planted;

/// How often users of a duel meet.
const ROUNDS: u64 = 6;
/// Later than anything that is on its way: unless it comes before its time, in a window.
const LATER_MS: u16 = 4_000;

/// The names that a duel is about.
const A: Spot = Spot { dir: 0, word: 0 };
const B: Spot = Spot { dir: 0, word: 1 };
const C: Spot = Spot { dir: 0, word: 2 };
const INSIDE: Spot = Spot { dir: 1, word: 2 };

impl Planted {
    /// A run with the fault.
    pub fn case(self, seed: u64) -> Case {
        let mut case = self.control(seed);
        case.setting.planted = Some(self);
        case
    }

    /// The same run without it.
    pub fn control(self, seed: u64) -> Case {
        let mut random = Random(seed);
        let mut case = Case::draw(seed);
        if let Some((there, here)) = self.duel() {
            case.setting.devices = 2;
            case.setting.folds_case = 0;
            case.setting.apart = false;
            case.setting.faults = Default::default();
            case.setting.faults.window = 300 + random.below(400) as u16;
            case.users = duel(&mut random, there, here);
        }
        let setting = &mut case.setting;
        let faults = &mut setting.faults;
        match self {
            Self::DropsLateWriter => setting.no_leases = 0xff,
            Self::PlacesUnsynced => faults.power_cut = 4,
            Self::SavesLate | Self::KeepsSeed => faults.kill_client = faults.kill_client.max(3),
            Self::AnswersEarly => faults.kill_server = faults.kill_server.max(3),
            Self::ForgetsIntent => faults.kill_in_change = 200,
            Self::ForgetsKey | Self::DecidesAgain => faults.cut = 6,
            Self::UnreadableIsEmpty => faults.overflow = 6,
            _ => {}
        }
        case
    }

    /// What one user does, and what another is about to do then.
    const fn duel(self) -> Option<(&'static [Action], &'static [Action])> {
        const EDIT: &[Action] = &[Action::Rewrite(0), Action::Append(0)];
        const REPLACE: &[Action] = &[Action::Replace(1, 0), Action::Rename(1, A)];
        Some(match self {
            Self::ReplacesUncompared | Self::KeepsWrongSwap | Self::StampsAfterSwap => {
                (EDIT, REPLACE)
            }
            Self::RemovesUncompared => (&[Action::Delete(0)], REPLACE),
            Self::RenamesUncompared => (&[Action::Rename(0, C)], REPLACE),
            Self::RenamesOverOthers => (&[Action::Rename(0, C)], &[Action::Rename(1, C)]),
            Self::PlacesOverOthers => (&[Action::Create(C)], &[Action::Rename(1, C)]),
            Self::RemovesRecursively => (&[Action::DeleteTree(2)], &[Action::Rename(0, INSIDE)]),
            Self::DropsLateWriter => (EDIT, &[Action::Linger(0)]),
            _ => return None,
        })
    }
}

fn duel(random: &mut Random, there: &[Action], here: &[Action]) -> Vec<UserStep> {
    let mut users = Vec::new();
    for _ in 0..ROUNDS {
        let me = random.below(2) as u8;
        let mut step = |device, pause, action| {
            users.push(UserStep { device, pause, action, pace: 0 });
        };
        for action in
            [Action::Create(A), Action::Create(B), Action::MakeTree(Spot { dir: 0, word: 3 }, 0)]
        {
            step(me, Pause::Quiet, action);
        }
        step(1 - me, Pause::Quiet, random.one_of(there));
        for _ in 0..2 {
            step(me, Pause::Ms(LATER_MS), random.one_of(here));
        }
    }
    users
}
