//! Tells whoever looks that something may stand elsewhere than before: a folder, or the list of them.
//!
//! News say no more than that. Who hears of them asks; who does not listen costs nothing.

use tokio::sync::watch;

/// Tells of news.
#[derive(Clone, Debug)]
pub struct News(watch::Sender<u64>);

impl News {
    /// Nothing has happened yet.
    pub fn new() -> Self {
        Self(watch::Sender::new(0))
    }

    /// Something may have changed.
    pub fn tell(&self) {
        self.0.send_modify(|count| *count += 1);
    }

    /// Hears of what changes from now on.
    pub fn listen(&self) -> watch::Receiver<u64> {
        self.0.subscribe()
    }
}

impl Default for News {
    fn default() -> Self {
        Self::new()
    }
}
