//! What differs between SQL databases: how to open one, begin, run a statement, and read an error.
//!
//! A second database is another variant of [`Pools`] and [`Transaction`], and nothing outside this
//! file. SQLite: one connection writes, so that writers of this process wait in a fair queue and not
//! in SQLite's sleeping one, which is left for other processes.

use std::fs::OpenOptions;
use std::io::ErrorKind;
use std::path::Path;
use std::time::Duration;

use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteRow, SqliteSynchronous,
};
use sqlx::{AssertSqlSafe, Row as _, Sqlite, SqlitePool, TypeInfo, ValueRef};

use super::{Row, Value, values};
use crate::port::StoreError;

type StoreResult<T> = Result<T, StoreError>;

/// How long a writer waits for one of another process.
const BUSY_FOR: Duration = Duration::from_secs(20);
/// How many connections read beside the one that writes.
const READERS: u32 = 4;
/// How many prepared statements a connection keeps: all that there are, with a few sizes each.
const STATEMENTS: usize = 512;

/// An open database.
#[derive(Clone, Debug)]
pub(crate) struct Database {
    pools: Pools,
    durability: Durability,
}

#[derive(Clone, Debug)]
enum Pools {
    Sqlite { writer: SqlitePool, readers: SqlitePool },
}

/// When a committed transaction is durable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Durability {
    /// On stable storage at once.
    Full,
    /// It survives the end of the process at once, and a power cut after the next full one.
    Lazy,
}

impl Database {
    /// Opens an SQLite file, made if it is missing. Other processes may have it open, too.
    pub(crate) async fn sqlite(path: &Path, durability: Durability) -> StoreResult<Self> {
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
        Ok(Self { pools: Pools::Sqlite { writer, readers }, durability })
    }

    /// A transaction that reads one state of the database.
    pub(crate) async fn read(&self) -> StoreResult<Transaction> {
        let Pools::Sqlite { readers, .. } = &self.pools;
        readers.begin().await.map(Transaction::Sqlite).map_err(told)
    }

    /// A transaction that may write, durable when it is committed. What it reads nobody else changes
    /// before it ends.
    pub(crate) async fn write(&self) -> StoreResult<Transaction> {
        let Pools::Sqlite { writer, .. } = &self.pools;
        let begin = match self.durability {
            Durability::Full => "PRAGMA synchronous = FULL; BEGIN IMMEDIATE",
            Durability::Lazy => "BEGIN IMMEDIATE",
        };
        writer.begin_with(begin).await.map(Transaction::Sqlite).map_err(told)
    }

    /// As [`Database::write`], but a power cut may take it back until the next durable one.
    pub(crate) async fn write_lazily(&self) -> StoreResult<Transaction> {
        let Pools::Sqlite { writer, .. } = &self.pools;
        let begin = "PRAGMA synchronous = NORMAL; BEGIN IMMEDIATE";
        writer.begin_with(begin).await.map(Transaction::Sqlite).map_err(told)
    }

    /// What an insert begins with that leaves a row with the same key as it is.
    pub(crate) fn insert_new(&self) -> &'static str {
        let Pools::Sqlite { .. } = &self.pools;
        "INSERT OR IGNORE INTO"
    }

    /// What a select ends with that locks its row until the transaction ends. SQLite's writing
    /// transactions are alone anyway.
    pub(crate) fn locking(&self) -> &'static str {
        let Pools::Sqlite { .. } = &self.pools;
        ""
    }

    /// Waits until everything is closed.
    pub(crate) async fn close(&self) {
        let Pools::Sqlite { writer, readers } = &self.pools;
        readers.close().await;
        writer.close().await;
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

/// A transaction; dropped, it is rolled back.
pub(crate) enum Transaction {
    Sqlite(sqlx::Transaction<'static, Sqlite>),
}

impl Transaction {
    /// All rows of a query.
    pub(crate) async fn query(&mut self, sql: &str, values: Vec<Value>) -> StoreResult<Vec<Row>> {
        let Self::Sqlite(transaction) = self;
        let query = bound(sql, values);
        let rows = query.fetch_all(&mut **transaction).await.map_err(told)?;
        rows.iter().map(row).collect()
    }

    /// Runs a statement; the number of rows that it changed.
    pub(crate) async fn execute(&mut self, sql: &str, values: Vec<Value>) -> StoreResult<u64> {
        let Self::Sqlite(transaction) = self;
        let done = bound(sql, values).execute(&mut **transaction).await.map_err(told)?;
        Ok(done.rows_affected())
    }

    /// Runs the statements of a migration.
    pub(crate) async fn script(&mut self, script: &'static str) -> StoreResult<()> {
        let Self::Sqlite(transaction) = self;
        sqlx::raw_sql(script).execute(&mut **transaction).await.map_err(told)?;
        Ok(())
    }

    /// Whether the database has a table of this name.
    pub(crate) async fn has_table(&mut self, name: &str) -> StoreResult<bool> {
        let Self::Sqlite(_) = self;
        let sql = "SELECT 1 FROM sqlite_master WHERE type = 'table' AND CAST(name AS BLOB) = ?";
        Ok(self.row(sql, values![name]).await?.is_some())
    }

    /// Makes all of it happen.
    pub(crate) async fn commit(self) -> StoreResult<()> {
        let Self::Sqlite(transaction) = self;
        transaction.commit().await.map_err(|error| match told(error) {
            StoreError::Unavailable(reason) => StoreError::Unknown(reason),
            error
            @ (StoreError::Unknown(_) | StoreError::Newer { .. } | StoreError::Damaged(_)) => error,
        })
    }
}

type Query<'q> = sqlx::query::Query<'q, Sqlite, sqlx::sqlite::SqliteArguments>;

/// All our statements are texts of this crate and question marks.
fn bound<'q>(sql: &str, values: Vec<Value>) -> Query<'q> {
    let query = sqlx::query(AssertSqlSafe(sql.to_owned()));
    values.into_iter().fold(query, |query, value| match value {
        Value::Null => query.bind(None::<i64>),
        Value::Int(number) => query.bind(number),
        Value::Bytes(bytes) => query.bind(bytes),
    })
}

fn row(row: &SqliteRow) -> StoreResult<Row> {
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

fn told(error: sqlx::Error) -> StoreError {
    let code = error.as_database_error().and_then(|error| error.code());
    let code = code.and_then(|code| code.parse::<i32>().ok()).map(|code| code & 0xff);
    match code {
        Some(SQLITE_CORRUPT | SQLITE_NOTADB) => StoreError::Damaged(error.to_string()),
        _ => StoreError::Unavailable(error.to_string()),
    }
}
