//! What a page is answered that asks for what cannot be had or done: a plain text for the person.

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use data_encoding::BASE64URL_NOPAD;
use onefold_adapters::port::StoreError;
use onefold_core::id::DeviceId;
use onefold_core::name::RelPath;
use serde::{Deserialize, Serialize};

use crate::error::Trouble;

/// A refusal, in words.
#[derive(Debug)]
pub(super) struct Refusal(StatusCode, String);

impl Refusal {
    /// The request makes no sense.
    pub(super) fn senseless(what: &str) -> Self {
        Self(StatusCode::BAD_REQUEST, format!("The page asked for something senseless: {what}."))
    }
}

impl From<Trouble> for Refusal {
    fn from(trouble: Trouble) -> Self {
        Self(StatusCode::CONFLICT, trouble.to_string())
    }
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        Self(StatusCode::SERVICE_UNAVAILABLE, format!("The log cannot be read: {error}."))
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        (self.0, format!("{}\n", self.1)).into_response()
    }
}

/// A folder, as pages name it: the device that this one is in it.
pub(super) fn folder(id: &str) -> Result<DeviceId, Refusal> {
    DeviceId::parse(id).ok_or_else(|| Refusal::senseless("there is no such folder"))
}

/// A path as a page hands it back: exactly, also where it is no text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(super) struct ExactPath(pub(super) RelPath);

impl From<ExactPath> for String {
    fn from(path: ExactPath) -> Self {
        BASE64URL_NOPAD.encode(&path.0.to_bytes())
    }
}

impl TryFrom<String> for ExactPath {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let bytes = BASE64URL_NOPAD.decode(text.as_bytes()).map_err(|_| "not a path")?;
        RelPath::parse(&bytes).map(Self).map_err(|_| "not a path in a folder")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_path_leads_out_of_the_folder() {
        let check = |path: &[u8]| ExactPath::try_from(BASE64URL_NOPAD.encode(path)).is_ok();
        assert!(check(b"a/b\xff\n"));
        for path in [&b"../a"[..], b"/etc/passwd", b"a/../../b", b"a/.onefold/x", b".", b"a\0"] {
            assert!(!check(path), "{path:?}");
        }
    }
}
