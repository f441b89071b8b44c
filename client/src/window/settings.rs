//! What the settings' page asks for: each a thing that a command does, too.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use onefold_adapters::wire::InviteRequest;
use onefold_core::client::Answer;
use serde::{Deserialize, Serialize};

use super::Window;
use super::answer::{Refusal, folder};
use super::code::Code;
use crate::error::Trouble;
use crate::join as joining;
use crate::limits::{self, Most};

/// A folder to be joined.
#[derive(Debug, Deserialize)]
pub(super) struct Join {
    link: String,
    dir: String,
    /// What this device is to be called; empty: as this machine.
    device: String,
}

/// What was joined.
#[derive(Debug, Serialize)]
pub(super) struct Joined {
    id: String,
    folder: String,
    path: String,
}

/// Links a folder and syncs it.
pub(super) async fn join(
    State(window): State<Arc<Window>>,
    Json(asked): Json<Join>,
) -> Result<Json<Joined>, Refusal> {
    let Join { link, dir, device } = asked;
    let device = Some(device.trim().to_owned()).filter(|name| !name.is_empty());
    let request = joining::Request::new(link.trim().to_owned(), &place(&dir)?, device)?;
    let linked = window.supervisor.join(&request).await?;
    Ok(Json(Joined {
        id: linked.device.to_string(),
        folder: linked.folder_name,
        path: linked.root.display().to_string(),
    }))
}

/// A place as a person types it: a page has no directory that it stands in, but people have a home.
fn place(text: &str) -> Result<PathBuf, Trouble> {
    let text = text.trim();
    let path = match text.strip_prefix("~/").or((text == "~").then_some("")) {
        Some(rest) => std::env::home_dir().map(|home| home.join(rest)),
        None => Some(PathBuf::from(text)),
    };
    path.filter(|path| path.is_absolute() && path != Path::new("/")).ok_or_else(|| {
        Trouble::unchanged(
            format_args!("{text:?} does not say where the folder is to be"),
            "Write the whole path, for example ~/Shared or /home/me/Shared",
        )
    })
}

/// A folder to be paused, or resumed.
#[derive(Debug, Deserialize)]
pub(super) struct Pause {
    folder: String,
    paused: bool,
}

/// Pauses or resumes a folder.
pub(super) async fn pause(
    State(window): State<Arc<Window>>,
    Json(asked): Json<Pause>,
) -> Result<Json<()>, Refusal> {
    window.supervisor.set_paused(folder(&asked.folder)?, asked.paused).await?;
    Ok(Json(()))
}

/// A folder.
#[derive(Debug, Deserialize)]
pub(super) struct Unlink {
    folder: String,
}

/// Stops syncing a folder for good.
pub(super) async fn unlink(
    State(window): State<Arc<Window>>,
    Json(asked): Json<Unlink>,
) -> Result<Json<()>, Refusal> {
    window.supervisor.unlink(folder(&asked.folder)?).await?;
    Ok(Json(()))
}

/// What a person says about held deletions.
#[derive(Debug, Deserialize)]
pub(super) struct Answered {
    folder: String,
    undo: bool,
}

/// Sends held deletions, or takes them back: how many there were.
pub(super) async fn answer(
    State(window): State<Arc<Window>>,
    Json(asked): Json<Answered>,
) -> Result<Json<usize>, Refusal> {
    let answer = if asked.undo { Answer::Undo } else { Answer::Approve };
    Ok(Json(window.supervisor.answer(folder(&asked.folder)?, answer).await?))
}

/// A link that is to be made.
#[derive(Debug, Deserialize)]
pub(super) struct Invite {
    folder: String,
    #[serde(flatten)]
    request: InviteRequest,
}

/// A link with which another device joins, to be read by people and by cameras.
#[derive(Debug, Serialize)]
pub(super) struct Invited {
    link: String,
    code: Option<Code>,
}

/// Makes a link for another device.
pub(super) async fn invite(
    State(window): State<Arc<Window>>,
    Json(asked): Json<Invite>,
) -> Result<Json<Invited>, Refusal> {
    let link = window.supervisor.invite(folder(&asked.folder)?, &asked.request).await?;
    let code = Code::of(&link);
    Ok(Json(Invited { link, code }))
}

/// Another name for this device.
#[derive(Debug, Deserialize)]
pub(super) struct Rename {
    folder: String,
    name: String,
}

/// Gives this device another name in a folder.
pub(super) async fn rename(
    State(window): State<Arc<Window>>,
    Json(asked): Json<Rename>,
) -> Result<Json<()>, Refusal> {
    window.supervisor.rename(folder(&asked.folder)?, asked.name.trim()).await?;
    Ok(Json(()))
}

/// How fast contents may move, as people write it: bytes a second, or nothing for no limit.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Limits {
    up: String,
    down: String,
}

impl From<limits::Kept> for Limits {
    fn from(kept: limits::Kept) -> Self {
        Self { up: written(kept.up), down: written(kept.down) }
    }
}

/// The limits that hold.
pub(super) async fn limits(State(window): State<Arc<Window>>) -> Json<Limits> {
    Json(window.supervisor.limits().into())
}

/// Sets both limits.
pub(super) async fn limit(
    State(window): State<Arc<Window>>,
    Json(asked): Json<Limits>,
) -> Result<Json<Limits>, Refusal> {
    let change = limits::Change { up: Some(read(&asked.up)?), down: Some(read(&asked.down)?) };
    Ok(Json(window.supervisor.limit(change).await?.into()))
}

fn read(text: &str) -> Result<Most, Trouble> {
    let text = text.replace(char::is_whitespace, "");
    if text.is_empty() {
        return Ok(Most::None);
    }
    limits::parse(&text).map_err(|error| {
        Trouble::unchanged(format_args!("{text:?} is not taken: {error}"), "Write another limit")
    })
}

/// A limit in the largest unit that tells it exactly.
fn written(most: Most) -> String {
    const UNITS: [(u64, &str); 3] = [(1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")];
    let Most::Bytes(bytes) = most else { return String::new() };
    match UNITS.iter().find(|(unit, _)| bytes % unit == 0) {
        Some((unit, word)) => format!("{} {word}", bytes / unit),
        None => bytes.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_written_as_it_is_read() {
        for (text, again) in
            [("", ""), (" 2048KiB", "2 MiB"), ("500 KiB/s", "500 KiB"), ("70001", "70001")]
        {
            assert_eq!(written(read(text).unwrap()), again, "{text}");
        }
        assert!(read("fast").is_err());
    }

    #[test]
    fn a_place_is_named_whole() {
        assert_eq!(place(" /a/b ").unwrap(), Path::new("/a/b"));
        assert!(place("~/x").unwrap().is_absolute());
        for text in ["", "Shared", "./x", "~other/x", "/"] {
            assert!(place(text).is_err(), "{text}");
        }
    }
}
