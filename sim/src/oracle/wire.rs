//! What may go over the wire, and in what order: watched between the engines, as a listener would.
//!
//! A device has one commit at a time on its way, and sends it again under the same key until it hears
//! what became of it; it hears that only after the entries that came of it; and no commit is accepted
//! twice. A snapshot settles what became of a commit, and so does a restart, which forgets it.

use std::collections::BTreeMap;

use onefold_core::id::{CommitKey, DeviceId, Seq};
use onefold_core::operation::{Cursor, Entry};
use onefold_core::protocol::{ClientMessage, Resume, ServerMessage};

use super::{Broken, Tally, rules};

/// What was said, as far as it binds those who said it.
#[derive(Debug, Default)]
pub struct Wire {
    /// By machine: a cloned disk makes two of one device.
    ends: BTreeMap<usize, End>,
    /// The last entry of each accepted commit.
    accepted: BTreeMap<(DeviceId, CommitKey), Seq>,
    broken: Option<Broken>,
    tally: Tally,
}

/// A device's end.
#[derive(Debug, Default)]
struct End {
    /// The commit whose outcome it does not know.
    open: Option<CommitKey>,
    /// The last entry that it heard.
    heard: Seq,
}

impl Wire {
    /// A client's process is gone.
    pub fn restarted(&mut self, machine: usize) {
        self.ends.remove(&machine);
    }

    /// The server has gone back to an older journal, which ends here.
    pub fn restored(&mut self, head: Seq) {
        self.accepted.retain(|_, seq| *seq <= head);
    }

    /// A client says something.
    pub fn said(&mut self, machine: usize, device: DeviceId, message: &ClientMessage) {
        let end = self.ends.entry(machine).or_default();
        match message {
            ClientMessage::Hello { cursor, .. } => end.heard = cursor.seq,
            ClientMessage::Commit(commit) => {
                let other = end.open.replace(commit.key).filter(|open| *open != commit.key);
                let what = || format!("{device:?} sent {:?} while {other:?} is open", commit.key);
                self.judge(rules::ONE_AT_A_TIME, other.is_none(), what);
            }
            ClientMessage::Continue(_)
            | ClientMessage::Acknowledge(_)
            | ClientMessage::NextPage(_) => {}
        }
    }

    /// A client hears something.
    pub fn heard(&mut self, machine: usize, device: DeviceId, message: &ServerMessage) {
        let end = self.ends.entry(machine).or_default();
        match message {
            ServerMessage::Welcome { resume: Resume::Snapshot | Resume::Merge(_), .. } => {
                end.open = None;
            }
            ServerMessage::Entries { entries, .. } => {
                end.heard = entries.last().map_or(end.heard, |entry| entry.seq);
            }
            ServerMessage::Page { start, .. } => end.heard = start.seq,
            ServerMessage::Outcome { key, .. } => {
                if end.open == Some(*key) {
                    end.open = None;
                }
                let heard = end.heard;
                let last = self.accepted.get(&(device, *key)).copied().unwrap_or(Seq::ZERO);
                let what = || format!("{device:?} heard of {key:?} at {heard}, before {last}");
                self.judge(rules::NOTHING_OVERTAKES, last <= heard, what);
            }
            ServerMessage::Welcome { .. }
            | ServerMessage::Digest { .. }
            | ServerMessage::Farewell { .. } => {}
        }
    }

    /// The journal has these new entries, of one commit.
    pub fn accepted(&mut self, entries: &[(Entry, Cursor)]) {
        let Some((first, _)) = entries.first() else { return };
        let again = self.accepted.contains_key(&(first.device, first.key));
        self.judge(rules::DECIDED_ONCE, !again, || format!("{first:?}"));
        for (entry, _) in entries {
            self.accepted.insert((entry.device, entry.key), entry.seq);
        }
    }

    fn judge(&mut self, rule: &'static str, holds: bool, what: impl FnOnce() -> String) {
        self.tally.judged(rule, 1);
        if !holds && self.broken.is_none() {
            self.broken = Some(Broken::new(rule, what()));
        }
    }

    /// What was broken since this was asked last.
    pub fn verdict(&mut self) -> Result<(), Broken> {
        self.broken.take().map_or(Ok(()), Err)
    }

    /// How often each rule had something to judge.
    pub const fn tally(&self) -> &Tally {
        &self.tally
    }
}
