//! What each effect means in calls of the ports. A path says what is done, never whether.

use std::sync::Arc;

use onefold_adapters::port::{Disk, Source, Transfer, Trees, Watcher};
use onefold_adapters::workers::Workers;
use onefold_core::blob::Blob;
use onefold_core::client::event::{TransferError, Upload};
use onefold_core::client::saved::SaveBatch;
use onefold_core::disk::{Change, DiskError, Listing, Names, Seen, Stamp, Start};
use onefold_core::hash::ContentId;
use onefold_core::id::NodeId;
use onefold_core::name::RelPath;
use onefold_core::node::Content;

/// The ports that work is done with.
pub(super) struct Hands<D, T, X, W> {
    pub(super) disk: Arc<D>,
    pub(super) trees: Arc<T>,
    pub(super) transfer: Arc<X>,
    pub(super) watcher: Arc<W>,
    pub(super) workers: Workers,
}

/// A file whose content the server is to have.
pub(super) struct Upward {
    pub(super) path: RelPath,
    pub(super) stamp: Stamp,
    pub(super) content: Content,
    /// Only the start of it, while it may grow.
    pub(super) start: bool,
}

impl Upward {
    fn open(&self, disk: &impl Disk) -> Result<Box<dyn Source>, DiskError> {
        let Self { path, stamp, content, start } = self;
        if *start {
            disk.read_start(path, stamp, Start::Bytes(content.size))
        } else {
            disk.read(path, stamp)
        }
    }
}

impl<D, T, X, W> Clone for Hands<D, T, X, W> {
    fn clone(&self) -> Self {
        Self {
            disk: self.disk.clone(),
            trees: self.trees.clone(),
            transfer: self.transfer.clone(),
            watcher: self.watcher.clone(),
            workers: self.workers,
        }
    }
}

impl<D: Disk, T: Trees, X: Transfer, W: Watcher> Hands<D, T, X, W> {
    pub(super) async fn look(self, dir: RelPath, names: Names) -> Result<Listing, DiskError> {
        let Self { disk, watcher, workers, .. } = self;
        let work = move || {
            // Watched first: what changes during the look is then hinted at, and looked at again.
            if names == Names::All
                && let Err(reason) = watcher.watch(&dir)
            {
                tracing::debug!("cannot watch {dir}: {reason}");
            }
            disk.look(&dir, &names)
        };
        workers.run(work).await
    }

    pub(super) async fn hash(self, path: RelPath, stamp: Stamp) -> Result<Content, DiskError> {
        self.workers.run(move || self.disk.hash(&path, &stamp)).await
    }

    pub(super) async fn hash_start(
        self,
        path: RelPath,
        stamp: Stamp,
        start: Start,
    ) -> Result<Content, DiskError> {
        self.workers.run(move || self.disk.hash_start(&path, &stamp, start)).await
    }

    pub(super) async fn change(
        self,
        node: NodeId,
        change: Change,
    ) -> Result<Option<Stamp>, DiskError> {
        self.workers.run(move || self.disk.change(node, &change)).await
    }

    pub(super) async fn save(self, batch: SaveBatch) -> Result<(), String> {
        self.trees.save(batch).await.map_err(|error| error.to_string())
    }

    /// Reads a small file, to travel inside a commit.
    pub(super) async fn read(self, file: Upward) -> Result<Upload, TransferError> {
        let work = move || {
            let source = file.open(&*self.disk)?;
            let bytes = read_all(&*source, file.content)?;
            source.unchanged()?;
            Ok(Upload::Inline(bytes))
        };
        self.workers.run(work).await.map_err(TransferError::Disk)
    }

    /// Brings a large file to the server.
    pub(super) async fn upload(self, file: Upward) -> Result<Upload, TransferError> {
        let Self { disk, transfer, workers, .. } = self;
        let content = file.content;
        let opened = workers.run(move || file.open(&*disk)).await;
        transfer.upload(content, opened.map_err(TransferError::Disk)?).await?;
        Ok(Upload::Stored)
    }

    /// Stages a small content, whose bytes came with the stream.
    pub(super) async fn stage(self, content: Content, bytes: Blob) -> Result<(), TransferError> {
        let work = move || {
            let mut staging = self.disk.stage(&content)?;
            if staging.is_whole() {
                return Ok(());
            }
            staging.truncate(0)?;
            staging.append(&bytes)?;
            staging.finish()
        };
        self.workers.run(work).await.map_err(TransferError::Disk)
    }

    /// Brings a content from the server into staging.
    pub(super) async fn fetch(
        self,
        content: Content,
        alike: Option<RelPath>,
    ) -> Result<(), TransferError> {
        let Self { disk, transfer, workers, .. } = self;
        let work = move || {
            let alike = alike.and_then(|path| open_as_it_is(&*disk, &path).ok());
            disk.stage(&content).map(|staging| (staging, alike))
        };
        let (staging, alike) = workers.run(work).await.map_err(TransferError::Disk)?;
        if staging.is_whole() {
            return Ok(());
        }
        transfer.fetch(content, staging, alike).await
    }
}

/// Reads a file of a known size: [`DiskError::Changed`] if its bytes are not that content.
fn read_all(source: &dyn Source, content: Content) -> Result<Blob, DiskError> {
    let size = usize::try_from(content.size).map_err(|_| DiskError::Changed)?;
    let mut bytes = vec![0; size];
    let read =
        source.read_at(&mut bytes, 0).map_err(|error| DiskError::Failed(error.to_string()))?;
    if read != size || ContentId::of(&bytes) != content.id {
        return Err(DiskError::Changed);
    }
    Ok(bytes.into())
}

/// Opens a file as it now is. It need not be anything: who reads it checks each chunk by its hash.
fn open_as_it_is(disk: &impl Disk, path: &RelPath) -> Result<Box<dyn Source>, DiskError> {
    let (dir, name) = path.split().ok_or(DiskError::Gone)?;
    let listing = disk.look(&dir, &Names::Only([name.clone()].into()))?;
    match listing.names.into_iter().next() {
        Some((_, Seen::Node(found))) => disk.read(path, &found.stamp),
        Some((_, Seen::Other { .. })) | None => Err(DiskError::Gone),
    }
}
