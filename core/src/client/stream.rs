//! The connection to the server, and what comes down it: entries, snapshots, digests.
//!
//! Whatever comes only changes *remote*; an entry that this state wrote (see `keys`) is an ancestor
//! of what is here, and moves *synced*, too. A cursor that the server does not know leads to a
//! merge: both sides are kept, and nothing is deleted until they agree.

use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;

use crate::id::{Lineage, NodeId, Seq};
use crate::name::RelPath;
use crate::operation::{Cursor, Entry};
use crate::protocol::{
    ClientMessage, Farewell, MergeReason, PROTOCOL, Resume, Row, SILENCE_MS, ServerMessage, TreeSum,
};
use crate::time::Instant;

use super::event::{Effect, Notice};
use super::{Client, Problem, ProblemKind, Reason};

/// The first wait before connecting again; doubles each time.
const FIRST_RECONNECT_MS: u64 = 250;
/// The longest wait.
const LAST_RECONNECT_MS: u64 = 30_000;
/// How long a client whose place another took waits, so that the two take turns and do not fight.
const TURN_MS: u64 = 30_000;
/// How often the server is told, at most, how far this device is.
const ACKNOWLEDGE_MS: u64 = 1_000;

/// The stream's state.
#[derive(Debug)]
pub(super) struct Stream {
    pub(super) phase: Phase,
    /// The prefix of the journal that *remote* is.
    pub(super) cursor: Cursor,
    /// Lineages that the server may know this state by.
    pub(super) known: Vec<Lineage>,
    /// The journal's head, as last heard of.
    head: Seq,
    /// Entries up to these say nothing new about these nodes: they are in the snapshot.
    pub(super) newer_rows: BTreeMap<NodeId, Seq>,
    tries: u32,
    last_heard: Instant,
    /// Another client took this one's place, with a copy of its state: when that was seen last.
    copy_seen: Option<Instant>,
    mismatched: bool,
    /// This connection's commits go by a lineage of their own.
    continued: bool,
    acknowledged: Seq,
    acknowledge_at: Option<Instant>,
}

/// How far a connection is.
#[derive(Debug)]
pub(super) enum Phase {
    /// There is none; try again then.
    Down { retry_at: Instant },
    /// One was asked for.
    Connecting,
    /// It stands; the first lineage is being made durable.
    Greeting,
    /// The server was greeted.
    Greeted,
    /// A snapshot comes in, beside the old remote tree.
    Building(Building),
    /// Entries come as they are accepted.
    Live,
}

/// A snapshot on its way in.
#[derive(Debug, Default)]
pub(super) struct Building {
    pub(super) rows: Vec<Row>,
    /// What was agreed on does not hold.
    pub(super) merge: Option<MergeReason>,
    /// The last page has come: the cursor of the whole.
    pub(super) start: Option<Cursor>,
    /// What came after the last page, while the disk was not yet looked at as a whole.
    pub(super) later: Vec<ServerMessage>,
}

impl Stream {
    pub(super) const fn new(
        cursor: Cursor,
        known: Vec<Lineage>,
        newer_rows: BTreeMap<NodeId, Seq>,
    ) -> Self {
        Self {
            phase: Phase::Down { retry_at: Instant::from_ms(0) },
            cursor,
            known,
            head: Seq::ZERO,
            newer_rows,
            tries: 0,
            last_heard: Instant::from_ms(0),
            copy_seen: None,
            mismatched: false,
            continued: false,
            acknowledged: Seq::ZERO,
            acknowledge_at: None,
        }
    }
}

impl Client {
    /// Entries come, and commits may go.
    pub(super) const fn is_live(&self) -> bool {
        matches!(self.stream.phase, Phase::Live)
    }

    /// All entries that the server is known to have are here.
    pub(super) fn is_caught_up(&self) -> bool {
        self.is_live() && self.stream.cursor.seq >= self.stream.head
    }

    /// Connects, falls silent, acknowledges: whatever time brings.
    pub(super) fn pump_stream(&mut self) {
        let now = self.now.instant;
        match &self.stream.phase {
            Phase::Down { retry_at } if *retry_at <= now && self.halted.is_none() => {
                self.stream.phase = Phase::Connecting;
                self.stream.last_heard = now;
                self.out.push(Effect::Connect);
            }
            Phase::Greeting if self.lineages_saved() => self.greet(),
            Phase::Greeted | Phase::Building(_) | Phase::Live
                if now.ms_since(self.stream.last_heard) >= SILENCE_MS =>
            {
                self.part(now);
            }
            Phase::Down { .. }
            | Phase::Connecting
            | Phase::Greeting
            | Phase::Greeted
            | Phase::Building(_)
            | Phase::Live => {}
        }
        // Longer than a copy's turn.
        let alone = |seen: &mut Instant| now.ms_since(*seen) >= 4 * TURN_MS;
        if self.is_live() {
            self.stream.copy_seen.take_if(alone);
        }
        self.finish_snapshot();
        if self.is_caught_up() {
            self.sent_before.clear();
        }
        self.acknowledge();
    }

    /// What people are told about a copy of this device's state.
    pub(super) fn copy_problem(&self) -> Option<Problem> {
        self.stream.copy_seen.map(|_| Problem {
            path: RelPath::root(),
            kind: ProblemKind::Copied,
            reason: "another client syncs with a copy of this device's state, as the same device; \
                     no file is lost, but the two take turns; unlink the folder on one of them and \
                     join it again with a new link"
                .into(),
        })
    }

    fn part(&mut self, now: Instant) {
        self.out.push(Effect::Disconnect);
        self.go_down(now);
    }

    fn go_down(&mut self, now: Instant) {
        let wait = (FIRST_RECONNECT_MS << self.stream.tries.min(10)).min(LAST_RECONNECT_MS);
        self.retry_after(now, wait);
    }

    fn retry_after(&mut self, now: Instant, wait: u64) {
        // Many devices that lost one server do not come back in step.
        let jitter = u64::from(self.ids.draw()[0]) * wait / 512;
        self.stream.tries += 1;
        self.stream.phase = Phase::Down { retry_at: now + wait + jitter };
    }

    pub(super) fn on_connected(&mut self) {
        if !matches!(self.stream.phase, Phase::Connecting) {
            return;
        }
        self.stream.last_heard = self.now.instant;
        if self.stream.known.is_empty() {
            self.stream.known.push(Lineage::from_bytes(self.ids.draw()));
            self.save_header();
        }
        self.stream.phase = Phase::Greeting;
    }

    /// Before the first commit of a connection, the state goes on by a new lineage, which is durable
    /// before it is said: a copy of the state that was made earlier does not know it. `false`: wait.
    pub(super) fn continue_lineage(&mut self) -> bool {
        if self.stream.continued {
            return true;
        }
        if self.stream.known.len() < 2 {
            self.stream.known.push(Lineage::from_bytes(self.ids.draw()));
            self.save_header();
        }
        match self.stream.known.last() {
            Some(&next) if self.lineages_saved() => {
                self.stream.continued = true;
                self.out.push(Effect::Send(ClientMessage::Continue(next)));
                true
            }
            Some(_) | None => false,
        }
    }

    fn greet(&mut self) {
        let known = self.stream.known.clone();
        let Some(&next) = known.last() else { return };
        let cursor = self.stream.cursor;
        self.stream.phase = Phase::Greeted;
        self.stream.last_heard = self.now.instant;
        let hello = ClientMessage::Hello { protocol: PROTOCOL, cursor, known, next };
        self.out.push(Effect::Send(hello));
    }

    pub(super) fn on_disconnected(&mut self) {
        if !matches!(self.stream.phase, Phase::Down { .. }) {
            self.go_down(self.now.instant);
        }
    }

    pub(super) fn on_message(&mut self, message: ServerMessage) {
        if matches!(self.stream.phase, Phase::Down { .. } | Phase::Connecting | Phase::Greeting) {
            return;
        }
        self.stream.last_heard = self.now.instant;
        if let Phase::Building(building) = &mut self.stream.phase
            && building.start.is_some()
        {
            return building.later.push(message);
        }
        self.on_ordered(message);
    }

    /// Takes a message in its turn.
    pub(super) fn on_ordered(&mut self, message: ServerMessage) {
        match message {
            ServerMessage::Farewell { protocol, reason } => self.on_farewell(protocol, &reason),
            ServerMessage::Welcome { resume, head, .. } => self.on_welcome(resume, head),
            ServerMessage::Entries { entries, contents } => {
                self.keep_bytes(contents);
                entries.iter().for_each(|entry| self.on_entry(entry));
            }
            ServerMessage::Outcome { key, verdicts } => self.on_outcome(key, &verdicts),
            ServerMessage::Digest { head, sum } => self.on_digest(head, sum),
            ServerMessage::Page { start, rows, last } => self.on_page(start, rows, last),
        }
    }

    fn on_farewell(&mut self, protocol: u16, reason: &Farewell) {
        match reason {
            Farewell::UnknownProtocol => self.halt(alloc::format!(
                "the server speaks protocol version {protocol}, this program {PROTOCOL}; every \
                 file stays as it is; update the older of the two"
            )),
            Farewell::Revoked => self.halt(
                "this device was shut out of the folder; every file here stays; join again with a \
                 new link to go on"
                    .into(),
            ),
            // One's own newer connection ends the older before it could hear of it.
            Farewell::Replaced => {
                self.stream.copy_seen = Some(self.now.instant);
                self.out.push(Effect::Disconnect);
                self.retry_after(self.now.instant, TURN_MS);
            }
            Farewell::Stopping | Farewell::Malformed(_) | Farewell::Failed(_) => {
                self.part(self.now.instant)
            }
        }
    }

    fn on_welcome(&mut self, resume: Resume, head: Seq) {
        if !matches!(self.stream.phase, Phase::Greeted) {
            return;
        }
        self.stream.tries = 0;
        self.stream.head = head;
        self.stream.continued = false;
        self.stream.acknowledged = Seq::ZERO;
        let newest = self.stream.known.len().saturating_sub(1);
        if newest > 0 {
            self.stream.known.drain(..newest);
            self.save_header();
        }
        let merge = match resume {
            Resume::Entries => {
                self.stream.phase = Phase::Live;
                return self.outbound.resend();
            }
            Resume::Snapshot => None,
            Resume::Merge(reason) => {
                self.out.push(Effect::Report(Notice::Merging(reason)));
                Some(reason)
            }
        };
        self.drop_commit();
        self.ask_for_snapshot(merge);
    }

    fn ask_for_snapshot(&mut self, merge: Option<MergeReason>) {
        self.stream.phase = Phase::Building(Building { merge, ..Building::default() });
        self.out.push(Effect::Send(ClientMessage::NextPage(None)));
    }

    fn on_page(&mut self, start: Cursor, page: Vec<Row>, last: bool) {
        let Phase::Building(building) = &mut self.stream.phase else { return };
        building.rows.extend(page);
        if last {
            building.start = Some(start);
        } else {
            let after = building.rows.last().map(|row| row.node);
            self.out.push(Effect::Send(ClientMessage::NextPage(after)));
        }
    }

    fn on_entry(&mut self, entry: &Entry) {
        if entry.seq != self.stream.cursor.seq.next() {
            return self.out_of_order(entry.seq);
        }
        self.stream.cursor = self.stream.cursor.after(entry);
        self.stream.head = self.stream.head.max(entry.seq);
        self.apply_entry(entry);
        self.save_header();
    }

    /// A gap or a repeat: what was heard cannot be built on.
    fn out_of_order(&mut self, seq: Seq) {
        if seq > self.stream.cursor.seq {
            self.part(self.now.instant);
        }
    }

    fn on_digest(&mut self, head: Cursor, sum: TreeSum) {
        self.stream.head = self.stream.head.max(head.seq);
        if !self.is_live() || head.seq != self.stream.cursor.seq {
            return;
        }
        if head.hash != self.stream.cursor.hash {
            // Another journal: greeting anew makes the server say so.
            return self.part(self.now.instant);
        }
        if sum == self.trees.sum() {
            self.stream.mismatched = false;
        } else if self.stream.mismatched {
            self.halt(
                "the server's list of files and this device's differ, twice in a row; every file \
                 stays as it is, and nothing is synced; please report this"
                    .into(),
            );
        } else {
            self.stream.mismatched = true;
            self.ask_for_snapshot(None);
        }
    }

    /// Stops syncing for good, in words.
    pub(super) fn halt(&mut self, words: String) {
        self.out.push(Effect::Report(Notice::Halted(words.clone())));
        self.halted = Some(words);
        self.part(self.now.instant);
    }

    /// Tells the server, now and then, how far this device is, durably.
    fn acknowledge(&mut self) {
        // The server forgets outcomes before what is acknowledged: that of the commit under way, which
        // may have been decided long ago, is still to come.
        let durable = self
            .commit_made_at()
            .map_or(self.saves.durable.seq, |made_at| self.saves.durable.seq.min(made_at));
        // After a merge with a journal that went back, what is durable may still be ahead of it.
        let news = durable > self.stream.acknowledged && durable <= self.stream.cursor.seq;
        if !self.is_live() || !news {
            self.stream.acknowledge_at = None;
            return;
        }
        let now = self.now.instant;
        match self.stream.acknowledge_at {
            None => self.stream.acknowledge_at = Some(now + ACKNOWLEDGE_MS),
            Some(at) if at <= now => {
                self.stream.acknowledge_at = None;
                self.stream.acknowledged = durable;
                self.out.push(Effect::Send(ClientMessage::Acknowledge(durable)));
            }
            Some(_) => {}
        }
    }

    pub(super) fn stream_deadline(&self) -> Option<(Instant, Reason)> {
        let connection = match &self.stream.phase {
            Phase::Down { .. } if self.halted.is_some() => None,
            Phase::Down { retry_at } => Some((*retry_at, Reason::Reconnect)),
            Phase::Connecting | Phase::Greeting => None,
            Phase::Greeted | Phase::Building(_) | Phase::Live => {
                Some((self.stream.last_heard + SILENCE_MS, Reason::Silence))
            }
        };
        let acknowledge = self.stream.acknowledge_at.filter(|_| self.is_live());
        let acknowledge = acknowledge.map(|at| (at, Reason::Acknowledge));
        [connection, acknowledge].into_iter().flatten().min()
    }
}
