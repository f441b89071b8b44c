//! What the administrator's page does: as the subcommands do it.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use data_encoding::HEXLOWER;
use onefold_adapters::blobs::Blobs;
use onefold_adapters::journal::{Journal, SecretHash};
use onefold_core::id::DeviceId;
use serde::{Deserialize, Serialize};

use crate::app::App;
use crate::invite::{self, NewInvite};
use crate::problem::Problem;

/// A device.
#[derive(Debug, Deserialize)]
pub(super) struct Revoke {
    device: String,
}

/// Shuts a device out.
pub(super) async fn revoke<J: Journal, B: Blobs>(
    State(app): State<Arc<App<J, B>>>,
    Json(asked): Json<Revoke>,
) -> Result<Json<()>, Problem> {
    let device = DeviceId::parse(&asked.device).ok_or_else(|| gone("device"))?;
    if !app.journal.revoke(device).await? {
        return Err(gone("device"));
    }
    app.presence.shut_out([device]);
    Ok(Json(()))
}

/// What an invite is to allow.
#[derive(Debug, Deserialize)]
pub(super) struct Invite {
    folder: String,
    read_only: bool,
    expires_seconds: u64,
    uses: u32,
}

/// A link.
#[derive(Debug, Serialize)]
pub(super) struct Invited {
    link: String,
}

/// Makes a link; its folder, too, if there is none.
pub(super) async fn invite<J: Journal, B: Blobs>(
    State(app): State<Arc<App<J, B>>>,
    Json(asked): Json<Invite>,
) -> Result<Json<Invited>, Problem> {
    let Invite { folder, read_only, expires_seconds, uses } = asked;
    if uses == 0 {
        return Err(Problem::malformed("no link was made: nobody could join with it"));
    }
    let expires = Duration::from_secs(expires_seconds);
    let new = NewInvite { folder, read_only, expires, uses, advertise: None };
    let link = invite::make(&*app.journal, new).await?;
    Ok(Json(Invited { link: link.to_string() }))
}

/// An invite.
#[derive(Debug, Deserialize)]
pub(super) struct TakeBack {
    invite: String,
}

/// Makes an invite good for nothing any more.
pub(super) async fn take_back<J: Journal, B: Blobs>(
    State(app): State<Arc<App<J, B>>>,
    Json(asked): Json<TakeBack>,
) -> Result<Json<()>, Problem> {
    let hash = HEXLOWER.decode(asked.invite.as_bytes()).ok().and_then(|hash| hash.try_into().ok());
    let hash = hash.ok_or_else(|| gone("link"))?;
    if app.journal.revoke_invite(SecretHash(hash)).await? {
        Ok(Json(()))
    } else {
        Err(gone("link"))
    }
}

fn gone(what: &str) -> Problem {
    Problem::new(StatusCode::CONFLICT, format!("there is no such {what} any more"))
}
