//! Answers what other commands of a home hand to the one process that syncs.
//!
//! Each is answered by itself, so that one that waits holds up no other.

use std::sync::Arc;
use std::time::Duration;

use onefold_core::name::RelPath;
use tokio::time::sleep;

use crate::control::{Incoming, Listener, Request};
use crate::error::Trouble;
use crate::status::Outcome;
use crate::supervisor::{Since, Supervisor};

/// Takes requests for as long as the process runs.
pub(crate) async fn run(supervisor: Arc<Supervisor>, listener: Listener) {
    loop {
        match listener.accept().await {
            Ok(stream) => {
                let supervisor = Arc::clone(&supervisor);
                tokio::spawn(async move {
                    if let Some(incoming) = Incoming::read(stream).await {
                        answer(&supervisor, incoming).await;
                    }
                });
            }
            Err(error) => {
                // Out of descriptors, most likely: others will be freed.
                tracing::warn!("a command could not be heard: {error}");
                sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

async fn answer(supervisor: &Supervisor, mut incoming: Incoming) {
    match incoming.request.clone() {
        Request::Status => incoming.reply(supervisor.status().await).await,
        Request::Explain(device, path) => {
            let explained = async {
                let path = RelPath::parse(&path).map_err(Trouble::bug)?;
                supervisor.explain(device, &path).await
            };
            incoming.reply(explained.await).await;
        }
        Request::Join(request) => {
            let joined = supervisor.join(&request).await;
            incoming.reply(joined.map(|linked| linked.device)).await;
        }
        Request::Sync(devices) => incoming.reply(supervisor.sync(&devices).await).await,
        Request::Wait(devices) => {
            let waited =
                async { Ok(supervisor.wait(&supervisor.these(&devices)?, Since::Now).await) };
            let outcome: Option<Result<Outcome, Trouble>> = tokio::select! {
                outcome = waited => Some(outcome),
                () = incoming.gone() => None,
            };
            if let Some(outcome) = outcome {
                incoming.reply(outcome).await;
            }
        }
        Request::SetPaused(device, paused) => {
            incoming.reply(supervisor.set_paused(device, paused).await).await;
        }
        Request::Answer(device, answer) => {
            incoming.reply(supervisor.answer(device, answer).await).await;
        }
        Request::Window => incoming.reply(supervisor.window_address()).await,
        Request::Unlink(device) => incoming.reply(supervisor.unlink(device).await).await,
        Request::Rename(device, name) => {
            incoming.reply(supervisor.rename(device, &name).await).await;
        }
        Request::Limit(change) => incoming.reply(supervisor.limit(change).await).await,
    }
}
