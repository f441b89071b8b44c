//! What becomes of slots: at each sweep, and after a crash before the first look.
//!
//! What is in a slot is told by its inode, size and mtime against the intent: the new bytes or the
//! old ones, which are safe elsewhere (the server has both), or a user's, which are nowhere else.
//! Invariant: a user's bytes only ever leave a slot into the tree, by a rename of their inode, so that
//! a program which has the file open goes on in its own version. The others are dropped once nobody
//! writes them: old bytes after a day, or soon after a removal that was seen to be quiet.

use std::fs::File;
use std::os::fd::AsFd;
use std::time::{Duration, SystemTime};

use onefold_core::disk::DiskError;
use onefold_core::name::{Name, RelPath, conflict_name};
use onefold_core::node::Kind;
use rustix::fs::Mode;
use rustix::io::Errno;

use super::guard::put;
use super::hash::has_writer;
use super::kept::{self, Finding, Intent, Role, Slot, new_name, old_name};
use super::sys::{self, Meta};
use super::{RealDisk, walk};

/// How long displaced bytes are kept.
const KEPT_FOR: Duration = Duration::from_secs(24 * 3_600);
/// How long those are kept whose lease stood, unbroken, while they were removed.
const REMOVED_KEPT_FOR: Duration = Duration::from_secs(10);
/// How long a late writer is looked for closely.
const WATCHED_FOR: Duration = Duration::from_secs(10);
/// When to sweep again while something is looked for closely.
const SOON: Duration = Duration::from_secs(1);
/// When to sweep again otherwise.
const LATER: Duration = Duration::from_secs(3_600);
/// The most conflict names tried for one file.
const MAX_NAMES: u32 = 1_000;

/// What a sweep did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Swept {
    /// Users' files that were brought back into the tree.
    pub rescued: Vec<Rescued>,
    /// Those that could not be, with the path they were at; the next sweep tries again.
    pub stuck: Vec<(RelPath, DiskError)>,
    /// How many displaced files are still kept.
    pub kept: u64,
    /// When to sweep again; `None`: there is nothing to sweep, until the next change.
    pub next: Option<Duration>,
}

/// A user's file that was displaced and brought back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rescued {
    /// Where it was.
    pub from: RelPath,
    /// Where it is now: there again, or beside it under a conflict name.
    pub to: RelPath,
}

/// Looks into every slot that is not in use. `label` is for conflict names: device and local time.
pub(super) fn sweep(
    disk: &RealDisk,
    now: SystemTime,
    label: &str,
    recovering: bool,
) -> Result<Swept, DiskError> {
    disk.root.check()?;
    let mut sweep = Sweep {
        disk,
        now_ms: kept::wall_ms(now),
        label,
        recovering,
        // Only what is found at the start came with the copy.
        copied: recovering && disk.root.was_copied(),
        swept: Swept::default(),
    };
    for id in disk.kept.ids().map_err(sys::problem)? {
        match disk.kept.take_over(&id) {
            Some(slot) => sweep.slot(&slot),
            None => sweep.keep(true),
        }
    }
    disk.stage.sweep(now).map_err(sys::problem)?;
    Ok(sweep.swept)
}

struct Sweep<'a> {
    disk: &'a RealDisk,
    now_ms: u64,
    label: &'a str,
    recovering: bool,
    copied: bool,
    swept: Swept,
}

impl Sweep<'_> {
    fn keep(&mut self, closely: bool) {
        self.swept.kept += 1;
        let next = if closely { SOON } else { LATER };
        self.swept.next = Some(self.swept.next.map_or(next, |before| before.min(next)));
    }

    fn slot(&mut self, slot: &Slot<'_>) {
        let kept = &self.disk.kept;
        let names = [old_name(slot.id()), new_name(slot.id())];
        let intent = match kept.intent(slot.id()) {
            Ok(Some(intent)) => intent,
            Ok(None) => {
                // Without an intent nothing of a user's came in.
                kept.unlink(&names[1]);
                return slot.forget();
            }
            Err(errno) => {
                let (id, words) = (slot.id(), sys::words(errno));
                tracing::warn!("the displaced file {id} is left alone, its record: {words}");
                return self.keep(false);
            }
        };
        let half_done = self.is_half_done(&intent, &names);
        let mut left = false;
        for name in &names {
            match Meta::at(kept, name.as_bytes()) {
                Ok(meta) if half_done && intent.judge(&meta, self.copied) == Finding::Old => {
                    left |= self.rescue(&intent, name, &meta, true);
                }
                Ok(meta) => left |= self.file(slot, &intent, name, &meta),
                Err(Errno::NOENT) => {}
                Err(_) => left = true,
            }
        }
        if !left {
            slot.forget();
        }
    }

    /// Whether the old was renamed aside, and then the power failed before the new was in its place:
    /// nothing that anyone wanted gone, so it goes back into the tree as a user's would.
    fn is_half_done(&self, intent: &Intent, [old, new]: &[String; 2]) -> bool {
        let found = |name: &str| {
            Meta::at(&self.disk.kept, name.as_bytes())
                .ok()
                .map(|meta| intent.judge(&meta, self.copied))
        };
        let Role::Replaced(at) = &intent.role else { return false };
        found(old) == Some(Finding::Old) && found(new) == Some(Finding::New) && !self.is_taken(at)
    }

    fn is_taken(&self, at: &RelPath) -> bool {
        walk::parent(&self.disk.root, at)
            .is_ok_and(|(parent, name)| Meta::at(&parent, name.as_bytes()).is_ok())
    }

    /// Deals with one file of a slot; says whether it stays there.
    fn file(&mut self, slot: &Slot<'_>, intent: &Intent, name: &str, meta: &Meta) -> bool {
        let finding = match &intent.role {
            Role::Moving(..) => Finding::Users,
            Role::Replaced(_) | Role::Removed(_) => intent.judge(meta, self.copied),
        };
        if finding == Finding::Users {
            return self.rescue(intent, name, meta, matches!(intent.role, Role::Moving(..)));
        }
        let clean = self.disk.kept.is_clean(slot.id());
        let kept_for = match finding {
            Finding::New | Finding::Old if self.copied => Duration::ZERO,
            Finding::New if self.recovering => Duration::ZERO,
            Finding::New => SOON,
            Finding::Old if clean => REMOVED_KEPT_FOR,
            Finding::Old | Finding::Users => KEPT_FOR,
        };
        let age = Duration::from_millis(self.now_ms.saturating_sub(intent.since_ms));
        if meta.kind == Some(Kind::File) {
            // What only rests here need not be opened: if it was written, that shows.
            let rests = age < kept_for && age >= WATCHED_FOR && !clean;
            let writer = !rests && is_written(&self.disk.kept, name);
            if writer || age < kept_for {
                self.keep(writer || clean || age < WATCHED_FOR || finding == Finding::New);
                return true;
            }
        }
        self.disk.kept.unlink(name);
        false
    }

    /// Brings a user's file back into the tree; says whether it stays where it is. One that a crash
    /// left on its way (`underway`) only comes home.
    fn rescue(&mut self, intent: &Intent, name: &str, meta: &Meta, underway: bool) -> bool {
        let (from, homes) = match &intent.role {
            Role::Replaced(at) if underway => (at, vec![at]),
            Role::Replaced(at) => (at, vec![]),
            Role::Removed(at) => (at, vec![at]),
            Role::Moving(from, to) => (from, vec![from, to]),
        };
        if homes.iter().any(|home| self.is_at(home, meta)) {
            // It got there, by a second name; then the power failed.
            self.disk.kept.unlink(name);
            return false;
        }
        match self.bring_back(from, &homes, name) {
            Ok(to) if underway && homes.contains(&&to) => false,
            Ok(to) => {
                self.disk.count(|counts| &counts.rescued);
                self.swept.rescued.push(Rescued { from: from.clone(), to });
                false
            }
            Err(error) => {
                self.swept.stuck.push((from.clone(), error));
                self.keep(true);
                true
            }
        }
    }

    fn is_at(&self, home: &RelPath, meta: &Meta) -> bool {
        walk::parent(&self.disk.root, home).is_ok_and(|(parent, name)| {
            Meta::at(&parent, name.as_bytes()).is_ok_and(|there| there.inode == meta.inode)
        })
    }

    fn bring_back(
        &self,
        from: &RelPath,
        homes: &[&RelPath],
        slot_name: &str,
    ) -> Result<RelPath, DiskError> {
        for home in homes {
            match self.put_at(home, slot_name) {
                Ok(()) => return Ok((*home).clone()),
                Err(DiskError::Occupied | DiskError::Gone) => {}
                Err(error) => return Err(error),
            }
        }
        let (mut dir, name) = split(from);
        let mut count = 1;
        while count <= MAX_NAMES {
            let home = dir.join(conflict_name(&name, self.label, count));
            match self.put_at(&home, slot_name) {
                Ok(()) => return Ok(home),
                Err(DiskError::Occupied) => count += 1,
                // Its directory is gone: the one above, then; the root is always there.
                Err(DiskError::Gone) if !dir.names().is_empty() => dir = split(&dir).0,
                Err(error) => return Err(error),
            }
        }
        Err(DiskError::Occupied)
    }

    fn put_at(&self, home: &RelPath, slot_name: &str) -> Result<(), DiskError> {
        let (parent, name) = walk::parent(&self.disk.root, home)?;
        put(self.disk, slot_name, &parent, name.as_bytes())?;
        parent.sync(&self.disk.kept)
    }
}

fn split(path: &RelPath) -> (RelPath, Name) {
    let (dir, name) = path.split().expect("the root itself is never displaced");
    (dir, name.clone())
}

fn is_written(kept: impl AsFd, name: &str) -> bool {
    match rustix::fs::openat(kept, name, sys::READ, Mode::empty()) {
        Ok(file) => has_writer(&File::from(file)),
        Err(Errno::AGAIN) => true,
        Err(_) => false,
    }
}
