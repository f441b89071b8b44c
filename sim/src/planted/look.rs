//! What a disk shows, bent.

use onefold_core::time::FileTime;

use crate::disk::Disk;

use super::Planted;

/// A birth time, as it is shown.
pub fn birth(disk: &Disk, birth: FileTime) -> FileTime {
    if disk.planted == Some(Planted::IgnoresBirth) { FileTime::default() } else { birth }
}

/// A ctime, as it is shown.
pub fn ctime(disk: &Disk, ctime: FileTime) -> Option<FileTime> {
    (disk.planted != Some(Planted::FollowsMtime)).then_some(ctime)
}
