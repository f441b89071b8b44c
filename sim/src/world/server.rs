//! The server: its stores in memory, and a session for each connection, in one of several processes.
//!
//! What a session asks of the journal is done at one step and answered at a later one. When the
//! server is killed, what the journal made durable stays, and the connections are gone.

use std::collections::{BTreeMap, VecDeque};

use onefold_core::id::{DeviceId, FolderId, Seq};
use onefold_core::protocol::{ClientMessage, ServerMessage};
use onefold_core::server::session::{Load, LoadId, Loaded, Session, SessionEffect, SessionEvent};
use onefold_core::time::{Instant, WallTime};

use super::journal::Journal;

/// Names a connection.
pub type ConnectionId = u64;

/// A connection, as the server has it.
#[derive(Debug)]
pub struct Connection {
    /// Whose.
    pub device: usize,
    /// The server process that it is in.
    pub process: usize,
    /// The engine of its stream.
    pub session: Session,
    /// Messages on their way to the server, with their birth.
    pub up: VecDeque<(u64, ClientMessage)>,
    /// Messages on their way to the device, with their birth.
    pub down: VecDeque<(u64, ServerMessage)>,
    /// Questions to the journal.
    pub loads: VecDeque<(u64, LoadId, Load)>,
    /// Answers of the journal.
    pub answers: VecDeque<(u64, LoadId, Result<Loaded, String>)>,
    /// News of a moved head.
    pub news: Option<(u64, Seq)>,
    /// The device's end is still there.
    pub attached: bool,
    /// The server has ended it.
    pub closed: bool,
}

/// The server.
#[derive(Debug)]
pub struct Server {
    /// What is durable.
    pub journal: Journal,
    /// Open connections.
    pub connections: BTreeMap<ConnectionId, Connection>,
    /// The folder.
    pub folder: FolderId,
    next: ConnectionId,
    devices: Vec<DeviceId>,
}

impl Server {
    /// A server with one empty folder that so many devices have joined.
    pub fn new(devices: usize) -> Self {
        let folder = FolderId::from_bytes([7; 16]);
        let devices: Vec<_> =
            (0..devices).map(|index| DeviceId::from_bytes([index as u8 + 1; 16])).collect();
        Self {
            journal: Journal::new(folder, &devices).expect("nothing is there yet"),
            connections: BTreeMap::new(),
            folder,
            next: 0,
            devices,
        }
    }

    /// A device's id.
    pub fn device_id(&self, index: usize) -> DeviceId {
        self.devices[index]
    }

    /// The index of a device.
    pub fn device_index(&self, id: DeviceId) -> Option<usize> {
        self.devices.iter().position(|device| *device == id)
    }

    /// This device is the same to the server as that one: its disk was cloned.
    pub fn take_for(&mut self, device: usize, other: usize) {
        self.connections.retain(|_, open| open.device != device);
        self.devices[device] = self.devices[other];
    }

    /// A device that was taken for another joins anew, as itself.
    pub fn join_anew(&mut self, device: usize) {
        self.connections.retain(|_, open| open.device != device);
        let id = DeviceId::from_bytes([100 + device as u8; 16]);
        self.journal.let_in(self.folder, id);
        self.devices[device] = id;
    }

    /// Whether the server takes an earlier device for this one.
    pub fn is_cloned(&self, device: usize) -> bool {
        self.devices[..device].contains(&self.devices[device])
    }

    /// A device connects to a process; older connections of it there are told. `born` numbers what
    /// comes of it.
    pub fn connect(
        &mut self,
        now_ms: u64,
        born: &mut u64,
        device: usize,
        process: usize,
    ) -> ConnectionId {
        let older: Vec<_> = self.of_device(device, process);
        for id in older {
            self.tell(now_ms, born, id, SessionEvent::Replaced);
        }
        let id = self.next;
        self.next += 1;
        let session = Session::new(instant(now_ms), self.folder, self.devices[device]);
        let connection = Connection {
            device,
            process,
            session,
            up: VecDeque::new(),
            down: VecDeque::new(),
            loads: VecDeque::new(),
            answers: VecDeque::new(),
            news: None,
            attached: true,
            closed: false,
        };
        self.connections.insert(id, connection);
        id
    }

    fn of_device(&self, device: usize, process: usize) -> Vec<ConnectionId> {
        let same = |connection: &Connection| {
            connection.process == process && self.devices[connection.device] == self.devices[device]
        };
        let all = self.connections.iter();
        all.filter(|(_, connection)| same(connection)).map(|(id, _)| *id).collect()
    }

    /// Gives a session an event, and does what it asks for as far as that is done at once.
    pub fn tell(&mut self, now_ms: u64, born: &mut u64, id: ConnectionId, event: SessionEvent) {
        let Some(connection) = self.connections.get_mut(&id) else { return };
        for effect in connection.session.handle(instant(now_ms), event) {
            *born += 1;
            match effect {
                SessionEffect::Load(load_id, load) => {
                    connection.loads.push_back((*born, load_id, load));
                }
                SessionEffect::Send(message) => connection.down.push_back((*born, message)),
                SessionEffect::Acknowledge(seq) => {
                    self.journal.acknowledge(self.devices[connection.device], seq);
                }
                SessionEffect::Close => connection.closed = true,
            }
        }
        if !connection.attached {
            connection.down.clear();
            if connection.closed {
                self.connections.remove(&id);
            }
        }
    }

    /// Does the oldest thing that a session asked of the journal. The new head, if it moved and the
    /// server knows it.
    pub fn load(&mut self, now_ms: u64, born: &mut u64, id: ConnectionId) -> Option<Seq> {
        let connection = self.connections.get_mut(&id)?;
        let (_, load_id, load) = connection.loads.pop_front()?;
        let device = self.devices[connection.device];
        let writable = connection.session.writable();
        let before = self.journal.head().cursor.seq;
        let loaded = self.journal.answer(device, writable, WallTime(now_ms as i64), load);
        *born += 1;
        let known = loaded.is_ok();
        let loaded = loaded.map_err(|error| error.to_string());
        connection.answers.push_back((*born, load_id, loaded));
        let head = self.journal.head().cursor.seq;
        (known && head != before).then_some(head)
    }

    /// Tells all sessions but one that the head moved, by and by.
    pub fn spread_news(&mut self, born: &mut u64, but: ConnectionId, head: Seq) {
        for (id, connection) in &mut self.connections {
            if *id != but {
                *born += 1;
                connection.news = Some((*born, head));
            }
        }
    }

    /// When a session wants to be ticked.
    pub fn deadline_ms(&self, id: ConnectionId) -> Option<u64> {
        let (instant, _) = self.connections.get(&id)?.session.deadline()?;
        Some(instant.as_ms())
    }

    /// The device's end of a connection is gone; the server may not know yet.
    pub fn detach(&mut self, id: ConnectionId) {
        if let Some(connection) = self.connections.get_mut(&id) {
            connection.attached = false;
            connection.down.clear();
        }
    }

    /// A process ends, or all with the machine, which loses power; they are there again at once.
    pub fn kill(&mut self, process: Option<usize>) {
        match process {
            Some(process) => self.connections.retain(|_, open| open.process != process),
            None => {
                self.connections.clear();
                self.journal.cut_power();
            }
        }
    }
}

fn instant(now_ms: u64) -> Instant {
    Instant::from_ms(now_ms)
}
