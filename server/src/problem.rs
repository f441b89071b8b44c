//! What an HTTP request is answered that cannot be granted: a status code and a plain sentence.

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use onefold_adapters::blobs::BlobError;
use onefold_adapters::port::StoreError;

use crate::invite::InviteError;

/// A refusal.
#[derive(Debug)]
pub(crate) struct Problem {
    status: StatusCode,
    words: String,
}

impl Problem {
    /// With these words, for a person.
    pub(crate) fn new(status: StatusCode, words: impl Into<String>) -> Self {
        Self { status, words: words.into() }
    }

    /// The request makes no sense.
    pub(crate) fn malformed(words: &str) -> Self {
        Self::new(StatusCode::BAD_REQUEST, words)
    }

    /// Who asks is not known, or was shut out.
    pub(crate) fn unknown_device() -> Self {
        let words = "this device is not known to the server (any more): its files stay as they \
                     are; join again with a new link";
        Self::new(StatusCode::UNAUTHORIZED, words)
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        (self.status, format!("{}\n", self.words)).into_response()
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        tracing::warn!("{error}");
        Self::new(StatusCode::SERVICE_UNAVAILABLE, format!("the server: {error}"))
    }
}

impl From<InviteError> for Problem {
    fn from(error: InviteError) -> Self {
        let status = match error {
            InviteError::Start(_) => StatusCode::SERVICE_UNAVAILABLE,
            InviteError::FolderName(..) | InviteError::NeverStarted => StatusCode::CONFLICT,
        };
        Self::new(status, error.to_string())
    }
}

impl From<BlobError> for Problem {
    fn from(error: BlobError) -> Self {
        tracing::warn!("{error}");
        let status = match error {
            BlobError::Full(_) => StatusCode::INSUFFICIENT_STORAGE,
            BlobError::Unavailable(_) => StatusCode::SERVICE_UNAVAILABLE,
            BlobError::Damaged { .. } => StatusCode::INTERNAL_SERVER_ERROR,
        };
        Self::new(status, format!("the server: {error}"))
    }
}
