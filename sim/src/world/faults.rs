//! How hostile a run is: for each fault, how likely it is at each step.

use serde::{Deserialize, Serialize};

use crate::tape::Random;

macro_rules! faults {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        /// Weights of faults, beside 100 for the calm choice; 0 is off.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
        pub struct Faults {
            $($(#[$doc])* pub $name: u16,)*
        }

        impl Faults {
            /// The weights and their names.
            pub fn each(&mut self) -> Vec<(&'static str, &mut u16)> {
                vec![$((stringify!($name), &mut self.$name),)*]
            }
        }
    };
}

faults! {
    /// Something other than the oldest is done first.
    disorder,
    /// Time goes on although there is work to do.
    delay,
    /// A connection is cut.
    cut,
    /// A connection goes silent, and nobody is told.
    mute,
    /// A client is killed.
    kill_client,
    /// A client's machine loses power.
    power_cut,
    /// A server is killed.
    kill_server,
    /// The watcher loses an event.
    lose_event,
    /// The watcher tells an event twice.
    double_event,
    /// The watcher loses all that waits, and says so.
    overflow,
    /// A wall clock jumps.
    clock_jump,
    /// A disk is full for a while.
    disk_full,
    /// A look or a read takes long enough for others to change what it sees (in 1000).
    torn_look,
    /// A user acts within a change (in 1000).
    window,
    /// A client is killed within a change (in 1000).
    kill_in_change,
    /// A transfer fails (in 1000).
    bad_transfer,
    /// A save fails (in 1000).
    bad_save,
    /// The news of a moved head is lost (in 1000).
    lost_news,
}

impl Faults {
    /// Draws weights: each off, low, middling or extreme.
    pub fn draw(random: &mut Random) -> Self {
        let mut faults = Self::default();
        let hostility = random.below(4);
        for (_, weight) in faults.each() {
            *weight = match random.below(8) {
                _ if hostility == 0 => 0,
                0..=3 => 0,
                4..=5 => 1 + random.below(4) as u16,
                6 => 5 + random.below(20) as u16,
                _ if hostility == 3 => 50 + random.below(150) as u16,
                _ => 5,
            };
        }
        // These are not weighed against others, but strike so many times in 1000.
        for frequent in [
            &mut faults.torn_look,
            &mut faults.window,
            &mut faults.kill_in_change,
            &mut faults.bad_transfer,
            &mut faults.bad_save,
            &mut faults.lost_news,
        ] {
            *frequent = frequent.saturating_mul(20).min(600);
        }
        faults.kill_in_change = faults.kill_in_change.min(200);
        // What costs a restart, a run can have only so much of.
        for heavy in [
            &mut faults.kill_client,
            &mut faults.power_cut,
            &mut faults.kill_server,
            &mut faults.overflow,
            &mut faults.mute,
            &mut faults.cut,
            &mut faults.disk_full,
        ] {
            *heavy = (*heavy).min(6);
        }
        faults
    }
}
