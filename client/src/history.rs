//! What happened in a folder: one line a change, for `log` and for the terminal of a running client.

use std::fmt;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use onefold_core::client::event::{Action, Notice};
use onefold_core::id::DeviceId;
use onefold_core::time::WallTime;
use serde::{Deserialize, Serialize};

use crate::status::shown;

/// One change, as `log --json` shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogLine {
    /// When the server accepted it, in UTC (RFC 3339).
    pub time: String,
    /// Who did it.
    pub device: String,
    /// What was done.
    pub action: Done,
    /// To what.
    pub path: String,
    /// Where it was before, of what was moved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// What a conflict copy stands beside.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub beside: Option<String>,
}

/// What was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Done {
    /// It was made.
    Created,
    /// Its bytes, or its target, changed.
    Edited,
    /// Its executable bit changed.
    ModeChanged,
    /// Its name or directory changed.
    Moved,
    /// It was deleted.
    Deleted,
    /// A conflict copy was made here.
    ConflictCopy,
}

impl LogLine {
    /// The line of a notice, if it is about a change; `name` knows what devices are called.
    pub fn of(
        notice: &Notice,
        here: &str,
        now: Timestamp,
        name: impl FnOnce(DeviceId) -> String,
    ) -> Option<Self> {
        match notice {
            Notice::Happened { time, device, action, path, from } => Some(Self {
                time: timestamp(*time).to_string(),
                device: name(*device),
                action: Done::from(*action),
                path: shown(path),
                from: from.as_ref().map(shown),
                beside: None,
            }),
            Notice::ConflictCopy { copy, beside } => Some(Self {
                time: now.to_string(),
                device: here.to_owned(),
                action: Done::ConflictCopy,
                path: shown(copy),
                from: None,
                beside: Some(shown(beside)),
            }),
            Notice::Merging(_) | Notice::Halted(_) => None,
        }
    }

    /// The line without its time, for a terminal where it appears as it happens.
    pub fn terse(&self) -> impl fmt::Display + '_ {
        struct Terse<'a>(&'a LogLine);
        impl fmt::Display for Terse<'_> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let LogLine { device, action, path, from, beside, .. } = self.0;
                let action = match action {
                    Done::Created => "created",
                    Done::Edited => "edited",
                    Done::ModeChanged => "changed mode of",
                    Done::Moved => "moved",
                    Done::Deleted => "deleted",
                    Done::ConflictCopy => "kept a conflict copy:",
                };
                write!(f, "{action} {path}")?;
                if let Some(from) = from {
                    write!(f, " (was {from})")?;
                }
                if let Some(beside) = beside {
                    write!(f, " (beside {beside})")?;
                }
                write!(f, " [{device}]")
            }
        }
        Terse(self)
    }
}

impl fmt::Display for LogLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.time.parse::<Timestamp>() {
            Ok(time) => {
                let local = time.to_zoned(TimeZone::system());
                write!(f, "{} {}", local.strftime("%Y-%m-%d %H:%M:%S"), self.terse())
            }
            Err(_) => write!(f, "{} {}", self.time, self.terse()),
        }
    }
}

impl From<Action> for Done {
    fn from(action: Action) -> Self {
        match action {
            Action::Created => Self::Created,
            Action::Edited => Self::Edited,
            Action::ModeChanged => Self::ModeChanged,
            Action::Moved => Self::Moved,
            Action::Deleted => Self::Deleted,
        }
    }
}

/// A server's clock may say anything; what no calendar holds is shown as 1970.
fn timestamp(time: WallTime) -> Timestamp {
    Timestamp::from_millisecond(time.0).unwrap_or(Timestamp::UNIX_EPOCH)
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
        let line = LogLine::of(&notice, "here", Timestamp::UNIX_EPOCH, |_| "desk".to_owned());
        let line = line.unwrap();
        assert_eq!(line.terse().to_string(), "moved b (was a) [desk]");
        let json = serde_json::to_value(&line).unwrap();
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
    fn a_conflict_copy_is_told_with_what_it_stands_beside() {
        let notice = Notice::ConflictCopy { copy: path("a 2"), beside: path("a") };
        let line = LogLine::of(&notice, "here", Timestamp::UNIX_EPOCH, |_| String::new()).unwrap();
        assert_eq!(line.terse().to_string(), "kept a conflict copy: a 2 (beside a) [here]");
    }
}
