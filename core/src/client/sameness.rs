//! Whether what a look shows is what was known: pure comparisons of one thing with another.

use crate::disk::{Found, Inode, Listing, Seen, Stamp};
use crate::name::Name;
use crate::node::Kind;
use crate::time::FileTime;

use super::record::{LocalBody, Present};

/// Whether what was found is a known file, wherever its name is now. Its inode tells, unless it has
/// several names; without a birth time, a file's size and time must be the same, too.
pub(super) fn is_same_file(known: &Present, found: &Found) -> bool {
    let same_bytes = known.stamp.size == found.stamp.size && known.stamp.mtime == found.stamp.mtime;
    known.stamp.inode == found.stamp.inode
        && known.body.kind() == found.form.kind()
        && !known.linked
        && !has_other_names(found)
        && (found.stamp.inode.birth.is_some() || found.form.kind() == Kind::Directory || same_bytes)
}

/// Whether a known node may be what has a name that is not synced.
pub(super) fn may_be_other(known: &Present, stamp: &Stamp, kind: Option<Kind>) -> bool {
    let same_bytes = known.stamp.size == stamp.size && known.stamp.mtime == stamp.mtime;
    known.stamp.inode == stamp.inode
        && kind == Some(known.body.kind())
        && !known.linked
        && (stamp.inode.birth.is_some() || kind == Some(Kind::Directory) || same_bytes)
}

/// The stamp to believe in. A directory's times change with what is in it, and mean nothing.
pub(super) fn seen_stamp(found: &Found) -> Stamp {
    match found.form.kind() {
        Kind::Directory => directory_stamp(found.stamp.inode),
        Kind::File | Kind::Symlink => found.stamp,
    }
}

/// A directory is the same as long as its inode is.
pub(super) const fn directory_stamp(inode: Inode) -> Stamp {
    Stamp { inode, size: 0, mtime: FileTime { seconds: 0, nanoseconds: 0 }, ctime: None }
}

/// Whether a file has other names as well. What a disk counts as links of a directory are none.
pub(super) fn has_other_names(found: &Found) -> bool {
    found.form.kind() == Kind::File && found.links > 1
}

/// What is known of the body when `found` is seen: a content only if the file is as it was read.
pub(super) fn unless_read(known: &Present, found: &Found) -> LocalBody {
    match (&known.body, LocalBody::unread(&found.form)) {
        (LocalBody::File { content, .. }, LocalBody::File { executable, .. })
            if known.stamp.still(&found.stamp) =>
        {
            LocalBody::File { content: *content, executable }
        }
        (_, unread) => unread,
    }
}

pub(super) fn found_executable(found: &Found) -> bool {
    LocalBody::unread(&found.form).executable()
}

/// The file of another inode that stands at a name.
pub(super) fn stands(listing: &Listing, name: &Name, not: &Inode) -> Option<Inode> {
    listing.names.iter().find(|(at, _)| at == name).and_then(|(_, seen)| match seen {
        Seen::Node(found) if found.form.kind() == Kind::File && found.stamp.inode != *not => {
            Some(found.stamp.inode)
        }
        Seen::Node(_) | Seen::Other { .. } => None,
    })
}

/// Whether `name` is `of`, made a backup: `f~`, `f.bak`, `f.orig`, `f.old`, `f.backup`, `#f#`, and
/// emacs' numbered `f.~1~`.
pub(super) fn is_backup(name: &[u8], of: &[u8]) -> bool {
    if let Some(ending) = name.strip_prefix(of) {
        return matches!(ending, b"~" | b".bak" | b".orig" | b".old" | b".backup")
            || (ending.starts_with(b".~") && ending.ends_with(b"~") && ending.len() > 3);
    }
    name.strip_prefix(b"#").and_then(|name| name.strip_suffix(b"#")) == Some(of)
}
