//! What this filesystem offers, found out with files of the client's own.

use std::fmt;
use std::os::fd::AsFd;

use onefold_core::folding::Folding;
use rustix::fs::{AtFlags, Mode, OFlags, RenameFlags};
use rustix::io::Errno;

use super::kept::OWNER;
use super::sys::{self, CLOEXEC, Meta};

/// What guards a user's files on this disk, for `status`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Guard {
    /// Writers are noticed, and held off while a file is swapped.
    pub leases: bool,
    /// Two names can be swapped at once.
    pub exchange: bool,
    /// A rename can be made to fail where something has the new name.
    pub no_replace: bool,
    /// Inodes have birth times: a number used again is told from the one before.
    pub birth_times: bool,
    /// Which names are one name.
    pub folding: Folding,
    /// Files can have several names.
    pub links: bool,
    /// Files have executable bits of their own.
    pub modes: bool,
}

impl Guard {
    /// Whether a name can be taken without replacing what a program puts there in the same instant.
    pub(super) const fn can_take_names(&self) -> bool {
        self.no_replace || self.links
    }
}

impl fmt::Display for Guard {
    /// `full: …`, or `weaker: …` with what is missing and what that means.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut lacks = Vec::new();
        if !self.leases {
            lacks.push(
                "no file leases (a program that is just writing is noticed only by what it wrote)",
            );
        }
        if !self.exchange {
            lacks.push("no exchange of names (a replaced file is gone for an instant)");
        }
        if !self.no_replace {
            lacks.push("no rename without replacing (names are taken by hard links)");
        }
        if !self.birth_times {
            lacks.push("no birth times (a renamed file is known by its bytes)");
        }
        if lacks.is_empty() {
            f.write_str("full: leases, exchange, no-replace, birth times")?;
        } else {
            write!(f, "weaker, old bytes are kept all the same: {}", lacks.join("; "))?;
        }
        if !self.modes {
            f.write_str("; executable bits are as they are elsewhere, this disk has none")?;
        }
        Ok(())
    }
}

/// A letter in one character,
const COMPOSED: &str = "\u{e9}";
/// and in two.
const APART: &str = "e\u{301}";
/// A name that nothing has.
const FREE: &str = "free";

/// Tries everything out in an open `.onefold/`.
pub(super) fn probe(own: impl AsFd) -> Result<Guard, Errno> {
    let dir = super::own_directory(&own, "probe")?;
    let names = ["one", "two", FREE];
    for name in names {
        let _ = rustix::fs::unlinkat(&dir, name, AtFlags::empty());
    }
    for name in ["one", "two"] {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | CLOEXEC;
        rustix::fs::openat(&dir, name, flags, OWNER)?;
    }
    let number = |name: &str| Meta::at(&dir, name.as_bytes()).map(|meta| meta.inode.number);
    let finds = |name: &str| number(name).is_ok();
    // Not every filesystem can hold such a name.
    let letter =
        rustix::fs::openat(&dir, COMPOSED, OFlags::WRONLY | OFlags::CREATE | CLOEXEC, OWNER)
            .is_ok();
    let first = number("one")?;
    let swapped = rustix::fs::renameat_with(&dir, "one", &dir, "two", RenameFlags::EXCHANGE);
    let exchange = swapped.is_ok() && number("two")? == first;
    let guard = Guard {
        leases: leases_hold(&dir)?,
        exchange,
        no_replace: never_replaces(&dir),
        birth_times: Meta::at(&dir, b"one")?.inode.birth.is_some(),
        folding: Folding { case: finds("ONE"), form: letter && finds(APART) },
        links: rustix::fs::linkat(&dir, "one", &dir, FREE, AtFlags::empty()).is_ok(),
        modes: keeps_modes(&dir)?,
    };
    for name in names.into_iter().chain([COMPOSED]) {
        let _ = rustix::fs::unlinkat(&dir, name, AtFlags::empty());
    }
    Ok(guard)
}

/// A rename fails where something has the name, and is carried out where nothing has: some kernels
/// look for what has the name themselves, and leave the rest to a filesystem that cannot do it.
fn never_replaces(dir: impl AsFd) -> bool {
    let rename = |from, to| rustix::fs::renameat_with(&dir, from, &dir, to, RenameFlags::NOREPLACE);
    let refused = rename("one", "two") == Err(Errno::EXIST);
    refused && rename("one", FREE).is_ok() && rename(FREE, "one").is_ok()
}

/// What a file's owner may do with it can be set, and stays.
fn keeps_modes(dir: impl AsFd) -> Result<bool, Errno> {
    for mode in [OWNER | Mode::XUSR, OWNER] {
        // Where there are none, some say so, and some do not.
        let set = rustix::fs::chmodat(&dir, "one", mode, AtFlags::empty());
        let asked = mode.contains(Mode::XUSR);
        if set.is_err() || (Meta::at(&dir, b"one")?.mode & 0o100 != 0) != asked {
            return Ok(false);
        }
    }
    Ok(true)
}

/// A lease is refused beside a writer, holds a new writer off, and shows that one waits.
fn leases_hold(dir: impl AsFd) -> Result<bool, Errno> {
    let open = |flags: OFlags| rustix::fs::openat(&dir, "one", flags | CLOEXEC, Mode::empty());
    let reader = open(OFlags::RDONLY)?;
    let writer = open(OFlags::WRONLY)?;
    if sys::take_lease(&reader).is_ok() {
        sys::release_lease(&reader);
        return Ok(false);
    }
    drop(writer);
    if sys::take_lease(&reader).is_err() {
        return Ok(false);
    }
    let stands = sys::lease_stands(&reader);
    let held_off = open(OFlags::WRONLY | OFlags::NONBLOCK).is_err();
    let shows = !sys::lease_stands(&reader);
    sys::release_lease(&reader);
    Ok(stands && held_off && shows)
}
