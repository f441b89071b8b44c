//! What moves now, how fast, and how long it will take.

use onefold_adapters::meter::{Meter, Rates};
use onefold_core::client::{Direction, Moving, Status};
use serde::{Deserialize, Serialize};

use crate::status::shown;

/// A content on its way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Transfer {
    /// Whose it is.
    pub path: String,
    /// Where it goes.
    pub direction: Way,
    /// How many of its bytes are there.
    pub done: u64,
    /// How many it has.
    pub bytes: u64,
}

/// Where a content goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Way {
    /// To the server.
    Up,
    /// To this device.
    Down,
}

/// How fast it goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rate {
    /// To the server, in bytes a second over the last few.
    pub up: u64,
    /// To this device.
    pub down: u64,
}

/// What moves now.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Each large content.
    pub transfers: Vec<Transfer>,
    /// All of it.
    pub rate: Rate,
    /// How long what is left will take at these rates; `None`: nothing is, or nobody knows.
    pub seconds_left: Option<u64>,
}

impl Progress {
    /// Of a folder that stands so.
    pub fn of(meter: &Meter, status: &Status) -> Self {
        let transfers = status.moving.iter().map(|moving| Self::transfer(meter, moving));
        let transfers: Vec<_> = transfers.collect();
        let Rates { up, down } = meter.rates();
        let moving = Self { transfers, rate: Rate { up, down }, seconds_left: None };
        let seconds = [
            seconds(moving.left(Way::Up, status.uploading.1), up),
            seconds(moving.left(Way::Down, status.downloading.1), down),
        ];
        Self { seconds_left: seconds.into_iter().flatten().max(), ..moving }
    }

    /// How many of so many bytes that are to go one way are not there yet.
    pub fn left(&self, way: Way, bytes: u64) -> u64 {
        bytes.saturating_sub(self.done(way))
    }

    /// How many bytes are there of what is on its way.
    pub fn done(&self, way: Way) -> u64 {
        let moving = self.transfers.iter().filter(|transfer| transfer.direction == way);
        moving.map(|transfer| transfer.done).sum()
    }

    /// Of one content.
    pub fn transfer(meter: &Meter, moving: &Moving) -> Transfer {
        let Moving { path, direction, content, bytes } = moving;
        let done = meter.done(*direction, *content).min(*bytes);
        Transfer { path: shown(path), direction: (*direction).into(), done, bytes: *bytes }
    }
}

/// How long so many bytes take; `None` where nothing is left, or nothing moves.
fn seconds(left: u64, rate: u64) -> Option<u64> {
    (left > 0 && rate > 0).then(|| left.div_ceil(rate))
}

impl From<Direction> for Way {
    fn from(direction: Direction) -> Self {
        match direction {
            Direction::Up => Self::Up,
            Direction::Down => Self::Down,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use onefold_core::hash::ContentId;
    use onefold_core::name::RelPath;

    #[test]
    fn time_left_is_that_of_the_slower_way_and_unknown_when_nothing_moves() {
        assert_eq!([seconds(10, 3), seconds(0, 3), seconds(10, 0)], [Some(4), None, None]);
        let moving = Moving {
            path: RelPath::parse(b"a/b").unwrap(),
            direction: Direction::Up,
            content: ContentId::of(b"x"),
            bytes: 9,
        };
        let status = Status { moving: vec![moving], uploading: (1, 9), ..Status::default() };
        let progress = Progress::of(&Meter::default(), &status);
        let transfer = Transfer { path: "a/b".to_owned(), direction: Way::Up, done: 0, bytes: 9 };
        let transfers = vec![transfer];
        assert_eq!(progress, Progress { transfers, ..Progress::default() });
    }
}
