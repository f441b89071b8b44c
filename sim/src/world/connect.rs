//! The network between devices and the server.

use onefold_adapters::journal::CrashPoint;
use onefold_core::client::event::Event;
use onefold_core::operation::Cursor;
use onefold_core::protocol::ClientMessage;
use onefold_core::server::session::{Load, SessionEvent};

use crate::oracle::Broken;
use crate::planted::{self, Planted};

use super::World;
use super::device::Link;
use super::server::ConnectionId;

impl World {
    /// A client sends up its stream, if there is one.
    pub(crate) fn send(&mut self, index: usize, message: ClientMessage) {
        let born = self.next_born();
        self.wire.said(index, self.server.device_id(index), &message);
        if let ClientMessage::Commit(commit) = &message {
            self.witness.divergence.asked(commit);
        }
        let Link::Up { connection, .. } = self.devices[index].link else { return };
        if let Some(connection) = self.server.connections.get_mut(&connection) {
            connection.up.push_back((born, message));
        }
    }

    /// A client closes its stream, or gives up opening one.
    pub(super) fn disconnect(&mut self, index: usize) {
        let device = &mut self.devices[index];
        device.tasks.retain(|task| !task.is_connect());
        if device.link == Link::Down && device.stream_ends() {
            return;
        }
        self.drop_link(index, "closed");
    }

    /// A stream ends at the device's end, which hears of it; the server's end goes on for a while.
    pub(crate) fn drop_link(&mut self, index: usize, why: &str) {
        let born = self.next_born();
        let device = &mut self.devices[index];
        if let Link::Up { connection, .. } = device.link {
            self.server.detach(connection);
        }
        device.link = Link::Down;
        device.stream.push_back((born, Event::Disconnected(why.into())));
    }

    /// A client's attempt to open a stream comes to something.
    pub(super) fn connect(&mut self, index: usize) {
        let born = self.next_born();
        let device = &mut self.devices[index];
        if !device.reachable {
            device.stream.push_back((born, Event::Disconnected("unreachable".into())));
            return;
        }
        if let Link::Up { connection, .. } = device.link {
            self.server.detach(connection);
        }
        let process = match self.setting.servers {
            0 | 1 => 0,
            several => self.schedule.below(several.into()),
        };
        let connection = self.server.connect(self.now_ms, &mut self.born, index, process);
        device.link = Link::Up { connection, muted: false };
        device.stream.push_back((born, Event::Connected));
    }

    /// A message reaches a session.
    pub(super) fn deliver_up(&mut self, id: ConnectionId) {
        let Some(connection) = self.server.connections.get_mut(&id) else { return };
        if let Some((_, message)) = connection.up.pop_front() {
            let message = planted::network::up(&self.server.journal, message);
            self.tell(id, SessionEvent::Received(message));
        }
    }

    /// A message reaches a client.
    pub(super) fn deliver_down(&mut self, id: ConnectionId) -> Result<(), Broken> {
        let Some(connection) = self.server.connections.get_mut(&id) else { return Ok(()) };
        let index = connection.device;
        match planted::network::next_down(self.setting.planted, &mut connection.down) {
            Some(message) => {
                self.wire.heard(index, self.server.device_id(index), &message);
                self.give(index, Event::Received(message))
            }
            None => Ok(()),
        }
    }

    /// The server ended a connection, and the device notices.
    pub(super) fn connection_ended(&mut self, id: ConnectionId) {
        if let Some(connection) = self.server.connections.remove(&id) {
            self.drop_link(connection.device, "ended by the server");
        }
    }

    /// The server notices that the other end is gone.
    pub(super) fn notice_gone(&mut self, id: ConnectionId) {
        self.server.connections.remove(&id);
    }

    /// Gives a session an event.
    pub(super) fn tell(&mut self, id: ConnectionId, event: SessionEvent) {
        self.server.tell(self.now_ms, &mut self.born, id, event);
    }

    /// The journal does what a session asked of it.
    pub(super) fn load(&mut self, id: ConnectionId) -> Result<(), Broken> {
        let lost = self.schedule.strikes(self.setting.faults.lost_news.into())
            || self.setting.planted == Some(Planted::NewsLost);
        let crash = self.plan_store_crash(id);
        let head = self.server.load(self.now_ms, &mut self.born, id);
        let known = self.witness.cursor.unwrap_or(Cursor::START);
        let entries = self.server.journal.entries_after(known.seq);
        self.wire.accepted(&entries);
        self.witness.journal_grew(entries, &mut self.story)?;
        if crash && self.schedule.strikes(500) {
            self.story.say(|| "its process ends over it".into());
            let process = self.server.connections.get(&id).map(|open| open.process);
            self.end_server(process);
        }
        let Some(head) = head else { return Ok(()) };
        if lost {
            self.story.strike("lost_news", || format!("nobody hears that the head is {head}"));
        } else {
            self.server.spread_news(&mut self.born, id, head);
        }
        // The one that wrote hears of it in any case: its own server process knows.
        self.tell(id, SessionEvent::HeadMoved(head));
        Ok(())
    }

    /// Sometimes the store is cut short in the next durable write: whether it is kept, the server
    /// does not know.
    fn plan_store_crash(&mut self, id: ConnectionId) -> bool {
        let loads = self.server.connections.get(&id).and_then(|open| open.loads.front());
        let writes = loads.is_some_and(|(_, _, load)| matches!(load, Load::Decide(_)));
        if !writes || !self.schedule_strikes(self.setting.faults.store_crash) {
            return false;
        }
        let points = [CrashPoint::BeforeCommit, CrashPoint::AfterCommit];
        let point = points[self.schedule.below(2)];
        self.story.strike("store_crash", || format!("the server's store is cut short: {point:?}"));
        self.server.journal.crash_at(point);
        true
    }

    /// The journal's answer reaches a session.
    pub(super) fn answer(&mut self, id: ConnectionId) {
        let Some(connection) = self.server.connections.get_mut(&id) else { return };
        if let Some((_, load, loaded)) = connection.answers.pop_front() {
            self.tell(id, SessionEvent::Loaded(load, loaded));
        }
    }

    /// The news of a moved head reaches a session.
    pub(super) fn news(&mut self, id: ConnectionId) {
        let Some(connection) = self.server.connections.get_mut(&id) else { return };
        if let Some((_, head)) = connection.news.take() {
            self.tell(id, SessionEvent::HeadMoved(head));
        }
    }
}
