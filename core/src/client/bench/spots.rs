//! Nodes by their letters, each in a few words.

use super::{ROOT, content, found, here, link, node, place, present, unread};
use crate::client::record::{Local, Record};
use crate::disk::Seen;
use crate::id::NodeId;
use crate::node::{Body, Kind, Place, State};

/// A node: its letter, its kind, and where it is here, was agreed on to be, and is at the server,
/// if it is. `d/f` is the name `f` in the node `d`; `f=x` has the bytes `x`, and `f=?` was not read
/// yet; `~f` is behind a name that is not synced.
pub(in crate::client) type Known = (char, Kind, &'static str, &'static str, &'static str);

fn body(kind: Kind, text: &str) -> Body {
    match kind {
        Kind::Directory => Body::Directory,
        Kind::File => Body::File { content: content(text), executable: false },
        Kind::Symlink => link(text),
    }
}

/// What a look shows of something that holds `1`, whose inode has this letter.
pub(in crate::client) fn seen(letter: char, kind: Kind) -> Seen {
    found(letter.into(), &body(kind, "1"))
}

/// A place, and the bytes there.
fn spot(text: &'static str) -> Option<(Place, &'static str)> {
    let (at, bytes) = text.split_once('=').unwrap_or((text, "1"));
    let (dir, name) = at.split_once('/').unwrap_or(("", at));
    let parent = dir.chars().next().map_or(ROOT, node);
    (!name.is_empty()).then(|| (place(parent, name), bytes))
}

pub(in crate::client) fn state(kind: Kind, text: &'static str) -> Option<State> {
    spot(text).map(|(place, bytes)| State { place, body: body(kind, bytes) })
}

pub(super) fn record(&(letter, kind, here, agreed, there): &Known) -> (NodeId, Record) {
    let local = match state(kind, here.trim_start_matches('~')) {
        None => Local::Absent,
        Some(at) if here.ends_with("=?") => unread(letter.into(), &at),
        Some(at) if here.starts_with('~') => Local::Hidden(present(letter.into(), &at)),
        Some(at) => self::here(letter.into(), &at),
    };
    (node(letter), Record::of(local, state(kind, agreed), state(kind, there)))
}
