//! SQLite: one connection writes, so that writers of this process wait in a fair queue and not in
//! SQLite's sleeping one, which is left for other processes.

use std::fs::OpenOptions;
use std::io::ErrorKind;
use std::path::Path;
use std::time::Duration;

use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteRow, SqliteSynchronous,
};
use sqlx::{Row as _, Sqlite, SqlitePool, TypeInfo, ValueRef};

use super::{Durability, STATEMENTS, StoreResult};
use crate::port::StoreError;
use crate::sql::{Row, Value};

/// How long a writer waits for one of another process.
const BUSY_FOR: Duration = Duration::from_secs(20);
/// How many connections read beside the one that writes.
const READERS: u32 = 4;

/// Whether a table is there, by its name.
pub(super) const HAS_TABLE: &str =
    "SELECT 1 FROM sqlite_master WHERE type = 'table' AND CAST(name AS BLOB) = ?";

/// An open file.
#[derive(Clone, Debug)]
pub(crate) struct Pools {
    writer: SqlitePool,
    readers: SqlitePool,
    durability: Durability,
}

impl Pools {
    pub(super) async fn open(path: &Path, durability: Durability) -> StoreResult<Self> {
        made_private(path)?;
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(match durability {
                Durability::Full => SqliteSynchronous::Full,
                Durability::Lazy => SqliteSynchronous::Normal,
            })
            .statement_cache_capacity(STATEMENTS)
            .busy_timeout(BUSY_FOR);
        let pool = |connections| {
            SqlitePoolOptions::new()
                .max_connections(connections)
                .idle_timeout(None)
                .max_lifetime(None)
                .test_before_acquire(false)
        };
        let writer = pool(1).connect_with(options.clone()).await.map_err(told)?;
        let readers = pool(READERS).connect_lazy_with(options);
        Ok(Self { writer, readers, durability })
    }

    pub(super) async fn read(&self) -> StoreResult<sqlx::Transaction<'static, Sqlite>> {
        self.readers.begin().await.map_err(told)
    }

    pub(super) async fn write(&self) -> StoreResult<sqlx::Transaction<'static, Sqlite>> {
        let begin = match self.durability {
            Durability::Full => "PRAGMA synchronous = FULL; BEGIN IMMEDIATE",
            Durability::Lazy => "BEGIN IMMEDIATE",
        };
        self.writer.begin_with(begin).await.map_err(told)
    }

    pub(super) async fn write_lazily(&self) -> StoreResult<sqlx::Transaction<'static, Sqlite>> {
        let begin = "PRAGMA synchronous = NORMAL; BEGIN IMMEDIATE";
        self.writer.begin_with(begin).await.map_err(told)
    }

    pub(super) async fn close(&self) {
        self.readers.close().await;
        self.writer.close().await;
    }
}

/// Makes a missing file for its owner alone: it holds hashes of secrets, and names. What SQLite keeps
/// beside it gets the same mode. A file that is there is not touched: to close a descriptor of it would
/// drop the locks that SQLite holds on it for this process.
fn made_private(path: &Path) -> StoreResult<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.open(path) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(StoreError::Unavailable(format!("{}: {error}", path.display()))),
    }
}

pub(super) fn row(row: &SqliteRow) -> StoreResult<Row> {
    let value = |column| {
        let raw = row.try_get_raw(column)?;
        Ok(match (raw.is_null(), raw.type_info().name()) {
            (true, _) => Value::Null,
            (false, "INTEGER") => Value::Int(row.try_get_unchecked(column)?),
            (false, _) => Value::Bytes(row.try_get_unchecked(column)?),
        })
    };
    (0..row.len()).map(value).collect::<sqlx::Result<_>>().map(Row).map_err(told)
}

/// SQLite's primary result codes for a file that is no database, or a broken one.
const SQLITE_CORRUPT: i32 = 11;
const SQLITE_NOTADB: i32 = 26;

pub(super) fn told(error: sqlx::Error) -> StoreError {
    let code = error.as_database_error().and_then(|error| error.code());
    let code = code.and_then(|code| code.parse::<i32>().ok()).map(|code| code & 0xff);
    match code {
        Some(SQLITE_CORRUPT | SQLITE_NOTADB) => StoreError::Damaged(error.to_string()),
        _ => StoreError::Unavailable(error.to_string()),
    }
}
