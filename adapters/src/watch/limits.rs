//! How many directories may be watched, and where watching tells too little.
//!
//! The limit counts for all programs of a user together; a part of it is left to the others. It
//! decides nothing about what is looked at instead.

use std::fs;
use std::path::Path;

/// Where the system says how many watches a user may have: at all, and in this namespace.
const LIMITS: [&str; 2] =
    ["/proc/sys/fs/inotify/max_user_watches", "/proc/sys/user/max_inotify_watches"];
/// One part in so many is left to other programs.
const LEFT_SHARE: u64 = 10;
/// Where nothing says how many there may be, the system itself has to refuse.
const UNKNOWN: u64 = u64::MAX / 16;

/// Filesystems that others change without this machine noticing (`statfs(2)`, `magic.h`).
const NETWORK: &[(u64, &str)] = &[
    (0x6969, "NFS"),
    (0x517B, "SMB"),
    (0xFE53_4D42, "SMB"),
    (0xFF53_4D42, "CIFS"),
    (0x0102_1997, "9p"),
    (0x00C3_6400, "Ceph"),
    (0x5346_414F, "AFS"),
    (0x7375_7245, "Coda"),
    (0x6573_5546, "FUSE"),
];

/// How many watches the system allows.
pub(super) fn watches() -> u64 {
    let read = |path| fs::read_to_string(path).ok()?.trim().parse().ok();
    LIMITS.into_iter().filter_map(read).min().unwrap_or(UNKNOWN)
}

/// Why a root has to be looked at from time to time though it is watched.
pub(super) fn network(root: &Path) -> Option<String> {
    // The type of the field differs from platform to platform; its bits do not.
    let kind = rustix::fs::statfs(root).ok()?.f_type as u64 & 0xFFFF_FFFF;
    let (_, name) = NETWORK.iter().find(|(magic, _)| *magic == kind)?;
    Some(format!(
        "the folder is on a filesystem ({name}) on which others can change files without this \
         machine being told: it is looked at every half minute, too"
    ))
}

/// Watches that may still be had.
#[derive(Debug)]
pub(super) struct Budget {
    limit: u64,
    /// How many there were when they were last counted, and how many were asked for since then:
    /// some of those twice, and some are gone.
    counted: u64,
    asked: u64,
}

impl Budget {
    pub(super) const fn new(limit: u64) -> Self {
        Self { limit, counted: 0, asked: 0 }
    }

    /// Takes one; `false` if there are none to be had.
    pub(super) fn take(&mut self) -> bool {
        let most = self.limit - self.limit / LEFT_SHARE;
        if self.counted + self.asked >= most {
            (self.counted, self.asked) = (count().unwrap_or(0), 0);
            // Close to the limit they are not counted again and again.
            if self.counted >= most - most / 100 {
                return false;
            }
        }
        self.asked += 1;
        true
    }
}

/// The watches that this process has.
fn count() -> Option<u64> {
    let mut watches = 0;
    for entry in fs::read_dir("/proc/self/fd").ok()?.flatten() {
        let is_inotify = |target: std::path::PathBuf| target.as_os_str() == "anon_inode:inotify";
        if fs::read_link(entry.path()).is_ok_and(is_inotify) {
            let info = Path::new("/proc/self/fdinfo").join(entry.file_name());
            let lines = fs::read_to_string(info).unwrap_or_default();
            watches += lines.lines().filter(|line| line.starts_with("inotify ")).count() as u64;
        }
    }
    Some(watches)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_system_says_how_many_watches_there_may_be() {
        assert!(watches() > 0);
        assert_eq!(network(Path::new("/")), None);
    }

    #[test]
    fn a_part_of_the_limit_is_left_to_others() {
        let mut budget = Budget::new(u64::MAX / 16);
        budget.counted = budget.limit - budget.limit / LEFT_SHARE;
        // Counted again, there are few.
        assert!(budget.take());
        let mut none = Budget::new(0);
        assert!(!none.take());
    }
}
