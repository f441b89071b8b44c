//! Contents, and where their chunks lie.

use std::collections::{BTreeMap, BTreeSet};

use onefold_core::blob::Blob;
use onefold_core::hash::{ChunkId, ContentId};
use onefold_core::id::FolderId;
use onefold_core::manifest::{Chunk, Manifest};

use super::{ChunkLocation, Space, SqlJournal, StoreResult, StoredContent};
use crate::journal::PackId;
use crate::port::StoreError;
use crate::sql::dialect::Transaction;
use crate::sql::{Row, Value, encoded, values};

/// The chunks in one row of a manifest: under 1 MiB, whatever packet size a database allows.
const CHUNKS_PER_PART: usize = 16 * 1024;
/// Finds a chunk's row.
const OF_CHUNK: &str = "folder = ? AND chunk = ?";

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
        let rows = chunks.iter().map(|(chunk, location)| {
            let ChunkLocation { pack, offset, size } = *location;
            values![folder, *chunk, pack.0, offset, u64::from(size)]
        });
        let ids: Vec<ChunkId> = chunks.iter().map(|(chunk, _)| *chunk).collect();
        transaction.insert_new("chunks", &columns, rows.collect()).await?;
        let damaged = damaged(&mut transaction, folder, &ids).await?;
        for (chunk, location) in chunks.into_iter().filter(|(chunk, _)| damaged.contains_key(chunk))
        {
            let ChunkLocation { pack, offset, .. } = location;
            let (old_pack, old_offset) = damaged[&chunk];
            let sql = "UPDATE chunks SET pack = ?, pack_offset = ? \
                       WHERE folder = ? AND chunk = ? AND pack = ? AND pack_offset = ?";
            let values = values![pack.0, offset, folder, chunk, old_pack.0, old_offset];
            transaction.execute(sql, values).await?;
        }
        forget_damaged(&mut transaction, folder, damaged.into_keys()).await?;
        transaction.commit().await
    }

    pub(super) async fn damaged_noted(
        &self,
        folder: FolderId,
        mut chunks: Vec<(ChunkId, ChunkLocation)>,
    ) -> StoreResult<()> {
        chunks.sort_unstable_by_key(|(chunk, _)| *chunk);
        let mut transaction = self.write().await?;
        // What is known of one may be of a place where it lay before.
        forget_damaged(&mut transaction, folder, chunks.iter().map(|(chunk, _)| *chunk)).await?;
        let columns = ["folder", "chunk", "pack", "pack_offset"];
        let rows = chunks.into_iter().map(|(chunk, location)| {
            let ChunkLocation { pack, offset, .. } = location;
            values![folder, chunk, pack.0, offset]
        });
        transaction.insert_new("damaged", &columns, rows.collect()).await?;
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

pub(super) async fn space(transaction: &mut Transaction, folder: FolderId) -> StoreResult<Space> {
    // A sum is no whole number to MySQL unless it is told.
    let sum = "SELECT COUNT(*), CAST(COALESCE(SUM(size), 0) AS SIGNED)";
    let mut count = async |from: &str| {
        let sql = format!("{sum} FROM {from}");
        let row = transaction.row(&sql, values![folder]).await?;
        let row = row.ok_or_else(|| StoreError::Damaged("a count gave nothing".into()))?;
        let number = |column| row.int(column).map(|number| number.unsigned_abs());
        StoreResult::Ok((number(0)?, number(1)?))
    };
    let small = count("contents WHERE folder = ? AND inline_bytes IS NOT NULL").await?;
    let chunks = count("chunks WHERE folder = ?").await?;
    Ok(Space { small, chunks })
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
    let mut there = locations(transaction, folder, chunks).await?;
    for (chunk, place) in damaged(transaction, folder, chunks).await? {
        if there.get(&chunk).is_some_and(|location| (location.pack, location.offset) == place) {
            there.remove(&chunk);
        }
    }
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
    let select = "SELECT chunk, pack, pack_offset, size FROM chunks";
    let rows = transaction.query_any(select, OF_CHUNK, keys(folder, chunks)).await?;
    rows.iter().map(location).collect()
}

/// Where chunks were found not to be as they were.
async fn damaged(
    transaction: &mut Transaction,
    folder: FolderId,
    chunks: &[ChunkId],
) -> StoreResult<BTreeMap<ChunkId, (PackId, u64)>> {
    let select = "SELECT chunk, pack, pack_offset FROM damaged";
    let rows = transaction.query_any(select, OF_CHUNK, keys(folder, chunks)).await?;
    let place = |row: &Row| {
        Ok((ChunkId::from_bytes(row.array(0)?), (PackId(row.array(1)?), row.number(2)?)))
    };
    rows.iter().map(place).collect()
}

async fn forget_damaged(
    transaction: &mut Transaction,
    folder: FolderId,
    chunks: impl Iterator<Item = ChunkId>,
) -> StoreResult<()> {
    let keys = chunks.map(|chunk| values![folder, chunk]).collect();
    transaction.delete_any("DELETE FROM damaged", OF_CHUNK, keys).await
}

/// The keys of chunks, each once.
fn keys(folder: FolderId, chunks: &[ChunkId]) -> Vec<Vec<Value>> {
    let distinct: BTreeSet<_> = chunks.iter().collect();
    distinct.into_iter().map(|chunk| values![folder, *chunk]).collect()
}

fn location(row: &Row) -> StoreResult<(ChunkId, ChunkLocation)> {
    let size = u32::try_from(row.number(3)?)
        .map_err(|_| StoreError::Damaged("a chunk of more than 4 GiB".into()))?;
    let pack = PackId(row.array(1)?);
    let location = ChunkLocation { pack, offset: row.number(2)?, size };
    Ok((ChunkId::from_bytes(row.array(0)?), location))
}
