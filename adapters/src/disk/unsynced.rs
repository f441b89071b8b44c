//! Why something that stands on the disk is not synced, for a person who asks: the rule that covers
//! it, or what it is. It is looked up anew, and decides nothing.

use std::fmt;
use std::fs::File;
use std::io::Read;
use std::os::fd::OwnedFd;
use std::path::Path;

use ignore::Match;
use onefold_core::name::RelPath;
use onefold_core::node::Kind;
use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;

use super::root::is_nested_root;
use super::rules::{self, FILE, MAX_RULES_BYTES};
use super::sys::{self, Meta};

/// Why something is not synced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotSynced {
    /// A line of `.onefoldignore` covers it, or a directory that it is in.
    Rule {
        /// What is covered.
        at: RelPath,
        /// The line.
        rule: String,
        /// Which line it is, from 1.
        line: usize,
    },
    /// It has a name that programs use between themselves.
    NeverDocument {
        /// What has it.
        at: RelPath,
        /// The pattern of such names.
        rule: String,
    },
    /// Another filesystem begins here.
    OtherFilesystem(RelPath),
    /// It is no file, directory or symbolic link.
    OtherKind(RelPath),
    /// It is the root of another linked folder.
    OtherFolder(RelPath),
}

/// Why what stands at a path is not synced; `None` if nothing stands there, or no reason is seen.
/// Blocks.
pub fn not_synced(root: &Path, path: &RelPath) -> Result<Option<NotSynced>, std::io::Error> {
    Ok(look(root, path)?)
}

fn look(root: &Path, path: &RelPath) -> Result<Option<NotSynced>, Errno> {
    let flags = OFlags::DIRECTORY | OFlags::RDONLY | sys::CLOEXEC;
    let mut dir = rustix::fs::open(root, flags, Mode::empty())?;
    let device = Meta::of(&dir)?.inode.device;
    let text = rules_of(&dir);
    let rules = rules::compile(&text);
    let mut at = RelPath::root();
    for name in path.names() {
        let above = std::mem::take(&mut at);
        at = above.join(name.clone());
        let meta = match Meta::at(&dir, name.as_bytes()) {
            Ok(meta) => meta,
            Err(Errno::NOENT | Errno::NOTDIR) => return Ok(None),
            Err(errno) => return Err(errno),
        };
        let Some(kind) = meta.kind else { return Ok(Some(NotSynced::OtherKind(at))) };
        let is_dir = kind == Kind::Directory;
        if meta.inode.device != device || meta.mount_root {
            return Ok(Some(NotSynced::OtherFilesystem(at)));
        }
        if is_dir && is_nested_root(&dir, name.as_bytes(), &meta.inode) {
            return Ok(Some(NotSynced::OtherFolder(at)));
        }
        if let Match::Ignore(glob) = rules::matched(&rules, &above, name, is_dir) {
            let rule = glob.original().to_owned();
            // The last line that matches counts.
            let line = text.lines().enumerate().filter(|(_, line)| line.trim_end() == rule).last();
            return Ok(Some(match line {
                Some((number, _)) => NotSynced::Rule { at, rule, line: number + 1 },
                None => NotSynced::NeverDocument { at, rule },
            }));
        }
        if !is_dir {
            return Ok(None);
        }
        dir = rustix::fs::openat(&dir, name.as_bytes(), flags | OFlags::NOFOLLOW, Mode::empty())?;
    }
    Ok(None)
}

fn rules_of(root: &OwnedFd) -> String {
    let mut bytes = Vec::new();
    // Without them, what they cover is told of as if they were not there: it is only told.
    if let Ok(file) = rustix::fs::openat(root, FILE, sys::READ, Mode::empty()) {
        let _ = File::from(file).take(MAX_RULES_BYTES).read_to_end(&mut bytes);
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

impl fmt::Display for NotSynced {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rule { at, rule, line } => {
                write!(f, "{at} is ignored by line {line} of {FILE}: {rule}")
            }
            Self::NeverDocument { at, rule } => write!(
                f,
                "{at} is ignored: names like {rule} are kept by programs for themselves; a line \
                 !NAME in {FILE} has one synced"
            ),
            Self::OtherFilesystem(at) => {
                write!(f, "{at} is on another filesystem, which is left alone")
            }
            Self::OtherKind(at) => {
                write!(f, "{at} is no file, directory or symbolic link, and is left alone")
            }
            Self::OtherFolder(at) => {
                write!(f, "{at} is the root of another linked folder, which syncs by itself")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn check(root: &Path, path: &str, expected: Option<&str>) {
        let found = not_synced(root, &RelPath::parse(path.as_bytes()).unwrap()).unwrap();
        let words = found.map(|found| found.to_string());
        match expected {
            None => assert_eq!(words, None, "{path}"),
            Some(part) => assert!(words.as_ref().is_some_and(|w| w.contains(part)), "{words:?}"),
        }
    }

    #[test]
    fn the_line_that_covers_something_is_named_and_so_is_what_it_covers() {
        let root = tempfile::tempdir().unwrap();
        let root = root.path();
        fs::create_dir_all(root.join("build/deep")).unwrap();
        for path in ["build/deep/f", "a.log", "kept.log", ".f.swp", ".DS_Store", "plain"] {
            fs::write(root.join(path), "").unwrap();
        }
        std::os::unix::net::UnixListener::bind(root.join("socket")).unwrap();
        fs::write(root.join(FILE), "# mine\n*.log\n!kept.log\nbuild/\n!.DS_Store\n").unwrap();
        check(root, "a.log", Some("a.log is ignored by line 2 of .onefoldignore: *.log"));
        check(root, "build/deep/f", Some("build is ignored by line 4 of .onefoldignore: build/"));
        check(root, ".f.swp", Some("names like .*.sw[nop]"));
        check(root, "socket", Some("no file, directory or symbolic link"));
        for path in ["kept.log", ".DS_Store", "plain", "nothing", "plain/below"] {
            check(root, path, None);
        }
    }
}
