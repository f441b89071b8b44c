//! What tests of the engine stand on: an engine with its three trees, a small disk that is as the
//! engine knows it until a test changes it, and a server that says what a test has it say.
//!
//! Looks, saves and the connection answer by themselves; all else that is asked for is kept, and
//! told in words. On a quick bench, files are read, fetched and uploaded at once, too.

use alloc::collections::{BTreeMap, VecDeque};
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::event::{Effect, Event, Hint, Notice, Upload};
use super::record::Record;
use super::*;
use crate::blob::Blob;
use crate::disk::{DiskError, Listing, Names, Seen, Stamp};
use crate::id::DeviceId;
use crate::name::RelPath;
use crate::node::Content;
use crate::operation::Cursor;
use crate::protocol::{ClientMessage, Resume, ServerMessage};

mod disk;
mod nodes;
mod server;
mod spots;
mod words;

use disk::Disk;
pub(super) use nodes::*;
pub(super) use spots::*;
use words::{look_words, words};

/// An engine that does more than this for one event goes round and round.
const MAX_EVENTS: usize = 10_000;

/// See the module.
#[derive(Debug)]
pub(super) struct Bench {
    pub(super) client: Client,
    now_ms: u64,
    disk: Disk,
    /// The last inode that something new was given.
    inodes: u64,
    /// What the engine has saved: its records, and its own row.
    records: BTreeMap<NodeId, Blob>,
    header: Option<Blob>,
    /// What cannot be looked at or read, and why.
    pub(super) failing: BTreeMap<RelPath, DiskError>,
    /// Names in the root that no node can have.
    pub(super) unnameable: Vec<String>,
    /// What every reading of a file comes to.
    pub(super) reading: Option<Result<&'static str, DiskError>>,
    /// Files are read, fetched and uploaded at once.
    quick: bool,
    /// The engine's invariants are checked.
    pub(super) checks: bool,
    /// Saves are answered.
    pub(super) saves: bool,
    /// Looks are answered.
    pub(super) looks: bool,
    /// A server answers: so.
    pub(super) resume: Option<Resume>,
    /// What was asked for, and is yet to be answered.
    asked: Vec<(String, Effect)>,
    /// What was asked for of files, the disk and the server, answered or not, and told to people.
    pub(super) log: Vec<String>,
    /// Which directories were looked at, and which names of them.
    pub(super) looked: Vec<String>,
    pub(super) notices: Vec<Notice>,
    /// How far the server was told that this device is.
    pub(super) acknowledged: Vec<u64>,
}

impl Bench {
    /// An engine with these trees, yet to be started; its server has nothing new.
    pub(super) fn of(records: impl IntoIterator<Item = (NodeId, Record)>) -> Self {
        let records: Vec<(NodeId, Record)> = records.into_iter().collect();
        let device = DeviceId::from_bytes([9; 16]);
        let saved = Saved::of_trees(device, Cursor::START, records.iter().cloned());
        let mut client = Client::of_trees(records);
        client.keys = keys::Keys::found(alloc::vec![OWN]);
        let disk = Disk::of(&client.trees);
        Self {
            client,
            now_ms: 0,
            disk,
            inodes: 1_000,
            records: saved.records.into_iter().collect(),
            header: saved.header,
            failing: BTreeMap::new(),
            unnameable: Vec::new(),
            reading: None,
            quick: false,
            checks: true,
            saves: true,
            looks: true,
            resume: Some(Resume::Entries),
            asked: Vec::new(),
            log: Vec::new(),
            looked: Vec::new(),
            notices: Vec::new(),
            acknowledged: Vec::new(),
        }
    }

    /// One that was started, and has looked at its disk.
    pub(super) fn started(records: impl IntoIterator<Item = (NodeId, Record)>) -> Self {
        let mut bench = Self::of(records);
        bench.tell(Event::Started);
        bench
    }

    /// A quick one, yet to be started.
    pub(super) fn quick(records: impl IntoIterator<Item = (NodeId, Record)>) -> Self {
        Self { quick: true, ..Self::of(records) }
    }

    /// One of these nodes, yet to be started, whose server does not answer.
    pub(super) fn alone(nodes: &[Known]) -> Self {
        Self { resume: None, ..Self::of(nodes.iter().map(record)) }
    }

    /// Starts, and lets new names settle.
    pub(super) fn start(&mut self) {
        self.tell(Event::Started);
        self.wait(200);
    }

    /// The engine is killed, and starts again from what it has saved. What it had asked the disk
    /// for has been carried out, and what it had sent is lost.
    pub(super) fn kill(&mut self) {
        for (_, effect) in core::mem::take(&mut self.asked) {
            if let Effect::Change { change, .. } = effect {
                self.inodes += 1;
                self.disk.change(self.inodes, &change);
            }
        }
        let records = self.records.clone().into_iter().collect();
        let saved = Saved { records, header: self.header.clone() };
        self.client = Client::new(self.client.config.clone(), saved).unwrap();
        self.start();
    }

    /// Has something stand at a path, which the engine does not know yet.
    pub(super) fn put(&mut self, at: &str, seen: Option<Seen>) {
        self.disk.put(&path(at), seen);
    }

    /// The same, and the watcher tells of it.
    pub(super) fn change(&mut self, at: &str, seen: Option<Seen>) {
        self.put(at, seen);
        self.hint(at, true);
        self.wait(10);
    }

    /// The watcher says that something may have changed at a path.
    pub(super) fn hint(&mut self, at: &str, closed: bool) {
        self.tell(Event::Hinted(Hint { path: path(at), closed }));
    }

    /// The same, and what is looked at for that.
    pub(super) fn looks_for_hint(&mut self, at: &str) -> String {
        self.looked.clear();
        self.hint(at, false);
        self.wait(10);
        self.looked.join(" ")
    }

    /// Someone writes a file anew.
    pub(super) fn write(&mut self, at: &str, text: &str) {
        self.inodes += 1;
        self.disk.write(&path(at), self.inodes, content(text));
        if self.client.started {
            self.hint(at, true);
        }
    }

    /// Someone gives what is at a path another name.
    pub(super) fn rename(&mut self, from: &str, to: &str) {
        self.disk.swap(&path(from), &path(to));
        self.hint(from, true);
        self.hint(to, true);
    }

    /// The watcher lost events below a path: what is looked at for that.
    pub(super) fn looks_for_overflow(&mut self, at: &str) -> String {
        self.looked.clear();
        self.tell(Event::Overflowed(path(at)));
        self.looked.join(" ")
    }

    pub(super) fn tell(&mut self, event: Event) {
        let mut events = VecDeque::from([event]);
        for round in 0.. {
            let Some(event) = events.pop_front() else { break };
            assert!(round < MAX_EVENTS, "it comes to no end: {event:?}");
            let now = Now { instant: self.now(), ..Now::default() };
            for effect in self.client.handle(now, event) {
                events.extend(self.answer(effect));
            }
        }
        if self.checks {
            self.client.check().unwrap();
        }
    }

    fn answer(&mut self, effect: Effect) -> Option<Event> {
        let words = words(&self.client, &effect);
        if let Effect::Look { dir, names, .. } = &effect {
            self.looked.push(look_words(dir, names));
        }
        match effect {
            Effect::Look { id, dir, names } if self.looks => {
                Some(Event::Looked(id, self.listing(&dir, &names)))
            }
            Effect::Save { id, batch } if self.saves => Some(self.saved(id, batch)),
            Effect::Hash { id, path, stamp } if self.quick || self.reading.is_some() => {
                Some(Event::Hashed(id, self.read(&path, &stamp)))
            }
            Effect::Upload { id, .. } if self.quick => {
                Some(Event::Uploaded(id, Ok(Upload::Stored)))
            }
            Effect::Fetch { id, .. } if self.quick => {
                self.log.push(words);
                Some(Event::Fetched(id, Ok(())))
            }
            Effect::Connect if self.resume.is_some() => Some(Event::Connected),
            Effect::Connect => Some(Event::Disconnected("nobody answers".into())),
            Effect::Disconnect => Some(Event::Disconnected("asked for".into())),
            Effect::Send(ClientMessage::Hello { cursor, .. }) => self.welcome(cursor),
            Effect::Send(ClientMessage::Continue(_)) => None,
            Effect::Send(ClientMessage::Acknowledge(seq)) => {
                self.acknowledged.push(seq.get());
                None
            }
            Effect::Report(notice) => {
                if !matches!(notice, Notice::Happened { .. }) {
                    self.log.push(words);
                }
                self.notices.push(notice);
                None
            }
            Effect::Hash { .. }
            | Effect::Fetch { .. }
            | Effect::Change { .. }
            | Effect::Send(ClientMessage::Commit(_)) => {
                self.log.push(words.clone());
                self.asked.push((words, effect));
                None
            }
            Effect::Look { .. }
            | Effect::Save { .. }
            | Effect::HashStart { .. }
            | Effect::Upload { .. }
            | Effect::Send(_) => {
                self.asked.push((words, effect));
                None
            }
        }
    }

    /// All of it is durable.
    fn saved(&mut self, id: TaskId, batch: saved::SaveBatch) -> Event {
        for (node, record) in batch.records {
            match record {
                Some(record) => self.records.insert(node, record),
                None => self.records.remove(&node),
            };
        }
        self.header = batch.header.or(self.header.take());
        Event::Saved(id, Ok(()))
    }

    fn listing(&self, dir: &RelPath, names: &Names) -> Result<Listing, DiskError> {
        if let Some(error) = self.failing.get(dir) {
            return Err(error.clone());
        }
        let mut listing = self.disk.list(dir, names)?;
        if *dir == RelPath::root() && *names == Names::All {
            listing.unnameable.clone_from(&self.unnameable);
        }
        Ok(listing)
    }

    fn read(&self, path: &RelPath, expected: &Stamp) -> Result<Content, DiskError> {
        match (self.failing.get(path), &self.reading) {
            (Some(error), _) => Err(error.clone()),
            (None, Some(result)) => result.clone().map(content),
            (None, None) => self.disk.read(path, expected),
        }
    }

    /// A directory, or a file, cannot be read from now on.
    pub(super) fn deny(&mut self, at: &str) {
        self.failing.insert(path(at), DiskError::Denied("not yours".into()));
    }

    /// Lets time pass, and tells the engine whenever it asked for it. First the server is heard.
    pub(super) fn wait(&mut self, ms: u64) {
        let (head, sum) = (self.client.stream.cursor, self.client.trees.sum());
        self.tell(Event::Received(ServerMessage::Digest { head, sum }));
        let until = self.now_ms + ms;
        for _ in 0..1_000 {
            match self.client.deadline().map(|(due, _)| due.as_ms()).filter(|due| *due <= until) {
                Some(due) => self.now_ms = self.now_ms.max(due),
                None => break,
            }
            self.tell(Event::Ticked);
        }
        self.now_ms = until;
        let due = self.client.deadline();
        assert!(due.is_none_or(|(due, _)| due.as_ms() > until), "time stands still: {due:?}");
    }

    pub(super) const fn now(&self) -> Instant {
        Instant::from_ms(self.now_ms)
    }

    /// When it is to be told, and what for.
    pub(super) fn due(&self) -> Option<(u64, Reason)> {
        self.client.deadline().map(|(due, reason)| (due.as_ms(), reason))
    }

    /// What is asked for and not answered, in words, in order.
    pub(super) fn asks(&self) -> Vec<String> {
        self.asked.iter().map(|(words, _)| words.clone()).collect()
    }

    /// Takes away what is asked for in these words.
    #[track_caller]
    pub(super) fn take(&mut self, asked: &str) -> Effect {
        let at = self.asked.iter().position(|(words, _)| words == asked);
        let at = at.unwrap_or_else(|| panic!("{asked} is not among {:?}", self.asks()));
        self.asked.remove(at).1
    }

    /// A change was made, and gave this inode; or what was asked for otherwise was done.
    #[track_caller]
    pub(super) fn done(&mut self, asked: &str, number: u64) {
        let effect = self.take(asked);
        self.answered(effect, number);
    }

    fn answered(&mut self, effect: Effect, number: u64) {
        let event = match effect {
            Effect::Change { id, change, .. } => {
                Event::Changed(id, Ok(self.disk.change(number, &change)))
            }
            Effect::Fetch { id, .. } => Event::Fetched(id, Ok(())),
            Effect::Save { id, batch } => self.saved(id, batch),
            Effect::Look { id, dir, names } => Event::Looked(id, self.listing(&dir, &names)),
            Effect::Upload { id, .. } => Event::Uploaded(id, Ok(Upload::Stored)),
            effect @ (Effect::Hash { .. }
            | Effect::HashStart { .. }
            | Effect::Connect
            | Effect::Disconnect
            | Effect::Send(_)
            | Effect::Report(_)) => panic!("{effect:?} is not done so"),
        };
        self.tell(event);
    }

    /// All changes of the disk that are asked for are made, and those that follow.
    pub(super) fn carry_out(&mut self) {
        let is_change = |(_, effect): &(String, Effect)| matches!(effect, Effect::Change { .. });
        while let Some(at) = self.asked.iter().position(is_change) {
            let (_, effect) = self.asked.remove(at);
            self.inodes += 1;
            self.answered(effect, self.inodes);
        }
    }

    /// What a look shows comes in: so many began before it and are under way.
    pub(super) fn answer_look(&mut self, before: usize) {
        let is_look = |at: &usize| matches!(self.asked[*at].1, Effect::Look { .. });
        let at = (0..self.asked.len()).filter(is_look).nth(before).unwrap();
        let (_, effect) = self.asked.remove(at);
        self.answered(effect, 0);
    }

    /// A change was not made.
    #[track_caller]
    pub(super) fn fails(&mut self, asked: &str, error: DiskError) {
        let Effect::Change { id, .. } = self.take(asked) else { panic!("{asked} is no change") };
        self.tell(Event::Changed(id, Err(error)));
    }

    #[track_caller]
    pub(super) fn fails_to_look(&mut self, asked: &str, error: DiskError) {
        let Effect::Look { id, .. } = self.take(asked) else { panic!("{asked} is no look") };
        self.tell(Event::Looked(id, Err(error)));
    }

    /// A file was read, and holds these bytes.
    #[track_caller]
    pub(super) fn reads(&mut self, asked: &str, bytes: &str) {
        self.hashed(asked, Ok(content(bytes)));
    }

    #[track_caller]
    pub(super) fn hashed(&mut self, asked: &str, result: Result<Content, DiskError>) {
        let (Effect::Hash { id, .. } | Effect::HashStart { id, .. }) = self.take(asked) else {
            panic!("{asked} is no reading")
        };
        self.tell(Event::Hashed(id, result));
    }

    /// A small content was read once more: these are its bytes.
    #[track_caller]
    pub(super) fn uploads(&mut self, asked: &str, bytes: &str) {
        let Effect::Upload { id, .. } = self.take(asked) else { panic!("{asked} is no upload") };
        self.tell(Event::Uploaded(id, Ok(Upload::Inline(bytes.as_bytes().into()))));
    }

    /// What is asked for and not answered, in whatever order.
    #[track_caller]
    pub(super) fn check(&self, expected: &[&str]) {
        let (mut asks, mut expected) = (self.asks(), expected.to_vec());
        asks.sort();
        expected.sort_unstable();
        assert_eq!(asks, expected);
    }

    /// What was logged since this was last checked, in order.
    #[track_caller]
    pub(super) fn check_log(&mut self, expected: &[&str]) {
        assert_eq!(core::mem::take(&mut self.log), expected);
    }

    /// All that was logged, and is wrong now.
    pub(super) fn told(&self) -> String {
        let problems = self.client.status().problems.into_iter();
        let problems =
            problems.map(|found| format!("{}: {:?}: {}", found.path, found.kind, found.reason));
        self.log.iter().cloned().chain(problems).collect::<Vec<_>>().join("; ")
    }

    /// The problems that people are told of, by path.
    pub(super) fn problems(&self) -> Vec<(String, ProblemKind)> {
        let problems = self.client.status().problems.into_iter();
        problems.map(|problem| (problem.path.to_string(), problem.kind)).collect()
    }

    pub(super) fn id(&self, at: &str) -> Option<NodeId> {
        let names = path(at);
        names.names().iter().try_fold(ROOT, |at, name| self.client.trees.child_here(at, name))
    }
}
