//! What must hold at the end of an operation: parents, cycles, names, emptiness, contents, quota.

use alloc::collections::BTreeSet;

use crate::id::NodeId;
use crate::node::{Kind, Place};
use crate::operation::Refusal;
use crate::server::facts::{FactKey, Head, NodeRow};

use super::draft::Draft;
use super::known::Known;
use super::{Inline, Stop};

/// Every node with a new place is in a directory that lives, under a name of its own, in no cycle; and
/// what is deleted is empty. So a node that keeps its place keeps its directory.
pub(super) fn places(known: &Known, draft: &Draft) -> Result<(), Stop> {
    for change in draft.changes.values() {
        if let Some(row) = change.placed() {
            parent_lives(known, draft, row)?;
            no_cycle(known, draft, row)?;
        }
        if !change.new.alive {
            empty(known, draft, &change.new)?;
        }
    }
    names_unique(known, draft)
}

/// The server has, or now gets, every content that a step names.
pub(super) fn contents(known: &Known, draft: &Draft, inline: &Inline) -> Result<(), Stop> {
    for content in draft.steps.iter().filter_map(|step| step.content()) {
        let came_along =
            inline.get(&content.id).is_some_and(|blob| blob.len() as u64 == content.size);
        if !came_along && !known.has_content(content)? {
            return Err(Refusal::MissingContent.into());
        }
    }
    Ok(())
}

/// The head's sum and bytes after the operation (not its cursor), within the quota.
pub(super) fn totals(head: &Head, draft: &Draft) -> Result<Head, Refusal> {
    let mut after = *head;
    let mut bytes = u128::from(head.bytes);
    for (&node, change) in &draft.changes {
        if let Some(new) = change.new_live() {
            after.sum.add(node, &new.state);
            bytes += u128::from(size(new));
        }
    }
    for (&node, change) in &draft.changes {
        if let Some(old) = change.old_live() {
            after.sum.remove(node, &old.state);
            bytes = bytes.saturating_sub(u128::from(size(old)));
        }
    }
    after.bytes = u64::try_from(bytes).map_err(|_| Refusal::OverQuota)?;
    let over = after.quota.is_some_and(|quota| after.bytes > quota);
    if over && after.bytes > head.bytes { Err(Refusal::OverQuota) } else { Ok(after) }
}

/// The node's row at the end of the operation.
fn row_after<'a>(
    known: &'a Known,
    draft: &'a Draft,
    node: NodeId,
) -> Result<Option<&'a NodeRow>, FactKey> {
    match draft.changes.get(&node) {
        Some(change) => Ok(Some(&change.new)),
        None => known.node(node),
    }
}

fn parent_lives(known: &Known, draft: &Draft, row: &NodeRow) -> Result<(), Stop> {
    let parent = row.state.place.parent;
    if parent == NodeId::ROOT {
        return Ok(());
    }
    let row = row_after(known, draft, parent)?;
    let lives = row.is_some_and(|row| row.alive && row.state.body.kind() == Kind::Directory);
    if lives { Ok(()) } else { Err(Refusal::ParentGone.into()) }
}

/// Walks up from a directory that got a new place. Where nothing was inside it before (it is new, or
/// revived), only what this operation puts around it can close a circle; a circle with a moved
/// directory in it is found from that one. So making a directory loads no ancestors.
fn no_cycle(known: &Known, draft: &Draft, row: &NodeRow) -> Result<(), Stop> {
    let is_new = |node| draft.changes.get(&node).is_some_and(|change| change.old_live().is_none());
    if row.state.body.kind() != Kind::Directory {
        return Ok(());
    }
    let mut passed = BTreeSet::from([row.node]);
    let mut above = row.state.place.parent;
    while above != NodeId::ROOT {
        if !passed.insert(above) {
            return Err(Refusal::WouldCycle.into());
        }
        if is_new(row.node) && !is_new(above) {
            return Ok(());
        }
        let Some(next) = row_after(known, draft, above)? else { return Ok(()) };
        above = next.state.place.parent;
    }
    Ok(())
}

fn names_unique(known: &Known, draft: &Draft) -> Result<(), Stop> {
    let mut taken: BTreeSet<&Place> = BTreeSet::new();
    for (node, change) in &draft.changes {
        let Some(row) = change.new_live() else { continue };
        let place = &row.state.place;
        if !taken.insert(place) {
            return Err(Refusal::NameTaken.into());
        }
        if change.placed().is_none() {
            continue;
        }
        let Some(holder) = known.child(place)? else { continue };
        // Of a holder that is in the operation too, the place that it has at the end counts.
        if holder != *node && !draft.changes.contains_key(&holder) {
            return Err(Refusal::NameTaken.into());
        }
    }
    Ok(())
}

/// A deleted directory has no live children at the end.
fn empty(known: &Known, draft: &Draft, deleted: &NodeRow) -> Result<(), Stop> {
    if deleted.state.body.kind() != Kind::Directory {
        return Ok(());
    }
    let inside = |row: &NodeRow| i64::from(row.state.place.parent == deleted.node);
    let mut children = known.live_children(deleted.node)?;
    for change in draft.changes.values() {
        children -= change.old_live().map_or(0, inside);
        children += change.new_live().map_or(0, inside);
    }
    if children == 0 { Ok(()) } else { Err(Refusal::NotEmpty.into()) }
}

fn size(row: &NodeRow) -> u64 {
    row.state.body.content().map_or(0, |content| content.size)
}
