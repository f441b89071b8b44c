//! What a run is made of: plain data, drawn from a number or read from a word.
//!
//! Three tapes shrink apart: what users do, which faults strike when, and the numbers by which small
//! things go wrong on the way (past their end all is calm).

use serde::{Deserialize, Serialize};

use crate::tape::Random;
use crate::user::UserStep;
use crate::user::draw::{Mood, steps};
use crate::word;

use super::fault::{Chances, Strike, strikes};

/// What a case's word begins with.
pub const PREFIX: &str = "turmoil:";

/// The most steps of users in a drawn run.
const MAX_USER_STEPS: u64 = 30;
/// Numbers for small things for each step of a user.
const DRAWS_PER_STEP: u64 = 20;

/// Devices, disks and the network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Setting {
    /// How many devices.
    pub devices: u8,
    /// Bit by bit: these devices' disks fold case.
    pub folds_case: u8,
    /// Bit by bit: these devices' disks take composed and decomposed letters for one.
    pub folds_form: u8,
    /// Bit by bit: those of them that give names back decomposed.
    pub decomposes: u8,
    /// Bit by bit: these devices' disks have no birth times.
    pub no_births: u8,
    /// Bit by bit: these devices' disks have no leases.
    pub no_leases: u8,
    /// Each user keeps to a directory of his own.
    pub apart: bool,
    /// The least and the most that a message takes, in milliseconds.
    pub latency_ms: (u16, u16),
    /// One in so many contents is too large for the stream, and goes over HTTP; 0: none.
    pub large_in: u8,
    /// What the engines' seeds and turmoil's numbers are made from.
    pub seed: u64,
}

/// All that a run is made of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Case {
    /// Devices, disks and the network.
    pub setting: Setting,
    /// What users do.
    pub users: Vec<UserStep>,
    /// Which faults strike when.
    pub strikes: Vec<Strike>,
    /// How often small things go wrong.
    pub chances: Chances,
    /// By which numbers.
    pub draws: Vec<u32>,
}

impl Setting {
    /// So many devices on a good network.
    pub fn calm(devices: u8) -> Self {
        Self {
            devices,
            folds_case: 0,
            folds_form: 0,
            decomposes: 0,
            no_births: 0,
            no_leases: 0,
            apart: false,
            latency_ms: (1, 5),
            large_in: 0,
            seed: 1,
        }
    }
}

impl Case {
    /// Users who do this on so many devices, and no faults.
    pub fn calm(devices: u8, users: Vec<UserStep>) -> Self {
        let (strikes, draws) = (Vec::new(), Vec::new());
        Self { setting: Setting::calm(devices), users, strikes, chances: Chances::default(), draws }
    }

    /// Draws a case.
    pub fn draw(seed: u64) -> Self {
        let mut random = Random(seed);
        let bits = |random: &mut Random| {
            if random.below(4) == 0 { random.draw() as u8 } else { 0 }
        };
        let setting = Setting {
            devices: 2 + random.below(3).min(random.below(3)) as u8,
            folds_case: bits(&mut random),
            folds_form: bits(&mut random),
            decomposes: random.draw() as u8,
            no_births: bits(&mut random),
            no_leases: bits(&mut random),
            apart: random.below(8) == 0,
            latency_ms: random.one_of(&[(0, 1), (1, 20), (10, 200), (0, 1_500)]),
            large_in: random.one_of(&[0, 0, 8, 16]),
            seed,
        };
        let mood = Mood {
            quiet_in_1000: random.one_of(&[0, 20, 200, 1_000]),
            pause_ms: random.one_of(&[5, 200, 1_000, 6_000]),
            alone: random.below(10) == 0,
            plain: random.below(4) == 0,
        };
        let count = 1 + random.below(MAX_USER_STEPS);
        let users = steps(&mut random, mood, count as usize);
        let strikes = strikes(&mut random, count, mood.pause_ms);
        let chances = Chances::draw(&mut random);
        let draws = (0..count * DRAWS_PER_STEP).map(|_| random.draw() as u32).collect();
        Self { setting, users, strikes, chances, draws }.trimmed()
    }

    /// Without the zeros at the end of its numbers, which say nothing.
    #[must_use]
    pub fn trimmed(mut self) -> Self {
        while self.draws.last() == Some(&0) {
            self.draws.pop();
        }
        self
    }

    /// The case as one word.
    pub fn encode(&self) -> String {
        word::encode(PREFIX, self)
    }

    /// Reads what [`Case::encode`] wrote, or the prefix and a plain decimal seed.
    pub fn decode(text: &str) -> Option<Self> {
        word::decode(PREFIX, text, Self::draw)
    }
}
