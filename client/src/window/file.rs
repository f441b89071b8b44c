//! Files of a folder, as pages show them: by the folder's disk, so that no link is followed and
//! nothing outside of the folder is read.
//!
//! What a file holds is never run: only pictures are handed out as they are, by what their first bytes
//! say and not by their names, and in a sandbox of their own.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::extract::{Query, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use onefold_adapters::disk::RealDisk;
use onefold_adapters::port::Disk;
use onefold_core::disk::{DiskError, Form, Found, Names, Seen, Stamp};
use onefold_core::name::RelPath;
use serde::{Deserialize, Serialize};

use super::Window;
use super::answer::{ExactPath, Refusal, folder};
use crate::error::Trouble;
use crate::history::as_text;
use crate::status::shown;

/// The largest picture that is shown, in bytes.
const MAX_IMAGE_BYTES: u64 = 32 * 1024 * 1024;
/// What is shown as it is may do nothing.
const SANDBOX: &str = "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:";

/// Something that stands in a folder.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Version {
    /// Exactly where.
    pub(super) id: ExactPath,
    /// Where, for people.
    pub(super) path: String,
    /// `file`, `directory` or `symlink`.
    pub(super) kind: &'static str,
    /// Its bytes.
    pub(super) size: u64,
    /// When its bytes last changed.
    #[serde(serialize_with = "as_text")]
    pub(super) modified: Timestamp,
    /// The device whose version it is, where that is known.
    pub(super) device: Option<String>,
    /// What it was when it was looked at: handed back with what a person decided.
    pub(super) seen: SeenStamp,
}

/// A stamp as text, which pages keep and do not look into.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(super) struct SeenStamp(pub(super) Stamp);

impl From<SeenStamp> for String {
    fn from(seen: SeenStamp) -> Self {
        serde_json::to_string(&seen.0).expect("a stamp is numbers")
    }
}

impl TryFrom<String> for SeenStamp {
    type Error = serde_json::Error;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        serde_json::from_str(&text).map(Self)
    }
}

impl Version {
    pub(super) fn of(path: &RelPath, found: &Found, device: Option<String>) -> Self {
        let kind = match found.form {
            Form::File { .. } => "file",
            Form::Directory => "directory",
            Form::Symlink(_) => "symlink",
        };
        let mtime = found.stamp.mtime;
        // What no calendar holds is shown as 1970.
        let nanoseconds = i32::try_from(mtime.nanoseconds).unwrap_or(0);
        let modified = Timestamp::new(mtime.seconds, nanoseconds);
        Self {
            id: ExactPath(path.clone()),
            path: shown(path),
            kind,
            size: found.stamp.size,
            modified: modified.unwrap_or(Timestamp::UNIX_EPOCH),
            device,
            seen: SeenStamp(found.stamp),
        }
    }
}

/// What stands at a path; `None` if that is nothing, or nothing that is synced.
pub(super) fn look(disk: &RealDisk, path: &RelPath) -> Result<Option<Found>, DiskError> {
    let Some((dir, name)) = path.split() else { return Ok(None) };
    let only = Names::Only(BTreeSet::from([name.clone()]));
    match disk.look(&dir, &only) {
        Ok(listing) => Ok(listing.names.into_iter().find_map(|(found, seen)| match seen {
            Seen::Node(node) if found == *name => Some(node),
            Seen::Node(_) | Seen::Other { .. } => None,
        })),
        Err(DiskError::Gone) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Reads a file that is still as it was seen, if it is not larger than this.
pub(super) fn read(
    disk: &RealDisk,
    path: &RelPath,
    stamp: &Stamp,
    limit: u64,
) -> Result<Vec<u8>, DiskError> {
    if stamp.size > limit {
        return Err(DiskError::Failed("it is too large to be shown here".to_owned()));
    }
    let source = disk.read(path, stamp)?;
    let mut bytes = vec![0; usize::try_from(stamp.size).unwrap_or(usize::MAX)];
    let failed = |error: std::io::Error| DiskError::Failed(error.to_string());
    let read = source.read_at(&mut bytes, 0).map_err(failed)?;
    bytes.truncate(read);
    source.unchanged()?;
    Ok(bytes)
}

/// What kind of picture these bytes begin, if any that browsers show.
pub(super) fn image_type(bytes: &[u8]) -> Option<&'static str> {
    let text = || std::str::from_utf8(bytes).ok().map(str::trim_start);
    match bytes {
        [0x89, b'P', b'N', b'G', ..] => Some("image/png"),
        [0xff, 0xd8, 0xff, ..] => Some("image/jpeg"),
        [b'G', b'I', b'F', b'8', ..] => Some("image/gif"),
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => Some("image/webp"),
        [_, _, _, _, b'f', b't', b'y', b'p', b'a', b'v', b'i', b'f', ..] => Some("image/avif"),
        [b'B', b'M', ..] => Some("image/bmp"),
        _ if text().is_some_and(is_svg) => Some("image/svg+xml"),
        _ => None,
    }
}

fn is_svg(text: &str) -> bool {
    text.starts_with("<svg") || (text.starts_with("<?xml") && text.contains("<svg"))
}

/// Why the disk did not do it, for a person; `what` was not done.
pub(super) fn told(what: &str, error: &DiskError) -> Trouble {
    Trouble::unchanged(format_args!("{what}: {error}"), "Look again, and try once more")
}

/// Which file a page shows.
#[derive(Debug, Deserialize)]
pub(super) struct Asked {
    folder: String,
    id: ExactPath,
}

/// A picture of a folder.
pub(super) async fn show(
    State(window): State<Arc<Window>>,
    Query(asked): Query<Asked>,
) -> Result<Response, Refusal> {
    let read_it = move |disk: &RealDisk| {
        let path = &asked.id.0;
        let found = look(disk, path)?.ok_or(DiskError::Gone)?;
        read(disk, path, &found.stamp, MAX_IMAGE_BYTES)
    };
    let bytes = window.supervisor.with_disk(folder(&asked.folder)?, read_it).await?;
    let bytes = bytes.map_err(|error| told("the picture cannot be shown", &error))?;
    let kind = image_type(&bytes).ok_or_else(|| Refusal::senseless("this is no picture"))?;
    let headers = [
        (header::CONTENT_TYPE, kind),
        (header::CONTENT_SECURITY_POLICY, SANDBOX),
        (header::CONTENT_DISPOSITION, "inline"),
    ];
    Ok((headers, bytes).into_response())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_is_told_by_its_bytes_and_a_page_is_none() {
        assert_eq!(image_type(b"\x89PNG\r\n\x1a\n"), Some("image/png"));
        assert_eq!(image_type(b" <svg xmlns='x'>"), Some("image/svg+xml"));
        assert_eq!(image_type(b"<html><svg>"), None);
        assert_eq!(image_type(b"<!doctype html>"), None);
        assert_eq!(image_type(b""), None);
    }
}
