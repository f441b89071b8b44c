//! Names that users' programs make and remove again themselves, and how long they were there.

use std::collections::BTreeMap;

use onefold_core::name::RelPath;

/// A temporary file that was gone sooner may not have left its device, in milliseconds.
const TEMPORARY_MS: u64 = 60;

/// Lives of a temporary name on a device.
#[derive(Clone, Copy, Debug, Default)]
struct Lives {
    since_ms: Option<u64>,
    longest_ms: u64,
}

/// All temporary names, by device.
#[derive(Clone, Debug, Default)]
pub struct Temporary(BTreeMap<(usize, RelPath), Lives>);

impl Temporary {
    /// A temporary name is there, or is not.
    pub fn seen(&mut self, device: usize, path: &RelPath, there: bool, now_ms: u64) {
        let lives = self.0.entry((device, path.clone())).or_default();
        match (lives.since_ms, there) {
            (None, true) => lives.since_ms = Some(now_ms),
            (Some(since), false) => {
                lives.longest_ms = lives.longest_ms.max(now_ms - since);
                lives.since_ms = None;
            }
            (None, false) | (Some(_), true) => {}
        }
    }

    /// A power cut may bring back what was there, and a lost event leave it in an engine's mind: those
    /// of this device may be sent.
    pub fn may_be_sent(&mut self, device: usize) {
        for (_, lives) in self.0.iter_mut().filter(|((of, _), _)| *of == device) {
            lives.longest_ms = u64::MAX;
        }
    }

    /// What is temporary in a directory that is moved lives on elsewhere.
    pub fn moved(&mut self, device: usize, from: &RelPath) {
        for ((of, at), lives) in &mut self.0 {
            if *of == device && at.names().starts_with(from.names()) {
                lives.longest_ms = u64::MAX;
            }
        }
    }

    /// Temporary names that were gone too soon for anyone to have sent them.
    pub fn fleeting(&self) -> impl Iterator<Item = &(usize, RelPath)> {
        let short = |lives: &Lives| lives.since_ms.is_none() && lives.longest_ms < TEMPORARY_MS;
        // Entries tell names, not paths: the same name in another directory must be as short-lived.
        let namesakes_too = move |(device, path): &(usize, RelPath)| {
            let same = |at: &RelPath| at.names().last() == path.names().last();
            (self.0.iter())
                .filter(|((of, at), _)| of == device && same(at))
                .all(|(_, lives)| short(lives))
        };
        self.0.keys().filter(move |key| namesakes_too(key))
    }
}
