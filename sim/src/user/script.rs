//! Turns what a user does into system calls, by what is on the disk when he begins.

use onefold_core::name::{MAX_NAME_BYTES, Name, RelPath};
use onefold_core::node::Target;
use onefold_core::time::FileTime;

use crate::disk::{Disk, Form, Number};

pub use super::call::Call;
use super::{Action, Spot};

/// How long a program waits between two calls.
pub const PACES_MS: [u64; 5] = [0, 4, 60, 400, 2_500];
/// The words that names are made of; few, so that users meet.
///
/// From [`PLAIN_WORDS`] on each is one that some disks take for another.
pub(super) const WORDS: [&str; 9] = ["a", "b", "c", "d", "e.txt", "f", "A", "\u{e9}", "e\u{301}"];
/// So many of them are told apart by every disk.
pub(super) const PLAIN_WORDS: usize = 6;
/// No deeper directories are made.
const MAX_DEPTH: usize = 4;

/// How much longer a large content is: too long to travel inside a commit.
const LARGE_BYTES: usize = 66 * 1024;

/// The calls of one step, and the temporary names among them.
#[derive(Clone, Debug, Default)]
pub struct Script {
    /// What is called, in order.
    pub calls: Vec<Call>,
    /// Names that the program removes again itself.
    pub temporary: Vec<RelPath>,
}

/// Writes scripts; every content and every temporary name it makes up is new.
#[derive(Debug, Default)]
pub struct Writer {
    /// One in so many contents is larger than what travels inside a commit; 0: none.
    pub large_in: u8,
    pub(super) serial: u64,
    asides: Vec<RelPath>,
}

/// What is on the disk, sorted.
struct Place {
    /// Files that a client is at work on.
    hot: Vec<RelPath>,
    dirs: Vec<RelPath>,
    files: Vec<RelPath>,
    links: Vec<RelPath>,
    all: Vec<RelPath>,
}

impl Place {
    fn of(disk: &Disk) -> Self {
        let mut place = Self {
            hot: Vec::new(),
            dirs: vec![RelPath::root()],
            files: Vec::new(),
            links: Vec::new(),
            all: Vec::new(),
        };
        for (path, number) in disk.walk() {
            match kind(disk, number) {
                Form::Directory(_) if path.names().len() < MAX_DEPTH => {
                    place.dirs.push(path.clone());
                }
                Form::Directory(_) | Form::Fifo => {}
                Form::File { .. } => place.files.push(path.clone()),
                Form::Symlink(_) => place.links.push(path.clone()),
            }
            place.all.push(path);
        }
        place
    }

    /// Only what is below a directory, which itself may only be written into.
    fn keep_below(&mut self, top: &RelPath) {
        for list in [&mut self.dirs, &mut self.files, &mut self.links, &mut self.all] {
            list.retain(|path| path.is_within(top));
        }
        self.all.retain(|path| path != top);
    }

    fn spot(&self, spot: Spot) -> RelPath {
        let dir = pick(&self.dirs, spot.dir).unwrap_or_default();
        dir.join(word(WORDS[usize::from(spot.word) % WORDS.len()]))
    }
}

fn kind(disk: &Disk, number: Number) -> &Form {
    &disk.inode(number).form
}

fn pick(paths: &[RelPath], which: u8) -> Option<RelPath> {
    (!paths.is_empty()).then(|| paths[usize::from(which) % paths.len()].clone())
}

pub(super) fn word(text: &str) -> Name {
    Name::new(text.as_bytes()).expect("a word is a name")
}

/// The path of a name beside this one, with something before and after its name.
pub(super) fn beside(path: &RelPath, before: &str, after: &str) -> RelPath {
    let (parent, name) = path.split().expect("a file is not the root");
    let room = MAX_NAME_BYTES - before.len() - after.len();
    let stem = &name.as_bytes()[..name.as_bytes().len().min(room)];
    let bytes = [before.as_bytes(), stem, after.as_bytes()].concat();
    parent.join(Name::new(&bytes).expect("a valid name with a little more is valid"))
}

impl Writer {
    /// The calls for an action; none if there is nothing to do it to.
    /// A user with a `home` keeps to a directory of that number.
    /// Some prefer the files that are `hot`.
    pub fn script(
        &mut self,
        disk: &Disk,
        action: Action,
        home: Option<usize>,
        hot: &[RelPath],
    ) -> Script {
        let mut place = Place::of(disk);
        if let Some(home) = home {
            let top = RelPath::new(vec![word(&format!("home{home}"))]);
            if !disk.has(&top) {
                return Script { calls: vec![Call::Mkdir(top)], temporary: Vec::new() };
            }
            place.keep_below(&top);
        }
        place.hot = hot.iter().filter(|path| place.files.contains(path)).cloned().collect();
        let mut script = self.write(disk, &place, action).unwrap_or_default();
        script.temporary.append(&mut self.asides);
        // What was left behind before stays, or goes, for more than a moment.
        script.temporary.retain(|path| !disk.has_name(path));
        script
    }

    fn write(&mut self, disk: &Disk, place: &Place, action: Action) -> Option<Script> {
        let file = |which: u8| {
            let hot = if which < 128 { None } else { pick(&place.hot, which) };
            hot.or_else(|| pick(&place.files, which))
        };
        let node = |which| pick(&place.all, which);
        let calls = match action {
            Action::Rest | Action::GoOffline | Action::GoOnline => return None,
            Action::Create(spot) => self.whole(place.spot(spot)),
            Action::Download(spot) => return Some(self.download(place.spot(spot))),
            Action::Append(which) => {
                vec![Call::Open(file(which)?, false), Call::Write(self.bytes(), true), Call::Close]
            }
            Action::Overwrite(which) => {
                vec![Call::Open(file(which)?, false), Call::Write(self.bytes(), false), Call::Close]
            }
            Action::Rewrite(which) => self.whole(file(which)?),
            Action::Linger(which) => self.appending(&file(which)?),
            Action::Save(which, editor) => return Some(self.save(file(which)?, editor)),
            Action::Delete(which) => {
                let paths: Vec<_> = place.files.iter().chain(&place.links).cloned().collect();
                vec![Call::Unlink(pick(&paths, which)?)]
            }
            Action::DeleteTree(which) => delete_tree(disk, &node(which)?),
            Action::Rename(which, spot) => vec![Call::Rename(node(which)?, place.spot(spot))],
            Action::RenameAndBack(which) => {
                let (from, to) = (node(which)?, self.aside(&node(which)?));
                vec![Call::Rename(from.clone(), to.clone()), Call::Rename(to, from)]
            }
            Action::Replace(from, to) => vec![Call::Rename(file(from)?, file(to)?)],
            Action::Swap(one, two) => self.swap(disk, node(one)?, node(two)?)?,
            Action::Rotate(first, count) => self.rotate(place, first, count)?,
            Action::MakeTree(spot, depth) => self.tree(place.spot(spot), depth),
            Action::Copy(which, spot) => {
                let bytes = disk.bytes(&file(which)?)?.to_vec();
                vec![Call::Open(place.spot(spot), true), Call::Write(bytes, true), Call::Close]
            }
            Action::Link(which, spot) => vec![Call::Link(file(which)?, place.spot(spot))],
            Action::Symlink(spot) => vec![Call::Symlink(place.spot(spot), self.target())],
            Action::Retarget(which) => {
                let link = pick(&place.links, which)?;
                let new = self.aside(&link);
                vec![Call::Symlink(new.clone(), self.target()), Call::Rename(new, link)]
            }
            Action::Chmod(which) => {
                let path = file(which)?;
                let bit =
                    matches!(kind(disk, disk.at(&path).ok()?), Form::File { executable: true, .. });
                vec![Call::Chmod(path, !bit)]
            }
            Action::Touch(which) => {
                self.serial += 1;
                let seconds = 1_000_000 * self.serial as i64;
                vec![Call::Touch(file(which)?, FileTime { seconds, nanoseconds: 0 })]
            }
            Action::Mount(there) => vec![Call::Mount(there)],
            Action::Disguise(which) => self.disguise(disk, file(which)?)?,
            Action::Storm(dir, count) => {
                return Some(self.storm(&pick(&place.dirs, dir)?, count));
            }
            Action::Checkout(dir, count) => {
                return Some(self.checkout(&pick(&place.dirs, dir)?, &place.files, count));
            }
            Action::Database(which, wal) => return Some(self.database(&file(which)?, wal)),
            Action::Install(dir, how) => {
                return Some(self.install(&pick(&place.dirs, dir)?, how));
            }
            Action::Pipe(spot) => vec![Call::Pipe(place.spot(spot))],
            Action::Access(dir, how) => {
                let path = pick(place.dirs.get(1..)?, dir)?;
                vec![Call::Access(path, how & 1 == 0, how & 2 == 0)]
            }
        };
        Some(Script { calls, temporary: Vec::new() })
    }

    /// A slow writer.
    pub(super) fn appending(&mut self, path: &RelPath) -> Vec<Call> {
        let mut calls = vec![Call::Open(path.clone(), false)];
        calls.extend((0..4).map(|_| Call::Write(self.bytes(), true)));
        calls.push(Call::Close);
        calls
    }

    pub(super) fn whole(&mut self, path: RelPath) -> Vec<Call> {
        vec![Call::Open(path, true), Call::Write(self.bytes(), true), Call::Close]
    }

    fn disguise(&mut self, disk: &Disk, path: RelPath) -> Option<Vec<Call>> {
        let mtime = disk.inode(disk.at(&path).ok()?).mtime;
        let size = disk.bytes(&path)?.len();
        let mut bytes = self.bytes();
        let fits = bytes.len() <= size;
        bytes.resize(size, b'-');
        let write = Call::Write(bytes, false);
        fits.then(|| {
            vec![Call::Open(path.clone(), false), write, Call::Close, Call::Touch(path, mtime)]
        })
    }

    /// Bytes that no file holds yet.
    pub(super) fn bytes(&mut self) -> Vec<u8> {
        self.serial += 1;
        let mut bytes = format!("<{}>", self.serial).into_bytes();
        bytes.extend(std::iter::repeat_n(b'.', (self.serial * 7 % 23) as usize));
        if self.large_in > 0 && self.serial.is_multiple_of(u64::from(self.large_in)) {
            let mut noise = vec![0; LARGE_BYTES];
            blake3::Hasher::new().update(&bytes).finalize_xof().fill(&mut noise);
            bytes.extend(noise);
        }
        bytes
    }

    pub(super) fn target(&mut self) -> Target {
        self.serial += 1;
        Target::try_from(onefold_core::blob::Blob::from(format!("to/{}", self.serial).into_bytes()))
            .expect("a short target without NUL")
    }

    /// A temporary name beside this one.
    pub(super) fn aside(&mut self, path: &RelPath) -> RelPath {
        let aside = self.passing(path);
        self.asides.push(aside.clone());
        aside
    }

    /// The same, for a program that may leave it behind.
    pub(super) fn passing(&mut self, path: &RelPath) -> RelPath {
        self.serial += 1;
        beside(path, ".", &format!(".{}.tmp", self.serial))
    }

    fn swap(&mut self, disk: &Disk, one: RelPath, two: RelPath) -> Option<Vec<Call>> {
        if two.is_within(&one) {
            return self.turn_inside_out(disk, one, two);
        }
        if one.is_within(&two) {
            return self.turn_inside_out(disk, two, one);
        }
        let third = self.aside(&one);
        Some(vec![
            Call::Rename(one.clone(), third.clone()),
            Call::Rename(two.clone(), one),
            Call::Rename(third, two),
        ])
    }

    /// A directory goes into one that was in it.
    fn turn_inside_out(
        &mut self,
        disk: &Disk,
        outer: RelPath,
        inner: RelPath,
    ) -> Option<Vec<Call>> {
        let third = self.aside(&outer);
        let (_, name) = inner.split().filter(|_| inner != outer)?;
        let within = third.join(name.clone());
        matches!(kind(disk, disk.at(&inner).ok()?), Form::Directory(_)).then(|| {
            vec![
                Call::Rename(inner, third.clone()),
                Call::Rename(outer.clone(), within),
                Call::Rename(third, outer),
            ]
        })
    }

    fn rotate(&mut self, place: &Place, first: u8, count: u8) -> Option<Vec<Call>> {
        let count = (2 + usize::from(count) % 3).min(place.files.len());
        let start = usize::from(first) % place.files.len().max(1);
        let ring: Vec<_> = place.files.iter().cycle().skip(start).take(count).cloned().collect();
        let mut calls = Vec::new();
        for pair in ring.windows(2).rev() {
            calls.push(Call::Rename(pair[0].clone(), pair[1].clone()));
        }
        calls.extend(self.whole(ring.first()?.clone()));
        Some(calls)
    }

    fn tree(&mut self, top: RelPath, depth: u8) -> Vec<Call> {
        let mut path = top;
        let mut calls = vec![Call::Mkdir(path.clone())];
        for name in WORDS.iter().take(usize::from(depth) % 3) {
            path = path.join(word(name));
            calls.push(Call::Mkdir(path.clone()));
        }
        calls.extend(self.whole(path.join(word("leaf"))));
        calls
    }
}

pub(super) fn delete_tree(disk: &Disk, top: &RelPath) -> Vec<Call> {
    let mut inside: Vec<_> = disk.walk();
    inside.retain(|(path, _)| path.is_within(top));
    let calls = inside.into_iter().rev().map(|(path, number)| match kind(disk, number) {
        Form::Directory(_) => Call::Rmdir(path),
        Form::File { .. } | Form::Symlink(_) | Form::Fifo => Call::Unlink(path),
    });
    calls.collect()
}
