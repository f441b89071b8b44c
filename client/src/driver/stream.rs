//! The stream to the server: one task for each connection, one event for each thing that happens.
//!
//! Messages of a connection that was closed, or replaced, are never seen. A driver that is slow makes
//! the task stop reading, and so the server stop sending.

use std::sync::Arc;
use std::time::Duration;

use onefold_adapters::port::{Connector, MessageStream};
use onefold_core::client::event::Event;
use onefold_core::protocol::ClientMessage;
use tokio::sync::mpsc;
use tokio::task::AbortHandle;
use tokio::time::timeout;

/// How long a connection may take to stand.
const CONNECT_PATIENCE: Duration = Duration::from_secs(15);
/// Messages that wait for the engine, beyond what the network holds.
const MESSAGES_WAITING: usize = 16;

/// The present connection, if there is one.
#[derive(Default)]
pub(super) struct Streams {
    open: Option<Open>,
    /// A closing that the engine has not been told of.
    closed: bool,
}

struct Open {
    /// Bounded by the engine: it has a limit of what is under way.
    outgoing: mpsc::UnboundedSender<ClientMessage>,
    incoming: mpsc::Receiver<Event>,
    task: AbortHandle,
}

impl Drop for Open {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Streams {
    /// Begins to connect; `Connected` or `Disconnected` will say what came of it.
    pub(super) fn open<C: Connector>(&mut self, connector: Arc<C>) {
        let (outgoing, to_send) = mpsc::unbounded_channel();
        let (events, incoming) = mpsc::channel(MESSAGES_WAITING);
        let task = tokio::spawn(run(connector, to_send, events)).abort_handle();
        self.open = Some(Open { outgoing, incoming, task });
    }

    /// Closes what is open; `Disconnected` follows in any case.
    pub(super) fn close(&mut self) {
        self.open = None;
        self.closed = true;
    }

    /// Sends a message up the stream; without one it is dropped, and `Disconnected` tells.
    pub(super) fn send(&self, message: ClientMessage) {
        if let Some(open) = &self.open {
            let _ = open.outgoing.send(message);
        }
    }

    /// What happens next; may be dropped and called again.
    pub(super) async fn next(&mut self) -> Event {
        if std::mem::take(&mut self.closed) {
            return Event::Disconnected("closed".to_owned());
        }
        let Some(open) = &mut self.open else { return std::future::pending().await };
        let event = open.incoming.recv().await;
        let event = event.unwrap_or_else(|| Event::Disconnected("an internal error".to_owned()));
        if matches!(event, Event::Disconnected(_)) {
            self.open = None;
        }
        event
    }
}

async fn run<C: Connector>(
    connector: Arc<C>,
    to_send: mpsc::UnboundedReceiver<ClientMessage>,
    events: mpsc::Sender<Event>,
) {
    let reason = match timeout(CONNECT_PATIENCE, connector.connect()).await {
        Ok(Ok(stream)) => pump(stream, to_send, &events).await,
        Ok(Err(reason)) => reason,
        Err(_) => "the server does not answer".to_owned(),
    };
    let _ = events.send(Event::Disconnected(reason)).await;
}

/// Passes messages both ways until the stream ends; the reason why it did.
async fn pump(
    mut stream: impl MessageStream,
    mut to_send: mpsc::UnboundedReceiver<ClientMessage>,
    events: &mpsc::Sender<Event>,
) -> String {
    let mut event = Event::Connected;
    loop {
        if events.send(event).await.is_err() {
            return "closed".to_owned();
        }
        event = loop {
            tokio::select! {
                biased;
                message = to_send.recv() => {
                    let Some(message) = message else { return "closed".to_owned() };
                    if let Err(reason) = stream.send(message).await {
                        return reason;
                    }
                }
                received = stream.receive() => match received {
                    Ok(message) => break Event::Received(message),
                    Err(reason) => return reason,
                },
            }
        };
    }
}
