//! How hostile a run is: for each fault, how likely it is at each step.

use serde::{Deserialize, Serialize};

use crate::tape::Random;

macro_rules! faults {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        /// Weights of faults, beside 1000 for the calm choice; 0 is off.
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
    /// The watcher tells an event later than others.
    reorder_event,
    /// The watcher loses all that waits, and says so.
    overflow,
    /// A wall clock jumps.
    clock_jump,
    /// A machine is suspended for a while, and its clock with it.
    suspend,
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
    /// A client's store is cut short in a save (in 1000).
    save_crash,
    /// The server's store is cut short in a durable write (in 1000).
    store_crash,
    /// The folder may grow no more for a while.
    quota,
    /// A device may only read for a while.
    read_only,
    /// A device, or its state alone, or its disk alone, comes back from an old backup.
    old_backup,
    /// The server comes back from an old backup of its journal.
    old_server,
    /// A device's disk becomes a copy of another's, state and all.
    clone_disk,
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
            &mut faults.save_crash,
            &mut faults.store_crash,
        ] {
            *frequent = frequent.saturating_mul(20).min(600);
        }
        for often in [
            &mut faults.disorder,
            &mut faults.delay,
            &mut faults.lose_event,
            &mut faults.double_event,
            &mut faults.reorder_event,
        ] {
            *often = often.saturating_mul(10);
        }
        // What strikes a change is worth most: it is on in most runs.
        if hostility > 0 {
            faults.window = random.one_of(&[0, 60, 200, 500]);
            faults.kill_in_change = random.one_of(&[0, 30, 90, 150]);
        }
        for rare in [&mut faults.kill_in_change, &mut faults.save_crash, &mut faults.store_crash] {
            *rare = (*rare).min(150);
        }
        // What costs a restart, a run can have only so much of.
        for heavy in [
            &mut faults.kill_client,
            &mut faults.power_cut,
            &mut faults.kill_server,
            &mut faults.overflow,
            &mut faults.mute,
            &mut faults.cut,
            &mut faults.disk_full,
            &mut faults.clock_jump,
            &mut faults.suspend,
            &mut faults.quota,
            &mut faults.read_only,
        ] {
            *heavy = (*heavy).min(6);
        }
        // After these little can be said of a run, so that most runs are without.
        for grave in [&mut faults.old_backup, &mut faults.old_server, &mut faults.clone_disk] {
            *grave = if random.below(3) == 0 { (*grave).min(2) } else { 0 };
        }
        faults
    }
}
