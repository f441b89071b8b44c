//! The rules of what is not synced: read, tried out, and written as a person would write them.
//!
//! Invariant: the file is replaced whole, through the disk's guard, and only if it still is as the
//! page read it.

use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::Arc;

use axum::Json;
use axum::extract::{Query, State};
use onefold_adapters::disk::{IGNORE_FILE, IgnoreRules, RealDisk};
use onefold_adapters::port::Disk;
use onefold_core::disk::{Change, DiskError, Form, Old};
use onefold_core::hash::ContentId;
use onefold_core::id::NodeId;
use onefold_core::name::{Name, RelPath};
use onefold_core::node::Content;
use onefold_core::time::FileTime;
use serde::{Deserialize, Serialize};
use tokio::task::spawn_blocking;

use super::Window;
use super::answer::{Refusal, folder};
use super::file::{SeenStamp, look, read as read_file, told};
use crate::error::Trouble;
use crate::status::shown;

/// The largest file of rules, in bytes.
const MAX_RULES_BYTES: u64 = 1024 * 1024;
/// The most names that a preview shows of each kind.
const MAX_SHOWN: usize = 100;
/// The most names that a preview looks at.
const MAX_LOOKED_AT: usize = 300_000;

/// Which folder.
#[derive(Debug, Deserialize)]
pub(super) struct Asked {
    folder: String,
}

/// The rules as they are.
#[derive(Debug, Serialize)]
pub(super) struct Rules {
    text: String,
    /// What the file was when it was read; `None`: there is none.
    seen: Option<SeenStamp>,
}

/// Reads the rules.
pub(super) async fn read(
    State(window): State<Arc<Window>>,
    Query(asked): Query<Asked>,
) -> Result<Json<Rules>, Refusal> {
    let rules = window.supervisor.with_disk(folder(&asked.folder)?, current).await?;
    Ok(Json(rules.map_err(|error| told("the rules cannot be read", &error))?))
}

fn file() -> RelPath {
    RelPath::new(vec![Name::new(IGNORE_FILE.as_bytes()).expect("it is a name")])
}

fn current(disk: &RealDisk) -> Result<Rules, DiskError> {
    let Some(found) = look(disk, &file())? else {
        return Ok(Rules { text: String::new(), seen: None });
    };
    if !matches!(found.form, Form::File { .. }) {
        return Err(DiskError::Failed(format!("{IGNORE_FILE} is not a file")));
    }
    let bytes = read_file(disk, &file(), &found.stamp, MAX_RULES_BYTES)?;
    let text = String::from_utf8(bytes);
    let text = text.map_err(|_| DiskError::Failed(format!("{IGNORE_FILE} is not a text")))?;
    Ok(Rules { text, seen: Some(SeenStamp(found.stamp)) })
}

/// Rules to be written.
#[derive(Debug, Deserialize)]
pub(super) struct Written {
    folder: String,
    text: String,
    seen: Option<SeenStamp>,
}

/// Writes the rules.
pub(super) async fn write(
    State(window): State<Arc<Window>>,
    Json(written): Json<Written>,
) -> Result<Json<Rules>, Refusal> {
    let Written { folder: id, text, seen } = written;
    let device = folder(&id)?;
    let work = move |disk: &RealDisk| replace(disk, text, seen).and_then(|()| current(disk));
    let rules = window.supervisor.with_disk(device, work).await?.map_err(|error| match error {
        DiskError::Changed | DiskError::Occupied | DiskError::Gone => Trouble::unchanged(
            format_args!("{IGNORE_FILE} was changed since this page read it"),
            "Copy what you wrote, load the page again, and add it to what is there now",
        ),
        error => told("the rules were not written", &error),
    })?;
    Ok(Json(rules))
}

fn replace(disk: &RealDisk, text: String, seen: Option<SeenStamp>) -> Result<(), DiskError> {
    let bytes = text.into_bytes();
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let since = since.unwrap_or_default();
    let content = Content {
        id: ContentId::of(&bytes),
        size: bytes.len() as u64,
        mtime: FileTime {
            seconds: i64::try_from(since.as_secs()).unwrap_or(i64::MAX),
            nanoseconds: since.subsec_nanos(),
        },
    };
    let mut staging = disk.stage(&content)?;
    staging.truncate(0)?;
    staging.append(&bytes)?;
    staging.finish()?;
    let mut id = [0; 16];
    getrandom::fill(&mut id).map_err(|error| DiskError::Failed(error.to_string()))?;
    let old = seen.map_or(Old::Absent, |seen| Old::Is(seen.0));
    let place = Change::PlaceFile { at: file(), old, content, executable: false };
    disk.change(NodeId::from_bytes(id), &place).map(drop)
}

/// Rules to be tried out.
#[derive(Debug, Deserialize)]
pub(super) struct Tried {
    folder: String,
    text: String,
}

/// What rules would do.
#[derive(Debug, Default, Serialize)]
pub(super) struct Preview {
    /// Covered, and not by the rules as they are: these would stop being synced.
    newly: Names,
    /// Covered by the rules as they are, and not any more: these would be synced.
    no_longer: Names,
    /// Covered before and after.
    still: Names,
    /// Lines that are no patterns.
    bad_lines: Vec<String>,
    /// Only a part of the folder was looked at.
    partly: bool,
}

/// Names of one kind; those inside a covered directory go with it.
#[derive(Debug, Default, Serialize)]
pub(super) struct Names {
    count: usize,
    shown: Vec<String>,
}

impl Names {
    fn add(&mut self, path: &RelPath, is_dir: bool) {
        self.count += 1;
        if self.shown.len() < MAX_SHOWN {
            self.shown.push(shown(path) + if is_dir { "/" } else { "" });
        }
    }
}

/// Tries rules out, on what is in the folder.
pub(super) async fn preview(
    State(window): State<Arc<Window>>,
    Json(tried): Json<Tried>,
) -> Result<Json<Preview>, Refusal> {
    let linked = window.supervisor.linked(folder(&tried.folder)?)?;
    let rules = window.supervisor.with_disk(linked.device, current).await?;
    let now = rules.map_err(|error| told("the rules cannot be read", &error))?;
    let compare = move || compare(&linked.root, &now.text, &tried.text);
    Ok(Json(spawn_blocking(compare).await.map_err(Trouble::bug)?))
}

fn compare(root: &Path, now: &str, tried: &str) -> Preview {
    let ((before, _), (after, bad_lines)) = (IgnoreRules::parse(now), IgnoreRules::parse(tried));
    let mut preview = Preview { bad_lines, ..Preview::default() };
    // Directories, and whether the rules before and after cover one above.
    let mut waiting = vec![(RelPath::root(), false, false)];
    let mut looked_at = 0;
    while let Some((directory, was, is)) = waiting.pop() {
        let on_disk = root.join(Path::new(std::ffi::OsStr::from_bytes(&directory.to_bytes())));
        let Ok(entries) = fs::read_dir(on_disk) else { continue };
        for entry in entries.flatten() {
            let Ok(name) = Name::new(entry.file_name().as_bytes()) else { continue };
            looked_at += 1;
            if looked_at > MAX_LOOKED_AT {
                preview.partly = true;
                return preview;
            }
            let is_dir = entry.file_type().is_ok_and(|kind| kind.is_dir());
            let was_covered = was || before.covers(&directory, &name, is_dir);
            let is_covered = is || after.covers(&directory, &name, is_dir);
            let path = directory.join(name);
            match (was_covered, is_covered) {
                (false, true) if !is => preview.newly.add(&path, is_dir),
                (true, false) if !was || is => preview.no_longer.add(&path, is_dir),
                (true, true) if !(was && is) => preview.still.add(&path, is_dir),
                _ => {}
            }
            if is_dir && !(was_covered && is_covered) {
                waiting.push((path, was_covered, is_covered));
            }
        }
    }
    preview
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_preview_tells_what_rules_would_change() {
        let root = tempfile::tempdir().unwrap();
        for path in ["a.log", "b.tmp", "build/x", "build/deep/y", "src/c.log", "src/keep"] {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        }
        let preview = compare(root.path(), "*.log\n", "*.tmp\nbuild/\na.log\n[z-a\n");
        let sorted = |names: &Names| {
            let mut shown = names.shown.clone();
            shown.sort();
            (names.count, shown.join(" "))
        };
        assert_eq!(sorted(&preview.newly), (2, "b.tmp build/".to_owned()));
        assert_eq!(sorted(&preview.no_longer), (1, "src/c.log".to_owned()));
        assert_eq!(sorted(&preview.still), (1, "a.log".to_owned()));
        assert_eq!((preview.bad_lines.len(), preview.partly), (1, false));
    }
}
