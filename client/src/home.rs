//! `ONEFOLD_HOME`: a client's own state, its lock, and the folders that are linked.
//!
//! Invariants: only its owner can read it (0700, files with secrets 0600); files in it are replaced
//! whole; who changes what is linked holds the lock. It deliberately knows nothing of syncing.
//!
//! ```text
//! lock               held by the one process that syncs; a kill frees it
//! control.sock       where that process takes requests
//! window.json        the window's port, and what its cookie holds
//! folders/ID/        one linked folder: link.json, trees.db, status.json
//! limits.json        how fast contents may move
//! server/            what `onefold host` serves
//! ```

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions, TryLockError};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use onefold_core::id::DeviceId;

use crate::error::Trouble;
use crate::linked::Linked;

/// A client's own directory.
#[derive(Clone, Debug)]
pub struct Home {
    path: PathBuf,
}

/// Held by the one process that syncs, or that changes what is linked.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

impl Home {
    /// The directory that the environment names; made if it is missing.
    pub fn open() -> Result<Self, Trouble> {
        let path = match std::env::var_os("ONEFOLD_HOME").filter(|value| !value.is_empty()) {
            Some(path) => PathBuf::from(path),
            None => data_directory().ok_or_else(|| {
                Trouble::unchanged(
                    "there is no place for the client's own state: neither ONEFOLD_HOME nor HOME is set",
                    "Set ONEFOLD_HOME to a directory of your own",
                )
            })?,
        };
        Self::at(&path)
    }

    /// This directory; made if it is missing.
    pub fn at(path: &Path) -> Result<Self, Trouble> {
        let made = std::path::absolute(path).and_then(|path| {
            make_private(&path.join("folders"))?;
            fs::set_permissions(&path, Permissions::from_mode(0o700))?;
            Ok(Self { path: path.canonicalize()? })
        });
        made.map_err(|error| {
            Trouble::unchanged(
                format_args!(
                    "the directory for the client's own state, {}, cannot be used: {error}",
                    path.display()
                ),
                "Make it writable, or set ONEFOLD_HOME to another directory",
            )
        })
    }

    /// The directory itself.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Where the process that syncs takes requests.
    pub fn socket(&self) -> PathBuf {
        self.path.join("control.sock")
    }

    /// What is kept of the window from start to start.
    pub fn window(&self) -> PathBuf {
        self.path.join("window.json")
    }

    /// Where the limits are kept of how fast contents may move.
    pub fn limits(&self) -> PathBuf {
        self.path.join("limits.json")
    }

    /// Where the embedded server keeps its data.
    pub fn server(&self) -> PathBuf {
        self.path.join("server")
    }

    /// The directory of one linked folder.
    pub fn folder(&self, device: DeviceId) -> PathBuf {
        self.path.join("folders").join(device.to_string())
    }

    /// Takes the lock; `None` while another process holds it. A process that died holds nothing.
    pub fn lock(&self) -> Result<Option<Lock>, Trouble> {
        let path = self.path.join("lock");
        let opened = OpenOptions::new().create(true).append(true).mode(0o600).open(&path);
        let file = opened.map_err(|error| self.unusable(&path, &error))?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Lock { _file: file })),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(self.unusable(&path, &error)),
        }
    }

    /// Every linked folder, by the path of its root.
    pub fn linked(&self) -> Result<Vec<Linked>, Trouble> {
        let path = self.path.join("folders");
        let entries = fs::read_dir(&path).map_err(|error| self.unusable(&path, &error))?;
        let mut linked = Vec::new();
        for entry in entries {
            let link =
                entry.map_err(|error| self.unusable(&path, &error))?.path().join("link.json");
            match fs::read(&link) {
                Ok(bytes) => linked.push(Linked::parse(&bytes).map_err(|error| {
                    Trouble::unchanged(
                        format_args!("{} cannot be read: {error}", link.display()),
                        "Put that file back from a backup; or remove its directory, and join the \
                         folder again with a new link: equal files are taken as they are",
                    )
                })?),
                // Made and not yet linked, or half unlinked: it is nothing.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(self.unusable(&link, &error)),
            }
        }
        linked.sort_by(|a, b| a.root.cmp(&b.root));
        Ok(linked)
    }

    /// The linked folder whose root this is.
    pub fn find(&self, dir: &Path) -> Result<Linked, Trouble> {
        let dir = full_path(dir)?;
        let linked = self.linked()?;
        if let Some(found) = linked.iter().find(|linked| linked.root == dir) {
            return Ok(found.clone());
        }
        Err(match linked.iter().find(|linked| dir.starts_with(&linked.root)) {
            Some(outer) => Trouble::unchanged(
                format_args!("{} is only a part of a linked folder", dir.display()),
                format_args!("Name the folder itself: {}", outer.root.display()),
            ),
            None => Trouble::unchanged(
                format_args!("{} is not linked to any folder", dir.display()),
                "`onefold status` lists what is linked; `onefold join LINK DIR` links a folder",
            ),
        })
    }

    /// Links a folder, or changes its link, durably.
    pub fn save(&self, linked: &Linked) -> Result<(), Trouble> {
        let directory = self.folder(linked.device);
        let path = directory.join("link.json");
        make_private(&directory)
            .and_then(|()| replace_durably(&path, &linked.to_bytes()))
            .map_err(|error| self.unusable(&path, &error))
    }

    /// Forgets a link, and all that was kept for it here.
    pub fn forget(&self, device: DeviceId) -> Result<(), Trouble> {
        let directory = self.folder(device);
        // The link goes first: without it, the rest of the directory is nothing.
        fs::remove_file(directory.join("link.json"))
            .and_then(|()| fs::remove_dir_all(&directory))
            .map_err(|error| self.unusable(&directory, &error))
    }

    fn unusable(&self, path: &Path, error: &io::Error) -> Trouble {
        Trouble::unchanged(
            format_args!("the client's own {} cannot be used: {error}", path.display()),
            format_args!(
                "Make {} and all in it readable and writable for you",
                self.path.display()
            ),
        )
    }
}

/// Makes a directory, and what is missing above it, that only its owner can read.
pub fn make_private(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)
}

/// Replaces a file that only its owner can read, whole; after a power cut it may be empty.
pub fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    replace_by(path, bytes, |_| Ok(()))
}

/// Replaces a file that only its owner can read: after a crash it is the old or the new one, whole.
pub fn replace_durably(path: &Path, bytes: &[u8]) -> io::Result<()> {
    replace_by(path, bytes, File::sync_all)?;
    path.parent().map_or(Ok(()), |directory| File::open(directory)?.sync_all())
}

fn replace_by(
    path: &Path,
    bytes: &[u8],
    settle: impl FnOnce(&File) -> io::Result<()>,
) -> io::Result<()> {
    let fresh = path.with_extension("new");
    // A left-over may have another mode, which opening it would keep.
    match fs::remove_file(&fresh) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        Ok(()) | Err(_) => {}
    }
    let mut file = OpenOptions::new().create_new(true).write(true).mode(0o600).open(&fresh)?;
    file.write_all(bytes)?;
    settle(&file)?;
    fs::rename(&fresh, path)
}

/// A path without `.`, `..` and symlinks, as far as it is there.
pub fn full_path(path: &Path) -> Result<PathBuf, Trouble> {
    let resolved = std::path::absolute(path).and_then(|path| resolve(&path));
    resolved.map_err(|error| {
        Trouble::unchanged(
            format_args!("{} cannot be used: {error}", path.display()),
            "Check how it is spelt, and that you may read the directories above it",
        )
    })
}

/// Resolves what is there of a path; what is missing stays as it is spelt.
fn resolve(path: &Path) -> io::Result<PathBuf> {
    match path.canonicalize() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            match (path.parent(), path.file_name()) {
                (Some(parent), Some(name)) => Ok(resolve(parent)?.join(name)),
                _ => Err(error),
            }
        }
        result => result,
    }
}

/// The platform's directory for a program's own data.
fn data_directory() -> Option<PathBuf> {
    let variable =
        |name| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    if cfg!(target_os = "macos") {
        return variable("HOME").map(|home| home.join("Library/Application Support/Onefold"));
    }
    let data =
        variable("XDG_DATA_HOME").or_else(|| Some(variable("HOME")?.join(".local/share")))?;
    Some(data.join("onefold"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn a_home_is_only_its_owners() {
        let parent = tempfile::tempdir().unwrap();
        let path = parent.path().join("a/b");
        let home = Home::at(&path).unwrap();
        replace_durably(&path.join("secret.json"), b"x").unwrap();
        replace_durably(&path.join("secret.json"), b"y").unwrap();
        assert_eq!((mode(&path), mode(&home.path.join("folders"))), (0o700, 0o700));
        assert_eq!(mode(&path.join("secret.json")), 0o600);
    }

    #[test]
    fn one_at_a_time_holds_the_lock() {
        let parent = tempfile::tempdir().unwrap();
        let home = Home::at(parent.path()).unwrap();
        let held = home.lock().unwrap();
        assert!(held.is_some());
        assert!(home.lock().unwrap().is_none());
        drop(held);
        assert!(home.lock().unwrap().is_some());
    }

    #[test]
    fn a_link_is_kept_and_found_by_any_spelling_of_its_root() {
        let parent = tempfile::tempdir().unwrap();
        let home = Home::at(&parent.path().join("home")).unwrap();
        let root = parent.path().canonicalize().unwrap().join("work");
        fs::create_dir_all(root.join("inside")).unwrap();
        let linked = Linked::example(&root);
        home.save(&linked).unwrap();
        assert_eq!(home.find(&root.join("inside/..")).unwrap(), linked);
        assert!(home.find(&root.join("inside")).unwrap_err().what().contains("only a part"));
        assert!(home.find(parent.path()).unwrap_err().what().contains("not linked"));
        home.forget(linked.device).unwrap();
        assert_eq!(home.linked().unwrap(), []);
    }
}
