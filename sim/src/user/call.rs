//! The system calls that users' programs make.

use onefold_core::name::RelPath;
use onefold_core::node::Target;
use onefold_core::time::FileTime;

use crate::disk::{Disk, Errno, Handle};

/// A system call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Call {
    /// Opens a file for writing, makes it if it is not there; `true` empties it.
    Open(RelPath, bool),
    /// Writes to the open file: `true` at its end.
    Write(Vec<u8>, bool),
    /// Closes the open file.
    Close,
    /// Renames.
    Rename(RelPath, RelPath),
    /// Removes a file.
    Unlink(RelPath),
    /// Makes a directory.
    Mkdir(RelPath),
    /// Removes an empty directory.
    Rmdir(RelPath),
    /// Makes a symlink.
    Symlink(RelPath, Target),
    /// Gives a file a second name.
    Link(RelPath, RelPath),
    /// Makes a named pipe.
    Pipe(RelPath),
    /// Sets the executable bit.
    Chmod(RelPath, bool),
    /// Sets the mtime.
    Touch(RelPath, FileTime),
    /// Sets whether a directory may be listed, and changed.
    Access(RelPath, bool, bool),
    /// Takes the whole disk out, or puts it in again.
    Mount(bool),
}

impl Call {
    /// Its kind, as a user's act in the window of a change.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Open(_, false) => "window_open",
            Self::Open(_, true) => "window_truncate",
            Self::Write(..) => "window_write",
            Self::Close => "window_close",
            Self::Rename(..) => "window_rename",
            Self::Unlink(_) => "window_unlink",
            Self::Mkdir(_) | Self::Rmdir(_) | Self::Access(..) => "window_directory",
            Self::Symlink(..) | Self::Link(..) | Self::Pipe(_) => "window_link",
            Self::Chmod(..) | Self::Touch(..) => "window_chmod",
            Self::Mount(_) => "window_mount",
        }
    }

    /// Does it; `handle` is the script's open file.
    pub fn run(&self, disk: &mut Disk, handle: &mut Option<Handle>) -> Result<(), Errno> {
        match self {
            Self::Open(path, truncate) => {
                *handle = Some(disk.open(path, true, *truncate)?);
                Ok(())
            }
            Self::Write(bytes, append) => match handle {
                Some(handle) => disk.write(*handle, *append, bytes),
                None => Err(Errno::NotFound),
            },
            Self::Close => {
                if let Some(handle) = handle.take() {
                    disk.close(handle);
                }
                Ok(())
            }
            Self::Rename(from, to) => disk.rename(from, to),
            Self::Unlink(path) => disk.unlink(path),
            Self::Mkdir(path) => disk.mkdir(path),
            Self::Rmdir(path) => disk.rmdir(path),
            Self::Symlink(path, target) => disk.symlink(path, target),
            Self::Link(from, to) => disk.link(from, to),
            Self::Pipe(path) => disk.mkfifo(path),
            Self::Chmod(path, bit) => disk.chmod(path, *bit),
            Self::Touch(path, mtime) => disk.touch(path, *mtime),
            Self::Access(path, read, write) => disk.set_access(path, *read, *write),
            Self::Mount(there) => {
                disk.unmounted = !there;
                Ok(())
            }
        }
    }
}
