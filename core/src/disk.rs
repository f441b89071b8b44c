//! What a disk shows, and the changes that are asked of it.
//!
//! A disk is looked at one directory at a time. Every change carries what the engine believes is
//! there; the adapter acts only if it still is.

use alloc::collections::BTreeSet;
use alloc::string::String;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use crate::name::{Name, RelPath};
use crate::node::{Content, Kind, Target};
use crate::time::FileTime;

/// What tells one file from another that later gets its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Inode {
    /// The filesystem's device number.
    pub device: u64,
    /// The inode number, which the next file gets when this one is gone.
    pub number: u64,
    /// The birth time, where the filesystem has one.
    pub birth: Option<FileTime>,
}

/// What a file was when it was seen: as long as this is equal, so are its bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Stamp {
    /// Which file.
    pub inode: Inode,
    /// Its bytes; 0 for a directory.
    pub size: u64,
    /// When its bytes last changed.
    pub mtime: FileTime,
    /// When anything of it last changed; `None` where the engine placed it and has not looked since.
    pub ctime: Option<FileTime>,
}

impl Stamp {
    /// Whether what is seen now is what was seen then. A directory is the same while its inode is.
    pub fn still(&self, now: &Self) -> bool {
        self.inode == now.inode
            && self.size == now.size
            && self.mtime == now.mtime
            && (self.ctime.is_none() || now.ctime.is_none() || self.ctime == now.ctime)
    }
}

/// What stands at a name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Seen {
    /// A file, directory or symlink of this filesystem.
    Node(Found),
    /// Something that is there and is not synced: a FIFO, socket or device, another filesystem, an
    /// ignored name. It is *unknown*: never read, never deleted.
    Other {
        /// Which one it is, and since when.
        stamp: Stamp,
        /// What it would be if its name were synced; `None`: nothing that can be a node.
        kind: Option<Kind>,
    },
}

/// A file, directory or symlink on the disk.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Found {
    /// Which one it is, and since when.
    pub stamp: Stamp,
    /// How many names it has.
    pub links: u32,
    /// What it is.
    pub form: Form,
}

/// What a found thing is, as far as it shows without being opened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Form {
    /// A directory.
    Directory,
    /// A regular file.
    File {
        /// Its owner may execute it.
        executable: bool,
    },
    /// A symbolic link.
    Symlink(Target),
}

impl Form {
    /// The kind of node that it is.
    pub const fn kind(&self) -> Kind {
        match self {
            Self::Directory => Kind::Directory,
            Self::File { .. } => Kind::File,
            Self::Symlink(_) => Kind::Symlink,
        }
    }
}

/// How much is read of a file that may be growing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Start {
    /// All bytes that it has when it is opened.
    All,
    /// So many bytes.
    Bytes(u64),
    /// So many bytes, of a file that has more of them by now.
    Outgrown(u64),
}

impl Start {
    /// How many bytes are read of a file that has so many; `None`: it is not as long.
    pub fn of(self, size: u64) -> Option<u64> {
        match self {
            Self::All => Some(size),
            Self::Bytes(bytes) => (size >= bytes).then_some(bytes),
            Self::Outgrown(bytes) => (size > bytes).then_some(bytes),
        }
    }
}

/// Which names of a directory to look at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Names {
    /// Every one; the directory is watched first.
    All,
    /// Just these.
    Only(BTreeSet<Name>),
}

/// What a look at a directory showed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listing {
    /// The directory itself.
    pub inode: Inode,
    /// Each name that was asked for and is there. What was asked for and is not here is absent.
    pub names: Vec<(Name, Seen)>,
    /// Names that are no [`Name`], escaped for people to read.
    pub unnameable: Vec<String>,
}

/// Why a look, a hash or a change did not do what was asked. Nothing was changed.
#[derive(
    Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, thiserror::Error,
)]
pub enum DiskError {
    /// It is not there any more: a normal event.
    #[error("it is not there any more")]
    Gone,
    /// It is not what the engine believes it to be: look again.
    #[error("it changed in the meantime")]
    Changed,
    /// Someone has it open for writing: try when it is closed.
    #[error("a program has it open for writing")]
    Busy,
    /// Something else stands at the new name: look at it.
    #[error("something else has that name")]
    Occupied,
    /// The directory to remove has something in it: look into it.
    #[error("the directory is not empty")]
    NotEmpty,
    /// Permission denied, by the system's own words.
    #[error("permission denied: {0}")]
    Denied(String),
    /// No space, or quota reached, by the system's own words.
    #[error("the disk is full: {0}")]
    Full(String),
    /// This filesystem cannot hold such a name.
    #[error("this disk cannot hold that name: {0}")]
    InvalidName(String),
    /// The staged bytes are not there (any more), or are not of that hash: fetch them again.
    #[error("the staged content is missing or damaged")]
    NotStaged,
    /// The root is missing, unmounted or another's: everything stops.
    #[error("the folder itself is not there: {0}")]
    RootGone(String),
    /// Anything else, by the system's own words.
    #[error("{0}")]
    Failed(String),
}

/// What the engine believes stands at a name that a change overwrites.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Old {
    /// Nothing: a new name.
    Absent,
    /// This file or symlink, to be replaced.
    Is(Stamp),
}

/// One change of the disk, all or nothing. Paths are relative to the root; no symlink is followed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Change {
    /// Makes an empty directory at a free name.
    MakeDirectory {
        /// The new name.
        at: RelPath,
    },
    /// Puts a staged content at a name.
    PlaceFile {
        /// The name.
        at: RelPath,
        /// What is there.
        old: Old,
        /// What is to be there: staged before; its mtime is set.
        content: Content,
        /// The executable bit to set.
        executable: bool,
    },
    /// Puts a symlink at a name.
    PlaceSymlink {
        /// The name.
        at: RelPath,
        /// What is there.
        old: Old,
        /// Where it points.
        target: Target,
    },
    /// Gives a node another name, which must be free.
    Rename {
        /// The present name.
        from: RelPath,
        /// What is there.
        expect: Stamp,
        /// The free name.
        to: RelPath,
        /// Refuse as busy while someone has the file open for writing (set for conflict copies).
        only_if_quiet: bool,
    },
    /// Swaps two names at once.
    Exchange {
        /// One name.
        first: RelPath,
        /// What is there.
        expect_first: Stamp,
        /// The other name.
        second: RelPath,
        /// What is there.
        expect_second: Stamp,
    },
    /// Removes a file or symlink (its bytes are kept aside for a while), or an empty directory.
    Remove {
        /// The name.
        at: RelPath,
        /// What is there.
        expect: Stamp,
        /// What it is.
        kind: Kind,
    },
    /// Sets or clears the executable bit.
    SetExecutable {
        /// The name.
        at: RelPath,
        /// What is there.
        expect: Stamp,
        /// The new bit.
        executable: bool,
    },
}
