//! What goes wrong in a run: faults that strike at a time, and small things that go wrong by chance.

use serde::{Deserialize, Serialize};

use crate::tape::Random;

/// A fault, and when it strikes whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Strike {
    /// How long after the strike before, in milliseconds.
    pub after_ms: u16,
    /// Which device, modulo those there are, where it is a device's.
    pub device: u8,
    /// How long it lasts, in milliseconds, where it lasts.
    pub lasts_ms: u16,
    /// What.
    pub fault: Fault,
}

/// What strikes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Fault {
    /// A device's link to the server loses all that is on its way, and all that is sent: what stood
    /// over it goes on in silence after it.
    Partition,
    /// A device's link to the server holds all back, and then lets it go at once.
    Hold,
    /// A device's client is killed, and started again.
    KillClient,
    /// A device's client is asked to stop, and started again.
    StopClient,
    /// A device's machine loses power: this many of the newest unsynced changes are lost, and bytes
    /// that were not synced if it is torn.
    PowerCut {
        /// Changes that are lost, at most.
        back: u8,
        /// Bytes are lost on their own, too.
        torn: bool,
    },
    /// The server is killed, and started again.
    KillServer,
    /// The server's machine loses power, and has it again.
    ServerPowerCut,
    /// The next write of the server's database fails: before it is kept, or after.
    BadCommit {
        /// It is kept, but nobody hears of it.
        kept: bool,
    },
    /// A device's watcher loses all that waits, and says so.
    Overflow,
    /// A device's disk is full.
    DiskFull,
    /// A device's wall clock jumps, in seconds.
    ClockJump(i32),
}

/// How often small things go wrong, in 1000.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Chances {
    /// A user acts within a change, or while a directory is looked at or a file read.
    pub window: u16,
    /// A client is killed within a change.
    pub kill_in_change: u16,
    /// A save fails.
    pub bad_save: u16,
    /// A watcher loses an event.
    pub lose_event: u16,
    /// A watcher tells an event twice.
    pub double_event: u16,
}

impl Chances {
    /// Draws them: each off, low or high.
    pub fn draw(random: &mut Random) -> Self {
        let hostile = random.below(4) > 0;
        let mut chance = |high: u16| match random.below(4) {
            _ if !hostile => 0,
            0..=1 => 0,
            2 => high / 5,
            _ => high,
        };
        Self {
            window: chance(500),
            kill_in_change: chance(100),
            bad_save: chance(100),
            lose_event: chance(200),
            double_event: chance(200),
        }
    }
}

/// Draws the strikes of a run, spread over about the time that its users take.
pub fn strikes(random: &mut Random, steps: u64, pause_ms: u64) -> Vec<Strike> {
    let most = random.one_of(&[0, 2, 6, 12]);
    let count = random.below(most + 1);
    // Some runs have one kind of fault only.
    let only = (random.below(3) == 0).then(|| fault(random));
    let span_ms = steps * pause_ms / 2 + 1_000;
    let gap_ms = (2 * span_ms / (count + 1)).clamp(10, 60_000);
    let strike = |_| {
        let longest_ms = random.one_of(&[20, 500, 4_000, 20_000]);
        Strike {
            after_ms: random.below(gap_ms) as u16,
            device: random.draw() as u8,
            lasts_ms: random.below(longest_ms) as u16,
            fault: only.unwrap_or_else(|| fault(random)),
        }
    };
    (0..count).map(strike).collect()
}

fn fault(random: &mut Random) -> Fault {
    match random.below(16) {
        0..=2 => Fault::Partition,
        3..=4 => Fault::Hold,
        5..=6 => Fault::KillClient,
        7 => Fault::StopClient,
        8 => Fault::PowerCut { back: random.below(8) as u8, torn: random.below(3) == 0 },
        9..=10 => Fault::KillServer,
        11 => Fault::ServerPowerCut,
        12 => Fault::BadCommit { kept: random.below(2) == 0 },
        13 => Fault::Overflow,
        14 => Fault::DiskFull,
        _ => Fault::ClockJump(random.draw() as i32 / 8),
    }
}

impl Fault {
    /// What it is counted as.
    pub fn name(self) -> &'static str {
        match self {
            Self::Partition => "partition",
            Self::Hold => "hold",
            Self::KillClient => "kill_client",
            Self::StopClient => "stop_client",
            Self::PowerCut { .. } => "power_cut",
            Self::KillServer => "kill_server",
            Self::ServerPowerCut => "server_power_cut",
            Self::BadCommit { .. } => "bad_commit",
            Self::Overflow => "overflow",
            Self::DiskFull => "disk_full",
            Self::ClockJump(_) => "clock_jump",
        }
    }
}
