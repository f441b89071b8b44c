//! Bringing a file's content to the server, which tells what it lacks.
//!
//! The file is cut and hashed once, before anything is sent; then only the chunks that the server
//! lacks are read again and sent, each checked as it is read. What was sent before a cut is on the
//! server, so a second try does not send it again.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt, stream};
use onefold_core::client::Direction;
use onefold_core::client::event::TransferError;
use onefold_core::disk::DiskError;
use onefold_core::hash::ChunkId;
use onefold_core::manifest::{Chunk, Manifest};
use onefold_core::node::Content;

use crate::meter::Transfer;
use crate::port::Source;
use crate::wire::{self, encode, encode_chunks};

use super::carrier::{Carrier, Method, StatusCode};
use super::pieces::{blocking, cut, read_chunk};
use super::{Call, CallError, Http, IDLE};

/// Bodies under way at a time: one on the wire while the server stores another.
const BATCHES_AT_A_TIME: usize = 2;
/// How often what the server lacks in the end is sent once more.
const ROUNDS: u32 = 3;
/// The server reads a content back before it takes it: so many bytes a second, at the least.
const READ_BACK_BYTES_PER_SECOND: u64 = 8 * 1024 * 1024;

/// A chunk of a file, and where it is there.
type Located = (Chunk, u64);

pub(super) async fn upload(
    http: &Http<impl Carrier>,
    content: Content,
    source: Arc<dyn Source>,
) -> Result<(), TransferError> {
    let transfer = http.meter.begin(Direction::Up, &content);
    let file = Arc::clone(&source);
    let (id, manifest) =
        blocking(http.workers, move |given_up| cut(&*file, content.size, given_up)).await?;
    if id != content.id || manifest.size() != content.size {
        return Err(TransferError::Disk(DiskError::Changed));
    }
    let encoded = Bytes::from(encode(&manifest));
    if encoded.len() > wire::MAX_MANIFEST_BODY {
        let words = format!("a file of {} bytes is larger than Onefold takes", content.size);
        return Err(TransferError::Refused(words));
    }
    let mut lacking = missing(http, &manifest).await?;
    let to_send: u64 = lacking.iter().map(|(chunk, _)| u64::from(chunk.size)).sum();
    transfer.have(content.size.saturating_sub(to_send));
    for _ in 0..ROUNDS {
        send(http, &transfer, &source, lacking).await?;
        let file = Arc::clone(&source);
        blocking(http.workers, move |_| file.unchanged()).await?;
        lacking = match register(http, &content, encoded.clone()).await? {
            Registered::Whole => return Ok(()),
            Registered::Lacks => missing(http, &manifest).await?,
        };
    }
    Err(TransferError::Network("the server keeps losing what it was sent".to_owned()))
}

/// The chunks that the server lacks, each once.
async fn missing(
    http: &Http<impl Carrier>,
    manifest: &Manifest,
) -> Result<Vec<Located>, TransferError> {
    let mut seen = BTreeSet::new();
    let mut offset = 0;
    let mut chunks: Vec<Located> = Vec::new();
    for chunk in &manifest.chunks {
        if seen.insert(chunk.id) {
            chunks.push((*chunk, offset));
        }
        offset += u64::from(chunk.size);
    }
    let mut lacking = BTreeSet::new();
    for question in chunks.chunks(wire::MAX_QUESTION) {
        let ids: Vec<ChunkId> = question.iter().map(|(chunk, _)| chunk.id).collect();
        let call = Call { limit: wire::MAX_IDS_BODY, ..Call::new(Method::POST, wire::MISSING) };
        let answer: Vec<ChunkId> = http.ask(Call { body: encode(&ids).into(), ..call }).await?;
        lacking.extend(answer);
    }
    chunks.retain(|(chunk, _)| lacking.contains(&chunk.id));
    Ok(chunks)
}

/// Sends chunks, a few bodies at a time.
async fn send(
    http: &Http<impl Carrier>,
    transfer: &Transfer,
    source: &Arc<dyn Source>,
    chunks: Vec<Located>,
) -> Result<(), TransferError> {
    let bodies = batches(chunks, |(chunk, _)| chunk.size).into_iter().map(|batch| async {
        let file = Arc::clone(source);
        let body = blocking(http.workers, move |given_up| {
            let read = |(chunk, offset): Located| {
                given_up.check()?;
                read_chunk(&*file, &chunk, offset)
            };
            let chunks: Vec<Bytes> = batch.into_iter().map(read).collect::<Result<_, _>>()?;
            Ok(encode_chunks(&chunks))
        })
        .await?;
        let transfer = Some(transfer.clone());
        let call = Call { transfer, ..Call::new(Method::PUT, wire::CHUNKS) };
        http.call(Call { body: body.into(), ..call }).await?;
        Ok(())
    });
    stream::iter(bodies).buffer_unordered(BATCHES_AT_A_TIME).try_collect().await
}

/// Splits what is to be moved into bodies of a few MiB.
pub(super) fn batches<T>(items: Vec<T>, size: impl Fn(&T) -> u32) -> Vec<Vec<T>> {
    let mut batches: Vec<Vec<T>> = Vec::new();
    let mut room = 0;
    for item in items {
        let bytes = size(&item) as usize;
        match batches.last_mut() {
            Some(batch) if bytes <= room && batch.len() < wire::BATCH_CHUNKS => {
                room -= bytes;
                batch.push(item);
            }
            _ => {
                room = wire::BATCH_BYTES.saturating_sub(bytes);
                batches.push(vec![item]);
            }
        }
    }
    batches
}

enum Registered {
    Whole,
    Lacks,
}

/// Tells the server that all of it is there; it checks that.
async fn register(
    http: &Http<impl Carrier>,
    content: &Content,
    manifest: Bytes,
) -> Result<Registered, TransferError> {
    let reading = Duration::from_secs(content.size / READ_BACK_BYTES_PER_SECOND);
    let call = Call::new(Method::PUT, format!("{}/{}", wire::CONTENTS, content.id));
    match http.call(Call { body: manifest, patience: IDLE + reading, ..call }).await {
        Ok(_) => Ok(Registered::Whole),
        Err(CallError::Status { status: StatusCode::CONFLICT, .. }) => Ok(Registered::Lacks),
        Err(error) => Err(error.into()),
    }
}
