//! A tree of nodes, and what users do to it before a case begins.
//!
//! A deed is made for any tree: its numbers choose among what is there, and a deed that fits nothing
//! does nothing. So deeds can be left out one by one.

use std::collections::BTreeMap;

use onefold_core::blob::Blob;
use onefold_core::hash::ContentId;
use onefold_core::id::NodeId;
use onefold_core::name::{Name, RelPath};
use onefold_core::node::{Body, Content, Kind, Place, State, Target};
use onefold_core::operation::{Operation, Step};
use onefold_core::time::FileTime;
use serde::{Deserialize, Serialize};

/// Few names, so that nodes meet at one.
const NAMES: [&str; 4] = ["a", "b", "c", "d.txt"];
/// Few contents, so that two sides write the same.
const CONTENTS: u8 = 8;

/// The live nodes of one side.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tree(pub BTreeMap<NodeId, State>);

/// Something that a user does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deed {
    /// What.
    pub what: What,
    /// To which node of those that it can be done to.
    pub node: u8,
    /// In which directory, or with which other node.
    pub other: u8,
    /// The new name.
    pub name: u8,
    /// The new content.
    pub bytes: u8,
}

/// Kinds of deeds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum What {
    /// A file is made.
    MakeFile,
    /// A directory is made.
    MakeDirectory,
    /// A symlink is made.
    MakeSymlink,
    /// A file is written to, or a symlink pointed elsewhere.
    Edit,
    /// The same, by another inode at the name, as editors do.
    SaveAnew,
    /// A node gets another name in its directory.
    Rename,
    /// A node moves to another directory.
    Move,
    /// A node is deleted, with all inside.
    Delete,
    /// The executable bit is changed.
    SetExecutable,
    /// Two nodes change names.
    SwapNames,
    /// A node takes the name of another, which is deleted.
    Replace,
    /// A node is deleted, and one of another kind stands at its name.
    ChangeKind,
}

/// Every kind.
pub const ALL: [What; 12] = [
    What::MakeFile,
    What::MakeDirectory,
    What::MakeSymlink,
    What::Edit,
    What::SaveAnew,
    What::Rename,
    What::Move,
    What::Delete,
    What::SetExecutable,
    What::SwapNames,
    What::Replace,
    What::ChangeKind,
];

/// A content by its number.
pub fn content(number: u8) -> Content {
    let bytes = bytes(number);
    let mtime = FileTime { seconds: 1_000 + i64::from(number), nanoseconds: 0 };
    Content { id: ContentId::of(&bytes), size: bytes.len() as u64, mtime }
}

/// Its bytes.
pub fn bytes(number: u8) -> Blob {
    format!("content {number}").into_bytes().into()
}

/// The number of a content.
pub fn number_of(id: ContentId) -> Option<u8> {
    (0..=u8::MAX).find(|number| content(*number).id == id)
}

fn target(number: u8) -> Target {
    Target::try_from(bytes(number)).expect("it is short, and without NUL")
}

fn name(number: u8) -> Name {
    let text = NAMES[usize::from(number) % NAMES.len()];
    Name::new(text.as_bytes()).expect("these names are valid")
}

impl Tree {
    /// A node's state.
    pub fn get(&self, node: NodeId) -> Option<&State> {
        self.0.get(&node)
    }

    /// What has a name in a directory.
    pub fn child(&self, parent: NodeId, name: &Name) -> Option<NodeId> {
        let at = |state: &State| state.place.parent == parent && state.place.name == *name;
        self.0.iter().find(|(_, state)| at(state)).map(|(node, _)| *node)
    }

    /// What is in a directory.
    pub fn children(&self, parent: NodeId) -> impl Iterator<Item = (NodeId, &State)> {
        let inside = self.0.iter().filter(move |(_, state)| state.place.parent == parent);
        inside.map(|(node, state)| (*node, state))
    }

    /// Whether a node is this one, or below it.
    pub fn is_within(&self, node: NodeId, above: NodeId) -> bool {
        let mut at = node;
        for _ in 0..=self.0.len() {
            if at == above {
                return true;
            }
            match self.get(at) {
                Some(state) => at = state.place.parent,
                None => return false,
            }
        }
        true
    }

    /// The path of a node.
    pub fn path(&self, node: NodeId) -> RelPath {
        let mut names = Vec::new();
        let mut at = node;
        while let Some(state) = self.get(at) {
            names.push(state.place.name.clone());
            at = state.place.parent;
        }
        names.reverse();
        RelPath::new(names)
    }

    /// A node and all below it, parents first.
    fn whole(&self, node: NodeId) -> Vec<NodeId> {
        let mut whole = vec![node];
        let mut next = 0;
        while next < whole.len() {
            whole.extend(self.children(whole[next]).map(|(child, _)| child));
            next += 1;
        }
        whole
    }

    /// Takes a step.
    pub fn take(&mut self, step: &Step) {
        match step {
            Step::Create { node, place, body } => {
                self.0.insert(*node, State { place: place.clone(), body: body.clone() });
            }
            Step::Delete { node } => drop(self.0.remove(node)),
            Step::Move { node, place } => self.change(*node, |state| state.place = place.clone()),
            Step::Edit { node, content } => self.change(*node, |state| {
                let executable = state.body.executable();
                state.body = Body::File { content: *content, executable };
            }),
            Step::Retarget { node, target } => {
                self.change(*node, |state| state.body = Body::Symlink(target.clone()));
            }
            Step::SetExecutable { node, executable } => self.change(*node, |state| {
                if let Body::File { executable: bit, .. } = &mut state.body {
                    *bit = *executable;
                }
            }),
        }
    }

    fn change(&mut self, node: NodeId, change: impl FnOnce(&mut State)) {
        if let Some(state) = self.0.get_mut(&node) {
            change(state);
        }
    }
}

impl Deed {
    /// What the deed is in a tree, as operations that a server would take; none if it fits nothing.
    pub fn operations(&self, tree: &Tree, fresh: &mut impl FnMut() -> NodeId) -> Vec<Operation> {
        self.try_operations(tree, fresh).unwrap_or_default()
    }

    fn try_operations(
        &self,
        tree: &Tree,
        fresh: &mut impl FnMut() -> NodeId,
    ) -> Option<Vec<Operation>> {
        let number = self.bytes % CONTENTS;
        let file = Body::File { content: content(number), executable: self.bytes & 0x80 != 0 };
        let one = |step: Step| Some(vec![Operation::from(step)]);
        match self.what {
            What::MakeFile => self.make(tree, file, fresh),
            What::MakeDirectory => self.make(tree, Body::Directory, fresh),
            What::MakeSymlink => self.make(tree, Body::Symlink(target(number)), fresh),
            What::Edit | What::SaveAnew => {
                let (node, state) =
                    self.pick(tree, |state| state.body.kind() != Kind::Directory)?;
                one(match state.body {
                    Body::Symlink(_) => Step::Retarget { node, target: target(number) },
                    Body::File { .. } | Body::Directory => {
                        Step::Edit { node, content: content(number) }
                    }
                })
            }
            What::Rename => {
                let (node, state) = self.pick(tree, |_| true)?;
                let place = Place { parent: state.place.parent, name: name(self.name) };
                tree.child(place.parent, &place.name).is_none().then_some(())?;
                one(Step::Move { node, place })
            }
            What::Move => {
                let (node, _) = self.pick(tree, |_| true)?;
                let place = self.free_place(tree)?;
                (!tree.is_within(place.parent, node)).then_some(())?;
                one(Step::Move { node, place })
            }
            What::Delete => {
                let (node, _) = self.pick(tree, |_| true)?;
                Some(deletions(tree, node))
            }
            What::SetExecutable => {
                let (node, state) = self.pick(tree, |state| state.body.kind() == Kind::File)?;
                one(Step::SetExecutable { node, executable: !state.body.executable() })
            }
            What::SwapNames => {
                let [(node, state), (other, others)] = self.pick_two(tree)?;
                let steps = vec![
                    Step::Move { node, place: others.place.clone() },
                    Step::Move { node: other, place: state.place.clone() },
                ];
                Some(vec![Operation { steps }])
            }
            What::Replace => {
                let [(node, _), (other, others)] = self.pick_two(tree)?;
                let mut operations = deletions(tree, other);
                let last = operations.pop()?;
                let mut steps = vec![Step::Move { node, place: others.place.clone() }];
                steps.extend(last.steps);
                operations.push(Operation { steps });
                Some(operations)
            }
            What::ChangeKind => {
                let (node, state) = self.pick(tree, |_| true)?;
                let body = if state.body == Body::Directory { file } else { Body::Directory };
                let mut operations = deletions(tree, node);
                let place = state.place.clone();
                operations.push(Step::Create { node: fresh(), place, body }.into());
                Some(operations)
            }
        }
    }

    fn make(
        &self,
        tree: &Tree,
        body: Body,
        fresh: &mut impl FnMut() -> NodeId,
    ) -> Option<Vec<Operation>> {
        let place = self.free_place(tree)?;
        Some(vec![Step::Create { node: fresh(), place, body }.into()])
    }

    fn pick<'a>(
        &self,
        tree: &'a Tree,
        fits: impl Fn(&State) -> bool,
    ) -> Option<(NodeId, &'a State)> {
        let fitting: Vec<_> = tree.0.iter().filter(|(_, state)| fits(state)).collect();
        let (node, state) = fitting.get(usize::from(self.node) % fitting.len().max(1))?;
        Some((**node, state))
    }

    /// Two nodes, neither inside the other.
    fn pick_two<'a>(&self, tree: &'a Tree) -> Option<[(NodeId, &'a State); 2]> {
        let (node, state) = self.pick(tree, |_| true)?;
        let (other, others) = Self { node: self.other, ..*self }.pick(tree, |_| true)?;
        let apart = !tree.is_within(node, other) && !tree.is_within(other, node);
        apart.then_some([(node, state), (other, others)])
    }

    fn free_place(&self, tree: &Tree) -> Option<Place> {
        let inside = tree.0.iter().filter(|(_, state)| state.body == Body::Directory);
        let dirs: Vec<NodeId> =
            [NodeId::ROOT].into_iter().chain(inside.map(|(node, _)| *node)).collect();
        let place =
            Place { parent: dirs[usize::from(self.other) % dirs.len()], name: name(self.name) };
        tree.child(place.parent, &place.name).is_none().then_some(place)
    }
}

/// Deletes a node and all inside, children first.
fn deletions(tree: &Tree, node: NodeId) -> Vec<Operation> {
    let whole = tree.whole(node);
    whole.into_iter().rev().map(|node| Step::Delete { node }.into()).collect()
}
