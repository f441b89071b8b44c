//! Faults strike: connections, processes, machines, watchers, clocks and disks.

use onefold_adapters::journal::MemoryStore;
use onefold_core::client::Answer;
use onefold_core::client::event::Event;
use onefold_core::id::Seq;

use super::World;
use super::choice::Choice;
use super::device::Link;
use crate::oracle::Broken;

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
    /// Its watcher tells an event late.
    DelayEvent,
    /// Its watcher overflows.
    Overflow,
    /// Its clock jumps.
    ClockJump,
    /// It is suspended for a while.
    Suspend,
    /// Its disk is full, or has room again.
    DiskFull,
    /// It comes back from an old backup.
    OldBackup,
    /// The server comes back from an old backup.
    OldServer,
    /// Its disk becomes a copy of another's.
    Clone,
    /// The folder may grow no more, or may again.
    Quota,
    /// It may only read, or may write again.
    ReadOnly,
    /// Its user is asked about deletions, and answers.
    Answer,
}

/// A user who is asked answers at any time.
const ANSWER: u16 = 3;

impl World {
    /// Adds the faults that can strike now, with their weights.
    pub(super) fn add_faults(&self, choices: &mut Vec<(Choice, u32)>) {
        let faults = &self.setting.faults;
        // What lasts ends sooner than it begins.
        let lasting = |weight: u16, lasts| if lasts { weight.saturating_mul(4) } else { weight };
        let journal = &self.server.journal;
        let limited = journal.head().quota.is_some();
        let read_only = |index| match faults.read_only {
            0 => 0,
            weight => lasting(weight, !journal.may_write(self.server.device_id(index))),
        };
        let several = self.devices.len() > 1;
        for (index, device) in self.devices.iter().enumerate() {
            if device.sleeps() {
                continue;
            }
            let backed_up = !self.backups.devices[index].is_empty();
            let first = index == 0;
            let linked = matches!(device.link, Link::Up { muted: false, .. });
            let runs = device.client.is_some();
            let events = runs && device.disk.waiting_events() > 0;
            let candidates = [
                (Fault::Cut, faults.cut, linked),
                (Fault::Mute, faults.mute, linked),
                (Fault::KillClient, faults.kill_client, runs),
                (Fault::PowerCut, faults.power_cut, true),
                (Fault::KillServer, faults.kill_server, first),
                (Fault::LoseEvent, faults.lose_event, events),
                (Fault::DoubleEvent, faults.double_event, events),
                (Fault::DelayEvent, faults.reorder_event, device.disk.waiting_events() > 1),
                (Fault::Overflow, faults.overflow, events),
                (Fault::ClockJump, faults.clock_jump, true),
                (Fault::Suspend, faults.suspend, true),
                (Fault::OldBackup, faults.old_backup, backed_up),
                (Fault::OldServer, faults.old_server, first && self.backups.has_server()),
                (Fault::Clone, faults.clone_disk, several),
                (Fault::Answer, ANSWER, device.asks()),
                (Fault::DiskFull, lasting(faults.disk_full, device.disk.full), true),
                (Fault::Quota, lasting(faults.quota, limited), first),
                (Fault::ReadOnly, read_only(index), true),
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
            Fault::DelayEvent => {
                self.story.strike("reorder_event", || format!("device {index}: an event is late"));
                let at = self.schedule.below(self.devices[index].disk.waiting_events());
                self.devices[index].disk.delay_event(at);
            }
            Fault::Suspend => {
                let for_ms = [20, 3_000, 60_000, 10 * 60_000][self.schedule.below(4)];
                self.story.strike("suspend", || format!("device {index} sleeps for {for_ms} ms"));
                self.devices[index].suspend(self.now_ms, for_ms);
            }
            Fault::OldBackup => self.restore_device(index),
            Fault::OldServer => self.old_server(),
            Fault::Clone => self.clone_disk(index),
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
            Fault::Quota => {
                let limited = self.server.journal.head().quota.is_none();
                self.server.journal.limit(limited);
                self.story.strike("quota", || format!("the folder may not grow: {limited}"));
            }
            Fault::ReadOnly => {
                let id = self.server.device_id(index);
                let writable = !self.server.journal.may_write(id);
                self.server.journal.let_write(id, writable);
                self.story.strike("read_only", || format!("device {index}: may write: {writable}"));
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
        if let Some(client) = &self.devices[index].client {
            let held = client.held_deletions();
            let rows = self.server.journal.rows();
            let held = rows.iter().filter(|row| held.contains(&row.node));
            // What the server forgets before it has come back is gone by a user's will.
            let forgets = self.setting.faults.old_server > 0;
            self.witness.answered(index, answer, held.map(|row| &row.state.body), forgets);
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
        self.wire.restarted(index);
        self.devices[index].kill();
    }

    fn cut_power(&mut self, index: usize) {
        let back = self.schedule.below(8);
        let torn = self.schedule.below(3) == 2;
        let saved = self.devices[index].store.volatile();
        let unsaved = self.schedule.below(saved.min(12) + 1);
        self.lose_power(index, back, torn);
        self.devices[index].store.cut_power(saved - unsaved);
        if unsaved > 0 {
            // A client that forgot what it had placed takes it for its user's, and what its user
            // did to what it forgot it cannot see.
            self.witness.forgot();
        }
    }

    /// A device's machine loses power, and some of what its disk had not synced.
    pub(crate) fn lose_power(&mut self, index: usize, back: usize, torn: bool) {
        self.story.strike("power_cut", || {
            format!("device {index}: power cut, {back} changes back, torn: {torn}")
        });
        self.kill_client(index);
        self.stop_users(index);
        self.witness.cut_power(index, &mut self.devices[index].disk, back, torn);
    }

    /// The server comes back with an older database.
    pub(crate) fn restore_server(&mut self, backup: MemoryStore) {
        self.end_server(None);
        self.server.journal.restore(backup);
        self.witness.restored(self.server.journal.entries_after(Seq::ZERO));
        self.wire.restored(self.server.journal.head().cursor.seq);
    }

    pub(crate) fn kill_server(&mut self) {
        let several = usize::from(self.setting.servers.max(1));
        let which = self.schedule.below(several + 1);
        let process = (several > 1 && which < several).then_some(which);
        self.story.strike("kill_server", || match process {
            Some(process) => format!("server process {process} is killed"),
            None => "the server's machine loses power".into(),
        });
        self.end_server(process);
    }

    /// A server process ends, or all of them.
    pub(super) fn end_server(&mut self, process: Option<usize>) {
        for index in 0..self.devices.len() {
            let Link::Up { connection, .. } = self.devices[index].link else { continue };
            let open = self.server.connections.get(&connection);
            if process.is_none() || open.is_none_or(|open| Some(open.process) == process) {
                self.drop_link(index, "the server is gone");
            }
        }
        self.server.kill(process);
    }
}
