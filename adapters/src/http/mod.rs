//! The client's side of HTTP: joining a folder, and moving large contents.
//!
//! Every call has a limit on what it reads and on how long nothing may move; what fails is told in
//! words. It does not try again by itself, but for joining: the engine does.

mod fetch;
mod pieces;
mod upload;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream;
use onefold_core::client::event::TransferError;
use onefold_core::id::{DeviceId, FolderId};
use reqwest::{Body, Client, Method, StatusCode};
use serde::de::DeserializeOwned;
use tokio::time::Instant;

use crate::link::{Link, Server};
use crate::port::{Source, Staging, Transfer};
use crate::secret::Secret;
use crate::tls::{client_config, explain};
use crate::wire::{self, JoinRequest, NamedDevice, Welcome, encode};

/// How long a connection may take to stand, TLS included.
const CONNECT_WITHIN: Duration = Duration::from_secs(10);
/// How long nothing may move.
const IDLE: Duration = Duration::from_secs(30);
/// How many bytes of a body are handed over at a time.
const BODY_PIECE_BYTES: usize = 64 * 1024;
/// How often joining is tried when the answer is lost.
const JOIN_TRIES: u32 = 3;

/// What a device has once it has joined.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Joined {
    /// What every later request carries.
    pub token: Secret,
    /// The device's id.
    pub device: DeviceId,
    /// The folder it belongs to now.
    pub folder: FolderId,
    /// What people call the folder.
    pub folder_name: String,
    /// Whether the device may write.
    pub writable: bool,
}

/// Trades a link for a token. The error is in words for a person.
pub async fn join(link: &Link, device_name: &str) -> Result<Joined, String> {
    wire::check_device_name(device_name).map_err(str::to_owned)?;
    let http = Http::new(&link.server, None)?;
    let mut id = [0; 16];
    getrandom::fill(&mut id).map_err(|error| format!("no random numbers: {error}"))?;
    let request = JoinRequest {
        secret: link.secret.clone(),
        device: DeviceId::from_bytes(id),
        token: Secret::generate(),
        device_name: device_name.to_owned(),
    };
    let mut tries = JOIN_TRIES;
    let welcome: Welcome = loop {
        let call = Call { limit: wire::MAX_SMALL_BODY, ..Call::new(Method::POST, wire::JOIN) };
        tries -= 1;
        match http.ask(Call { body: encode(&request).into(), ..call }).await {
            Ok(welcome) => break welcome,
            Err(CallError::Network { sent: true, .. }) if tries > 0 => {}
            Err(error) => return Err(error.to_string()),
        }
    };
    let Welcome { folder, folder_name, writable } = welcome;
    let JoinRequest { device, token, .. } = request;
    Ok(Joined { token, device, folder, folder_name, writable })
}

/// Moves contents between this device and its server, over HTTP.
#[derive(Clone, Debug)]
pub struct HttpTransfer {
    http: Http,
}

impl HttpTransfer {
    /// For a device that has joined. The error is in words for a person.
    pub fn new(server: &Server, token: &Secret) -> Result<Self, String> {
        Http::new(server, Some(token)).map(|http| Self { http })
    }

    /// The devices of the folder. The error is in words for a person.
    pub async fn devices(&self) -> Result<Vec<NamedDevice>, String> {
        let call = Call { limit: wire::MAX_DEVICES_BODY, ..Call::new(Method::GET, wire::DEVICES) };
        self.http.ask(call).await.map_err(|error| error.to_string())
    }
}

impl Transfer for HttpTransfer {
    async fn upload(
        &self,
        content: onefold_core::node::Content,
        source: Box<dyn Source>,
    ) -> Result<(), TransferError> {
        upload::upload(&self.http, content, source.into()).await
    }

    async fn fetch(
        &self,
        content: onefold_core::node::Content,
        staging: Box<dyn Staging>,
        alike: Option<Box<dyn Source>>,
    ) -> Result<(), TransferError> {
        fetch::fetch(&self.http, content, staging, alike.map(Into::into)).await
    }
}

/// A server, and who asks it.
#[derive(Clone, Debug)]
struct Http {
    client: Client,
    base: String,
    token: Option<Secret>,
}

/// A request.
struct Call {
    method: Method,
    path: String,
    body: Bytes,
    /// The most bytes of the answer.
    limit: usize,
    /// How long the server may think.
    patience: Duration,
}

/// Why there is no good answer.
#[derive(Debug, thiserror::Error)]
enum CallError {
    /// The server could not be asked, or did not answer.
    #[error("{words}")]
    Network { words: String, sent: bool },
    /// The server answered that it does not.
    #[error("{words}")]
    Status { status: StatusCode, words: String },
}

impl Call {
    fn new(method: Method, path: impl Into<String>) -> Self {
        Self { method, path: path.into(), body: Bytes::new(), limit: 0, patience: IDLE }
    }
}

impl Http {
    fn new(server: &Server, token: Option<&Secret>) -> Result<Self, String> {
        let builder = Client::builder()
            .connect_timeout(CONNECT_WITHIN)
            .tcp_nodelay(true)
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .tls_backend_preconfigured(client_config(server.trust)?);
        let client = builder.build().map_err(|error| format!("no HTTP: {}", explain(&error)))?;
        let base = format!("{}://{}", server.http_scheme(), server.address);
        Ok(Self { client, base, token: token.cloned() })
    }

    /// Sends a request and reads the answer as one value.
    async fn ask<T: DeserializeOwned>(&self, call: Call) -> Result<T, CallError> {
        let answer = self.call(call).await?;
        postcard::from_bytes(&answer).map_err(|_| self.network("its answer makes no sense", true))
    }

    /// Sends a request and reads the answer's bytes.
    async fn call(&self, call: Call) -> Result<Bytes, CallError> {
        let Call { method, path, body, limit, patience } = call;
        let progress = Progress::start();
        let mut request = self.client.request(method, format!("{}{path}", self.base));
        if let Some(token) = &self.token {
            request = request.bearer_auth(token.reveal());
        }
        if !body.is_empty() {
            request = request.body(in_pieces(body, progress.clone()));
        }
        let exchange = async {
            let mut response = request.send().await?;
            let mut answer = Vec::new();
            while let Some(piece) = response.chunk().await? {
                progress.moved();
                answer.extend_from_slice(&piece);
                if answer.len() > limit.max(wire::MAX_SMALL_BODY) {
                    return Ok((response.status(), None));
                }
            }
            Ok((response.status(), Some(answer)))
        };
        let (status, answer) = match progress.watch(patience, exchange).await {
            None => return Err(self.network("it does not answer", true)),
            Some(Err::<_, reqwest::Error>(error)) => {
                return Err(self.network(&explain(&error), !error.is_connect()));
            }
            Some(Ok(answered)) => answered,
        };
        let answer = answer.ok_or_else(|| self.network("its answer is too long", true))?;
        if status.is_success() {
            return Ok(answer.into());
        }
        let words = String::from_utf8_lossy(&answer).trim().to_owned();
        let words = if words.is_empty() { format!("the server says {status}") } else { words };
        Err(CallError::Status { status, words })
    }

    fn network(&self, why: &str, sent: bool) -> CallError {
        CallError::Network { words: format!("the server at {}: {why}", self.base), sent }
    }
}

impl From<CallError> for TransferError {
    fn from(error: CallError) -> Self {
        match error {
            CallError::Network { words, .. } => Self::Network(words),
            CallError::Status { status: StatusCode::NOT_FOUND, .. } => Self::Missing,
            CallError::Status { status: StatusCode::REQUEST_TIMEOUT, words } => {
                Self::Network(words)
            }
            CallError::Status { status, words } if status.is_client_error() => Self::Refused(words),
            CallError::Status { words, .. } => Self::Network(words),
        }
    }
}

/// When something last moved.
#[derive(Clone, Debug)]
struct Progress(Arc<Mutex<Instant>>);

impl Progress {
    fn start() -> Self {
        Self(Arc::new(Mutex::new(Instant::now())))
    }

    fn moved(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }

    /// Does the work until nothing has moved for so long: then `None`.
    async fn watch<T>(&self, patience: Duration, work: impl Future<Output = T>) -> Option<T> {
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

/// A body that tells when its pieces are taken: what is slow but moves is not given up.
fn in_pieces(body: Bytes, progress: Progress) -> Body {
    Body::wrap_stream(stream::unfold(body, move |mut rest| {
        progress.moved();
        let piece = rest.split_to(rest.len().min(BODY_PIECE_BYTES));
        std::future::ready((!piece.is_empty()).then_some((Ok::<_, std::io::Error>(piece), rest)))
    }))
}
