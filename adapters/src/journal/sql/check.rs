//! Reading everything back, for `onefold-server check`.

use onefold_core::hash::{ChainHash, ContentId};
use onefold_core::id::{FolderId, NodeId, Seq};
use onefold_core::operation::{Cursor, Entry};
use onefold_core::server::facts::NodeRow;

use super::{StoreResult, StoredContent};
use crate::sql::dialect::Transaction;
use crate::sql::values;

pub(super) async fn entries(
    transaction: &mut Transaction,
    folder: FolderId,
    after: Seq,
    limit: usize,
) -> StoreResult<Vec<(Entry, Cursor)>> {
    let sql = "SELECT seq, chain, entry FROM entries WHERE folder = ? AND seq > ? \
               ORDER BY seq LIMIT ?";
    let rows = transaction.query(sql, values![folder, after, limit as u64]).await?;
    rows.iter()
        .map(|row| {
            let cursor = Cursor { seq: row.seq(0)?, hash: ChainHash::from_bytes(row.array(1)?) };
            Ok((row.decoded(2)?, cursor))
        })
        .collect()
}

pub(super) async fn nodes(
    transaction: &mut Transaction,
    folder: FolderId,
    after: Option<NodeId>,
    limit: usize,
) -> StoreResult<Vec<NodeRow>> {
    let sql = "SELECT node_row FROM nodes WHERE folder = ? AND node > ? ORDER BY node LIMIT ?";
    let after = after.unwrap_or(NodeId::ROOT);
    let rows = transaction.query(sql, values![folder, after, limit as u64]).await?;
    rows.iter().map(|row| row.decoded(0)).collect()
}

pub(super) async fn contents(
    transaction: &mut Transaction,
    folder: FolderId,
    after: Option<ContentId>,
    limit: usize,
) -> StoreResult<Vec<(ContentId, StoredContent)>> {
    let (sql, values) = match after {
        None => (
            "SELECT content FROM contents WHERE folder = ? ORDER BY content LIMIT ?",
            values![folder, limit as u64],
        ),
        Some(after) => (
            "SELECT content FROM contents WHERE folder = ? AND content > ? \
             ORDER BY content LIMIT ?",
            values![folder, after, limit as u64],
        ),
    };
    let mut contents = Vec::new();
    for row in transaction.query(sql, values).await? {
        let content = ContentId::from_bytes(row.array(0)?);
        if let Some(stored) = super::contents::content(transaction, folder, content).await? {
            contents.push((content, stored));
        }
    }
    Ok(contents)
}
