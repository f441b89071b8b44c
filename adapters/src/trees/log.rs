//! The log of what happened in a folder: appended to, read in order, and searched from its end.
//!
//! Lines are numbered 1, 2, 3 … without a gap, so that a place in the whole log is a number; a search
//! goes by an index where it can, and else through the lines, newest first.

use onefold_core::client::event::Action;
use onefold_core::name::RelPath;
use onefold_core::time::WallTime;
use serde::{Deserialize, Serialize};

use super::sqlite::SqliteTrees;
use crate::port::StoreError;
use crate::sql::{Row, Value, encoded, values};

/// Lines that are filled in at a time.
const FILLED_AT_ONCE: u64 = 1_000;

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

/// Which lines are wanted. What is not said is not asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogFilter {
    /// Not after the line with this number.
    pub upto: Option<u64>,
    /// With this in a path or in the device's name, in small or capital letters.
    pub text: Option<String>,
    /// Of this kind.
    pub action: Option<Action>,
    /// By the device of this name.
    pub device: Option<String>,
    /// Of this path, or of what was in it.
    pub path: Option<RelPath>,
}

/// The part of a line that is read back.
#[derive(Serialize, Deserialize)]
struct Detail {
    action: Action,
    path: RelPath,
    from: Option<RelPath>,
}

/// Everything of a line but its number, as columns.
fn columns(line: LogLine) -> Vec<Value> {
    let LogLine { time, device, action, path, from } = line;
    let found = found(&device, &path, from.as_ref());
    let (path_bytes, from_bytes) = (path.to_bytes(), from.as_ref().map(RelPath::to_bytes));
    let detail = encoded(&Detail { action, path, from });
    values![
        time.0,
        device.as_str(),
        detail,
        number(action),
        &*path_bytes,
        from_bytes.as_deref(),
        found.as_str(),
    ]
}

/// What a text is looked for in.
fn found(device: &str, path: &RelPath, from: Option<&RelPath>) -> String {
    let text = |path: &RelPath| String::from_utf8_lossy(&path.to_bytes()).to_lowercase();
    format!("{}\n{}\n{}", device.to_lowercase(), text(path), from.map(text).unwrap_or_default())
}

fn number(action: Action) -> u64 {
    match action {
        Action::Created => 0,
        Action::Edited => 1,
        Action::ModeChanged => 2,
        Action::Moved => 3,
        Action::Deleted => 4,
    }
}

fn read(row: &Row) -> Result<(u64, LogLine), StoreError> {
    let Detail { action, path, from } = row.decoded(3)?;
    let (time, device) = (WallTime(row.int(1)?), row.text(2)?);
    Ok((row.number(0)?, LogLine { time, device, action, path, from }))
}

impl LogFilter {
    /// Whether every line is wanted, from some line on.
    fn wants_all(&self) -> bool {
        let Self { upto: _, text, action, device, path } = self;
        text.is_none() && action.is_none() && device.is_none() && path.is_none()
    }

    /// The condition, and its values.
    fn condition(&self, newest: u64) -> (String, Vec<Value>) {
        let Self { upto, text, action, device, path } = self;
        let mut terms = vec!["id <= ?"];
        let mut values = values![upto.map_or(newest, |upto| upto.min(newest))];
        if let Some(action) = action {
            terms.push("action = ?");
            values.push(number(*action).into());
        }
        if let Some(device) = device {
            terms.push("device = ?");
            values.push(device.as_str().into());
        }
        if let Some(path) = path {
            // What is in it begins with its name and a slash: all up to the next character.
            let at = path.to_bytes();
            let [below, beyond] = [b"/", b"0"].map(|end| [&at, &end[..]].concat());
            terms.push(
                "(path = ? OR (path > ? AND path < ?) OR from_path = ? OR \
                 (from_path > ? AND from_path < ?))",
            );
            values.extend(values![&*at, &*below, &*beyond, &*at, &*below, &*beyond]);
        }
        if let Some(text) = text {
            terms.push("instr(found, ?) > 0");
            values.push(text.to_lowercase().as_str().into());
        }
        (terms.join(" AND "), values)
    }
}

impl SqliteTrees {
    /// Adds lines at the end of the log.
    pub async fn append_log(&self, lines: Vec<LogLine>) -> Result<(), StoreError> {
        let mut transaction = self.database.write().await?;
        let into = "INSERT INTO log (time_ms, device, line, action, path, from_path, found)";
        transaction.insert(into, lines.into_iter().map(columns).collect()).await?;
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
        rows.iter().map(read).collect()
    }

    /// How many lines the log has.
    pub async fn log_len(&self) -> Result<u64, StoreError> {
        let mut transaction = self.database.read().await?;
        let row = transaction.row("SELECT MAX(id) FROM log", Vec::new()).await?;
        row.map_or(Ok(0), |row| Ok(row.optional(0, Row::number)?.unwrap_or(0)))
    }

    /// How many lines a filter lets through.
    pub async fn log_count(&self, filter: &LogFilter) -> Result<u64, StoreError> {
        let newest = self.log_len().await?;
        if filter.wants_all() {
            return Ok(filter.upto.map_or(newest, |upto| upto.min(newest)));
        }
        let (condition, values) = filter.condition(newest);
        let mut transaction = self.database.read().await?;
        let sql = format!("SELECT COUNT(*) FROM log WHERE {condition}");
        let row = transaction.row(&sql, values).await?;
        row.map_or(Ok(0), |row| row.number(0))
    }

    /// Lines that a filter lets through, newest first, but so many of the newest.
    pub async fn log_page(
        &self,
        filter: &LogFilter,
        skip: u64,
        limit: u64,
    ) -> Result<Vec<(u64, LogLine)>, StoreError> {
        let mut newest = self.log_len().await?;
        let mut skip = skip;
        if filter.wants_all() {
            newest = filter.upto.map_or(newest, |upto| upto.min(newest)).saturating_sub(skip);
            skip = 0;
        }
        let (condition, mut values) = filter.condition(newest);
        values.extend(values![limit, skip]);
        let sql = format!(
            "SELECT id, time_ms, device, line FROM log WHERE {condition} \
             ORDER BY id DESC LIMIT ? OFFSET ?"
        );
        let mut transaction = self.database.read().await?;
        let rows = transaction.query(&sql, values).await?;
        rows.iter().map(read).collect()
    }

    /// The names of the devices in the log.
    pub async fn log_devices(&self) -> Result<Vec<String>, StoreError> {
        // One step in the index for each device, not one for each line.
        let sql = "WITH RECURSIVE each (device) AS ( \
                   SELECT MIN(device) FROM log UNION ALL \
                   SELECT (SELECT MIN(log.device) FROM log WHERE log.device > each.device) \
                   FROM each WHERE each.device IS NOT NULL) \
                   SELECT device FROM each WHERE device IS NOT NULL";
        let mut transaction = self.database.read().await?;
        let rows = transaction.query(sql, Vec::new()).await?;
        rows.iter().map(|row| row.text(0)).collect()
    }

    /// Fills in what the lines of an older program lack.
    pub(super) async fn fill_in_log(&self) -> Result<(), StoreError> {
        loop {
            let mut transaction = self.database.read().await?;
            let sql = "SELECT 1 FROM log WHERE id = 1 AND path IS NULL";
            if transaction.row(sql, Vec::new()).await?.is_none() {
                return Ok(());
            }
            drop(transaction);
            let mut transaction = self.database.write().await?;
            let sql = "SELECT id, time_ms, device, line FROM log WHERE path IS NULL \
                       ORDER BY id DESC LIMIT ?";
            let rows = transaction.query(sql, values![FILLED_AT_ONCE]).await?;
            for row in &rows {
                let (id, line) = read(row)?;
                let mut values = columns(line).split_off(3);
                values.push(id.into());
                let sql = "UPDATE log SET action = ?, path = ?, from_path = ?, found = ? \
                           WHERE id = ?";
                transaction.execute(sql, values).await?;
            }
            transaction.commit().await?;
        }
    }
}
