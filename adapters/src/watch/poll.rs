//! Directories that cannot be watched, looked at from time to time.
//!
//! Only what a listing and `stat` show is compared: nothing is opened, and nothing decided.

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::Mutex;

use onefold_core::name::{Name, RelPath};

use super::{absolute, lock};

/// What tells that something at a name changed: inode, size, ctime.
type Sign = (u64, u64, i64, i64);
type Signs = BTreeMap<Name, Sign>;

/// The directories, each as it was seen last.
#[derive(Default)]
pub(super) struct Polled(Mutex<BTreeMap<RelPath, Signs>>);

impl Polled {
    pub(super) fn len(&self) -> usize {
        lock(&self.0).len()
    }

    /// From now on, changes in this directory are found.
    pub(super) fn add(&self, root: &Path, dir: &RelPath) {
        let signs = signs(&absolute(root, dir)).unwrap_or_default();
        lock(&self.0).insert(dir.clone(), signs);
    }

    pub(super) fn remove(&self, dir: &RelPath) {
        lock(&self.0).remove(dir);
    }

    /// Looks at all of them, and gives the paths at which something changed.
    pub(super) fn poll(&self, root: &Path) -> Vec<RelPath> {
        let dirs: Vec<_> = lock(&self.0).keys().cloned().collect();
        let mut changed = Vec::new();
        for dir in dirs {
            let now = signs(&absolute(root, &dir));
            let mut all = lock(&self.0);
            let Some(before) = all.get_mut(&dir) else { continue };
            match now {
                Some(now) => {
                    let names: BTreeSet<_> = before.keys().chain(now.keys()).collect();
                    let differ = names.into_iter().filter(|name| before.get(name) != now.get(name));
                    changed.extend(differ.map(|name| dir.join(name.clone())));
                    *before = now;
                }
                // It is gone, or cannot be looked at: the look that the hint brings will tell.
                None => {
                    all.remove(&dir);
                    changed.push(dir);
                }
            }
        }
        changed
    }
}

fn signs(dir: &Path) -> Option<Signs> {
    let entries = std::fs::read_dir(dir).ok()?;
    let signs = entries.filter_map(|entry| {
        let entry = entry.ok()?;
        let name = Name::new(entry.file_name().as_encoded_bytes()).ok()?;
        // Of a directory, its own times change with what is in it, which is polled by itself.
        let meta = entry.metadata().ok()?;
        let (size, ctime) = if meta.is_dir() {
            (0, (0, 0))
        } else {
            (meta.size(), (meta.ctime(), meta.ctime_nsec()))
        };
        Some((name, (meta.ino(), size, ctime.0, ctime.1)))
    });
    Some(signs.collect())
}
