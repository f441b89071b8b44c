//! Bringing a content from the server into staging.
//!
//! What staging holds from an earlier try is checked and kept; chunks that a file alike has are taken
//! from there; the rest is asked for. Each chunk is checked before it is added, the whole when it is
//! finished.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt, stream};
use onefold_core::client::Direction;
use onefold_core::client::event::TransferError;
use onefold_core::disk::DiskError;
use onefold_core::hash::ChunkId;
use onefold_core::manifest::{Chunk, Manifest};
use onefold_core::node::Content;

use crate::meter::Transfer;
use crate::port::{Source, Staging};
use crate::wire::{self, Stored, decode_chunks, encode};
use crate::workers::Workers;

use super::carrier::{Carrier, Method};
use super::pieces::{blocking, cut, read_chunk, read_error, read_whole};
use super::upload::batches;
use super::{Call, Http};

/// Batches read ahead of what is being written.
const BATCHES_AHEAD: usize = 2;

/// A file here that shares chunks with the content, and where it has them.
#[derive(Clone)]
struct Alike {
    source: Arc<dyn Source>,
    offsets: Arc<BTreeMap<ChunkId, u64>>,
}

pub(super) async fn fetch(
    http: &Http<impl Carrier>,
    content: Content,
    mut staging: Box<dyn Staging>,
    alike: Option<Arc<dyn Source>>,
) -> Result<(), TransferError> {
    let transfer = http.meter.begin(Direction::Down, &content);
    let limit = wire::MAX_MANIFEST_BODY;
    let path = format!("{}/{}", wire::CONTENTS, content.id);
    let stored = http.ask(Call { limit, ..Call::new(Method::GET, path) }).await?;
    staging = match stored {
        Stored::Inline(bytes) => blocking(http.workers, move |_| restart(staging, &bytes)).await?,
        Stored::Chunks(manifest) if manifest.size() != content.size => {
            let words = "the server's list of chunks is not of this content".to_owned();
            return Err(TransferError::Refused(words));
        }
        Stored::Chunks(manifest) => {
            let (staging, lacking) =
                blocking(http.workers, move |_| resume(staging, manifest)).await?;
            let alike = match alike {
                Some(source) if !lacking.is_empty() => index(http.workers, source, &lacking).await,
                Some(_) | None => None,
            };
            let to_come: u64 = lacking.iter().map(|chunk| u64::from(chunk.size)).sum();
            transfer.have(content.size.saturating_sub(to_come));
            add(http, &transfer, staging, lacking, alike).await?
        }
    };
    blocking(http.workers, move |_| staging.finish()).await
}

/// Puts a small content in place of whatever was staged.
fn restart(mut staging: Box<dyn Staging>, bytes: &[u8]) -> Result<Box<dyn Staging>, DiskError> {
    staging.truncate(0)?;
    staging.append(bytes)?;
    Ok(staging)
}

/// Keeps the chunks that are staged already; the others remain.
fn resume(
    mut staging: Box<dyn Staging>,
    manifest: Manifest,
) -> Result<(Box<dyn Staging>, Vec<Chunk>), DiskError> {
    let (mut kept, mut offset) = (0, 0);
    for chunk in &manifest.chunks {
        if offset + u64::from(chunk.size) > staging.len() {
            break;
        }
        let read = read_whole(chunk.size, offset, |buffer, at| staging.read_at(buffer, at));
        match read.map_err(read_error)? {
            Some(bytes) if ChunkId::of(&bytes) == chunk.id => {}
            Some(_) | None => break,
        }
        kept += 1;
        offset += u64::from(chunk.size);
    }
    if staging.len() > offset {
        staging.truncate(offset)?;
    }
    let mut lacking = manifest.chunks;
    lacking.drain(..kept);
    Ok((staging, lacking))
}

/// Finds the lacking chunks in a file that is alike. A file that cannot be read has none.
async fn index(workers: Workers, source: Arc<dyn Source>, lacking: &[Chunk]) -> Option<Alike> {
    let mut wanted: BTreeMap<ChunkId, Option<u64>> =
        lacking.iter().map(|chunk| (chunk.id, None)).collect();
    let file = Arc::clone(&source);
    let (_, manifest) =
        blocking(workers, move |given_up| cut(&*file, u64::MAX, given_up)).await.ok()?;
    let mut offset = 0;
    for chunk in manifest.chunks {
        if let Some(place) = wanted.get_mut(&chunk.id) {
            *place = Some(offset);
        }
        offset += u64::from(chunk.size);
    }
    let offsets = wanted.into_iter().filter_map(|(id, place)| Some((id, place?))).collect();
    Some(Alike { source, offsets: Arc::new(offsets) })
}

/// Adds the lacking chunks in order, the next ones being fetched while some are written.
async fn add(
    http: &Http<impl Carrier>,
    transfer: &Transfer,
    mut staging: Box<dyn Staging>,
    lacking: Vec<Chunk>,
    alike: Option<Alike>,
) -> Result<Box<dyn Staging>, TransferError> {
    let read = batches(lacking, |chunk| chunk.size)
        .into_iter()
        .map(|batch| one_batch(http, transfer, batch, alike.clone()));
    let mut read = std::pin::pin!(stream::iter(read).buffered(BATCHES_AHEAD));
    while let Some(chunks) = read.try_next().await? {
        staging = blocking(http.workers, move |_| {
            chunks.iter().try_for_each(|chunk| staging.append(chunk))?;
            Ok(staging)
        })
        .await?;
    }
    Ok(staging)
}

/// The bytes of these chunks: from the file alike where it has them, otherwise from the server.
async fn one_batch(
    http: &Http<impl Carrier>,
    transfer: &Transfer,
    batch: Vec<Chunk>,
    alike: Option<Alike>,
) -> Result<Vec<Bytes>, TransferError> {
    let (batch, mut found) = blocking(http.workers, move |given_up| {
        let mut found = BTreeMap::new();
        for chunk in &batch {
            given_up.check()?;
            let place =
                alike.as_ref().and_then(|alike| Some((alike, *alike.offsets.get(&chunk.id)?)));
            // Whatever is not there any more is asked for instead.
            if let Some((alike, offset)) = place
                && let Ok(bytes) = read_chunk(&*alike.source, chunk, offset)
            {
                found.insert(chunk.id, bytes);
            }
        }
        Ok((batch, found))
    })
    .await?;
    transfer.have(found.values().map(|bytes| bytes.len() as u64).sum());
    let mut asked: Vec<ChunkId> = batch.iter().map(|chunk| chunk.id).collect();
    asked.sort_unstable();
    asked.dedup();
    asked.retain(|id| !found.contains_key(id));
    if !asked.is_empty() {
        found.extend(ask(http, transfer, asked).await?);
    }
    let damaged = || TransferError::Network("the server sent other chunks than asked".to_owned());
    batch.iter().map(|chunk| found.get(&chunk.id).cloned().ok_or_else(damaged)).collect()
}

/// Asks for chunks; what comes is named by its own hash.
async fn ask(
    http: &Http<impl Carrier>,
    transfer: &Transfer,
    ids: Vec<ChunkId>,
) -> Result<Vec<(ChunkId, Bytes)>, TransferError> {
    let (limit, transfer) = (wire::MAX_CHUNKS_BODY, Some(transfer.clone()));
    let call = Call { limit, transfer, ..Call::new(Method::POST, wire::CHUNKS) };
    let body = http.call(Call { body: encode(&ids).into(), ..call }).await?;
    blocking(http.workers, move |_| {
        let chunks = decode_chunks(&body).unwrap_or_default();
        Ok(chunks.into_iter().map(|bytes| (ChunkId::of(&bytes), bytes)).collect())
    })
    .await
}
