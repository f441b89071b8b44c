//! The arm on disk: one SQLite file for each linked folder, with the log of what happened beside.
//!
//! A saved batch survives a kill at once, and a power cut after SQLite's next checkpoint; batches
//! survive in order (WAL, `synchronous=NORMAL`). That is enough: an older state is a device that
//! acknowledged more than it has, and it merges.

use std::path::Path;

use onefold_core::blob::Blob;
use onefold_core::client::saved::{SaveBatch, Saved};
use onefold_core::id::NodeId;

use crate::port::{StoreError, Trees};
use crate::sql::dialect::{Database, Durability};
use crate::sql::{migrate, values};

const MIGRATIONS: &[&str] =
    &[include_str!("../../migrations/trees/1.sql"), include_str!("../../migrations/trees/2.sql")];

/// State in a file. Several processes may read it; one saves.
#[derive(Debug)]
pub struct SqliteTrees {
    pub(super) database: Database,
}

impl SqliteTrees {
    /// Opens a file, made if it is missing.
    pub async fn open(path: &Path) -> Result<Self, StoreError> {
        let database = Database::sqlite(path, Durability::Lazy).await?;
        migrate(&database, MIGRATIONS).await?;
        let trees = Self { database };
        trees.fill_in_log().await?;
        Ok(trees)
    }

    /// Closes the file. Without it, all that was saved is kept as well.
    pub async fn close(&self) {
        self.database.close().await;
    }
}

impl Trees for SqliteTrees {
    async fn load(&self) -> Result<Saved, StoreError> {
        let mut transaction = self.database.read().await?;
        let rows =
            transaction.query("SELECT node, record FROM records ORDER BY node", Vec::new()).await?;
        let records = rows
            .iter()
            .map(|row| Ok((NodeId::from_bytes(row.array(0)?), Blob::from(row.bytes(1)?))))
            .collect::<Result<_, StoreError>>()?;
        let header = transaction.row("SELECT header FROM header", Vec::new()).await?;
        let header = header.map(|row| row.bytes(0).map(Blob::from)).transpose()?;
        Ok(Saved { records, header })
    }

    async fn save(&self, batch: SaveBatch) -> Result<(), StoreError> {
        let SaveBatch { clear, records, header } = batch;
        let mut transaction = self.database.write().await?;
        if clear {
            transaction.execute("DELETE FROM records", Vec::new()).await?;
        }
        let gone = records.iter().filter(|(_, record)| record.is_none());
        let gone = gone.map(|(node, _)| values![*node]).collect();
        transaction.delete_any("DELETE FROM records", "node = ?", gone).await?;
        let kept = records.into_iter().filter_map(|(node, record)| Some(values![node, record?]));
        let insert = "INSERT OR REPLACE INTO records (node, record)";
        transaction.insert(insert, kept.collect()).await?;
        if let Some(header) = header {
            let sql = "INSERT OR REPLACE INTO header (id, header) VALUES (0, ?)";
            transaction.execute(sql, values![header]).await?;
        }
        transaction.commit().await
    }
}
