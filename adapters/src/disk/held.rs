//! An old file that is about to be touched: compared, and under a lease where one can be had.
//!
//! Invariant: while it is held, and its lease stands, nobody has begun to write it since it was
//! compared. The lease goes when this is dropped.

use std::fs::File;

use onefold_core::disk::{DiskError, Stamp};
use onefold_core::node::Kind;
use rustix::fs::Mode;
use rustix::io::Errno;

use super::RealDisk;
use super::guard::Target;
use super::hooks::Point;
use super::sys::{self, Meta};

/// An old file under watch.
pub(super) struct Held {
    /// As it was compared.
    pub(super) meta: Meta,
    /// Nobody writes it.
    pub(super) leased: bool,
    file: Option<File>,
}

impl Drop for Held {
    fn drop(&mut self) {
        if let Some(file) = self.file.as_ref().filter(|_| self.leased) {
            sys::release_lease(file);
        }
    }
}

impl Held {
    /// Takes a lease, where one is asked for and can be had, and then compares.
    pub(super) fn take(
        disk: &RealDisk,
        target: &Target<'_>,
        expect: &Stamp,
        lease: bool,
    ) -> Result<Self, DiskError> {
        let look = || Meta::at(target.parent, target.name.as_bytes()).map_err(sys::problem);
        let meta = look()?;
        if !meta.is(expect) {
            return Err(DiskError::Changed);
        }
        let mut held = Self { meta, leased: false, file: None };
        if lease && disk.guard.leases && meta.kind == Some(Kind::File) {
            held.lease(disk, target)?;
        }
        disk.at(Point::Leased);
        held.meta = match &held.file {
            Some(file) => Meta::of(file).map_err(sys::problem)?,
            None => look()?,
        };
        if !held.meta.is(expect) {
            return Err(DiskError::Changed);
        }
        disk.at(Point::Compared);
        Ok(held)
    }

    fn lease(&mut self, disk: &RealDisk, target: &Target<'_>) -> Result<(), DiskError> {
        let name = target.name.as_bytes();
        let file = match rustix::fs::openat(target.parent, name, sys::READ, Mode::empty()) {
            Ok(file) => File::from(file),
            // One may replace what one may not read; then there is no lease on it.
            Err(Errno::ACCESS | Errno::PERM) => {
                disk.count(|counts| &counts.unleased);
                return Ok(());
            }
            Err(Errno::LOOP | Errno::NXIO) => return Err(DiskError::Changed),
            Err(errno) => return Err(sys::problem(errno)),
        };
        disk.at(Point::Opened);
        match sys::take_lease(&file) {
            Ok(()) => self.leased = true,
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {
                disk.count(|counts| &counts.refused);
                return Err(DiskError::Busy);
            }
            // Another's file, or a filesystem that has none.
            Err(_) => disk.count(|counts| &counts.unleased),
        }
        self.file = Some(file);
        Ok(())
    }

    /// Why what came out of the tree has to go back; `None` if it is what was compared and nobody
    /// waits to write it.
    pub(super) fn surprise(
        &self,
        disk: &RealDisk,
        slot_name: &str,
        expect: &Stamp,
    ) -> Option<DiskError> {
        let same = Meta::at(&disk.kept, slot_name.as_bytes())
            .is_ok_and(|out| out.inode == self.meta.inode && out.holds(expect));
        if !same {
            return Some(DiskError::Changed);
        }
        if self.is_quiet() {
            return None;
        }
        disk.count(|counts| &counts.broken);
        Some(DiskError::Busy)
    }

    /// Whether nobody waits to write it; where there is no lease, nobody can tell.
    pub(super) fn is_quiet(&self) -> bool {
        match &self.file {
            Some(file) if self.leased => sys::lease_stands(file),
            Some(_) | None => true,
        }
    }
}
