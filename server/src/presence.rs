//! Which devices are connected, and telling their streams when they have to end.
//!
//! What another server process over the same database has, is told by when it last noted a device
//! as seen: so somebody who left there counts as connected for about a minute more.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use onefold_adapters::journal::{Device, Journal, SEEN_EVERY_MS};
use onefold_core::id::DeviceId;
use onefold_core::protocol::DIGEST_EVERY_MS;
use onefold_core::time::WallTime;
use tokio::sync::{oneshot, watch};
use tokio::time::MissedTickBehavior;

use crate::app::App;

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
    here: BTreeMap<DeviceId, oneshot::Sender<Ended>>,
    /// When each left that is not here any more; forgotten after a while.
    left: BTreeMap<DeviceId, WallTime>,
}

impl Presence {
    /// Notes a device's newest stream; the one before hears that it was replaced.
    pub(crate) fn connected(&self, device: DeviceId) -> oneshot::Receiver<Ended> {
        let (newer, ends) = oneshot::channel();
        let mut known = self.known();
        known.left.remove(&device);
        if let Some(older) = known.here.insert(device, newer) {
            let _ = older.send(Ended::Replaced);
        }
        ends
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
        if known.here.get(&device).is_some_and(oneshot::Sender::is_closed) {
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
                let _ = stream.send(Ended::Revoked);
            }
        }
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
    app: std::sync::Arc<App<J, B>>,
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
        let ends = presence.connected(seen.id);
        assert!(presence.is_connected(&device(None), at(0)));
        presence.disconnected(seen.id, ends, at(5));
        assert!(!presence.is_connected(&seen, at(6)));
        assert!(presence.is_connected(&device(Some(at(7))), at(8)), "it came back elsewhere");
    }

    #[test]
    fn a_stream_hears_why_it_ends() {
        let presence = Presence::default();
        let id = device(None).id;
        let mut older = presence.connected(id);
        let mut newer = presence.connected(id);
        assert_eq!(older.try_recv(), Ok(Ended::Replaced));
        presence.shut_out([DeviceId::from_bytes([9; 16])]);
        assert!(newer.try_recv().is_err());
        presence.shut_out([id]);
        assert_eq!(newer.try_recv(), Ok(Ended::Revoked));
    }
}
