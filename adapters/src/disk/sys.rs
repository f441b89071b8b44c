//! The few system calls that the disk needs and `rustix` lacks, and what calls show, in core's types.
//!
//! All `unsafe` of this crate is here: file leases, and ignoring SIGIO. It decides nothing.

use std::io;
use std::os::fd::{AsFd, AsRawFd};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use onefold_core::disk::{DiskError, Inode, Stamp};
use onefold_core::node::Kind;
use onefold_core::time::FileTime;
use rustix::fs::{AtFlags, FileType, OFlags, Statx, StatxAttributes, StatxFlags, StatxTimestamp};
use rustix::io::Errno;

/// How every file is opened: never handed on to a child, which would keep leases and locks alive.
pub(super) const CLOEXEC: OFlags = OFlags::CLOEXEC;

/// How a user's file is opened: no link followed, no wait for a FIFO's or a lease's other end.
pub(super) const READ: OFlags =
    OFlags::RDONLY.union(OFlags::NOFOLLOW).union(OFlags::NONBLOCK).union(CLOEXEC);

/// Ignores SIGIO for the whole process; its default action would end it when a lease is broken.
///
/// Call it first in `main`; opening a disk calls it too.
pub fn ignore_sigio() {
    // SAFETY: SIG_IGN runs no code of ours in a signal handler, and SIGIO is a valid signal.
    unsafe { libc::signal(libc::SIGIO, libc::SIG_IGN) };
}

/// Takes a read lease on a file opened for reading only. `WouldBlock`: someone has it open for
/// writing. Any other error: no lease can be had on this file.
pub(super) fn take_lease(file: impl AsFd) -> io::Result<()> {
    lease_call(file, libc::F_SETLEASE, i64::from(libc::F_RDLCK)).map(drop)
}

/// Gives a lease back; a writer who waits goes on.
pub(super) fn release_lease(file: impl AsFd) {
    // It can fail only where there is no lease (any more), which is what is wanted.
    let _ = lease_call(file, libc::F_SETLEASE, i64::from(libc::F_UNLCK));
}

/// Whether the lease stands and nobody waits for it.
pub(super) fn lease_stands(file: impl AsFd) -> bool {
    lease_call(file, libc::F_GETLEASE, 0).is_ok_and(|kind| kind == i32::from(READ_LEASE))
}

/// `F_RDLCK` in one type on every platform.
const READ_LEASE: i16 = libc::F_RDLCK as i16;

fn lease_call(file: impl AsFd, command: i32, argument: i64) -> io::Result<i32> {
    // SAFETY: both commands take an integer and touch no memory of ours; the descriptor is open for
    // as long as it is borrowed.
    let result = unsafe { libc::fcntl(file.as_fd().as_raw_fd(), command, argument) };
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result) }
}

/// What `statx` shows of something.
#[derive(Clone, Copy, Debug)]
pub(super) struct Meta {
    /// Which one.
    pub(super) inode: Inode,
    /// `None`: a FIFO, socket or device.
    pub(super) kind: Option<Kind>,
    /// Its bytes.
    pub(super) size: u64,
    /// When its bytes last changed.
    pub(super) mtime: FileTime,
    /// When anything of it last changed.
    pub(super) ctime: FileTime,
    /// How many names it has.
    pub(super) links: u32,
    /// Its permission bits.
    pub(super) mode: u32,
    /// Its owner.
    pub(super) uid: u32,
    /// Its group.
    pub(super) gid: u32,
    /// Something is mounted here.
    pub(super) mount_root: bool,
}

impl Meta {
    /// Of what stands at a name; no link is followed.
    pub(super) fn at(dir: impl AsFd, name: &[u8]) -> Result<Self, Errno> {
        let flags = AtFlags::SYMLINK_NOFOLLOW | AtFlags::NO_AUTOMOUNT;
        rustix::fs::statx(dir, name, flags, StatxFlags::BASIC_STATS | StatxFlags::BTIME)
            .map(|stat| Self::from(&stat))
    }

    /// Of something open.
    pub(super) fn of(file: impl AsFd) -> Result<Self, Errno> {
        let flags = AtFlags::EMPTY_PATH;
        rustix::fs::statx(file, c"", flags, StatxFlags::BASIC_STATS | StatxFlags::BTIME)
            .map(|stat| Self::from(&stat))
    }

    /// What tells whether it is still the same. Of a directory, the inode alone: its times change
    /// with what is in it, which does not make it another.
    pub(super) fn stamp(&self) -> Stamp {
        if self.kind == Some(Kind::Directory) {
            return Stamp { inode: self.inode, size: 0, mtime: FileTime::default(), ctime: None };
        }
        Stamp { inode: self.inode, size: self.size, mtime: self.mtime, ctime: Some(self.ctime) }
    }

    /// Whether it is what the engine believes it to be.
    pub(super) fn is(&self, expect: &Stamp) -> bool {
        match self.kind {
            Some(Kind::Directory) => self.inode == expect.inode,
            Some(Kind::File | Kind::Symlink) => expect.still(&self.stamp()),
            None => false,
        }
    }

    /// The same inode with the same bytes, whatever became of its names and mode.
    pub(super) fn holds(&self, expect: &Stamp) -> bool {
        let Stamp { inode, size, mtime, ctime: _ } = *expect;
        self.is(&Stamp { inode, size, mtime, ctime: None })
    }
}

impl From<&Statx> for Meta {
    fn from(stat: &Statx) -> Self {
        let birth = stat.stx_mask & StatxFlags::BTIME.bits() != 0;
        let device = (u64::from(stat.stx_dev_major) << 32) | u64::from(stat.stx_dev_minor);
        let kind = match FileType::from_raw_mode(u32::from(stat.stx_mode)) {
            FileType::RegularFile => Some(Kind::File),
            FileType::Directory => Some(Kind::Directory),
            FileType::Symlink => Some(Kind::Symlink),
            _ => None,
        };
        Self {
            inode: Inode {
                device,
                number: stat.stx_ino,
                birth: birth.then(|| file_time(&stat.stx_btime)),
            },
            kind,
            size: stat.stx_size,
            mtime: file_time(&stat.stx_mtime),
            ctime: file_time(&stat.stx_ctime),
            links: stat.stx_nlink,
            mode: u32::from(stat.stx_mode) & 0o7777,
            uid: stat.stx_uid,
            gid: stat.stx_gid,
            mount_root: stat.stx_attributes.contains(StatxAttributes::MOUNT_ROOT),
        }
    }
}

fn file_time(time: &StatxTimestamp) -> FileTime {
    FileTime { seconds: time.tv_sec, nanoseconds: time.tv_nsec }
}

/// The longest that clocks of file times stand still: the slowest kernel tick, and a little.
const CLOCK_GRANULARITY: Duration = Duration::from_millis(11);
/// The same where times are whole seconds (FAT: two of them).
const COARSE_GRANULARITY: Duration = Duration::from_millis(2_010);

/// Waits until a change made from now on must show in a time that stands at `time`, on a filesystem
/// whose own times (`sample` is a ctime) are fine or whole seconds.
pub(super) fn outwait(time: FileTime, sample: FileTime) {
    let coarse = sample.nanoseconds == 0;
    let granularity = if coarse { COARSE_GRANULARITY } else { CLOCK_GRANULARITY };
    let Ok(seconds) = u64::try_from(time.seconds) else { return };
    let Some(then) = UNIX_EPOCH.checked_add(Duration::new(seconds, time.nanoseconds)) else {
        return;
    };
    let passed = match SystemTime::now().duration_since(then) {
        Ok(passed) => passed,
        // A time far ahead is not reached by a clock that was set back; one just ahead is.
        Err(ahead) if ahead.duration() > granularity => return,
        Err(_) => Duration::ZERO,
    };
    if passed < granularity {
        std::thread::sleep(granularity - passed);
    }
}

/// An error in the words of the system, without its number.
pub(super) fn words(error: impl Into<io::Error>) -> String {
    let text = error.into().to_string();
    text.split(" (os error").next().unwrap_or_default().to_owned()
}

/// What an error means for the engine.
pub(super) fn problem(errno: Errno) -> DiskError {
    match errno {
        Errno::NOENT | Errno::NOTDIR | Errno::LOOP => DiskError::Gone,
        Errno::ACCESS | Errno::PERM => DiskError::Denied(words(errno)),
        Errno::NOSPC | Errno::DQUOT => DiskError::Full(words(errno)),
        Errno::EXIST => DiskError::Occupied,
        Errno::NOTEMPTY => DiskError::NotEmpty,
        Errno::NAMETOOLONG | Errno::ILSEQ => DiskError::InvalidName(words(errno)),
        Errno::AGAIN | Errno::TXTBSY => DiskError::Busy,
        Errno::XDEV => DiskError::Failed("another filesystem is mounted there".into()),
        _ => DiskError::Failed(words(errno)),
    }
}

/// The same for a standard error.
pub(super) fn io_problem(error: &io::Error) -> DiskError {
    match error.raw_os_error() {
        Some(code) => problem(Errno::from_raw_os_error(code)),
        None => DiskError::Failed(error.to_string()),
    }
}

/// The same where a name was to be made: some filesystems call one that they cannot hold invalid.
pub(super) fn naming_problem(errno: Errno) -> DiskError {
    if errno == Errno::INVAL { DiskError::InvalidName(words(errno)) } else { problem(errno) }
}
