//! What moves between this device and its server, counted where the bytes pass.
//!
//! Each content that is on its way has how much of it is there; what moved in the last seconds gives
//! the rates. Nothing runs by itself: who wants to know asks, or waits until something has moved.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use onefold_core::client::Direction;
use onefold_core::hash::ContentId;
use onefold_core::node::Content;
use tokio::sync::Notify;
use tokio::time::Instant;

/// The time that a rate is taken over.
const WINDOW: Duration = Duration::from_secs(4);
/// How exactly it is noted when bytes moved.
const SLOT: Duration = Duration::from_millis(250);
/// What moved so lately is taken for a second's worth.
const SHORTEST: Duration = Duration::from_secs(1);

/// Counts what moves. Clones count the same.
#[derive(Clone, Debug, Default)]
pub struct Meter(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    counts: Mutex<Counts>,
    moved: Notify,
}

#[derive(Debug, Default)]
struct Counts {
    contents: BTreeMap<Key, Part>,
    up: Flow,
    down: Flow,
}

type Key = (Direction, ContentId);

/// How much of a content is there.
#[derive(Debug, Default)]
struct Part {
    done: u64,
    /// Two files may have one content.
    transfers: u32,
}

/// Bytes a second, over the last few seconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rates {
    /// To the server.
    pub up: u64,
    /// To this device.
    pub down: u64,
}

impl Meter {
    /// Counts the way of one content, until the answer is dropped.
    pub(crate) fn begin(&self, direction: Direction, content: &Content) -> Transfer {
        let key = (direction, content.id);
        let mut counts = self.counts();
        let part = counts.contents.entry(key).or_default();
        part.transfers += 1;
        part.done = 0;
        drop(counts);
        Transfer(Arc::new(Begun { meter: self.clone(), key, bytes: content.size }))
    }

    /// Counts bytes that moved, of no content in particular.
    pub(crate) fn count(&self, direction: Direction, bytes: usize) {
        if bytes > 0 {
            self.counts().flow(direction).add(Instant::now(), bytes as u64);
            self.0.moved.notify_one();
        }
    }

    /// How many bytes of a content that is on its way are there.
    pub fn done(&self, direction: Direction, content: ContentId) -> u64 {
        self.counts().contents.get(&(direction, content)).map_or(0, |part| part.done)
    }

    /// How fast it goes.
    pub fn rates(&self) -> Rates {
        let (counts, now) = (self.counts(), Instant::now());
        Rates { up: counts.up.rate(now), down: counts.down.rate(now) }
    }

    /// Nothing has moved lately.
    pub fn is_quiet(&self) -> bool {
        self.rates() == Rates::default()
    }

    /// Waits until something has moved since this was last waited for. For one listener.
    pub async fn moved(&self) {
        self.0.moved.notified().await;
    }

    fn counts(&self) -> MutexGuard<'_, Counts> {
        self.0.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Counts {
    const fn flow(&mut self, direction: Direction) -> &mut Flow {
        match direction {
            Direction::Up => &mut self.up,
            Direction::Down => &mut self.down,
        }
    }
}

/// The way of one content. Clones are the same way.
#[derive(Clone, Debug)]
pub(crate) struct Transfer(Arc<Begun>);

#[derive(Debug)]
struct Begun {
    meter: Meter,
    key: Key,
    bytes: u64,
}

impl Transfer {
    /// Where it goes.
    pub(crate) fn direction(&self) -> Direction {
        self.0.key.0
    }

    /// So many more bytes moved.
    pub(crate) fn moved(&self, bytes: usize) {
        self.have(bytes as u64);
        self.0.meter.count(self.direction(), bytes);
    }

    /// So many more bytes are there, though none moved.
    pub(crate) fn have(&self, bytes: u64) {
        if let Some(part) = self.0.meter.counts().contents.get_mut(&self.0.key) {
            part.done = part.done.saturating_add(bytes).min(self.0.bytes);
        }
    }
}

impl Drop for Begun {
    fn drop(&mut self) {
        let mut counts = self.meter.counts();
        if let Some(part) = counts.contents.get_mut(&self.key) {
            part.transfers -= 1;
            if part.transfers == 0 {
                counts.contents.remove(&self.key);
            }
        }
        drop(counts);
        self.meter.0.moved.notify_one();
    }
}

/// What moved one way, by when.
#[derive(Debug, Default)]
struct Flow(VecDeque<(Instant, u64)>);

impl Flow {
    fn add(&mut self, now: Instant, bytes: u64) {
        while self.0.front().is_some_and(|(at, _)| now - *at > WINDOW) {
            self.0.pop_front();
        }
        match self.0.back_mut() {
            Some((at, sum)) if now - *at < SLOT => *sum += bytes,
            _ => self.0.push_back((now, bytes)),
        }
    }

    fn rate(&self, now: Instant) -> u64 {
        let lately = || self.0.iter().filter(|(at, _)| now - *at <= WINDOW);
        let Some((first, _)) = lately().next() else { return 0 };
        let bytes: u64 = lately().map(|(_, bytes)| bytes).sum();
        let over = (now - *first).clamp(SHORTEST, WINDOW);
        (bytes as f64 / over.as_secs_f64()) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_rate_is_that_of_the_last_seconds_and_ends_with_them() {
        let meter = Meter::default();
        for _ in 0..40 {
            meter.count(Direction::Up, 1_000);
            tokio::time::advance(Duration::from_millis(100)).await;
        }
        let Rates { up, down } = meter.rates();
        assert!((9_000..=11_000).contains(&up), "{up}");
        assert_eq!(down, 0);
        tokio::time::advance(WINDOW * 2).await;
        assert!(meter.is_quiet());
    }

    #[tokio::test]
    async fn a_content_counts_until_its_last_transfer_has_ended() {
        let meter = Meter::default();
        let content = Content { id: ContentId::of(b"x"), size: 10, mtime: Default::default() };
        let (one, other) =
            (meter.begin(Direction::Up, &content), meter.begin(Direction::Up, &content));
        one.have(4);
        one.clone().moved(3);
        let done = || meter.done(Direction::Up, content.id);
        assert_eq!((done(), meter.done(Direction::Down, content.id)), (7, 0));
        drop(one);
        other.moved(30);
        assert_eq!(done(), 10, "never more than there is");
        drop(other);
        assert_eq!(done(), 0);
        meter.moved().await;
    }
}
