//! Which devices are connected, and telling their streams when they have to end.
//!
//! What another server process over the same database has, is told by when it last noted a device
//! as seen: so somebody who left there counts as connected for about a minute more.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use onefold_adapters::journal::{Device, Journal, SEEN_EVERY_MS};
use onefold_core::id::DeviceId;
use onefold_core::protocol::DIGEST_EVERY_MS;
use onefold_core::time::WallTime;
use tokio::sync::{oneshot, watch};
use tokio::time::MissedTickBehavior;

use crate::app::App;
use crate::head::Head;
use crate::metrics::Standing;

/// Who is connected elsewhere is noted as seen this often, at the least.
const NOTED_WITHIN_MS: i64 = (SEEN_EVERY_MS + 2 * DIGEST_EVERY_MS) as i64;
/// How often it is looked up who was shut out, maybe by way of another process.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// Why a stream has to end, while the server goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    /// A newer stream of the same device stands.
    Replaced,
    /// The device was shut out.
    Revoked,
}

/// The devices that are connected here, and those that were.
#[derive(Debug, Default)]
pub(crate) struct Presence(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    here: BTreeMap<DeviceId, Stream>,
    /// When each left that is not here any more; forgotten after a while.
    left: BTreeMap<DeviceId, WallTime>,
}

/// A device's newest stream.
#[derive(Debug)]
struct Stream {
    /// Tells it that it has to end.
    ends: oneshot::Sender<Ended>,
    /// The head of its folder.
    head: Head,
    acknowledged: Arc<AtomicU64>,
}

impl Presence {
    /// Notes a device's newest stream, of a folder whose head is this; the one before hears that it
    /// was replaced. It is to hear why it has to end, and to tell how far the device is.
    pub(crate) fn connected(
        &self,
        device: &Device,
        head: Head,
    ) -> (oneshot::Receiver<Ended>, Arc<AtomicU64>) {
        let (newer, ends) = oneshot::channel();
        let acknowledged = Arc::new(AtomicU64::new(device.acknowledged.get()));
        let stream = Stream { ends: newer, head, acknowledged: Arc::clone(&acknowledged) };
        let mut known = self.known();
        known.left.remove(&device.id);
        if let Some(older) = known.here.insert(device.id, stream) {
            let _ = older.ends.send(Ended::Replaced);
        }
        (ends, acknowledged)
    }

    /// Forgets a device's stream that has ended, unless a newer one stands.
    pub(crate) fn disconnected(
        &self,
        device: DeviceId,
        ends: oneshot::Receiver<Ended>,
        now: WallTime,
    ) {
        drop(ends);
        let mut known = self.known();
        if known.here.get(&device).is_some_and(|stream| stream.ends.is_closed()) {
            known.here.remove(&device);
            known.left.retain(|_, left| left.0 + NOTED_WITHIN_MS > now.0);
            known.left.insert(device, now);
        }
    }

    /// Whether a device is connected, here or to another process.
    pub(crate) fn is_connected(&self, device: &Device, now: WallTime) -> bool {
        let known = self.known();
        if known.here.contains_key(&device.id) {
            return true;
        }
        let left = known.left.get(&device.id);
        device.last_seen.is_some_and(|seen| {
            seen.0 + NOTED_WITHIN_MS > now.0 && left.is_none_or(|left| *left < seen)
        })
    }

    /// Ends the streams of those that were shut out.
    pub(crate) fn shut_out(&self, revoked: impl IntoIterator<Item = DeviceId>) {
        let mut known = self.known();
        for device in revoked {
            if let Some(stream) = known.here.remove(&device) {
                let _ = stream.ends.send(Ended::Revoked);
            }
        }
    }

    /// How far the devices are that are connected here.
    pub(crate) fn standing(&self) -> Standing {
        let known = self.known();
        let lag = |stream: &Stream| {
            let acknowledged = stream.acknowledged.load(Ordering::Relaxed);
            stream.head.known().get().saturating_sub(acknowledged)
        };
        let mut standing = Standing { connected: known.here.len() as u64, ..Standing::default() };
        for lag in known.here.values().map(lag).filter(|lag| *lag > 0) {
            standing.behind += 1;
            standing.most = standing.most.max(lag);
        }
        standing
    }

    fn is_empty(&self) -> bool {
        self.known().here.is_empty()
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Ends the streams of devices that are shut out, until the server stops.
pub(crate) async fn shut_out_revoked<J: Journal, B: Send + Sync + 'static>(
    app: Arc<App<J, B>>,
    mut stopping: watch::Receiver<bool>,
) {
    let mut look = tokio::time::interval(LOOK_EVERY);
    look.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            biased;
            _ = stopping.wait_for(|stops| *stops) => return,
            _ = look.tick() => {}
        }
        if app.presence.is_empty() {
            continue;
        }
        match app.journal.revoked().await {
            Ok(revoked) => app.presence.shut_out(revoked),
            // A stream that ends late by that is told by its next poll.
            Err(error) => tracing::debug!("who was shut out is not known: {error}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use onefold_core::id::{FolderId, Seq};

    fn device(last_seen: Option<WallTime>) -> Device {
        Device {
            id: DeviceId::from_bytes([1; 16]),
            folder: FolderId::from_bytes([2; 16]),
            name: "desk".to_owned(),
            writable: true,
            revoked: false,
            acknowledged: Seq::ZERO,
            last_seen,
        }
    }

    #[test]
    fn who_left_here_is_gone_at_once_and_who_is_elsewhere_after_a_while() {
        let presence = Presence::default();
        let at = |ms| WallTime(1_000_000 + ms);
        assert!(!presence.is_connected(&device(None), at(0)));
        let seen = device(Some(at(0)));
        assert!(presence.is_connected(&seen, at(NOTED_WITHIN_MS - 1)));
        assert!(!presence.is_connected(&seen, at(NOTED_WITHIN_MS)));
        let (ends, _) = presence.connected(&seen, Head::default());
        assert!(presence.is_connected(&device(None), at(0)));
        presence.disconnected(seen.id, ends, at(5));
        assert!(!presence.is_connected(&seen, at(6)));
        assert!(presence.is_connected(&device(Some(at(7))), at(8)), "it came back elsewhere");
    }

    #[test]
    fn a_stream_hears_why_it_ends() {
        let presence = Presence::default();
        let device = device(None);
        let (mut older, _) = presence.connected(&device, Head::default());
        let (mut newer, _) = presence.connected(&device, Head::default());
        assert_eq!(older.try_recv(), Ok(Ended::Replaced));
        presence.shut_out([DeviceId::from_bytes([9; 16])]);
        assert!(newer.try_recv().is_err());
        presence.shut_out([device.id]);
        assert_eq!(newer.try_recv(), Ok(Ended::Revoked));
    }

    #[test]
    fn those_that_are_connected_are_behind_by_what_they_did_not_acknowledge() {
        let presence = Presence::default();
        let head = Head::default();
        let (_ends, acknowledged) = presence.connected(&device(None), head.clone());
        head.advance(Seq::new(5));
        acknowledged.store(3, Ordering::Relaxed);
        let Standing { connected, behind, most } = presence.standing();
        assert_eq!((connected, behind, most), (1, 1, 2));
    }
}
