//! `onefold log`: what happened, read from what running clients wrote down.

use std::time::Duration;

use onefold_adapters::trees::LogLine;
use serde::Serialize;
use tokio::time::sleep;

use crate::commands::Signals;
use crate::console::say;
use crate::error::{Exit, Trouble};
use crate::history::{Change, Log};
use crate::home::Home;
use crate::linked::Linked;

/// How often `--follow` looks for more.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// A change, and the folder it was in.
#[derive(Debug, Serialize)]
struct Row<'a> {
    folder: &'a str,
    root: String,
    #[serde(flatten)]
    change: Change,
}

/// Prints what happened in these folders, oldest first; with `follow`, what comes from now on too.
pub async fn run(
    home: &Home,
    folders: &[Linked],
    follow: bool,
    json: bool,
) -> Result<Exit, Trouble> {
    let mut signals = Signals::new()?;
    let mut logs = Vec::new();
    for linked in folders {
        logs.push((linked, Log::open(home, linked).await?));
    }
    loop {
        let mut rows = Vec::new();
        for (linked, log) in &mut logs {
            let root = linked.root.display().to_string();
            let row = |line: &LogLine| Row {
                folder: &linked.folder_name,
                root: root.clone(),
                change: Change::from(line),
            };
            loop {
                let lines = log.more().await?;
                if lines.is_empty() {
                    break;
                }
                rows.extend(lines.iter().map(row));
            }
        }
        // Of one folder, the journal's order stays where times are equal.
        rows.sort_by_key(|row| row.change.time);
        for row in rows {
            match json {
                true => say(serde_json::to_string(&row).map_err(Trouble::bug)?),
                false if folders.len() > 1 => {
                    say(format_args!("{} ({})", row.change.dated(), row.root));
                }
                false => say(row.change.dated()),
            }
        }
        if !follow {
            return Ok(Exit::Done);
        }
        tokio::select! {
            () = signals.any() => return Ok(Exit::Done),
            () = sleep(LOOK_EVERY) => {}
        }
    }
}
