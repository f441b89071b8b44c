//! Time as data: a steady one to wait by, and one for people to read.

use core::fmt;
use core::ops::Add;

use serde::{Deserialize, Serialize};

/// Milliseconds on a clock that never goes back; its zero means nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Instant(u64);

impl Instant {
    /// This many milliseconds after the clock's zero.
    pub const fn from_ms(ms: u64) -> Self {
        Self(ms)
    }

    /// Milliseconds after the clock's zero.
    pub const fn as_ms(self) -> u64 {
        self.0
    }

    /// Milliseconds since an earlier instant; 0 if it is not earlier.
    pub const fn ms_since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }
}

impl Add<u64> for Instant {
    type Output = Self;

    /// This many milliseconds later.
    fn add(self, ms: u64) -> Self {
        Self(self.0.saturating_add(ms))
    }
}

/// A point in time as a filesystem gives it, any value legal. It decides nothing.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct FileTime {
    /// Seconds since 1970 (UTC); may be negative.
    pub seconds: i64,
    /// Nanoseconds after that second, under 10^9.
    pub nanoseconds: u32,
}

/// Milliseconds since 1970 (UTC) by somebody's wall clock: for people to read. It decides nothing.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct WallTime(pub i64);

/// A minute on a device's wall clock, for the names of conflict copies. It decides nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct LocalMinute {
    /// For example 2026.
    pub year: i16,
    /// 1 to 12.
    pub month: u8,
    /// 1 to 31.
    pub day: u8,
    /// 0 to 23.
    pub hour: u8,
    /// 0 to 59.
    pub minute: u8,
}

impl LocalMinute {
    /// Reads what `Display` writes, within the ranges above.
    pub fn parse(text: &str) -> Option<Self> {
        let shape = |(at, byte): (usize, u8)| match at {
            4 | 7 => byte == b'-',
            10 => byte == b' ',
            _ => byte.is_ascii_digit(),
        };
        if text.len() != 15 || !text.bytes().enumerate().all(shape) {
            return None;
        }
        let part = |from: usize, to: usize| text[from..to].parse::<u8>().ok();
        let minute = Self {
            year: text[..4].parse().ok()?,
            month: part(5, 7).filter(|month| (1..=12).contains(month))?,
            day: part(8, 10).filter(|day| (1..=31).contains(day))?,
            hour: part(11, 13).filter(|hour| *hour < 24)?,
            minute: part(13, 15).filter(|minute| *minute < 60)?,
        };
        Some(minute)
    }
}

impl fmt::Display for LocalMinute {
    /// `2026-11-22 0741`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { year, month, day, hour, minute } = self;
        write!(f, "{year:04}-{month:02}-{day:02} {hour:02}{minute:02}")
    }
}

/// The time at which an engine is told something.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Now {
    /// What everything waits by.
    pub instant: Instant,
    /// What conflict copies are named by.
    pub local: LocalMinute,
}
