//! `onefold status PATH`: why one thing is, or is not, in sync.
//!
//! The engine is asked, of the running client or as it was saved; what it does not sync, the disk
//! tells about. Nothing is changed by asking.

use std::ffi::OsStr;
use std::fmt;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use onefold_adapters::disk::not_synced;
use onefold_core::client::{Explained, ProblemKind, Wait, Why};
use onefold_core::name::{Name, RelPath};
use onefold_core::node::Kind;
use serde::{Deserialize, Serialize};

use crate::error::Trouble;
use crate::history::{Change, Log};
use crate::home::{Home, full_path};
use crate::linked::Linked;
use crate::progress::Transfer;
use crate::status::{shown, word};
use crate::words::size;

/// What is known of one path, as `status PATH --json` shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PathStatus {
    /// The path, from the folder's root.
    pub path: String,
    /// The folder's root here.
    pub root: String,
    /// `file`, `directory` or `symlink`, if it is known.
    pub kind: Option<String>,
    /// Whether a client runs; if not, this is as the last one left it.
    pub running: bool,
    /// One word: `in_sync`, `sending`, `fetching`, `waiting`, a kind of problem, `ignored`,
    /// `not_synced`, `unknown`, `not_seen`, `stopped`.
    pub state: String,
    /// Why, in words.
    pub reason: String,
    /// The last change of it that this device knows of: when, what and by whom.
    pub last_change: Option<String>,
    /// How much of it is there, while it is on its way.
    pub transfer: Option<Transfer>,
    /// What in a directory is not in sync: not all, where that is much.
    pub inside: Vec<Inside>,
    /// How many things that is.
    pub not_in_sync: u64,
}

/// Something in a directory that is not in sync.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Inside {
    /// Its path, from the folder's root.
    pub path: String,
    /// One word, as for the path that was asked about.
    pub state: String,
    /// Why, in words.
    pub reason: String,
}

/// The linked folder that a path is in, but not the root of; and the path from there.
pub fn inside(home: &Home, path: &Path) -> Result<Option<(Linked, RelPath)>, Trouble> {
    let full = full(path)?;
    let linked = home.linked()?;
    let Some(linked) = linked.into_iter().find(|linked| full.starts_with(&linked.root)) else {
        return Ok(None);
    };
    let rest = full.strip_prefix(&linked.root).map_err(Trouble::bug)?;
    let names: Result<Vec<Name>, _> = rest.iter().map(|name| Name::new(name.as_bytes())).collect();
    let names = names.map_err(|error| {
        Trouble::unchanged(
            format_args!("{} is never synced: {error}", path.display()),
            "It stays on this device alone",
        )
    })?;
    Ok((!names.is_empty()).then(|| (linked, RelPath::new(names))))
}

/// A path in full. A link at its end is meant itself, not what it points to.
fn full(path: &Path) -> Result<PathBuf, Trouble> {
    match (path.parent(), path.file_name()) {
        (Some(parent), Some(name)) if !parent.as_os_str().is_empty() => {
            Ok(full_path(parent)?.join(name))
        }
        (_, Some(name)) => Ok(full_path(Path::new("."))?.join(name)),
        _ => full_path(path),
    }
}

impl PathStatus {
    /// What an engine says of a path. Blocks.
    pub fn new(linked: &Linked, path: &RelPath, running: bool, explained: &Explained) -> Self {
        let Explained { kind, why, inside, not_in_sync } = explained;
        let (state, reason) = Self::in_words(linked, path, why);
        let inside = inside.iter().map(|(path, why)| {
            let (state, reason) = Self::in_words(linked, path, why);
            Inside { path: shown(path), state, reason }
        });
        Self {
            path: shown(path),
            root: linked.root.display().to_string(),
            kind: kind.map(|kind| {
                match kind {
                    Kind::File => "file",
                    Kind::Directory => "directory",
                    Kind::Symlink => "symlink",
                }
                .to_owned()
            }),
            running,
            state,
            reason,
            last_change: None,
            transfer: None,
            inside: inside.collect(),
            not_in_sync: *not_in_sync,
        }
    }

    /// With the last change of it that the log tells of.
    pub async fn with_last_change(
        self,
        home: &Home,
        linked: &Linked,
        path: &RelPath,
    ) -> Result<Self, Trouble> {
        let mut log = Log::open(home, linked).await?;
        let mut last_change = None;
        loop {
            let lines = log.more().await?;
            if lines.is_empty() {
                break;
            }
            let of_path = lines.iter().rev().find(|line| line.path == *path);
            last_change = of_path.map(|line| Change::from(line).dated()).or(last_change);
        }
        log.close().await;
        Ok(Self { last_change, ..self })
    }

    /// A word, and a sentence.
    fn in_words(linked: &Linked, path: &RelPath, why: &Why) -> (String, String) {
        let (state, reason) = match why {
            Why::InSync => ("in_sync", "this device and the server agree".to_owned()),
            Why::Moving(moving) => match moving.direction {
                onefold_core::client::Direction::Up => ("sending", "it is being sent".to_owned()),
                onefold_core::client::Direction::Down => {
                    ("fetching", "it is being fetched".to_owned())
                }
            },
            Why::ToSend => ("sending", "a change here is to be sent".to_owned()),
            Why::ToFetch => ("fetching", "a change at the server is to be made here".to_owned()),
            Why::Waits(wait) => ("waiting", in_words(*wait).to_owned()),
            Why::Problem { at, kind, reason } => {
                let at = if at == path { String::new() } else { format!("{}: ", shown(at)) };
                let more = match kind {
                    ProblemKind::Busy => "; it is synced once that program closes it",
                    _ => "",
                };
                return (word(*kind).to_owned(), format!("{at}{reason}{more}"));
            }
            Why::NotSynced(at) => return not_synced_in_words(linked, path, at),
            Why::Unknown(dir) => {
                ("unknown", format!("it is in {}, which cannot be read", shown(dir)))
            }
            Why::NotSeen => return not_seen_in_words(linked, path),
            Why::Stopped(words) => ("stopped", words.clone()),
        };
        (state.to_owned(), reason)
    }
}

const fn in_words(wait: Wait) -> &'static str {
    match wait {
        Wait::Settles => "it has just changed, and is synced once it rests",
        Wait::Read => "it is to be read first",
        Wait::Missing => {
            "it is gone from its place, and is looked for before that counts as deleted"
        }
        Wait::Retry => "something failed a moment ago, and is tried again by itself",
        Wait::Planned => "it is compared with what the server has",
        Wait::Scan => "the folder is still being looked at",
    }
}

/// What a rule or the disk says about something that the engine leaves alone.
fn not_synced_in_words(linked: &Linked, path: &RelPath, at: &RelPath) -> (String, String) {
    use onefold_adapters::disk::NotSynced;
    match not_synced(&linked.root, path) {
        Ok(Some(reason)) => {
            let ignored =
                matches!(reason, NotSynced::Rule { .. } | NotSynced::NeverDocument { .. });
            let state = if ignored { "ignored" } else { "not_synced" };
            (state.to_owned(), reason.to_string())
        }
        Ok(None) => ("waiting".to_owned(), "what stood here has just changed".to_owned()),
        Err(error) => {
            let reason = format!("{} is left alone, and cannot be looked at: {error}", shown(at));
            ("not_synced".to_owned(), reason)
        }
    }
}

fn not_seen_in_words(linked: &Linked, path: &RelPath) -> (String, String) {
    let bytes = path.to_bytes();
    if linked.root.join(OsStr::from_bytes(&bytes)).symlink_metadata().is_err() {
        let reason = "nothing is here, and the server has nothing of this name";
        return ("not_seen".to_owned(), reason.to_owned());
    }
    match not_synced(&linked.root, path) {
        Ok(Some(_)) => not_synced_in_words(linked, path, path),
        Ok(None) | Err(_) => {
            ("waiting".to_owned(), "it is new, and was not looked at yet".to_owned())
        }
    }
}

impl fmt::Display for PathStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}/{}: {} ({})",
            self.root,
            self.path,
            self.state.replace('_', " "),
            self.reason
        )?;
        if !self.running {
            f.write_str("\n  no client is running: this is how the last one left it")?;
        }
        if let Some(change) = &self.last_change {
            write!(f, "\n  last change: {change}")?;
        }
        if let Some(Transfer { done, bytes, .. }) = &self.transfer {
            write!(f, "\n  {} of {}", size(*done), size(*bytes))?;
        }
        for Inside { path, state, reason } in &self.inside {
            write!(f, "\n  {}: {path} ({reason})", state.replace('_', " "))?;
        }
        match self.not_in_sync.saturating_sub(self.inside.len() as u64) {
            0 => Ok(()),
            more => write!(f, "\n  and {more} more"),
        }
    }
}
