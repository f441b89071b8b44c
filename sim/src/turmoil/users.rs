//! Users at work: scripts of system calls, between the ticks and in the windows of changes.

use crate::disk::user::Act;
use crate::user::program::{begins, tend_displaced};
use crate::user::script::PACES_MS;
use crate::user::{Action, Pause, UserStep};

use super::shared::Shared;

/// Users wait no longer than this for quiet.
const MAX_WAIT_FOR_QUIET_MS: u64 = 60 * 1000;

impl Shared {
    /// No user's program is running.
    pub fn users_rest(&self) -> bool {
        self.devices.iter().all(|device| !device.user.is_active())
    }

    /// Whether the next step of the users is to begin.
    pub fn user_step_due(&self, at_rest: bool) -> bool {
        let Some(step) = self.steps.front() else { return false };
        if self.devices[self.device_of(step)].user.is_active() {
            return false;
        }
        match step.pause {
            Pause::Ms(_) => self.step_due_ms <= self.now_ms(),
            Pause::Quiet => {
                at_rest || self.now_ms() - self.waiting_since_ms >= MAX_WAIT_FOR_QUIET_MS
            }
        }
    }

    fn device_of(&self, step: &UserStep) -> usize {
        usize::from(step.device) % self.devices.len()
    }

    /// The next step of the users begins: on which device, and what.
    pub fn begin_user_step(&mut self) -> Option<(usize, Action)> {
        let step = self.steps.pop_front()?;
        let index = self.device_of(&step);
        let home = self.setting.apart.then_some(index);
        let now_ms = self.now_ms();
        let device = &mut self.devices[index];
        let script = self.writer.script(&device.disk, step.action, home, &[]);
        begins(step.action, &script, index, &mut self.story);
        device.user.run(script, PACES_MS[usize::from(step.pace) % PACES_MS.len()], now_ms);
        self.waiting_since_ms = now_ms;
        if let Some(UserStep { pause: Pause::Ms(ms), .. }) = self.steps.front() {
            self.step_due_ms = now_ms + u64::from(*ms);
        }
        Some((index, step.action))
    }

    /// A user acts in the window of a change: his next step begins before its time.
    pub fn begin_user_step_in_window(&mut self, index: usize) {
        let Some(step) = self.steps.front().copied() else { return };
        let here = self.device_of(&step) == index && !self.devices[index].user.is_active();
        let stays = !matches!(step.action, Action::GoOffline | Action::GoOnline);
        if here && stays && step.pause != Pause::Quiet && self.goes_wrong(self.chances.window) {
            self.begin_user_step();
        }
    }

    /// A user's program makes all calls that are due.
    pub fn user_calls(&mut self, index: usize) {
        while let Some(due_ms) = self.devices[index].user.due_ms()
            && due_ms <= self.now_ms()
        {
            self.set_disk_clock(index);
            let Self { devices, story, .. } = self;
            let device = &mut devices[index];
            device.user.call(&mut device.disk, index, story);
            device.user.pause_from(due_ms);
            self.note_deeds(index);
            let done = !self.devices[index].user.is_active();
            self.note_epoch(index, done);
        }
    }

    /// Tells the oracle what a user did; what came of it for displaced files is seen to.
    pub fn note_deeds(&mut self, index: usize) {
        let now_ms = self.now_ms();
        let device = &mut self.devices[index];
        device.user.show_temporary(index, &device.disk, &mut self.witness, now_ms);
        let deeds = device.disk.take_deeds();
        if deeds.is_empty() && device.disk.kept_files() == 0 {
            return;
        }
        self.story.hash(&deeds);
        self.witness.deeds(index, &deeds);
        if device.disk.traits.folding.folds() {
            // What is in a directory there may be parked, and elsewhere at the server.
            self.witness.epoch.moving = None;
        }
        let unrecorded = &device.unrecorded;
        for deed in deeds.iter().filter(|deed| deed.act == Act::Moved) {
            if unrecorded.contains(&deed.version) {
                self.witness.versions.all.entry(deed.version).or_default().copied = true;
            }
        }
        if device.hints.is_some() {
            tend_displaced(&mut device.disk, index, &mut self.witness, &mut self.story);
        }
    }
}
