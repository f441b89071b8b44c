//! What a device asks on behalf of people: who else has the folder, a link for another, a new name.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use onefold_adapters::blobs::Blobs;
use onefold_adapters::journal::Journal;
use onefold_adapters::wire::{self, InviteRequest, Member};

use crate::app::{App, decode, read_body};
use crate::invite::{self, NewInvite};
use crate::problem::Problem;

pub(crate) async fn devices<J: Journal, B: Blobs>(
    State(app): State<Arc<App<J, B>>>,
    headers: HeaderMap,
) -> Result<Vec<u8>, Problem> {
    let asking = app.device(&headers).await?;
    let now = (app.clock)();
    let head = app.journal.head(asking.folder).await?.cursor.seq;
    let devices = app.journal.devices().await?;
    let mine = devices.into_iter().filter(|device| device.folder == asking.folder);
    let members = mine.map(|device| Member {
        device: device.id,
        writable: device.writable,
        revoked: device.revoked,
        connected: !device.revoked && app.presence.is_connected(&device, now),
        last_seen: device.last_seen,
        behind: head.get().saturating_sub(device.acknowledged.get()),
        name: device.name,
    });
    Ok(wire::encode(&members.collect::<Vec<_>>()))
}

pub(crate) async fn invite<J: Journal, B: Blobs>(
    State(app): State<Arc<App<J, B>>>,
    headers: HeaderMap,
    body: Body,
) -> Result<Vec<u8>, Problem> {
    let device = app.device(&headers).await?;
    if !device.writable {
        let words = "this device may only read, and so invites nobody: ask the server's owner";
        return Err(Problem::new(StatusCode::FORBIDDEN, words));
    }
    let request: InviteRequest = decode(&read_body(body, wire::MAX_SMALL_BODY).await?)?;
    let InviteRequest { read_only, expires_seconds, uses } = request;
    if expires_seconds > wire::MAX_INVITE_SECONDS || !(1..=wire::MAX_INVITE_USES).contains(&uses) {
        let words = "a link that a device asks for is good for at most 30 days and 1000 devices";
        return Err(Problem::malformed(words));
    }
    let folders = app.journal.folders().await?;
    let folder = folders.into_iter().find(|folder| folder.id == device.folder);
    let folder = folder.ok_or_else(Problem::unknown_device)?;
    let expires = Duration::from_secs(expires_seconds);
    let new = NewInvite { folder: folder.name, read_only, expires, uses, advertise: None };
    let link = invite::make(&*app.journal, new).await?;
    tracing::info!("device {} made a link to {}", device.name, link.folder);
    Ok(wire::encode(&link.to_string()))
}

pub(crate) async fn rename<J: Journal, B: Blobs>(
    State(app): State<Arc<App<J, B>>>,
    headers: HeaderMap,
    body: Body,
) -> Result<(), Problem> {
    let device = app.device(&headers).await?;
    let name: String = decode(&read_body(body, wire::MAX_SMALL_BODY).await?)?;
    wire::check_device_name(&name).map_err(Problem::malformed)?;
    app.journal.rename_device(device.id, &name).await?;
    Ok(())
}
