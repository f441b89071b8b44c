//! Lanes: what kinds of work run beside each other, and how much of each.
//!
//! Jobs of one lane start in the order they came. A long one of one lane never holds up another lane.

use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;

use onefold_core::client::event::{Event, TaskId, TransferError};
use onefold_core::disk::DiskError;

/// A kind of work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lane {
    /// Saves: one at a time, so that they become durable in order.
    Save,
    /// Looks and changes: short.
    Disk,
    /// Reading or writing whole contents on this disk.
    Read,
    /// Moving large contents to or from the server.
    Transfer,
}

impl Lane {
    const COUNT: usize = 4;

    /// How many jobs of the lane run at once.
    const fn limit(self) -> usize {
        match self {
            Self::Save => 1,
            Self::Disk | Self::Read | Self::Transfer => 8,
        }
    }
}

/// Makes the answer of a job that did not live to make it, from the reason.
pub(super) type Panicked = Box<dyn FnOnce(String) -> Event + Send>;

/// Work that ends in one event.
pub(super) struct Job {
    pub(super) lane: Lane,
    pub(super) work: Pin<Box<dyn Future<Output = Event> + Send>>,
    pub(super) panicked: Panicked,
}

impl Job {
    /// Work for an effect with this id, whose result is told by `answer`.
    pub(super) fn new<R: 'static, E: Failure + 'static>(
        lane: Lane,
        id: TaskId,
        answer: fn(TaskId, Result<R, E>) -> Event,
        work: impl Future<Output = Result<R, E>> + Send + 'static,
    ) -> Self {
        Self {
            lane,
            work: Box::pin(async move { answer(id, work.await) }),
            panicked: Box::new(move |reason| answer(id, Err(E::failure(reason)))),
        }
    }
}

/// An error that can say just why something failed.
pub(super) trait Failure {
    fn failure(reason: String) -> Self;
}

impl Failure for DiskError {
    fn failure(reason: String) -> Self {
        Self::Failed(reason)
    }
}

impl Failure for TransferError {
    fn failure(reason: String) -> Self {
        Self::Network(reason)
    }
}

impl Failure for String {
    fn failure(reason: String) -> Self {
        reason
    }
}

/// What runs, and what waits for its turn.
#[derive(Default)]
pub(super) struct Lanes([Queue; Lane::COUNT]);

#[derive(Default)]
struct Queue {
    running: usize,
    waiting: VecDeque<Job>,
}

impl Lanes {
    /// Takes a job in: it comes back if it may start now, and counts as running then.
    pub(super) fn offer(&mut self, job: Job) -> Option<Job> {
        let queue = &mut self.0[job.lane as usize];
        if queue.running < job.lane.limit() {
            queue.running += 1;
            return Some(job);
        }
        queue.waiting.push_back(job);
        None
    }

    /// A job of this lane ended: the next one, which counts as running now.
    pub(super) fn finish(&mut self, lane: Lane) -> Option<Job> {
        let queue = &mut self.0[lane as usize];
        let next = queue.waiting.pop_front();
        if next.is_none() {
            queue.running -= 1;
        }
        next
    }

    /// Drops what waits, except in this lane.
    pub(super) fn forget_all_but(&mut self, kept: Lane) {
        for (index, queue) in self.0.iter_mut().enumerate() {
            if index != kept as usize {
                queue.waiting.clear();
            }
        }
    }
}
