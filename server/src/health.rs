//! What those who run the server ask it: whether it lives, whether it should be sent devices, and what
//! it counted. Anyone may ask; none of the answers holds a name, an id or an address.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use onefold_adapters::blobs::Blobs;
use onefold_adapters::journal::Journal;
use onefold_core::id::FolderId;

use crate::app::App;
use crate::metrics::CONTENT_TYPE;
use crate::problem::Problem;

/// How long the database may take to answer a server that is ready.
const ANSWERS_WITHIN: Duration = Duration::from_secs(2);

/// Whether new devices should be sent here.
#[derive(Debug, Default)]
pub(crate) struct Readiness {
    is_asked: AtomicBool,
    is_over: AtomicBool,
}

impl Readiness {
    /// Says no from now on; whether there is anybody who asks.
    pub(crate) fn end(&self) -> bool {
        self.is_over.store(true, Ordering::SeqCst);
        self.is_asked.load(Ordering::SeqCst)
    }

    fn ask(&self) -> bool {
        self.is_asked.store(true, Ordering::SeqCst);
        !self.is_over.load(Ordering::SeqCst)
    }
}

/// The process lives and answers.
pub(crate) async fn lives() -> &'static str {
    "ok\n"
}

/// Whether devices should be sent here: not to a server that is stopping, or whose database does not
/// answer.
pub(crate) async fn ready<J: Journal, B: Blobs>(
    State(app): State<Arc<App<J, B>>>,
) -> Result<&'static str, Problem> {
    if !app.readiness.ask() {
        let words = "the server is stopping";
        return Err(Problem::new(StatusCode::SERVICE_UNAVAILABLE, words));
    }
    let asked = app.metrics.timed("ready", app.journal.heads(vec![FolderId::from_bytes([0; 16])]));
    match tokio::time::timeout(ANSWERS_WITHIN, asked).await {
        Ok(Ok(_)) => Ok("ready\n"),
        Ok(Err(error)) => Err(error.into()),
        Err(_) => {
            let words = "the database does not answer in time";
            Err(Problem::new(StatusCode::SERVICE_UNAVAILABLE, words))
        }
    }
}

/// What was counted, in Prometheus's text.
pub(crate) async fn metrics<J: Journal, B: Blobs>(State(app): State<Arc<App<J, B>>>) -> Response {
    let text = app.metrics.text(app.presence.standing());
    ([(header::CONTENT_TYPE, CONTENT_TYPE)], text).into_response()
}
