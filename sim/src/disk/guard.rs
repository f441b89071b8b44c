//! The one function through which an engine changes a disk, under any interleaving with users.
//!
//! Invariants: it acts only where what stands there is what the engine believes; what it displaces is
//! still there until it is certain that nobody else changed it. Users act in its windows, which the
//! caller opens to them.

use onefold_core::disk::{Change, DiskError, Old, Stamp};
use onefold_core::hash::ContentId;
use onefold_core::name::{Name, RelPath};
use onefold_core::node::{Content, Kind, Target};

use super::kept::Fate;
use super::user::version;
use super::{Disk, Form, Number};
use crate::planted::Planted;

/// Where in a change users, or a crash, may come in between.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// Nothing was looked at yet.
    Begin,
    /// The comparison was good.
    Compared,
    /// The swap is done, and not looked at yet.
    Swapped,
}

/// What comes in between; `true` if it is the end of the process.
pub type Window<'a> = &'a mut dyn FnMut(&mut Disk, Moment) -> bool;

/// The process ended in the middle of a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Crashed;

/// A read lease on a file that is about to be displaced.
#[derive(Clone, Copy, Debug)]
pub struct Lease {
    number: Number,
    broken: bool,
}

/// The outcome of a change, as the driver passes it on.
pub type Changed = Result<Option<Stamp>, DiskError>;

/// What a step of the guard ends with when it does not go on.
enum Stop {
    Crash,
    Error(DiskError),
}

impl<E: Into<DiskError>> From<E> for Stop {
    fn from(error: E) -> Self {
        Self::Error(error.into())
    }
}

impl Disk {
    /// Carries a change out, or leaves everything as it is. Durable when it returns.
    pub fn change(&mut self, change: &Change, window: Window<'_>) -> Result<Changed, Crashed> {
        let result = self.try_change(change, window);
        self.lease = None;
        for number in std::mem::take(&mut self.held) {
            self.release(number);
        }
        let result = match result {
            Ok(stamp) => Ok(stamp),
            Err(Stop::Error(error)) => Err(error),
            Err(Stop::Crash) => return Err(Crashed),
        };
        if self.planted == Some(Planted::PlacesUnsynced) {
            self.changed()
        } else {
            self.sync()
        }
        Ok(result)
    }

    fn try_change(&mut self, change: &Change, window: Window<'_>) -> Result<Option<Stamp>, Stop> {
        if self.unmounted {
            return Err(DiskError::RootGone("it is not mounted".into()).into());
        }
        self.open_window(window, Moment::Begin)?;
        match change {
            Change::MakeDirectory { at } => self.make_directory(at).map(Some),
            Change::PlaceFile { at, old, content, executable } => {
                let number = self.unstage(content, *executable)?;
                self.place(at, old, number, window).map(Some)
            }
            Change::PlaceSymlink { at, old, target } => {
                let number = self.new_symlink(target)?;
                self.place(at, old, number, window).map(Some)
            }
            Change::Rename { from, expect, to, only_if_quiet } => {
                self.move_node(from, expect, to, *only_if_quiet, window).map(|()| None)
            }
            Change::Exchange { first, expect_first, second, expect_second } => {
                let ends = [(first, expect_first), (second, expect_second)];
                self.exchange(ends, window).map(|()| None)
            }
            Change::Remove { at, expect, kind } => {
                self.remove(at, expect, *kind, window).map(|()| None)
            }
            Change::SetExecutable { at, expect, executable } => {
                let number = self.expected(at, expect)?.2;
                self.open_window(window, Moment::Compared)?;
                self.set_bit(number, *executable).map(|()| None)
            }
        }
    }

    fn open_window(&mut self, window: Window<'_>, moment: Moment) -> Result<(), Stop> {
        if window(self, moment) { Err(Stop::Crash) } else { Ok(()) }
    }

    /// What changes of the engine took from under its name since [`Disk::take_displaced`].
    pub fn displaced(&self) -> &[(RelPath, ContentId)] {
        &self.displaced
    }

    /// What changes of the engine took from under its name since the last call.
    pub fn take_displaced(&mut self) -> Vec<(RelPath, ContentId)> {
        std::mem::take(&mut self.displaced)
    }

    /// Someone opens a file for writing: whether he has to wait for a lease.
    pub(super) fn break_lease(&mut self, number: Number) -> bool {
        match &mut self.lease {
            Some(lease) if lease.number == number => {
                lease.broken = true;
                true
            }
            Some(_) | None => false,
        }
    }

    /// Takes a lease, where there are leases: refused while someone has the file open.
    fn take_lease(&mut self, number: Number) -> Result<(), Stop> {
        if self.traits.leases && matches!(self.inode(number).form, Form::File { .. }) {
            if self.is_open(number) {
                return Err(DiskError::Busy.into());
            }
            self.lease = Some(Lease { number, broken: false });
        }
        Ok(())
    }

    fn lease_held(&self) -> bool {
        self.lease.is_none_or(|lease| !lease.broken)
    }

    /// What stands at a path, if it is what the engine believes: held open until the change ends.
    fn expected(&mut self, at: &RelPath, expect: &Stamp) -> Result<(Number, Name, Number), Stop> {
        let (directory, name) = self.writable_parent(at)?;
        let (name, number) = self.entry(directory, &name).ok_or(DiskError::Gone)?;
        if self.is_still(number, expect) {
            self.held.push(number);
            Ok((directory, name, number))
        } else {
            Err(DiskError::Changed.into())
        }
    }

    fn is_still(&self, number: Number, expect: &Stamp) -> bool {
        let now = self.stamp(number);
        match self.inode(number).form {
            Form::Directory(_) => now.inode == expect.inode,
            Form::File { .. } | Form::Symlink(_) | Form::Fifo => expect.still(&now),
        }
    }

    /// The same but for the ctime, which a rename sets.
    fn is_still_moved(&self, number: Number, expect: &Stamp) -> bool {
        self.is_still(number, &Stamp { ctime: None, ..*expect })
    }

    fn make_directory(&mut self, at: &RelPath) -> Result<Stamp, Stop> {
        let (directory, name) = self.writable_parent(at)?;
        if self.full {
            return Err(DiskError::Full("No space left on device".into()).into());
        }
        if self.entry(directory, &name).is_some() {
            return Err(DiskError::Occupied.into());
        }
        let number = self.allocate(Form::Directory(std::collections::BTreeMap::new()));
        self.attach(directory, &name, number, false);
        Ok(self.stamp(number))
    }

    /// A staged content as an inode without a name.
    fn unstage(&mut self, content: &Content, executable: bool) -> Result<Number, Stop> {
        let Some(bytes) = self.table.staged.get(&content.id).cloned() else {
            return Err(DiskError::NotStaged.into());
        };
        let number = self.allocate(Form::File { bytes, executable });
        self.inode_mut(number).mtime = content.mtime;
        Ok(number)
    }

    fn new_symlink(&mut self, target: &Target) -> Result<Number, Stop> {
        if self.full {
            return Err(DiskError::Full("No space left on device".into()).into());
        }
        Ok(self.allocate(Form::Symlink(target.clone())))
    }

    fn place(
        &mut self,
        at: &RelPath,
        old: &Old,
        new: Number,
        window: Window<'_>,
    ) -> Result<Stamp, Stop> {
        let stamp = Stamp { ctime: None, ..self.stamp(new) };
        let result = match old {
            Old::Absent => self.place_new(at, new, window),
            Old::Is(expect) => self.replace(at, expect, new, window),
        };
        if result.is_err() {
            self.release(new);
        }
        result.map(|()| stamp)
    }

    fn place_new(&mut self, at: &RelPath, new: Number, window: Window<'_>) -> Result<(), Stop> {
        self.open_window(window, Moment::Compared)?;
        let (directory, name) = self.writable_parent(at)?;
        if self.entry(directory, &name).is_some() {
            return Err(DiskError::Occupied.into());
        }
        self.attach(directory, &name, new, true);
        Ok(())
    }

    fn replace(
        &mut self,
        at: &RelPath,
        expect: &Stamp,
        new: Number,
        window: Window<'_>,
    ) -> Result<(), Stop> {
        let (_, _, believed) = self.expected(at, expect)?;
        if self.children(believed).is_some() {
            return Err(DiskError::Changed.into());
        }
        self.take_lease(believed)?;
        let expected = version(&self.inode(believed).form);
        let placed = version(&self.inode(new).form);
        self.open_window(window, Moment::Compared)?;
        let (directory, name) = self.writable_parent(at)?;
        let (name, _) = self.entry(directory, &name).ok_or(DiskError::Gone)?;
        let displaced = self.detach(directory, &name).ok_or(DiskError::Gone)?;
        self.attach(directory, &name, new, true);
        let wrong = self.planted == Some(Planted::KeepsWrongSwap);
        let fate = match () {
            () if wrong => Fate::DropIf(version(&self.inode(displaced).form)),
            () if displaced == believed => Fate::DropIf(expected),
            () => Fate::Rescue,
        };
        self.keep(displaced, at, fate);
        self.open_window(window, Moment::Swapped)?;
        let sure = displaced == believed && self.lease_held();
        if sure && self.is_still_moved(displaced, expect) || wrong {
            self.displaced.extend(expected.map(|version| (at.clone(), version)));
            return Ok(());
        }
        self.swap_back(at, (directory, &name), displaced, new, placed);
        Err(DiskError::Busy.into())
    }

    /// Puts what was displaced back; what that brings out is a displaced file, too.
    fn swap_back(
        &mut self,
        at: &RelPath,
        (directory, name): (Number, &Name),
        displaced: Number,
        new: Number,
        placed: Option<ContentId>,
    ) {
        self.unkeep(displaced);
        let there = self.table.inodes[directory].is_some();
        let out = if there { self.entry(directory, name) } else { None };
        if let Some((name, out)) = out {
            self.detach(directory, &name);
            let fate = if out == new { Fate::DropIf(placed) } else { Fate::Rescue };
            self.keep(out, at, fate);
        }
        if there {
            self.attach(directory, name, displaced, true);
        } else {
            self.keep(displaced, at, Fate::Rescue);
        }
    }

    fn unkeep(&mut self, number: Number) {
        self.table.kept.retain(|kept| kept.number != number);
    }

    fn move_node(
        &mut self,
        from: &RelPath,
        expect: &Stamp,
        to: &RelPath,
        only_if_quiet: bool,
        window: Window<'_>,
    ) -> Result<(), Stop> {
        let (_, _, believed) = self.expected(from, expect)?;
        if only_if_quiet {
            self.take_lease(believed)?;
        }
        self.open_window(window, Moment::Compared)?;
        let (source, name) = self.writable_parent(from)?;
        let (name, number) = self.entry(source, &name).ok_or(DiskError::Gone)?;
        let (target, new) = self.writable_parent(to)?;
        if self.entry(target, &new).is_some_and(|(_, other)| other != number) {
            return Err(DiskError::Occupied.into());
        }
        if self.children(number).is_some() && to.is_within(from) {
            return Err(DiskError::Failed("Invalid argument".into()).into());
        }
        self.detach(source, &name);
        self.attach(target, &new, number, true);
        self.open_window(window, Moment::Swapped)?;
        if number == believed && self.lease_held() {
            return Ok(());
        }
        let back = self.table.inodes[source].is_some() && self.entry(source, &name).is_none();
        if back && self.entry(target, &new).is_some_and(|(_, at)| at == number) {
            self.detach(target, &new);
            self.attach(source, &name, number, true);
        }
        Err(DiskError::Busy.into())
    }

    fn exchange(&mut self, ends: [(&RelPath, &Stamp); 2], window: Window<'_>) -> Result<(), Stop> {
        let [(first, expect_first), (second, expect_second)] = ends;
        let (one, two) =
            (self.expected(first, expect_first)?, self.expected(second, expect_second)?);
        self.open_window(window, Moment::Compared)?;
        let swap = |disk: &mut Self| -> Result<(Number, Number), Stop> {
            let (a, a_name) = disk.writable_parent(first)?;
            let (b, b_name) = disk.writable_parent(second)?;
            let (a_name, x) = disk.entry(a, &a_name).ok_or(DiskError::Gone)?;
            let (b_name, y) = disk.entry(b, &b_name).ok_or(DiskError::Gone)?;
            disk.detach(a, &a_name);
            disk.detach(b, &b_name);
            disk.attach(a, &a_name, y, true);
            disk.attach(b, &b_name, x, true);
            Ok((x, y))
        };
        let swapped = swap(self)?;
        if swapped == (one.2, two.2) {
            return Ok(());
        }
        swap(self)?;
        Err(DiskError::Changed.into())
    }

    fn remove(
        &mut self,
        at: &RelPath,
        expect: &Stamp,
        kind: Kind,
        window: Window<'_>,
    ) -> Result<(), Stop> {
        let (_, _, believed) = self.expected(at, expect)?;
        if (kind == Kind::Directory) != self.children(believed).is_some() {
            return Err(DiskError::Changed.into());
        }
        self.take_lease(believed)?;
        let expected = version(&self.inode(believed).form);
        self.open_window(window, Moment::Compared)?;
        let (directory, name) = self.writable_parent(at)?;
        let (name, number) = self.entry(directory, &name).ok_or(DiskError::Gone)?;
        if kind == Kind::Directory {
            return Ok(self.rmdir(at)?);
        }
        self.detach(directory, &name);
        let fate = if number == believed { Fate::DropIf(expected) } else { Fate::Rescue };
        self.keep(number, at, fate);
        self.open_window(window, Moment::Swapped)?;
        if number == believed && self.lease_held() && self.is_still_moved(number, expect) {
            self.displaced.extend(expected.map(|version| (at.clone(), version)));
            if self.lease.is_some() {
                self.unkeep(number);
                self.release(number);
            }
            return Ok(());
        }
        if self.table.inodes[directory].is_some() && self.entry(directory, &name).is_none() {
            self.unkeep(number);
            self.attach(directory, &name, number, true);
        }
        Err(DiskError::Busy.into())
    }

    fn set_bit(&mut self, number: Number, new: bool) -> Result<(), Stop> {
        if self.table.inodes[number].is_none() {
            return Err(DiskError::Gone.into());
        }
        let now = self.tick();
        let inode = self.inode_mut(number);
        let Form::File { executable, .. } = &mut inode.form else {
            return Err(DiskError::Changed.into());
        };
        *executable = new;
        inode.ctime = now;
        for (directory, name) in self.names_of(number) {
            self.hint(directory, &name, false);
        }
        Ok(())
    }
}
