//! Events, effects and operations in words, short enough to follow a story.

use onefold_core::client::event::{Effect, Event};
use onefold_core::disk::{Change, Form, Found, Names, Old, Seen, Stamp, Start};
use onefold_core::id::NodeId;
use onefold_core::name::Name;
use onefold_core::node::{Body, Place};
use onefold_core::operation::{Commit, Entry, Operation, Step};
use onefold_core::protocol::{ClientMessage, ServerMessage};

/// An event.
pub fn event(event: &Event) -> String {
    match event {
        Event::Started => "is started".into(),
        Event::Ticked => "is ticked".into(),
        Event::Hinted(hint) if hint.closed => format!("watcher: {:?} (closed)", hint.path),
        Event::Hinted(hint) => format!("watcher: {:?}", hint.path),
        Event::Overflowed(path) => format!("watcher: overflow at {path:?}"),
        Event::Looked(id, Ok(listing)) => {
            let names: Vec<_> = listing.names.iter().map(|(name, what)| seen(name, what)).collect();
            format!("look {} shows #{}: {}", id.0, listing.inode.number, names.join(", "))
        }
        Event::Hashed(id, Ok(content)) => format!("hash {} gives {:?}", id.0, content.id),
        Event::Uploaded(id, Ok(_)) => format!("upload {} is done", id.0),
        Event::Fetched(id, Ok(())) => format!("fetch {} is done", id.0),
        Event::Changed(id, Ok(Some(new))) => format!("change {} is done: {}", id.0, stamp(new)),
        Event::Changed(id, Ok(None)) => format!("change {} is done", id.0),
        Event::Saved(id, Ok(())) => format!("save {} is done", id.0),
        Event::Looked(id, Err(error)) => format!("look {} fails: {error}", id.0),
        Event::Hashed(id, Err(error)) => format!("hash {} fails: {error}", id.0),
        Event::Uploaded(id, Err(error)) => format!("upload {} fails: {error}", id.0),
        Event::Fetched(id, Err(error)) => format!("fetch {} fails: {error}", id.0),
        Event::Changed(id, Err(error)) => format!("change {} fails: {error}", id.0),
        Event::Saved(id, Err(error)) => format!("save {} fails: {error}", id.0),
        Event::Connected => "is connected".into(),
        Event::Disconnected(why) => format!("is disconnected: {why}"),
        Event::Answered(answer) => format!("is answered about held deletions: {answer:?}"),
        Event::Received(message) => format!("hears {}", server_message(message)),
    }
}

/// An effect.
pub fn effect(effect: &Effect) -> String {
    match effect {
        Effect::Look { id, dir, names: Names::All } => format!("look {} at all of {dir:?}", id.0),
        Effect::Look { id, dir, names: Names::Only(names) } => {
            format!("look {} at {names:?} in {dir:?}", id.0)
        }
        Effect::Hash { id, path, stamp: at } => format!("hash {} {path:?} ({})", id.0, stamp(at)),
        Effect::HashStart { id, path, start, .. } => {
            let start = match start {
                Start::All => "all that is there".into(),
                Start::Bytes(bytes) => format!("the first {bytes} bytes"),
                Start::Outgrown(bytes) => format!("the first {bytes} of more bytes"),
            };
            format!("hash {} {start} of {path:?}", id.0)
        }
        Effect::Upload { id, path, .. } => format!("upload {} {path:?}", id.0),
        Effect::Fetch { id, content, .. } => format!("fetch {} {:?}", id.0, content.id),
        Effect::Change { id, node, change: what } => {
            format!("change {} for {node:?}: {}", id.0, change(what))
        }
        Effect::Save { id, batch } => {
            let nodes: Vec<_> = batch.records.iter().map(|(node, _)| node).collect();
            format!("save {}, {nodes:?}, header: {}", id.0, batch.header.is_some())
        }
        Effect::Connect => "connect".into(),
        Effect::Disconnect => "disconnect".into(),
        Effect::Send(message) => format!("send {}", client_message(message)),
        Effect::Report(notice) => format!("report {notice:?}"),
    }
}

fn seen(name: &Name, seen: &Seen) -> String {
    match seen {
        Seen::Other { .. } => format!("{name} (unknown)"),
        Seen::Node(Found { stamp: at, form, .. }) => {
            let kind = match form {
                Form::Directory => "/",
                Form::File { executable: true } => "*",
                Form::File { executable: false } => "",
                Form::Symlink(_) => "@",
            };
            format!("{name}{kind} ({})", stamp(at))
        }
    }
}

fn stamp(stamp: &Stamp) -> String {
    let Stamp { inode, size, mtime, .. } = stamp;
    format!("#{} {size}b m{}.{:06}", inode.number, mtime.seconds, mtime.nanoseconds / 1000)
}

fn server_message(message: &ServerMessage) -> String {
    match message {
        ServerMessage::Farewell { reason, .. } => format!("farewell: {reason:?}"),
        ServerMessage::Welcome { resume, head, .. } => format!("welcome: {resume:?}, head {head}"),
        ServerMessage::Entries { entries, contents } => {
            let entries: Vec<_> = entries.iter().map(entry).collect();
            format!("{} (with {} contents)", entries.join("; "), contents.len())
        }
        ServerMessage::Outcome { key, verdicts } => format!("outcome of {key:?}: {verdicts:?}"),
        ServerMessage::Digest { head, .. } => format!("digest at {}", head.seq),
        ServerMessage::Page { start, rows, last } => {
            let rows: Vec<_> = rows
                .iter()
                .map(|row| created(row.node, &row.state.place, &row.state.body))
                .collect();
            format!("page (head {}, last: {last}): {}", start.seq, rows.join(", "))
        }
    }
}

/// An entry of the journal.
pub fn entry(entry: &Entry) -> String {
    format!("entry {} by {:?}: {}", entry.seq, entry.device, operation(&entry.operation))
}

/// What a device says.
pub fn client_message(message: &ClientMessage) -> String {
    match message {
        ClientMessage::Hello { cursor, known, next, .. } => {
            format!("hello at {}, known as {known:?}, next {next:?}", cursor.seq)
        }
        ClientMessage::Continue(lineage) => format!("continue by {lineage:?}"),
        ClientMessage::Commit(Commit { key, seen, operations, .. }) => {
            let operations: Vec<_> = operations.iter().map(operation).collect();
            format!("commit {key:?} based on {seen}: {}", operations.join("; "))
        }
        ClientMessage::Acknowledge(seq) => format!("has {seq}"),
        ClientMessage::NextPage(after) => format!("next page after {after:?}"),
    }
}

/// An operation.
pub fn operation(operation: &Operation) -> String {
    let steps: Vec<_> = operation.steps.iter().map(step).collect();
    steps.join(" + ")
}

fn step(step: &Step) -> String {
    match step {
        Step::Create { node, place, body } => format!("create {}", created(*node, place, body)),
        Step::Edit { node, content } => format!("edit {node:?} to {:?}", content.id),
        Step::Retarget { node, .. } => format!("retarget {node:?}"),
        Step::SetExecutable { node, executable } => format!("set x of {node:?} to {executable}"),
        Step::Move { node, place } => format!("move {node:?} to {}", at(place)),
        Step::Delete { node } => format!("delete {node:?}"),
    }
}

fn created(node: NodeId, place: &Place, body: &Body) -> String {
    let body = match body {
        Body::Directory => "directory".into(),
        Body::File { content, executable } => format!("file {:?} x:{executable}", content.id),
        Body::Symlink(_) => "symlink".into(),
    };
    format!("{node:?} at {} ({body})", at(place))
}

fn at(place: &Place) -> String {
    if place.parent == NodeId::ROOT {
        format!("/{}", place.name)
    } else {
        format!("{:?}/{}", place.parent, place.name)
    }
}

/// A change of a disk.
pub fn change(change: &Change) -> String {
    match change {
        Change::MakeDirectory { at } => format!("make directory {at:?}"),
        Change::PlaceFile { at, old, content, executable } => {
            format!("place {:?} x:{executable} at {at:?} over {}", content.id, over(old))
        }
        Change::PlaceSymlink { at, old, .. } => {
            format!("place symlink at {at:?} over {}", over(old))
        }
        Change::Rename { from, expect, to, only_if_quiet } => {
            format!("rename {from:?} ({}) to {to:?}, if quiet: {only_if_quiet}", stamp(expect))
        }
        Change::Exchange { first, second, .. } => format!("exchange {first:?} and {second:?}"),
        Change::Remove { at, expect, .. } => format!("remove {at:?} ({})", stamp(expect)),
        Change::SetExecutable { at, executable, .. } => format!("set x of {at:?} to {executable}"),
    }
}

fn over(old: &Old) -> String {
    match old {
        Old::Absent => "nothing".into(),
        Old::Is(expect) => stamp(expect),
    }
}
