//! A folder in a few words, and an engine that goes on from it, for tests of what it asks for.
//!
//! The disk shows what the records say, until a test changes it. Looks and saves are answered at
//! once; what else is asked for is kept in words, and answered by the test, if at all.

use alloc::collections::VecDeque;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use alloc::{format, vec};

use super::bench::{content, form, inode, link, node, path};
use super::event::{Effect, Event, Hint, Notice, TaskId};
use super::record::{Intent, Local, LocalBody, Present, Record};
use super::{Client, bench};
use crate::disk::{Change, DiskError, Found, Listing, Names, Seen, Stamp};
use crate::id::NodeId;
use crate::name::{Name, RelPath};
use crate::node::{Body, Kind, Place, State};
use crate::protocol::ClientMessage;
use crate::time::Now;

/// A node: its letter, its kind, and where it is here, was agreed on to be, and is at the server,
/// if it is. `d/f` is the name `f` in the node `d`; `f=x` has the bytes `x`, and `f=?` was not read
/// yet; `~f` is behind a name that is not synced.
pub(super) type Known = (char, Kind, &'static str, &'static str, &'static str);

/// What every conflict name says in tests.
const LABEL: &str = " (conflict, desk, 0000-00-00 0000";
/// What follows from one event comes to an end within so many.
const MAX_EVENTS: u32 = 1_000;
/// The root's inode.
const ROOT: u64 = 1;

/// An engine, the disk that it looks at, and what it asked for.
#[derive(Debug)]
pub(super) struct Scene {
    pub(super) client: Client,
    pub(super) now: Now,
    /// Directory, name, and what stands there.
    disk: Vec<(u64, Name, Seen)>,
    asked: Vec<(Option<TaskId>, String)>,
    /// Which directories were looked at, and which names of them.
    pub(super) looks: Vec<String>,
    /// Looks are answered by the test.
    pub(super) looks_slowly: bool,
    /// Names in the root that no node can have.
    pub(super) unnameable: Vec<String>,
    under_way: Vec<(TaskId, RelPath, Names)>,
    /// What a look at a directory comes to, but for what the disk shows.
    pub(super) failing: Vec<(&'static str, DiskError)>,
    /// What every reading of a file comes to; `None`: the test answers.
    pub(super) reading: Option<Result<&'static str, DiskError>>,
}

fn stamp(letter: char, kind: Kind, text: &str) -> Stamp {
    bench::stamp(letter.into(), &body(kind, text))
}

fn body(kind: Kind, text: &str) -> Body {
    match kind {
        Kind::Directory => Body::Directory,
        Kind::File => Body::File { content: content(text), executable: false },
        Kind::Symlink => link(text),
    }
}

/// A place, and the bytes there.
fn spot(text: &'static str) -> Option<(Place, &'static str)> {
    let (at, bytes) = text.split_once('=').unwrap_or((text, "1"));
    let (dir, name) = at.split_once('/').unwrap_or(("", at));
    let parent = dir.chars().next().map_or(NodeId::ROOT, node);
    (!name.is_empty()).then(|| (bench::place(parent, name), bytes))
}

pub(super) fn state(kind: Kind, text: &'static str) -> Option<State> {
    spot(text).map(|(place, bytes)| State { place, body: body(kind, bytes) })
}

fn record(&(letter, kind, here, agreed, there): &Known) -> (NodeId, Record) {
    let local = spot(here.trim_start_matches('~')).map_or(Local::Absent, |(place, bytes)| {
        let (stamp, linked, seen_by) = (stamp(letter, kind, bytes), false, 0);
        let body = match bytes {
            "?" => LocalBody::unread(&form(&body(kind, bytes))),
            _ => LocalBody::placed(&body(kind, bytes)),
        };
        let present = Present { place, stamp, linked, body, seen_by };
        if here.starts_with('~') { Local::Hidden(present) } else { Local::Present(present) }
    });
    (node(letter), Record::of(local, state(kind, agreed), state(kind, there)))
}

impl Scene {
    pub(super) fn of(known: &[Known]) -> Self {
        let shown = |&(letter, kind, here, ..): &Known| {
            let (place, bytes) = spot(here.trim_start_matches('~'))?;
            let stamp = stamp(letter, kind, bytes);
            let seen = if here.starts_with('~') {
                Seen::Other { stamp, kind: Some(kind) }
            } else {
                Seen::Node(Found { stamp, links: 1, form: form(&body(kind, bytes)) })
            };
            let dir =
                if place.parent == NodeId::ROOT { ROOT } else { place.parent.as_bytes()[0].into() };
            Some((dir, place.name, seen))
        };
        Self {
            client: Client::of_trees(known.iter().map(record)),
            now: Now::default(),
            disk: known.iter().filter_map(shown).collect(),
            asked: vec![],
            looks: vec![],
            looks_slowly: false,
            unnameable: vec![],
            under_way: vec![],
            failing: vec![],
            reading: None,
        }
    }

    /// Something that is not synced, and that no node can be, has a name in a directory.
    pub(super) fn put_pipe(&mut self, dir: &str, name: &str) {
        let stamp = stamp('|', Kind::File, "");
        let at = (self.dir(&path(dir)).unwrap(), bench::name(name));
        self.disk.push((at.0, at.1, Seen::Other { stamp, kind: None }));
    }

    /// Something new has a name in a directory; its letter says which inode it is.
    pub(super) fn put(&mut self, letter: char, kind: Kind, dir: &str, name: &str) {
        let found =
            Found { stamp: stamp(letter, kind, "1"), links: 1, form: form(&body(kind, "1")) };
        let at = (self.dir(&path(dir)).unwrap(), bench::name(name));
        self.disk.push((at.0, at.1, Seen::Node(found)));
    }

    /// A name is gone from a directory.
    pub(super) fn take(&mut self, dir: &str, name: &str) {
        let dir = self.dir(&path(dir)).unwrap();
        self.disk.retain(|(of, at, _)| *of != dir || at.as_bytes() != name.as_bytes());
    }

    /// The number of a directory's inode.
    fn dir(&self, path: &RelPath) -> Option<u64> {
        let mut at = ROOT;
        for name in path.names() {
            let (.., seen) = self.disk.iter().find(|(dir, of, _)| *dir == at && of == name)?;
            let Seen::Node(found) = seen else { return None };
            at = found.stamp.inode.number;
        }
        Some(at)
    }

    fn look(&self, dir: &RelPath, asked: &Names) -> Result<Listing, DiskError> {
        let failing = self.failing.iter().find(|(at, _)| path(at) == *dir);
        if let Some((_, error)) = failing {
            return Err(error.clone());
        }
        let number = self.dir(dir).ok_or(DiskError::Gone)?;
        let inside = self
            .disk
            .iter()
            .filter(|(of, name, _)| *of == number && super::looking::asked(asked, name));
        let mut names: Vec<(Name, Seen)> =
            inside.map(|(_, name, seen)| (name.clone(), seen.clone())).collect();
        names.sort_by(|(one, _), (other, _)| one.cmp(other));
        let inode = inode(number);
        let whole = number == ROOT && *asked == Names::All;
        let unnameable = if whole { self.unnameable.clone() } else { vec![] };
        Ok(Listing { inode, names, unnameable })
    }

    /// Tells the engine something, and what follows from it.
    pub(super) fn tell(&mut self, event: Event) {
        let mut events = VecDeque::from([event]);
        let mut left = MAX_EVENTS;
        while let Some(event) = events.pop_front() {
            left -= 1;
            assert!(left > 0, "it comes to no end: {:?}", self.looks.last());
            for effect in self.client.handle(self.now, event) {
                events.extend(self.take_in(effect));
            }
        }
    }

    /// What a look shows comes in: so many began before it and are under way.
    pub(super) fn answer_look(&mut self, before: usize) {
        let (id, dir, names) = self.under_way.remove(before);
        let result = self.look(&dir, &names);
        self.tell(Event::Looked(id, result));
    }

    /// The watcher says that something may have changed at a path, and what was looked at for that.
    pub(super) fn hint(&mut self, at: &str) -> String {
        self.looks.clear();
        self.tell(Event::Hinted(Hint { path: path(at), closed: false }));
        self.wait(20);
        self.looks.join(" ")
    }

    /// The watcher lost events below a path, and what was looked at for that.
    pub(super) fn overflow(&mut self, at: &str) -> String {
        self.looks.clear();
        self.tell(Event::Overflowed(path(at)));
        self.looks.join(" ")
    }

    /// Starts, and lets new names settle.
    pub(super) fn start(&mut self) {
        self.tell(Event::Started);
        self.wait(200);
    }

    /// Time passes.
    pub(super) fn wait(&mut self, ms: u64) {
        self.now.instant = self.now.instant + ms;
        self.tell(Event::Ticked);
    }

    fn take_in(&mut self, effect: Effect) -> Option<Event> {
        let (id, words) = match effect {
            Effect::Look { id, dir, names } => {
                let look = self.look(&dir, &names);
                let only = match &names {
                    Names::All => String::new(),
                    Names::Only(names) => {
                        let names: Vec<String> = names.iter().map(ToString::to_string).collect();
                        format!(" {{{}}}", names.join(","))
                    }
                };
                self.looks.push(format!("/{dir}{only}"));
                if self.looks_slowly {
                    self.under_way.push((id, dir, names));
                    return None;
                }
                return Some(Event::Looked(id, look));
            }
            Effect::Save { id, .. } => return Some(Event::Saved(id, Ok(()))),
            Effect::Hash { id, .. } if let Some(result) = &self.reading => {
                return Some(Event::Hashed(id, result.clone().map(content)));
            }
            Effect::Hash { id, path, .. } => (Some(id), format!("read {path}")),
            Effect::Fetch { id, .. } => (Some(id), "fetch".into()),
            Effect::Change { id, change, .. } => (Some(id), self.words(&change)),
            Effect::Report(Notice::ConflictCopy { copy, .. }) => (None, format!("tell {copy}")),
            Effect::Send(ClientMessage::Commit(_)) => (None, "commit".into()),
            Effect::HashStart { .. }
            | Effect::Upload { .. }
            | Effect::Connect
            | Effect::Disconnect
            | Effect::Send(_)
            | Effect::Report(_) => return None,
        };
        self.asked.push((id, words.replace(LABEL, " (!")));
        None
    }

    /// A change, with what is known of it that it was begun. What it is of is durable by then.
    fn words(&self, change: &Change) -> String {
        let begun = |stamp: &Stamp| {
            let letter = u32::try_from(stamp.inode.number).ok().and_then(char::from_u32).unwrap();
            assert!(self.client.is_saved(node(letter)), "{letter} is changed, and not saved");
            match self.client.trees.get(node(letter)).intent() {
                Some(Intent::Move(place)) => format!(" (to {})", place.name),
                Some(Intent::Place(_) | Intent::Remove | Intent::SetExecutable(_)) | None => {
                    String::new()
                }
            }
        };
        match change {
            Change::MakeDirectory { at } => format!("make {at}"),
            Change::PlaceFile { at, .. } => format!("place {at}"),
            Change::PlaceSymlink { at, .. } => format!("link {at}"),
            Change::Rename { from, expect, to, only_if_quiet } => {
                let quiet = if *only_if_quiet { " if quiet" } else { "" };
                format!("rename {from}{} → {to}{quiet}", begun(expect))
            }
            Change::Exchange { first, expect_first, second, expect_second } => {
                format!("exchange {first}{}, {second}{}", begun(expect_first), begun(expect_second))
            }
            Change::Remove { at, expect, .. } => format!("remove {at}{}", begun(expect)),
            Change::SetExecutable { at, .. } => format!("set the bit of {at}"),
        }
    }

    /// What was asked for under these words, last.
    pub(super) fn id(&self, words: &str) -> TaskId {
        let found = self.asked.iter().rev().find(|(_, asked)| asked == words);
        found.and_then(|(id, _)| *id).unwrap_or_else(|| panic!("{words}: {:?}", self.asked))
    }

    /// A file was read.
    pub(super) fn answer_read(&mut self, words: &str, result: Result<&str, DiskError>) {
        let id = self.id(words);
        self.tell(Event::Hashed(id, result.map(content)));
    }

    /// A change was made, or not.
    pub(super) fn answer_change(&mut self, words: &str, result: Result<(), DiskError>) {
        let id = self.id(words);
        self.tell(Event::Changed(id, result.map(|()| None)));
    }

    /// All that was asked for so far, and is wrong now.
    pub(super) fn told(&self) -> String {
        let problems = self.client.status().problems.into_iter();
        let problems =
            problems.map(|found| format!("{}: {:?}: {}", found.path, found.kind, found.reason));
        let asked = self.asked.iter().map(|(_, words)| words.clone());
        asked.chain(problems).collect::<Vec<_>>().join("; ")
    }
}
