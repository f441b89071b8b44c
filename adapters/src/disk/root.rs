//! The folder's root: its marker, and whether it still is what it was.
//!
//! The marker, `.onefold/folder`, carries the folder's id and the root's own inode and birth time. It
//! tells the root from an empty mount point, from another folder's root and from a copy of itself.
//! Nothing is made in an existing root that lacks it; one client at a time holds it locked.

use std::fmt::Write as _;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};

use onefold_core::disk::{DiskError, Inode};
use onefold_core::id::FolderId;
use onefold_core::node::Kind;
use onefold_core::time::FileTime;
use rustix::fs::{CWD, FlockOperation, Mode, OFlags};
use rustix::io::Errno;

use super::sys::{self, CLOEXEC, Meta};

/// The client's own directory in a root.
pub const OWN: &str = ".onefold";
const MARKER: &str = ".onefold/folder";
/// The marker is far shorter; what is longer is none.
const MAX_MARKER_BYTES: usize = 4_096;

/// Whether a root is to be linked now, or was linked before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Link {
    /// A first join: the directory, and the marker in it, are made where they are missing.
    Create,
    /// A later start: without the right marker nothing is touched.
    Existing,
}

/// Why a root cannot be opened. Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// There is nothing at the path.
    #[error(
        "{0} is not there. Nothing was changed anywhere. If it is on a disk that can be unplugged \
         or unmounted, connect it; if it was moved, link it anew from its new place"
    )]
    Missing(PathBuf),
    /// A file, or something else that holds no files.
    #[error(
        "{0} is not a directory. Nothing was changed. Choose a directory, or a path to make one"
    )]
    NotDirectory(PathBuf),
    /// The system does not let this user in.
    #[error("{0} cannot be opened: {1}. Nothing was changed. Change its permissions, or its owner")]
    Denied(PathBuf, String),
    /// A directory without a marker: an empty mount point, or a new directory.
    #[error(
        "{0} is not the linked folder: it has no {MARKER}. Nothing was changed, and nothing is \
         taken as deleted. If its disk is not mounted, mount it; if the folder was made anew, \
         unlink it and join again"
    )]
    Unmarked(PathBuf),
    /// The root of another folder.
    #[error("{0} belongs to another folder ({1}). Nothing was changed. Unlink that one first")]
    OtherFolder(PathBuf, FolderId),
    /// The marker came here with a copy of the root.
    #[error(
        "{0} is a copy of a linked folder, not the folder itself. Nothing was changed. To sync the \
         copy as well, join it; its files are then merged"
    )]
    Copied(PathBuf),
    /// The marker cannot be understood.
    #[error("{0} has a damaged {MARKER}. Nothing was changed. Unlink the folder and join again")]
    Damaged(PathBuf),
    /// A directory above is a linked folder.
    #[error(
        "{0} is inside {1}, which is linked already. Nothing was changed. Choose another place"
    )]
    Inside(PathBuf, PathBuf),
    /// Another client has it.
    #[error(
        "{0} is being synced by another client already. Nothing was changed. Stop that one first"
    )]
    InUse(PathBuf),
    /// Its filesystem lacks too much.
    #[error(
        "{0} is on a filesystem that can neither rename without replacing nor give a file a second \
         name: what a program puts at a name in the wrong instant would be lost. Nothing was \
         changed. Choose a place on another disk"
    )]
    Unguarded(PathBuf),
    /// Anything else.
    #[error("{0} cannot be used: {1}. Nothing was changed")]
    Failed(PathBuf, String),
}

/// An open root.
#[derive(Debug)]
pub(super) struct Root {
    path: PathBuf,
    dir: OwnedFd,
    inode: Inode,
    _lock: OwnedFd,
    marker_inode: Inode,
    copied: bool,
}

impl AsFd for Root {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.dir.as_fd()
    }
}

impl Root {
    /// Opens a root and locks it for this process.
    pub(super) fn open(path: &Path, folder: FolderId, mode: Link) -> Result<Self, OpenError> {
        let path = std::path::absolute(path).map_err(|error| open_error(path, &error))?;
        let path = &path;
        if mode == Link::Create {
            refuse_inside(path)?;
            std::fs::create_dir_all(path).map_err(|error| open_error(path, &error))?;
        }
        let path = &path.canonicalize().map_err(|error| open_error(path, &error))?;
        refuse_inside(path)?;
        let failed = |errno: Errno| open_error(path, &errno.into());
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | CLOEXEC;
        let dir = rustix::fs::openat(CWD, path, flags, Mode::empty()).map_err(failed)?;
        let inode = Meta::of(&dir).map_err(failed)?.inode;
        let marked = read_marker(&dir).map_err(failed)?;
        let copied = matches!(&marked, Marked::As(marker) if !marker.is_of(&inode));
        match (marked, mode) {
            (Marked::As(marker), _) if marker.is_of(&inode) && marker.folder != folder => {
                return Err(OpenError::OtherFolder(path.clone(), marker.folder));
            }
            (Marked::As(marker), _) if marker.is_of(&inode) => {}
            (Marked::No, Link::Existing) => return Err(OpenError::Unmarked(path.clone())),
            (Marked::Badly, Link::Existing) => return Err(OpenError::Damaged(path.clone())),
            (Marked::As(marker), Link::Existing) if marker.folder != folder => {
                return Err(OpenError::OtherFolder(path.clone(), marker.folder));
            }
            (Marked::As(_), Link::Existing) => return Err(OpenError::Copied(path.clone())),
            (Marked::No | Marked::Badly | Marked::As(_), Link::Create) => {
                write_marker(&dir, &Marker { folder, inode }).map_err(failed)?;
            }
        }
        let marker = open_marker(&dir).map_err(failed)?;
        let lock = rustix::fs::flock(&marker, FlockOperation::NonBlockingLockExclusive);
        // Where there are no locks at all, the one on the client's own state has to do.
        if lock == Err(Errno::WOULDBLOCK) {
            return Err(OpenError::InUse(path.clone()));
        }
        let marker_inode = Meta::of(&marker).map_err(failed)?.inode;
        Ok(Self { path: path.clone(), dir, inode, _lock: marker, marker_inode, copied })
    }

    /// The filesystem that everything must be on.
    pub(super) fn device(&self) -> u64 {
        self.inode.device
    }

    /// Whether `.onefold/` came with a copy of another root: then inodes in its records are not those
    /// of the files beside them.
    pub(super) fn was_copied(&self) -> bool {
        self.copied
    }

    /// The absolute path.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Whether the root is still where it was, with its marker: two calls of `stat`.
    pub(super) fn check(&self) -> Result<(), DiskError> {
        let gone = |what: &str| DiskError::RootGone(format!("{} {what}", self.path.display()));
        // The path was canonical: a link in its place is another's.
        let here = Meta::at(CWD, self.path.as_os_str().as_encoded_bytes())
            .map_err(|errno| gone(&format!("cannot be reached: {}", sys::words(errno))))?;
        if here.inode != self.inode {
            return Err(gone("is not the linked folder any more"));
        }
        let marker = Meta::at(&self.dir, MARKER.as_bytes()).map_err(|errno| match errno {
            Errno::NOENT => {
                gone(&format!("is not the linked folder any more: its {MARKER} is gone"))
            }
            other => gone(&format!("cannot be told by its {MARKER}: {}", sys::words(other))),
        })?;
        if marker.inode != self.marker_inode {
            return Err(gone(&format!("has another {MARKER}")));
        }
        Ok(())
    }
}

/// Whether a directory of `dir` is the root of a linked folder itself, and not a copy of one.
pub(super) fn is_nested_root(dir: impl AsFd, name: &[u8], inode: &Inode) -> bool {
    let mut marker = name.to_vec();
    marker.push(b'/');
    marker.extend_from_slice(MARKER.as_bytes());
    if Meta::at(&dir, &marker).is_err() {
        return false;
    }
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | CLOEXEC;
    rustix::fs::openat(&dir, name, flags, Mode::empty())
        .and_then(read_marker)
        .is_ok_and(|marked| matches!(marked, Marked::As(marker) if marker.is_of(inode)))
}

/// A folder inside a linked folder would be synced twice. What of the path is there already tells.
fn refuse_inside(path: &Path) -> Result<(), OpenError> {
    let there = path.ancestors().skip(1).find_map(|above| above.canonicalize().ok());
    match there.as_deref().and_then(|above| above.ancestors().find(|above| is_linked(above))) {
        Some(outer) => Err(OpenError::Inside(path.to_owned(), outer.to_owned())),
        None => Ok(()),
    }
}

fn is_linked(dir: &Path) -> bool {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | CLOEXEC;
    let Ok(dir) = rustix::fs::openat(CWD, dir, flags, Mode::empty()) else { return false };
    let Ok(inode) = Meta::of(&dir).map(|meta| meta.inode) else { return false };
    read_marker(dir)
        .is_ok_and(|marked| matches!(marked, Marked::As(marker) if marker.is_of(&inode)))
}

fn open_error(path: &Path, error: &io::Error) -> OpenError {
    let path = path.to_owned();
    match error.kind() {
        io::ErrorKind::NotFound => OpenError::Missing(path),
        io::ErrorKind::NotADirectory | io::ErrorKind::AlreadyExists => {
            OpenError::NotDirectory(path)
        }
        io::ErrorKind::PermissionDenied => {
            OpenError::Denied(path, "you have no permission".to_owned())
        }
        io::ErrorKind::ReadOnlyFilesystem => {
            OpenError::Denied(path, "its disk is read-only".to_owned())
        }
        _ => OpenError::Failed(path, error.to_string()),
    }
}

/// What a marker says.
#[derive(Debug, PartialEq, Eq)]
struct Marker {
    folder: FolderId,
    inode: Inode,
}

/// How a directory is marked.
#[derive(Debug)]
enum Marked {
    No,
    As(Marker),
    Badly,
}

impl Marker {
    /// Device numbers are left out: they change when a machine starts.
    fn is_of(&self, inode: &Inode) -> bool {
        let same_birth = match (self.inode.birth, inode.birth) {
            (Some(then), Some(now)) => then == now,
            (None, _) | (_, None) => true,
        };
        self.inode.number == inode.number && same_birth
    }

    fn to_text(&self) -> String {
        let mut text = String::from("This marks a folder that Onefold syncs. Leave it here.\n");
        let _ = writeln!(text, "folder {}\ninode {}", self.folder, self.inode.number);
        if let Some(FileTime { seconds, nanoseconds }) = self.inode.birth {
            let _ = writeln!(text, "born {seconds} {nanoseconds}");
        }
        text
    }

    fn parse(text: &str) -> Option<Self> {
        let value =
            |key: &str| text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(' '));
        let birth = match value("born") {
            Some(born) => {
                let (seconds, nanoseconds) = born.split_once(' ')?;
                Some(FileTime {
                    seconds: seconds.parse().ok()?,
                    nanoseconds: nanoseconds.parse().ok()?,
                })
            }
            None => None,
        };
        let number = value("inode")?.parse().ok()?;
        let folder = FolderId::parse(value("folder")?)?;
        Some(Self { folder, inode: Inode { device: 0, number, birth } })
    }
}

fn open_marker(dir: impl AsFd) -> Result<OwnedFd, Errno> {
    rustix::fs::openat(dir, MARKER, sys::READ, Mode::empty())
}

fn read_marker(dir: impl AsFd) -> Result<Marked, Errno> {
    let file = match open_marker(&dir) {
        Ok(file) => file,
        Err(Errno::NOENT | Errno::NOTDIR) => return Ok(Marked::No),
        Err(errno) => return Err(errno),
    };
    if Meta::of(&file)?.kind != Some(Kind::File) {
        return Ok(Marked::Badly);
    }
    let mut bytes = vec![0; MAX_MARKER_BYTES];
    let length = rustix::io::pread(&file, &mut bytes, 0)?;
    let marker = std::str::from_utf8(&bytes[..length]).ok().and_then(Marker::parse);
    Ok(marker.map_or(Marked::Badly, Marked::As))
}

/// Writes it whole or not at all, in a directory that is the owner's alone.
fn write_marker(dir: impl AsFd, marker: &Marker) -> Result<(), Errno> {
    match rustix::fs::mkdirat(&dir, OWN, Mode::RWXU) {
        Ok(()) | Err(Errno::EXIST) => {}
        Err(errno) => return Err(errno),
    }
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | CLOEXEC;
    let own = rustix::fs::openat(&dir, OWN, flags, Mode::empty())?;
    match rustix::fs::fchmod(&own, Mode::RWXU) {
        // Some disks keep no modes; then there is nothing that would keep others out.
        Err(Errno::NOSYS | Errno::OPNOTSUPP) => {}
        Err(Errno::PERM) if Meta::of(&own)?.uid == rustix::process::geteuid().as_raw() => {}
        done => done?,
    }
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::TRUNC | OFlags::NOFOLLOW | CLOEXEC;
    let file = rustix::fs::openat(&own, c"folder.new", flags, Mode::RUSR | Mode::WUSR)?;
    rustix::io::write(&file, marker.to_text().as_bytes())?;
    rustix::fs::fsync(&file)?;
    rustix::fs::renameat(&own, c"folder.new", &own, c"folder")?;
    rustix::fs::fsync(&own)?;
    rustix::fs::fsync(&dir)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_marker_is_read_back_as_it_was_written() {
        let folder = FolderId::from_bytes([7; 16]);
        for birth in [None, Some(FileTime { seconds: -5, nanoseconds: 9 })] {
            let marker = Marker { folder, inode: Inode { device: 0, number: 12, birth } };
            assert_eq!(Marker::parse(&marker.to_text()), Some(marker));
        }
        assert_eq!(Marker::parse("folder 12"), None);
    }
}
