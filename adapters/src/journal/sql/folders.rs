//! Folders, their heads, and the server's settings.

use onefold_core::blob::Blob;
use onefold_core::hash::ChainHash;
use onefold_core::id::{FolderId, Seq};
use onefold_core::operation::Cursor;
use onefold_core::protocol::TreeSum;
use onefold_core::server::facts::Head;

use super::{Folder, SqlJournal, StoreResult};
use crate::port::StoreError;
use crate::sql::dialect::Transaction;
use crate::sql::{Row, Value, values};

impl SqlJournal {
    pub(super) async fn folder_created(&self, id: FolderId, name: &str) -> StoreResult<Folder> {
        let mut transaction = self.write().await?;
        let columns = ["id", "name", "seq", "chain", "tree_sum", "bytes", "quota"];
        let Head { cursor, sum, bytes, quota } = Head::EMPTY;
        let row = values![id, name, cursor.seq, cursor.hash, limbs(sum), bytes, quota];
        transaction.insert_new("folders", &columns, vec![row]).await?;
        let folder = by_name(&mut transaction, name).await?;
        transaction.commit().await?;
        folder.ok_or_else(|| StoreError::Damaged("two folders with one id".into()))
    }

    pub(super) async fn quota_set(
        &self,
        folder: FolderId,
        bytes: Option<u64>,
    ) -> StoreResult<bool> {
        let mut transaction = self.write().await?;
        let known = by_id(&mut transaction, folder).await?.is_some();
        let sql = "UPDATE folders SET quota = ? WHERE id = ?";
        transaction.execute(sql, values![bytes, folder]).await?;
        transaction.commit().await?;
        Ok(known)
    }

    pub(super) async fn setting_put(&self, key: &str, value: Blob) -> StoreResult<()> {
        let mut transaction = self.write().await?;
        // Another server may be putting it for the first time, too.
        let row = values![key, value.clone()];
        transaction.insert_new("settings", &["name", "setting"], vec![row]).await?;
        let sql = "UPDATE settings SET setting = ? WHERE name = ?";
        transaction.execute(sql, values![value, key]).await?;
        transaction.commit().await
    }

    pub(super) async fn setting_set_once(&self, key: &str, value: Blob) -> StoreResult<Blob> {
        let mut transaction = self.write().await?;
        let row = values![key, value.clone()];
        transaction.insert_new("settings", &["name", "setting"], vec![row]).await?;
        let now = setting(&mut transaction, key).await?;
        transaction.commit().await?;
        Ok(now.unwrap_or(value))
    }
}

pub(super) async fn by_name(
    transaction: &mut Transaction,
    name: &str,
) -> StoreResult<Option<Folder>> {
    let sql = "SELECT id, name FROM folders WHERE name = ?";
    transaction.row(sql, values![name]).await?.as_ref().map(folder).transpose()
}

pub(super) async fn by_id(
    transaction: &mut Transaction,
    id: FolderId,
) -> StoreResult<Option<Folder>> {
    let sql = "SELECT id, name FROM folders WHERE id = ?";
    transaction.row(sql, values![id]).await?.as_ref().map(folder).transpose()
}

pub(super) async fn all(transaction: &mut Transaction) -> StoreResult<Vec<Folder>> {
    let rows = transaction.query("SELECT id, name FROM folders ORDER BY name", vec![]).await?;
    rows.iter().map(folder).collect()
}

/// The folder's head; `locking` is how the select ends.
pub(super) async fn head(
    transaction: &mut Transaction,
    folder: FolderId,
    locking: &str,
) -> StoreResult<Option<Head>> {
    let sql =
        format!("SELECT seq, chain, tree_sum, bytes, quota FROM folders WHERE id = ?{locking}");
    let Some(row) = transaction.row(&sql, values![folder]).await? else { return Ok(None) };
    let cursor = Cursor { seq: row.seq(0)?, hash: ChainHash::from_bytes(row.array(1)?) };
    let sum = sum(&row.array(2)?);
    Ok(Some(Head { cursor, sum, bytes: row.number(3)?, quota: row.optional(4, Row::number)? }))
}

/// How far the journals of these folders go.
pub(super) async fn heads(
    transaction: &mut Transaction,
    folders: Vec<FolderId>,
) -> StoreResult<Vec<(FolderId, Seq)>> {
    let keys = folders.into_iter().map(|folder| values![folder]).collect();
    let rows = transaction.query_any("SELECT id, seq FROM folders", "id = ?", keys).await?;
    rows.iter().map(|row| Ok((FolderId::from_bytes(row.array(0)?), row.seq(1)?))).collect()
}

/// Sets the head, but for the quota, which is not the journal's to change.
pub(super) async fn set_head(
    transaction: &mut Transaction,
    folder: FolderId,
    head: Head,
) -> StoreResult<()> {
    let Head { cursor, sum, bytes, quota: _ } = head;
    let sql = "UPDATE folders SET seq = ?, chain = ?, tree_sum = ?, bytes = ? WHERE id = ?";
    let values = values![cursor.seq, cursor.hash, limbs(sum), bytes, folder];
    transaction.execute(sql, values).await?;
    Ok(())
}

pub(super) async fn setting(transaction: &mut Transaction, key: &str) -> StoreResult<Option<Blob>> {
    let sql = "SELECT setting FROM settings WHERE name = ?";
    let row = transaction.row(sql, values![key]).await?;
    row.map(|row| row.bytes(0).map(Blob::from)).transpose()
}

fn folder(row: &Row) -> StoreResult<Folder> {
    Ok(Folder { id: FolderId::from_bytes(row.array(0)?), name: row.text(1)? })
}

/// A sum's limbs, least significant first, each as eight bytes, least significant first.
fn limbs(sum: TreeSum) -> Value {
    Value::Bytes(sum.limbs().iter().flat_map(|limb| limb.to_le_bytes()).collect())
}

fn sum(bytes: &[u8; 32]) -> TreeSum {
    let mut limbs = [0; 4];
    for (limb, bytes) in limbs.iter_mut().zip(bytes.chunks_exact(8)) {
        *limb = u64::from_le_bytes(bytes.try_into().expect("chunks of eight bytes"));
    }
    TreeSum::from_limbs(limbs)
}
