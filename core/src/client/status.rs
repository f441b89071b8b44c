//! Where an engine stands, for people and for `--once`; and its invariants.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use crate::disk::Inode;
use crate::hash::ContentId;
use crate::id::NodeId;
use crate::name::RelPath;
use crate::node::{Content, Kind};

use super::Client;
use super::inbound::plus;
use super::record::{Consent, Local, LocalBody};

/// Where an engine stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Status {
    /// Why it is not at rest; `None`: this device and the server agree, but for the problems.
    pub unrest: Option<String>,
    /// A stream stands, and the server has welcomed the device.
    pub online: bool,
    /// Stopped for good, in words: an invariant broke.
    pub halted: Option<String>,
    /// The last entry that this device has.
    pub seq: u64,
    /// Live files on this disk.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Files that were deleted here, and stay everywhere else until a person answers.
    pub held: u64,
    /// What is to be sent: items and bytes.
    pub uploading: (u64, u64),
    /// What is to be fetched: items and bytes.
    pub downloading: (u64, u64),
    /// The contents that are on their way.
    pub moving: Vec<Moving>,
    /// What cannot be synced now, by path.
    pub problems: Vec<Problem>,
}

/// A content on its way.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moving {
    /// Whose it is.
    pub path: RelPath,
    /// Where it goes.
    pub direction: Direction,
    /// Which it is.
    pub content: ContentId,
    /// How many bytes it has.
    pub bytes: u64,
}

/// Where something goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Direction {
    /// To the server.
    Up,
    /// To this device.
    Down,
}

/// How often each of the engine's invariants had something to check.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Checked {
    /// A node is in some tree.
    pub nodes: u64,
    /// What is here is in a directory that is here, under a name of its own.
    pub here: u64,
    /// What is here is a file of its own.
    pub inodes: u64,
    /// A content that is known is as large as its file.
    pub contents: u64,
    /// What is at the server is in a directory that is there, under a name of its own.
    pub there: u64,
}

/// Something that is not in sync, and why.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    /// Where.
    pub path: RelPath,
    /// What kind.
    pub kind: ProblemKind,
    /// In words.
    pub reason: String,
}

/// Kinds of [`Problem`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ProblemKind {
    /// A program has it open for writing.
    Busy,
    /// It cannot be read.
    Unreadable,
    /// It cannot be written here.
    Unwritable,
    /// This disk has no room for it.
    DiskFull,
    /// This device cannot hold its name, or Onefold cannot.
    Parked,
    /// The server does not take it (read-only, over quota).
    Refused,
    /// It was deleted here with most of the folder: a person is asked first.
    HeldDeletion,
    /// Of the whole folder: another client syncs with a copy of this one's state.
    Copied,
    /// Something of it failed a few times in a row, and is tried again.
    Retried,
}

/// The most problems that are listed.
const MAX_PROBLEMS: usize = 1_000;

impl Client {
    /// What a person, or `--once`, wants to know; cheap.
    pub fn status(&self) -> Status {
        let mut status = Status {
            unrest: self.unrest(),
            online: self.is_live(),
            halted: self.halted.clone().or_else(|| self.looks.root_gone.clone()),
            seq: self.stream.cursor.seq.get(),
            held: self.held_files(),
            ..Status::default()
        };
        (status.files, status.bytes) = self.trees.files_here();
        (status.uploading, status.downloading) = (self.to_send(), self.to_fetch());
        status.moving = self.all_moving().map(|(_, moving)| moving).collect();
        let shown = self.problems.iter().take(MAX_PROBLEMS);
        status.problems = shown
            .map(|((node, kind), reason)| {
                let path = self.trees.path_shown(*node);
                Problem { path, kind: *kind, reason: reason.clone() }
            })
            .chain(self.all_retried().take(MAX_PROBLEMS))
            .chain(self.unnameable_problems())
            .chain(self.held_problems().take(MAX_PROBLEMS))
            .chain(self.copy_problem())
            .collect();
        status.problems.sort();
        status
    }

    /// The content of a node that is on its way.
    pub(super) fn moving_of(&self, node: NodeId) -> Option<Moving> {
        self.all_moving().find(|(of, _)| *of == node).map(|(_, moving)| moving)
    }

    fn all_moving(&self) -> impl Iterator<Item = (NodeId, Moving)> {
        let moving = |node, direction, path: Option<RelPath>, content: Content| {
            let (path, content, bytes) = (path.unwrap_or_default(), content.id, content.size);
            (node, Moving { path, direction, content, bytes })
        };
        let up = self.uploads.under_way().map(move |(node, content)| {
            moving(node, Direction::Up, self.trees.path_here(node), content)
        });
        let down = self.fetches.under_way().map(move |(node, content)| {
            moving(node, Direction::Down, self.trees.path_there(node), content)
        });
        up.chain(down)
    }

    /// The first reason why this device and the server do not agree yet; cheap.
    pub fn unrest(&self) -> Option<String> {
        let reasons: [(bool, &str); 11] = [
            (self.looks.root_gone.is_some(), "the folder itself is not there"),
            (!self.looks.scanned, "the folder is being looked at"),
            (!self.is_live(), "the server is not connected"),
            (!self.is_caught_up(), "changes are coming in"),
            (!self.looks_idle(), "changes here are being looked at"),
            (self.is_missing_any(), "deletions are being looked at again"),
            (!self.reads_idle() || !self.growing_idle(), "files settle, or are being read"),
            (!self.inbound_idle(), "this disk is being changed"),
            (!self.outbound_idle(), "changes are being sent"),
            (!self.holds_idle(), "something that failed will be tried again"),
            (!self.saves_idle() || !self.trees.is_clean(), "the state is being saved"),
        ];
        let first = reasons.iter().find(|(holds, _)| *holds).map(|(_, reason)| (*reason).into());
        self.halted.clone().or_else(|| self.save_failure().map(Into::into)).or(first)
    }

    fn unnameable_problems(&self) -> impl Iterator<Item = Problem> {
        self.looks.unnameable.iter().flat_map(|(dir, names)| {
            names.iter().map(|name| Problem {
                path: self.trees.path_here(*dir).unwrap_or_default(),
                kind: ProblemKind::Parked,
                reason: format!("{name}: a name that cannot be synced; it stays here only"),
            })
        })
    }

    /// Names in a directory that no node can have.
    pub(super) fn note_unnameable(&mut self, dir: NodeId, names: &[String]) {
        if names.is_empty() {
            self.looks.unnameable.remove(&dir);
        } else {
            self.looks.unnameable.insert(dir, names.to_vec());
        }
    }

    /// Checks the engine's invariants: how often each had something to check, or the first broken
    /// one in words.
    pub fn check(&self) -> Result<Checked, String> {
        let mut broken: Vec<String> = Vec::new();
        let mut inodes: Vec<(Inode, NodeId)> = Vec::new();
        let mut checked = Checked::default();
        let (mut files_here, mut awaited) = ((0, 0), 0);
        for (node, record) in self.trees.nodes() {
            checked.nodes += 1;
            awaited += usize::from(record.consent() == Consent::Awaited);
            if let Some(here) = record.present().filter(|here| here.body.kind() == Kind::File) {
                files_here = plus(files_here, (1, here.stamp.size));
            }
            if record.is_nowhere() {
                broken.push(format!("{node:?} is kept though it is in no tree"));
            }
            if let Local::Present(here) = record.local() {
                checked.here += 1;
                let missing = self.looks.missing.contains_key(&node);
                if !self.trees.is_dir_here(here.place.parent) && !missing {
                    broken.push(format!("{node:?} is here, but its directory is not"));
                }
                // A missing one may be the other already, and before a scan nobody knows what is
                // missing; without a birth time, or with more than one name, an inode does not tell
                // who someone is.
                let certain = here.stamp.inode.birth.is_some() && !here.linked;
                if certain && !missing && self.looks.scanned {
                    checked.inodes += 1;
                    inodes.push((here.stamp.inode, node));
                }
                let kept = !self.trees.is_fleeting(node);
                if kept && self.trees.is_fleeting(here.place.parent) {
                    broken.push(format!("{node:?} is saved, but its directory is not"));
                }
                let holder = self.trees.at_here(&here.place);
                if holder != Some(node) && !missing {
                    broken.push(format!("{node:?} and {holder:?} have one name here"));
                }
                let content = match &here.body {
                    LocalBody::File { content, .. } => content.as_ref(),
                    LocalBody::Directory | LocalBody::Symlink(_) => None,
                };
                checked.contents += u64::from(content.is_some());
                if content.is_some_and(|content| content.size != here.stamp.size) {
                    broken.push(format!("{node:?} has a content of another size than its file"));
                }
            }
            if let Some(there) = record.remote() {
                checked.there += 1;
                if !self.trees.is_dir_there(there.place.parent) {
                    broken.push(format!("{node:?} is at the server, but its directory is not"));
                }
                if self.trees.at_there(&there.place) != Some(node) {
                    broken.push(format!("{node:?} lost its name at the server to another"));
                }
            }
        }
        inodes.sort_unstable();
        let twice = inodes.windows(2).find(|pair| pair[0].0 == pair[1].0);
        broken
            .extend(twice.map(|pair| format!("{:?} and {:?} are one file", pair[0].1, pair[1].1)));
        if (files_here, awaited) != (self.trees.files_here(), self.trees.awaited().len()) {
            broken.push("what is counted is not what is there".into());
        }
        broken.into_iter().next().map_or(Ok(checked), Err)
    }
}
