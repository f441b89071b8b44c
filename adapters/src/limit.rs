//! How fast contents may move: bytes a second, up and down, for all folders of a client together.
//!
//! Who wants to move bytes takes them first, and waits for his turn: in the order that they were
//! asked for, so that nothing starves. A limit may change at any time, and counts at once for those
//! who wait. (The crates for this fix a rate when they are made, or read a clock of their own, which
//! a simulation cannot hold.)

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

/// The lowest limit, in bytes a second: below it, a server would take a transfer for dead.
pub const LOWEST_LIMIT: u64 = 16 * 1024;
/// The smallest and the largest piece that is taken at a time, in bytes.
const PIECE_BYTES: std::ops::RangeInclusive<u64> = 4 * 1024..=64 * 1024;
/// So many pieces a second.
const PIECES_A_SECOND: u64 = 8;

/// How fast contents may move. Clones are the same limits.
#[derive(Clone, Debug, Default)]
pub struct Limits {
    /// To the server.
    pub up: Limit,
    /// To this device.
    pub down: Limit,
}

/// How fast they may move one way.
#[derive(Clone, Debug, Default)]
pub struct Limit(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    turns: Mutex<Turns>,
    changed: watch::Sender<()>,
}

#[derive(Debug, Default)]
struct Turns {
    /// Bytes a second; `None`: as fast as it goes.
    rate: Option<u64>,
    /// When what was taken so far has moved.
    free: Option<Instant>,
}

impl Limit {
    /// Changes it, for those who wait too. `None`: as fast as it goes.
    pub fn set(&self, bytes_per_second: Option<u64>) {
        let rate = bytes_per_second.map(|rate| rate.max(LOWEST_LIMIT));
        *self.turns() = Turns { rate, free: None };
        self.0.changed.send_replace(());
    }

    /// What it is.
    pub fn get(&self) -> Option<u64> {
        self.turns().rate
    }

    /// How many bytes to take at a time.
    pub(crate) fn piece_bytes(&self) -> usize {
        let piece = self.get().map_or(u64::MAX, |rate| rate / PIECES_A_SECOND);
        usize::try_from(piece.clamp(*PIECE_BYTES.start(), *PIECE_BYTES.end())).expect("it is small")
    }

    /// Waits until so many bytes may move.
    pub(crate) async fn take(&self, bytes: usize) {
        let mut changed = self.0.changed.subscribe();
        while let Some(turn) = self.next_turn(bytes) {
            tokio::select! {
                () = tokio::time::sleep_until(turn) => return,
                // Its sender is `self`'s.
                _ = changed.changed() => {}
            }
        }
    }

    fn next_turn(&self, bytes: usize) -> Option<Instant> {
        let mut turns = self.turns();
        let rate = turns.rate?;
        let now = Instant::now();
        let turn = turns.free.map_or(now, |free| free.max(now));
        turns.free = Some(turn + Duration::from_secs_f64(bytes as f64 / rate as f64));
        Some(turn)
    }

    fn turns(&self) -> MutexGuard<'_, Turns> {
        self.0.turns.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn check(limit: &Limit, takers: usize, bytes: usize, pieces: usize) -> Duration {
        let began = Instant::now();
        let takes = (0..takers).map(|_| async {
            for _ in 0..pieces {
                limit.take(bytes).await;
            }
        });
        futures_util::future::join_all(takes).await;
        began.elapsed()
    }

    #[tokio::test(start_paused = true)]
    async fn many_takers_share_one_rate() {
        let limit = Limit::default();
        assert_eq!(check(&limit, 5, 1_000_000, 10).await, Duration::ZERO);
        limit.set(Some(100_000));
        let took = check(&limit, 5, 10_000, 20).await.as_secs_f64();
        assert!((9.5..=10.5).contains(&took), "1 MB at 100 kB/s took {took} s");
    }

    #[tokio::test(start_paused = true)]
    async fn a_limit_that_is_lifted_lets_those_go_who_wait() {
        let limit = Limit::default();
        limit.set(Some(1));
        assert_eq!((limit.get(), limit.piece_bytes()), (Some(LOWEST_LIMIT), 4096));
        let waiting = limit.clone();
        let waiting = tokio::spawn(async move {
            waiting.take(10_000_000).await;
            waiting.take(1).await;
        });
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert!(!waiting.is_finished());
        let before = Instant::now();
        limit.set(None);
        waiting.await.unwrap();
        assert_eq!(before.elapsed(), Duration::ZERO);
        assert_eq!(limit.piece_bytes(), 64 * 1024);
    }
}
