//! Orders what one connected device hears about its folder.
//!
//! Invariants: entries go out in order, with no gap, each once; an outcome or a digest goes out only
//! after all entries up to the head it belongs to; the last message of a connection that the server
//! ends is a `Farewell`. A head that moves while something is being loaded is never forgotten.
//!
//! It does no I/O and does not decide commits ([`super::decide`] does). Its driver sends what it is
//! told to send before it answers the next load: that is all the backpressure there is, and enough,
//! since at most one load of entries or pages is under way.

mod event;
mod resume;
mod stream;

#[cfg(test)]
mod model_tests;
#[cfg(test)]
mod tests;

use alloc::collections::VecDeque;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use crate::id::{CommitKey, DeviceId, FolderId, Lineage, NodeId, Seq};
use crate::operation::{Commit, Cursor};
use crate::protocol::{
    ClientMessage, DIGEST_EVERY_MS, Farewell, MAX_PAGE_ROWS, PROTOCOL, Resume, ServerMessage,
};
use crate::time::Instant;

use super::facts::StoredOutcome;
pub use event::{
    EntriesQuery, Greet, Greeting, Load, LoadId, Loaded, LoadedEntries, LoadedPage,
    MAX_ENTRIES_BYTES, Poll, SessionEffect, SessionEvent, SessionReason, read_message,
};
pub use resume::ENTRIES_BEFORE_SNAPSHOT;
pub use stream::INLINE_CREDIT_BYTES;
use stream::Stream;

/// The most commits of a device that wait for their outcome to be sent.
pub const MAX_UNANSWERED_COMMITS: usize = 64;
/// A connection that has not said `Hello` for this long is closed.
pub const HELLO_WITHIN_MS: u64 = 10_000;

/// The engine of one connected device's stream.
#[derive(Debug)]
pub struct Session {
    folder: FolderId,
    device: DeviceId,
    writable: bool,
    phase: Phase,
    /// The furthest that the journal is known to reach.
    head: Seq,
    /// The furthest that the device may acknowledge.
    sent: Seq,
    /// The commits without an outcome sent, in order.
    answers: VecDeque<Answer>,
    polling: Option<LoadId>,
    tick_at: Instant,
    last_load: u64,
    effects: Vec<SessionEffect>,
}

#[derive(Debug)]
enum Phase {
    /// Waits for `Hello`.
    New,
    /// Waits for how the device stood.
    Greeting {
        load: LoadId,
        cursor: Cursor,
        known: Vec<Lineage>,
    },
    /// The device asks for the pages of a snapshot.
    Snapshot(Snapshot),
    /// The device gets the entries as they come.
    Streaming(Stream),
    Closed,
}

/// A snapshot's pages as far as they were given.
#[derive(Debug, Default)]
struct Snapshot {
    /// The head when the first page was built.
    start: Option<Cursor>,
    loading: Option<LoadId>,
}

#[derive(Debug)]
struct Answer {
    load: LoadId,
    key: CommitKey,
    outcome: Option<StoredOutcome>,
}

impl Session {
    /// For a device whose token was good, just connected.
    pub fn new(now: Instant, folder: FolderId, device: DeviceId) -> Self {
        Self {
            folder,
            device,
            writable: false,
            phase: Phase::New,
            head: Seq::ZERO,
            sent: Seq::ZERO,
            answers: VecDeque::new(),
            polling: None,
            tick_at: now + HELLO_WITHIN_MS,
            last_load: 0,
            effects: Vec::new(),
        }
    }

    /// Takes an event in, gives effects out: the same events give the same effects, always.
    #[must_use]
    pub fn handle(&mut self, now: Instant, event: SessionEvent) -> Vec<SessionEffect> {
        if !matches!(self.phase, Phase::Closed) {
            match self.take(now, event) {
                Ok(()) => self.go_on(),
                Err(farewell) => self.end(farewell),
            }
        }
        core::mem::take(&mut self.effects)
    }

    /// When to come back with [`SessionEvent::Ticked`], and what for. `None` once it is closed.
    pub fn deadline(&self) -> Option<(Instant, SessionReason)> {
        match self.phase {
            Phase::New | Phase::Greeting { .. } => Some((self.tick_at, SessionReason::Hello)),
            Phase::Snapshot(_) | Phase::Streaming(_) => Some((self.tick_at, SessionReason::Digest)),
            Phase::Closed => None,
        }
    }

    /// Whether the driver may read on from the device: not while too many commits are unanswered.
    pub fn may_read(&self) -> bool {
        self.answers.len() < MAX_UNANSWERED_COMMITS
    }

    /// Whether a commit of this device is to be decided as a writer's.
    pub const fn writable(&self) -> bool {
        self.writable
    }

    fn take(&mut self, now: Instant, event: SessionEvent) -> Result<(), Farewell> {
        match event {
            SessionEvent::Received(message) => self.received(message),
            SessionEvent::OtherProtocol => Err(Farewell::UnknownProtocol),
            SessionEvent::Unreadable(reason) => Err(Farewell::Malformed(reason)),
            SessionEvent::Loaded(load, answer) => {
                self.loaded(now, load, answer.map_err(Farewell::Failed)?)
            }
            SessionEvent::HeadMoved(seq) => {
                self.head_moved(seq);
                Ok(())
            }
            SessionEvent::Ticked => self.ticked(now),
            SessionEvent::Replaced => Err(Farewell::Replaced),
            SessionEvent::Revoked => Err(Farewell::Revoked),
            SessionEvent::Stopping => Err(Farewell::Stopping),
        }
    }

    fn received(&mut self, message: ClientMessage) -> Result<(), Farewell> {
        match message {
            ClientMessage::Hello { protocol, .. } if protocol != PROTOCOL => {
                Err(Farewell::UnknownProtocol)
            }
            ClientMessage::Hello { protocol: _, cursor, known, next } => {
                if !matches!(self.phase, Phase::New) {
                    return Err(malformed("a second Hello"));
                }
                let load = self.load(Load::Greet(Greet { seq: cursor.seq, next }));
                self.phase = Phase::Greeting { load, cursor, known };
                Ok(())
            }
            ClientMessage::Continue(_)
            | ClientMessage::Commit(_)
            | ClientMessage::Acknowledge(_)
            | ClientMessage::NextPage(_)
                if matches!(self.phase, Phase::New | Phase::Greeting { .. }) =>
            {
                Err(malformed("a message before the welcome"))
            }
            ClientMessage::Continue(next) => {
                // Noted as at a greeting; how the device stood was answered then.
                self.load(Load::Greet(Greet { seq: Seq::ZERO, next }));
                Ok(())
            }
            ClientMessage::Commit(commit) => {
                self.decide(commit);
                Ok(())
            }
            ClientMessage::Acknowledge(seq) => self.acknowledged(seq),
            ClientMessage::NextPage(after) => self.next_page(after),
        }
    }

    fn decide(&mut self, commit: Commit) {
        let key = commit.key;
        let load = self.load(Load::Decide(commit));
        self.answers.push_back(Answer { load, key, outcome: None });
    }

    fn acknowledged(&mut self, seq: Seq) -> Result<(), Farewell> {
        if seq > self.sent {
            return Err(malformed("acknowledged what was not sent"));
        }
        if let Phase::Streaming(stream) = &mut self.phase {
            stream.acknowledged(seq);
        }
        self.effects.push(SessionEffect::Acknowledge(seq));
        Ok(())
    }

    /// Asking for the first page begins a snapshot, also in the middle of another, or of the stream.
    fn next_page(&mut self, after: Option<NodeId>) -> Result<(), Farewell> {
        if after.is_none() {
            self.phase = Phase::Snapshot(Snapshot::default());
        }
        let idle = matches!(&self.phase, Phase::Snapshot(snapshot)
            if snapshot.loading.is_none() && snapshot.start.is_some() == after.is_some());
        if !idle {
            return Err(malformed("asked for a page out of turn"));
        }
        let load = self.load(Load::Page { after, limit: MAX_PAGE_ROWS });
        if let Phase::Snapshot(snapshot) = &mut self.phase {
            snapshot.loading = Some(load);
        }
        Ok(())
    }

    fn loaded(&mut self, now: Instant, load: LoadId, answer: Loaded) -> Result<(), Farewell> {
        match answer {
            Loaded::Greeting(greeting) => self.greeted(now, load, greeting),
            Loaded::Entries(loaded) => {
                let head = &mut self.head;
                let Phase::Streaming(stream) = &mut self.phase else { return Ok(()) };
                let message = stream.loaded(load, loaded, head)?;
                self.sent = self.sent.max(stream.position());
                self.effects.extend(message.map(SessionEffect::Send));
                Ok(())
            }
            Loaded::Page(page) => {
                self.page_loaded(now, load, page);
                Ok(())
            }
            Loaded::Poll(poll) => self.polled(load, poll),
            Loaded::Outcome(outcome) => {
                self.head_moved(outcome.at);
                if let Some(answer) = self.answers.iter_mut().find(|answer| answer.load == load) {
                    answer.outcome = Some(outcome);
                }
                Ok(())
            }
        }
    }

    fn greeted(
        &mut self,
        now: Instant,
        load: LoadId,
        greeting: Option<Greeting>,
    ) -> Result<(), Farewell> {
        let Phase::Greeting { load: asked, cursor, known } = &self.phase else { return Ok(()) };
        if *asked != load {
            return Ok(());
        }
        let greeting = greeting.ok_or(Farewell::Revoked)?;
        let resume = resume::resume(&greeting, cursor, known);
        self.writable = greeting.writable;
        self.head = self.head.max(greeting.head.seq);
        (self.phase, self.sent) = match resume {
            Resume::Entries => (Phase::Streaming(Stream::after(cursor.seq)), cursor.seq),
            Resume::Snapshot => (Phase::Snapshot(Snapshot::default()), cursor.seq),
            Resume::Merge(_) => (Phase::Snapshot(Snapshot::default()), Seq::ZERO),
        };
        // The first digest comes at once: a device that is up to date knows it then.
        self.tick_at = now;
        self.send(ServerMessage::Welcome {
            folder: self.folder,
            device: self.device,
            writable: greeting.writable,
            resume,
            head: greeting.head.seq,
        });
        Ok(())
    }

    fn page_loaded(&mut self, now: Instant, load: LoadId, page: LoadedPage) {
        let Phase::Snapshot(snapshot) = &mut self.phase else { return };
        if snapshot.loading != Some(load) {
            return;
        }
        let LoadedPage { head, rows, last } = page;
        snapshot.loading = None;
        let start = *snapshot.start.get_or_insert(head);
        if last {
            self.phase = Phase::Streaming(Stream::after(start.seq));
            self.sent = self.sent.max(start.seq);
            self.tick_at = now;
        }
        self.head = self.head.max(head.seq);
        self.send(ServerMessage::Page { start, rows, last });
    }

    fn ticked(&mut self, now: Instant) -> Result<(), Farewell> {
        if now < self.tick_at {
            return Ok(());
        }
        if matches!(self.phase, Phase::New | Phase::Greeting { .. }) {
            return Err(malformed("no Hello came in time"));
        }
        self.tick_at = now + DIGEST_EVERY_MS;
        if self.polling.is_none() {
            self.polling = Some(self.load(Load::Poll));
        }
        Ok(())
    }

    fn polled(&mut self, load: LoadId, poll: Option<Poll>) -> Result<(), Farewell> {
        if self.polling != Some(load) {
            return Ok(());
        }
        self.polling = None;
        let poll = poll.ok_or(Farewell::Revoked)?;
        self.writable = poll.writable;
        self.head_moved(poll.head.cursor.seq);
        if let Phase::Streaming(stream) = &mut self.phase {
            stream.digest(poll.head);
        }
        Ok(())
    }

    fn head_moved(&mut self, seq: Seq) {
        self.head = self.head.max(seq);
        if let Phase::Streaming(stream) = &mut self.phase {
            stream.head_moved(seq);
        }
    }

    /// Sends what may go out at this position, and loads what follows it.
    fn go_on(&mut self) {
        let Phase::Streaming(stream) = &mut self.phase else { return };
        self.effects.extend(stream.due_digest().map(SessionEffect::Send));
        let position = stream.position();
        while let Some(answer) = self.answers.front()
            && let Some(outcome) = &answer.outcome
            && outcome.at <= position
        {
            let (key, verdicts) = (answer.key, outcome.verdicts.clone());
            self.answers.pop_front();
            self.effects.push(SessionEffect::Send(ServerMessage::Outcome { key, verdicts }));
        }
        if let Some(query) = stream.wants(self.head, self.device) {
            let load = self.load(Load::Entries(query));
            if let Phase::Streaming(stream) = &mut self.phase {
                stream.loading(load);
            }
        }
    }

    fn load(&mut self, load: Load) -> LoadId {
        self.last_load += 1;
        let id = LoadId(self.last_load);
        self.effects.push(SessionEffect::Load(id, load));
        id
    }

    fn send(&mut self, message: ServerMessage) {
        self.effects.push(SessionEffect::Send(message));
    }

    fn end(&mut self, reason: Farewell) {
        self.phase = Phase::Closed;
        self.send(ServerMessage::Farewell { protocol: PROTOCOL, reason });
        self.effects.push(SessionEffect::Close);
    }
}

fn malformed(reason: &str) -> Farewell {
    Farewell::Malformed(String::from(reason))
}

/// What the journal gave cannot be right.
fn damaged(position: Seq) -> Farewell {
    Farewell::Failed(format!("the journal does not go on after entry {position}"))
}
