//! Waiting until a folder is in sync, for `--once`.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

use crate::driver::{Freshness, Snapshot};
use crate::error::Trouble;
use crate::linked::Linked;
use crate::status::Outcome;

/// How long the server may be out of reach before `--once` gives up.
pub const OFFLINE_PATIENCE: Duration = Duration::from_secs(5);

/// Waits until a driver and the server agree, or cannot; `patience` is for a server out of reach.
pub async fn wait(
    linked: &Linked,
    mut snapshots: watch::Receiver<Snapshot>,
    fresh: Freshness,
    patience: Duration,
) -> Outcome {
    let mut offline_since = None;
    loop {
        let snapshot = snapshots.borrow_and_update().clone();
        let is_fresh = snapshot.seen.rescans >= fresh.rescans
            && snapshot.seen.digests >= fresh.digests;
        if let Some(outcome) = Outcome::of(linked, &snapshot).filter(|_| is_fresh) {
            return outcome;
        }
        let give_up = match &snapshot.offline {
            Some(reason) if !snapshot.status.online => {
                let since = *offline_since.get_or_insert_with(Instant::now);
                Some((since + patience, reason.clone()))
            }
            _ => {
                offline_since = None;
                None
            }
        };
        let offline = async {
            match give_up {
                Some((until, reason)) => {
                    sleep_until(until).await;
                    reason
                }
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            changed = snapshots.changed() => if changed.is_err() {
                return Outcome::failed(&Trouble::bug("the folder's driver ended"));
            },
            reason = offline => return Outcome::failed(&unreachable(linked, &reason)),
        }
    }
}

fn unreachable(linked: &Linked, reason: &str) -> Trouble {
    Trouble::new(
        format_args!("{} could not be synced: {reason}", linked.root.display()),
        "Every file is as it was, and what changed here is sent when the server answers",
        "Check that the server runs and that this device reaches it, and try again",
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Exit;
    use std::path::Path;

    fn at_rest() -> Snapshot {
        let mut snapshot = Snapshot::default();
        snapshot.status.online = true;
        snapshot
    }

    #[tokio::test]
    async fn an_old_word_does_not_count() {
        let (sender, receiver) = watch::channel(at_rest());
        let fresh = Freshness { rescans: 1, digests: 3 };
        let linked = Linked::example(Path::new("/x"));
        let waiting =
            tokio::spawn(async move { wait(&linked, receiver, fresh, OFFLINE_PATIENCE).await });
        sender.send_replace(Snapshot { seen: Freshness { rescans: 1, digests: 2 }, ..at_rest() });
        tokio::task::yield_now().await;
        assert!(!waiting.is_finished());
        sender.send_replace(Snapshot { seen: Freshness { rescans: 1, digests: 3 }, ..at_rest() });
        assert_eq!(waiting.await.unwrap().exit, Exit::Done);
    }

    #[tokio::test]
    async fn it_gives_up_when_the_server_stays_out_of_reach() {
        let offline = Snapshot { offline: Some("refused".to_owned()), ..Snapshot::default() };
        let (_sender, receiver) = watch::channel(offline);
        let linked = Linked::example(Path::new("/x"));
        let outcome =
            wait(&linked, receiver, Freshness::default(), Duration::from_millis(20)).await;
        assert_eq!(outcome.exit, Exit::Failed);
        assert!(outcome.lines[0].contains("refused"), "{outcome:?}");
    }

    #[tokio::test]
    async fn a_driver_that_dies_is_no_success() {
        let (sender, receiver) = watch::channel(Snapshot::default());
        drop(sender);
        let linked = Linked::example(Path::new("/x"));
        let outcome =
            wait(&linked, receiver, Freshness::default(), Duration::from_millis(20)).await;
        assert_eq!(outcome.exit, Exit::Failed);
    }
}
