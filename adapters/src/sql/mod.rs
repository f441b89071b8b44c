//! The common ground of the SQL stores: plain values and rows, and the schema's version.
//!
//! All statements are written so that SQLite and MySQL both take them; what differs is in
//! [`dialect`], and nowhere else.

pub(crate) mod dialect;

use onefold_core::blob::Blob;
use onefold_core::hash::{ChainHash, ChunkId, ContentId};
use onefold_core::id::{CommitKey, DeviceId, FolderId, Lineage, NodeId, Seq};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::port::StoreError;
use dialect::{Database, Transaction};

type StoreResult<T> = Result<T, StoreError>;

/// The most keys in one statement: within SQLite's depth of an expression, and MySQL's packet.
const KEYS_AT_ONCE: usize = 128;
/// The rows of one insert; what is left over goes one by one. So two statements are cached, not many.
const ROWS_AT_ONCE: usize = 32;
/// Rows of more bytes than this go one by one, so that many do not exceed MySQL's packet.
const SMALL_ROWS: usize = 8 * 1024 * 1024;

/// A value of a column. Texts and names are bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Value {
    Null,
    Int(i64),
    Bytes(Vec<u8>),
}

impl Value {
    fn len(&self) -> usize {
        match self {
            Self::Null | Self::Int(_) => 8,
            Self::Bytes(bytes) => bytes.len(),
        }
    }
}

macro_rules! bytes_value {
    ($($type:ty),*) => {$(
        impl From<$type> for Value {
            fn from(id: $type) -> Self {
                Self::Bytes(id.as_bytes().to_vec())
            }
        }
    )*};
}

bytes_value!(FolderId, DeviceId, NodeId, CommitKey, Lineage, ContentId, ChunkId, ChainHash, &str);

impl From<Seq> for Value {
    fn from(seq: Seq) -> Self {
        Self::from(seq.get())
    }
}

impl From<u64> for Value {
    /// Sizes and numbers are far below 2^63; one that is not would read back as negative, an error.
    fn from(number: u64) -> Self {
        Self::Int(number.cast_signed())
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Int(number)
    }
}

impl From<bool> for Value {
    fn from(flag: bool) -> Self {
        Self::Int(flag.into())
    }
}

impl From<&[u8]> for Value {
    fn from(bytes: &[u8]) -> Self {
        Self::Bytes(bytes.to_vec())
    }
}

impl<const N: usize> From<[u8; N]> for Value {
    fn from(bytes: [u8; N]) -> Self {
        Self::Bytes(bytes.to_vec())
    }
}

impl From<Blob> for Value {
    fn from(bytes: Blob) -> Self {
        Self::from(&*bytes)
    }
}

impl<T: Into<Self>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

/// A list of [`Value`]s.
macro_rules! values {
    ($($value:expr),* $(,)?) => {
        vec![$(crate::sql::Value::from($value)),*]
    };
}
pub(crate) use values;

/// Encodes what only the program looks into.
pub(crate) fn encoded(value: &impl Serialize) -> Value {
    Value::Bytes(postcard::to_allocvec(value).expect("our types are encodable"))
}

/// A row that was read. A column of another type than it should be is damage.
#[derive(Clone, Debug)]
pub(crate) struct Row(pub(crate) Vec<Value>);

impl Row {
    pub(crate) fn is_null(&self, column: usize) -> bool {
        self.0.get(column) == Some(&Value::Null)
    }

    pub(crate) fn int(&self, column: usize) -> StoreResult<i64> {
        match self.0.get(column) {
            Some(Value::Int(number)) => Ok(*number),
            other => Err(damaged(column, other)),
        }
    }

    /// A number that is never negative.
    pub(crate) fn number(&self, column: usize) -> StoreResult<u64> {
        u64::try_from(self.int(column)?).map_err(|_| damaged(column, self.0.get(column)))
    }

    pub(crate) fn seq(&self, column: usize) -> StoreResult<Seq> {
        self.number(column).map(Seq::new)
    }

    pub(crate) fn flag(&self, column: usize) -> StoreResult<bool> {
        self.int(column).map(|number| number != 0)
    }

    pub(crate) fn bytes(&self, column: usize) -> StoreResult<&[u8]> {
        match self.0.get(column) {
            Some(Value::Bytes(bytes)) => Ok(bytes),
            other => Err(damaged(column, other)),
        }
    }

    pub(crate) fn array<const N: usize>(&self, column: usize) -> StoreResult<[u8; N]> {
        self.bytes(column)?.try_into().map_err(|_| damaged(column, self.0.get(column)))
    }

    pub(crate) fn text(&self, column: usize) -> StoreResult<String> {
        let text = String::from_utf8(self.bytes(column)?.to_vec());
        text.map_err(|_| damaged(column, self.0.get(column)))
    }

    /// What [`encoded`] wrote.
    pub(crate) fn decoded<T: DeserializeOwned>(&self, column: usize) -> StoreResult<T> {
        postcard::from_bytes(self.bytes(column)?).map_err(|_| damaged(column, self.0.get(column)))
    }

    /// The column, if it is not NULL.
    pub(crate) fn optional<T>(
        &self,
        column: usize,
        read: impl FnOnce(&Self, usize) -> StoreResult<T>,
    ) -> StoreResult<Option<T>> {
        if self.is_null(column) { Ok(None) } else { read(self, column).map(Some) }
    }
}

fn damaged(column: usize, value: Option<&Value>) -> StoreError {
    let value = match value {
        None => "nothing".into(),
        Some(Value::Null) => "NULL".into(),
        Some(Value::Int(number)) => format!("{number}"),
        Some(Value::Bytes(bytes)) => format!("{} bytes", bytes.len()),
    };
    StoreError::Damaged(format!("column {column} of a row makes no sense: {value}"))
}

impl Transaction {
    /// The row, if there is one.
    pub(crate) async fn row(&mut self, sql: &str, values: Vec<Value>) -> StoreResult<Option<Row>> {
        Ok(self.query(sql, values).await?.into_iter().next())
    }

    /// The rows for which `term` holds with the values of one of the keys: `select … where (term or
    /// term …)`. The number of terms is a power of two (the last key doubled), so that few different
    /// statements are made.
    pub(crate) async fn query_any(
        &mut self,
        select: &str,
        term: &str,
        keys: Vec<Vec<Value>>,
    ) -> StoreResult<Vec<Row>> {
        let mut rows = Vec::new();
        for keys in keys.chunks(KEYS_AT_ONCE) {
            let (sql, values) = any_of(select, term, keys);
            rows.extend(self.query(&sql, values).await?);
        }
        Ok(rows)
    }

    /// [`Transaction::query_any`] for a `delete`.
    pub(crate) async fn delete_any(
        &mut self,
        delete: &str,
        term: &str,
        keys: Vec<Vec<Value>>,
    ) -> StoreResult<()> {
        for keys in keys.chunks(KEYS_AT_ONCE) {
            let (sql, values) = any_of(delete, term, keys);
            self.execute(&sql, values).await?;
        }
        Ok(())
    }

    /// Inserts rows: `into` is all of the statement up to `VALUES`.
    pub(crate) async fn insert(&mut self, into: &str, rows: Vec<Vec<Value>>) -> StoreResult<()> {
        self.inserted(into, rows, "").await
    }

    /// Inserts rows into the columns of a table, but leaves those as they are that have the same key.
    pub(crate) async fn insert_new(
        &mut self,
        table: &str,
        columns: &[&str],
        rows: Vec<Vec<Value>>,
    ) -> StoreResult<()> {
        let keeping = self.keeping(columns[0]);
        let into = format!("INSERT INTO {table} ({})", columns.join(", "));
        self.inserted(&into, rows, &keeping).await
    }

    async fn inserted(&mut self, into: &str, rows: Vec<Vec<Value>>, end: &str) -> StoreResult<()> {
        let bytes: usize = rows.iter().flatten().map(Value::len).sum();
        let small = if bytes < SMALL_ROWS { rows.len() } else { 0 };
        let (many, rest) = rows.split_at(small - small % ROWS_AT_ONCE);
        for rows in many.chunks(ROWS_AT_ONCE).chain(rest.chunks(1)) {
            let marks = format!("({})", vec!["?"; rows[0].len()].join(","));
            let sql = format!("{into} VALUES {}{end}", vec![marks; rows.len()].join(","));
            self.execute(&sql, rows.concat()).await?;
        }
        Ok(())
    }
}

fn any_of(statement: &str, term: &str, keys: &[Vec<Value>]) -> (String, Vec<Value>) {
    let padded = keys.len().next_power_of_two();
    let sql = format!("{statement} WHERE {}", vec![format!("({term})"); padded].join(" OR "));
    let last = keys.last().into_iter().cycle();
    let values = keys.iter().chain(last).take(padded).flatten().cloned().collect();
    (sql, values)
}

/// Brings the schema up to date: migrations are numbered from 1, each in one transaction. Where what
/// changes a schema ends a transaction, one that was cut off is done again: none minds what is there.
pub(crate) async fn migrate(database: &Database, migrations: &[&'static str]) -> StoreResult<()> {
    let known = i64::try_from(migrations.len()).expect("few migrations");
    let found = version(database).await?.unwrap_or(0);
    if found > known {
        return Err(StoreError::Newer { found, known });
    }
    if found == known {
        return Ok(());
    }
    let _alone = database.lock_migrations().await?;
    let mut create = database.write().await?;
    let sql = "CREATE TABLE IF NOT EXISTS onefold_schema (version BIGINT NOT NULL PRIMARY KEY)";
    create.execute(sql, Vec::new()).await?;
    create.commit().await?;
    for (version, script) in (1..).zip(migrations) {
        if version <= found {
            continue;
        }
        let mut transaction = database.write().await?;
        // Another process may have been first.
        let sql = "SELECT version FROM onefold_schema WHERE version >= ?";
        if transaction.row(sql, values![version]).await?.is_none() {
            transaction.script(script).await?;
            let sql = "INSERT INTO onefold_schema (version) VALUES (?)";
            transaction.execute(sql, values![version]).await?;
        }
        transaction.commit().await?;
    }
    Ok(())
}

/// The schema's version; `None` for a database without a schema.
async fn version(database: &Database) -> StoreResult<Option<i64>> {
    let mut transaction = database.read().await?;
    if !transaction.has_table("onefold_schema").await? {
        return Ok(None);
    }
    let sql = "SELECT MAX(version) FROM onefold_schema";
    let row = transaction.row(sql, Vec::new()).await?;
    row.map_or(Ok(Some(0)), |row| Ok(Some(row.optional(0, Row::int)?.unwrap_or(0))))
}
