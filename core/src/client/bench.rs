//! What tests of the engine stand on: an engine with its three trees, a disk that is as the engine
//! knows it but for what a test puts there, and a server that says what a test has it say.
//!
//! Looks, saves and the connection answer by themselves; all else that is asked for is kept, and
//! told in words.

use alloc::collections::{BTreeMap, VecDeque};
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::event::{Effect, Event, Hint, Notice, Upload};
use super::record::{LocalBody, Record};
use super::*;
use crate::disk::{Change, DiskError, Form, Found, Listing, Names, Seen, Stamp};
use crate::id::{CommitKey, DeviceId, FolderId, Seq};
use crate::name::{Name, RelPath};
use crate::node::{Body, Content};
use crate::operation::{Commit, Cursor, Entry, Operation, Refusal, Step, Verdict};
use crate::protocol::{ClientMessage, Resume, Row, ServerMessage};
use crate::time::WallTime;

mod nodes;
mod words;

pub(super) use nodes::*;
use words::words;

/// See the module.
#[derive(Debug)]
pub(super) struct Bench {
    pub(super) client: Client,
    now_ms: u64,
    /// What stands at a path, where that is not as the engine knows it; `None`: nothing.
    disk: BTreeMap<RelPath, Option<Seen>>,
    /// Directories that cannot be read.
    pub(super) denied: Vec<RelPath>,
    /// Saves are answered.
    pub(super) saves: bool,
    /// Looks are answered.
    pub(super) looks: bool,
    /// A server answers: so.
    pub(super) resume: Option<Resume>,
    /// What was asked for, and is yet to be answered.
    asked: Vec<Effect>,
    pub(super) notices: Vec<Notice>,
    /// How far the server was told that this device is.
    pub(super) acknowledged: Vec<u64>,
}

impl Bench {
    /// An engine with these trees, yet to be started; its server has nothing new.
    pub(super) fn of(records: impl IntoIterator<Item = (NodeId, Record)>) -> Self {
        let mut client = Client::of_trees(records);
        client.keys = keys::Keys::found(alloc::vec![OWN]);
        Self {
            client,
            now_ms: 0,
            disk: BTreeMap::new(),
            denied: Vec::new(),
            saves: true,
            looks: true,
            resume: Some(Resume::Entries),
            asked: Vec::new(),
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

    /// Has something stand at a path, which the engine does not know yet.
    pub(super) fn put(&mut self, at: &str, seen: Option<Seen>) {
        self.disk.insert(path(at), seen);
    }

    /// The same, and the watcher tells of it.
    pub(super) fn change(&mut self, at: &str, seen: Option<Seen>) {
        self.put(at, seen);
        self.tell(Event::Hinted(Hint { path: path(at), closed: true }));
        self.wait(10);
    }

    pub(super) fn tell(&mut self, event: Event) {
        let mut events = VecDeque::from([event]);
        while let Some(event) = events.pop_front() {
            let now = Now { instant: Instant::from_ms(self.now_ms), ..Now::default() };
            for effect in self.client.handle(now, event) {
                events.extend(self.answer(effect));
            }
        }
        self.client.check().unwrap();
    }

    fn answer(&mut self, effect: Effect) -> Option<Event> {
        match effect {
            Effect::Look { id, dir, names } if self.looks => {
                Some(Event::Looked(id, self.listing(&dir, &names)))
            }
            Effect::Save { id, .. } if self.saves => Some(Event::Saved(id, Ok(()))),
            Effect::Connect if self.resume.is_some() => Some(Event::Connected),
            Effect::Connect => Some(Event::Disconnected("nobody answers".into())),
            Effect::Disconnect => Some(Event::Disconnected("asked for".into())),
            Effect::Send(ClientMessage::Hello { cursor, .. }) => {
                let (folder, device) =
                    (FolderId::from_bytes([9; 16]), DeviceId::from_bytes([9; 16]));
                let (resume, head) = (self.resume?, cursor.seq);
                let welcome =
                    ServerMessage::Welcome { folder, device, writable: true, resume, head };
                Some(Event::Received(welcome))
            }
            Effect::Send(ClientMessage::Continue(_)) => None,
            Effect::Send(ClientMessage::Acknowledge(seq)) => {
                self.acknowledged.push(seq.get());
                None
            }
            Effect::Report(notice) => {
                self.notices.push(notice);
                None
            }
            Effect::Look { .. }
            | Effect::Save { .. }
            | Effect::Hash { .. }
            | Effect::HashStart { .. }
            | Effect::Upload { .. }
            | Effect::Fetch { .. }
            | Effect::Change { .. }
            | Effect::Send(_) => {
                self.asked.push(effect);
                None
            }
        }
    }

    /// What is known to be in a directory, but for what was put there.
    fn listing(&self, dir: &RelPath, names: &Names) -> Result<Listing, DiskError> {
        if self.denied.contains(dir) {
            return Err(DiskError::Denied("not yours".into()));
        }
        let trees = &self.client.trees;
        let at = dir.names().iter().try_fold(ROOT, |at, name| trees.child_here(at, name));
        let at = at.ok_or(DiskError::Gone)?;
        let mut shown: BTreeMap<Name, Seen> = BTreeMap::new();
        for (name, child) in trees.children_here(at) {
            let present = trees.get(child).present().unwrap();
            let form = match &present.body {
                LocalBody::Directory => Form::Directory,
                LocalBody::File { executable, .. } => Form::File { executable: *executable },
                LocalBody::Symlink(target) => Form::Symlink(target.clone()),
            };
            let links = if present.linked { 2 } else { 1 };
            shown.insert(name.clone(), Seen::Node(Found { stamp: present.stamp, links, form }));
        }
        for (at, seen) in &self.disk {
            let Some((_, name)) = at.split().filter(|(above, _)| above == dir) else { continue };
            shown.remove(name);
            shown.extend(seen.clone().map(|seen| (name.clone(), seen)));
        }
        shown.retain(|name, _| looking::asked(names, name));
        let inode = trees.get(at).present().map_or(inode(999), |present| present.stamp.inode);
        Ok(Listing { inode, names: shown.into_iter().collect(), unnameable: Vec::new() })
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

    /// When it is to be told, and what for.
    pub(super) fn due(&self) -> Option<(u64, Reason)> {
        self.client.deadline().map(|(due, reason)| (due.as_ms(), reason))
    }

    /// The next entry of the journal, in a commit with this key.
    pub(super) fn hear(&mut self, key: CommitKey, steps: impl IntoIterator<Item = Step>) {
        self.hear_at(self.client.stream.cursor.seq.next(), key, steps);
    }

    /// An entry of this number.
    pub(super) fn hear_at(
        &mut self,
        seq: Seq,
        key: CommitKey,
        steps: impl IntoIterator<Item = Step>,
    ) {
        let entry = Entry {
            seq,
            device: DeviceId::from_bytes([7; 16]),
            key,
            time: WallTime(0),
            operation: Operation { steps: steps.into_iter().collect() },
        };
        let (entries, contents) = (alloc::vec![entry], Vec::new());
        self.tell(Event::Received(ServerMessage::Entries { entries, contents }));
    }

    /// The connection is lost, and stands again; the server then answers so.
    pub(super) fn reconnect(&mut self, resume: Resume) {
        self.resume = Some(resume);
        self.tell(Event::Disconnected("lost".into()));
        self.wait(500);
    }

    /// The one page of a snapshot, which was asked for.
    #[track_caller]
    pub(super) fn page(&mut self, seq: u64, rows: Vec<Row>) {
        self.take("send NextPage(None)");
        let start = Cursor { seq: Seq::new(seq), ..Cursor::START };
        self.tell(Event::Received(ServerMessage::Page { start, rows, last: true }));
    }

    /// What is asked for and not answered, in words, in order.
    pub(super) fn asks(&self) -> Vec<String> {
        self.asked.iter().map(words).collect()
    }

    /// Takes away what is asked for in these words.
    #[track_caller]
    pub(super) fn take(&mut self, asked: &str) -> Effect {
        let at = self.asked.iter().position(|effect| words(effect) == asked);
        let at = at.unwrap_or_else(|| panic!("{asked} is not among {:?}", self.asks()));
        self.asked.remove(at)
    }

    /// A change was made, and gave this inode; or what was asked for otherwise was done.
    #[track_caller]
    pub(super) fn done(&mut self, asked: &str, number: u64) {
        let event = match self.take(asked) {
            Effect::Change { id, change, .. } => Event::Changed(id, Ok(placed(number, &change))),
            Effect::Fetch { id, .. } => Event::Fetched(id, Ok(())),
            Effect::Save { id, .. } => Event::Saved(id, Ok(())),
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

    /// The commit that is asked for in these words.
    #[track_caller]
    pub(super) fn commit(&mut self, asked: &str) -> Commit {
        let Effect::Send(ClientMessage::Commit(commit)) = self.take(asked) else {
            panic!("{asked} is no commit")
        };
        commit
    }

    /// The server takes a commit.
    #[track_caller]
    pub(super) fn accept(&mut self, asked: &str) {
        let Commit { key, operations, .. } = self.commit(asked);
        let mut verdicts = Vec::new();
        for Operation { steps } in operations {
            self.hear(key, steps);
            verdicts.push(Verdict::Accepted(self.client.stream.cursor.seq));
        }
        self.tell(Event::Received(ServerMessage::Outcome { key, verdicts }));
    }

    /// The server refuses all of a commit.
    #[track_caller]
    pub(super) fn refuse(&mut self, asked: &str, refusal: Refusal) {
        let Commit { key, operations, .. } = self.commit(asked);
        let verdicts = operations.iter().map(|_| Verdict::Refused(refusal)).collect();
        self.tell(Event::Received(ServerMessage::Outcome { key, verdicts }));
    }

    /// What is asked for and not answered, in whatever order.
    #[track_caller]
    pub(super) fn check(&self, expected: &[&str]) {
        let (mut asks, mut expected) = (self.asks(), expected.to_vec());
        asks.sort();
        expected.sort_unstable();
        assert_eq!(asks, expected);
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

fn placed(number: u64, change: &Change) -> Option<Stamp> {
    match change {
        Change::MakeDirectory { .. } => Some(stamp(number, &Body::Directory)),
        Change::PlaceFile { content, executable, .. } => {
            Some(stamp(number, &Body::File { content: *content, executable: *executable }))
        }
        Change::PlaceSymlink { target, .. } => Some(stamp(number, &Body::Symlink(target.clone()))),
        Change::Rename { .. }
        | Change::Exchange { .. }
        | Change::Remove { .. }
        | Change::SetExecutable { .. } => None,
    }
}
