//! Small filesystems to hold a folder or contents, until they are dropped.

use std::path::{Path, PathBuf};
use std::process::Command;

/// A filesystem that is mounted.
#[derive(Debug)]
pub struct Mount {
    at: PathBuf,
    mounted: bool,
}

impl Mount {
    /// In memory, of so many MiB. `None` where nobody may mount: what needs it cannot be shown.
    pub fn memory(at: &Path, mib: u32) -> Option<Self> {
        Self::with(at, &["-t", "tmpfs", "-o", &format!("size={mib}m"), "tmpfs"])
    }

    /// With these arguments to `mount`.
    pub fn with(at: &Path, arguments: &[&str]) -> Option<Self> {
        let done = Command::new("mount").args(arguments).arg(at).output().ok()?;
        if !done.status.success() {
            eprintln!("mount {arguments:?}: {}", String::from_utf8_lossy(&done.stderr));
            return None;
        }
        Some(Self { at: at.to_owned(), mounted: true })
    }

    /// Gives it another size.
    pub fn resize(&self, mib: u32) {
        let options = format!("remount,size={mib}m");
        let done = Command::new("mount").args(["-o", &options]).arg(&self.at).status();
        assert!(done.expect("mount is there").success(), "{options}");
    }

    /// Takes it away, as when a disk is unplugged, though it is in use.
    pub fn unplug(&mut self) {
        if std::mem::take(&mut self.mounted) {
            let done = Command::new("umount").arg("--lazy").arg(&self.at).status();
            assert!(done.expect("umount is there").success(), "{}", self.at.display());
        }
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        self.unplug();
    }
}
