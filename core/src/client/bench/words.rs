//! What an engine asks for, in words that tests are written in.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::node;
use crate::client::event::Effect;
use crate::disk::{Change, Old};
use crate::id::NodeId;
use crate::operation::{Operation, Step};
use crate::protocol::ClientMessage;

pub(super) fn words(effect: &Effect) -> String {
    match effect {
        Effect::Look { dir, .. } => format!("look {dir}"),
        Effect::Hash { path, .. } => format!("read {path}"),
        Effect::HashStart { path, .. } => format!("read the start of {path}"),
        Effect::Upload { path, .. } => format!("upload {path}"),
        Effect::Fetch { content, .. } => format!("fetch {} bytes", content.size),
        Effect::Change { change, .. } => change_words(change),
        Effect::Save { .. } => "save".into(),
        Effect::Connect => "connect".into(),
        Effect::Disconnect => "disconnect".into(),
        Effect::Send(ClientMessage::Commit(commit)) => {
            let operation = |operation: &Operation| {
                operation.steps.iter().map(step_words).collect::<Vec<_>>().join(" + ")
            };
            format!(
                "send {}",
                commit.operations.iter().map(operation).collect::<Vec<_>>().join(", ")
            )
        }
        Effect::Send(message) => format!("send {message:?}"),
        Effect::Report(notice) => format!("report {notice:?}"),
    }
}

fn change_words(change: &Change) -> String {
    let over = |old: &Old| if *old == Old::Absent { "" } else { " over what is there" };
    let bit = |executable: bool| if executable { " +x" } else { "" };
    match change {
        Change::MakeDirectory { at } => format!("make {at}"),
        Change::PlaceFile { at, old, content, executable } => {
            format!("place {} bytes at {at}{}{}", content.size, over(old), bit(*executable))
        }
        Change::PlaceSymlink { at, old, .. } => format!("link {at}{}", over(old)),
        Change::Rename { from, to, .. } => format!("rename {from} to {to}"),
        Change::Exchange { first, second, .. } => format!("exchange {first} and {second}"),
        Change::Remove { at, .. } => format!("remove {at}"),
        Change::SetExecutable { at, executable, .. } => format!("mode {at}{}", bit(*executable)),
    }
}

/// A node by its number; `new` if it has none.
fn number(of: NodeId) -> String {
    let number = of.as_bytes()[0];
    if of == node(number) { number.to_string() } else { "new".into() }
}

fn step_words(step: &Step) -> String {
    let node = number(step.node());
    match step {
        Step::Create { place, .. } => format!("create {node} as {}", place.name),
        Step::Edit { content, .. } => format!("edit {node} to {} bytes", content.size),
        Step::Retarget { .. } => format!("retarget {node}"),
        Step::SetExecutable { executable, .. } => format!("mode {node} {executable}"),
        Step::Move { place, .. } => format!("move {node} to {}", place.name),
        Step::Delete { .. } => format!("delete {node}"),
    }
}
