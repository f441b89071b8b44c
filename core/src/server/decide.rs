//! Accepts or refuses commits: a pure function of the facts they touch.
//!
//! Invariants: every operation is decided for itself, in order; a refused one changes nothing; what
//! is accepted keeps names unique among live siblings, every live node below the root, and the sum
//! and byte count of the [`Head`] right. Only facts that are touched are asked for.
//!
//! It does no I/O: a driver locks the folder, loads the facts it is asked for, and writes what comes
//! out in the same transaction.

mod check;
mod draft;
mod known;
mod prefetch;

#[cfg(test)]
mod commit_tests;
#[cfg(test)]
mod model_tests;
#[cfg(test)]
mod rule_tests;
#[cfg(test)]
mod test_store;

use alloc::collections::BTreeMap;
use alloc::vec;
use alloc::vec::Vec;

use crate::blob::Blob;
use crate::hash::ContentId;
use crate::id::{DeviceId, Seq};
use crate::operation::{
    Commit, Entry, MAX_COMMIT_BYTES, MAX_INLINE_BYTES, MAX_OPERATIONS, MAX_OPERATIONS_BYTES,
    Operation, Refusal, Verdict,
};
use crate::time::WallTime;

use super::facts::{Fact, FactKey, Head, StoredOutcome, Writes};
use draft::{Base, Draft};
use known::Known;

/// A commit, and who sent it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Submitted {
    /// The device.
    pub device: DeviceId,
    /// The device may write.
    pub writable: bool,
    /// What it asks for.
    pub commit: Commit,
}

/// How far a decision has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Progress {
    /// These facts are needed: load them, then ask again.
    Need(Vec<FactKey>),
    /// Write this; then the commits have these outcomes, in the order they were submitted.
    Done(Writes, Vec<StoredOutcome>),
}

/// Small contents that came with a commit.
type Inline = BTreeMap<ContentId, Blob>;

/// Why an operation is not accepted, or not yet.
enum Stop {
    /// A fact is not loaded.
    Missing(FactKey),
    /// It is refused.
    Refused(Refusal),
}

/// Decides a batch of commits to one folder, under that folder's lock.
#[derive(Debug)]
pub struct Acceptance {
    time: WallTime,
    submitted: Vec<Submitted>,
    /// The small contents that came with each commit, by what they really hash to.
    inline: Vec<Inline>,
    known: Known,
    /// The head after all that was accepted so far.
    head: Head,
    prefetched: bool,
    /// The commit being decided: the next one without an outcome.
    open: Option<Open>,
    outcomes: Vec<StoredOutcome>,
    writes: Writes,
}

/// A commit of which some operations are decided.
#[derive(Debug)]
struct Open {
    fingerprint: ContentId,
    /// The head before the commit.
    before: Seq,
    verdicts: Vec<Verdict>,
}

impl Acceptance {
    /// Begins to decide commits, in this order, on a folder with this head.
    pub fn new(head: Head, time: WallTime, submitted: Vec<Submitted>) -> Self {
        Self {
            time,
            inline: submitted.iter().map(|submitted| inline(&submitted.commit)).collect(),
            submitted,
            known: Known::default(),
            head,
            prefetched: false,
            open: None,
            outcomes: Vec::new(),
            writes: Writes::default(),
        }
    }

    /// Decides as far as the facts go.
    #[must_use]
    pub fn step(&mut self) -> Progress {
        if !self.prefetched {
            let keys = prefetch::missing(&self.known, &self.submitted, &self.inline);
            if !keys.is_empty() {
                return Progress::Need(keys);
            }
            self.prefetched = true;
        }
        while self.outcomes.len() < self.submitted.len() {
            if let Err(key) = self.decide_commit() {
                return Progress::Need(vec![key]);
            }
        }
        let mut writes = core::mem::take(&mut self.writes);
        writes.nodes = self.known.changed_rows();
        writes.head = (!writes.entries.is_empty()).then_some(self.head);
        Progress::Done(writes, core::mem::take(&mut self.outcomes))
    }

    /// Takes facts that were asked for, as loaded under the lock.
    pub fn loaded(&mut self, facts: Vec<Fact>) {
        facts.into_iter().for_each(|fact| self.known.learn(fact));
    }

    /// Goes on with the next commit that has no outcome, up to its outcome.
    fn decide_commit(&mut self) -> Result<(), FactKey> {
        let mut open = match self.open.take() {
            Some(open) => open,
            None => match self.begin()? {
                Ok(open) => open,
                Err(outcome) => {
                    self.outcomes.push(outcome);
                    return Ok(());
                }
            },
        };
        let Submitted { device, commit, .. } = &self.submitted[self.outcomes.len()];
        let (device, key, count) = (*device, commit.key, commit.operations.len());
        while open.verdicts.len() < count {
            match self.decide_operation(&open) {
                Ok(verdict) => open.verdicts.push(verdict),
                Err(Stop::Refused(refusal)) => open.verdicts.push(Verdict::Refused(refusal)),
                Err(Stop::Missing(key)) => {
                    self.open = Some(open);
                    return Err(key);
                }
            }
        }
        let Open { fingerprint, verdicts, .. } = open;
        let outcome = StoredOutcome { fingerprint, at: self.head.cursor.seq, verdicts };
        self.known.learn(Fact::Outcome(device, key, Some(outcome.clone())));
        self.writes.outcomes.push((device, key, outcome.clone()));
        self.outcomes.push(outcome);
        Ok(())
    }

    /// Opens the next commit; or its outcome, where no operation of it needs to be looked at.
    fn begin(&self) -> Result<Result<Open, StoredOutcome>, FactKey> {
        let Submitted { device, writable, commit } = &self.submitted[self.outcomes.len()];
        let (fingerprint, before) = (commit.fingerprint(), self.head.cursor.seq);
        let refused = |refusal| {
            let verdicts = vec![Verdict::Refused(refusal); commit.operations.len()];
            Err(StoredOutcome { fingerprint, at: before, verdicts })
        };
        Ok(match self.known.outcome(*device, commit.key)? {
            Some(earlier) if earlier.fingerprint == fingerprint => Err(earlier.clone()),
            Some(_) => refused(Refusal::KeyReused),
            None => match whole_commit(commit, *writable, before) {
                Err(refusal) => refused(refusal),
                Ok(()) => Ok(Open { fingerprint, before, verdicts: Vec::new() }),
            },
        })
    }

    /// Decides the open commit's next operation; changes nothing unless it is accepted.
    fn decide_operation(&mut self, open: &Open) -> Result<Verdict, Stop> {
        let Submitted { device, commit, .. } = &self.submitted[self.outcomes.len()];
        let inline = &self.inline[self.outcomes.len()];
        let operation = &commit.operations[open.verdicts.len()];
        let base = Base {
            seen: commit.seen,
            before: open.before,
            next: self.head.cursor.seq.next(),
            key: commit.key,
        };
        let draft = Draft::of(&self.known, &base, operation)?;
        if draft.steps.is_empty() {
            return Ok(Verdict::Agreed);
        }
        check::places(&self.known, &draft)?;
        check::contents(&self.known, &draft, inline)?;
        let mut head = check::totals(&self.head, &draft)?;
        let entry = Entry {
            seq: base.next,
            device: *device,
            key: commit.key,
            time: self.time,
            operation: Operation { steps: draft.steps.clone() },
        };
        head.cursor = self.head.cursor.after(&entry);
        for content in draft.steps.iter().filter_map(|step| step.content()) {
            if let Some(blob) = inline.get(&content.id)
                && self.known.keep_content(content)
            {
                self.writes.contents.push((content.id, blob.clone()));
            }
        }
        self.known.apply(draft);
        self.head = head;
        self.writes.entries.push((entry, head.cursor));
        Ok(Verdict::Accepted(base.next))
    }
}

fn inline(commit: &Commit) -> Inline {
    commit.contents.iter().map(|blob| (ContentId::of(blob), blob.clone())).collect()
}

/// What refuses all operations of a commit alike.
fn whole_commit(commit: &Commit, writable: bool, head: Seq) -> Result<(), Refusal> {
    if !writable {
        return Err(Refusal::ReadOnly);
    }
    let sizes = commit.contents.iter().map(|blob| blob.len());
    let too_large = sizes.clone().any(|size| size as u64 > MAX_INLINE_BYTES)
        || sizes.sum::<usize>() > MAX_COMMIT_BYTES;
    let bytes = postcard::to_allocvec(&commit.operations).map_or(usize::MAX, |bytes| bytes.len());
    let too_large = too_large || bytes > MAX_OPERATIONS_BYTES;
    if too_large || commit.operations.len() > MAX_OPERATIONS {
        return Err(Refusal::Malformed);
    }
    // Its base is no prefix of this journal (a server put back to an older state).
    if commit.seen > head {
        return Err(Refusal::Stale);
    }
    Ok(())
}
