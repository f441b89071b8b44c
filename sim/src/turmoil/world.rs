//! The turmoil world: the product's drivers on turmoil's hosts, tick by tick.
//!
//! Between two ticks users call, watchers tell, faults strike and pass; within a tick each host does
//! all that it can. Invariants: one thread, no real clock, no randomness but the case's: the same case
//! gives the same story.

use std::collections::VecDeque;
use std::time::{Duration, SystemTime};

use onefold_client::driver::Command;
use onefold_core::client::Status;
use onefold_core::client::event::Event;
use turmoil::{Builder, Sim};

use crate::disk::watch::WatchEvent;
use crate::oracle::Broken;
use crate::story::Story;
use crate::user::Action;

use super::case::Case;
use super::fault::{Fault, Strike};
use super::hosts;
use super::network::SERVER;
use super::shared::{Handle, Shared};

/// How much virtual time goes by in a tick.
pub const TICK_MS: u64 = 5;
/// turmoil gives up after so much virtual time; a run has its own limits.
const DURATION: Duration = Duration::from_secs(24 * 60 * 60);

/// What ends a fault that lasts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cure {
    /// A device's link is as it was.
    Link(usize),
    /// A device's client is started.
    Client(usize),
    /// The server is started.
    Server,
    /// A device's disk has room.
    Room(usize),
}

/// A world.
pub struct World<'a> {
    /// All that lives outside the hosts.
    pub shared: Handle,
    pub(super) sim: Sim<'a>,
    strikes: VecDeque<Strike>,
    next_strike_ms: u64,
    cures: Vec<(u64, Cure)>,
    server_runs: bool,
    stopping: Vec<(usize, u64)>,
    pub(super) rest_since_ms: Option<u64>,
}

impl World<'_> {
    /// A world in which nothing has happened yet.
    pub fn new(case: &Case, story: Story) -> Result<Self, Broken> {
        let setting = case.setting;
        let shared = Handle::new(case, story)?;
        let ms = |ms: u16| Duration::from_millis(ms.into());
        let mut sim = Builder::new()
            .rng_seed(setting.seed)
            .epoch(SystemTime::UNIX_EPOCH)
            .simulation_duration(DURATION)
            .tick_duration(Duration::from_millis(TICK_MS))
            .min_message_latency(ms(setting.latency_ms.0))
            .max_message_latency(ms(setting.latency_ms.1))
            .tcp_capacity(1024)
            .enable_random_order()
            .build();
        let handle = shared.clone();
        sim.host(SERVER, move || hosts::server(handle.clone()));
        let count = shared.lock().devices.len();
        for index in 0..count {
            let handle = shared.clone();
            sim.host(host(index), move || hosts::client(handle.clone(), index));
        }
        let strikes: VecDeque<_> = case.strikes.iter().copied().collect();
        let next_strike_ms = strikes.front().map_or(0, |strike| strike.after_ms.into());
        Ok(Self {
            shared,
            sim,
            strikes,
            next_strike_ms,
            cures: Vec::new(),
            server_runs: true,
            stopping: Vec::new(),
            rest_since_ms: None,
        })
    }

    /// The virtual time since the run's beginning.
    pub fn now_ms(&self) -> u64 {
        u64::try_from(self.sim.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// All faults have struck and passed.
    pub(super) fn faults_are_over(&self) -> bool {
        self.strikes.is_empty() && self.cures.is_empty() && self.stopping.is_empty()
    }

    /// One tick.
    pub(super) fn tick(&mut self) -> Result<(), Broken> {
        let now_ms = self.now_ms();
        self.shared.lock().set_now(now_ms);
        self.cure(now_ms);
        self.strike(now_ms);
        self.bury(now_ms);
        self.tell_watchers();
        self.let_users_act()?;
        let stepped = self.sim.step();
        stepped.map_err(|error| Broken::new("no process ends by itself", error.to_string()))?;
        let mut shared = self.shared.lock();
        shared.journal_grew()?;
        shared.witness.verdict()
    }

    fn cure(&mut self, now_ms: u64) {
        let (due, later) = self.cures.drain(..).partition(|(at_ms, _)| *at_ms <= now_ms);
        self.cures = later;
        let due: Vec<(u64, Cure)> = due;
        due.into_iter().for_each(|(_, cure)| self.apply(cure));
    }

    /// What was broken works again, at once.
    pub(super) fn cure_all(&mut self) {
        self.strikes.clear();
        for (_, cure) in std::mem::take(&mut self.cures) {
            self.apply(cure);
        }
    }

    fn apply(&mut self, cure: Cure) {
        match cure {
            Cure::Link(index) => self.link_if_reachable(index),
            Cure::Client(index) => {
                self.shared.lock().story.say(|| format!("device {index}: client is run again"));
                self.sim.bounce(host(index));
            }
            Cure::Server => {
                self.shared.lock().story.say(|| "the server is run again".into());
                self.server_runs = true;
                self.sim.bounce(SERVER);
            }
            Cure::Room(index) => self.shared.lock().devices[index].disk.full = false,
        }
    }

    pub(super) fn link_if_reachable(&self, index: usize) {
        if self.shared.lock().devices[index].reachable {
            self.sim.repair(host(index), SERVER);
            self.sim.release(host(index), SERVER);
        }
    }

    fn strike(&mut self, now_ms: u64) {
        while let Some(strike) = self.strikes.front().copied()
            && self.next_strike_ms <= now_ms
        {
            self.strikes.pop_front();
            let after_ms = self.strikes.front().map_or(0, |next| u64::from(next.after_ms));
            self.next_strike_ms = now_ms + after_ms;
            self.strike_with(strike, now_ms);
        }
    }

    fn strike_with(&mut self, strike: Strike, now_ms: u64) {
        let Strike { device, lasts_ms, fault, .. } = strike;
        let until_ms = now_ms + u64::from(lasts_ms);
        let mut shared = self.shared.lock();
        let index = usize::from(device) % shared.devices.len();
        let runs = shared.devices[index].commands.is_some();
        let is_struck = |cure| self.cures.iter().any(|(_, other)| *other == cure);
        let linked = shared.devices[index].reachable && !is_struck(Cure::Link(index));
        let possible = match fault {
            Fault::Partition | Fault::Hold => linked,
            Fault::KillClient | Fault::StopClient => runs,
            Fault::KillServer | Fault::ServerPowerCut => self.server_runs,
            Fault::DiskFull => !shared.devices[index].disk.full,
            Fault::PowerCut { .. }
            | Fault::BadCommit { .. }
            | Fault::Overflow
            | Fault::ClockJump(_) => true,
        };
        if !possible {
            return;
        }
        shared.story.strike(fault.name(), || format!("{fault:?} for {lasts_ms} ms ({index})"));
        match fault {
            Fault::Partition => {
                self.sim.partition(host(index), SERVER);
                self.cures.push((until_ms, Cure::Link(index)));
            }
            Fault::Hold => {
                self.sim.hold(host(index), SERVER);
                self.cures.push((until_ms, Cure::Link(index)));
            }
            Fault::KillClient | Fault::PowerCut { .. } => shared.deaths.push((index, fault)),
            Fault::StopClient => {
                if let Some(commands) = shared.devices[index].commands.take() {
                    let _ = commands.try_send(Command::Stop);
                    self.stopping.push((index, until_ms));
                }
            }
            Fault::KillServer | Fault::ServerPowerCut => {
                if fault == Fault::ServerPowerCut {
                    shared.journal.store().cut_power();
                }
                drop(shared);
                self.server_runs = false;
                self.sim.crash(SERVER);
                self.cures.push((until_ms, Cure::Server));
            }
            Fault::BadCommit { kept } => shared.break_commit(kept),
            Fault::Overflow => shared.devices[index].disk.overflow(),
            Fault::DiskFull => {
                shared.devices[index].disk.full = true;
                self.cures.push((until_ms, Cure::Room(index)));
            }
            Fault::ClockJump(seconds) => shared.jump_clock(index, i64::from(seconds) * 1_000),
        }
    }

    /// Clients that were killed, or have stopped, are gone, and will be started again.
    fn bury(&mut self, now_ms: u64) {
        let deaths = std::mem::take(&mut self.shared.lock().deaths);
        for (index, fault) in deaths {
            let again_ms = now_ms + 20 * (1 + self.shared.lock().draws.below(100) as u64);
            self.kill(index, fault);
            self.stopping.retain(|(stopping, _)| *stopping != index);
            if !self.cures.iter().any(|(_, cure)| *cure == Cure::Client(index)) {
                self.cures.push((again_ms, Cure::Client(index)));
            }
        }
        let stopping = std::mem::take(&mut self.stopping);
        for (index, until_ms) in stopping {
            if self.sim.is_host_running(host(index)) {
                self.stopping.push((index, until_ms));
            } else {
                self.shared.lock().story.say(|| format!("device {index}: the client has stopped"));
                self.shared.lock().gone(index);
                self.cures.push((until_ms, Cure::Client(index)));
            }
        }
    }

    fn kill(&mut self, index: usize, fault: Fault) {
        self.sim.crash(host(index));
        let mut shared = self.shared.lock();
        shared.gone(index);
        if let Fault::PowerCut { back, torn } = fault {
            shared.cut_power(index, back.into(), torn);
        }
    }

    /// Kills all clients and starts them again.
    pub(super) fn restart_clients(&mut self) {
        let count = self.shared.lock().devices.len();
        for index in 0..count {
            self.kill(index, Fault::KillClient);
            self.apply(Cure::Client(index));
        }
    }

    fn tell_watchers(&mut self) {
        let mut shared = self.shared.lock();
        for index in 0..shared.devices.len() {
            shared.tell_watcher(index);
        }
    }

    fn let_users_act(&mut self) -> Result<(), Broken> {
        let at_rest = self.has_rested();
        let mut shared = self.shared.lock();
        for index in 0..shared.devices.len() {
            shared.user_calls(index);
        }
        if !shared.user_step_due(at_rest) {
            return Ok(());
        }
        if at_rest {
            shared.at_barrier()?;
        }
        let Some((index, action)) = shared.begin_user_step() else { return Ok(()) };
        match action {
            Action::GoOffline => {
                shared.devices[index].reachable = false;
                shared.story.strike("offline", || format!("device {index}: loses the network"));
                self.sim.partition(host(index), SERVER);
            }
            Action::GoOnline => {
                shared.devices[index].reachable = true;
                drop(shared);
                self.cures.retain(|(_, cure)| *cure != Cure::Link(index));
                self.link_if_reachable(index);
            }
            _ => {}
        }
        Ok(())
    }
}

impl Shared {
    /// A client's process is gone.
    fn gone(&mut self, index: usize) {
        let device = &mut self.devices[index];
        (device.hints, device.commands) = (None, None);
        device.status = Status::default();
        device.dying = false;
        device.disk.unwatch();
    }

    fn cut_power(&mut self, index: usize, back: usize, torn: bool) {
        let device = &mut self.devices[index];
        device.user.stop();
        device.partial.clear();
        self.witness.cut_power(index, &mut device.disk, back, torn);
        let saved = device.store.volatile();
        device.store.cut_power(saved.saturating_sub(back));
        if back.min(saved) > 0 {
            self.witness.forgot();
        }
    }

    fn break_commit(&mut self, kept: bool) {
        use onefold_adapters::journal::CrashPoint;
        let point = if kept { CrashPoint::AfterCommit } else { CrashPoint::BeforeCommit };
        self.journal.store().crash_at(point);
    }

    /// The watcher tells a running client what it saw, more or less.
    fn tell_watcher(&mut self, index: usize) {
        let Some(hints) = self.devices[index].hints.clone() else { return };
        while self.devices[index].disk.waiting_events() > 0 && hints.capacity() > 0 {
            if self.goes_wrong(self.chances.double_event) {
                self.story.strike("double_event", || format!("device {index}: an event doubles"));
                self.devices[index].disk.double_event(0);
            }
            let Some(event) = self.devices[index].disk.take_event(0) else { return };
            if matches!(event, WatchEvent::Hint(_)) && self.goes_wrong(self.chances.lose_event) {
                self.story.strike("lose_event", || format!("device {index}: an event is lost"));
                self.witness.blinded(index);
                continue;
            }
            let event = match event {
                WatchEvent::Hint(hint) => Event::Hinted(hint),
                WatchEvent::Overflow(path) => Event::Overflowed(path),
            };
            // A driver that is ending hears nothing more.
            let _ = hints.try_send(event);
        }
    }
}

/// A device's host.
pub(super) fn host(index: usize) -> String {
    format!("device{index}")
}
