//! What the server says on a bench.

use alloc::vec::Vec;

use super::Bench;
use crate::client::event::{Effect, Event};
use crate::id::{CommitKey, DeviceId, FolderId, Seq};
use crate::operation::{Commit, Cursor, Entry, Operation, Refusal, Step, Verdict};
use crate::protocol::{ClientMessage, Resume, Row, ServerMessage};
use crate::time::WallTime;

impl Bench {
    pub(super) fn welcome(&self, cursor: Cursor) -> Option<Event> {
        let (folder, device) = (FolderId::from_bytes([9; 16]), DeviceId::from_bytes([9; 16]));
        let (resume, head) = (self.resume?, cursor.seq);
        let welcome = ServerMessage::Welcome { folder, device, writable: true, resume, head };
        Some(Event::Received(welcome))
    }

    /// The next entry of the journal, in a commit with this key.
    pub(in crate::client) fn hear(
        &mut self,
        key: CommitKey,
        steps: impl IntoIterator<Item = Step>,
    ) {
        self.hear_at(self.client.stream.cursor.seq.next(), key, steps);
    }

    /// An entry of this number.
    pub(in crate::client) fn hear_at(
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
    pub(in crate::client) fn reconnect(&mut self, resume: Resume) {
        self.resume = Some(resume);
        self.tell(Event::Disconnected("lost".into()));
        self.wait(500);
    }

    /// The one page of a snapshot, which was asked for.
    #[track_caller]
    pub(in crate::client) fn page(&mut self, seq: u64, rows: Vec<Row>) {
        self.take("send NextPage(None)");
        let start = Cursor { seq: Seq::new(seq), ..Cursor::START };
        self.tell(Event::Received(ServerMessage::Page { start, rows, last: true }));
    }

    /// The commit that is asked for in these words.
    #[track_caller]
    pub(in crate::client) fn commit(&mut self, asked: &str) -> Commit {
        let Effect::Send(ClientMessage::Commit(commit)) = self.take(asked) else {
            panic!("{asked} is no commit")
        };
        commit
    }

    /// The server takes a commit.
    #[track_caller]
    pub(in crate::client) fn accept(&mut self, asked: &str) {
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
    pub(in crate::client) fn refuse(&mut self, asked: &str, refusal: Refusal) {
        let Commit { key, operations, .. } = self.commit(asked);
        let verdicts = operations.iter().map(|_| Verdict::Refused(refusal)).collect();
        self.tell(Event::Received(ServerMessage::Outcome { key, verdicts }));
    }
}
