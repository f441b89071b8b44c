//! News between servers over one database: a folder's journal has moved.
//!
//! The port is two channels, and an arm is a task that carries between them and the outside; the one
//! arm is NATS. Invariant: what is heard is a hint of where to look. It may be lost, late, doubled or
//! false, and so nothing ever waits for it: what cannot be told at once is not told.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_nats::connection::State;
use async_nats::{Client, ConnectOptions, Event, ServerAddr};
use futures_util::StreamExt;
use onefold_core::id::{FolderId, Seq};
use percent_encoding::percent_decode_str;
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;

/// Where news are told to all others.
const SUBJECT: &str = "onefold.news";
/// News that wait; what comes beyond them is lost.
const WAITING: usize = 1024;
/// How long a connection may take to be made, before it is tried again.
const CONNECT_WITHIN: Duration = Duration::from_secs(5);
/// How long to wait before the connection is tried again: at first, and at most.
const RETRY_AFTER: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(2));
/// How often it is seen whether the other end is still there.
const PING_EVERY: Duration = Duration::from_secs(10);

/// What one server tells all others over the same database.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Notice {
    /// The journal of this folder has this entry now.
    Moved(FolderId, Seq),
}

/// A server's ends of the port.
#[derive(Debug)]
pub struct News {
    /// What is to be told to all others; full, or closed, is no failure.
    pub told: mpsc::Sender<Notice>,
    /// What the others tell.
    pub heard: mpsc::Receiver<Notice>,
}

impl News {
    /// Nobody is told, and nothing is heard.
    pub fn none() -> Self {
        Self { told: mpsc::channel(1).0, heard: mpsc::channel(1).1 }
    }
}

/// Tells and hears through a NATS server, which may be away, now or later: then nothing is told, and
/// a warning says so. Must be called inside a Tokio runtime. The error is in words that hold no
/// password.
pub async fn connect(url: &str) -> Result<News, String> {
    let address: ServerAddr = url.parse().map_err(|_| {
        // The rest may hold a password.
        let scheme = url.split(':').next().unwrap_or_default();
        format!("{scheme}:… is no address of a NATS server: give nats://USER:PASSWORD@HOST:PORT")
    })?;
    let place = format!("{}:{}", address.host(), address.port());
    let standing = Arc::new(Standing { place, away: AtomicBool::new(false) });
    let (first, most) = RETRY_AFTER;
    let options = with_rights(ConnectOptions::new(), &address)
        .name("onefold-server")
        .no_echo()
        .retry_on_initial_connect()
        .connection_timeout(CONNECT_WITHIN)
        .ping_interval(PING_EVERY)
        .reconnect_delay_callback(move |attempt| {
            let doubled = u32::try_from(attempt).unwrap_or(u32::MAX).saturating_sub(1).min(16);
            if attempt == 0 { Duration::ZERO } else { most.min(first * (1 << doubled)) }
        })
        .event_callback(move |event| {
            standing.changed(&event);
            std::future::ready(())
        });
    let failed = |error| format!("no way to the NATS server: {error}");
    let client = options.connect(address).await.map_err(|error| failed(error.to_string()))?;
    let heard = client.subscribe(SUBJECT).await.map_err(|error| failed(error.to_string()))?;
    let (told, telling) = mpsc::channel(WAITING);
    let (hearing, hears) = mpsc::channel(WAITING);
    tokio::spawn(tell(client, telling));
    tokio::spawn(hear(heard, hearing));
    Ok(News { told, heard: hears })
}

/// Who the server is to take us for: `USER:PASSWORD@`, or `TOKEN@`, as the URL says.
fn with_rights(options: ConnectOptions, address: &ServerAddr) -> ConnectOptions {
    let decoded = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
    match (address.username(), address.password()) {
        (None, _) => options,
        (Some(token), None) => options.token(decoded(token)),
        (Some(user), Some(password)) => options.user_and_password(decoded(user), decoded(password)),
    }
}

/// Tells what is to be told, while the connection stands; it ends with the last that tells.
async fn tell(client: Client, mut telling: mpsc::Receiver<Notice>) {
    while let Some(notice) = telling.recv().await {
        if client.connection_state() == State::Connected {
            let notice = postcard::to_allocvec(&notice).expect("our types are encodable");
            // It fails with the connection, which is told as that.
            let _ = client.publish(SUBJECT, notice.into()).await;
        }
    }
    let _ = client.drain().await;
}

/// Passes on what makes sense.
async fn hear(mut heard: async_nats::Subscriber, hearing: mpsc::Sender<Notice>) {
    while let Some(message) = heard.next().await {
        if let Ok(notice) = postcard::from_bytes(&message.payload) {
            // One that finds no room is one that is lost.
            let _ = hearing.try_send(notice);
        }
        if hearing.is_closed() {
            return;
        }
    }
}

/// How the connection stands, for the log: once for each change.
struct Standing {
    place: String,
    away: AtomicBool,
}

impl Standing {
    fn changed(&self, event: &Event) {
        let Self { place, away } = self;
        match event {
            Event::Connected => {
                away.store(false, Ordering::Relaxed);
                tracing::info!("news of other servers come through {place}");
            }
            Event::Disconnected | Event::Closed => self.gone("it closed the connection"),
            Event::ClientError(error) => self.gone(&error.to_string()),
            Event::ServerError(error) => self.gone(&error.to_string()),
            Event::SlowConsumer(_) => tracing::warn!("news came faster than they were taken"),
            Event::LameDuckMode | Event::Draining => {}
        }
    }

    fn gone(&self, why: &str) {
        if !self.away.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                "the NATS server at {} is away: {why}; other servers' changes are heard a second \
                 later; it is used again when it is back",
                self.place
            );
        }
    }
}
