//! The course of a run: ticks, then everything heals, comes to rest, and is judged.

use onefold_core::client::ProblemKind;

use crate::oracle::{Broken, rules};
use crate::tape::Tape;

use super::fault::Chances;
use super::shared::Shared;
use super::world::World;

/// A run that takes longer is healed before its tapes are at their end.
const MAX_RUN_MS: u64 = 10 * 60 * 1000;
/// Rest must come within so much virtual time after healing.
const MAX_SETTLE_MS: u64 = 10 * 60 * 1000;
/// It is rest when nothing more happens for so long.
const STILL_MS: u64 = 300;

impl World<'_> {
    /// Runs the tapes, heals, settles, judges.
    pub fn run(&mut self) -> Result<(), Broken> {
        while self.now_ms() < MAX_RUN_MS {
            let done = {
                let shared = self.shared.lock();
                shared.steps.is_empty() && shared.users_rest()
            };
            if done && (self.faults_are_over() || self.has_rested()) {
                break;
            }
            self.tick()?;
        }
        self.heal();
        self.settle()?;
        self.shared.lock().judge()?;
        self.second_look()?;
        self.rebuild()
    }

    /// Everything that was broken works again, and nothing breaks any more.
    fn heal(&mut self) {
        self.cure_all();
        let mut shared = self.shared.lock();
        shared.story.say(|| "everything heals".into());
        shared.steps.clear();
        shared.chances = Chances::default();
        shared.draws = Tape::default();
        for device in &mut shared.devices {
            device.reachable = true;
            device.disk.full = false;
            device.disk.allow_all();
            device.disk.overflow();
        }
        shared.witness.healed();
        let count = shared.devices.len();
        drop(shared);
        (0..count).for_each(|index| self.link_if_reachable(index));
    }

    /// Lets the world come to rest, with nothing left undone.
    fn settle(&mut self) -> Result<(), Broken> {
        let began_ms = self.now_ms();
        self.rest_since_ms = None;
        loop {
            if self.has_rested() {
                let free = self.shared.lock().free_of_problems();
                if free.is_ok() {
                    return Ok(());
                }
            }
            if self.now_ms() - began_ms > MAX_SETTLE_MS {
                let shared = self.shared.lock();
                let why = shared.at_rest().and_then(|()| shared.free_of_problems());
                let why = why.err().unwrap_or_else(|| "it never rests for long".into());
                return Err(Broken::new("comes to rest", why));
            }
            self.tick()?;
        }
    }

    /// Whether nothing has been going on for a while.
    pub(super) fn has_rested(&mut self) -> bool {
        if !self.faults_are_over() || self.shared.lock().at_rest().is_err() {
            self.rest_since_ms = None;
            return false;
        }
        let since_ms = *self.rest_since_ms.get_or_insert(self.now_ms());
        self.now_ms() - since_ms >= STILL_MS
    }

    /// A fresh scan must want to do nothing.
    fn second_look(&mut self) -> Result<(), Broken> {
        let mut shared = self.shared.lock();
        shared.witness.nothing_more_may_happen(rules::FRESH_SCAN);
        for device in &mut shared.devices {
            device.disk.overflow();
        }
        drop(shared);
        self.settle()?;
        self.shared.lock().witness.nothing_happened()
    }

    /// Engines rebuilt from what was saved must want to do nothing.
    fn rebuild(&mut self) -> Result<(), Broken> {
        let rule = rules::REBUILT;
        self.shared.lock().witness.nothing_more_may_happen(rule);
        self.restart_clients();
        self.settle()?;
        let mut shared = self.shared.lock();
        shared.witness.nothing_happened()?;
        shared.judge()
    }
}

impl Shared {
    /// Whether nothing is going on; if not, one reason why.
    pub(super) fn at_rest(&self) -> Result<(), String> {
        if !self.users_rest() {
            return Err("a user's program is running".into());
        }
        let head = self.head();
        for (index, device) in self.devices.iter().enumerate() {
            if device.commands.is_none() {
                return Err(format!("device {index}: the client does not run"));
            }
            if device.disk.waiting_events() > 0 {
                return Err(format!("device {index}: its watcher has something to tell"));
            }
            let status = &device.status;
            if let Some(why) = &status.halted {
                return Err(format!("device {index}: halted: {why}"));
            }
            if !device.reachable {
                continue;
            }
            if !status.online {
                return Err(format!("device {index}: not online"));
            }
            if status.seq != head {
                return Err(format!("device {index}: behind, at {} of {head}", status.seq));
            }
            if let Some(why) = &status.unrest {
                return Err(format!("device {index}: {why}"));
            }
        }
        Ok(())
    }

    /// Whether nothing is left undone but for what stands in the way for good.
    pub(super) fn free_of_problems(&self) -> Result<(), String> {
        for (index, device) in self.devices.iter().enumerate() {
            let mut passing = device.status.problems.iter();
            if let Some(problem) = passing.find(|problem| problem.kind != ProblemKind::Parked) {
                return Err(format!("device {index}: {problem:?}"));
            }
        }
        Ok(())
    }
}
