//! What a node is: its place, and its body by kind.

use serde::{Deserialize, Serialize};

use crate::blob::Blob;
use crate::hash::ContentId;
use crate::id::NodeId;
use crate::name::Name;
use crate::time::FileTime;

/// The longest symlink target, in bytes (Linux: PATH_MAX less the NUL).
pub const MAX_TARGET_BYTES: usize = 4095;

/// What a node is; it never changes (another kind at a path is another node).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Kind {
    /// A directory.
    Directory,
    /// A regular file.
    File,
    /// A symbolic link, which is never followed.
    Symlink,
}

/// Where a node is: a name in a directory.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Place {
    /// The directory, or [`NodeId::ROOT`].
    pub parent: NodeId,
    /// The name in it.
    pub name: Name,
}

/// The bytes of a file, and the mtime that travels with them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Content {
    /// What the bytes are.
    pub id: ContentId,
    /// How many bytes.
    pub size: u64,
    /// When they were written, as the writing device's filesystem said.
    pub mtime: FileTime,
}

/// Where a symlink points: 1 to [`MAX_TARGET_BYTES`] bytes without NUL, meaning whatever it means.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "Blob", into = "Blob")]
pub struct Target(Blob);

/// Bytes that no symlink can hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a symlink target: empty, too long, or with a NUL byte")]
pub struct InvalidTarget;

impl TryFrom<Blob> for Target {
    type Error = InvalidTarget;

    fn try_from(bytes: Blob) -> Result<Self, InvalidTarget> {
        let valid = (1..=MAX_TARGET_BYTES).contains(&bytes.len()) && !bytes.contains(&0);
        if valid { Ok(Self(bytes)) } else { Err(InvalidTarget) }
    }
}

impl From<Target> for Blob {
    fn from(target: Target) -> Self {
        target.0
    }
}

impl Target {
    /// The bytes of the target.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

/// What a node holds, by its kind.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Body {
    /// A directory; its children name it as their parent.
    Directory,
    /// A regular file.
    File {
        /// Its bytes.
        content: Content,
        /// Its owner may execute it.
        executable: bool,
    },
    /// A symbolic link.
    Symlink(Target),
}

impl Body {
    /// The kind of node that has such a body.
    pub const fn kind(&self) -> Kind {
        match self {
            Self::Directory => Kind::Directory,
            Self::File { .. } => Kind::File,
            Self::Symlink(_) => Kind::Symlink,
        }
    }

    /// Same kind and same bytes; the mtime and the executable bit do not count.
    pub fn same_bytes(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Directory, Self::Directory) => true,
            (Self::File { content: a, .. }, Self::File { content: b, .. }) => a.id == b.id,
            (Self::Symlink(a), Self::Symlink(b)) => a == b,
            (Self::Directory | Self::File { .. } | Self::Symlink(_), _) => false,
        }
    }

    /// The executable bit; `false` for what has none.
    pub const fn executable(&self) -> bool {
        matches!(self, Self::File { executable: true, .. })
    }

    /// The content of a file.
    pub const fn content(&self) -> Option<Content> {
        match self {
            Self::File { content, .. } => Some(*content),
            Self::Directory | Self::Symlink(_) => None,
        }
    }
}

/// A node in one tree.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct State {
    /// Where it is.
    pub place: Place,
    /// What it holds.
    pub body: Body,
}
