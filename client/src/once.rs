//! Waiting until a folder is in sync, for `--once`.

use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep_until};

use crate::driver::{Command, Freshness, Pulse, Snapshot};
use crate::error::Trouble;
use crate::folder::ask;
use crate::linked::Linked;
use crate::status::Outcome;

/// How long the server may be out of reach before `--once` gives up.
pub const OFFLINE_PATIENCE: Duration = Duration::from_secs(5);
/// How often a driver that is not at rest is asked whether it ever will be.
const ASK_EVERY: Duration = Duration::from_millis(500);

/// Waits until a driver and the server agree, or cannot; `patience` is for a server out of reach.
pub async fn wait(
    linked: &Linked,
    commands: &mpsc::Sender<Command>,
    mut pulses: watch::Receiver<Pulse>,
    fresh: Freshness,
    patience: Duration,
) -> Outcome {
    let mut offline_since = None;
    loop {
        let pulse = pulses.borrow_and_update().clone();
        let Some(snapshot) = ask(commands, Command::Tell).await else {
            return Outcome::failed(&Trouble::bug("the folder's driver ended"));
        };
        let is_fresh = pulse.seen.covers(fresh);
        let halted = snapshot.status.halted.is_some();
        if let Some(outcome) = Outcome::of(linked, &snapshot).filter(|_| halted || is_fresh) {
            return outcome;
        }
        match offline(&snapshot) {
            None => offline_since = None,
            Some(reason) => {
                let since = *offline_since.get_or_insert_with(Instant::now);
                if since.elapsed() >= patience {
                    return Outcome::failed(&unreachable(linked, reason));
                }
            }
        }
        next_rest(&mut pulses, fresh).await;
    }
}

/// Waits for a pulse that is worth asking about, but not too long.
async fn next_rest(pulses: &mut watch::Receiver<Pulse>, fresh: Freshness) {
    let until = Instant::now() + ASK_EVERY;
    let rest = async {
        // A driver that ended is noticed when it is asked.
        while pulses.changed().await.is_ok() {
            let pulse = pulses.borrow_and_update();
            if pulse.at_rest && pulse.seen.covers(fresh) {
                return;
            }
        }
    };
    tokio::select! {
        biased;
        () = rest => {}
        () = sleep_until(until) => {}
    }
}

fn offline(snapshot: &Snapshot) -> Option<&str> {
    snapshot.offline.as_deref().filter(|_| !snapshot.status.online)
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
    use onefold_core::client::Status;
    use std::path::Path;

    /// Answers as a driver in this state would.
    fn driver(snapshot: Snapshot) -> mpsc::Sender<Command> {
        let (commands, mut asked) = mpsc::channel(1);
        tokio::spawn(async move {
            while let Some(command) = asked.recv().await {
                if let Command::Tell(asked) = command {
                    let _ = asked.send(snapshot.clone());
                }
            }
        });
        commands
    }

    async fn check(snapshot: Snapshot, pulse: Pulse, fresh: Freshness) -> Outcome {
        let (_sender, pulses) = watch::channel(pulse);
        let linked = Linked::example(Path::new("/x"));
        wait(&linked, &driver(snapshot), pulses, fresh, Duration::from_millis(1)).await
    }

    fn in_sync() -> Snapshot {
        let status = Status { online: true, ..Status::default() };
        Snapshot { status, offline: None }
    }

    #[tokio::test]
    async fn an_old_word_does_not_count() {
        let fresh = Freshness { rescans: 1, digests: 3 };
        let pulse = |digests| Pulse {
            at_rest: true,
            seen: Freshness { rescans: 1, digests },
            ..Pulse::default()
        };
        let (sender, pulses) = watch::channel(pulse(2));
        let linked = Linked::example(Path::new("/x"));
        let commands = driver(in_sync());
        let waiting =
            tokio::spawn(
                async move { wait(&linked, &commands, pulses, fresh, OFFLINE_PATIENCE).await },
            );
        tokio::task::yield_now().await;
        assert!(!waiting.is_finished());
        sender.send_replace(pulse(3));
        assert_eq!(waiting.await.unwrap().exit, Exit::Done);
    }

    #[tokio::test]
    async fn it_gives_up_when_the_server_stays_out_of_reach() {
        let snapshot = Snapshot { offline: Some("refused".to_owned()), ..Snapshot::default() };
        let outcome = check(snapshot, Pulse::default(), Freshness::default()).await;
        assert_eq!(outcome.exit, Exit::Failed);
        assert!(outcome.lines[0].contains("refused"), "{outcome:?}");
    }

    #[tokio::test]
    async fn a_folder_that_halted_is_not_waited_for() {
        let mut snapshot = in_sync();
        snapshot.status.halted = Some("its disk is gone".to_owned());
        let fresh = Freshness { rescans: 9, digests: 9 };
        let outcome = check(snapshot, Pulse::default(), fresh).await;
        assert_eq!(outcome.exit, Exit::Failed);
    }

    #[tokio::test]
    async fn a_driver_that_dies_is_no_success() {
        let (commands, _) = mpsc::channel(1);
        let (_, pulses) = watch::channel(Pulse::default());
        let linked = Linked::example(Path::new("/x"));
        let fresh = Freshness::default();
        let outcome = wait(&linked, &commands, pulses, fresh, OFFLINE_PATIENCE).await;
        assert_eq!(outcome.exit, Exit::Failed);
    }
}
