//! The course of a run: steps, then everything heals, comes to rest, and is judged.

use onefold_core::client::event::Event;
use onefold_core::client::{Answer, ProblemKind};
use onefold_core::name::RelPath;
use onefold_core::server::session::SessionEvent;

use crate::disk::watch::WatchEvent;
use crate::oracle::{Broken, rules};
use crate::tape::Tape;

use super::World;
use super::choice::Choice;
use super::device::{Device, Link};
use super::faults::Faults;

/// A run that is longer is healed before its tapes are at their end.
const MAX_STEPS: u64 = 60_000;
/// Rest must come within so many steps after healing,
const MAX_SETTLE_STEPS: u64 = 30_000;
/// and within so much virtual time.
const MAX_SETTLE_MS: u64 = 2 * 60 * 60 * 1000;
/// An engine that is ticked so often without time going on spins.
const MAX_TICKS_AT_ONCE: u32 = 100;

/// Something can be done right now.
const WORK: &str = "there is work to do";

impl World {
    /// Runs the tapes, heals, settles, judges.
    pub fn run(&mut self) -> Result<(), Broken> {
        while self.steps < MAX_STEPS {
            if self.users_done() && (self.schedule.is_spent() || self.at_rest().is_ok()) {
                break;
            }
            self.step()?;
        }
        self.finish()
    }

    /// Heals, settles and judges.
    pub fn finish(&mut self) -> Result<(), Broken> {
        self.heal();
        self.answer_all()?;
        self.judge()?;
        self.second_look()?;
        self.rebuild()
    }

    /// Comes to rest with every question about deletions answered.
    fn answer_all(&mut self) -> Result<(), Broken> {
        let asks = |world: &Self| world.devices.iter().position(Device::asks);
        loop {
            self.settle_as_is()?;
            // A device may come to ask when what was refused is tried again.
            self.settle_until(|world| {
                world.at_rest().and_then(|()| match asks(world) {
                    Some(_) => Ok(()),
                    None => world.free_of_problems(),
                })
            })?;
            let Some(index) = asks(self) else { return Ok(()) };
            let undo = (self.steps + index as u64).is_multiple_of(3);
            self.answer_deletions(index, if undo { Answer::Undo } else { Answer::Approve })?;
        }
    }

    /// One step: one of the enabled choices.
    pub fn step(&mut self) -> Result<(), Broken> {
        self.steps += 1;
        self.story.set_time(self.now_ms);
        let choices = self.choices();
        let at = self.schedule.weighted(choices.iter().map(|(_, weight)| *weight));
        let choice = choices[at].0;
        self.apply(choice)
    }

    fn apply(&mut self, choice: Choice) -> Result<(), Broken> {
        match choice {
            Choice::Watch(index) => match self.devices[index].disk.take_event(0) {
                Some(WatchEvent::Hint(hint)) => self.give(index, Event::Hinted(hint))?,
                Some(WatchEvent::Overflow(path)) => self.give(index, Event::Overflowed(path))?,
                None => {}
            },
            Choice::Task(index, at) => self.advance_task(index, at)?,
            Choice::Stream(index) => {
                if let Some((_, event)) = self.devices[index].stream.pop_front() {
                    self.give(index, event)?;
                }
            }
            Choice::Up(id) => self.deliver_up(id),
            Choice::Down(id) => self.deliver_down(id)?,
            Choice::Load(id) => self.load(id)?,
            Choice::Answer(id) => self.answer(id),
            Choice::News(id) => self.news(id),
            Choice::Notice(id) => self.notice_gone(id),
            Choice::Ended(id) => self.connection_ended(id),
            Choice::Tick(index) => self.tick(index)?,
            Choice::SessionTick(id) => self.tell(id, SessionEvent::Ticked),
            Choice::Call(index) => self.user_call(index),
            Choice::UserStep => self.begin_user_step()?,
            Choice::Restart(index) => self.start_client(index)?,
            Choice::Advance => self.advance()?,
            Choice::Strike(fault, index) => self.strike(fault, index)?,
        }
        Ok(())
    }

    fn tick(&mut self, index: usize) -> Result<(), Broken> {
        self.idle_ticks += 1;
        if self.idle_ticks > MAX_TICKS_AT_ONCE {
            let deadline = self.devices[index].client.as_ref().and_then(|c| c.deadline());
            let what = format!("device {index} is ticked again and again for {deadline:?}");
            return Err(Broken::new("an engine does not spin", what));
        }
        self.give(index, Event::Ticked)
    }

    /// Time goes on to the next thing that is due.
    fn advance(&mut self) -> Result<(), Broken> {
        let clients = self.devices.iter().filter_map(|device| device.deadline_ms());
        let sessions = self.server.connections.keys();
        let sessions = sessions.filter_map(|id| self.server.deadline_ms(*id));
        let due = clients.chain(sessions).filter(|due| *due > self.now_ms);
        let alarm = self.arranged.alarm_ms.filter(|alarm| *alarm > self.now_ms);
        let next = due.chain(self.users_due_ms()).chain(alarm).min();
        self.idle_ticks = 0;
        self.now_ms = next.unwrap_or(self.now_ms + 1_000);
        for device in &mut self.devices {
            if device.wakes_ms().is_some_and(|due| due <= self.now_ms) {
                device.wake(self.now_ms);
            }
        }
        self.story.set_time(self.now_ms);
        Ok(())
    }

    /// Everything that was broken works again, and nothing breaks any more.
    pub(crate) fn heal(&mut self) {
        self.story.say(|| "everything heals".into());
        self.setting.faults = Faults::default();
        self.schedule = Tape::default();
        self.user_steps.clear();
        for index in 0..self.devices.len() {
            if matches!(self.devices[index].link, Link::Up { muted: true, .. }) {
                self.drop_link(index, "reset");
            }
            let now_ms = self.now_ms;
            let device = &mut self.devices[index];
            device.wake(now_ms);
            device.reachable = true;
            device.disk.full = false;
            device.disk.unmounted = false;
            device.disk.allow_all();
            device.disk.overflow();
        }
        self.server.journal.limit(false);
        for index in 0..self.devices.len() {
            self.server.journal.let_write(self.server.device_id(index), true);
        }
        self.part_clones();
        self.witness.healed();
    }

    /// Lets the world come to rest, with nothing left undone.
    pub fn settle(&mut self) -> Result<(), Broken> {
        self.settle_until(|world| world.at_rest().and_then(|()| world.free_of_problems()))
    }

    /// Lets the world come to rest, with whatever stands in the way.
    pub(crate) fn settle_as_is(&mut self) -> Result<(), Broken> {
        self.settle_until(Self::at_rest)
    }

    fn settle_until(&mut self, done: impl Fn(&Self) -> Result<(), String>) -> Result<(), Broken> {
        let (steps, began_ms) = (self.steps, self.now_ms);
        let mut reason = String::new();
        while let Err(why) = done(self) {
            if self.steps - steps > MAX_SETTLE_STEPS || self.now_ms - began_ms > MAX_SETTLE_MS {
                return Err(Broken::new("comes to rest", reason));
            }
            if why != WORK || reason.is_empty() {
                reason = why;
            }
            self.step()?;
        }
        Ok(())
    }

    /// Whether nothing is going on; if not, one reason why.
    pub(super) fn at_rest(&self) -> Result<(), String> {
        if self.has_work() {
            return Err(WORK.into());
        }
        if !self.users_rest() {
            return Err("a user's program is running".into());
        }
        for (index, device) in self.devices.iter().enumerate() {
            if device.sleeps() {
                return Err(format!("device {index}: it sleeps"));
            }
            let Some(client) = &device.client else {
                return Err(format!("device {index}: the client does not run"));
            };
            let status = client.status();
            if let Some(why) = status.halted {
                return Err(format!("device {index}: halted: {why}"));
            }
            if device.reachable && !status.online {
                return Err(format!("device {index}: not online"));
            }
            if device.reachable && status.seq != self.server.journal.head().cursor.seq.get() {
                return Err(format!("device {index}: behind, at {}", status.seq));
            }
            if let Some(why) = status.unrest.filter(|_| device.reachable) {
                return Err(format!("device {index}: {why}"));
            }
        }
        Ok(())
    }

    /// Whether nothing is left undone but for what stands in the way for good.
    pub fn free_of_problems(&self) -> Result<(), String> {
        for (index, device) in self.devices.iter().enumerate() {
            let problems = device.client.as_ref().map(|client| client.status().problems);
            let mut passing = problems.into_iter().flatten();
            if let Some(problem) = passing.find(|problem| problem.kind != ProblemKind::Parked) {
                return Err(format!("device {index}: {problem:?}"));
            }
        }
        Ok(())
    }

    /// A fresh scan must want to do nothing.
    fn second_look(&mut self) -> Result<(), Broken> {
        self.witness.nothing_more_may_happen(rules::FRESH_SCAN);
        for index in 0..self.devices.len() {
            self.give(index, Event::Overflowed(RelPath::root()))?;
        }
        self.settle()?;
        self.witness.nothing_happened()
    }

    /// Engines rebuilt from what was saved must want to do nothing.
    fn rebuild(&mut self) -> Result<(), Broken> {
        self.witness.nothing_more_may_happen(rules::REBUILT);
        for index in 0..self.devices.len() {
            self.kill_client(index);
            self.start_client(index)?;
        }
        self.settle()?;
        self.witness.nothing_happened()?;
        self.judge()
    }
}
