//! Where a folder's head is, told to all its sessions in the order in which they wait.
//!
//! Who looks seldom hears of the newest head only. (tokio's `watch` tells its waiters in random order.)

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use onefold_core::id::Seq;
use tokio::sync::Notify;

/// A teller's end.
#[derive(Clone, Debug, Default)]
pub(crate) struct Head(Arc<Told>);

/// A listener's end.
#[derive(Clone, Debug)]
pub(crate) struct HeadNews {
    told: Arc<Told>,
    seen: u64,
}

#[derive(Debug, Default)]
struct Told {
    seq: AtomicU64,
    moved: Notify,
}

impl Head {
    /// The head is here now, or further; whether that is new.
    pub(crate) fn advance(&self, to: Seq) -> bool {
        let moved = self.0.seq.fetch_max(to.get(), Ordering::AcqRel) < to.get();
        if moved {
            self.0.moved.notify_waiters();
        }
        moved
    }

    /// How far it is known to be.
    pub(crate) fn known(&self) -> Seq {
        Seq::new(self.0.seq.load(Ordering::Acquire))
    }

    /// A listener, who knows of the head as it is now.
    pub(crate) fn listen(&self) -> HeadNews {
        HeadNews { told: Arc::clone(&self.0), seen: self.0.seq.load(Ordering::Acquire) }
    }
}

impl HeadNews {
    /// Where the head is, once it has moved; may be dropped and called again.
    pub(crate) async fn moved(&mut self) -> Seq {
        loop {
            // It hears of all that is told from now on, also before it is first polled.
            let moved = self.told.moved.notified();
            let now = self.told.seq.load(Ordering::Acquire);
            if now != self.seen {
                self.seen = now;
                return Seq::new(now);
            }
            moved.await;
        }
    }
}
