//! What the settings' page asks for: each a thing that a command does, too.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use onefold_core::client::Answer;
use serde::{Deserialize, Serialize};

use super::Window;
use super::answer::{Refusal, folder};
use crate::error::Trouble;
use crate::join as joining;

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_named_whole() {
        assert_eq!(place(" /a/b ").unwrap(), Path::new("/a/b"));
        assert!(place("~/x").unwrap().is_absolute());
        for text in ["", "Shared", "./x", "~other/x", "/"] {
            assert!(place(text).is_err(), "{text}");
        }
    }
}
