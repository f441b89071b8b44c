//! The client's side of HTTP: joining a folder, and moving large contents.
//!
//! Every call has a limit on what it reads and on how long nothing may move; what fails is told in
//! words. It does not try again by itself, but for joining: the engine does.

pub mod carrier;
mod fetch;
mod pieces;
mod upload;

use std::time::Duration;

use bytes::Bytes;
use onefold_core::client::Direction;
use onefold_core::client::event::TransferError;
use onefold_core::id::{DeviceId, FolderId};
use serde::de::DeserializeOwned;

use crate::limit::Limits;
use crate::link::{Link, Server};
use crate::meter::{Meter, Transfer as Moving};
use crate::port::{Source, Staging, Transfer};
use crate::secret::Secret;
use crate::wire::{self, InviteRequest, JoinRequest, Member, Welcome, encode};
use crate::workers::Workers;

use carrier::{
    Answer, Carrier, Failed, Method, Pace, Pieces, Progress, Request, Reqwest, StatusCode,
};

/// How long nothing may move.
const IDLE: Duration = Duration::from_secs(30);
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
    let carrier = Reqwest::new(&link.server)?;
    let http = Http::new(carrier, Workers::Threads, &link.server, None);
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
pub struct HttpTransfer<C = Reqwest> {
    http: Http<C>,
}

impl HttpTransfer {
    /// For a device that has joined. The error is in words for a person.
    pub fn new(server: &Server, token: &Secret) -> Result<Self, String> {
        Ok(Self::over(Reqwest::new(server)?, Workers::Threads, server, token))
    }
}

impl<C: Carrier> HttpTransfer<C> {
    /// The same, by another carrier; files are read and hashed by these workers.
    pub fn over(carrier: C, workers: Workers, server: &Server, token: &Secret) -> Self {
        Self { http: Http::new(carrier, workers, server, Some(token)) }
    }

    /// The same, within these limits, and with what moves counted by this meter.
    #[must_use]
    pub fn paced(self, limits: &Limits, meter: &Meter) -> Self {
        let (limits, meter) = (limits.clone(), meter.clone());
        Self { http: Http { limits, meter, ..self.http } }
    }

    /// The devices of the folder. The error is in words for a person.
    pub async fn devices(&self) -> Result<Vec<Member>, String> {
        let call = Call { limit: wire::MAX_DEVICES_BODY, ..Call::new(Method::GET, wire::DEVICES) };
        self.http.ask(call).await.map_err(|error| error.to_string())
    }

    /// A link with which another device joins the folder. The error is in words for a person.
    pub async fn invite(&self, request: &InviteRequest) -> Result<String, String> {
        let call = Call::new(Method::POST, wire::INVITE);
        let call = Call { body: encode(request).into(), ..call };
        self.http.ask(call).await.map_err(|error| error.to_string())
    }

    /// Gives this device another name. The error is in words for a person.
    pub async fn rename(&self, name: &str) -> Result<(), String> {
        let call = Call { body: encode(&name).into(), ..Call::new(Method::PUT, wire::NAME) };
        self.http.call(call).await.map(drop).map_err(|error| error.to_string())
    }
}

impl<C: Carrier> Transfer for HttpTransfer<C> {
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
struct Http<C> {
    carrier: C,
    workers: Workers,
    base: String,
    token: Option<Secret>,
    limits: Limits,
    meter: Meter,
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
    /// The content whose bytes it moves, if it does.
    transfer: Option<Moving>,
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
        Self {
            method,
            path: path.into(),
            body: Bytes::new(),
            limit: 0,
            patience: IDLE,
            transfer: None,
        }
    }
}

impl<C: Carrier> Http<C> {
    fn new(carrier: C, workers: Workers, server: &Server, token: Option<&Secret>) -> Self {
        let base = format!("{}://{}", server.http_scheme(), server.address);
        let (limits, meter) = Default::default();
        Self { carrier, workers, base, token: token.cloned(), limits, meter }
    }

    /// Sends a request and reads the answer as one value.
    async fn ask<T: DeserializeOwned>(&self, call: Call) -> Result<T, CallError> {
        let answer = self.call(call).await?;
        postcard::from_bytes(&answer).map_err(|_| self.network("its answer makes no sense", true))
    }

    /// Sends a request and reads the answer's bytes.
    async fn call(&self, call: Call) -> Result<Bytes, CallError> {
        let Call { method, path, body, limit, patience, transfer } = call;
        let progress = Progress::start();
        let (up, down) = self.paces(transfer);
        let pieces = Pieces::new(body, progress.clone(), up);
        let request = Request {
            method,
            url: format!("{}{path}", self.base),
            token: self.token.clone(),
            body: (!pieces.is_empty()).then_some(pieces),
        };
        let exchange = async {
            let mut response = self.carrier.send(request).await?;
            let mut answer = Vec::new();
            while let Some(piece) = response.piece().await? {
                if let Some(Pace { limit, transfer }) = &down {
                    transfer.moved(piece.len());
                    limit.take(piece.len()).await;
                }
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
            Some(Err(Failed { words, sent })) => return Err(self.network(&words, sent)),
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

    /// How the bytes of a request move, and those of its answer.
    fn paces(&self, transfer: Option<Moving>) -> (Option<Pace>, Option<Pace>) {
        let Some(transfer) = transfer else { return (None, None) };
        match transfer.direction() {
            Direction::Up => (Some(Pace { limit: self.limits.up.clone(), transfer }), None),
            Direction::Down => (None, Some(Pace { limit: self.limits.down.clone(), transfer })),
        }
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
            // What finds no room there is said, and tried again now and then, as what is refused.
            CallError::Status { status, words }
                if status.is_client_error() || status == StatusCode::INSUFFICIENT_STORAGE =>
            {
                Self::Refused(words)
            }
            CallError::Status { words, .. } => Self::Network(words),
        }
    }
}
