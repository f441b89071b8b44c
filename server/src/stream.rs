//! The driver of one device's stream: runs the core's session against a WebSocket and the journal.
//!
//! It does what the session says, in order, and tells it what happened; what is sent is on its way
//! before the next thing is heard. It ends with the session, with the connection, or when the device
//! takes nothing or says nothing for too long.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::extract::State;
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use onefold_adapters::blobs::Blobs;
use onefold_adapters::journal::{Device, Journal, StoreResult, answer};
use onefold_adapters::wire;
use onefold_core::id::Seq;
use onefold_core::protocol::MAX_MESSAGE_BYTES;
use onefold_core::server::decide::Submitted;
use onefold_core::server::session::{
    Load, LoadId, Loaded, Session, SessionEffect, SessionEvent, read_message,
};
use onefold_core::time::Instant;
use tokio::sync::{OwnedSemaphorePermit, oneshot, watch};
use tokio::time::MissedTickBehavior;

use crate::app::App;
use crate::hub::{Hub, WallClock};
use crate::metrics::Metrics;
use crate::presence::Ended;
use crate::problem::Problem;

/// How long a device may take to take one message.
const SEND_WITHIN: Duration = Duration::from_secs(60);
/// How often a device is pinged.
const PING_EVERY: Duration = Duration::from_secs(15);
/// A device from which nothing comes for so long, not even the answer to a ping, is gone.
const GONE_AFTER: Duration = Duration::from_secs(45);
/// How long the device may take to close its side once it was told why.
const CLOSE_WITHIN: Duration = Duration::from_secs(1);

type LoadFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// What a future of the journal came to.
enum Answer {
    Loaded(LoadId, Result<Loaded, String>),
    Acknowledged(StoreResult<()>),
}

pub(crate) async fn open<J: Journal, B: Blobs>(
    State(app): State<Arc<App<J, B>>>,
    headers: HeaderMap,
    upgrade: WebSocketUpgrade,
) -> Result<Response, Problem> {
    let device = app.any_device(&headers).await?;
    let permit = Arc::clone(&app.streams).try_acquire_owned().map_err(|_| {
        let words = "the server has as many devices connected as it takes; try again later";
        Problem::new(StatusCode::SERVICE_UNAVAILABLE, words)
    })?;
    Ok(upgrade
        .max_message_size(MAX_MESSAGE_BYTES)
        .max_frame_size(MAX_MESSAGE_BYTES)
        .on_upgrade(|socket| run(app, device, socket, permit)))
}

async fn run<J: Journal, B: Blobs>(
    app: Arc<App<J, B>>,
    device: Device,
    socket: WebSocket,
    _permit: OwnedSemaphorePermit,
) {
    let hub = app.hubs.of(device.folder);
    let (mut ends, acknowledged) = app.presence.connected(&device, hub.teller());
    tracing::debug!("device {} connected", device.name);
    let ended = Connection::new(&app, &hub, &device, &acknowledged, socket)
        .run(app.stopping.clone(), &mut ends)
        .await;
    app.presence.disconnected(device.id, ends, (app.clock)());
    tracing::debug!("device {} disconnected: {ended}", device.name);
}

struct Connection<'a, J> {
    journal: &'a J,
    clock: WallClock,
    hub: &'a Hub,
    device: &'a Device,
    metrics: &'a Metrics,
    /// Where it is told how far the device is.
    acknowledged: &'a AtomicU64,
    socket: WebSocket,
    session: Session,
    /// What is asked of the journal.
    asked: FuturesUnordered<LoadFuture<'a, Answer>>,
    /// An acknowledgement is being noted; the newest one that came meanwhile.
    acknowledging: Option<Option<Seq>>,
    began: tokio::time::Instant,
    heard: tokio::time::Instant,
}

impl<'a, J: Journal> Connection<'a, J> {
    fn new<B: Blobs>(
        app: &'a App<J, B>,
        hub: &'a Hub,
        device: &'a Device,
        acknowledged: &'a AtomicU64,
        socket: WebSocket,
    ) -> Self {
        let began = tokio::time::Instant::now();
        Self {
            session: Session::new(Instant::from_ms(0), device.folder, device.id),
            journal: &app.journal,
            clock: app.clock,
            hub,
            device,
            metrics: &app.metrics,
            acknowledged,
            socket,
            asked: FuturesUnordered::new(),
            acknowledging: None,
            began,
            heard: began,
        }
    }

    /// Serves the stream to its end; why it ended.
    async fn run(
        mut self,
        mut stopping: watch::Receiver<bool>,
        ends: &mut oneshot::Receiver<Ended>,
    ) -> &'static str {
        let mut head = self.hub.head();
        let mut ping = tokio::time::interval(PING_EVERY);
        ping.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let (mut told_to_stop, mut told_to_end) = (false, false);
        loop {
            let deadline = self.session.deadline();
            let deadline = deadline.map(|(at, _)| self.began + Duration::from_millis(at.as_ms()));
            let event = tokio::select! {
                biased;
                () = sleep_until(deadline) => SessionEvent::Ticked,
                Ok(()) = turned(&mut stopping), if !told_to_stop => {
                    told_to_stop = true;
                    SessionEvent::Stopping
                }
                Ok(ended) = &mut *ends, if !told_to_end => {
                    told_to_end = true;
                    match ended {
                        Ended::Replaced => SessionEvent::Replaced,
                        Ended::Revoked => SessionEvent::Revoked,
                    }
                }
                Some(answer) = self.asked.next() => match self.answered(answer) {
                    Some(event) => event,
                    None => continue,
                },
                seq = head.moved() => SessionEvent::HeadMoved(seq),
                _ = ping.tick() => {
                    if !self.session.may_read() {
                        self.heard = tokio::time::Instant::now();
                    }
                    if self.heard.elapsed() > GONE_AFTER {
                        return "nothing came from it any more";
                    }
                    if !self.send(Message::Ping(Default::default())).await {
                        return "the connection broke";
                    }
                    continue;
                }
                message = self.socket.recv(), if self.session.may_read() => {
                    self.heard = tokio::time::Instant::now();
                    match message {
                        Some(Ok(Message::Binary(frame))) => {
                            self.metrics.came(frame.len() as u64);
                            read_message(&frame)
                        }
                        Some(Ok(Message::Text(_))) => SessionEvent::Unreadable("text".to_owned()),
                        Some(Ok(Message::Ping(_) | Message::Pong(_))) => continue,
                        Some(Ok(Message::Close(_))) | None => return "it closed the connection",
                        Some(Err(_)) => return "the connection broke",
                    }
                }
            };
            if let Some(ended) = self.handle(event).await {
                return ended;
            }
        }
    }

    /// Passes an event in and does what comes out; why it ended, if it did.
    async fn handle(&mut self, event: SessionEvent) -> Option<&'static str> {
        let now = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX);
        for effect in self.session.handle(Instant::from_ms(now), event) {
            match effect {
                SessionEffect::Load(id, load) => self.ask(id, load),
                SessionEffect::Acknowledge(seq) => self.acknowledge(seq),
                SessionEffect::Send(message) => {
                    let frame = wire::encode(&message);
                    self.metrics.went(frame.len() as u64);
                    if !self.send(Message::Binary(frame.into())).await {
                        return Some("the connection broke");
                    }
                }
                SessionEffect::Close => {
                    self.close().await;
                    return Some("the server closed the connection");
                }
            }
        }
        None
    }

    /// Takes an answer of the journal; what the session is to hear of it.
    fn answered(&mut self, answer: Answer) -> Option<SessionEvent> {
        match answer {
            Answer::Loaded(id, loaded) => Some(SessionEvent::Loaded(id, loaded)),
            Answer::Acknowledged(noted) => {
                if let Err(error) = noted {
                    // It only keeps old outcomes longer; the next one says it again.
                    tracing::warn!("device {}: {error}", self.device.name);
                }
                if let Some(seq) = self.acknowledging.take().flatten() {
                    self.acknowledge(seq);
                }
                None
            }
        }
    }

    fn acknowledge(&mut self, seq: Seq) {
        self.acknowledged.fetch_max(seq.get(), Ordering::Relaxed);
        if let Some(next) = &mut self.acknowledging {
            *next = Some(seq);
            return;
        }
        self.acknowledging = Some(None);
        let asked = self.journal.acknowledge(self.device.id, seq);
        let noted = self.metrics.timed("acknowledge", asked);
        self.asked.push(Box::pin(async { Answer::Acknowledged(noted.await) }));
    }

    /// Asks the journal; commits are handed in at once, so that they are decided in this order.
    fn ask(&mut self, id: LoadId, load: Load) {
        let (journal, folder, device) = (self.journal, self.device.folder, self.device.id);
        let loaded: LoadFuture<'a, Result<Loaded, String>> = match load {
            Load::Decide(commit) => {
                let writable = self.session.writable();
                let decided = self.hub.submit(Submitted { device, writable, commit });
                Box::pin(async {
                    let gone = || Err("the server could not decide a commit".to_owned());
                    decided.await.unwrap_or_else(|_| gone()).map(Loaded::Outcome)
                })
            }
            other => {
                let (now, metrics) = ((self.clock)(), self.metrics);
                let what = name(&other);
                Box::pin(async move {
                    let asked = answer(journal, folder, device, now, other, false);
                    metrics.timed(what, asked).await.map_err(|error| error.to_string())
                })
            }
        };
        self.asked.push(Box::pin(async move { Answer::Loaded(id, loaded.await) }));
    }

    /// Sends a frame; `false` if the device does not take it.
    async fn send(&mut self, message: Message) -> bool {
        let sent = tokio::time::timeout(SEND_WITHIN, self.socket.send(message)).await;
        matches!(sent, Ok(Ok(())))
    }

    /// Closes the connection once the device has had time to read the last message.
    async fn close(&mut self) {
        let closing = async {
            if self.socket.send(Message::Close(None)).await.is_ok() {
                while let Some(Ok(_)) = self.socket.recv().await {}
            }
        };
        let _ = tokio::time::timeout(CLOSE_WITHIN, closing).await;
    }
}

const fn name(load: &Load) -> &'static str {
    match load {
        Load::Greet(_) => "greet",
        Load::Entries(_) => "entries",
        Load::Page { .. } => "page",
        Load::Poll => "poll",
        Load::Decide(_) => "commit",
    }
}

/// Waits until it turns true; an error if it never will.
async fn turned(switch: &mut watch::Receiver<bool>) -> Result<(), watch::error::RecvError> {
    switch.wait_for(|on| *on).await.map(drop)
}

async fn sleep_until(deadline: Option<tokio::time::Instant>) {
    match deadline {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}
