//! What a connected device hears: entries, pages, how it stands.

use std::collections::BTreeMap;

use onefold_core::blob::Blob;
use onefold_core::hash::{ChainHash, ContentId};
use onefold_core::id::{DeviceId, FolderId, Lineage, NodeId, Seq};
use onefold_core::operation::Entry;
use onefold_core::server::facts::{Head, NodeRow};
use onefold_core::server::session::{
    ENTRIES_BEFORE_SNAPSHOT, EntriesQuery, Greet, Greeting, LoadedEntries, LoadedPage,
    MAX_ENTRIES_BYTES, Poll,
};
use onefold_core::time::WallTime;

use super::{SqlJournal, StoreResult, folders};
use crate::journal::{SEEN_EVERY_MS, named_contents};
use crate::port::StoreError;
use crate::sql::dialect::Transaction;
use crate::sql::{Row, values};

/// So many entries are read at first; the rest follow while they are small enough.
const ENTRIES_AT_ONCE: usize = 100;

impl SqlJournal {
    pub(super) async fn greeted(
        &self,
        device: DeviceId,
        time: WallTime,
        greet: Greet,
    ) -> StoreResult<Option<Greeting>> {
        let mut transaction = self.write().await?;
        let locking = self.database.locking();
        let standing = standing(&mut transaction, device, locking).await?;
        let Some(standing) = standing else { return Ok(None) };
        let head = head(&mut transaction, standing.folder).await?.cursor;
        let at_seq = chain_at(&mut transaction, standing.folder, greet.seq).await?;
        // Counting costs what a snapshot costs; it is only looked at for a device far behind.
        let missed = head.seq.get().saturating_sub(greet.seq.get());
        let live_nodes = if missed > ENTRIES_BEFORE_SNAPSHOT {
            let sql = "SELECT COUNT(live_name) FROM nodes WHERE folder = ?";
            let row = transaction.row(sql, values![standing.folder]).await?;
            row.map_or(Ok(0), |row| row.number(0))?
        } else {
            0
        };
        let sql = "UPDATE devices SET lineage = ?, last_seen = ? WHERE id = ?";
        transaction.execute(sql, values![greet.next, time.0, device]).await?;
        transaction.commit().await?;
        let Standing { writable, acknowledged, lineage, .. } = standing;
        Ok(Some(Greeting { head, at_seq, live_nodes, writable, acknowledged, lineage }))
    }

    pub(super) async fn polled(
        &self,
        device: DeviceId,
        time: WallTime,
    ) -> StoreResult<Option<Poll>> {
        let mut reading = self.read().await?;
        let Some(standing) = standing(&mut reading, device, "").await? else { return Ok(None) };
        let head = head(&mut reading, standing.folder).await?;
        drop(reading);
        if standing.last_seen.is_none_or(|seen| time.0.abs_diff(seen) >= SEEN_EVERY_MS) {
            let mut transaction = self.database.write_lazily().await?;
            let sql = "UPDATE devices SET last_seen = ? WHERE id = ?";
            transaction.execute(sql, values![time.0, device]).await?;
            transaction.commit().await?;
        }
        Ok(Some(Poll { head, writable: standing.writable }))
    }

    /// Lazily durable: an acknowledgement that a power cut takes back is only a device that is
    /// further than the server knows.
    pub(super) async fn acknowledged(&self, device: DeviceId, seq: Seq) -> StoreResult<()> {
        let mut transaction = self.database.write_lazily().await?;
        let sql = "UPDATE devices SET acknowledged = ? WHERE id = ? AND acknowledged < ?";
        transaction.execute(sql, values![seq, device, seq]).await?;
        let sql = "DELETE FROM outcomes WHERE device = ? AND seq < ?";
        transaction.execute(sql, values![device, seq]).await?;
        transaction.commit().await
    }
}

pub(super) async fn entries(
    transaction: &mut Transaction,
    folder: FolderId,
    query: EntriesQuery,
) -> StoreResult<LoadedEntries> {
    let (mut entries, mut bytes) = (Vec::new(), 0);
    let mut after = query.after;
    while entries.len() < query.limit && bytes < MAX_ENTRIES_BYTES {
        let limit = ENTRIES_AT_ONCE.min(query.limit - entries.len());
        let sql = "SELECT entry FROM entries WHERE folder = ? AND seq > ? ORDER BY seq LIMIT ?";
        let rows = transaction.query(sql, values![folder, after, limit as u64]).await?;
        for row in &rows {
            bytes += row.bytes(0)?.len();
            if bytes > MAX_ENTRIES_BYTES && !entries.is_empty() {
                break;
            }
            let entry: Entry = row.decoded(0)?;
            after = entry.seq;
            entries.push(entry);
        }
        if rows.len() < limit {
            break;
        }
    }
    let contents = current(transaction, folder, &entries, &query).await?;
    Ok(LoadedEntries { entries, contents })
}

/// The small contents that entries name, as far as they are still their nodes' and the bytes last.
async fn current(
    transaction: &mut Transaction,
    folder: FolderId,
    entries: &[Entry],
    query: &EntriesQuery,
) -> StoreResult<Vec<Blob>> {
    let named = named_contents(entries, query.device);
    let keys = named.iter().map(|(node, content)| values![folder, *node, *content]).collect();
    let term = "folder = ? AND node = ? AND content = ? AND live_name IS NOT NULL";
    let rows = transaction.query_any("SELECT node, content FROM nodes", term, keys).await?;
    let pair =
        |row: &Row| Ok((NodeId::from_bytes(row.array(0)?), ContentId::from_bytes(row.array(1)?)));
    let still: Vec<(NodeId, ContentId)> = rows.iter().map(pair).collect::<StoreResult<_>>()?;
    let mut wanted: Vec<ContentId> = Vec::new();
    for pair in named {
        if still.contains(&pair) && !wanted.contains(&pair.1) {
            wanted.push(pair.1);
        }
    }
    let keys = wanted.iter().map(|content| values![folder, *content]).collect();
    let term = "folder = ? AND content = ? AND inline_bytes IS NOT NULL";
    let rows = transaction.query_any("SELECT content, size FROM contents", term, keys).await?;
    let size = |row: &Row| Ok((ContentId::from_bytes(row.array(0)?), row.number(1)?));
    let sizes: BTreeMap<_, _> = rows.iter().map(size).collect::<StoreResult<_>>()?;
    let mut left = query.inline_bytes as u64;
    wanted.retain(|content| match sizes.get(content) {
        Some(size) if *size <= left => {
            left -= size;
            true
        }
        Some(_) | None => false,
    });
    let keys = wanted.iter().map(|content| values![folder, *content]).collect();
    let select = "SELECT inline_bytes FROM contents";
    let rows = transaction.query_any(select, "folder = ? AND content = ?", keys).await?;
    rows.iter().map(|row| row.bytes(0).map(Blob::from)).collect()
}

pub(super) async fn page(
    transaction: &mut Transaction,
    folder: FolderId,
    after: Option<NodeId>,
    limit: usize,
) -> StoreResult<LoadedPage> {
    // First, so that where reads are not of one state, the rows are the newer ones.
    let head = head(transaction, folder).await?.cursor;
    let after = after.unwrap_or(NodeId::ROOT);
    let sql = "SELECT node_row FROM nodes WHERE folder = ? AND node > ? \
               AND live_name IS NOT NULL ORDER BY node LIMIT ?";
    let rows = transaction.query(sql, values![folder, after, limit as u64 + 1]).await?;
    let last = rows.len() <= limit;
    let rows: StoreResult<Vec<NodeRow>> =
        rows.iter().take(limit).map(|row| row.decoded(0)).collect();
    Ok(LoadedPage { head, rows: rows?.iter().map(NodeRow::to_row).collect(), last })
}

/// How a device stands.
struct Standing {
    folder: FolderId,
    writable: bool,
    acknowledged: Seq,
    lineage: Option<Lineage>,
    last_seen: Option<i64>,
}

/// `None`: unknown, or revoked. `locking` is how the select ends.
async fn standing(
    transaction: &mut Transaction,
    device: DeviceId,
    locking: &str,
) -> StoreResult<Option<Standing>> {
    let sql = format!(
        "SELECT folder, writable, acknowledged, lineage, last_seen FROM devices \
         WHERE id = ? AND revoked = 0{locking}"
    );
    let Some(row) = transaction.row(&sql, values![device]).await? else { return Ok(None) };
    Ok(Some(Standing {
        folder: FolderId::from_bytes(row.array(0)?),
        writable: row.flag(1)?,
        acknowledged: row.seq(2)?,
        lineage: row.optional(3, |row, column| row.array(column).map(Lineage::from_bytes))?,
        last_seen: row.optional(4, Row::int)?,
    }))
}

async fn head(transaction: &mut Transaction, folder: FolderId) -> StoreResult<Head> {
    let head = folders::head(transaction, folder, "").await?;
    head.ok_or_else(|| StoreError::Damaged("a device's folder is gone".into()))
}

async fn chain_at(
    transaction: &mut Transaction,
    folder: FolderId,
    seq: Seq,
) -> StoreResult<Option<ChainHash>> {
    if seq == Seq::ZERO {
        return Ok(Some(ChainHash::EMPTY));
    }
    let sql = "SELECT chain FROM entries WHERE folder = ? AND seq = ?";
    let row = transaction.row(sql, values![folder, seq]).await?;
    row.map(|row| row.array(0).map(ChainHash::from_bytes)).transpose()
}
