//! What happened in a folder: one line a change, for `log` and for the terminal of a running client.

use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use onefold_adapters::port::StoreError;
use onefold_adapters::trees::{LogLine, SqliteTrees};
use onefold_core::client::event::{Action, Notice};
use onefold_core::id::DeviceId;
use onefold_core::time::WallTime;
use serde::{Serialize, Serializer};

use crate::error::Trouble;
use crate::home::Home;
use crate::linked::Linked;
use crate::restore;
use crate::status::shown;

/// One change, as `log --json` shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Change {
    /// When the server accepted it, in UTC (RFC 3339).
    #[serde(serialize_with = "as_text")]
    pub time: Timestamp,
    /// Who did it.
    pub device: String,
    /// What was done.
    pub action: &'static str,
    /// Where it now is.
    pub path: String,
    /// Where it was before, of what was moved.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
}

/// The line that is written down for a notice, if it is about a change; `name` knows the devices.
pub fn line(notice: &Notice, name: impl FnOnce(DeviceId) -> String) -> Option<LogLine> {
    match notice {
        Notice::Happened { time, device, action, path, from } => Some(LogLine {
            time: *time,
            device: name(*device),
            action: *action,
            path: path.clone(),
            from: from.clone(),
        }),
        Notice::ConflictCopy { .. }
        | Notice::Merging(_)
        | Notice::DeletionsHeld { .. }
        | Notice::Halted(_) => None,
    }
}

impl From<&LogLine> for Change {
    fn from(line: &LogLine) -> Self {
        let LogLine { time, device, action, path, from } = line;
        Self {
            time: timestamp(*time),
            device: device.clone(),
            action: match action {
                Action::Created => "created",
                Action::Edited => "edited",
                Action::ModeChanged => "mode_changed",
                Action::Moved => "moved",
                Action::Deleted => "deleted",
            },
            path: shown(path),
            from: from.as_ref().map(shown),
        }
    }
}

impl Change {
    /// The line with its time, in this machine's time zone.
    pub fn dated(&self) -> String {
        let local = self.time.to_zoned(TimeZone::system());
        format!("{} {self}", local.strftime("%Y-%m-%d %H:%M:%S"))
    }
}

impl fmt::Display for Change {
    /// The line without its time, for a terminal where it appears as it happens.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { device, action, path, from, .. } = self;
        write!(f, "{action} {path}")?;
        if let Some(from) = from {
            write!(f, " (was {from})")?;
        }
        write!(f, " [{device}]")
    }
}

/// A time as text (RFC 3339).
pub fn as_text<S: Serializer>(time: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(time)
}

/// A time, as `--json` shows it.
pub fn time_in_words(time: WallTime) -> String {
    timestamp(time).to_string()
}

/// A server's clock may say anything; what no calendar holds is shown as 1970.
fn timestamp(time: WallTime) -> Timestamp {
    Timestamp::from_millisecond(time.0).unwrap_or(Timestamp::UNIX_EPOCH)
}

/// The log of a folder.
#[derive(Debug)]
pub struct Log {
    trees: Arc<SqliteTrees>,
    read: u64,
}

/// How many lines are read at a time.
const LINES_AT_ONCE: usize = 1000;

impl Log {
    /// The log of a folder that is open.
    pub fn new(trees: Arc<SqliteTrees>) -> Self {
        Self { trees, read: 0 }
    }

    /// Opens the log of a folder, which may run meanwhile.
    pub async fn open(home: &Home, linked: &Linked) -> Result<Self, Trouble> {
        let path = restore::file(home, linked);
        let trees =
            SqliteTrees::open(&path).await.map_err(|error| restore::unusable(&path, &error))?;
        Ok(Self::new(Arc::new(trees)))
    }

    /// Closes its file.
    pub async fn close(&self) {
        self.trees.close().await;
    }

    /// Writes lines down.
    pub async fn append(&self, lines: Vec<LogLine>) -> Result<(), StoreError> {
        if lines.is_empty() { Ok(()) } else { self.trees.append_log(lines).await }
    }

    /// Lines that were not read yet, oldest first; none if there are no more now.
    pub async fn more(&mut self) -> Result<Vec<LogLine>, Trouble> {
        let lines = self.trees.log_since(self.read, LINES_AT_ONCE).await.map_err(|error| {
            Trouble::unchanged(format_args!("the log cannot be read: {error}"), "Try again")
        })?;
        self.read = lines.last().map_or(self.read, |(number, _)| *number);
        Ok(lines.into_iter().map(|(_, line)| line).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use onefold_core::name::RelPath;

    fn path(text: &str) -> RelPath {
        RelPath::parse(text.as_bytes()).unwrap()
    }

    #[test]
    fn a_move_tells_both_places_and_who_did_it() {
        let notice = Notice::Happened {
            time: WallTime(1_000),
            device: DeviceId::from_bytes([1; 16]),
            action: Action::Moved,
            path: path("b"),
            from: Some(path("a")),
        };
        let change = Change::from(&line(&notice, |_| "desk".to_owned()).unwrap());
        assert_eq!(change.to_string(), "moved b (was a) [desk]");
        assert!(change.dated().ends_with(&change.to_string()));
        let json = serde_json::to_value(&change).unwrap();
        let expected = serde_json::json!({
            "time": "1970-01-01T00:00:01Z",
            "device": "desk",
            "action": "moved",
            "path": "b",
            "from": "a",
        });
        assert_eq!(json, expected);
    }

    #[test]
    fn what_is_no_change_is_not_written_down() {
        let notice = Notice::ConflictCopy { copy: path("a 2"), beside: path("a") };
        assert_eq!(line(&notice, |_| String::new()), None);
    }
}
