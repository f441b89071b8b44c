//! A virtual disk: inodes, names, open handles, a watcher and a power switch, in plain memory.
//!
//! Invariants: an inode number is given to the next file as soon as its own is gone; every name leads
//! to an inode that is; a directory has one name. What users do is in [`user`], what the engine asks
//! for in [`engine`] and [`guard`], what a power cut takes in [`power`], what a path leads to in
//! [`paths`].
//!
//! It knows nothing of nodes, trees or syncing.

pub mod attributes;
pub mod engine;
pub mod guard;
pub mod kept;
pub mod outside;
pub mod paths;
pub mod power;
pub mod user;
pub mod watch;

use std::collections::{BTreeMap, BTreeSet};

use onefold_core::blob::Blob;
use onefold_core::disk::{DiskError, Form as FoundForm, Found, Inode as InodeId, Seen, Stamp};
use onefold_core::folding::Folding;
use onefold_core::hash::ContentId;
use onefold_core::name::{Name, RelPath};
use onefold_core::node::Target;
use onefold_core::time::FileTime;

use crate::planted::{self, Planted};
use kept::Kept;
pub use power::Image;
use power::Power;
use watch::Watcher;

/// An inode's number.
pub type Number = usize;

/// The root directory's number.
pub const ROOT: Number = 0;

/// What kind of disk it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Traits {
    /// Which names are one.
    pub folding: Folding,
    /// Names are given back with their letters and accents apart, however they were given.
    pub decomposes: bool,
    /// Inodes have birth times.
    pub birth_times: bool,
    /// The guard has leases; otherwise it is the weaker one.
    pub leases: bool,
    /// Unsynced changes are remembered as such, so that the power can be cut.
    pub power_cuts: bool,
}

impl Default for Traits {
    fn default() -> Self {
        Self {
            folding: Folding::NONE,
            decomposes: false,
            birth_times: true,
            leases: true,
            power_cuts: false,
        }
    }
}

/// Why a system call failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Errno {
    /// ENOENT.
    NotFound,
    /// EEXIST.
    Exists,
    /// ENOTDIR.
    NotDirectory,
    /// EISDIR.
    IsDirectory,
    /// ENOTEMPTY.
    NotEmpty,
    /// EACCES.
    Denied,
    /// ENOSPC.
    Full,
    /// A directory into itself, and whatever else makes no sense.
    Invalid,
    /// The open waits for a lease.
    WouldWait,
}

impl From<Errno> for DiskError {
    fn from(errno: Errno) -> Self {
        match errno {
            Errno::NotFound | Errno::NotDirectory => Self::Gone,
            Errno::Exists => Self::Occupied,
            Errno::NotEmpty => Self::NotEmpty,
            Errno::Denied => Self::Denied("Permission denied".into()),
            Errno::Full => Self::Full("No space left on device".into()),
            Errno::IsDirectory => Self::Changed,
            Errno::Invalid => Self::Failed("Invalid argument".into()),
            Errno::WouldWait => Self::Busy,
        }
    }
}

/// What an inode holds.
#[derive(Clone, Debug)]
pub enum Form {
    /// Names and what they lead to.
    Directory(BTreeMap<Name, Number>),
    /// Bytes.
    File {
        /// All of them.
        bytes: Blob,
        /// The owner may execute it.
        executable: bool,
    },
    /// A symbolic link.
    Symlink(Target),
    /// A named pipe, which nobody may open.
    Fifo,
}

/// An inode.
#[derive(Clone, Debug)]
pub struct Inode {
    /// When it was made, on the filesystem's own fine clock.
    pub birth: FileTime,
    /// When its bytes last changed.
    pub mtime: FileTime,
    /// When anything of it last changed.
    pub ctime: FileTime,
    /// How many names it has.
    pub links: u32,
    /// What it holds.
    pub form: Form,
    /// A directory that may be listed.
    pub readable: bool,
    /// A directory whose names may be changed.
    pub writable: bool,
    /// A directory's one name; the root has none.
    pub home: Option<(Number, Name)>,
}

/// All that a power cut can roll back.
#[derive(Clone, Debug, Default)]
pub struct Table {
    inodes: Vec<Option<Inode>>,
    free: Vec<Number>,
    kept: Vec<Kept>,
    staged: BTreeMap<ContentId, Blob>,
}

/// An open file of a user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Handle {
    /// Which one.
    pub id: u64,
    /// The file.
    pub number: Number,
}

/// A disk.
#[derive(Debug)]
pub struct Disk {
    /// What kind of disk it is.
    pub traits: Traits,
    /// No space is left.
    pub full: bool,
    /// The root is not mounted.
    pub unmounted: bool,
    /// Names that are ignored: there, and unknown.
    pub ignored: BTreeSet<Name>,
    /// The planted fault.
    pub planted: Option<Planted>,
    device: u64,
    table: Table,
    handles: Vec<Handle>,
    next_handle: u64,
    clock: FileTime,
    lease: Option<guard::Lease>,
    /// What a change under way compared: no other file gets its number meanwhile.
    held: Vec<Number>,
    watcher: Watcher,
    power: Power,
    deeds: Vec<user::Deed>,
    displaced: Vec<(RelPath, ContentId)>,
}

impl Disk {
    /// An empty disk; `device` is its filesystem's number.
    pub fn new(device: u64, traits: Traits) -> Self {
        let mut disk = Self {
            traits,
            full: false,
            unmounted: false,
            ignored: BTreeSet::new(),
            planted: None,
            device,
            table: Table::default(),
            handles: Vec::new(),
            next_handle: 0,
            clock: FileTime::default(),
            lease: None,
            held: Vec::new(),
            watcher: Watcher::default(),
            power: Power::default(),
            deeds: Vec::new(),
            displaced: Vec::new(),
        };
        disk.allocate(Form::Directory(BTreeMap::new()));
        disk.power.synced(&disk.table);
        disk
    }

    /// Sets the filesystem's clock forward; it goes on by itself a little at each change.
    pub fn set_clock(&mut self, time: FileTime) {
        self.clock = self.clock.max(time);
    }

    /// Sets the filesystem's clock, to any time.
    pub fn jump_clock(&mut self, time: FileTime) {
        self.clock = time;
    }

    /// The inode of a number that a name leads to.
    pub fn inode(&self, number: Number) -> &Inode {
        self.table.inodes[number].as_ref().expect("a name leads to an inode that is")
    }

    fn inode_mut(&mut self, number: Number) -> &mut Inode {
        self.table.inodes[number].as_mut().expect("a name leads to an inode that is")
    }

    /// Someone has it open for writing.
    pub fn is_open(&self, number: Number) -> bool {
        self.handles.iter().any(|handle| handle.number == number)
    }

    /// How many files are open for writing.
    pub fn open_handles(&self) -> usize {
        self.handles.len()
    }

    /// What an inode looks like from outside.
    pub fn stamp(&self, number: Number) -> Stamp {
        let inode = self.inode(number);
        let size = match &inode.form {
            Form::File { bytes, .. } => bytes.len() as u64,
            Form::Symlink(target) => target.as_bytes().len() as u64,
            Form::Directory(_) | Form::Fifo => 0,
        };
        let ctime = planted::look::ctime(self, inode.ctime);
        Stamp { inode: self.id(number), size, mtime: inode.mtime, ctime }
    }

    fn id(&self, number: Number) -> InodeId {
        let birth = planted::look::birth(self, self.inode(number).birth);
        let birth = self.traits.birth_times.then_some(birth);
        InodeId { device: self.device, number: number as u64, birth }
    }

    fn seen(&self, name: &Name, number: Number) -> Seen {
        let inode = self.inode(number);
        let stamp = self.stamp(number);
        let form = match &inode.form {
            Form::Fifo => return Seen::Other { stamp, kind: None },
            Form::Directory(_) => FoundForm::Directory,
            Form::File { executable, .. } => FoundForm::File { executable: *executable },
            Form::Symlink(target) => FoundForm::Symlink(target.clone()),
        };
        if self.ignored.contains(name) {
            return Seen::Other { stamp, kind: Some(form.kind()) };
        }
        Seen::Node(Found { stamp, links: inode.links, form })
    }

    /// A moment later, as every change needs one of its own.
    fn tick(&mut self) -> FileTime {
        self.clock.nanoseconds += 1_000;
        if self.clock.nanoseconds >= 1_000_000_000 {
            self.clock = FileTime { seconds: self.clock.seconds + 1, nanoseconds: 0 };
        }
        self.clock
    }

    /// A new inode without a name, under the number that was freed last.
    fn allocate(&mut self, form: Form) -> Number {
        let now = self.tick();
        let inode = Inode {
            birth: now,
            mtime: now,
            ctime: now,
            links: 0,
            form,
            readable: true,
            writable: true,
            home: None,
        };
        let number = self.table.free.pop().unwrap_or(self.table.inodes.len());
        if number == self.table.inodes.len() {
            self.table.inodes.push(None);
        }
        self.table.inodes[number] = Some(inode);
        number
    }

    /// The form in which the disk keeps names.
    pub fn stored_form(&self) -> Folding {
        Folding { case: false, form: self.traits.decomposes }
    }

    /// A name as the disk keeps it.
    fn stored(&self, name: &Name) -> Name {
        Name::new(&self.stored_form().fold(name)).unwrap_or_else(|_| name.clone())
    }

    /// Gives an inode a free name.
    fn attach(&mut self, directory: Number, name: &Name, number: Number, closed: bool) {
        let now = self.tick();
        let stored = self.stored(name);
        let name = &stored;
        if let Form::Directory(names) = &mut self.inode_mut(directory).form {
            names.insert(name.clone(), number);
        }
        self.inode_mut(directory).mtime = now;
        self.inode_mut(directory).ctime = now;
        let inode = self.inode_mut(number);
        inode.links += 1;
        inode.ctime = now;
        if matches!(inode.form, Form::Directory(_)) {
            inode.home = Some((directory, name.clone()));
        }
        self.hint(directory, name, closed);
    }

    /// Takes a name off an inode, which goes with its last name unless something holds it.
    fn detach(&mut self, directory: Number, name: &Name) -> Option<Number> {
        let now = self.tick();
        let Form::Directory(names) = &mut self.inode_mut(directory).form else { return None };
        let number = names.remove(name)?;
        self.inode_mut(directory).mtime = now;
        self.inode_mut(directory).ctime = now;
        let inode = self.inode_mut(number);
        inode.links -= 1;
        inode.ctime = now;
        if matches!(inode.form, Form::Directory(_)) {
            inode.home = None;
        }
        self.hint(directory, name, false);
        Some(number)
    }

    /// Frees an inode that nothing leads to and nobody has open.
    fn release(&mut self, number: Number) {
        let Some(inode) = &self.table.inodes[number] else { return };
        let held = inode.links > 0
            || number == ROOT
            || self.is_open(number)
            || self.held.contains(&number)
            || self.table.kept.iter().any(|kept| kept.number == number);
        if !held {
            self.watcher.forget(number);
            self.table.inodes[number] = None;
            self.table.free.push(number);
        }
    }
}
