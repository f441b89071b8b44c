//! Nodes by their numbers, and what is said of them in the three trees.

use crate::client::planning::with_executable;
use crate::client::record::{Intent, Local, LocalBody, Present, Record};
use crate::client::sameness::directory_stamp;
use crate::disk::{Form, Found, Inode, Seen, Stamp};
use crate::hash::ContentId;
use crate::id::{CommitKey, NodeId, Seq};
use crate::name::{Name, RelPath};
use crate::node::{Body, Content, Place, State};
use crate::protocol::Row;
use crate::time::FileTime;

pub(in crate::client) const ROOT: NodeId = NodeId::ROOT;
/// The key of commits that are this device's own.
pub(in crate::client) const OWN: CommitKey = CommitKey::from_bytes([1; 16]);
/// The key of commits that are not.
pub(in crate::client) const OTHER: CommitKey = CommitKey::from_bytes([2; 16]);

pub(in crate::client) fn node(number: u8) -> NodeId {
    NodeId::from_bytes([number; 16])
}

pub(in crate::client) fn name(text: &str) -> Name {
    Name::new(text.as_bytes()).unwrap()
}

pub(in crate::client) fn path(text: &str) -> RelPath {
    RelPath::parse(text.as_bytes()).unwrap()
}

/// A directory at a name in another.
pub(in crate::client) fn dir(parent: NodeId, at: &str) -> State {
    State { place: Place { parent, name: name(at) }, body: Body::Directory }
}

/// A file of these bytes.
pub(in crate::client) fn file(parent: NodeId, at: &str, bytes: &str) -> State {
    let body = Body::File { content: content(bytes), executable: false };
    State { place: Place { parent, name: name(at) }, body }
}

/// The same, and it may be executed.
pub(in crate::client) fn executable(state: State) -> State {
    let body = with_executable(&state.body, true);
    State { body, ..state }
}

/// The same, written then.
pub(in crate::client) fn written_at(seconds: i64, mut state: State) -> State {
    if let Body::File { content, .. } = &mut state.body {
        content.mtime = FileTime { seconds, nanoseconds: 0 };
    }
    state
}

/// The same, found under another name, too.
pub(in crate::client) fn linked(seen: Seen) -> Seen {
    match seen {
        Seen::Node(found) => Seen::Node(Found { links: 2, ..found }),
        other @ Seen::Other { .. } => other,
    }
}

pub(in crate::client) fn content(bytes: &str) -> Content {
    let (bytes, mtime) = (bytes.as_bytes(), FileTime::default());
    Content { id: ContentId::of(bytes), size: bytes.len() as u64, mtime }
}

pub(in crate::client) fn inode(number: u64) -> Inode {
    Inode { device: 1, number, birth: Some(FileTime::default()) }
}

pub(in crate::client) fn stamp(number: u64, body: &Body) -> Stamp {
    let inode = inode(number);
    match body {
        Body::Directory => directory_stamp(inode),
        Body::File { content: Content { size, mtime, .. }, .. } => {
            Stamp { inode, size: *size, mtime: *mtime, ctime: Some(FileTime::default()) }
        }
        Body::Symlink(target) => {
            let size = target.as_bytes().len() as u64;
            Stamp { inode, size, mtime: FileTime::default(), ctime: Some(FileTime::default()) }
        }
    }
}

/// What is on this disk, and was read.
pub(in crate::client) fn here(number: u64, state: &State) -> Local {
    let (place, stamp, linked, seen_by) =
        (state.place.clone(), stamp(number, &state.body), false, 0);
    Local::Present(Present { place, stamp, linked, body: LocalBody::placed(&state.body), seen_by })
}

/// The same, but that a file is yet to be read.
pub(in crate::client) fn unread(number: u64, state: &State) -> Local {
    let Local::Present(mut present) = here(number, state) else { return Local::Absent };
    if let LocalBody::File { content, .. } = &mut present.body {
        *content = None;
    }
    Local::Present(present)
}

/// A node of this number, in three trees: its inode has the same number.
pub(in crate::client) fn known(
    number: u8,
    local: Option<&State>,
    synced: Option<&State>,
    remote: Option<&State>,
) -> (NodeId, Record) {
    let local = local.map_or(Local::Absent, |state| here(number.into(), state));
    (node(number), Record::of(local, synced.cloned(), remote.cloned()))
}

/// The same on both sides.
pub(in crate::client) fn agreed(number: u8, state: &State) -> (NodeId, Record) {
    known(number, Some(state), Some(state), Some(state))
}

/// Only the server has it.
pub(in crate::client) fn coming(number: u8, state: &State) -> (NodeId, Record) {
    known(number, None, None, Some(state))
}

/// With a change of this disk that was begun.
pub(in crate::client) fn begun(
    (node, mut record): (NodeId, Record),
    intent: Intent,
) -> (NodeId, Record) {
    record.set_intent(Some(intent));
    (node, record)
}

/// Something that is not synced.
pub(in crate::client) const PIPE: Seen = {
    let inode = Inode { device: 1, number: 1_000, birth: None };
    let mtime = FileTime { seconds: 0, nanoseconds: 0 };
    Seen::Other { stamp: Stamp { inode, size: 0, mtime, ctime: None }, kind: None }
};

/// What a look shows of this.
pub(in crate::client) fn found(number: u64, body: &Body) -> Seen {
    let form = match body {
        Body::Directory => Form::Directory,
        Body::File { executable, .. } => Form::File { executable: *executable },
        Body::Symlink(target) => Form::Symlink(target.clone()),
    };
    Seen::Node(Found { stamp: stamp(number, body), links: 1, form })
}

/// A row of a snapshot: its content, and its place, are of commits with these keys.
pub(in crate::client) fn row(number: u8, state: &State, seq: u64, by: [CommitKey; 2]) -> Row {
    let [content_by, place_by] = by;
    Row { node: node(number), state: state.clone(), seq: Seq::new(seq), content_by, place_by }
}
