//! Faults strike: connections, processes, machines, watchers, clocks and disks.

use onefold_adapters::journal::MemoryStore;
use onefold_core::client::Answer;
use onefold_core::client::event::Event;
use onefold_core::id::Seq;

use super::World;
use super::choice::Choice;
use super::device::Link;
use crate::oracle::{Broken, Witness};

/// A fault that strikes a device, or the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Its connection is cut.
    Cut,
    /// Its connection goes silent.
    Mute,
    /// Its client is killed.
    KillClient,
    /// Its machine loses power.
    PowerCut,
    /// The server is killed.
    KillServer,
    /// Its watcher loses an event.
    LoseEvent,
    /// Its watcher tells an event twice.
    DoubleEvent,
    /// Its watcher overflows.
    Overflow,
    /// Its clock jumps.
    ClockJump,
    /// Its disk is full, or has room again.
    DiskFull,
    /// Its user is asked about deletions, and answers.
    Answer,
}

/// A user who is asked answers at any time.
const ANSWER: u16 = 3;

impl World {
    /// Adds the faults that can strike now, with their weights.
    pub(super) fn add_faults(&self, choices: &mut Vec<(Choice, u32)>) {
        let faults = &self.setting.faults;
        for (index, device) in self.devices.iter().enumerate() {
            let linked = matches!(device.link, Link::Up { muted: false, .. });
            let runs = device.client.is_some();
            let events = runs && device.disk.waiting_events() > 0;
            let candidates = [
                (Fault::Cut, faults.cut, linked),
                (Fault::Mute, faults.mute, linked),
                (Fault::KillClient, faults.kill_client, runs),
                (Fault::PowerCut, faults.power_cut, true),
                (Fault::KillServer, faults.kill_server, index == 0),
                (Fault::LoseEvent, faults.lose_event, events),
                (Fault::DoubleEvent, faults.double_event, events),
                (Fault::Overflow, faults.overflow, events),
                (Fault::ClockJump, faults.clock_jump, true),
                (Fault::Answer, ANSWER, device.asks()),
                (Fault::DiskFull, faults.disk_full, !device.disk.full),
                (Fault::DiskFull, faults.disk_full.saturating_mul(4), device.disk.full),
            ];
            for (fault, weight, possible) in candidates {
                if possible && weight > 0 {
                    choices.push((Choice::Strike(fault, index), weight.into()));
                }
            }
        }
    }

    /// A fault strikes.
    pub(super) fn strike(&mut self, fault: Fault, index: usize) -> Result<(), Broken> {
        match fault {
            Fault::Cut => {
                self.story.strike("cut", || format!("device {index}: connection cut"));
                self.cut(index);
            }
            Fault::Mute => {
                self.story.strike("mute", || format!("device {index}: connection goes silent"));
                if let Link::Up { muted, .. } = &mut self.devices[index].link {
                    *muted = true;
                }
            }
            Fault::KillClient => {
                self.story.strike("kill_client", || format!("device {index}: client killed"));
                self.kill_client(index);
            }
            Fault::PowerCut => self.cut_power(index),
            Fault::KillServer => self.kill_server(),
            Fault::LoseEvent => {
                self.story.strike("lose_event", || format!("device {index}: an event is lost"));
                self.witness.blinded(index);
                let at = self.schedule.below(self.devices[index].disk.waiting_events());
                self.devices[index].disk.take_event(at);
            }
            Fault::DoubleEvent => {
                self.story.strike("double_event", || format!("device {index}: an event doubles"));
                let at = self.schedule.below(self.devices[index].disk.waiting_events());
                self.devices[index].disk.double_event(at);
            }
            Fault::Overflow => {
                self.story.strike("overflow", || format!("device {index}: the watcher overflows"));
                self.devices[index].disk.overflow();
            }
            Fault::ClockJump => {
                let far_ms = self.schedule.below(1_000_000_000) as i64 * 300;
                let by_ms = if self.schedule.strikes(500) { -far_ms } else { far_ms };
                self.story
                    .strike("clock_jump", || format!("device {index}: clock jumps {by_ms} ms"));
                let now_ms = self.now_ms;
                self.devices[index].jump_clock(now_ms, by_ms);
            }
            Fault::Answer => {
                let undo = self.schedule.strikes(500);
                self.answer_deletions(index, if undo { Answer::Undo } else { Answer::Approve })?;
            }
            Fault::DiskFull => {
                let disk = &mut self.devices[index].disk;
                disk.full = !disk.full;
                let full = disk.full;
                self.story.strike("disk_full", || format!("device {index}: disk full: {full}"));
            }
        }
        Ok(())
    }

    /// A user answers about the deletions that are held.
    pub(crate) fn answer_deletions(&mut self, index: usize, answer: Answer) -> Result<(), Broken> {
        self.story.strike("answer", || format!("device {index}: the user answers: {answer:?}"));
        if answer == Answer::Undo
            && let Some(client) = &self.devices[index].client
        {
            let held = client.held_deletions();
            let rows = self.server.journal.rows();
            let bodies =
                rows.iter().filter(|row| held.contains(&row.node)).map(|row| &row.state.body);
            self.witness.undone(index, bodies);
        }
        self.give(index, Event::Answered(answer))
    }

    /// Cuts a connection: of what is on its way up, the first few messages still arrive.
    fn cut(&mut self, index: usize) {
        if let Link::Up { connection, .. } = self.devices[index].link
            && let Some(connection) = self.server.connections.get_mut(&connection)
        {
            let arriving = self.schedule.below(connection.up.len() + 1);
            connection.up.truncate(arriving);
        }
        self.drop_link(index, "cut");
    }

    /// Ends a client's process; it is started again later.
    pub(crate) fn kill_client(&mut self, index: usize) {
        if let Link::Up { connection, .. } = self.devices[index].link {
            self.server.detach(connection);
        }
        self.wire.restarted(self.server.device_id(index));
        self.devices[index].kill();
    }

    fn cut_power(&mut self, index: usize) {
        let back = self.schedule.below(8);
        let torn = self.schedule.below(3) == 2;
        self.lose_power(index, back, torn);
    }

    /// A device's machine loses power, and some of what its disk had not synced.
    pub(crate) fn lose_power(&mut self, index: usize, back: usize, torn: bool) {
        self.story.strike("power_cut", || {
            format!("device {index}: power cut, {back} changes back, torn: {torn}")
        });
        self.kill_client(index);
        self.users[index].stop();
        let before = Witness::standing(&self.devices[index].disk);
        self.devices[index].disk.cut_power(back, torn);
        let after = Witness::standing(&self.devices[index].disk);
        self.witness.power_cut(index, &before, &after);
    }

    /// The server comes back with an older database.
    pub(crate) fn restore_server(&mut self, backup: MemoryStore) {
        self.kill_server();
        self.server.journal.restore(backup);
        self.witness.restored(self.server.journal.entries_after(Seq::ZERO));
    }

    pub(crate) fn kill_server(&mut self) {
        self.story.strike("kill_server", || "the server is killed".into());
        for index in 0..self.devices.len() {
            if self.devices[index].link != Link::Down {
                self.drop_link(index, "the server is gone");
            }
        }
        self.server.kill();
    }
}
