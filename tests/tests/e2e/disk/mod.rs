//! What disks, and the people and programs on them, do to a folder.

mod builds;
mod deletions;
mod editors;
mod failing;
mod filesystems;
mod full;
mod hostile;
mod kinds;
mod permission;
mod programs;
mod races;
mod roots;
mod storms;
mod watches;

use std::path::Path;

use serde_json::Value;
use tests::{Device, PATIENCE, Server, World, wait_for};

/// Two devices in one folder, both running and in sync.
fn two<'w>(world: &'w World, server: &Server<'_>) -> [Device<'w>; 2] {
    ["one", "two"].map(|name| Device::join(world, name, &server.link()))
}

/// Waits until a device's status tells of such a problem; all of that kind, by path.
#[track_caller]
fn wait_for_problem(device: &Device<'_>, kind: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    wait_for(&format!("{} to tell of {kind}", device.name()), PATIENCE, || {
        let status = device.status();
        found = problems(&status, kind);
        if found.is_empty() { Err(status.to_string()) } else { Ok(()) }
    });
    found
}

/// The problems of a kind in a status: path and reason.
fn problems(status: &Value, kind: &str) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().expect("text").to_owned();
    let all = status["problems"].as_array().expect("a list");
    (all.iter().filter(|problem| problem["kind"] == kind))
        .map(|problem| (text(&problem["path"]), text(&problem["reason"])))
        .collect()
}

/// Waits until a file holds these bytes.
#[track_caller]
fn wait_for_bytes(path: &Path, expected: &[u8]) {
    wait_for(&format!("{} to be as expected", path.display()), PATIENCE, || {
        match std::fs::read(path) {
            Ok(bytes) if bytes == expected => Ok(()),
            Ok(bytes) => Err(format!("it has {} bytes", bytes.len())),
            Err(error) => Err(error.to_string()),
        }
    });
}
