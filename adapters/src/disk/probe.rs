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
            return f.write_str("full: leases, exchange, no-replace, birth times");
        }
        write!(f, "weaker, old bytes are kept all the same: {}", lacks.join("; "))
    }
}

/// A letter in one character,
const COMPOSED: &str = "\u{e9}";
/// and in two.
const APART: &str = "e\u{301}";

/// Tries everything out in an open `.onefold/`.
pub(super) fn probe(own: impl AsFd) -> Result<Guard, Errno> {
    let dir = super::own_directory(&own, "probe")?;
    let names = ["one", "two"];
    for name in names {
        let _ = rustix::fs::unlinkat(&dir, name, AtFlags::empty());
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
    let refused = rustix::fs::renameat_with(&dir, "one", &dir, "two", RenameFlags::NOREPLACE);
    let guard = Guard {
        leases: leases_hold(&dir)?,
        exchange,
        no_replace: refused == Err(Errno::EXIST),
        birth_times: Meta::at(&dir, b"one")?.inode.birth.is_some(),
        folding: Folding { case: finds("ONE"), form: letter && finds(APART) },
    };
    for name in names.into_iter().chain([COMPOSED]) {
        let _ = rustix::fs::unlinkat(&dir, name, AtFlags::empty());
    }
    Ok(guard)
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
