//! The arm on disk: one SQLite file for each linked folder, with the log of what happened beside.
//!
//! A saved batch survives a kill at once, and a power cut after SQLite's next checkpoint; batches
//! survive in order (WAL, `synchronous=NORMAL`). That is enough: an older state is a device that
//! acknowledged more than it has, and it merges.

use std::path::Path;

use onefold_core::blob::Blob;
use onefold_core::client::event::Action;
use onefold_core::client::saved::{SaveBatch, Saved};
use onefold_core::id::NodeId;
use onefold_core::name::RelPath;
use onefold_core::time::WallTime;
use serde::{Deserialize, Serialize};

use crate::port::{StoreError, Trees};
use crate::sql::dialect::{Database, Durability};
use crate::sql::{Row, encoded, migrate, values};

const MIGRATIONS: &[&str] = &[include_str!("../../migrations/trees/1.sql")];

/// State in a file. Several processes may read it; one saves.
#[derive(Debug)]
pub struct SqliteTrees {
    database: Database,
}

/// A line of the log: something that happened to a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogLine {
    /// When the server accepted it.
    pub time: WallTime,
    /// The name of the device that did it.
    pub device: String,
    /// What was done.
    pub action: Action,
    /// Where the node then was.
    pub path: RelPath,
    /// Where it was before, for a move.
    pub from: Option<RelPath>,
}

/// The part of a line that nothing is searched by.
#[derive(Serialize, Deserialize)]
struct Detail {
    action: Action,
    path: RelPath,
    from: Option<RelPath>,
}

impl SqliteTrees {
    /// Opens a file, made if it is missing.
    pub async fn open(path: &Path) -> Result<Self, StoreError> {
        let database = Database::sqlite(path, Durability::Lazy).await?;
        migrate(&database, MIGRATIONS).await?;
        Ok(Self { database })
    }

    /// Adds lines at the end of the log.
    pub async fn append_log(&self, lines: Vec<LogLine>) -> Result<(), StoreError> {
        let mut transaction = self.database.write().await?;
        let rows = lines.into_iter().map(|line| {
            let LogLine { time, device, action, path, from } = line;
            values![time.0, device.as_str(), encoded(&Detail { action, path, from })]
        });
        transaction.insert("INSERT INTO log (time_ms, device, line)", rows.collect()).await?;
        transaction.commit().await
    }

    /// Lines after this number, oldest first, each with its own: 1, 2, 3 …
    pub async fn log_since(
        &self,
        after: u64,
        limit: usize,
    ) -> Result<Vec<(u64, LogLine)>, StoreError> {
        let mut transaction = self.database.read().await?;
        let sql = "SELECT id, time_ms, device, line FROM log WHERE id > ? ORDER BY id LIMIT ?";
        let rows = transaction.query(sql, values![after, limit as u64]).await?;
        let line = |row: &Row| {
            let Detail { action, path, from } = row.decoded(3)?;
            let (time, device) = (WallTime(row.int(1)?), row.text(2)?);
            Ok((row.number(0)?, LogLine { time, device, action, path, from }))
        };
        rows.iter().map(line).collect()
    }

    /// How many lines the log has.
    pub async fn log_len(&self) -> Result<u64, StoreError> {
        let mut transaction = self.database.read().await?;
        let row = transaction.row("SELECT MAX(id) FROM log", Vec::new()).await?;
        row.map_or(Ok(0), |row| Ok(row.optional(0, Row::number)?.unwrap_or(0)))
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
