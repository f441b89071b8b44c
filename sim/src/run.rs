//! One run: drawn from a number, or read from a line of text; run, and told.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

use serde::{Deserialize, Serialize};

use crate::oracle::{Broken, Tally};
use crate::story::Story;
use crate::tape::Random;
use crate::user::UserStep;
use crate::user::draw::{Mood, steps};
use crate::word;
use crate::world::faults::Faults;
use crate::world::{Setting, World};

/// The most steps of users in a drawn run.
const MAX_USER_STEPS: u64 = 50;
/// Numbers on the schedule tape for each step of a user.
const SCHEDULE_PER_STEP: u64 = 40;

/// All that a run is made of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Case {
    /// Devices, disks and faults.
    pub setting: Setting,
    /// What users do.
    pub users: Vec<UserStep>,
    /// How it is scheduled.
    pub schedule: Vec<u32>,
}

/// What came of a run.
#[derive(Debug)]
pub struct Outcome {
    /// The rule that was broken, if one was.
    pub result: Result<(), Broken>,
    /// A hash of all that happened.
    pub trace: blake3::Hash,
    /// How many faults of each kind struck.
    pub struck: BTreeMap<&'static str, u64>,
    /// How often each rule had something to judge.
    pub judged: Tally,
    /// How many steps it took.
    pub steps: u64,
    /// How much virtual time went by.
    pub virtual_ms: u64,
    /// The story in words, if it was asked for.
    pub lines: Vec<String>,
}

impl Case {
    /// Draws a case.
    pub fn draw(seed: u64) -> Self {
        let mut random = Random(seed);
        let devices = 2 + random.below(4).min(random.below(4)) as u8;
        let steps = 1 + random.below(MAX_USER_STEPS);
        Self::drawn(seed, random, devices, steps)
    }

    /// Draws a case of so many devices, and steps of users.
    pub fn of_size(seed: u64, devices: u8, steps: u64) -> Self {
        Self::drawn(seed, Random(seed), devices, steps)
    }

    fn drawn(seed: u64, mut random: Random, devices: u8, count: u64) -> Self {
        let faults = Faults::draw(&mut random);
        let bits = |random: &mut Random| {
            if random.below(4) == 0 { random.draw() as u8 } else { 0 }
        };
        let setting = Setting {
            devices,
            folds_case: bits(&mut random),
            folds_form: bits(&mut random),
            decomposes: random.draw() as u8,
            no_births: bits(&mut random),
            no_leases: bits(&mut random),
            servers: 1 + random.below(3) as u8,
            faults,
            apart: random.below(8) == 0,
            ask_from_files: if seed.is_multiple_of(3) { 1 + (seed / 3 % 4) as u32 } else { 20 },
            seed,
            planted: None,
        };
        let mood = Mood {
            quiet_in_1000: random.one_of(&[0, 20, 200, 1000]),
            pause_ms: random.one_of(&[5, 200, 3_000, 30_000]),
            alone: random.below(10) == 0,
            plain: random.below(4) == 0,
        };
        let users = steps(&mut random, mood, count as usize);
        let schedule = (0..count * SCHEDULE_PER_STEP).map(|_| random.draw() as u32).collect();
        Self { setting, users, schedule }.trimmed()
    }

    /// Without the zeros at the schedule's end, which say nothing.
    #[must_use]
    pub fn trimmed(mut self) -> Self {
        while self.schedule.last() == Some(&0) {
            self.schedule.pop();
        }
        self
    }

    /// Runs it; `telling` writes the story down in words.
    pub fn run(&self, telling: bool) -> Outcome {
        let story = if telling { Story::telling() } else { Story::default() };
        let made =
            World::with_tapes(self.setting, self.users.clone(), self.schedule.clone(), story);
        let mut world = match made {
            Ok(world) => world,
            Err(broken) => return Outcome::of_nothing(broken),
        };
        let result = catch_unwind(AssertUnwindSafe(|| world.run())).unwrap_or_else(|panic| {
            let text = panic.downcast_ref::<String>().cloned();
            let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| text.to_string()));
            Err(Broken::new("nothing panics", text.unwrap_or_default()))
        });
        Outcome {
            result,
            trace: world.story.digest(),
            steps: world.steps,
            virtual_ms: world.now_ms(),
            judged: world.judged(),
            struck: std::mem::take(&mut world.story.struck),
            lines: std::mem::take(&mut world.story.lines),
        }
    }

    /// The case as one word.
    pub fn encode(&self) -> String {
        word::encode("", self)
    }

    /// Reads what [`Case::encode`] wrote, or a plain decimal seed.
    pub fn decode(text: &str) -> Option<Self> {
        word::decode("", text, Self::draw)
    }
}

impl Outcome {
    pub(crate) fn of_nothing(broken: Broken) -> Self {
        Self {
            result: Err(broken),
            trace: blake3::hash(b""),
            judged: Tally::default(),
            struck: BTreeMap::new(),
            steps: 0,
            virtual_ms: 0,
            lines: Vec::new(),
        }
    }
}
