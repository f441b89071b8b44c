//! The position of a device in the journal, and what comes next.

use alloc::collections::VecDeque;

use crate::id::{DeviceId, Seq};
use crate::protocol::{Farewell, MAX_ENTRIES, ServerMessage};
use crate::server::facts::Head;

use super::damaged;
use super::event::{EntriesQuery, LoadId, LoadedEntries};

/// The most inline content bytes that are under way to a device, sent and not acknowledged.
pub const INLINE_CREDIT_BYTES: usize = 4 * 1024 * 1024;

/// See the module.
#[derive(Debug)]
pub(super) struct Stream {
    /// The last entry that was sent, or that the device had.
    position: Seq,
    load: Load,
    /// A digest that waits for the position to reach it.
    digest: Option<Head>,
    /// Inline bytes that are under way, each with the entry whose acknowledgement gives them back.
    under_way: VecDeque<(Seq, usize)>,
}

/// The one load of entries.
#[derive(Debug)]
enum Load {
    Idle,
    /// `moved` if the head was said to have moved since it was asked for.
    UnderWay {
        id: LoadId,
        moved: bool,
    },
}

impl Stream {
    /// Goes on after this entry.
    pub(super) const fn after(position: Seq) -> Self {
        Self { position, load: Load::Idle, digest: None, under_way: VecDeque::new() }
    }

    /// The last entry that was sent.
    pub(super) const fn position(&self) -> Seq {
        self.position
    }

    pub(super) fn head_moved(&mut self, seq: Seq) {
        if let Load::UnderWay { moved, .. } = &mut self.load {
            *moved |= seq > self.position;
        }
    }

    pub(super) fn acknowledged(&mut self, seq: Seq) {
        self.under_way.retain(|(last, _)| *last > seq);
    }

    pub(super) fn digest(&mut self, head: Head) {
        self.digest = Some(head);
    }

    /// The digest, once the position has reached its head. One that was passed already is dropped:
    /// the next one comes soon enough.
    pub(super) fn due_digest(&mut self) -> Option<ServerMessage> {
        let head = self.digest.take_if(|head| head.cursor.seq <= self.position)?;
        let due = head.cursor.seq == self.position;
        due.then_some(ServerMessage::Digest { head: head.cursor, sum: head.sum })
    }

    /// Which entries to load now, if any: never past a digest that waits.
    pub(super) fn wants(&self, head: Seq, device: DeviceId) -> Option<EntriesQuery> {
        let Load::Idle = self.load else { return None };
        let missing = head.get().checked_sub(self.position.get()).filter(|&count| count > 0)?;
        let digest = self.digest.map_or(missing, |digest| {
            digest.cursor.seq.get().saturating_sub(self.position.get()).max(1)
        });
        let limit = usize::try_from(digest).unwrap_or(MAX_ENTRIES).min(MAX_ENTRIES);
        let under_way: usize = self.under_way.iter().map(|(_, bytes)| bytes).sum();
        let inline_bytes = INLINE_CREDIT_BYTES.saturating_sub(under_way);
        Some(EntriesQuery { after: self.position, limit, device, inline_bytes })
    }

    pub(super) fn loading(&mut self, id: LoadId) {
        self.load = Load::UnderWay { id, moved: false };
    }

    /// Takes loaded entries. Where the journal goes no further than the position, the head is set
    /// right (the word of it came too early), unless it has moved again meanwhile.
    pub(super) fn loaded(
        &mut self,
        id: LoadId,
        loaded: LoadedEntries,
        head: &mut Seq,
    ) -> Result<Option<ServerMessage>, Farewell> {
        let Load::UnderWay { id: asked, moved } = self.load else { return Ok(None) };
        if asked != id {
            return Ok(None);
        }
        self.load = Load::Idle;
        let LoadedEntries { entries, contents } = loaded;
        if entries.is_empty() {
            if !moved {
                *head = self.position;
            }
            return Ok(None);
        }
        for entry in &entries {
            if entry.seq != self.position.next() {
                return Err(damaged(self.position));
            }
            self.position = entry.seq;
        }
        *head = self.position.max(*head);
        let bytes: usize = contents.iter().map(|blob| blob.len()).sum();
        if bytes > 0 {
            self.under_way.push_back((self.position, bytes));
        }
        Ok(Some(ServerMessage::Entries { entries, contents }))
    }
}
