//! What can happen next, the calmest first.

use super::World;
use super::arranged::Hold;
use super::device::Link;
use super::server::ConnectionId;
use super::strike::Fault;

/// Something that can happen next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Choice {
    /// The watcher's oldest event reaches a client.
    Watch(usize),
    /// A task goes one stage on.
    Task(usize, usize),
    /// A client hears that its stream stands, or does not.
    Stream(usize),
    /// A message reaches a session.
    Up(ConnectionId),
    /// A message reaches a client.
    Down(ConnectionId),
    /// The journal does what a session asked.
    Load(ConnectionId),
    /// The journal's answer reaches a session.
    Answer(ConnectionId),
    /// The news of a moved head reaches a session.
    News(ConnectionId),
    /// The server notices that a device's end of a connection is gone.
    Notice(ConnectionId),
    /// A device notices that the server has ended its connection.
    Ended(ConnectionId),
    /// A client's deadline has come.
    Tick(usize),
    /// A session's deadline has come.
    SessionTick(ConnectionId),
    /// A user's program makes its next call.
    Call(usize),
    /// The next step of the users begins.
    UserStep,
    /// A client that was killed is started again.
    Restart(usize),
    /// Time goes on to the next thing that is due.
    Advance,
    /// A fault strikes.
    Strike(Fault, usize),
}

/// The calmest choice's weight; faults are weighed against it.
const CALM: u32 = 1000;
/// A user's weight while there is work to do.
const USER: u32 = 150;

impl World {
    /// All that can happen next with its weight; the calmest first. Never empty while time goes on.
    pub(super) fn choices(&self) -> Vec<(Choice, u32)> {
        let work = self.work();
        let mut choices = Vec::with_capacity(work.len() + 8);
        let disorder = u32::from(self.setting.faults.disorder);
        for (at, (_, choice)) in work.iter().enumerate() {
            choices.push((*choice, if at == 0 { CALM } else { disorder }));
        }
        let busy = !choices.is_empty();
        let users = (0..self.users.len()).filter(|index| self.call_due(*index));
        let mut users: Vec<_> = users.map(Choice::Call).collect();
        users.extend(self.user_step_due(busy).then_some(Choice::UserStep));
        for choice in users {
            choices.push((choice, if choices.is_empty() { CALM } else { USER }));
        }
        let delay = if choices.is_empty() { CALM } else { self.setting.faults.delay.into() };
        choices.push((Choice::Advance, delay));
        if !self.schedule.is_spent() {
            self.add_faults(&mut choices);
        }
        choices
    }

    /// Whether any engine, server or network has work to do right now.
    pub(super) fn has_work(&self) -> bool {
        !self.work().is_empty()
    }

    /// Work of engines, server and network, the oldest first.
    fn work(&self) -> Vec<(u64, Choice)> {
        let mut work = Vec::with_capacity(16);
        for (index, device) in self.devices.iter().enumerate() {
            if device.sleeps() {
                continue;
            }
            if device.client.is_none() {
                if !device.off && !self.arranged.holds(index, Hold::Start) {
                    work.push((self.born, Choice::Restart(index)));
                }
                continue;
            }
            if device.disk.waiting_events() > 0 && !self.arranged.holds(index, Hold::Events) {
                work.push((0, Choice::Watch(index)));
            }
            let mut saving = false;
            for (at, task) in device.tasks.iter().enumerate() {
                if self.arranged.holds_task(index, task) {
                    continue;
                }
                // Saves are done in their order.
                if !(task.is_save() && std::mem::replace(&mut saving, true)) {
                    work.push((task.born, Choice::Task(index, at)));
                }
            }
            work.extend(device.stream.front().map(|(born, _)| (*born, Choice::Stream(index))));
            if device.deadline_ms().is_some_and(|due| due <= self.now_ms) {
                work.push((self.born, Choice::Tick(index)));
            }
        }
        for (id, connection) in &self.server.connections {
            self.connection_work(*id, connection, &mut work);
        }
        work.sort_by_key(|(born, _)| *born);
        work
    }

    fn connection_work(
        &self,
        id: ConnectionId,
        connection: &super::server::Connection,
        work: &mut Vec<(u64, Choice)>,
    ) {
        let device = &self.devices[connection.device];
        let heard = device.hears(id);
        let passes =
            device.link == Link::Up { connection: id, muted: false } || !connection.attached;
        let held = |hold| self.arranged.holds(connection.device, hold);
        if passes && !connection.closed && connection.session.may_read() && !held(Hold::Up) {
            work.extend(connection.up.front().map(|(born, _)| (*born, Choice::Up(id))));
        }
        if heard && device.stream.is_empty() && !held(Hold::Down) {
            let down = connection.down.front();
            work.extend(down.map(|(born, _)| (*born, Choice::Down(id))));
            if connection.closed && connection.down.is_empty() {
                work.push((self.born, Choice::Ended(id)));
            }
        }
        if !connection.attached && connection.up.is_empty() {
            work.push((self.born, Choice::Notice(id)));
        }
        work.extend(connection.loads.front().map(|(born, ..)| (*born, Choice::Load(id))));
        work.extend(connection.answers.front().map(|(born, ..)| (*born, Choice::Answer(id))));
        work.extend(connection.news.map(|(born, _)| (born, Choice::News(id))));
        if self.server.deadline_ms(id).is_some_and(|due| due <= self.now_ms) {
            work.push((self.born, Choice::SessionTick(id)));
        }
    }
}
