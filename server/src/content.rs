//! Contents over HTTP: which chunks are missing, put, get; and the lists of chunks.
//!
//! Chunks and contents belong to a folder, so a device sees, takes and gives only those of its own.
//! A content counts as there only once the server has read all of it back and found its hash right.
//! A chunk that turns out to be damaged is noted, so that a device which has it brings it again.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use onefold_adapters::blobs::{BlobError, Blobs};
use onefold_adapters::journal::{Journal, StoredContent};
use onefold_adapters::wire::{self, Stored};
use onefold_core::hash::{ChunkId, ContentId};
use onefold_core::manifest::{MAX_CHUNK_BYTES, Manifest};

use crate::app::{App, decode, read_body};
use crate::problem::Problem;
use crate::read_back::{ReadBack, damaged_of, read_back};

pub(crate) async fn missing<J: Journal, B: Blobs>(
    State(app): State<Arc<App<J, B>>>,
    headers: HeaderMap,
    body: Body,
) -> Result<Vec<u8>, Problem> {
    let device = app.device(&headers).await?;
    let chunks: Vec<ChunkId> = decode(&read_body(body, wire::MAX_IDS_BODY).await?)?;
    Ok(wire::encode(&app.journal.missing_chunks(device.folder, chunks).await?))
}

pub(crate) async fn put_chunks<J: Journal, B: Blobs>(
    State(app): State<Arc<App<J, B>>>,
    headers: HeaderMap,
    body: Body,
) -> Result<(), Problem> {
    let device = app.writer(&headers).await?;
    let _held = app.large_bodies.acquire().await.expect("it is never closed");
    let body = read_body(body, wire::MAX_CHUNKS_BODY).await?;
    let chunks = wire::decode_chunks(&body)
        .ok_or_else(|| Problem::malformed("the request holds no batch of chunks"))?;
    let placed = app.blobs.put(chunks).await?;
    Ok(app.journal.put_chunks(device.folder, placed).await?)
}

pub(crate) async fn get_chunks<J: Journal, B: Blobs>(
    State(app): State<Arc<App<J, B>>>,
    headers: HeaderMap,
    body: Body,
) -> Result<Vec<u8>, Problem> {
    let device = app.device(&headers).await?;
    let chunks: Vec<ChunkId> = decode(&read_body(body, wire::MAX_IDS_BODY).await?)?;
    if chunks.len() > wire::BATCH_CHUNKS {
        return Err(Problem::malformed("the request asks for too many chunks"));
    }
    let _held = app.large_bodies.acquire().await.expect("it is never closed");
    let located = app.journal.locate_chunks(device.folder, chunks.clone()).await?;
    if located.len() != chunks.len() {
        let words = "the server does not have all of these chunks";
        return Err(Problem::new(StatusCode::NOT_FOUND, words));
    }
    let bytes: u64 = located.iter().map(|(_, location)| u64::from(location.size)).sum();
    if bytes > (wire::BATCH_BYTES + MAX_CHUNK_BYTES) as u64 {
        return Err(Problem::malformed("the request asks for too many bytes"));
    }
    match app.blobs.get(located.clone()).await {
        Ok(read) => Ok(wire::encode_chunks(&read)),
        Err(error) => {
            if let BlobError::Damaged { .. } = error {
                let damaged = damaged_of(&app.blobs, located).await;
                app.journal.note_damaged(device.folder, damaged).await?;
            }
            Err(error.into())
        }
    }
}

pub(crate) async fn get_content<J: Journal, B: Blobs>(
    State(app): State<Arc<App<J, B>>>,
    headers: HeaderMap,
    Path(id): Path<String>,
) -> Result<Vec<u8>, Problem> {
    let device = app.device(&headers).await?;
    let stored = match app.journal.content(device.folder, parse_id(&id)?).await? {
        Some(StoredContent::Inline(bytes)) => Stored::Inline(bytes),
        Some(StoredContent::Chunks(manifest)) => Stored::Chunks(manifest),
        None => {
            let words = "the server does not have this content";
            return Err(Problem::new(StatusCode::NOT_FOUND, words));
        }
    };
    Ok(wire::encode(&stored))
}

pub(crate) async fn put_content<J: Journal, B: Blobs>(
    State(app): State<Arc<App<J, B>>>,
    headers: HeaderMap,
    Path(id): Path<String>,
    body: Body,
) -> Result<(), Problem> {
    let device = app.writer(&headers).await?;
    let id = parse_id(&id)?;
    let _held = app.large_bodies.acquire().await.expect("it is never closed");
    let manifest: Manifest = decode(&read_body(body, wire::MAX_MANIFEST_BODY).await?)?;
    let lacking = || {
        let words = "the server does not have all chunks of this content; send what is missing";
        Problem::new(StatusCode::CONFLICT, words)
    };
    if let Some(stored) = app.journal.content(device.folder, id).await? {
        // What lies there damaged is known by now, and whoever has it may bring it again.
        let lacks = match stored {
            StoredContent::Chunks(stored) if stored == manifest => {
                let chunks = stored.chunks.iter().map(|chunk| chunk.id).collect();
                app.journal.missing_chunks(device.folder, chunks).await?
            }
            StoredContent::Chunks(_) | StoredContent::Inline(_) => Vec::new(),
        };
        return if lacks.is_empty() { Ok(()) } else { Err(lacking()) };
    }
    let unlike = |words| Problem::new(StatusCode::UNPROCESSABLE_ENTITY, words);
    match read_back(&*app.journal, &app.blobs, device.folder, &manifest).await? {
        ReadBack::Whole(hash) if hash == id => {}
        ReadBack::Whole(_) => return Err(unlike("these chunks, joined, are not this content")),
        ReadBack::OtherSize(_) => return Err(unlike("a chunk is of another size than it says")),
        ReadBack::Missing(_) => return Err(lacking()),
        ReadBack::Damaged(chunks, error) => {
            // They are missing from now on, and the device, which has them, sends them again.
            tracing::warn!("{error}; a device is asked for it");
            app.journal.note_damaged(device.folder, chunks).await?;
            return Err(lacking());
        }
        ReadBack::Failed(error) => return Err(error.into()),
    }
    let lacks = app.journal.put_manifest(device.folder, id, manifest).await?;
    if lacks.is_empty() { Ok(()) } else { Err(lacking()) }
}

/// Reads 64 hexadecimal digits.
fn parse_id(text: &str) -> Result<ContentId, Problem> {
    let digits = text.as_bytes();
    let mut bytes = [0; 32];
    let valid = digits.len() == 64 && digits.iter().all(u8::is_ascii_hexdigit);
    if !valid {
        return Err(Problem::malformed("the request names no content"));
    }
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        let digit = |digit: u8| char::from(digit).to_digit(16).expect("checked above") as u8;
        *byte = digit(pair[0]) << 4 | digit(pair[1]);
    }
    Ok(ContentId::from_bytes(bytes))
}
