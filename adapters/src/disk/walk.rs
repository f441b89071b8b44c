//! Opens directories below the root, and nothing outside of it.
//!
//! Invariants: no symlink is followed, no mount is entered, and a path of any length is reached, in
//! steps. What was opened stays the same directory, wherever its name goes afterwards.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::atomic::{AtomicBool, Ordering};

use onefold_core::disk::DiskError;
use onefold_core::name::{Name, RelPath};
use rustix::fs::{Mode, OFlags, ResolveFlags};
use rustix::io::Errno;

use super::sys::{self, CLOEXEC, Meta};

/// The most bytes of a path given to the kernel at once; it takes 4,096.
const STEP_BYTES: usize = 3_500;

/// The kernel has no `openat2`, or a sandbox hides it.
static NO_OPENAT2: AtomicBool = AtomicBool::new(false);

/// An open directory.
#[derive(Debug)]
pub(super) struct Directory {
    fd: OwnedFd,
    readable: bool,
}

impl AsFd for Directory {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

impl Directory {
    /// Makes its names durable. What may not be read cannot be synced by itself: then all of the
    /// filesystem is, through another directory on it.
    pub(super) fn sync(&self, other: impl AsFd) -> Result<(), DiskError> {
        let result =
            if self.readable { rustix::fs::fsync(&self.fd) } else { rustix::fs::syncfs(other) };
        result.map_err(sys::problem)
    }
}

const DIRECTORY: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(CLOEXEC);
const BY_PATH: OFlags = OFlags::PATH.union(OFlags::DIRECTORY).union(CLOEXEC);

/// Opens a directory to list it.
pub(super) fn readable(root: impl AsFd, path: &RelPath) -> Result<OwnedFd, Errno> {
    open(root.as_fd(), path.names(), DIRECTORY)
}

/// Opens the directory that a path's last name is in, to change it, and gives that name.
pub(super) fn parent(root: impl AsFd, path: &RelPath) -> Result<(Directory, &Name), DiskError> {
    let Some((name, above)) = path.names().split_last() else {
        return Err(DiskError::Failed("the folder itself cannot be changed".into()));
    };
    let fd = match open(root.as_fd(), above, DIRECTORY) {
        Ok(fd) => return Ok((Directory { fd, readable: true }, name)),
        // One may change what one may not list.
        Err(Errno::ACCESS) => open(root.as_fd(), above, BY_PATH),
        Err(errno) => Err(errno),
    };
    Ok((Directory { fd: fd.map_err(sys::problem)?, readable: false }, name))
}

/// Opens a path as long as it may be: all but the last stretch only to pass through.
fn open(root: BorrowedFd<'_>, names: &[Name], flags: OFlags) -> Result<OwnedFd, Errno> {
    let mut held: Option<OwnedFd> = None;
    let mut rest = names;
    loop {
        let here = held.as_ref().map_or(root, AsFd::as_fd);
        let (stretch, left) = rest.split_at(stretch(rest));
        let flags = if left.is_empty() { flags } else { BY_PATH };
        let next = beneath(here, stretch, flags)?;
        if left.is_empty() {
            return Ok(next);
        }
        (held, rest) = (Some(next), left);
    }
}

/// How many of the names fit into one step.
fn stretch(names: &[Name]) -> usize {
    let mut bytes = 0;
    let fits = names.iter().take_while(|name| {
        bytes += name.as_bytes().len() + 1;
        bytes <= STEP_BYTES
    });
    fits.count()
}

fn beneath(dir: BorrowedFd<'_>, names: &[Name], flags: OFlags) -> Result<OwnedFd, Errno> {
    let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_XDEV;
    if !NO_OPENAT2.load(Ordering::Relaxed) {
        let path =
            if names.is_empty() { b".".to_vec() } else { RelPath::new(names.to_vec()).to_bytes() };
        match rustix::fs::openat2(dir, &path[..], flags, Mode::empty(), resolve) {
            Err(Errno::NOSYS | Errno::PERM) => NO_OPENAT2.store(true, Ordering::Relaxed),
            result => return result,
        }
    }
    one_by_one(dir, names, flags)
}

/// The same for kernels without `openat2`: name by name, none of them a link.
fn one_by_one(dir: BorrowedFd<'_>, names: &[Name], flags: OFlags) -> Result<OwnedFd, Errno> {
    let device = Meta::of(dir)?.inode.device;
    let mut held = rustix::fs::openat(
        dir,
        c".",
        if names.is_empty() { flags } else { BY_PATH },
        Mode::empty(),
    )?;
    for (index, name) in names.iter().enumerate() {
        let last = index + 1 == names.len();
        let flags = if last { flags } else { BY_PATH } | OFlags::NOFOLLOW;
        let next = rustix::fs::openat(&held, name.as_bytes(), flags, Mode::empty())?;
        if Meta::of(&next)?.inode.device != device {
            return Err(Errno::XDEV);
        }
        held = next;
    }
    Ok(held)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    fn path(text: &str) -> RelPath {
        RelPath::parse(text.as_bytes()).unwrap()
    }

    #[test]
    fn no_way_of_opening_follows_a_link() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(dir.path().join("in/side")).unwrap();
        symlink("in", dir.path().join("link")).unwrap();
        symlink("/etc", dir.path().join("in/out")).unwrap();
        let root = std::fs::File::open(dir.path()).unwrap();
        for open in [beneath, one_by_one] {
            let check = |text: &str| open(root.as_fd(), path(text).names(), DIRECTORY);
            assert!(check("in/side").is_ok());
            assert!(check("").is_ok());
            for refused in ["link", "link/side", "in/out", "in/out/ssl"] {
                assert!(matches!(check(refused), Err(Errno::LOOP | Errno::NOTDIR)), "{refused}");
            }
            assert_eq!(check("none").unwrap_err(), Errno::NOENT);
        }
    }

    #[test]
    fn reaches_what_lies_deeper_than_the_kernel_takes_a_path() {
        let dir = tempfile::tempdir().unwrap();
        let root = std::fs::File::open(dir.path()).unwrap();
        let name = Name::new(&[b'n'; 200]).unwrap();
        let mut deep = RelPath::root();
        for _ in 0..40 {
            deep = deep.join(name.clone());
            let (parent, name) = parent(&root, &deep).unwrap();
            rustix::fs::mkdirat(&parent, name.as_bytes(), Mode::RWXU).unwrap();
        }
        assert!(deep.to_bytes().len() > 4_096);
        assert!(readable(&root, &deep).is_ok());
    }
}
