//! MySQL 8 and MariaDB: READ COMMITTED, since a commit's first statement locks its folder's row and all
//! else is read after it.

mod url;

use std::str::FromStr;
use std::time::Duration;

use sqlx::mysql::{MySqlConnectOptions, MySqlDatabaseError, MySqlPoolOptions, MySqlRow};
use sqlx::pool::PoolConnection;
use sqlx::{
    AssertSqlSafe, ConnectOptions, Connection, Executor, MySql, MySqlConnection, MySqlPool,
    Row as _, TypeInfo, ValueRef,
};

use super::{STATEMENTS, StoreResult};
use crate::port::StoreError;
use crate::sql::{Row, Value};

/// Whether a table is there, by its name.
pub(super) const HAS_TABLE: &str = "SELECT 1 FROM information_schema.tables \
                                    WHERE table_schema = DATABASE() AND table_name = ?";

/// What each connection is set to, whatever the server's own defaults are.
const SESSION: [&str; 2] = [
    "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED",
    "SET SESSION sql_mode = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION', \
     SESSION default_storage_engine = InnoDB, SESSION innodb_lock_wait_timeout = 20",
];
/// How long a server waits for another that brings the schema up to date, in seconds.
const MIGRATION_SECONDS: i64 = 120;

/// How a server's database is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MySqlOptions {
    /// The most connections that are open at a time; at least 2.
    pub connections: u32,
    /// How long one may take to be had.
    pub timeout: Duration,
}

impl Default for MySqlOptions {
    fn default() -> Self {
        Self { connections: 16, timeout: Duration::from_secs(10) }
    }
}

/// Connections to one database.
#[derive(Clone, Debug)]
pub(crate) struct Pool(MySqlPool);

impl Pool {
    pub(super) async fn open(url: &str, options: &MySqlOptions) -> StoreResult<Self> {
        url::check(url).map_err(StoreError::Refused)?;
        let senseless = |error: sqlx::Error| StoreError::Refused(error.to_string());
        let connect = MySqlConnectOptions::from_str(url).map_err(senseless)?;
        let connect = connect
            .statement_cache_capacity(STATEMENTS)
            .pipes_as_concat(false)
            .no_engine_substitution(false)
            .timezone(None);
        let place = format!("{}:{}", connect.get_host(), connect.get_port());
        create_missing(&connect, options.timeout).await.map_err(|error| at(&place, error))?;
        let pool = MySqlPoolOptions::new()
            .max_connections(options.connections.max(2))
            .acquire_timeout(options.timeout)
            .after_connect(|connection, _| {
                Box::pin(async move {
                    for setting in SESSION {
                        connection.execute(setting).await?;
                    }
                    Ok(())
                })
            })
            .connect_with(connect)
            .await
            .map_err(told)?;
        let pool = Self(pool);
        pool.tell_weaknesses().await?;
        Ok(pool)
    }

    pub(super) async fn read(&self) -> StoreResult<PoolConnection<MySql>> {
        self.0.acquire().await.map_err(told)
    }

    pub(super) async fn write(&self) -> StoreResult<sqlx::Transaction<'static, MySql>> {
        self.0.begin().await.map_err(told)
    }

    pub(super) async fn lock_migrations(&self) -> StoreResult<PoolConnection<MySql>> {
        let mut connection = self.read().await?;
        // Its name is the server's own, not the database's.
        let sql = "SELECT GET_LOCK(CONCAT('onefold ', SHA1(DATABASE())), ?)";
        let rows = query(&mut connection, sql, vec![Value::Int(MIGRATION_SECONDS)]).await?;
        if rows.first().is_none_or(|row| row.0.first() != Some(&Value::Int(1))) {
            let words = "another server has been bringing its schema up to date for too long";
            return Err(StoreError::Unavailable(words.to_owned()));
        }
        // The lock ends with the connection, which therefore must not go back to the others.
        connection.close_on_drop();
        Ok(connection)
    }

    /// Warns where what is answered may not survive a power cut, and of servers too old.
    async fn tell_weaknesses(&self) -> StoreResult<()> {
        let mut connection = self.read().await?;
        let sql = "SELECT @@innodb_flush_log_at_trx_commit, @@sync_binlog, @@log_bin, \
                   CAST(VERSION() AS BINARY)";
        let rows = query(&mut connection, sql, Vec::new()).await?;
        let Some([flush, sync, log, Value::Bytes(version)]) = rows.first().map(|row| &row.0[..])
        else {
            return Ok(());
        };
        if *flush != Value::Int(1) {
            tracing::warn!(
                "the database has innodb_flush_log_at_trx_commit = {flush:?}: a power cut can take \
                 back what devices were told is kept; set it to 1"
            );
        }
        if *log == Value::Int(1) && *sync != Value::Int(1) {
            tracing::warn!(
                "the database has sync_binlog = {sync:?}: after a power cut its replicas may differ \
                 from it; set it to 1"
            );
        }
        let version = String::from_utf8_lossy(version);
        let oldest = if version.contains("MariaDB") { (10, 6) } else { (8, 0) };
        if numbers(&version).is_some_and(|found| found < oldest) {
            tracing::warn!("the database is {version}: older than MySQL 8.0 or MariaDB 10.6");
        }
        Ok(())
    }

    pub(super) async fn close(&self) {
        self.0.close().await;
    }
}

/// Says which database does not answer.
fn at(place: &str, error: StoreError) -> StoreError {
    match error {
        StoreError::Unavailable(why) => StoreError::Unavailable(format!("{place}: {why}")),
        StoreError::Refused(why) => StoreError::Refused(format!("{place}: {why}")),
        error => error,
    }
}

/// The first two numbers of a version.
fn numbers(version: &str) -> Option<(u32, u32)> {
    let mut numbers = version.split(['.', '-']).map(str::parse);
    Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
}

/// Makes the database that the options name if the server does not have it.
async fn create_missing(connect: &MySqlConnectOptions, timeout: Duration) -> StoreResult<()> {
    let Some(name) = connect.get_database() else {
        let words = "the URL names no database: mysql://USER:PASSWORD@HOST/DATABASE";
        return Err(StoreError::Refused(words.to_owned()));
    };
    let late = |_| StoreError::Unavailable(format!("no answer within {} s", timeout.as_secs()));
    match tokio::time::timeout(timeout, connect.connect()).await.map_err(late)? {
        Ok(connection) => connection.close().await.map_err(told),
        Err(error) if number(&error) == Some(ER_BAD_DB_ERROR) => {
            // This one every server has.
            let server = connect.clone().database("information_schema");
            let mut connection = server.connect().await.map_err(told)?;
            let sql = format!("CREATE DATABASE IF NOT EXISTS `{}`", name.replace('`', "``"));
            connection.execute(AssertSqlSafe(sql)).await.map_err(told)?;
            connection.close().await.map_err(told)
        }
        Err(error) => Err(told(error)),
    }
}

pub(super) async fn query(
    connection: &mut MySqlConnection,
    sql: &str,
    values: Vec<Value>,
) -> StoreResult<Vec<Row>> {
    let rows = bound!(sql, values).fetch_all(connection).await.map_err(told)?;
    rows.iter().map(row).collect()
}

pub(super) async fn execute(
    connection: &mut MySqlConnection,
    sql: &str,
    values: Vec<Value>,
) -> StoreResult<u64> {
    let done = bound!(sql, values).execute(connection).await.map_err(told)?;
    Ok(done.rows_affected())
}

fn row(row: &MySqlRow) -> StoreResult<Row> {
    let value = |column| {
        let raw = row.try_get_raw(column)?;
        Ok(match (raw.is_null(), raw.type_info().name()) {
            (true, _) => Value::Null,
            (false, name) if name.contains("INT") => Value::Int(row.try_get_unchecked(column)?),
            (false, _) => Value::Bytes(row.try_get_unchecked(column)?),
        })
    };
    (0..row.len()).map(value).collect::<sqlx::Result<_>>().map(Row).map_err(told)
}

/// The server has no database of this name.
const ER_BAD_DB_ERROR: u16 = 1049;
/// The server does not let this user in, or not into this database.
const ER_DBACCESS_DENIED_ERROR: u16 = 1044;
const ER_ACCESS_DENIED_ERROR: u16 = 1045;
/// Another transaction had locked what this one waited for, for too long, or waited for this one.
const ER_LOCK_WAIT_TIMEOUT: u16 = 1205;
const ER_LOCK_DEADLOCK: u16 = 1213;

/// The server's number of an error.
fn number(error: &sqlx::Error) -> Option<u16> {
    let error = error.as_database_error()?.try_downcast_ref::<MySqlDatabaseError>()?;
    Some(error.number())
}

pub(super) fn told(error: sqlx::Error) -> StoreError {
    match number(&error) {
        Some(ER_LOCK_WAIT_TIMEOUT | ER_LOCK_DEADLOCK) => StoreError::Contended(error.to_string()),
        Some(ER_DBACCESS_DENIED_ERROR | ER_ACCESS_DENIED_ERROR) => {
            StoreError::Refused(error.to_string())
        }
        _ => StoreError::Unavailable(error.to_string()),
    }
}
