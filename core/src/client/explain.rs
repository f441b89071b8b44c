//! Why something is, or is not, in sync: a question about one path, which changes nothing.
//!
//! It is answered from what is known now, in the order in which a person would want to hear it: what
//! stops everything, what hinders this, what is under way, what is still to come.

use alloc::collections::BTreeSet;
use alloc::string::String;
use alloc::vec::Vec;

use crate::id::NodeId;
use crate::name::RelPath;
use crate::node::Kind;

use super::reconcile::{Act, Decision};
use super::record::{Consent, Local};
use super::{Client, Moving, Problem, ProblemKind};

/// The most things in a directory that are named.
const MAX_INSIDE: usize = 100;

/// What is known of a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explained {
    /// What it is, if it is anything.
    pub kind: Option<Kind>,
    /// Why it is, or is not, in sync.
    pub why: Why,
    /// What in it is not in sync, by path; not all where that is much.
    pub inside: Vec<(RelPath, Why)>,
    /// How many things that is.
    pub not_in_sync: u64,
}

/// Why something is, or is not, in sync.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Why {
    /// Both sides have it as it is.
    InSync,
    /// Its content is on its way.
    Moving(Moving),
    /// It is to be sent, or is in a commit.
    ToSend,
    /// It is to be fetched, placed or removed here.
    ToFetch,
    /// It waits.
    Waits(Wait),
    /// Something is wrong with it, or with a directory that it needs.
    Problem {
        /// With what.
        at: RelPath,
        /// What kind.
        kind: ProblemKind,
        /// In words.
        reason: String,
    },
    /// Something stands here that is not synced: only the disk knows what.
    NotSynced(RelPath),
    /// It is below this directory, which cannot be read.
    Unknown(RelPath),
    /// Nothing is known at this path.
    NotSeen,
    /// Nothing of the folder is synced now, in words.
    Stopped(String),
}

/// What something waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Wait {
    /// It has just changed, and is to rest first.
    Settles,
    /// It is to be read.
    Read,
    /// It is gone from its place, and is looked for before that counts as a deletion.
    Missing,
    /// Something failed, and is tried again.
    Retry,
    /// It is planned next.
    Planned,
    /// The folder was not looked at yet.
    Scan,
}

impl Client {
    /// Why what stands at a path is, or is not, in sync. For a directory this is work in proportion
    /// to what is in it.
    pub fn explain(&self, path: &RelPath) -> Explained {
        let (node, found) = match self.find(path) {
            Ok(node) => (node, self.kind(node)),
            Err(why) => {
                let why = self.stopped().unwrap_or(why);
                return Explained { kind: None, why, inside: Vec::new(), not_in_sync: 0 };
            }
        };
        let mut inside: Vec<(RelPath, Why)> = Vec::new();
        let mut not_in_sync = 0;
        let below = self.trees.below_here(node).into_iter().chain(self.trees.below_there(node));
        for below in below.collect::<BTreeSet<_>>() {
            let why = self.why(below);
            if why != Why::InSync {
                not_in_sync += 1;
                if inside.len() < MAX_INSIDE {
                    inside.push((self.trees.path_shown(below), why));
                }
            }
        }
        inside.sort();
        let why = self.stopped().unwrap_or_else(|| self.why(node));
        Explained { kind: found, why, inside, not_in_sync }
    }

    fn stopped(&self) -> Option<Why> {
        self.halted.clone().or_else(|| self.looks.root_gone.clone()).map(Why::Stopped)
    }

    /// The node at a path, on this disk or at the server; or why none is known.
    fn find(&self, path: &RelPath) -> Result<NodeId, Why> {
        let mut at = NodeId::ROOT;
        let mut so_far = RelPath::root();
        for name in path.names() {
            if self.is_out_of_sight(at) {
                return Err(Why::Unknown(so_far));
            }
            let next = self.trees.child_here(at, name).or_else(|| self.trees.child_there(at, name));
            so_far = so_far.join(name.clone());
            if self.looks.others.contains(&(at, name.clone())) {
                return Err(Why::NotSynced(so_far));
            }
            at = match next {
                Some(next) => next,
                None if self.looks.scanned => return Err(Why::NotSeen),
                None => return Err(Why::Waits(Wait::Scan)),
            };
        }
        Ok(at)
    }

    fn kind(&self, node: NodeId) -> Option<Kind> {
        if node == NodeId::ROOT {
            return Some(Kind::Directory);
        }
        let record = self.trees.get(node);
        let here = record.present().map(|here| here.body.kind());
        here.or_else(|| record.remote().map(|there| there.body.kind()))
    }

    fn why(&self, node: NodeId) -> Why {
        if node == NodeId::ROOT {
            return Why::InSync;
        }
        self.problem_of(node)
            .or_else(|| self.under_way(node))
            .or_else(|| self.waits(node))
            .unwrap_or_else(|| self.planned(node))
    }

    /// What is wrong with it, or with a directory above it that it waits for.
    fn problem_of(&self, node: NodeId) -> Option<Why> {
        let record = self.trees.get(node);
        if record.consent() == Consent::Awaited {
            let (at, kind) = (self.trees.path_shown(node), ProblemKind::HeldDeletion);
            return Some(Why::Problem { at, kind, reason: self.held_reason() });
        }
        let mut at = node;
        loop {
            if let Some((kind, reason)) = self.problems_of(at).next() {
                let (at, reason) = (self.trees.path_shown(at), reason.clone());
                return Some(Why::Problem { at, kind, reason });
            }
            // Only what is on one side needs its directory on the other.
            let record = self.trees.get(at);
            at = match (record.present(), record.remote()) {
                (None, Some(there)) => there.place.parent,
                (Some(here), None) => here.place.parent,
                (Some(_), Some(_)) | (None, None) => return None,
            };
        }
    }

    fn under_way(&self, node: NodeId) -> Option<Why> {
        if let Some(moving) = self.moving_of(node) {
            return Some(Why::Moving(moving));
        }
        if self.is_in_commit(node)
            || self.outbound.ready.contains(node)
            || self.uploads.wanted.contains(node)
        {
            return Some(Why::ToSend);
        }
        let comes = self.changes.contains(node)
            || self.inbound.ready.contains(node)
            || self.inbound.blocked.contains(node);
        comes.then_some(Why::ToFetch)
    }

    fn waits(&self, node: NodeId) -> Option<Why> {
        let record = self.trees.get(node);
        if let Local::Hidden(_) = record.local() {
            let behind = self.looks.hidden.get(&node);
            let at =
                behind.and_then(|(dir, name)| Some(self.trees.path_here(*dir)?.join(name.clone())));
            return Some(Why::NotSynced(at.unwrap_or_else(|| self.trees.path_shown(node))));
        }
        if let Some(dir) = self.unseen_around(node) {
            return Some(Why::Unknown(self.trees.path_shown(dir)));
        }
        let wait = if self.looks.missing.contains_key(&node) {
            Wait::Missing
        } else if !self.is_settled(node) {
            Wait::Settles
        } else if self.is_read(node) {
            Wait::Read
        } else if let Some(Problem { path: at, kind, reason }) = self.retried(node) {
            return Some(Why::Problem { at, kind, reason });
        } else if self.is_held(node) {
            Wait::Retry
        } else {
            return None;
        };
        Some(Why::Waits(wait))
    }

    /// What is to be done about it, though nothing has begun.
    fn planned(&self, node: NodeId) -> Why {
        match self.decide(node) {
            None => Why::InSync,
            Some(Decision::Create | Decision::DeleteThere) => Why::ToSend,
            Some(Decision::Materialise | Decision::DeleteHere) => Why::ToFetch,
            Some(Decision::Read) => Why::Waits(Wait::Read),
            Some(
                Decision::Forget
                | Decision::Adopt
                | Decision::Split
                | Decision::KeepHere(_)
                | Decision::KeepThere(_),
            ) => Why::Waits(Wait::Planned),
            Some(Decision::Merge { place, content, executable }) => {
                let acts = [place, content, executable];
                if acts.contains(&Act::Apply) {
                    Why::ToFetch
                } else if acts.contains(&Act::Send) {
                    Why::ToSend
                } else if acts.contains(&Act::Wait) {
                    Why::Waits(Wait::Read)
                } else if acts.contains(&Act::Agree) {
                    Why::Waits(Wait::Planned)
                } else {
                    Why::InSync
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::bench::{
        Bench, PIPE, ROOT, agreed, coming, dir, file, found, known, linked, node, path,
    };
    use crate::client::event::Event;
    use crate::disk::DiskError;
    use crate::node::Body;

    /// A folder: a file that is agreed on in a directory that is, one only here, one only there.
    fn bench() -> Bench {
        Bench::of([
            agreed(1, &dir(ROOT, "d")),
            agreed(2, &file(node(1), "agreed", "a")),
            coming(3, &file(node(1), "coming", "cc")),
            known(4, Some(&file(ROOT, "new", "n")), None, None),
        ])
    }

    #[track_caller]
    fn check(bench: &Bench, at: &str, expected: Why) {
        assert_eq!(bench.client.explain(&path(at)).why, expected, "{at}");
    }

    #[test]
    fn what_was_saved_tells_what_is_agreed_on_and_what_is_to_come() {
        let bench = bench();
        check(&bench, "d/agreed", Why::InSync);
        check(&bench, "d/coming", Why::ToFetch);
        check(&bench, "new", Why::ToSend);
        check(&bench, "nothing", Why::Waits(Wait::Scan));
        let Explained { kind, why, inside, not_in_sync } = bench.client.explain(&path("d"));
        assert_eq!((kind, why, not_in_sync), (Some(Kind::Directory), Why::InSync, 1));
        assert_eq!(inside, [(path("d/coming"), Why::ToFetch)]);
        assert_eq!(bench.client.explain(&RelPath::root()).not_in_sync, 2);
    }

    #[test]
    fn what_a_look_shows_tells_what_is_not_synced_and_what_cannot_be_seen() {
        let mut bench = bench();
        bench.put("d", Some(linked(found(1, &Body::Directory))));
        bench.put("pipe", Some(PIPE));
        bench.deny("d");
        bench.tell(Event::Started);
        assert_eq!(bench.looked, ["/", "/d"]);
        check(&bench, "pipe", Why::NotSynced(path("pipe")));
        check(&bench, "pipe/below", Why::NotSynced(path("pipe")));
        check(&bench, "nothing", Why::NotSeen);
        check(&bench, "d/agreed", Why::Unknown(path("d")));
        let Explained { why, .. } = bench.client.explain(&path("d"));
        assert!(matches!(why, Why::Problem { kind: ProblemKind::Unreadable, .. }), "{why:?}");
    }

    #[test]
    fn a_folder_that_is_gone_stops_everything() {
        let mut bench = bench();
        bench.failing.insert(path(""), DiskError::RootGone("unplugged".into()));
        bench.tell(Event::Started);
        let Explained { why, .. } = bench.client.explain(&path("d/agreed"));
        assert!(matches!(&why, Why::Stopped(words) if words.contains("unplugged")), "{why:?}");
    }
}
