//! Who may see the administrator's page: passes that the database keeps, so that every server over it
//! knows them, and none has to run when one is made.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use onefold_adapters::journal::{Journal, Pass};
use onefold_adapters::secret::Secret;
use onefold_core::time::WallTime;

use crate::hub::WallClock;
use crate::page::guard::Keys;

/// How long an address that was printed may wait for its browser.
pub(super) const WAITS: Duration = Duration::from_secs(10 * 60);
/// How long a browser that has entered stays.
pub(super) const STAYS: Duration = Duration::from_secs(12 * 60 * 60);

/// The passes of a database.
pub(super) struct Passes<J> {
    pub(super) journal: Arc<J>,
    pub(super) clock: WallClock,
}

impl<J: Journal> Keys for Passes<J> {
    async fn enter(&self, key: &str) -> Option<String> {
        let once = Secret::parse(key)?.hash();
        let (now, secret) = ((self.clock)(), Secret::generate());
        let lasting = Pass { secret: secret.hash(), expires: after(now, STAYS) };
        match self.journal.exchange_pass(once, now, lasting).await {
            Ok(good) => good.then(|| secret.reveal()),
            Err(error) => unknown(&error, None),
        }
    }

    async fn knows(&self, cookie: &str) -> bool {
        let Some(secret) = Secret::parse(cookie) else { return false };
        match self.journal.is_pass(secret.hash(), (self.clock)()).await {
            Ok(good) => good,
            Err(error) => unknown(&error, false),
        }
    }
}

impl<J> fmt::Debug for Passes<J> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Passes")
    }
}

/// This long after that.
pub(super) fn after(time: WallTime, span: Duration) -> WallTime {
    WallTime(time.0.saturating_add(i64::try_from(span.as_millis()).unwrap_or(i64::MAX)))
}

/// Who cannot be known is not let in.
fn unknown<T>(error: &dyn fmt::Display, refused: T) -> T {
    tracing::warn!("nobody is let in to the administrator's page: {error}");
    refused
}
