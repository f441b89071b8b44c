//! Where a folder stands, in the words of a terminal; sizes and spans of time, for people.

use std::fmt::{self, Write};

use crate::progress::{Rate, Transfer, Way};
use crate::status::{Amount, FolderStatus, ProblemLine, State};

/// The most paths that are shown of those that one reason holds for.
const PATHS_SHOWN: usize = 5;

impl fmt::Display for FolderStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match (self.state, self.running) {
            (State::InSync, _) => "in sync",
            (State::Syncing, _) => "syncing",
            (State::Offline, true) => "offline",
            (State::Offline, false) => "no client is running",
            (State::Paused, _) => "paused",
            (State::Attention, _) => "needs attention",
        };
        write!(f, "{}: {state}", self.path)?;
        if let Some(detail) = &self.detail {
            write!(f, " ({detail})")?;
        }
        write!(f, "\n  folder {:?} at {}, device {:?}", self.folder, self.server, self.device)?;
        write!(f, "\n  {}", files(self.files, self.bytes))?;
        if self.held > 0 {
            write!(f, " here; {} more, deleted here, on the other devices", self.held)?;
        }
        for (what, amount) in [("to send", self.uploading), ("to fetch", self.downloading)] {
            if amount != Amount::default() {
                write!(f, "; {what}: {}", files(amount.items, amount.bytes))?;
            }
        }
        if self.rate != Rate::default() {
            let Rate { up, down } = self.rate;
            write!(f, "\n  sending {}/s, fetching {}/s", size(up), size(down))?;
        }
        if let Some(seconds) = self.seconds_left {
            write!(f, "; {} left", duration(seconds))?;
        }
        for Transfer { path, direction, done, bytes } in &self.transfers {
            let word = if *direction == Way::Up { "sending" } else { "fetching" };
            write!(f, "\n  {word} {path}: {} of {}", size(*done), size(*bytes))?;
        }
        for device in self.devices.iter().filter(|device| !device.this) {
            write!(f, "\n  {device}")?;
        }
        write!(f, "\n  guard: {}", self.guard)?;
        if let Some(reason) = &self.polled {
            write!(f, "\n  {reason}")?;
        }
        self.write_problems(f)?;
        self.conflicts.iter().try_for_each(|path| write!(f, "\n  conflict copy: {path}"))
    }
}

impl FolderStatus {
    /// What many have in common is said once.
    fn write_problems(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut sorted: Vec<_> = self.problems.iter().collect();
        sorted.sort_by_key(|problem| (&problem.kind, &problem.reason));
        let same = |one: &&ProblemLine, two: &&ProblemLine| {
            (&one.kind, &one.reason) == (&two.kind, &two.reason)
        };
        for alike in sorted.chunk_by(same) {
            let shown: Vec<_> = alike.iter().take(PATHS_SHOWN).map(|one| &*one.path).collect();
            let (kind, paths, reason) = (&alike[0].kind, shown.join(", "), &alike[0].reason);
            write!(f, "\n  {kind}: {paths}")?;
            if alike.len() > PATHS_SHOWN {
                write!(f, " and {} more", alike.len() - PATHS_SHOWN)?;
            }
            write!(f, " ({reason})")?;
        }
        Ok(())
    }
}

fn files(count: u64, bytes: u64) -> String {
    format!("{count} {}, {}", if count == 1 { "file" } else { "files" }, size(bytes))
}

/// Seconds, for people.
pub fn duration(seconds: u64) -> String {
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3_600 => format!("{} min", seconds.div_ceil(60)),
        _ => format!("{} h {} min", seconds / 3_600, seconds % 3_600 / 60),
    }
}

/// Bytes, for people.
pub fn size(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["bytes", "KiB", "MiB", "GiB", "TiB"];
    let mut unit = 0;
    let mut amount = bytes as f64;
    while amount >= 1024.0 && unit + 1 < UNITS.len() {
        (amount, unit) = (amount / 1024.0, unit + 1);
    }
    let mut text = String::new();
    let _ = write!(text, "{amount:.*} {}", usize::from(unit > 0), UNITS[unit]);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_read_well() {
        assert_eq!([size(0), size(1023), size(1536)], ["0 bytes", "1023 bytes", "1.5 KiB"]);
        assert_eq!([duration(9), duration(61), duration(7_260)], ["9 s", "2 min", "2 h 1 min"]);
    }
}
