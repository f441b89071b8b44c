//! What all requests share, who is asking, and joining.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, HttpBody};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use axum::routing::{get, post, put};
use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt};
use onefold_adapters::blobs::Blobs;
use onefold_adapters::journal::{Device, Journal, NewDevice, Redeemed};
use onefold_adapters::news::News;
use onefold_adapters::secret::Secret;
use onefold_adapters::wire::{self, JoinRequest, Welcome};
use serde::de::DeserializeOwned;
use tokio::sync::{Semaphore, watch};

use crate::health::Readiness;
use crate::hub::{Hubs, WallClock};
use crate::metrics::Metrics;
use crate::presence::Presence;
use crate::problem::Problem;
use crate::{content, health, people, stream};

/// The most open streams of one server process.
pub(crate) const MAX_STREAMS: u32 = 20_000;
/// The most bodies with contents that are held in memory at a time.
const MAX_LARGE_BODIES: usize = 32;
/// How long no byte of a body may come.
const BODY_IDLE: Duration = Duration::from_secs(30);

/// What all requests share.
#[derive(Debug)]
pub(crate) struct App<J, B> {
    pub(crate) journal: Arc<J>,
    pub(crate) blobs: B,
    pub(crate) hubs: Hubs<J>,
    pub(crate) clock: WallClock,
    /// One permit for each open stream.
    pub(crate) streams: Arc<Semaphore>,
    pub(crate) large_bodies: Semaphore,
    /// Turns true when the server stops.
    pub(crate) stopping: watch::Receiver<bool>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) readiness: Arc<Readiness>,
    pub(crate) presence: Presence,
}

impl<J: Journal, B: Blobs> App<J, B> {
    pub(crate) fn new(
        journal: Arc<J>,
        blobs: B,
        clock: WallClock,
        news: News,
        stopping: watch::Receiver<bool>,
    ) -> Self {
        let metrics = Arc::new(Metrics::new());
        Self {
            hubs: Hubs::new(Arc::clone(&journal), clock, news, Arc::clone(&metrics)),
            clock,
            journal,
            blobs,
            streams: Arc::new(Semaphore::new(MAX_STREAMS as usize)),
            large_bodies: Semaphore::new(MAX_LARGE_BODIES),
            stopping,
            metrics,
            readiness: Arc::default(),
            presence: Presence::default(),
        }
    }

    /// The device whose token a request carries, revoked ones included.
    pub(crate) async fn any_device(&self, headers: &HeaderMap) -> Result<Device, Problem> {
        let token = headers
            .get(header::AUTHORIZATION)
            .and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "))
            .and_then(Secret::parse)
            .ok_or_else(Problem::unknown_device)?;
        let asked = self.journal.device_by_token(token.hash());
        let device = self.metrics.timed("device", asked).await?;
        device.ok_or_else(Problem::unknown_device)
    }

    /// The device whose token a request carries.
    pub(crate) async fn device(&self, headers: &HeaderMap) -> Result<Device, Problem> {
        let device = self.any_device(headers).await?;
        if device.revoked {
            let words =
                "this device was shut out by the server's owner: its files stay as they are";
            return Err(Problem::new(StatusCode::FORBIDDEN, words));
        }
        Ok(device)
    }

    /// The device whose token a request carries, if it may write.
    pub(crate) async fn writer(&self, headers: &HeaderMap) -> Result<Device, Problem> {
        let device = self.device(headers).await?;
        if !device.writable {
            let words = "this device may only read: what is changed here stays here";
            return Err(Problem::new(StatusCode::FORBIDDEN, words));
        }
        Ok(device)
    }
}

/// All endpoints.
pub(crate) fn router<J: Journal, B: Blobs>(app: Arc<App<J, B>>) -> Router {
    let one_content = format!("{}/{{id}}", wire::CONTENTS);
    Router::new()
        .route(wire::JOIN, post(join::<J, B>))
        .route(wire::STREAM, get(stream::open::<J, B>))
        .route(wire::MISSING, post(content::missing::<J, B>))
        .route(wire::CHUNKS, put(content::put_chunks::<J, B>).post(content::get_chunks::<J, B>))
        .route(&one_content, put(content::put_content::<J, B>).get(content::get_content::<J, B>))
        .route(wire::DEVICES, get(people::devices::<J, B>))
        .route(wire::INVITE, post(people::invite::<J, B>))
        .route(wire::NAME, put(people::rename::<J, B>))
        .layer(from_fn_with_state(Arc::clone(&app.metrics), counted))
        .route("/healthz", get(health::lives))
        .route("/readyz", get(health::ready::<J, B>))
        .route("/metrics", get(health::metrics::<J, B>))
        .with_state(app)
}

/// Counts the bodies of a request, as they come, and of its answer.
async fn counted(State(metrics): State<Arc<Metrics>>, request: Request, next: Next) -> Response {
    let counting = Arc::clone(&metrics);
    let request = request.map(|body| {
        Body::from_stream(body.into_data_stream().inspect_ok(move |piece| {
            counting.came(piece.len() as u64);
        }))
    });
    let response = next.run(request).await;
    metrics.went(response.body().size_hint().lower());
    response
}

/// Reads a body of at most so many bytes.
pub(crate) async fn read_body(body: Body, limit: usize) -> Result<Bytes, Problem> {
    let mut pieces = body.into_data_stream();
    let mut whole = Vec::new();
    loop {
        let piece = match tokio::time::timeout(BODY_IDLE, pieces.next()).await {
            Ok(Some(Ok(piece))) => piece,
            Ok(Some(Err(_))) => return Err(Problem::malformed("the request was cut off")),
            Ok(None) => return Ok(whole.into()),
            Err(_) => {
                let words = "the request did not come in time";
                return Err(Problem::new(StatusCode::REQUEST_TIMEOUT, words));
            }
        };
        if whole.len() + piece.len() > limit {
            let words = format!("the request is larger than {limit} bytes");
            return Err(Problem::new(StatusCode::PAYLOAD_TOO_LARGE, words));
        }
        whole.extend_from_slice(&piece);
    }
}

/// Reads a body's value.
pub(crate) fn decode<T: DeserializeOwned>(body: &[u8]) -> Result<T, Problem> {
    let words = "the request makes no sense: client and server are of different versions";
    postcard::from_bytes(body).map_err(|_| Problem::malformed(words))
}

async fn join<J: Journal, B: Blobs>(
    State(app): State<Arc<App<J, B>>>,
    body: Body,
) -> Result<Vec<u8>, Problem> {
    let request: JoinRequest = decode(&read_body(body, wire::MAX_SMALL_BODY).await?)?;
    wire::check_device_name(&request.device_name).map_err(Problem::malformed)?;
    let device =
        NewDevice { id: request.device, name: request.device_name, token: request.token.hash() };
    let refused = |words: &str| Err(Problem::new(StatusCode::FORBIDDEN, words));
    match app.journal.redeem(request.secret.hash(), (app.clock)(), device).await? {
        Redeemed::Device(device, folder) => Ok(wire::encode(&Welcome {
            folder: folder.id,
            folder_name: folder.name,
            writable: device.writable,
        })),
        Redeemed::Unknown => refused(
            "the server does not know this link: copy the whole line once more, or make a new link \
             with `onefold-server invite`",
        ),
        Redeemed::UsedUp => {
            refused("this link has been used already: make a new one with `onefold-server invite`")
        }
        Redeemed::Expired => {
            refused("this link has expired: make a new one with `onefold-server invite`")
        }
    }
}
