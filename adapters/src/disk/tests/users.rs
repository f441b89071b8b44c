//! What users' programs do to a path at any instant.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;

use rustix::fs::{CWD, Mode, OFlags};

/// What a user writes: as long as the old bytes.
pub(super) const USERS: &str = "by user!";

/// What a user's program does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Deed {
    /// Writes over the file in place.
    Overwrite,
    /// Opens it, truncates it, and writes when all is over.
    TruncateAndWriteLate,
    /// Opens it, and writes over it when all is over.
    OpenAndWriteLate,
    /// Maps it, writes through the mapping when all is over.
    MapAndWriteLate,
    /// Cuts it by its path.
    Truncate,
    /// Saves as editors do: a new file renamed over it.
    RenameOver,
    /// Removes it.
    Unlink,
    /// Removes it and makes a new one.
    UnlinkAndCreate,
    /// Moves it elsewhere.
    MoveAway,
    /// Moves it elsewhere and puts another in its place.
    MoveAwayAndCreate,
    /// Puts a directory with a file in its place.
    BecomeDirectory,
    /// Gives it a second name.
    HardLink,
    /// Moves the directory that it is in.
    MoveParent,
    /// Makes a file at the name that renames go to.
    TakeNewName,
}

pub(super) const DEEDS: [Deed; 14] = [
    Deed::Overwrite,
    Deed::TruncateAndWriteLate,
    Deed::OpenAndWriteLate,
    Deed::MapAndWriteLate,
    Deed::Truncate,
    Deed::RenameOver,
    Deed::Unlink,
    Deed::UnlinkAndCreate,
    Deed::MoveAway,
    Deed::MoveAwayAndCreate,
    Deed::BecomeDirectory,
    Deed::HardLink,
    Deed::MoveParent,
    Deed::TakeNewName,
];

impl Deed {
    /// It takes the bytes that it meets away, by the user's own will.
    const fn destroys(self) -> bool {
        match self {
            Self::Overwrite
            | Self::TruncateAndWriteLate
            | Self::OpenAndWriteLate
            | Self::MapAndWriteLate
            | Self::Truncate
            | Self::RenameOver
            | Self::Unlink
            | Self::UnlinkAndCreate
            | Self::BecomeDirectory => true,
            Self::MoveAway
            | Self::MoveAwayAndCreate
            | Self::HardLink
            | Self::MoveParent
            | Self::TakeNewName => false,
        }
    }
}

/// What a user did, when it is over.
#[derive(Debug, Default)]
pub(super) struct User {
    /// The user's own bytes were written.
    pub(super) wrote: bool,
    /// These bytes the user took away.
    pub(super) destroyed: Option<String>,
}

/// What is still going on after a deed.
#[derive(Default)]
pub(super) struct Aftermath {
    go: Option<Sender<()>>,
    thread: Option<JoinHandle<bool>>,
    user: User,
}

impl Aftermath {
    /// Lets late writers write, and says what the user did.
    pub(super) fn finish(self) -> User {
        drop(self.go);
        let wrote = self.user.wrote || self.thread.is_some_and(|thread| thread.join().unwrap());
        User { wrote, ..self.user }
    }

    fn wrote(wrote: bool) -> Self {
        Self { user: User { wrote, destroyed: None }, ..Self::default() }
    }
}

/// Does a deed; what finds nothing to do it to does nothing, as programs do.
pub(super) fn act(deed: Deed, root: &Path, at: &str) -> Aftermath {
    let path = root.join(at);
    let met = fs::read_link(&path).is_err().then(|| fs::read_to_string(&path).ok()).flatten();
    let mut aftermath = do_it(deed, root, &path);
    aftermath.user.destroyed = met.filter(|_| deed.destroys());
    aftermath
}

fn do_it(deed: Deed, root: &Path, path: &Path) -> Aftermath {
    let away = root.join("p/away");
    let is_file = fs::symlink_metadata(path).is_ok_and(|meta| meta.is_file());
    match deed {
        Deed::Overwrite if is_file => write_in_place(path, How::Now { truncate: true }),
        Deed::TruncateAndWriteLate if is_file => {
            write_in_place(path, How::Late { truncate: true, map: false })
        }
        Deed::OpenAndWriteLate if is_file => {
            write_in_place(path, How::Late { truncate: false, map: false })
        }
        Deed::MapAndWriteLate if is_file => {
            write_in_place(path, How::Late { truncate: false, map: true })
        }
        Deed::Truncate if is_file => write_in_place(path, How::Cut),
        Deed::RenameOver if !path.is_dir() || path.is_symlink() => {
            Aftermath::wrote(fs::write(&away, USERS).and_then(|()| fs::rename(&away, path)).is_ok())
        }
        Deed::Unlink => {
            let _ = fs::remove_file(path);
            Aftermath::default()
        }
        Deed::UnlinkAndCreate if fs::remove_file(path).is_ok() => Aftermath::wrote(create(path)),
        Deed::MoveAway => {
            let _ = fs::rename(path, &away);
            Aftermath::default()
        }
        Deed::MoveAwayAndCreate if fs::rename(path, &away).is_ok() => {
            Aftermath::wrote(create(path))
        }
        Deed::BecomeDirectory if is_file => {
            let made = fs::remove_file(path).and_then(|()| fs::create_dir(path));
            Aftermath::wrote(made.is_ok() && create(&path.join("inside")))
        }
        Deed::HardLink if is_file => {
            let _ = fs::hard_link(path, &away);
            Aftermath::default()
        }
        Deed::MoveParent => {
            let _ = fs::rename(root.join("p"), root.join("q"));
            Aftermath::default()
        }
        Deed::TakeNewName => Aftermath::wrote(create(&root.join("p/free"))),
        Deed::Overwrite
        | Deed::TruncateAndWriteLate
        | Deed::OpenAndWriteLate
        | Deed::MapAndWriteLate
        | Deed::Truncate
        | Deed::RenameOver
        | Deed::UnlinkAndCreate
        | Deed::MoveAwayAndCreate
        | Deed::BecomeDirectory
        | Deed::HardLink => Aftermath::default(),
    }
}

fn create(path: &Path) -> bool {
    let made = OpenOptions::new().write(true).create_new(true).open(path);
    made.and_then(|mut file| file.write_all(USERS.as_bytes())).is_ok()
}

#[derive(Clone, Copy)]
enum How {
    Now { truncate: bool },
    Late { truncate: bool, map: bool },
    Cut,
}

/// Opens the inode that is at the path *now*, which may have to wait for a lease: in a thread then,
/// after the lease was seen to be in the way.
fn write_in_place(path: &Path, how: How) -> Aftermath {
    let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let pinned = rustix::fs::openat(CWD, path, flags, Mode::empty()).unwrap();
    let name = PathBuf::from(format!("/proc/self/fd/{}", pinned.as_raw_fd()));
    // Breaks a lease, but does not wait.
    let probe = OpenOptions::new()
        .write(true)
        .custom_flags(OFlags::NONBLOCK.bits().cast_signed())
        .open(&name);
    let (go, late) = channel();
    if probe.is_ok() && !matches!(how, How::Late { .. }) {
        drop(probe);
        return Aftermath::wrote(write(&name, &pinned, how, &late));
    }
    let thread = match probe {
        // No lease is in the way: it is open from this instant on.
        Ok(_) => {
            let (opened, wait) = channel::<()>();
            let thread = std::thread::spawn(move || {
                let file = open(&name, how);
                drop(opened);
                write_open(file, how, &late)
            });
            let _ = wait.recv();
            thread
        }
        Err(_) => std::thread::spawn(move || write(&name, &pinned, how, &late)),
    };
    Aftermath { go: Some(go), thread: Some(thread), user: User::default() }
}

fn open(name: &Path, how: How) -> Option<File> {
    let truncate = match how {
        How::Now { truncate } | How::Late { truncate, map: _ } => truncate,
        How::Cut => false,
    };
    OpenOptions::new().read(true).write(true).truncate(truncate).open(name).ok()
}

fn write(name: &Path, _pinned: &OwnedFd, how: How, late: &Receiver<()>) -> bool {
    if let How::Cut = how {
        let cut = rustix::fs::openat(CWD, name, OFlags::WRONLY, Mode::empty());
        cut.and_then(|file| rustix::fs::ftruncate(file, 3)).unwrap();
        return false;
    }
    write_open(open(name, how), how, late)
}

fn write_open(file: Option<File>, how: How, late: &Receiver<()>) -> bool {
    let Some(mut file) = file else { return false };
    let map = matches!(how, How::Late { map: true, .. }).then(|| Mapping::of(&file));
    if let How::Late { .. } = how {
        let _ = late.recv();
    }
    match map {
        Some(map) => {
            drop(file);
            map.write(USERS.as_bytes());
            true
        }
        None => file.write_all(USERS.as_bytes()).is_ok(),
    }
}

/// A shared, writable mapping of a file's first page.
struct Mapping(*mut std::ffi::c_void);

const PAGE: usize = 4_096;

impl Mapping {
    fn of(file: &File) -> Self {
        use rustix::mm::{MapFlags, ProtFlags};
        let protection = ProtFlags::READ | ProtFlags::WRITE;
        // SAFETY: a fresh mapping at an address of the kernel's choice aliases no Rust object.
        let at = unsafe {
            rustix::mm::mmap(std::ptr::null_mut(), PAGE, protection, MapFlags::SHARED, file, 0)
        };
        Self(at.unwrap())
    }

    fn write(&self, bytes: &[u8]) {
        assert!(bytes.len() <= PAGE);
        // SAFETY: the mapping is a page long and writable, and no reference into it exists.
        unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), self.0.cast(), bytes.len()) };
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: it was mapped by `of`, once, and nothing uses it any more.
        let _ = unsafe { rustix::mm::munmap(self.0, PAGE) };
    }
}
