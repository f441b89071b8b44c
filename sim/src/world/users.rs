//! Users at work: scripts of system calls, run beside everything else.

use crate::disk::Disk;
use crate::disk::user::Act;
use crate::oracle::Broken;
use crate::user::program::{begins, tend_displaced};
use crate::user::script::{Call, PACES_MS, Script};
use crate::user::{Action, Pause, UserStep};

use super::World;

/// Users wait no longer than this for quiet.
const MAX_WAIT_FOR_QUIET_MS: u64 = 5 * 60 * 1000;

impl World {
    /// Whether a user's program is to make its next call.
    pub(super) fn call_due(&self, user: usize) -> bool {
        self.users[user].due_ms().is_some_and(|due| due <= self.now_ms)
            && !self.devices[user % self.devices.len()].sleeps()
    }

    /// When users want to be woken.
    pub(super) fn users_due_ms(&self) -> Option<u64> {
        let calls = self.users.iter().filter_map(|user| user.due_ms());
        let wakes = self.devices.iter().filter_map(|device| device.wakes_ms());
        let step = self.user_steps.front().and_then(|step| match step.pause {
            Pause::Ms(_) => Some(self.step_due_ms),
            Pause::Quiet => self.waiting_since_ms.map(|since| since + MAX_WAIT_FOR_QUIET_MS),
        });
        calls.chain(wakes).chain(step).filter(|due| *due > self.now_ms).min()
    }

    /// Whether the next step of the users is to begin.
    pub(super) fn user_step_due(&self, busy: bool) -> bool {
        let Some(step) = self.user_steps.front() else { return false };
        let index = self.device_of(step);
        if self.users[index].is_active() || self.devices[index].sleeps() {
            return false;
        }
        match step.pause {
            Pause::Ms(_) => self.step_due_ms <= self.now_ms,
            Pause::Quiet => {
                let waited = self.waiting_since_ms.map_or(0, |since| self.now_ms - since);
                (!busy && self.users_rest() && self.at_rest().is_ok())
                    || waited >= MAX_WAIT_FOR_QUIET_MS
            }
        }
    }

    fn device_of(&self, step: &UserStep) -> usize {
        usize::from(step.device) % self.devices.len()
    }

    /// No user's program is running.
    pub(super) fn users_rest(&self) -> bool {
        self.users.iter().all(|user| !user.is_active())
    }

    /// Users have nothing more to do.
    pub(super) fn users_done(&self) -> bool {
        self.user_steps.is_empty() && self.users_rest()
    }

    /// The next step of the users begins.
    pub(super) fn begin_user_step(&mut self) -> Result<(), Broken> {
        let Some(step) = self.user_steps.pop_front() else { return Ok(()) };
        if step.pause == Pause::Quiet && self.at_rest().is_ok() {
            self.at_barrier()?;
        }
        self.start_script(step);
        self.schedule_next_step();
        Ok(())
    }

    fn schedule_next_step(&mut self) {
        self.waiting_since_ms = Some(self.now_ms);
        if let Some(UserStep { pause: Pause::Ms(ms), .. }) = self.user_steps.front() {
            self.step_due_ms = self.now_ms + u64::from(*ms);
        }
    }

    /// A user acts in the window of a change: his next step begins before its time.
    pub(super) fn begin_user_step_in_window(&mut self, index: usize) {
        let Some(step) = self.user_steps.front().copied() else { return };
        let here = self.device_of(&step) == index && !self.users[index].is_active();
        let may = self.setting.faults.window > 0 && step.pause != Pause::Quiet;
        if here && may && self.schedule.strikes(self.setting.faults.window.into()) {
            self.user_steps.pop_front();
            self.start_script(step);
            self.schedule_next_step();
        }
    }

    fn start_script(&mut self, step: UserStep) {
        let index = self.device_of(&step);
        match step.action {
            Action::GoOffline => {
                self.witness.epoch.network_changed = true;
                self.devices[index].reachable = false;
                if self.devices[index].link != super::device::Link::Down {
                    self.drop_link(index, "the network is gone");
                }
            }
            Action::GoOnline => {
                self.witness.epoch.network_changed = true;
                self.devices[index].reachable = true;
            }
            _ => {}
        }
        self.back_up(index);
        let home = self.setting.apart.then_some(index);
        let hot = self.hot_paths(index);
        let script = self.writer.script(&self.devices[index].disk, step.action, home, &hot);
        begins(step.action, &script, index, &mut self.story);
        self.run_script(index, script, PACES_MS[usize::from(step.pace) % PACES_MS.len()]);
    }

    /// Has a user run a program.
    pub(crate) fn run_script(&mut self, index: usize, script: Script, pace_ms: u64) {
        self.users[index].run(script, pace_ms, self.now_ms);
    }

    /// Programs on a device end at once.
    pub(super) fn stop_users(&mut self, index: usize) {
        let devices = self.devices.len();
        self.users[index].stop();
        self.users[index + devices].stop();
    }

    /// A user's program makes its next call.
    pub(crate) fn user_call(&mut self, who: usize) {
        let index = who % self.devices.len();
        let device = &mut self.devices[index];
        device.set_disk_clock(self.now_ms);
        let user = &mut self.users[who];
        self.witness.had_unknown |= matches!(user.next(), Some(Call::Pipe(_)));
        user.call(&mut device.disk, index, &mut self.story);
        user.pause_from(self.now_ms);
        let done = !user.is_active();
        self.note_deeds(index);
        self.note_epoch(index, done);
    }

    /// A user does something that is not one of his programs' calls.
    pub(crate) fn outside<T>(&mut self, index: usize, deed: impl FnOnce(&mut Disk) -> T) -> T {
        let device = &mut self.devices[index];
        device.set_disk_clock(self.now_ms);
        let done = deed(&mut device.disk);
        self.note_deeds(index);
        self.note_epoch(index, true);
        done
    }

    /// Tells the oracle what a user did; what came of it for displaced files is seen to.
    pub(super) fn note_deeds(&mut self, index: usize) {
        let device = &mut self.devices[index];
        self.users[index].show_temporary(index, &device.disk, &mut self.witness, self.now_ms);
        let deeds = device.disk.take_deeds();
        if deeds.is_empty() && device.disk.kept_files() == 0 {
            return;
        }
        self.story.hash(&deeds);
        // Where it went nobody can look: to the engine it is gone, and not to be deleted.
        self.witness.half_seen |= deeds.iter().any(|deed| {
            matches!(deed.act, Act::Moved | Act::MovedDirectory)
                && device.disk.is_hidden(&deed.path)
        });
        self.witness.deeds(index, &deeds);
        if device.disk.traits.folding.folds() {
            // What is in a directory there may be parked, and elsewhere at the server.
            self.witness.epoch.moving = None;
        }
        if device.client.is_some() {
            tend_displaced(&mut device.disk, index, &mut self.witness, &mut self.story);
        }
    }
}
