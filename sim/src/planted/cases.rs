//! Runs in which what a planted fault bends happens often.
//!
//! Most faults show in any hostile run; for the others, users do what it takes, in any schedule.

use crate::run::Case;
use crate::tape::Random;
use crate::user::{Action, Pause, Spot, UserStep};
use crate::world::Setting;

use super::Planted;

/// How often users meet.
const ROUNDS: u64 = 6;
/// Numbers on the schedule tape.
const SCHEDULE: usize = 3_000;
/// When an engine looks at what a hint told it.
const GATHERED_MS: u16 = 10;
/// Later than anything that is on its way: unless it comes before its time, in a window.
const LATER_MS: u16 = 4_000;

/// The names that a duel is about.
const A: Spot = Spot { dir: 0, word: 0 };
const B: Spot = Spot { dir: 0, word: 1 };
const C: Spot = Spot { dir: 0, word: 2 };
const D: Spot = Spot { dir: 0, word: 3 };
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
        if let Some(play) = self.play() {
            let setting = &mut case.setting;
            *setting = Setting { seed, no_leases: setting.no_leases, ..Setting::calm(2) };
            case.users = play.tape(&mut random);
            case.schedule = (0..SCHEDULE).map(|_| random.draw() as u32).collect();
        }
        let setting = &mut case.setting;
        let faults = &mut setting.faults;
        match self {
            Self::ReplacesUncompared
            | Self::RemovesUncompared
            | Self::RenamesUncompared
            | Self::RenamesOverOthers
            | Self::PlacesOverOthers
            | Self::RemovesRecursively
            | Self::StampsAfterSwap
            | Self::KeepsWrongSwap => faults.window = 500,
            Self::DropsLateWriter => (faults.window, setting.no_leases) = (500, 0xff),
            Self::PlacesUnsynced => faults.power_cut = 4,
            Self::SavesLate | Self::KeepsSeed => faults.kill_client = faults.kill_client.max(3),
            Self::AnswersEarly => faults.kill_server = faults.kill_server.max(3),
            Self::ForgetsIntent => {
                (faults.kill_in_change, faults.delay, faults.disorder) = (300, 20, 500);
            }
            Self::OwnIsForeign => faults.delay = 20,
            Self::CopyIsOwn => faults.clone_disk = 2,
            Self::MergeDeletes | Self::IgnoresChain => faults.old_server = 2,
            Self::IgnoresCase => setting.folds_case = 1,
            _ => {}
        }
        case
    }

    /// What users do; `None`: anything.
    const fn play(self) -> Option<Play> {
        const EDIT: &[Action] = &[Action::Rewrite(0), Action::Append(0)];
        const REPLACE: &[Action] = &[Action::Replace(1, 0), Action::Rename(1, A)];
        const DELETE_TREE: &[Action] = &[Action::DeleteTree(2)];
        Some(match self {
            Self::ReplacesUncompared | Self::KeepsWrongSwap | Self::StampsAfterSwap => {
                Play::Duel(EDIT, REPLACE)
            }
            Self::RemovesUncompared => Play::Duel(&[Action::Delete(0)], REPLACE),
            Self::RenamesUncompared => Play::Duel(&[Action::Rename(0, C)], REPLACE),
            Self::RenamesOverOthers => Play::Duel(&[Action::Rename(0, C)], &[Action::Rename(1, C)]),
            Self::PlacesOverOthers => Play::Duel(&[Action::Create(C)], &[Action::Rename(1, C)]),
            Self::RemovesRecursively => Play::Duel(DELETE_TREE, &[Action::Rename(0, INSIDE)]),
            Self::DropsLateWriter => Play::Duel(EDIT, &[Action::Linger(0)]),
            Self::PlacesUnsynced => Play::Alone(EDIT, 1_500),
            Self::ForgetsIntent => Play::Alone(EDIT, 100),
            Self::OwnIsForeign | Self::IgnoresDigest => Play::Alone(EDIT, 60),
            Self::CopyIsOwn => Play::Alone(EDIT, 300),
            Self::UnreadableIsEmpty => Play::Hidden(Action::Access(0, 1), Action::Rename(0, C)),
            Self::UnmountedIsEmpty => Play::Hidden(Action::Mount(false), Action::Rest),
            Self::FollowsMtime => Play::Alone(&[Action::Disguise(0)], 3_000),
            Self::ForgetsKey | Self::DecidesAgain => {
                Play::Unheard(Action::Chmod(0), Action::Chmod(0))
            }
            Self::AcceptsCycle => Play::Unaware(
                Action::Rename(0, Spot { dir: 2, word: 5 }),
                Action::Rename(2, Spot { dir: 1, word: 5 }),
            ),
            Self::AcceptsOrphan => Play::Unaware(Action::Create(INSIDE), Action::DeleteTree(0)),
            _ => return None,
        })
    }
}

/// What users do.
#[derive(Clone, Copy)]
enum Play {
    /// What the one does arrives while the other is about to do something.
    Duel(&'static [Action], &'static [Action]),
    /// One user alone does these, with pauses of so many milliseconds.
    Alone(&'static [Action], u64),
    /// One does something and is cut off before he hears of it; then another does something.
    Unheard(Action, Action),
    /// One does something to hide what he has, and something else.
    Hidden(Action, Action),
    /// One does something to two directories while he is cut off; another does something, too.
    Unaware(Action, Action),
}

impl Play {
    fn tape(self, random: &mut Random) -> Vec<UserStep> {
        let mut tape = Vec::new();
        for _ in 0..ROUNDS {
            let (me, other) = if random.below(2) == 0 { (0, 1) } else { (1, 0) };
            let mut step = |device, pause, action| {
                tape.push(UserStep { device, pause, action, pace: 0 });
            };
            match self {
                Self::Duel(there, here) => {
                    for action in [Action::Create(A), Action::Create(B), Action::MakeTree(D, 0)] {
                        step(me, Pause::Quiet, action);
                    }
                    step(other, Pause::Quiet, random.one_of(there));
                    for _ in 0..2 {
                        step(me, Pause::Ms(LATER_MS), random.one_of(here));
                    }
                }
                Self::Alone(actions, pause_ms) => {
                    step(0, Pause::Quiet, Action::Create(A));
                    for _ in 0..5 {
                        let pause = Pause::Ms(random.below(pause_ms) as u16);
                        step(0, pause, random.one_of(actions));
                    }
                }
                Self::Unheard(mine, others) => {
                    step(me, Pause::Quiet, Action::Create(A));
                    step(me, Pause::Quiet, mine);
                    step(me, Pause::Ms(GATHERED_MS), Action::GoOffline);
                    step(other, Pause::Quiet, others);
                    step(me, Pause::Quiet, Action::GoOnline);
                }
                Self::Hidden(hide, then) => {
                    step(me, Pause::Quiet, Action::Mount(true));
                    step(me, Pause::Quiet, Action::MakeTree(D, 0));
                    step(me, Pause::Quiet, hide);
                    step(me, Pause::Ms(LATER_MS), then);
                    step(me, Pause::Ms(3 * LATER_MS), Action::Rest);
                }
                Self::Unaware(mine, others) => {
                    step(me, Pause::Quiet, Action::MakeTree(C, 0));
                    step(me, Pause::Quiet, Action::MakeTree(D, 0));
                    step(me, Pause::Quiet, Action::GoOffline);
                    step(me, Pause::Ms(0), mine);
                    step(other, Pause::Ms(0), others);
                    step(me, Pause::Quiet, Action::GoOnline);
                }
            }
        }
        tape
    }
}
