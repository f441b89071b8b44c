//! Running a case.

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::oracle::Broken;
use crate::run::Outcome;
use crate::story::Story;

use super::alarm;
use super::case::Case;
use super::world::World;

impl Case {
    /// Runs it; `telling` writes the story down in words.
    pub fn run(&self, telling: bool) -> Outcome {
        let story = if telling { Story::telling() } else { Story::default() };
        let mut world = match World::new(self, story) {
            Ok(world) => world,
            Err(broken) => return Outcome::of_nothing(broken),
        };
        let (ran, heard) = alarm::hearing(|| catch_unwind(AssertUnwindSafe(|| world.run())));
        let panicked = |_| Err(Broken::new("nothing panics", "the world itself did"));
        let result = heard.and(ran.unwrap_or_else(panicked));
        let virtual_ms = world.now_ms();
        let mut shared = world.shared.lock();
        Outcome {
            result,
            trace: shared.story.digest(),
            steps: shared.events,
            virtual_ms,
            judged: shared.witness.tally.clone(),
            struck: std::mem::take(&mut shared.story.struck),
            lines: std::mem::take(&mut shared.story.lines),
        }
    }
}
