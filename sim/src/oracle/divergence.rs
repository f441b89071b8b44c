//! Conflict copies, and what users did that may have made them necessary.
//!
//! A copy is needed where users of two devices changed what has one name without knowing of each
//! other. So since everyone last had everything, a name has at most as many copies as there are
//! changes by all users but the one who made the most, and none that holds what it stands beside. A
//! user who puts something at a name while an engine makes way there gives another reason.

use std::collections::{BTreeMap, BTreeSet};

use onefold_core::folding::Folding;
use onefold_core::id::{CommitKey, NodeId};
use onefold_core::name::{Name, parse_conflict_name};
use onefold_core::node::{Body, Place};
use onefold_core::operation::{Commit, Entry, Step};

use crate::disk::user::{Act, Deed};

use super::shadow::Shadow;
use super::versions::Versions;
use super::{Broken, Tally, rules};

/// Names of more characters are told from others by their first half so many only.
const LONG: usize = 60;

/// What happened to names since everyone last had everything.
#[derive(Clone, Debug, Default)]
pub struct Divergence {
    /// Deeds by name and device.
    deeds: BTreeMap<Name, BTreeMap<usize, usize>>,
    /// Directories that got another name, by device: what is deleted in one of them elsewhere stays.
    directories: BTreeMap<usize, usize>,
    /// Deeds in the midst of an engine's change, by name.
    disturbed: BTreeMap<Name, usize>,
    /// Copies by the name that they stand beside.
    copies: BTreeMap<Name, Vec<NodeId>>,
    /// Names of one thing: each leads on to another, or stands for all of them.
    links: BTreeMap<Name, Name>,
    /// Nodes that were moved.
    moved: BTreeSet<NodeId>,
    /// By which commit a node was last to be created.
    asked: BTreeMap<NodeId, CommitKey>,
    /// Nodes that were to be created before, and were refused: what stands beside them may be another
    /// by now.
    refused: BTreeSet<NodeId>,
    /// Such names that users gave to things themselves, or worked on.
    by_users: BTreeSet<Name>,
    /// Something else that makes versions differ: a power cut, a merge of both sides.
    spoiled: bool,
}

/// A disk may give a name back in another form than it has elsewhere.
fn in_one_form(name: &Name) -> Name {
    let form = Folding { case: false, form: true };
    Name::new(&form.fold(name)).unwrap_or_else(|_| name.clone())
}

/// The name that a conflict copy, or a copy of a copy, stands beside; any other name itself.
fn origin(name: &Name) -> Name {
    let mut name = in_one_form(name);
    while let Some(copy) = parse_conflict_name(&name) {
        name = copy.beside;
    }
    // A copy's name may be cut short.
    let text = String::from_utf8_lossy(name.as_bytes()).into_owned();
    if text.chars().count() <= LONG {
        return name;
    }
    let start: String = text.chars().take(LONG / 2).collect();
    Name::new(start.as_bytes()).expect("the start of a name is a name")
}

impl Divergence {
    /// A user did these.
    pub fn deeds(&mut self, device: usize, deeds: &[Deed]) {
        let tops = deeds.iter().filter(|deed| {
            let first = &deeds[0];
            matches!(deed.act, Act::Moved | Act::MovedDirectory)
                && (deed.act, deed.version) == (first.act, first.version)
        });
        let ends: Vec<_> = tops.filter_map(|deed| deed.path.names().last()).collect();
        ends.windows(2).for_each(|pair| self.link(pair[0], pair[1]));
        for deed in deeds {
            if deed.act == Act::MovedDirectory {
                *self.directories.entry(device).or_default() += 1;
            }
            // What is done inside a directory is a reason to keep that, too.
            for name in deed.path.names() {
                if parse_conflict_name(name).is_some() {
                    self.by_users.insert(in_one_form(name));
                }
                *self.deeds.entry(origin(name)).or_default().entry(device).or_default() += 1;
            }
        }
    }

    /// A user did these in the midst of an engine's change.
    pub fn disturbed(&mut self, deeds: &[Deed]) {
        for name in deeds.iter().flat_map(|deed| deed.path.names()) {
            *self.disturbed.entry(origin(name)).or_default() += 1;
        }
    }

    /// A device asks for this.
    pub fn asked(&mut self, commit: &Commit) {
        for step in commit.operations.iter().flat_map(|operation| &operation.steps) {
            let Step::Create { node, .. } = step else { continue };
            let before = self.asked.insert(*node, commit.key);
            if before.is_some_and(|before| before != commit.key) {
                self.refused.insert(*node);
            }
        }
    }

    /// Versions differ for another reason.
    pub fn spoil(&mut self) {
        self.spoiled = true;
    }

    /// The journal has this entry; `before`: the tree that it came to.
    pub fn entry(
        &mut self,
        entry: &Entry,
        before: &Shadow,
        versions: &Versions,
        tally: &mut Tally,
    ) -> Result<(), Broken> {
        for step in &entry.operation.steps {
            let (node, place) = match step {
                Step::Create { node, place, .. } | Step::Move { node, place } => (*node, place),
                _ => continue,
            };
            if matches!(step, Step::Move { .. }) {
                self.moved.insert(node);
            }
            let was = before.last(node).map(|state| &state.place.name);
            if let Some(was) = was {
                self.link(was, &place.name);
            }
            let Some(copy) = parse_conflict_name(&place.name) else { continue };
            if was == Some(&place.name) || self.by_users.contains(&in_one_form(&place.name)) {
                continue; // It was one before, or is one by a user's will.
            }
            // What both accepted ones hold does not matter: they are two files.
            if let (Step::Create { body, .. }, None, false) =
                (step, was, self.refused.contains(&node))
            {
                // What a user has written once more may come to stand beside the first.
                let id = body.content().map(|content| content.id);
                let fate = id.and_then(|id| versions.all.get(&id));
                if !fate.is_some_and(|fate| fate.copied) {
                    self.not_the_same(&copy.beside, place, body, before, tally)?;
                }
            }
            self.copies.entry(origin(&place.name)).or_default().push(node);
        }
        Ok(())
    }

    /// A copy does not hold what it stands beside.
    fn not_the_same(
        &self,
        name: &Name,
        place: &Place,
        body: &Body,
        before: &Shadow,
        tally: &mut Tally,
    ) -> Result<(), Broken> {
        // One that was moved there is on that device, too: it is not merged with another.
        let other = before.at(place.parent, name).filter(|(node, _)| !self.moved.contains(node));
        let Some(other) = other.map(|(_, state)| &state.body) else { return Ok(()) };
        tally.judged(rules::NO_EQUAL_COPY, 1u64);
        if *body != Body::Directory && body.same_bytes(other) && !self.spoiled {
            return Err(Broken::new(rules::NO_EQUAL_COPY, format!("{place:?} beside {name}")));
        }
        Ok(())
    }

    /// Everyone has everything, or the run is over: no name has more copies than there were reasons.
    pub fn judge(&self, tally: &mut Tally) -> Result<(), Broken> {
        if self.spoiled {
            return Ok(());
        }
        tally.judged(rules::COPY_PER_DIVERGENCE, self.copies.len());
        let mut reasons: BTreeMap<&Name, BTreeMap<usize, usize>> = BTreeMap::new();
        for (name, deeds) in &self.deeds {
            let one = reasons.entry(self.one(name)).or_default();
            deeds.iter().for_each(|(device, count)| *one.entry(*device).or_default() += count);
        }
        let mut disturbed: BTreeMap<&Name, usize> = BTreeMap::new();
        for (name, count) in &self.disturbed {
            *disturbed.entry(self.one(name)).or_default() += count;
        }
        let mut copies: BTreeMap<&Name, Vec<NodeId>> = BTreeMap::new();
        for (name, nodes) in &self.copies {
            copies.entry(self.one(name)).or_default().extend(nodes);
        }
        for (name, copies) in copies {
            // Cut short in the midst of what makes it a copy: beside what, nobody can tell.
            if name.as_bytes().windows(11).any(|window| window == b" (conflict,") {
                continue;
            }
            let mut deeds = reasons.get(name).cloned().unwrap_or_default();
            for (device, count) in &self.directories {
                *deeds.entry(*device).or_default() += count;
            }
            let all: usize = deeds.values().sum();
            let reasons = all - deeds.values().max().copied().unwrap_or(0)
                + disturbed.get(name).copied().unwrap_or(0);
            if copies.len() > reasons {
                let what = format!("{name}: {copies:?}; deeds by device: {deeds:?}");
                return Err(Broken::new(rules::COPY_PER_DIVERGENCE, what));
            }
        }
        Ok(())
    }

    /// The two names are, or were, of one thing.
    fn link(&mut self, one: &Name, other: &Name) {
        let (one, other) = (origin(one), origin(other));
        let (one, other) = (self.one(&one).clone(), self.one(&other).clone());
        if one != other {
            self.links.insert(one, other);
        }
    }

    /// The name that stands for all that are linked to this one.
    fn one<'a>(&'a self, name: &'a Name) -> &'a Name {
        let mut name = name;
        while let Some(next) = self.links.get(name) {
            name = next;
        }
        name
    }
}
