//! What an engine asks for, in words that tests are written in.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::node;
use crate::client::Client;
use crate::client::event::{Effect, Notice};
use crate::client::record::Intent;
use crate::disk::{Change, Names, Old, Stamp};
use crate::hash::ContentId;
use crate::id::NodeId;
use crate::name::RelPath;
use crate::node::Content;
use crate::operation::{Operation, Step};
use crate::protocol::ClientMessage;

/// What every conflict name says in tests.
const LABEL: &str = " (conflict, desk, 0000-00-00 0000";
/// Contents that are told by what they are, and not by how long they are.
const TEXTS: [&str; 3] = ["one", "two", "six"];

pub(super) fn words(client: &Client, effect: &Effect) -> String {
    let words = match effect {
        Effect::Look { dir, .. } => format!("look {dir}"),
        Effect::Hash { path, .. } => format!("read {path}"),
        Effect::HashStart { path, .. } => format!("read the start of {path}"),
        Effect::Upload { path, .. } => format!("upload {path}"),
        Effect::Fetch { content, .. } => format!("fetch {}", bytes(content)),
        Effect::Change { change, .. } => change_words(client, change),
        Effect::Save { .. } => "save".into(),
        Effect::Connect => "connect".into(),
        Effect::Disconnect => "disconnect".into(),
        Effect::Send(ClientMessage::Commit(commit)) => {
            let step = |step: &Step| step_words(client, step);
            let operation = |Operation { steps }: &Operation| {
                steps.iter().map(step).collect::<Vec<_>>().join(" + ")
            };
            format!(
                "send {}",
                commit.operations.iter().map(operation).collect::<Vec<_>>().join(", ")
            )
        }
        Effect::Send(message) => format!("send {message:?}"),
        Effect::Report(Notice::ConflictCopy { copy, .. }) => format!("tell {copy}"),
        Effect::Report(Notice::DeletionsHeld { files, of }) => format!("ask about {files} of {of}"),
        Effect::Report(notice) => format!("report {notice:?}"),
    };
    words.replace(LABEL, " (!")
}

pub(super) fn look_words(dir: &RelPath, names: &Names) -> String {
    match names {
        Names::All => format!("/{dir}"),
        Names::Only(names) => {
            let names: Vec<String> = names.iter().map(ToString::to_string).collect();
            format!("/{dir} {{{}}}", names.join(","))
        }
    }
}

fn bytes(content: &Content) -> String {
    let is_it = |text: &&str| ContentId::of(text.as_bytes()) == content.id;
    let text = TEXTS.into_iter().find(is_it).map(Into::into);
    text.unwrap_or_else(|| format!("{} bytes", content.size))
}

/// A change, with what is known of it that it was begun. What it is of is durable by then.
fn change_words(client: &Client, change: &Change) -> String {
    let over = |old: &Old| if *old == Old::Absent { "" } else { " over what is there" };
    let bit = |executable: bool| if executable { " +x" } else { "" };
    let begun = |stamp: &Stamp| {
        let node = client.trees.by_inode(&stamp.inode).unwrap();
        assert!(client.is_saved(node), "{node} is changed, and not saved");
        match client.trees.get(node).intent() {
            Some(Intent::Move(place)) => format!(" (to {})", place.name),
            Some(Intent::Place(_) | Intent::Remove | Intent::SetExecutable(_)) | None => {
                String::new()
            }
        }
    };
    match change {
        Change::MakeDirectory { at } => format!("make {at}"),
        Change::PlaceFile { at, old, content, executable } => {
            format!("place {} at {at}{}{}", bytes(content), over(old), bit(*executable))
        }
        Change::PlaceSymlink { at, old, .. } => format!("link {at}{}", over(old)),
        Change::Rename { from, expect, to, only_if_quiet } => {
            let quiet = if *only_if_quiet { " if quiet" } else { "" };
            format!("rename {from}{} → {to}{quiet}", begun(expect))
        }
        Change::Exchange { first, expect_first, second, expect_second } => {
            format!("exchange {first}{}, {second}{}", begun(expect_first), begun(expect_second))
        }
        Change::Remove { at, expect, .. } => format!("remove {at}{}", begun(expect)),
        Change::SetExecutable { at, executable, .. } => format!("mode {at}{}", bit(*executable)),
    }
}

/// A node by its number, or letter; `new` if it has none.
fn number(of: NodeId) -> String {
    let number = of.as_bytes()[0];
    match char::from(number) {
        _ if of != node(number) => "new".into(),
        letter if letter.is_ascii_alphabetic() => letter.into(),
        _ => number.to_string(),
    }
}

fn step_words(client: &Client, step: &Step) -> String {
    let at = |place| client.trees.place_path(place).unwrap();
    let node = number(step.node());
    match step {
        Step::Create { place, .. } => format!("create {node} as {}", at(place)),
        Step::Edit { content, .. } => format!("edit {node} to {}", bytes(content)),
        Step::Retarget { .. } => format!("retarget {node}"),
        Step::SetExecutable { executable, .. } => format!("mode {node} {executable}"),
        Step::Move { place, .. } => format!("move {node} to {}", at(place)),
        Step::Delete { .. } => format!("delete {node}"),
    }
}
