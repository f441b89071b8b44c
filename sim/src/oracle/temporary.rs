//! Names that users' programs make and remove again themselves, and how long they were there.

use std::collections::{BTreeMap, BTreeSet};

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
pub struct Temporary {
    lives: BTreeMap<(usize, RelPath), Lives>,
    /// Machines that were one device to the server: entries do not tell which of them wrote.
    same: BTreeSet<(usize, usize)>,
}

impl Temporary {
    /// A temporary name is there, or is not.
    pub fn seen(&mut self, device: usize, path: &RelPath, there: bool, now_ms: u64) {
        let lives = self.lives.entry((device, path.clone())).or_default();
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
        for (_, lives) in self.lives.iter_mut().filter(|((of, _), _)| *of == device) {
            lives.longest_ms = u64::MAX;
        }
    }

    /// A machine is a copy of another from now on, and to the server the same device.
    pub fn copied(&mut self, of: usize, device: usize) {
        let others = self.same.iter().filter(|(one, _)| *one == of).map(|(_, other)| *other);
        for other in others.chain([of]).collect::<Vec<_>>() {
            self.same.extend([(other, device), (device, other)]);
        }
    }

    /// What is temporary in a directory that is moved lives on elsewhere.
    pub fn moved(&mut self, device: usize, from: &RelPath) {
        for ((of, at), lives) in &mut self.lives {
            if *of == device && at.is_within(from) {
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
            let it = |of: &usize| of == device || self.same.contains(&(*device, *of));
            (self.lives.iter())
                .filter(|((of, at), _)| it(of) && same(at))
                .all(|(_, lives)| short(lives))
        };
        self.lives.keys().filter(move |key| namesakes_too(key))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_a_copy_of_the_device_left_for_long_is_not_fleeting() {
        let name = RelPath::parse(b".#f").unwrap();
        let mut names = Temporary::default();
        let lives = |names: &mut Temporary, device, from_ms, to_ms| {
            names.seen(device, &name, true, from_ms);
            names.seen(device, &name, false, to_ms);
        };
        lives(&mut names, 0, 0, TEMPORARY_MS - 1);
        lives(&mut names, 2, 0, TEMPORARY_MS);
        assert!(names.fleeting().eq([&(0, name.clone())]));
        names.copied(1, 2);
        assert!(names.fleeting().eq([&(0, name.clone())]));
        names.copied(0, 1);
        names.copied(1, 2);
        assert!(names.fleeting().next().is_none());
    }
}
