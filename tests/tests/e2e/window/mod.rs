//! The window: every page in a real browser, and what is done in it seen on the other device's disk.

mod conflicts;
mod doors;
mod keyboard;
mod large;
mod log;
mod looks;
mod names;
mod now;
mod settings;
mod sharing;

use std::net::SocketAddr;

use serde_json::Value;
use tests::{Browser, Device, PATIENCE, wait_for};

/// The window of a device that syncs.
pub(super) struct Window {
    /// What the client printed.
    pub(super) url: String,
}

impl Window {
    /// Of a client that was started just now, or long ago.
    pub(super) fn of(device: &mut Device<'_>) -> Self {
        let line = device.process().line("window at ");
        Self { url: line.trim_start_matches("window at ").to_owned() }
    }

    /// Opens it, at a page.
    #[track_caller]
    pub(super) fn open(&self, browser: &Browser, page: &str) {
        browser.go(&self.url);
        browser.wait("the window to know the folders", "return document.querySelector('h1')");
        show(browser, page);
    }

    /// `127.0.0.1:PORT`.
    pub(super) fn address(&self) -> SocketAddr {
        self.host().parse().expect("an address")
    }

    /// The same, as text.
    pub(super) fn host(&self) -> &str {
        let rest = self.url.strip_prefix("http://").expect("the scheme");
        rest.split('/').next().expect("an address")
    }

    /// The key in the address.
    pub(super) fn key(&self) -> &str {
        self.url.split_once("?key=").expect("a key").1
    }
}

/// Shows a page of an open window.
#[track_caller]
pub(super) fn show(browser: &Browser, page: &str) {
    browser.run_with("location.hash = arguments[0]", serde_json::json!([page]));
    let title = match page.split(['/', '?']).next() {
        Some("log") => "Log",
        Some("conflicts") => "Conflicts",
        Some("settings") => "Settings",
        _ => "Now",
    };
    browser.wait_for_text("h1", title);
}

/// The conflict copies that a device lists.
pub(super) fn conflict_paths(device: &Device<'_>) -> Vec<String> {
    let listed = device.json("conflicts");
    let path = |copy: &Value| copy["path"].as_str().expect("a path").to_owned();
    listed.as_array().expect("a list").iter().map(path).collect()
}

/// Waits until a file holds this.
#[track_caller]
pub(super) fn wait_for_file(device: &Device<'_>, path: &str, bytes: &[u8]) {
    wait_for(&format!("{path} on {}", device.name()), PATIENCE, || {
        match std::fs::read(device.at(path)) {
            Ok(found) if found == bytes => Ok(()),
            found => {
                Err(format!("{:?}", found.map(|it| String::from_utf8_lossy(&it).into_owned())))
            }
        }
    });
}

/// Waits until nothing is at a path.
#[track_caller]
pub(super) fn wait_until_gone(device: &Device<'_>, path: &str) {
    wait_for(&format!("{path} to go from {}", device.name()), PATIENCE, || {
        if device.at(path).symlink_metadata().is_err() { Ok(()) } else { Err("it is there".into()) }
    });
}
