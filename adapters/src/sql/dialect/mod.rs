//! What differs between SQL databases: how to open one, begin, run a statement, and read an error.
//!
//! [`Database`] and [`Transaction`] are all that the stores see; each variant of them is a few lines
//! that name what one database needs, and nothing outside this folder asks which one it is.

/// A prepared statement with its values. All our statements are texts of this crate and question
/// marks.
macro_rules! bound {
    ($sql:expr, $values:expr) => {
        $values.into_iter().fold(
            sqlx::query(sqlx::AssertSqlSafe(($sql).to_owned())),
            |query, value| match value {
                $crate::sql::Value::Null => query.bind(None::<i64>),
                $crate::sql::Value::Int(number) => query.bind(number),
                $crate::sql::Value::Bytes(bytes) => query.bind(bytes),
            },
        )
    };
}

mod mysql;
mod sqlite;

use std::path::Path;

use sqlx::pool::PoolConnection;
use sqlx::{MySql, Sqlite};

pub use mysql::MySqlOptions;

use super::{Row, Value, values};
use crate::port::StoreError;

type StoreResult<T> = Result<T, StoreError>;

/// How many prepared statements a connection keeps: all that there are, with a few sizes each.
const STATEMENTS: usize = 512;

/// An open database.
#[derive(Clone, Debug)]
pub(crate) enum Database {
    Sqlite(sqlite::Pools),
    MySql(mysql::Pool),
}

/// When a committed transaction is durable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Durability {
    /// On stable storage at once.
    Full,
    /// It survives the end of the process at once, and a power cut after the next full one.
    Lazy,
}

/// Held while the schema is brought up to date; nobody else does it meanwhile.
pub(crate) enum MigrationLock {
    /// Each migration is a transaction of its own, and they take turns.
    Sqlite,
    /// A lock that ends with its connection: what changes a schema ends any transaction.
    MySql { _connection: Box<PoolConnection<MySql>> },
}

impl Database {
    /// Opens an SQLite file, made if it is missing. Other processes may have it open, too.
    pub(crate) async fn sqlite(path: &Path, durability: Durability) -> StoreResult<Self> {
        sqlite::Pools::open(path, durability).await.map(Self::Sqlite)
    }

    /// Opens a database of a MySQL or MariaDB server, made if it is missing.
    pub(crate) async fn mysql(url: &str, options: &MySqlOptions) -> StoreResult<Self> {
        mysql::Pool::open(url, options).await.map(Self::MySql)
    }

    /// A transaction that only reads. On SQLite it reads one state of the database; on MySQL each
    /// statement reads what was committed when it began.
    pub(crate) async fn read(&self) -> StoreResult<Transaction> {
        match self {
            Self::Sqlite(pools) => pools.read().await.map(Transaction::Sqlite),
            Self::MySql(pool) => pool.read().await.map(Transaction::MySqlReading),
        }
    }

    /// A transaction that may write, durable when it is committed. What its locking selects read
    /// nobody else changes before it ends.
    pub(crate) async fn write(&self) -> StoreResult<Transaction> {
        match self {
            Self::Sqlite(pools) => pools.write().await.map(Transaction::Sqlite),
            Self::MySql(pool) => pool.write().await.map(Transaction::MySql),
        }
    }

    /// As [`Database::write`], but a power cut may take it back until the next durable one, where
    /// the database has such a thing.
    pub(crate) async fn write_lazily(&self) -> StoreResult<Transaction> {
        match self {
            Self::Sqlite(pools) => pools.write_lazily().await.map(Transaction::Sqlite),
            Self::MySql(pool) => pool.write().await.map(Transaction::MySql),
        }
    }

    /// What a select ends with that locks its rows until the transaction ends. SQLite's writing
    /// transactions are alone anyway.
    pub(crate) fn locking(&self) -> &'static str {
        match self {
            Self::Sqlite(_) => "",
            Self::MySql(_) => " FOR UPDATE",
        }
    }

    /// Waits until nobody else brings the schema up to date.
    pub(crate) async fn lock_migrations(&self) -> StoreResult<MigrationLock> {
        match self {
            Self::Sqlite(_) => Ok(MigrationLock::Sqlite),
            Self::MySql(pool) => {
                let connection = pool.lock_migrations().await?;
                Ok(MigrationLock::MySql { _connection: Box::new(connection) })
            }
        }
    }

    /// Waits until everything is closed.
    pub(crate) async fn close(&self) {
        match self {
            Self::Sqlite(pools) => pools.close().await,
            Self::MySql(pool) => pool.close().await,
        }
    }
}

/// A transaction; dropped, it is rolled back.
pub(crate) enum Transaction {
    Sqlite(sqlx::Transaction<'static, Sqlite>),
    MySql(sqlx::Transaction<'static, MySql>),
    MySqlReading(PoolConnection<MySql>),
}

impl Transaction {
    /// All rows of a query.
    pub(crate) async fn query(&mut self, sql: &str, values: Vec<Value>) -> StoreResult<Vec<Row>> {
        match self {
            Self::Sqlite(transaction) => {
                let query = bound!(sql, values);
                let rows = query.fetch_all(&mut **transaction).await.map_err(sqlite::told)?;
                rows.iter().map(sqlite::row).collect()
            }
            Self::MySql(transaction) => mysql::query(transaction, sql, values).await,
            Self::MySqlReading(connection) => mysql::query(connection, sql, values).await,
        }
    }

    /// Runs a statement; the number of rows that it found to change.
    pub(crate) async fn execute(&mut self, sql: &str, values: Vec<Value>) -> StoreResult<u64> {
        match self {
            Self::Sqlite(transaction) => {
                let done = bound!(sql, values).execute(&mut **transaction).await;
                Ok(done.map_err(sqlite::told)?.rows_affected())
            }
            Self::MySql(transaction) => mysql::execute(transaction, sql, values).await,
            Self::MySqlReading(connection) => mysql::execute(connection, sql, values).await,
        }
    }

    /// What an insert of these columns ends with that leaves a row with the same key as it is.
    pub(crate) fn keeping(&self, column: &str) -> String {
        match self {
            Self::Sqlite(_) => " ON CONFLICT DO NOTHING".to_owned(),
            Self::MySql(_) | Self::MySqlReading(_) => {
                format!(" ON DUPLICATE KEY UPDATE {column} = {column}")
            }
        }
    }

    /// Runs the statements of a migration.
    pub(crate) async fn script(&mut self, script: &'static str) -> StoreResult<()> {
        let script = sqlx::raw_sql(script);
        match self {
            Self::Sqlite(transaction) => {
                script.execute(&mut **transaction).await.map_err(sqlite::told)?;
            }
            Self::MySql(transaction) => {
                script.execute(&mut **transaction).await.map_err(mysql::told)?;
            }
            Self::MySqlReading(connection) => {
                script.execute(&mut **connection).await.map_err(mysql::told)?;
            }
        }
        Ok(())
    }

    /// Whether the database has a table of this name.
    pub(crate) async fn has_table(&mut self, name: &str) -> StoreResult<bool> {
        let sql = match self {
            Self::Sqlite(_) => sqlite::HAS_TABLE,
            Self::MySql(_) | Self::MySqlReading(_) => mysql::HAS_TABLE,
        };
        Ok(self.row(sql, values![name]).await?.is_some())
    }

    /// Makes all of it happen.
    pub(crate) async fn commit(self) -> StoreResult<()> {
        match self {
            Self::Sqlite(transaction) => transaction.commit().await.map_err(sqlite::told),
            Self::MySql(transaction) => transaction.commit().await.map_err(mysql::told),
            Self::MySqlReading(_) => Ok(()),
        }
        .map_err(|error| match error {
            StoreError::Unavailable(reason) => StoreError::Unknown(reason),
            error => error,
        })
    }
}
