//! One operation worked out step by step: which rows it would change, and into what.
//!
//! Each step is judged against the node's state before the operation. Nothing that holds only for
//! the operation's end (names, parents, cycles) is judged here; see [`super::check`].

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

use crate::id::{CommitKey, NodeId, Seq};
use crate::node::{Body, Content, Place, State, Target};
use crate::operation::{MAX_STEPS, Operation, Refusal, Step};
use crate::server::facts::{FactKey, NodeRow};

use super::Stop;
use super::known::Known;

/// What an operation is based on, and what it would become.
pub(super) struct Base {
    /// The prefix of the journal that the device knew.
    pub(super) seen: Seq,
    /// The head before the commit.
    pub(super) before: Seq,
    /// The number of the entry that it would be.
    pub(super) next: Seq,
    /// Of the commit that asks.
    pub(super) key: CommitKey,
}

impl Base {
    /// Set by an entry that the device had not seen. What its own commit set does not count.
    fn is_newer(&self, version: Seq) -> bool {
        version > self.seen && version <= self.before
    }
}

/// A node that an operation would change.
pub(super) struct Change {
    /// Its row before, if it had one.
    pub(super) old: Option<NodeRow>,
    /// Its row after.
    pub(super) new: NodeRow,
}

impl Change {
    /// The row before, if the node lived.
    pub(super) fn old_live(&self) -> Option<&NodeRow> {
        self.old.as_ref().filter(|row| row.alive)
    }

    /// The row after, if the node lives then.
    pub(super) fn new_live(&self) -> Option<&NodeRow> {
        Some(&self.new).filter(|row| row.alive)
    }

    /// The row after, if the node lives then, and at a place that it did not have before.
    pub(super) fn placed(&self) -> Option<&NodeRow> {
        let before = self.old_live().map(|old| &old.state.place);
        self.new_live().filter(|new| before != Some(&new.state.place))
    }
}

/// What an operation would change.
pub(super) struct Draft {
    /// By node.
    pub(super) changes: BTreeMap<NodeId, Change>,
    /// The steps that change something.
    pub(super) steps: Vec<Step>,
}

impl Draft {
    /// Judges each step for itself.
    pub(super) fn of(known: &Known, base: &Base, operation: &Operation) -> Result<Self, Stop> {
        well_formed(operation)?;
        let mut draft = Self { changes: BTreeMap::new(), steps: Vec::new() };
        for step in &operation.steps {
            let node = step.node();
            let old = known.node(node)?;
            if let Some(new) = changed(known, base, step, old)? {
                draft.changes.insert(node, Change { old: old.cloned(), new });
                draft.steps.push(step.clone());
            }
        }
        Ok(draft)
    }
}

impl From<FactKey> for Stop {
    fn from(key: FactKey) -> Self {
        Self::Missing(key)
    }
}

impl From<Refusal> for Stop {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

fn well_formed(operation: &Operation) -> Result<(), Refusal> {
    let mut nodes = BTreeSet::from([NodeId::ROOT]);
    let sized = (1..=MAX_STEPS).contains(&operation.steps.len());
    let distinct = operation.steps.iter().all(|step| nodes.insert(step.node()));
    if sized && distinct { Ok(()) } else { Err(Refusal::Malformed) }
}

/// The node's row after the step; `None` if it is so already.
fn changed(
    known: &Known,
    base: &Base,
    step: &Step,
    old: Option<&NodeRow>,
) -> Result<Option<NodeRow>, Stop> {
    let live = || old.filter(|row| row.alive).ok_or(Refusal::Deleted);
    Ok(match step {
        Step::Create { node, place, body } => create(base, *node, place, body, old)?,
        Step::Edit { content, .. } => edit(base, live()?, *content)?,
        Step::Retarget { target, .. } => retarget(base, live()?, target)?,
        Step::SetExecutable { executable, .. } => set_executable(base, live()?, *executable)?,
        Step::Move { place, .. } => relocate(base, live()?, place)?,
        Step::Delete { .. } => match old.filter(|row| row.alive) {
            Some(row) => Some(delete(known, base, row)?),
            None => None,
        },
    })
}

fn create(
    base: &Base,
    node: NodeId,
    place: &Place,
    body: &Body,
    old: Option<&NodeRow>,
) -> Result<Option<NodeRow>, Refusal> {
    if let Some(old) = old {
        let same = old.state.place == *place
            && old.state.body.same_bytes(body)
            && old.state.body.executable() == body.executable();
        match (old.alive, same) {
            (true, true) => return Ok(None),
            (true, false) => return Err(Refusal::Stale),
            (false, _) if base.is_newer(old.existence) => return Err(Refusal::Stale),
            (false, _) if old.state.body.kind() != body.kind() => return Err(Refusal::WrongKind),
            (false, _) => {}
        }
    }
    Ok(Some(NodeRow {
        node,
        alive: true,
        state: State { place: place.clone(), body: body.clone() },
        existence: base.next,
        placed: base.next,
        written: base.next,
        changed: base.next,
        place_by: base.key,
        content_by: base.key,
    }))
}

fn edit(base: &Base, old: &NodeRow, content: Content) -> Result<Option<NodeRow>, Refusal> {
    match &old.state.body {
        Body::File { content: before, .. } if before.id == content.id => Ok(None),
        Body::File { executable, .. } => {
            written(base, old, Body::File { content, executable: *executable }).map(Some)
        }
        Body::Directory | Body::Symlink(_) => Err(Refusal::WrongKind),
    }
}

fn retarget(base: &Base, old: &NodeRow, target: &Target) -> Result<Option<NodeRow>, Refusal> {
    match &old.state.body {
        Body::Symlink(before) if before == target => Ok(None),
        Body::Symlink(_) => written(base, old, Body::Symlink(target.clone())).map(Some),
        Body::Directory | Body::File { .. } => Err(Refusal::WrongKind),
    }
}

fn written(base: &Base, old: &NodeRow, body: Body) -> Result<NodeRow, Refusal> {
    if base.is_newer(old.written) {
        return Err(Refusal::Stale);
    }
    let state = State { place: old.state.place.clone(), body };
    let (written, changed) = (base.next, base.next);
    Ok(NodeRow { state, written, changed, content_by: base.key, ..old.clone() })
}

/// Never stale: the bit has two values, and the last one to set it meant it.
fn set_executable(
    base: &Base,
    old: &NodeRow,
    executable: bool,
) -> Result<Option<NodeRow>, Refusal> {
    match &old.state.body {
        Body::File { executable: before, .. } if *before == executable => Ok(None),
        Body::File { content, .. } => {
            let body = Body::File { content: *content, executable };
            let state = State { place: old.state.place.clone(), body };
            Ok(Some(NodeRow { state, changed: base.next, ..old.clone() }))
        }
        Body::Directory | Body::Symlink(_) => Err(Refusal::WrongKind),
    }
}

fn relocate(base: &Base, old: &NodeRow, place: &Place) -> Result<Option<NodeRow>, Refusal> {
    if old.state.place == *place {
        return Ok(None);
    }
    if base.is_newer(old.placed) {
        return Err(Refusal::Stale);
    }
    let state = State { place: place.clone(), body: old.state.body.clone() };
    let (placed, changed) = (base.next, base.next);
    Ok(Some(NodeRow { state, placed, changed, place_by: base.key, ..old.clone() }))
}

/// A deletion answers for all of a node, and for where it was: a move of a directory above it, too,
/// is something that the deleting device did not know.
fn delete(known: &Known, base: &Base, old: &NodeRow) -> Result<NodeRow, Stop> {
    if [old.existence, old.placed, old.written].iter().any(|&version| base.is_newer(version)) {
        return Err(Refusal::Stale.into());
    }
    let mut above = old.state.place.parent;
    while above != NodeId::ROOT {
        let Some(row) = known.node(above)? else { break };
        if base.is_newer(row.placed) {
            return Err(Refusal::Stale.into());
        }
        above = row.state.place.parent;
    }
    let (existence, changed) = (base.next, base.next);
    Ok(NodeRow { alive: false, existence, changed, ..old.clone() })
}
