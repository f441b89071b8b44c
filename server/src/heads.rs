//! Finding out that another server over the same database moved a journal's head.
//!
//! One task of the server looks up the heads of all folders that have sessions, in one query, every
//! second; those of which news come it looks up at once. News are never believed: they say where to
//! look, so that a false one costs one look, and a lost one a second.

use std::collections::BTreeMap;
use std::sync::{Arc, Weak};
use std::time::Duration;

use onefold_adapters::journal::Journal;
use onefold_adapters::news::Notice;
use onefold_core::id::FolderId;
use tokio::sync::mpsc;
use tokio::time::MissedTickBehavior;

use crate::head::Head;
use crate::hub::Open;
use crate::metrics::Metrics;

/// How often all heads are looked up.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// News that are taken at a time.
const NEWS_AT_ONCE: usize = 256;

/// Follows the heads until nobody needs it any more.
pub(crate) struct Following<J> {
    pub(crate) journal: Arc<J>,
    pub(crate) open: Weak<Open>,
    pub(crate) metrics: Arc<Metrics>,
}

impl<J: Journal> Following<J> {
    pub(crate) async fn run(self, mut heard: mpsc::Receiver<Notice>) {
        let mut look = tokio::time::interval(LOOK_EVERY);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut notices = Vec::new();
        let mut away = false;
        loop {
            tokio::select! {
                biased;
                // First, so that where news of some folders never end, those of others may be lost.
                _ = look.tick() => {}
                1.. = heard.recv_many(&mut notices, NEWS_AT_ONCE) => {}
            }
            let Some(mut heads) = self.open.upgrade().map(|open| open.heads()) else { return };
            if !notices.is_empty() {
                heads = news_to(heads, &std::mem::take(&mut notices));
            }
            if heads.is_empty() {
                continue;
            }
            let asked = self.journal.heads(heads.keys().copied().collect());
            match self.metrics.timed("heads", asked).await {
                Ok(found) => {
                    if std::mem::take(&mut away) {
                        tracing::info!("the database answers again");
                    }
                    for (folder, seq) in found {
                        if let Some(head) = heads.get(&folder) {
                            head.advance(seq);
                        }
                    }
                }
                Err(error) if !away => {
                    away = true;
                    tracing::warn!("{error}; other servers' changes are not heard until it does");
                }
                Err(_) => {}
            }
        }
    }
}

/// The folders of which something is said that is not known here.
fn news_to(heads: BTreeMap<FolderId, Head>, notices: &[Notice]) -> BTreeMap<FolderId, Head> {
    let mut news = BTreeMap::new();
    for Notice::Moved(folder, seq) in notices {
        if let Some(head) = heads.get(folder).filter(|head| head.known() < *seq) {
            news.insert(*folder, head.clone());
        }
    }
    news
}
