//! Which names are not synced: `.onefoldignore` in the root, and a few that are never a document.
//!
//! The rules are read again when that file's stamp changes and nobody is writing it. Gone for a
//! moment, as while an editor saves it, is not gone: the old rules stand a little longer. It decides
//! nothing about what becomes of a node that a rule covers.

use std::fs::File;
use std::io::Read;
use std::os::fd::AsFd;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use ignore::Match;
use ignore::gitignore::{Gitignore, GitignoreBuilder, Glob};
use onefold_core::disk::{DiskError, Stamp};
use onefold_core::name::{Name, RelPath};
use onefold_core::node::Kind;
use rustix::fs::Mode;
use rustix::io::Errno;

use super::kept::lock;
use super::sys::{self, Meta};

/// The file of rules, in the root.
pub const IGNORE_FILE: &str = ".onefoldignore";
pub(super) const FILE: &str = IGNORE_FILE;
/// More than this is not read.
pub(super) const MAX_RULES_BYTES: u64 = 1024 * 1024;
/// How long the file must be gone before its rules go.
const GONE_FOR: Duration = Duration::from_millis(500);

/// Names that programs use between themselves and that hold nobody's document: locks, swap files
/// and the staging of other sync programs. A line `!NAME` in `.onefoldignore` takes one off.
const NEVER_DOCUMENTS: &[&str] = &[
    // What file managers keep for themselves.
    ".DS_Store",
    "Thumbs.db",
    "ehthumbs.db",
    "/lost+found/",
    // Locks of editors and office programs.
    ".#*",
    ".~lock.*#",
    "~$*",
    // Swap and autosave files, which a second device would take for a crashed editor's.
    ".*.sw[nop]",
    "\\#*#",
    // Removed files that someone still has open, on network and FUSE filesystems.
    ".nfs[0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f]*",
    ".fuse_hidden*",
    // Half-written files, of programs that rename them when they are whole.
    ".goutputstream-*",
    ".syncthing.*.tmp",
    "~syncthing~*.tmp",
    "*.crdownload",
];

/// The rules in force.
#[derive(Debug, Default)]
pub(super) struct Rules(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    stamp: Option<Stamp>,
    gone_since: Option<Instant>,
    matcher: Option<Arc<Gitignore>>,
}

impl Rules {
    /// The rules as they now are.
    pub(super) fn current(&self, root: impl AsFd) -> Result<Arc<Gitignore>, DiskError> {
        let mut state = lock(&self.0);
        match Meta::at(&root, FILE.as_bytes()) {
            Ok(meta) if meta.kind == Some(Kind::File) => state.present(&root, &meta)?,
            Ok(_) | Err(Errno::NOENT) => state.absent(),
            Err(errno) => return Err(sys::problem(errno)),
        }
        Ok(state.matcher.get_or_insert_with(|| Arc::new(compile(""))).clone())
    }
}

impl State {
    fn present(&mut self, root: impl AsFd, meta: &Meta) -> Result<(), DiskError> {
        self.gone_since = None;
        if self.stamp.is_some_and(|stamp| stamp == meta.stamp()) {
            return Ok(());
        }
        let file =
            rustix::fs::openat(root, FILE, sys::READ, Mode::empty()).map_err(sys::problem)?;
        let writing = sys::take_lease(&file)
            .is_err_and(|error| error.kind() == std::io::ErrorKind::WouldBlock);
        sys::release_lease(&file);
        if writing && self.matcher.is_some() {
            return Ok(());
        }
        let stamp = Meta::of(&file).map_err(sys::problem)?.stamp();
        let mut bytes = Vec::new();
        let read = File::from(file).take(MAX_RULES_BYTES).read_to_end(&mut bytes);
        read.map_err(|error| sys::io_problem(&error))?;
        self.matcher = Some(Arc::new(compile(&String::from_utf8_lossy(&bytes))));
        self.stamp = (!writing).then_some(stamp);
        Ok(())
    }

    fn absent(&mut self) {
        if self.stamp.is_none() {
            return;
        }
        let since = *self.gone_since.get_or_insert_with(Instant::now);
        if since.elapsed() >= GONE_FOR {
            *self = Self::default();
        }
    }
}

/// Rules to be tried out.
#[derive(Debug)]
pub struct IgnoreRules(Gitignore);

impl IgnoreRules {
    /// The rules that a text makes, and those of its lines that are no patterns and have no effect.
    pub fn parse(text: &str) -> (Self, Vec<String>) {
        let (rules, bad) = try_compile(text);
        (Self(rules), bad.into_iter().map(|(line, error)| format!("{line}: {error}")).collect())
    }

    /// Whether a name is covered. What is in a covered directory is never looked at.
    pub fn covers(&self, dir: &RelPath, name: &Name, is_dir: bool) -> bool {
        covers(&self.0, dir, name, is_dir)
    }
}

/// Whether a name is covered. What is in a covered directory is never looked at.
pub(super) fn covers(rules: &Gitignore, dir: &RelPath, name: &Name, is_dir: bool) -> bool {
    matched(rules, dir, name, is_dir).is_ignore()
}

/// The line that covers a name, or that takes it off.
pub(super) fn matched<'r>(
    rules: &'r Gitignore,
    dir: &RelPath,
    name: &Name,
    is_dir: bool,
) -> Match<&'r Glob> {
    use std::os::unix::ffi::OsStrExt;
    let path = dir.join(name.clone()).to_bytes();
    rules.matched(Path::new(std::ffi::OsStr::from_bytes(&path)), is_dir)
}

pub(super) fn compile(text: &str) -> Gitignore {
    let (rules, bad) = try_compile(text);
    for (line, error) in bad {
        tracing::warn!("{FILE}: the line `{line}` is no pattern and has no effect: {error}");
    }
    rules
}

/// The rules, and the lines that are none, each with the reason.
fn try_compile(text: &str) -> (Gitignore, Vec<(String, String)>) {
    let mut bad = Vec::new();
    let mut builder = GitignoreBuilder::new("");
    for line in NEVER_DOCUMENTS.iter().copied().chain(text.lines()) {
        if let Err(error) = builder.add_line(None, line) {
            bad.push((line.to_owned(), error.to_string()));
        }
    }
    let rules = builder.build().unwrap_or_else(|error| {
        tracing::warn!("{FILE} has no effect: {error}");
        Gitignore::empty()
    });
    (rules, bad)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, path: &str, is_dir: bool) -> bool {
        let path = RelPath::parse(path.as_bytes()).unwrap();
        let (dir, name) = path.split().unwrap();
        covers(&compile(text), &dir, name, is_dir)
    }

    #[test]
    fn covers_what_programs_keep_between_themselves_at_any_depth() {
        for name in [
            ".DS_Store",
            ".#notes.txt",
            ".~lock.report.odt#",
            "~$report.docx",
            ".notes.txt.swp",
            "#notes.txt#",
            ".nfs000000000000a1b200000001",
            ".goutputstream-ABC123",
            ".syncthing.notes.txt.tmp",
            "film.mkv.crdownload",
        ] {
            assert!(check("", name, false), "{name}");
            assert!(check("", &format!("a/b/{name}"), false), "{name}");
        }
    }

    #[test]
    fn covers_no_document_by_itself() {
        for name in
            ["notes.txt", "notes.txt~", "#1 song.mp3", "4913", ".bashrc", ".nfs", "a.tmp", "a.part"]
        {
            assert!(!check("", name, false), "{name}");
        }
        assert!(check("", "lost+found", true));
        assert!(!check("", "a/lost+found", true));
    }

    #[test]
    fn follows_the_syntax_of_gitignore() {
        let rules = "*.log\n!keep.log\n/build/\ndocs/*.tmp\n# a comment\n[broken";
        assert!(check(rules, "a.log", false));
        assert!(check(rules, "deep/a.log", false));
        assert!(!check(rules, "keep.log", false));
        assert!(check(rules, "build", true));
        assert!(!check(rules, "build", false));
        assert!(!check(rules, "src/build", true));
        assert!(check(rules, "docs/a.tmp", false));
        assert!(!check(rules, "a.tmp", false));
        assert!(!check("!.DS_Store", ".DS_Store", false));
    }
}
