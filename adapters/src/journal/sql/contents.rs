//! Contents, and where their chunks lie.

use std::collections::{BTreeMap, BTreeSet};

use onefold_core::blob::Blob;
use onefold_core::hash::{ChunkId, ContentId};
use onefold_core::id::FolderId;
use onefold_core::manifest::{Chunk, Manifest};

use super::{ChunkLocation, SqlJournal, StoreResult, StoredContent};
use crate::journal::PackId;
use crate::port::StoreError;
use crate::sql::dialect::Transaction;
use crate::sql::{Row, encoded, values};

/// The chunks in one row of a manifest: under 1 MiB, whatever packet size a database allows.
const CHUNKS_PER_PART: usize = 16 * 1024;

impl SqlJournal {
    pub(super) async fn manifest_put(
        &self,
        folder: FolderId,
        content: ContentId,
        manifest: Manifest,
    ) -> StoreResult<Vec<ChunkId>> {
        let mut transaction = self.write().await?;
        let known = size(&mut transaction, folder, content).await?;
        if known.is_some() {
            return Ok(Vec::new());
        }
        let chunks: Vec<ChunkId> = manifest.chunks.iter().map(|chunk| chunk.id).collect();
        let missing = missing(&mut transaction, folder, &chunks).await?;
        if !missing.is_empty() {
            return Ok(missing);
        }
        let parts = manifest.chunks.chunks(CHUNKS_PER_PART).zip(0_u64..);
        let rows = parts.map(|(chunks, part)| values![folder, content, part, encoded(&chunks)]);
        // Another server may be bringing the same content.
        let columns = ["folder", "content", "part", "chunks"];
        transaction.insert_new("manifests", &columns, rows.collect()).await?;
        let row = values![folder, content, manifest.size()];
        transaction.insert_new("contents", &["folder", "content", "size"], vec![row]).await?;
        transaction.commit().await?;
        Ok(Vec::new())
    }

    pub(super) async fn chunks_put(
        &self,
        folder: FolderId,
        mut chunks: Vec<(ChunkId, ChunkLocation)>,
    ) -> StoreResult<()> {
        // In one order, so that two writers do not wait for each other.
        chunks.sort_unstable_by_key(|(chunk, _)| *chunk);
        let mut transaction = self.write().await?;
        let columns = ["folder", "chunk", "pack", "pack_offset", "size"];
        let rows = chunks.into_iter().map(|(chunk, location)| {
            let ChunkLocation { pack, offset, size } = location;
            values![folder, chunk, pack.0, offset, u64::from(size)]
        });
        transaction.insert_new("chunks", &columns, rows.collect()).await?;
        transaction.commit().await
    }
}

pub(super) async fn content(
    transaction: &mut Transaction,
    folder: FolderId,
    content: ContentId,
) -> StoreResult<Option<StoredContent>> {
    let sql = "SELECT inline_bytes FROM contents WHERE folder = ? AND content = ?";
    let Some(row) = transaction.row(sql, values![folder, content]).await? else {
        return Ok(None);
    };
    if let Some(bytes) = row.optional(0, |row, column| row.bytes(column).map(Blob::from))? {
        return Ok(Some(StoredContent::Inline(bytes)));
    }
    let sql = "SELECT chunks FROM manifests WHERE folder = ? AND content = ? ORDER BY part";
    let mut manifest = Manifest::default();
    for row in transaction.query(sql, values![folder, content]).await? {
        manifest.chunks.extend(row.decoded::<Vec<Chunk>>(0)?);
    }
    Ok(Some(StoredContent::Chunks(manifest)))
}

async fn size(
    transaction: &mut Transaction,
    folder: FolderId,
    content: ContentId,
) -> StoreResult<Option<u64>> {
    let sql = "SELECT size FROM contents WHERE folder = ? AND content = ?";
    let row = transaction.row(sql, values![folder, content]).await?;
    row.map(|row| row.number(0)).transpose()
}

pub(super) async fn missing(
    transaction: &mut Transaction,
    folder: FolderId,
    chunks: &[ChunkId],
) -> StoreResult<Vec<ChunkId>> {
    let there = locations(transaction, folder, chunks).await?;
    let mut listed = BTreeSet::new();
    let missing = chunks.iter().filter(|chunk| !there.contains_key(chunk));
    Ok(missing.filter(|chunk| listed.insert(**chunk)).copied().collect())
}

pub(super) async fn located(
    transaction: &mut Transaction,
    folder: FolderId,
    chunks: &[ChunkId],
) -> StoreResult<Vec<(ChunkId, ChunkLocation)>> {
    let there = locations(transaction, folder, chunks).await?;
    Ok(chunks.iter().filter_map(|chunk| Some((*chunk, *there.get(chunk)?))).collect())
}

async fn locations(
    transaction: &mut Transaction,
    folder: FolderId,
    chunks: &[ChunkId],
) -> StoreResult<BTreeMap<ChunkId, ChunkLocation>> {
    let distinct: BTreeSet<_> = chunks.iter().collect();
    let keys = distinct.into_iter().map(|chunk| values![folder, *chunk]).collect();
    let select = "SELECT chunk, pack, pack_offset, size FROM chunks";
    let rows = transaction.query_any(select, "folder = ? AND chunk = ?", keys).await?;
    rows.iter().map(location).collect()
}

fn location(row: &Row) -> StoreResult<(ChunkId, ChunkLocation)> {
    let size = u32::try_from(row.number(3)?)
        .map_err(|_| StoreError::Damaged("a chunk of more than 4 GiB".into()))?;
    let pack = PackId(row.array(1)?);
    let location = ChunkLocation { pack, offset: row.number(2)?, size };
    Ok((ChunkId::from_bytes(row.array(0)?), location))
}
