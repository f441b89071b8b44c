//! Small filesystems to hold a folder or contents, until they are dropped.

use std::fs::{self, File};
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

    /// An image of so many MiB in a file, made with `mkfs.KIND` and mounted; and the file.
    pub fn image(at: &Path, kind: &str, mib: u64, make: &[&str]) -> Option<(Self, PathBuf)> {
        let image = made(at, kind, mib, make)?;
        let from = image.to_str().expect("text");
        Some((Self::with(at, &["-o", "loop", "-t", kind, from])?, image))
    }

    /// The same by a program that carries the filesystem out.
    pub fn by(program: &str, at: &Path, arguments: &[&str]) -> Option<Self> {
        fs::create_dir_all(at).expect("the world is ours");
        let done = Command::new(program).args(arguments).arg(at).output().ok()?;
        if !done.status.success() {
            eprintln!("{program} {arguments:?}: {}", String::from_utf8_lossy(&done.stderr));
            return None;
        }
        Some(Self { at: at.to_owned(), mounted: true })
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
        self.remount(&format!("size={mib}m"));
    }

    /// Gives it other options.
    pub fn remount(&self, options: &str) {
        let options = format!("remount,{options}");
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

/// A file beside `at` that holds an empty filesystem.
pub fn made(at: &Path, kind: &str, mib: u64, make: &[&str]) -> Option<PathBuf> {
    let image = at.with_extension(format!("{kind}.image"));
    File::create(&image).and_then(|file| file.set_len(mib * 1024 * 1024)).expect("ours");
    let made = Command::new(format!("mkfs.{kind}")).args(make).arg(&image).output().ok()?;
    assert!(made.status.success(), "mkfs.{kind}: {}", String::from_utf8_lossy(&made.stderr));
    Some(image)
}

impl Drop for Mount {
    fn drop(&mut self) {
        self.unplug();
    }
}
