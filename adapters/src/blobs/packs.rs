//! Packs in an object store: a local directory, whose files and directories are fsynced.
//!
//! One task writes packs, one after another; all that waits when it begins one goes into it, so that
//! many small puts make few packs and cost few syncs. A pack is its chunks, joined.

use std::collections::BTreeMap;
use std::error::Error;
use std::fs::{DirBuilder, File};
use std::io;
use std::ops::Range;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt, stream};
use object_store::local::LocalFileSystem;
use object_store::path::Path as ObjectPath;
use object_store::{ObjectStore, ObjectStoreExt, PutMode, PutOptions, PutPayload};
use onefold_core::hash::ChunkId;
use tokio::sync::{mpsc, oneshot};

use crate::journal::{ChunkLocation, PackId};

use super::{BlobError, Blobs, check, lay_out, new_pack};

/// A pack that has this many bytes is not added to.
const PACK_BYTES: usize = 16 * 1024 * 1024;
/// Puts that wait for the writer; more wait outside.
const WAITING_PUTS: usize = 64;
/// Packs that one `get` reads from at a time.
const PACKS_AT_A_TIME: usize = 4;

type Placed = Result<Vec<(ChunkId, ChunkLocation)>, BlobError>;

/// Packs in an object store.
#[derive(Clone, Debug)]
pub struct Packs {
    store: Arc<dyn ObjectStore>,
    writer: mpsc::Sender<Put>,
}

/// A batch on its way into a pack.
#[derive(Debug)]
struct Put {
    chunks: Vec<Bytes>,
    answer: oneshot::Sender<Placed>,
}

impl Packs {
    /// Opens a store, and makes its directory if it is missing. `place` is a directory, or a `file:`
    /// URL of one. Must be called inside a Tokio runtime. The error is in words.
    pub fn open(place: &Path) -> Result<Self, String> {
        let directory = match place.to_str().and_then(|place| place.split_once("://")) {
            Some(("file", directory)) => Path::new(directory),
            Some((scheme, _)) => {
                let words = "this version keeps them in a directory";
                return Err(format!("blobs cannot be kept in {scheme}: {words}"));
            }
            None => place,
        };
        let failed =
            |error: &dyn Error| format!("blobs cannot be kept in {}: {error}", directory.display());
        create_durably(directory).map_err(|error| failed(&error))?;
        let store = LocalFileSystem::new_with_prefix(directory)
            .map_err(|error| failed(&error))?
            .with_fsync(true);
        let store: Arc<dyn ObjectStore> = Arc::new(store);
        let (writer, puts) = mpsc::channel(WAITING_PUTS);
        tokio::spawn(write_packs(Arc::clone(&store), puts));
        Ok(Self { store, writer })
    }

    async fn read(
        &self,
        pack: PackId,
        wanted: Vec<(usize, ChunkId, ChunkLocation)>,
    ) -> Result<Vec<(usize, Bytes)>, BlobError> {
        let ranges: Vec<Range<u64>> = wanted
            .iter()
            .map(|(_, _, place)| place.offset..place.offset.saturating_add(place.size.into()))
            .collect();
        let read = match self.store.get_ranges(&path_of(pack), &ranges).await {
            Ok(read) => read,
            Err(error) => return Err(self.read_error(error, pack, &wanted).await),
        };
        tokio::task::spawn_blocking(move || {
            let checked = |((index, chunk, place), bytes): ((usize, _, _), Bytes)| {
                check(chunk, &place, &bytes).map(|()| (index, bytes))
            };
            wanted.into_iter().zip(read).map(checked).collect()
        })
        .await
        .map_err(|error| BlobError::Unavailable(error.to_string()))?
    }

    /// Tells a pack that is missing or too short from a store that does not answer.
    async fn read_error(
        &self,
        error: object_store::Error,
        pack: PackId,
        wanted: &[(usize, ChunkId, ChunkLocation)],
    ) -> BlobError {
        let len = match self.store.head(&path_of(pack)).await {
            Ok(meta) => meta.size,
            Err(object_store::Error::NotFound { .. }) => 0,
            Err(error) => return unavailable(&error),
        };
        let beyond = |place: &ChunkLocation| place.offset.saturating_add(place.size.into()) > len;
        match wanted.iter().find(|(_, _, place)| beyond(place)) {
            Some(&(_, chunk, _)) => {
                let what = if len == 0 { "the pack is missing" } else { "the pack is too short" };
                BlobError::Damaged { chunk, pack, what: what.to_owned() }
            }
            None => unavailable(&error),
        }
    }
}

impl Blobs for Packs {
    async fn put(&self, chunks: Vec<Bytes>) -> Placed {
        if chunks.is_empty() {
            return Ok(Vec::new());
        }
        let (answer, placed) = oneshot::channel();
        let stopped = || BlobError::Unavailable("its writer has stopped".to_owned());
        self.writer.send(Put { chunks, answer }).await.map_err(|_| stopped())?;
        placed.await.map_err(|_| stopped())?
    }

    async fn get(&self, wanted: Vec<(ChunkId, ChunkLocation)>) -> Result<Vec<Bytes>, BlobError> {
        let mut chunks = vec![Bytes::new(); wanted.len()];
        let mut packs = BTreeMap::<_, Vec<_>>::new();
        for (index, (chunk, location)) in wanted.into_iter().enumerate() {
            packs.entry(location.pack).or_default().push((index, chunk, location));
        }
        let reads = packs.into_iter().map(|(pack, wanted)| self.read(pack, wanted));
        let mut reads = stream::iter(reads).buffer_unordered(PACKS_AT_A_TIME);
        while let Some(read) = reads.try_next().await? {
            for (index, bytes) in read {
                chunks[index] = bytes;
            }
        }
        Ok(chunks)
    }
}

/// Writes all that waits into one pack, answers, and begins again; ends with the last [`Packs`].
async fn write_packs(store: Arc<dyn ObjectStore>, mut puts: mpsc::Receiver<Put>) {
    while let Some(first) = puts.recv().await {
        let mut size: usize = first.chunks.iter().map(Bytes::len).sum();
        let mut batch = vec![first];
        while size < PACK_BYTES
            && let Ok(put) = puts.try_recv()
        {
            size += put.chunks.iter().map(Bytes::len).sum::<usize>();
            batch.push(put);
        }
        let chunks = batch.iter().flat_map(|put| put.chunks.iter().cloned()).collect();
        let mut written = write_pack(&*store, chunks).await.map(Vec::into_iter);
        for put in batch {
            let placed = match &mut written {
                Ok(places) => Ok(places.by_ref().take(put.chunks.len()).collect()),
                Err(error) => Err(error.clone()),
            };
            // Who asked may be gone; its chunks then lie unused until they are collected.
            let _ = put.answer.send(placed);
        }
    }
}

async fn write_pack(store: &dyn ObjectStore, chunks: Vec<Bytes>) -> Placed {
    let pack = new_pack();
    let (places, payload) = tokio::task::spawn_blocking(move || {
        (lay_out(pack, &chunks), chunks.into_iter().collect::<PutPayload>())
    })
    .await
    .map_err(|error| BlobError::Unavailable(error.to_string()))?;
    let options = PutOptions { mode: PutMode::Create, ..PutOptions::default() };
    match store.put_opts(&path_of(pack), payload, options).await {
        Ok(_) => Ok(places),
        Err(error) => Err(unavailable(&error)),
    }
}

/// Packs are spread over directories, since some filesystems are slow with one that holds them all.
fn path_of(pack: PackId) -> ObjectPath {
    let name = pack.to_string();
    ObjectPath::from_iter([&name[..2], &name])
}

fn unavailable(error: &object_store::Error) -> BlobError {
    let mut cause: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(error) = cause {
        if let Some(error) = error.downcast_ref::<io::Error>()
            && matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
        {
            return BlobError::Full(error.to_string());
        }
        cause = error.source();
    }
    BlobError::Unavailable(error.to_string())
}

/// Makes a directory and those above it, for their owner alone, each synced into the one that holds it.
fn create_durably(directory: &Path) -> io::Result<()> {
    if directory.is_dir() {
        return Ok(());
    }
    let parent = match directory.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    create_durably(parent)?;
    match DirBuilder::new().mode(0o700).create(directory) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => File::open(parent)?.sync_all(),
    }
}
