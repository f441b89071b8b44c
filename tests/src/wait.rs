//! Waiting for what must come: no sleeps for order, and a word on what is still missing.

use std::time::{Duration, Instant};

/// Longer than anything takes, also on a machine that is busy with other things.
pub const PATIENCE: Duration = Duration::from_secs(90);
/// How often to look.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// Looks until it is so; after `patience` it panics with what was last seen.
#[track_caller]
pub fn wait_for<T>(
    what: &str,
    patience: Duration,
    mut look: impl FnMut() -> Result<T, String>,
) -> T {
    let started = Instant::now();
    loop {
        match look() {
            Ok(seen) => return seen,
            Err(last) if started.elapsed() > patience => {
                panic!("after {patience:?} still waiting for {what}; last seen:\n{last}")
            }
            Err(_) => std::thread::sleep(LOOK_EVERY),
        }
    }
}
