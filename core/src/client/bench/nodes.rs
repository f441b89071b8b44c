//! Nodes by their numbers, and what is said of them in the three trees.

use crate::blob::Blob;
use crate::client::planning::with_executable;
use crate::client::record::{Intent, Local, LocalBody, Present, Record};
use crate::client::sameness::directory_stamp;
use crate::disk::{Form, Found, Inode, Seen, Stamp};
use crate::hash::ContentId;
use crate::id::{CommitKey, NodeId, Seq};
use crate::name::{Name, RelPath};
use crate::node::{Body, Content, Place, State, Target};
use crate::operation::Step;
use crate::protocol::Row;
use crate::time::FileTime;

pub(in crate::client) const ROOT: NodeId = NodeId::ROOT;
/// The key of commits that are this device's own.
pub(in crate::client) const OWN: CommitKey = CommitKey::from_bytes([1; 16]);
/// The key of commits that are not.
pub(in crate::client) const OTHER: CommitKey = CommitKey::from_bytes([2; 16]);

/// By a number, or a letter.
pub(in crate::client) fn node(of: impl TryInto<u8>) -> NodeId {
    NodeId::from_bytes([of.try_into().ok().unwrap(); 16])
}

pub(in crate::client) fn name(text: &str) -> Name {
    Name::new(text.as_bytes()).unwrap()
}

pub(in crate::client) fn path(text: &str) -> RelPath {
    RelPath::parse(text.as_bytes()).unwrap()
}

pub(in crate::client) fn place(parent: NodeId, at: &str) -> Place {
    Place { parent, name: name(at) }
}

/// A directory at a name in another.
pub(in crate::client) fn dir(parent: NodeId, at: &str) -> State {
    State { place: place(parent, at), body: Body::Directory }
}

/// A file of these bytes.
pub(in crate::client) fn file(parent: NodeId, at: &str, bytes: &str) -> State {
    let body = Body::File { content: content(bytes), executable: false };
    State { place: place(parent, at), body }
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
    Local::Present(present(number, state))
}

pub(in crate::client) fn present(number: u64, State { place, body }: &State) -> Present {
    let (stamp, body) = (stamp(number, body), LocalBody::placed(body));
    Present { place: place.clone(), stamp, linked: false, body, seen_by: 0 }
}

/// The same, but that a file is yet to be read.
pub(in crate::client) fn unread(number: u64, state: &State) -> Local {
    let mut present = present(number, state);
    if let LocalBody::File { content, .. } = &mut present.body {
        *content = None;
    }
    Local::Present(present)
}

/// A node of this number, or letter, in three trees: its inode has the same number.
pub(in crate::client) fn known(
    of: impl TryInto<u8>,
    local: Option<&State>,
    synced: Option<&State>,
    remote: Option<&State>,
) -> (NodeId, Record) {
    let number = of.try_into().ok().unwrap();
    let local = local.map_or(Local::Absent, |state| here(number.into(), state));
    (node(number), Record::of(local, synced.cloned(), remote.cloned()))
}

/// The same on both sides.
pub(in crate::client) fn agreed(of: impl TryInto<u8>, state: &State) -> (NodeId, Record) {
    known(of, Some(state), Some(state), Some(state))
}

/// Only the server has it.
pub(in crate::client) fn coming(of: impl TryInto<u8>, state: &State) -> (NodeId, Record) {
    known(of, None, None, Some(state))
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
    Seen::Node(Found { stamp: stamp(number, body), links: 1, form: form(body) })
}

pub(in crate::client) fn form(body: &Body) -> Form {
    match body {
        Body::Directory => Form::Directory,
        Body::File { executable, .. } => Form::File { executable: *executable },
        Body::Symlink(target) => Form::Symlink(target.clone()),
    }
}

/// A symbolic link to this.
pub(in crate::client) fn link(to: &str) -> Body {
    Body::Symlink(Target::try_from(Blob::from(to.as_bytes().to_vec())).unwrap())
}

/// The step that makes a node.
pub(in crate::client) fn create(number: u8, State { place, body }: &State) -> Step {
    Step::Create { node: node(number), place: place.clone(), body: body.clone() }
}

/// A row of a snapshot: its content, and its place, are of commits with these keys.
pub(in crate::client) fn row(number: u8, state: &State, seq: u64, by: [CommitKey; 2]) -> Row {
    let [content_by, place_by] = by;
    Row { node: node(number), state: state.clone(), seq: Seq::new(seq), content_by, place_by }
}
