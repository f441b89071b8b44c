//! From a case to the state that its engine starts in: three trees, a disk, a server.

use std::collections::{BTreeMap, BTreeSet};

use onefold_core::client::reconcile::{reconcile, situation};
use onefold_core::client::record::{Local, LocalBody, Present, Record};
use onefold_core::client::saved::Saved;
use onefold_core::id::NodeId;
use onefold_core::node::{Body, State};
use onefold_core::operation::{Operation, Step, Verdict};

use crate::tape::{Random, Tape};

use super::Broken;
use super::case::Case;
use super::disk::{Disk, Hands};
use super::server::{ELSEWHERE, HERE, News, Server};
use super::tally::Tally;
use super::tree::{Deed, Tree, What, bytes, content};

/// How many contents are known to the server from the start.
const CONTENTS: u8 = 16;

/// The three trees that a case is about.
#[derive(Clone, Debug, Default)]
pub struct Three {
    /// What both sides agreed on, as far as that still counts.
    pub agreed: Tree,
    /// What is on this disk.
    pub local: Tree,
    /// What the server has.
    pub remote: Tree,
    /// The engine knows from the start what is on this disk.
    pub seen: bool,
}

/// What a case starts with.
#[derive(Debug)]
pub struct Setup {
    /// The three trees.
    pub three: Three,
    /// What the engine had saved.
    pub saved: Saved,
    /// The disk.
    pub disk: Disk,
    /// The server.
    pub server: Server,
    /// The order of things, and what fails.
    pub schedule: Tape,
    /// How many effects in 1000 fail.
    pub failing: u32,
    /// How many times in 1000 the engine is killed in a round.
    pub killed: u32,
    /// What the engine's ids are made from.
    pub seed: u64,
}

/// One side, while users do things to it.
struct Side {
    tree: Tree,
    random: Random,
}

impl Side {
    fn operations(&mut self, deed: &Deed) -> Vec<Operation> {
        let random = &mut self.random;
        let mut fresh = || {
            let mut id = [0; 16];
            id[..8].copy_from_slice(&random.draw().to_be_bytes());
            NodeId::from_bytes(id)
        };
        let operations = deed.operations(&self.tree, &mut fresh);
        let steps = operations.iter().flat_map(|operation| &operation.steps);
        steps.for_each(|step| self.tree.take(step));
        operations
    }
}

impl Setup {
    /// Makes it.
    pub fn of(case: &Case, tally: &mut Tally) -> Result<Self, Broken> {
        tally.cases += 1;
        let mut count = |side: &str, deed: &Deed, operations: &[Operation]| {
            if !operations.is_empty() {
                *tally.deeds.entry(format!("{side} {:?}", deed.what)).or_default() += 1;
            }
        };
        let mut server = Server::new((0..CONTENTS).map(|n| (content(n).id, bytes(n))));
        let mut hands = Hands::default();
        let mut base = Side { tree: Tree::default(), random: Random(case.seed) };
        let author = if case.seed.is_multiple_of(2) { HERE } else { ELSEWHERE };
        for deed in &case.base {
            let operations = base.operations(deed);
            count("base", deed, &operations);
            steps(&operations).for_each(|step| hands.take(step, false));
            taken(server.others_do(author, operations))?;
        }
        let base_cursor = server.cursor();
        let mut remote = Side { tree: base.tree.clone(), random: Random(!case.seed) };
        for deed in &case.remote {
            let operations = remote.operations(deed);
            count("remote", deed, &operations);
            taken(server.others_do(ELSEWHERE, operations))?;
        }
        let before = hands.clone();
        let mut local = Side { tree: base.tree.clone(), random: base.random.clone() };
        let mut anew = BTreeSet::new();
        for deed in &case.local {
            let operations = local.operations(deed);
            count("local", deed, &operations);
            for step in steps(&operations) {
                let is_anew = deed.what == What::SaveAnew || matches!(step, Step::Retarget { .. });
                anew.extend(Some(step.node()).filter(|_| is_anew));
                hands.take(step, is_anew);
            }
        }
        let (base, mut local, remote) = (base.tree, local.tree, remote.tree);
        let mut identified = local.clone();
        let told_apart = as_identified(&base, &mut identified, &anew);
        // A directory that cannot be looked into hides what was moved there.
        let hides = case.failing > 0 && moved_across(&base, &local);
        let seen = case.seen || !told_apart || hides;
        if !seen {
            local = identified;
        }
        let mut news = case.news;
        if base_cursor == server.cursor() {
            news = News::Entries;
        }
        server.news = (news, server.cursor().seq);
        let cursor = if news == News::Heard { server.cursor() } else { base_cursor };
        let mut records = Vec::new();
        let (of_local, of_remote) = (if seen { &local } else { &base }, &remote);
        let of_remote = if news == News::Heard { of_remote } else { &base };
        let of_hands = if seen { &hands } else { &before };
        // Whoever does not know all of both sides yet agrees on what he knows at once.
        let heard = news == News::Heard && seen;
        let agreed = if heard { remembered(case, [&base, &local, &remote]) } else { base.clone() };
        for node in keys([of_local, of_remote, &agreed]) {
            let here = of_local.get(node).map(|state| {
                let stamp = of_hands.stamp(node).expect("what is in the tree is on the disk");
                let mut body = LocalBody::placed(&state.body);
                if let (LocalBody::File { content, .. }, false) = (&mut body, case.read) {
                    *content = None;
                }
                let place = state.place.clone();
                Local::Present(Present { place, stamp, linked: false, body, seen_by: 0 })
            });
            let (synced, there) = (agreed.get(node).cloned(), of_remote.get(node).cloned());
            let record = Record::of(here.unwrap_or(Local::Absent), synced, there);
            records.push((node, record));
        }
        records.retain(|(_, record)| !record.is_nowhere());
        let agreed = still_agreed(news, agreed, &local, &remote);
        let three = Three { agreed, local, remote, seen };
        three.decisions(case.read).for_each(|decision| tally.decision(decision));
        Ok(Self {
            three,
            saved: Saved::of_trees(HERE, cursor, records),
            disk: hands.disk,
            server,
            schedule: Tape::new(case.schedule.clone()),
            failing: case.failing.into(),
            killed: case.killed.into(),
            seed: case.seed,
        })
    }
}

fn steps(operations: &[Operation]) -> impl Iterator<Item = &Step> {
    operations.iter().flat_map(|operation| &operation.steps)
}

fn taken(verdicts: Vec<Verdict>) -> Result<(), Broken> {
    match verdicts.iter().find(|verdict| matches!(verdict, Verdict::Refused(_))) {
        Some(refused) => {
            Err(Broken::new("the server takes what fits its tree", format!("{refused:?}")))
        }
        None => Ok(()),
    }
}

fn keys<const N: usize>(trees: [&Tree; N]) -> BTreeSet<NodeId> {
    trees.into_iter().flat_map(|tree| tree.0.keys().copied()).collect()
}

/// What was agreed on, without what is forgotten: of nodes that are where they were, if they are.
fn remembered(case: &Case, [base, local, remote]: [&Tree; 3]) -> Tree {
    let known = |at: usize| case.forgotten >> (at % 16) & 1 == 0;
    let moved = |side: &Tree, node: &NodeId, was: &State| {
        side.get(*node).is_some_and(|now| now.place != was.place)
    };
    let kept = base.0.iter().enumerate().filter(|(at, (node, was))| {
        known(*at) || moved(local, node, was) || moved(remote, node, was)
    });
    Tree(kept.map(|(_, (node, state))| (*node, state.clone())).collect())
}

/// What still counts as agreed on, by the way in which the news come.
fn still_agreed(news: News, agreed: Tree, local: &Tree, remote: &Tree) -> Tree {
    let met = |(node, state): (NodeId, State)| {
        let there = remote.get(node).filter(|_| local.get(node).is_some())?;
        match news {
            News::FirstJoin => None,
            News::OlderDevice => Some((node, state)),
            News::OtherJournal => state.body.same_bytes(&there.body).then(|| (node, there.clone())),
            News::Heard | News::Entries | News::Snapshot => None,
        }
    };
    match news {
        News::Heard | News::Entries | News::Snapshot => agreed,
        News::FirstJoin | News::OtherJournal | News::OlderDevice => {
            Tree(agreed.0.into_iter().filter_map(met).collect())
        }
    }
}

/// Gives what users made on this disk, unseen, the identity that an engine finds for it: a new inode at
/// the place of a node of its kind that is gone is that node. `false`: an engine cannot tell who is who.
fn as_identified(base: &Tree, local: &mut Tree, anew: &BTreeSet<NodeId>) -> bool {
    loop {
        let mut gone = base.0.iter().filter(|(node, _)| local.get(**node).is_none());
        let edited = gone.find_map(|(node, was)| {
            let heir = local.child(was.place.parent, &was.place.name)?;
            let state = local.get(heir)?;
            let is_new = base.get(heir).is_none() && state.body.kind() == was.body.kind();
            is_new.then_some((*node, heir))
        });
        let Some((node, heir)) = edited else { break };
        rename_id(local, heir, node);
    }
    let lost = base.0.iter().any(|(node, was)| {
        let Some(now) = local.get(*node).filter(|now| now.place != was.place) else { return false };
        let heir = local.child(was.place.parent, &was.place.name);
        let taken = heir.is_some_and(|heir| base.get(heir).is_none());
        anew.contains(node) || taken && now.place.parent != was.place.parent
    });
    !lost
}

fn moved_across(base: &Tree, local: &Tree) -> bool {
    let mut both = base.0.iter().filter_map(|(node, was)| Some((was, local.get(*node)?)));
    both.any(|(was, now)| was.place.parent != now.place.parent)
}

fn rename_id(tree: &mut Tree, from: NodeId, to: NodeId) {
    if let Some(state) = tree.0.remove(&from) {
        tree.0.insert(to, state);
    }
    for state in tree.0.values_mut().filter(|state| state.place.parent == from) {
        state.place.parent = to;
    }
}

impl Three {
    /// What the three trees call for, node by node.
    fn decisions(
        &self,
        read: bool,
    ) -> impl Iterator<Item = onefold_core::client::reconcile::Decision> {
        keys([&self.agreed, &self.local, &self.remote]).into_iter().filter_map(move |node| {
            let here = self.local.get(node).map_or(Local::Absent, |state| {
                let mut body = LocalBody::placed(&state.body);
                if let (LocalBody::File { content, .. }, false) = (&mut body, read) {
                    *content = None;
                }
                let place = state.place.clone();
                let stamp = super::disk::no_stamp();
                Local::Present(Present { place, stamp, linked: false, body, seen_by: 0 })
            });
            let there = self.remote.get(node);
            let moved_above = match (self.local.get(node), there) {
                (None, Some(_)) => self.moved_above(&self.remote, node),
                (Some(_), None) => self.moved_above(&self.local, node),
                (None, None) | (Some(_), Some(_)) => false,
            };
            let record = Record::of(here, self.agreed.get(node).cloned(), there.cloned());
            situation(&record, moved_above).map(reconcile)
        })
    }

    /// Whether a side renamed or moved a directory above a node, and the other not to the same.
    pub fn moved_above(&self, side: &Tree, node: NodeId) -> bool {
        let agree = |dir| {
            let place = |side: &Tree| side.get(dir).map(|state| state.place.clone());
            place(&self.local) == place(&self.remote)
        };
        let mut at = side.get(node).map(|state| state.place.parent);
        while let Some((dir, state)) = at.and_then(|dir| Some((dir, side.get(dir)?))) {
            let moved = self.agreed.get(dir).is_some_and(|was| was.place != state.place);
            if moved && !agree(dir) {
                return true;
            }
            at = Some(state.place.parent);
        }
        false
    }

    /// Whether a side did to a node itself what keeps it when the other deletes it.
    pub fn touched(&self, side: &Tree, node: NodeId) -> bool {
        let (Some(was), Some(now)) = (self.agreed.get(node), side.get(node)) else { return false };
        was.place != now.place || !was.body.same_bytes(&now.body)
    }

    /// All nodes of the three.
    pub fn nodes(&self) -> BTreeSet<NodeId> {
        keys([&self.agreed, &self.local, &self.remote])
    }
}

/// Paths, with what is there, for people to read.
pub fn listed(tree: &Tree) -> BTreeMap<String, String> {
    let body = |body: &Body| match body {
        Body::Directory => "a directory".into(),
        Body::File { content, executable } => {
            let number = super::tree::number_of(content.id).map_or(-1, i32::from);
            format!("content {number}{}", if *executable { ", executable" } else { "" })
        }
        Body::Symlink(target) => {
            format!("a symlink to {:?}", String::from_utf8_lossy(target.as_bytes()))
        }
    };
    let line = |(node, state): (&NodeId, &State)| (tree.path(*node).to_string(), body(&state.body));
    tree.0.iter().map(line).collect()
}
