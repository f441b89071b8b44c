//! The client's side of the one ordered stream: a WebSocket, one message in each binary frame.
//!
//! Sending never waits for receiving: a task of its own writes, so that two peers that both have much
//! to say cannot block each other. It answers pings; to notice silence is the engine's.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt, StreamExt};
use onefold_core::client::Direction;
use onefold_core::protocol::{ClientMessage, MAX_MESSAGE_BYTES, ServerMessage};
use rustls::ClientConfig;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::task::AbortHandle;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::{HeaderValue, Request, header};
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, client_async_tls_with_config};

use crate::dial::{Dial, Tcp};
use crate::link::{Server, Trust};
use crate::meter::Meter;
use crate::port::{Connector, MessageStream};
use crate::secret::Secret;
use crate::tls::{client_config, explain};
use crate::wire;

/// How long a connection may take to stand, all handshakes included.
const CONNECT_WITHIN: Duration = Duration::from_secs(10);
/// Messages that wait to be written; the engine never has so many under way.
const WAITING_MESSAGES: usize = 256;

type Socket<Io> = WebSocketStream<MaybeTlsStream<Io>>;

/// Opens streams to one server, for one device.
#[derive(Clone, Debug)]
pub struct WsConnector<D = Tcp> {
    dial: D,
    server: Server,
    token: Secret,
    tls: Option<Arc<ClientConfig>>,
    meter: Meter,
}

/// An open stream.
#[derive(Debug)]
pub struct WsStream<Io = TcpStream> {
    incoming: SplitStream<Socket<Io>>,
    outgoing: mpsc::Sender<Message>,
    writer: AbortHandle,
    meter: Meter,
}

impl WsConnector {
    /// For a device that has joined. The error is in words for a person.
    pub fn new(server: &Server, token: &Secret) -> Result<Self, String> {
        Self::over(Tcp, server, token)
    }
}

impl<D: Dial> WsConnector<D> {
    /// The same, over connections that are made in this way.
    pub fn over(dial: D, server: &Server, token: &Secret) -> Result<Self, String> {
        let tls = match server.trust {
            Trust::Plain => None,
            trust => Some(Arc::new(client_config(trust)?)),
        };
        let meter = Meter::default();
        Ok(Self { dial, server: server.clone(), token: token.clone(), tls, meter })
    }

    /// The same, with the contents that come and go by a stream counted by this meter.
    #[must_use]
    pub fn metered(self, meter: &Meter) -> Self {
        Self { meter: meter.clone(), ..self }
    }

    async fn open(&self) -> Result<Socket<D::Io>, String> {
        let io = self.dial.dial(&self.server.address).await.map_err(|e| explain(&e))?;
        let connector = match &self.tls {
            Some(config) => tokio_tungstenite::Connector::Rustls(Arc::clone(config)),
            None => tokio_tungstenite::Connector::Plain,
        };
        let config = WebSocketConfig::default()
            .max_message_size(Some(MAX_MESSAGE_BYTES))
            .max_frame_size(Some(MAX_MESSAGE_BYTES));
        let request = self.request()?;
        match client_async_tls_with_config(request, io, Some(config), Some(connector)).await {
            Ok((socket, _)) => Ok(socket),
            Err(Error::Http(response)) => Err(refusal(&response.map(Option::unwrap_or_default))),
            Err(error) => Err(explain(&error)),
        }
    }

    fn request(&self) -> Result<Request<()>, String> {
        let scheme = if self.tls.is_some() { "wss" } else { "ws" };
        let address = format!("{scheme}://{}{}", self.server.address, wire::STREAM);
        let mut request = address.into_client_request().map_err(|error| error.to_string())?;
        let bearer = HeaderValue::try_from(format!("Bearer {}", self.token.reveal()))
            .expect("base64url fits into a header");
        request.headers_mut().insert(header::AUTHORIZATION, bearer);
        Ok(request)
    }
}

/// What a server says that does not open a stream.
fn refusal(response: &tokio_tungstenite::tungstenite::http::Response<Vec<u8>>) -> String {
    let words = String::from_utf8_lossy(response.body()).trim().to_owned();
    if words.is_empty() { format!("it answers {}", response.status()) } else { words }
}

impl<D: Dial> Connector for WsConnector<D> {
    type Stream = WsStream<D::Io>;

    async fn connect(&self) -> Result<WsStream<D::Io>, String> {
        let opened = tokio::time::timeout(CONNECT_WITHIN, self.open()).await;
        let socket = opened
            .unwrap_or_else(|_| Err("it does not answer".to_owned()))
            .map_err(|why| format!("the server at {}: {why}", self.server.address))?;
        let (sink, incoming) = socket.split();
        let (outgoing, messages) = mpsc::channel(WAITING_MESSAGES);
        let writer = tokio::spawn(write(sink, messages)).abort_handle();
        Ok(WsStream { incoming, outgoing, writer, meter: self.meter.clone() })
    }
}

async fn write<Io: AsyncRead + AsyncWrite + Unpin>(
    mut sink: SplitSink<Socket<Io>, Message>,
    mut messages: mpsc::Receiver<Message>,
) {
    while let Some(message) = messages.recv().await {
        // The reader hears of a broken connection too, and says so.
        if sink.send(message).await.is_err() {
            return;
        }
    }
}

impl<Io: AsyncRead + AsyncWrite + Unpin + Send + 'static> MessageStream for WsStream<Io> {
    async fn send(&mut self, message: ClientMessage) -> Result<(), String> {
        let bytes = Bytes::from(wire::encode(&message));
        if let ClientMessage::Commit(commit) = &message {
            self.meter.count(Direction::Up, commit.contents.iter().map(|bytes| bytes.len()).sum());
        }
        if bytes.len() > MAX_MESSAGE_BYTES {
            return Err(format!("a message of {} bytes is too long to send", bytes.len()));
        }
        let sent = self.outgoing.send(Message::Binary(bytes)).await;
        sent.map_err(|_| "the connection to the server broke".to_owned())
    }

    async fn receive(&mut self) -> Result<ServerMessage, String> {
        loop {
            match self.incoming.next().await {
                Some(Ok(Message::Binary(bytes))) => {
                    let why =
                        "the server sent a message that makes no sense: it is of another version";
                    let message = postcard::from_bytes(&bytes).map_err(|_| why.to_owned())?;
                    if let ServerMessage::Entries { contents, .. } = &message {
                        let bytes = contents.iter().map(|bytes| bytes.len()).sum();
                        self.meter.count(Direction::Down, bytes);
                    }
                    return Ok(message);
                }
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                Some(Ok(Message::Text(_) | Message::Frame(_))) => {
                    return Err("the server speaks another protocol".to_owned());
                }
                Some(Ok(Message::Close(_))) | None => {
                    return Err("the server closed the connection".to_owned());
                }
                Some(Err(error)) => {
                    return Err(format!("the connection to the server broke: {}", explain(&error)));
                }
            }
        }
    }
}

impl<Io> Drop for WsStream<Io> {
    fn drop(&mut self) {
        self.writer.abort();
    }
}
