//! One case: drawn from a number, or read from a line of text; run, and told.

use std::panic::{AssertUnwindSafe, catch_unwind};

use serde::{Deserialize, Serialize};

use crate::tape::Random;
use crate::word;

use super::Broken;
use super::server::News;
use super::setup::Setup;
use super::tally::Tally;
use super::tree::{ALL, Deed, What};
use super::world::World;

/// What a case of this world begins with, as one word.
pub const PREFIX: &str = "planner:";

/// All that a case is made of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Case {
    /// What the ids are made from.
    pub seed: u64,
    /// What made the tree that both sides agreed on.
    pub base: Vec<Deed>,
    /// What was then done on this disk.
    pub local: Vec<Deed>,
    /// What was then done elsewhere.
    pub remote: Vec<Deed>,
    /// Bit by bit: these nodes are on both sides, but not agreed on.
    pub forgotten: u16,
    /// The engine saw what was done on the disk, before it was stopped.
    pub seen: bool,
    /// It had read the files that it saw.
    pub read: bool,
    /// How it hears of what was done elsewhere.
    pub news: News,
    /// How many effects in 1000 fail.
    pub failing: u16,
    /// How many times in 1000 the engine is killed in a round.
    pub killed: u16,
    /// The order of things, and what fails.
    pub schedule: Vec<u32>,
}

/// What came of a case.
#[derive(Debug)]
pub struct Outcome {
    /// The rule that was broken, if one was.
    pub result: Result<(), Broken>,
    /// A hash of all that happened, if it was asked for.
    pub trace: blake3::Hash,
    /// The story in words, if it was asked for.
    pub lines: Vec<String>,
}

/// What is recorded of a run, besides the counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Record {
    /// Nothing.
    Nothing,
    /// The hash of all that happens.
    Trace,
    /// That, and the story in words.
    Story,
}

impl Case {
    /// Draws a case.
    pub fn draw(seed: u64) -> Self {
        let mut random = Random(seed ^ 0x0070_6c61_6e6e_6572);
        let makes = [What::MakeFile, What::MakeFile, What::MakeDirectory, What::MakeSymlink];
        let count = random.below(9);
        let base = (0..count).map(|_| deed(&mut random, &makes)).collect();
        let local = deeds(&mut random);
        let mut remote = deeds(&mut random);
        // Now and then both sides do the same.
        for (at, deed) in remote.iter_mut().enumerate() {
            if let Some(same) = local.get(at).filter(|_| random.below(5) == 0) {
                *deed = *same;
            }
        }
        let news = [News::Heard, News::Entries, News::Entries, News::Heard, News::Snapshot];
        let merges = [News::FirstJoin, News::OtherJournal, News::OlderDevice];
        let merging = random.below(6) == 0;
        let news = if merging { random.one_of(&merges) } else { random.one_of(&news) };
        let forgets = random.below(8) == 0;
        let shuffled = random.one_of(&[0, 40, 200]);
        Self {
            seed,
            base,
            local,
            remote,
            forgotten: if forgets { random.draw() as u16 } else { 0 },
            seen: random.below(2) == 0,
            read: random.below(2) == 0,
            news,
            failing: random.one_of(&[0, 0, 50, 300]),
            killed: random.one_of(&[0, 0, 0, 50]),
            schedule: (0..shuffled).map(|_| random.draw() as u32).collect(),
        }
    }

    /// Runs it, and counts what it met.
    pub fn run(&self, tally: &mut Tally, record: Record) -> Outcome {
        let mut world = match Setup::of(self, tally).and_then(|setup| World::new(setup, record)) {
            Ok(world) => world,
            Err(broken) => {
                let trace = blake3::hash(&[]);
                return Outcome { result: Err(broken), trace, lines: Vec::new() };
            }
        };
        let result = catch_unwind(AssertUnwindSafe(|| world.run(tally))).unwrap_or_else(|panic| {
            let text = panic.downcast_ref::<String>().cloned();
            let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| text.to_string()));
            Err(Broken::new("nothing panics", text.unwrap_or_default()))
        });
        let (trace, lines) = world.told();
        Outcome { result, trace, lines }
    }

    /// The case as one word.
    pub fn encode(&self) -> String {
        word::encode(PREFIX, self)
    }

    /// Reads what [`Case::encode`] wrote, or a decimal seed after the same prefix.
    pub fn decode(text: &str) -> Option<Self> {
        word::decode(PREFIX, text, Self::draw)
    }
}

fn deeds(random: &mut Random) -> Vec<Deed> {
    let count = random.below(5);
    (0..count).map(|_| deed(random, &ALL)).collect()
}

fn deed(random: &mut Random, kinds: &[What]) -> Deed {
    let what = random.one_of(kinds);
    let [node, other, name, bytes, ..] = random.draw().to_le_bytes();
    Deed { what, node, other, name, bytes }
}
