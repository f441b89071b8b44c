//! What the administrator's page shows, as the database says it now.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use data_encoding::HEXLOWER;
use onefold_adapters::blobs::Blobs;
use onefold_adapters::journal::{Invite, Journal, Space};
use onefold_adapters::port::StoreError;
use onefold_core::time::WallTime;
use serde::Serialize;

use crate::app::App;
use crate::devices::{self, DeviceLine};
use crate::problem::Problem;

/// All but what takes long to count.
#[derive(Debug, Serialize)]
pub(super) struct View {
    version: &'static str,
    folders: Vec<FolderRow>,
    devices: Vec<DeviceRow>,
    invites: Vec<InviteRow>,
}

#[derive(Debug, Serialize)]
struct FolderRow {
    id: String,
    name: String,
    /// Of the living files together.
    bytes: u64,
    /// What they may have together.
    quota: Option<u64>,
    /// The entries of its journal.
    changes: u64,
}

#[derive(Debug, Serialize)]
struct DeviceRow {
    #[serde(flatten)]
    line: DeviceLine,
    connected: bool,
}

#[derive(Debug, Serialize)]
struct InviteRow {
    /// What its secret hashes to: it names the invite, and opens nothing.
    id: String,
    folder: String,
    read_only: bool,
    expires_ms: i64,
    uses: u32,
    /// It is not good any more.
    expired: bool,
}

pub(super) async fn all<J: Journal, B: Blobs>(
    State(app): State<Arc<App<J, B>>>,
) -> Result<Json<View>, Problem> {
    let (journal, now) = (&*app.journal, (app.clock)());
    let mut folders = Vec::new();
    for folder in journal.folders().await? {
        let head = journal.head(folder.id).await?;
        folders.push(FolderRow {
            id: folder.id.to_string(),
            name: folder.name,
            bytes: head.bytes,
            quota: head.quota,
            changes: head.cursor.seq.get(),
        });
    }
    let devices = devices::list(journal).await?.into_iter().map(|(device, line)| {
        let connected = !device.revoked && app.presence.is_connected(&device, now);
        DeviceRow { line, connected }
    });
    let devices = devices.collect();
    let invites = invites(journal, now).await?;
    Ok(Json(View { version: env!("CARGO_PKG_VERSION"), folders, devices, invites }))
}

async fn invites(journal: &impl Journal, now: WallTime) -> Result<Vec<InviteRow>, StoreError> {
    let folders = journal.folders().await?.into_iter();
    let names: BTreeMap<_, _> = folders.map(|folder| (folder.id, folder.name)).collect();
    let invites = journal.invites().await?.into_iter();
    // One that was used up is as good as gone, but is known still, so that its device may ask again.
    let open = invites.filter(|invite| invite.uses > 0);
    let row = |Invite { secret, folder, read_only, expires, uses }| InviteRow {
        id: HEXLOWER.encode(&secret.0),
        folder: names.get(&folder).cloned().unwrap_or_default(),
        read_only,
        expires_ms: expires.0,
        uses,
        expired: expires <= now,
    };
    Ok(open.map(row).collect())
}

/// What a folder takes up.
#[derive(Debug, Serialize)]
pub(super) struct SpaceRow {
    folder: String,
    /// The living files.
    files: u64,
    #[serde(flatten)]
    space: SpaceCounts,
}

#[derive(Debug, Serialize)]
struct SpaceCounts {
    /// Small contents, in the database: how many, and their bytes.
    small: (u64, u64),
    /// Pieces of large ones, in the blob store.
    chunks: (u64, u64),
}

/// What is counted over all that is kept: asked for when somebody looks.
pub(super) async fn space<J: Journal, B: Blobs>(
    State(app): State<Arc<App<J, B>>>,
) -> Result<Json<Vec<SpaceRow>>, Problem> {
    let mut rows = Vec::new();
    for folder in app.journal.folders().await? {
        let files = app.journal.head(folder.id).await?.bytes;
        let Space { small, chunks } = app.journal.space(folder.id).await?;
        rows.push(SpaceRow { folder: folder.name, files, space: SpaceCounts { small, chunks } });
    }
    Ok(Json(rows))
}
