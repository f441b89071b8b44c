//! The conflict copies that are still in a folder, found by their names.
//!
//! The disk itself is walked, so that only what exists is listed. What cannot be read is left out.

use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use onefold_core::name::{Name, RelPath, parse_conflict_name};
use serde::Serialize;

use crate::status::shown;

/// A conflict copy, as `conflicts --json` shows it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct ConflictCopy {
    /// The root of the folder here.
    pub root: String,
    /// The copy.
    pub path: String,
    /// The path it stands beside.
    pub beside: String,
    /// The device whose version it is.
    pub device: String,
    /// When it was made, by that device's clock.
    pub time: String,
}

/// A conflict copy, exactly.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Copy {
    /// The copy.
    pub path: RelPath,
    /// The path it stands beside.
    pub beside: RelPath,
    /// The device whose version it is.
    pub device: String,
    /// When it was made, by that device's clock.
    pub time: String,
}

impl Copy {
    /// What the name of a conflict copy tells; `None` if it is none.
    pub fn at(path: &RelPath) -> Option<Self> {
        let (directory, name) = path.split()?;
        let told = parse_conflict_name(name)?;
        Some(Self {
            path: path.clone(),
            beside: directory.join(told.beside),
            device: told.device,
            time: told.time.to_string(),
        })
    }
}

/// Every conflict copy below a root, by path, as it is told. Blocks.
pub fn find(root: &Path) -> Vec<ConflictCopy> {
    let told = |Copy { path, beside, device, time }: Copy| ConflictCopy {
        root: root.display().to_string(),
        path: shown(&path),
        beside: shown(&beside),
        device,
        time,
    };
    let mut found: Vec<_> = find_copies(root).into_iter().map(told).collect();
    found.sort();
    found
}

/// Every conflict copy below a root, by path. Blocks.
pub fn find_copies(root: &Path) -> Vec<Copy> {
    let mut found = Vec::new();
    let mut waiting = vec![RelPath::root()];
    while let Some(directory) = waiting.pop() {
        let on_disk = root.join(Path::new(std::ffi::OsStr::from_bytes(&directory.to_bytes())));
        let Ok(entries) = fs::read_dir(on_disk) else { continue };
        for entry in entries.flatten() {
            // A name that Onefold cannot hold, its own directory among them, holds no copy.
            let Ok(name) = Name::new(entry.file_name().as_bytes()) else { continue };
            let path = directory.join(name);
            found.extend(Copy::at(&path));
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                waiting.push(path);
            }
        }
    }
    found.sort();
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn copies_are_found_at_any_depth_and_nothing_else_is() {
        let root = tempfile::tempdir().unwrap();
        let copy = "a (conflict, desk, 2026-11-22 0741).txt";
        fs::create_dir_all(root.path().join("x/y")).unwrap();
        fs::create_dir_all(root.path().join(".onefold")).unwrap();
        for path in ["a.txt", "x/b (conflict).txt", &format!("x/y/{copy}")] {
            fs::write(root.path().join(path), "").unwrap();
        }
        fs::write(root.path().join(".onefold").join(copy), "").unwrap();
        std::os::unix::fs::symlink("x", root.path().join("link")).unwrap();

        let found = find(root.path());

        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!((&*found[0].path, &*found[0].beside), (&*format!("x/y/{copy}"), "x/y/a.txt"));
        assert_eq!((&*found[0].device, &*found[0].time), ("desk", "2026-11-22 0741"));
    }
}
