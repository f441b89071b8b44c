//! The time that an engine is told: a steady clock to wait by, a wall clock to name copies by.

use std::time::Duration;

use onefold_core::time::{self, LocalMinute, Now};
use tokio::time::Instant;

/// A clock whose zero is its making.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    zero: Instant,
    local: fn() -> LocalMinute,
}

impl Clock {
    /// A clock that reads the wall by `local`; a simulation brings its own.
    pub fn new(local: fn() -> LocalMinute) -> Self {
        Self { zero: Instant::now(), local }
    }

    /// The present time.
    pub fn now(&self) -> Now {
        let ms = u64::try_from(self.zero.elapsed().as_millis()).unwrap_or(u64::MAX);
        Now { instant: time::Instant::from_ms(ms), local: (self.local)() }
    }

    /// When an engine's instant comes.
    pub fn when(&self, instant: time::Instant) -> Instant {
        self.zero + Duration::from_millis(instant.as_ms())
    }
}

/// The minute on this machine's wall clock, in its time zone.
pub fn local_minute() -> LocalMinute {
    let now = jiff::Zoned::now();
    let small = |number: i8| number.unsigned_abs();
    LocalMinute {
        year: now.year(),
        month: small(now.month()),
        day: small(now.day()),
        hour: small(now.hour()),
        minute: small(now.minute()),
    }
}
