//! What carries a request to a server and brings the answer: reqwest, or another that behaves like it.

use std::fmt;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures_util::Stream;
use tokio::time::Instant;

use crate::limit::Limit;
use crate::link::Server;
use crate::meter::Transfer;
use crate::secret::Secret;
use crate::tls::{client_config, explain};

pub use reqwest::{Method, StatusCode};

/// How long a connection may take to stand, TLS included.
pub const CONNECT_WITHIN: Duration = Duration::from_secs(10);
/// How many bytes of a body are handed over at a time.
const BODY_PIECE_BYTES: usize = 64 * 1024;

/// A request.
#[derive(Debug)]
pub struct Request {
    /// What it does.
    pub method: Method,
    /// Where: `http://HOST:PORT/PATH`, or `https`.
    pub url: String,
    /// Who asks.
    pub token: Option<Secret>,
    /// What it brings, if anything.
    pub body: Option<Pieces>,
}

/// Why there is no answer, or no whole one.
#[derive(Debug)]
pub struct Failed {
    /// In words for a person.
    pub words: String,
    /// The server may have been asked.
    pub sent: bool,
}

/// Carries requests. It waits as long as it takes, but for a connection; who asks has a limit.
pub trait Carrier: Clone + Send + Sync + 'static {
    /// An answer, whose head has come.
    type Answer: Answer;

    /// Sends a request.
    fn send(&self, request: Request) -> impl Future<Output = Result<Self::Answer, Failed>> + Send;
}

/// An answer, whose head has come.
pub trait Answer: Send {
    /// Its status.
    fn status(&self) -> StatusCode;

    /// The next piece of its body; `None` at the end.
    fn piece(&mut self) -> impl Future<Output = Result<Option<Bytes>, Failed>> + Send;
}

/// A body that tells when its pieces are taken: what is slow but moves is not given up. Where it is
/// a content's, it moves no faster than it may, and is counted.
pub struct Pieces {
    rest: Bytes,
    progress: Progress,
    pace: Option<Pace>,
    /// The next piece has so many bytes, and waits for its turn.
    turn: Option<(usize, Turn)>,
}

type Turn = Pin<Box<dyn Future<Output = ()> + Send>>;

/// How a content moves.
#[derive(Clone, Debug)]
pub(super) struct Pace {
    pub(super) limit: Limit,
    pub(super) transfer: Transfer,
}

impl fmt::Debug for Pieces {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pieces({} bytes)", self.rest.len())
    }
}

impl Pieces {
    pub(super) fn new(body: Bytes, progress: Progress, pace: Option<Pace>) -> Self {
        Self { rest: body, progress, pace, turn: None }
    }

    fn next_turn(&self) -> (usize, Turn) {
        let most = self.pace.as_ref().map_or(BODY_PIECE_BYTES, |pace| pace.limit.piece_bytes());
        let size = self.rest.len().min(most);
        let limit = self.pace.as_ref().map(|pace| pace.limit.clone());
        let turn = async move {
            if let Some(limit) = limit.filter(|_| size > 0) {
                limit.take(size).await;
            }
        };
        (size, Box::pin(turn))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }
}

impl Stream for Pieces {
    type Item = io::Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let (size, mut turn) = self.turn.take().unwrap_or_else(|| self.next_turn());
        if turn.as_mut().poll(context).is_pending() {
            self.turn = Some((size, turn));
            return Poll::Pending;
        }
        self.progress.moved();
        let piece = self.rest.split_to(size);
        if let Some(pace) = &self.pace {
            pace.transfer.moved(size);
        }
        Poll::Ready((!piece.is_empty()).then_some(Ok(piece)))
    }
}

/// When something last moved.
#[derive(Clone, Debug)]
pub(super) struct Progress(Arc<Mutex<Instant>>);

impl Progress {
    pub(super) fn start() -> Self {
        Self(Arc::new(Mutex::new(Instant::now())))
    }

    pub(super) fn moved(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }

    /// Does the work until nothing has moved for so long: then `None`.
    pub(super) async fn watch<T>(
        &self,
        patience: Duration,
        work: impl Future<Output = T>,
    ) -> Option<T> {
        tokio::pin!(work);
        loop {
            let until = *self.0.lock().unwrap_or_else(PoisonError::into_inner) + patience;
            if until <= Instant::now() {
                return None;
            }
            tokio::select! {
                biased;
                done = &mut work => return Some(done),
                () = tokio::time::sleep_until(until) => {}
            }
        }
    }
}

/// The system's network, over TLS where the server has it.
#[derive(Clone, Debug)]
pub struct Reqwest(reqwest::Client);

impl Reqwest {
    /// For this server. The error is in words for a person.
    pub fn new(server: &Server) -> Result<Self, String> {
        let builder = reqwest::Client::builder()
            .connect_timeout(CONNECT_WITHIN)
            .tcp_nodelay(true)
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .tls_backend_preconfigured(client_config(server.trust)?);
        builder.build().map(Self).map_err(|error| format!("no HTTP: {}", explain(&error)))
    }
}

impl Carrier for Reqwest {
    type Answer = reqwest::Response;

    async fn send(&self, request: Request) -> Result<reqwest::Response, Failed> {
        let Request { method, url, token, body } = request;
        let mut request = self.0.request(method, url);
        if let Some(token) = token {
            request = request.bearer_auth(token.reveal());
        }
        if let Some(pieces) = body {
            request = request.body(reqwest::Body::wrap_stream(pieces));
        }
        request.send().await.map_err(failed)
    }
}

impl Answer for reqwest::Response {
    fn status(&self) -> StatusCode {
        self.status()
    }

    async fn piece(&mut self) -> Result<Option<Bytes>, Failed> {
        self.chunk().await.map_err(failed)
    }
}

fn failed(error: reqwest::Error) -> Failed {
    Failed { words: explain(&error), sent: !error.is_connect() }
}
