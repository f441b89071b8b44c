//! `onefold open`: shows the running client's window in the default browser.

use std::path::Path;
use std::process::{Command, Stdio};

use crate::console::say;
use crate::control::{Request, Turn, turn};
use crate::error::{Exit, Trouble};
use crate::home::Home;

/// What opens an address in the default browser here.
const OPENER: &str = if cfg!(target_os = "macos") { "open" } else { "xdg-open" };

/// Opens the window, at this folder if one is named.
pub async fn run(home: &Home, dir: Option<&Path>) -> Result<Exit, Trouble> {
    let folder = dir.map(|dir| home.find(dir)).transpose()?;
    let mut address: String = match turn(home).await? {
        Turn::Theirs(caller) => caller.ask(&Request::Window).await?,
        Turn::Mine(_) => {
            return Err(Trouble::unchanged(
                "no client is running, so there is no window to open",
                "`onefold sync` starts one",
            ));
        }
    };
    if let Some(folder) = folder {
        address = format!("{address}#now/{}", folder.device);
    }
    match show(&address) {
        Ok(()) => {
            say("the window opens in the browser");
            Ok(Exit::Done)
        }
        Err(why) => {
            say(&address);
            Err(Trouble::unchanged(
                format_args!("no browser could be started here ({why})"),
                "Open the address above in one, within a minute; it is good once",
            ))
        }
    }
}

fn show(address: &str) -> Result<(), String> {
    let mut opener = Command::new(OPENER);
    opener.arg(address).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let status = opener.status().map_err(|error| format!("{OPENER}: {error}"))?;
    if status.success() { Ok(()) } else { Err(format!("{OPENER} ended with {status}")) }
}
