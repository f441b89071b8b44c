//! An engine at its desk: a small disk that shows itself to its looks and readings, a store that saves
//! at once, and a server that says what a test has it say.
//!
//! What the engine asks of the disk and the server is told in words. Changes and commits wait until the
//! test has them done.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::format;
use std::string::{String, ToString};
use std::vec::Vec;

use crate::blob::Blob;
use crate::disk::{Change, DiskError, Listing, Names, Seen, Stamp};
use crate::hash::ContentId;
use crate::id::{CommitKey, DeviceId, FolderId, NodeId, Seq};
use crate::name::RelPath;
use crate::node::{Body, Content, State};
use crate::operation::{Commit, Cursor, Entry, Operation, Refusal, Step, Verdict};
use crate::protocol::{ClientMessage, Resume, ServerMessage};
use crate::time::{Now, WallTime};

use super::bench::{PIPE, ROOT, content, file, found, here as here_at, inode, node, path};
use super::event::{Effect, Event, Hint, Notice, TaskId, Upload};
use super::record::{Local, LocalBody, Record};
use super::saved::Saved;
use super::{Answer, Client, ProblemKind};

/// What files hold in these tests.
const TEXTS: [&str; 3] = ["one", "two", "six"];
/// An engine that asks for more than this goes round and round.
const MAX_EFFECTS: u64 = 10_000;
/// So often a clock goes on.
const TICK_MS: u64 = 50;

/// What stands on the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Thing {
    Directory,
    File(&'static str),
    /// It is not synced.
    Pipe,
}

pub(super) struct Desk {
    pub(super) client: Client,
    now: Now,
    /// What the engine has saved: its records, and its own row.
    records: BTreeMap<NodeId, Blob>,
    header: Option<Blob>,
    disk: BTreeMap<RelPath, (u64, Thing)>,
    inodes: u64,
    /// What cannot be read.
    closed: BTreeSet<RelPath>,
    changes: VecDeque<(TaskId, Change)>,
    commits: VecDeque<Commit>,
    seq: Seq,
    told: Vec<String>,
    effects: u64,
}

impl Desk {
    /// A node is its letter, and what is here, was agreed on, and is at the server.
    pub(super) fn new(nodes: &[(char, [Option<State>; 3])]) -> Self {
        let record = |(letter, [here, synced, there]): &(char, [Option<State>; 3])| {
            let here = here.as_ref().map(|state| here_at(*letter as u64, state));
            let local = here.unwrap_or(Local::Absent);
            (node(*letter), Record::of(local, synced.clone(), there.clone()))
        };
        Self::of_records(nodes.iter().map(record).collect())
    }

    /// The same, with a disk that is as the records say.
    pub(super) fn of_records(records: Vec<(NodeId, Record)>) -> Self {
        let client = Client::of_trees(records.clone());
        let device = DeviceId::from_bytes([9; 16]);
        let saved = Saved::of_trees(device, Cursor::START, records.clone());
        let mut disk = BTreeMap::new();
        for (node, record) in &records {
            if let Some(here) = record.present() {
                let thing = match &here.body {
                    LocalBody::Directory => Thing::Directory,
                    LocalBody::File { content, .. } => Thing::File(text(content.unwrap().id)),
                    LocalBody::Symlink(_) => unreachable!("these tests have none"),
                };
                let at = client.trees.path_here(*node).unwrap();
                disk.insert(at, (here.stamp.inode.number, thing));
            }
        }
        Self {
            client,
            now: Now::default(),
            records: saved.records.into_iter().collect(),
            header: saved.header,
            disk,
            inodes: 1_000,
            closed: BTreeSet::new(),
            changes: VecDeque::new(),
            commits: VecDeque::new(),
            seq: Seq::ZERO,
            told: Vec::new(),
            effects: 0,
        }
    }

    /// Starts, connects, and looks at everything: what is new has settled then.
    pub(super) fn start(&mut self) {
        self.handle(Event::Started);
        self.wait(400);
    }

    /// The engine is killed, and starts again from what it has saved. What it had asked the disk for
    /// has been carried out, and what it had sent is lost.
    pub(super) fn kill(&mut self) {
        while let Some((_, change)) = self.changes.pop_front() {
            self.perform(change);
        }
        self.commits.clear();
        let records = self.records.clone().into_iter().collect();
        let saved = Saved { records, header: self.header.clone() };
        self.client = Client::new(self.client.config.clone(), saved).unwrap();
        self.start();
    }

    pub(super) fn wait(&mut self, ms: u64) {
        for _ in 0..ms / TICK_MS {
            self.now.instant = self.now.instant + TICK_MS;
            self.handle(Event::Ticked);
        }
    }

    /// What was asked for since this was last checked.
    pub(super) fn told(&mut self) -> Vec<String> {
        core::mem::take(&mut self.told)
    }

    /// That this was asked for, and no more.
    #[track_caller]
    pub(super) fn check<T: AsRef<str>>(&mut self, expected: &[T]) {
        let told = self.told();
        let expected: Vec<&str> = expected.iter().map(AsRef::as_ref).collect();
        assert_eq!(told, expected);
    }

    /// That nothing was asked for.
    #[track_caller]
    pub(super) fn check_none(&mut self) {
        self.check::<&str>(&[]);
    }

    /// What people are told.
    pub(super) fn problems(&self) -> Vec<(String, ProblemKind)> {
        let told = self.client.status().problems.into_iter();
        told.map(|problem| (problem.path.to_string(), problem.kind)).collect()
    }

    /// A user puts something at a path.
    pub(super) fn put(&mut self, at: &str, thing: Thing) {
        self.inodes += 1;
        self.disk.insert(path(at), (self.inodes, thing));
        self.hint(at);
    }

    /// A user takes away what is at a path.
    pub(super) fn remove(&mut self, at: &str) {
        self.disk.retain(|path, _| !path.is_within(&self::path(at)));
        self.hint(at);
    }

    /// A user gives what is at a path another name.
    pub(super) fn rename(&mut self, from: &str, to: &str) {
        self.relocate(&path(from), &path(to));
        self.hint(from);
        self.hint(to);
    }

    /// A directory, or a file, cannot be read from now on.
    pub(super) fn close(&mut self, at: &str) {
        self.closed.insert(path(at));
    }

    pub(super) fn open(&mut self, at: &str) {
        self.closed.remove(&path(at));
    }

    /// A person answers what was asked about deletions.
    pub(super) fn answer(&mut self, answer: Answer) {
        self.handle(Event::Answered(answer));
    }

    fn hint(&mut self, at: &str) {
        if self.now.instant.as_ms() > 0 {
            self.handle(Event::Hinted(Hint { path: path(at), closed: true }));
        }
    }

    /// The changes of the disk that were asked for are carried out.
    pub(super) fn carry_out(&mut self) {
        while let Some((id, change)) = self.changes.pop_front() {
            let stamp = self.perform(change);
            self.handle(Event::Changed(id, Ok(stamp)));
        }
    }

    /// The change that was asked for first fails.
    pub(super) fn fail(&mut self, error: DiskError) {
        let (id, _) = self.changes.pop_front().unwrap();
        self.handle(Event::Changed(id, Err(error)));
    }

    /// The server does something for another device.
    pub(super) fn there(&mut self, step: Step) {
        self.accept_entry(CommitKey::from_bytes([8; 16]), Operation::from(step));
    }

    /// The server takes all that was sent.
    pub(super) fn accept(&mut self) {
        while let Some(Commit { key, operations, .. }) = self.commits.pop_front() {
            let mut verdicts = Vec::new();
            for operation in operations {
                self.accept_entry(key, operation);
                verdicts.push(Verdict::Accepted(self.seq));
            }
            self.handle(Event::Received(ServerMessage::Outcome { key, verdicts }));
        }
    }

    /// The server takes nothing of what was sent first.
    pub(super) fn refuse(&mut self, refusal: Refusal) {
        let Commit { key, operations, .. } = self.commits.pop_front().unwrap();
        let verdicts = operations.iter().map(|_| Verdict::Refused(refusal)).collect();
        self.handle(Event::Received(ServerMessage::Outcome { key, verdicts }));
    }

    fn accept_entry(&mut self, key: CommitKey, operation: Operation) {
        self.seq = self.seq.next();
        let (seq, device, time) = (self.seq, DeviceId::from_bytes([7; 16]), WallTime(0));
        let entries = [Entry { seq, device, key, time, operation }].into();
        let contents = Vec::new();
        self.handle(Event::Received(ServerMessage::Entries { entries, contents }));
    }

    pub(super) fn handle(&mut self, event: Event) {
        let mut events = VecDeque::from([event]);
        while let Some(event) = events.pop_front() {
            for effect in self.client.handle(self.now, event) {
                events.extend(self.take(effect));
            }
        }
        self.client.check().unwrap();
    }

    fn take(&mut self, effect: Effect) -> Option<Event> {
        self.effects += 1;
        assert!(self.effects < MAX_EFFECTS, "it goes round and round: {effect:?}");
        match effect {
            Effect::Look { id, dir, names } => Some(Event::Looked(id, self.listing(&dir, &names))),
            Effect::Hash { id, path, stamp } => Some(Event::Hashed(id, self.read(&path, &stamp))),
            Effect::Upload { id, .. } => Some(Event::Uploaded(id, Ok(Upload::Stored))),
            Effect::Save { id, batch } => {
                for (node, record) in batch.records {
                    match record {
                        Some(record) => self.records.insert(node, record),
                        None => self.records.remove(&node),
                    };
                }
                self.header = batch.header.or(self.header.take());
                Some(Event::Saved(id, Ok(())))
            }
            Effect::Connect => Some(Event::Connected),
            Effect::Fetch { id, content, .. } => {
                self.told.push(format!("fetch {}", text(content.id)));
                Some(Event::Fetched(id, Ok(())))
            }
            Effect::Change { id, change, .. } => {
                self.told.push(words(&change));
                self.changes.push_back((id, change));
                None
            }
            Effect::Send(ClientMessage::Hello { .. }) => {
                Some(Event::Received(ServerMessage::Welcome {
                    folder: FolderId::from_bytes([1; 16]),
                    device: DeviceId::from_bytes([9; 16]),
                    writable: true,
                    resume: Resume::Entries,
                    head: self.seq,
                }))
            }
            Effect::Send(ClientMessage::Commit(commit)) => {
                for step in commit.operations.iter().flat_map(|operation| &operation.steps) {
                    self.told.push(format!("send {}", self.step(step)));
                }
                self.commits.push_back(commit);
                None
            }
            Effect::Report(Notice::DeletionsHeld { files, of }) => {
                self.told.push(format!("ask about {files} of {of}"));
                None
            }
            Effect::Send(_) | Effect::Report(_) => None,
            Effect::Disconnect | Effect::HashStart { .. } => unreachable!("nothing leads to it"),
        }
    }

    fn step(&self, step: &Step) -> String {
        let (here, there) =
            (self.client.trees.path_here(step.node()), self.client.trees.path_there(step.node()));
        let (here, there) = (here.unwrap_or_default(), there.unwrap_or_default());
        match step {
            Step::Create { .. } => format!("create {here}"),
            Step::Edit { content, .. } => format!("edit {here}: {}", text(content.id)),
            Step::Move { .. } => format!("move {there} to {here}"),
            Step::Delete { .. } => format!("delete {there}"),
            Step::SetExecutable { .. } | Step::Retarget { .. } => unreachable!("there are none"),
        }
    }

    fn listing(&self, dir: &RelPath, names: &Names) -> Result<Listing, DiskError> {
        if self.closed.contains(dir) {
            return Err(DiskError::Denied("not yours".into()));
        }
        let number = match self.disk.get(dir) {
            Some((number, Thing::Directory)) => *number,
            None if dir.names().is_empty() => 1,
            Some(_) | None => return Err(DiskError::Gone),
        };
        let inside = |(path, (number, thing)): (&RelPath, &(u64, Thing))| {
            let (parent, name) = path.split()?;
            let asked = match names {
                Names::All => true,
                Names::Only(names) => names.contains(name),
            };
            (parent == *dir && asked).then(|| (name.clone(), seen(*number, *thing)))
        };
        let names = self.disk.iter().filter_map(inside).collect();
        Ok(Listing { inode: inode(number), names, unnameable: Vec::new() })
    }

    fn read(&self, path: &RelPath, expected: &Stamp) -> Result<Content, DiskError> {
        if self.closed.contains(path) {
            return Err(DiskError::Denied("not yours".into()));
        }
        match self.disk.get(path) {
            Some((number, Thing::File(text))) if *number == expected.inode.number => {
                Ok(content(text))
            }
            Some(_) => Err(DiskError::Changed),
            None => Err(DiskError::Gone),
        }
    }

    fn perform(&mut self, change: Change) -> Option<Stamp> {
        let (at, thing) = match change {
            Change::MakeDirectory { at } => (at, Thing::Directory),
            Change::PlaceFile { at, content, .. } => (at, Thing::File(text(content.id))),
            Change::Rename { from, to, .. } => {
                self.relocate(&from, &to);
                return None;
            }
            Change::Remove { at, .. } => {
                self.disk.remove(&at);
                return None;
            }
            Change::SetExecutable { .. }
            | Change::PlaceSymlink { .. }
            | Change::Exchange { .. } => {
                unreachable!("these tests have none")
            }
        };
        self.inodes += 1;
        self.disk.insert(at, (self.inodes, thing));
        let Seen::Node(found) = seen(self.inodes, thing) else { return None };
        Some(found.stamp)
    }

    fn relocate(&mut self, from: &RelPath, to: &RelPath) {
        let moved: Vec<_> = self.disk.extract_if(.., |path, _| path.is_within(from)).collect();
        for (path, what) in moved {
            let rest = &path.names()[from.names().len()..];
            let path = rest.iter().fold(to.clone(), |path, name| path.join(name.clone()));
            self.disk.insert(path, what);
        }
    }
}

fn seen(number: u64, thing: Thing) -> Seen {
    match thing {
        Thing::Directory => found(number, &Body::Directory),
        Thing::File(text) => found(number, &file(ROOT, "f", text).body),
        Thing::Pipe => PIPE,
    }
}

fn text(id: ContentId) -> &'static str {
    TEXTS.into_iter().find(|text| ContentId::of(text.as_bytes()) == id).unwrap()
}

fn words(change: &Change) -> String {
    match change {
        Change::MakeDirectory { at } => format!("make {at}"),
        Change::PlaceFile { at, content, .. } => format!("place {at}: {}", text(content.id)),
        Change::Rename { from, to, .. } => format!("rename {from} to {to}"),
        Change::Remove { at, .. } => format!("remove {at}"),
        Change::SetExecutable { .. } | Change::PlaceSymlink { .. } | Change::Exchange { .. } => {
            unreachable!("these tests have none")
        }
    }
}
