//! What a disk shows, bent.

use onefold_core::disk::{DiskError, Listing};
use onefold_core::name::RelPath;
use onefold_core::time::FileTime;

use crate::disk::Disk;

use super::Planted;

/// What a look showed; a directory that could not be read may seem empty.
pub fn looked(
    disk: &Disk,
    dir: &RelPath,
    result: Result<Listing, DiskError>,
) -> Result<Listing, DiskError> {
    let empty = match &result {
        Err(DiskError::Denied(_)) => disk.planted == Some(Planted::UnreadableIsEmpty),
        Err(DiskError::RootGone(_)) => disk.planted == Some(Planted::UnmountedIsEmpty),
        _ => false,
    };
    match disk.at(dir) {
        Ok(number) if empty => {
            let inode = disk.stamp(number).inode;
            Ok(Listing { inode, names: Vec::new(), unnameable: Vec::new() })
        }
        _ => result,
    }
}

/// A birth time, as it is shown.
pub fn birth(disk: &Disk, birth: FileTime) -> FileTime {
    if disk.planted == Some(Planted::IgnoresBirth) { FileTime::default() } else { birth }
}

/// A ctime, as it is shown.
pub fn ctime(disk: &Disk, ctime: FileTime) -> Option<FileTime> {
    (disk.planted != Some(Planted::FollowsMtime)).then_some(ctime)
}
