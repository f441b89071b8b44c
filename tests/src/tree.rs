//! What stands in a directory, read back in full, to be compared byte for byte.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use crate::bytes::hash;

/// The client's own directory, which is not part of what is synced.
const OWN: &str = ".onefold";
/// Contents up to this many bytes are shown as they are.
const SHOWN_BYTES: u64 = 64;
/// The most differences that are told.
const TOLD: usize = 20;

/// What stands at one path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Node {
    /// A directory.
    Directory,
    /// A regular file.
    File {
        /// Its bytes.
        size: u64,
        /// BLAKE3 of its bytes.
        hash: [u8; 32],
        /// The bytes themselves, where they are few.
        bytes: Vec<u8>,
        /// Its owner may execute it.
        executable: bool,
        /// When it was last written, in nanoseconds since 1970; `None` where that is not compared.
        mtime: Option<i128>,
    },
    /// A symbolic link, and where it points.
    Symlink(PathBuf),
}

/// What stands in a directory, by path relative to it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tree(pub BTreeMap<PathBuf, Node>);

impl Tree {
    /// Reads all of it. A file that changes meanwhile is read as it comes.
    pub fn read(root: &Path) -> io::Result<Self> {
        let mut nodes = BTreeMap::new();
        let mut waiting = vec![PathBuf::new()];
        while let Some(directory) = waiting.pop() {
            for entry in fs::read_dir(root.join(&directory))? {
                let name = entry?.file_name();
                if name == OWN {
                    continue;
                }
                let path = directory.join(name);
                let node = read_node(&root.join(&path))?;
                if node == Node::Directory {
                    waiting.push(path.clone());
                }
                nodes.insert(path, node);
            }
        }
        Ok(Self(nodes))
    }

    /// The same, without the times of files.
    #[must_use]
    pub fn timeless(mut self) -> Self {
        for node in self.0.values_mut() {
            if let Node::File { mtime, .. } = node {
                *mtime = None;
            }
        }
        self
    }

    /// How many files there are.
    pub fn files(&self) -> usize {
        self.0.values().filter(|node| matches!(node, Node::File { .. })).count()
    }

    /// Every path that is a conflict copy's, by its name.
    pub fn conflict_copies(&self) -> Vec<&Path> {
        let is_copy = |path: &&PathBuf| {
            path.file_name().is_some_and(|name| name.to_string_lossy().contains(" (conflict, "))
        };
        self.0.keys().filter(is_copy).map(PathBuf::as_path).collect()
    }

    /// Insists that another tree is the same; says in what they differ.
    pub fn same(&self, other: &Self) -> Result<(), String> {
        let paths: BTreeSet<_> = self.0.keys().chain(other.0.keys()).collect();
        let differ: Vec<_> =
            paths.into_iter().filter(|path| self.0.get(*path) != other.0.get(*path)).collect();
        if differ.is_empty() {
            return Ok(());
        }
        let mut text = format!("{} of {} paths differ:\n", differ.len(), self.0.len());
        for path in differ.iter().take(TOLD) {
            let [one, two] = [self, other].map(|tree| match tree.0.get(*path) {
                Some(node) => node.shown(),
                None => "nothing".to_owned(),
            });
            let _ = writeln!(text, "  {}: {one} / {two}", path.display());
        }
        Err(text)
    }

    /// One line for each node, for people: `dir/`, `file = bytes`, `file* = bytes` where it is
    /// executable, `link -> target`. The times in the names of conflict copies are left out.
    pub fn lines(&self) -> Vec<String> {
        let line = |(path, node): (&PathBuf, &Node)| {
            let path = without_time(&path.to_string_lossy());
            match node {
                Node::Directory => format!("{path}/"),
                Node::Symlink(target) => format!("{path} -> {}", target.display()),
                Node::File { bytes, executable, .. } => {
                    let mark = if *executable { "*" } else { "" };
                    format!("{path}{mark} = {}", String::from_utf8_lossy(bytes))
                }
            }
        };
        let mut lines: Vec<_> = self.0.iter().map(line).collect();
        lines.sort();
        lines
    }
}

impl Node {
    fn shown(&self) -> String {
        match self {
            Self::Directory => "a directory".to_owned(),
            Self::Symlink(target) => format!("a link to {}", target.display()),
            Self::File { size, hash, bytes, executable, mtime } => {
                let what = match *size <= SHOWN_BYTES {
                    true => format!("{:?}", String::from_utf8_lossy(bytes)),
                    false => format!("{size} bytes, {:02x}{:02x}", hash[0], hash[1]),
                };
                let mark = if *executable { ", executable" } else { "" };
                let time = mtime.map(|mtime| format!(", of {mtime}")).unwrap_or_default();
                format!("{what}{mark}{time}")
            }
        }
    }
}

fn read_node(path: &Path) -> io::Result<Node> {
    let metadata = fs::symlink_metadata(path)?;
    if metadata.is_dir() {
        return Ok(Node::Directory);
    }
    if metadata.is_symlink() {
        return fs::read_link(path).map(Node::Symlink);
    }
    let (size, hash) = hash(File::open(path)?)?;
    let bytes = if size <= SHOWN_BYTES { fs::read(path)? } else { Vec::new() };
    Ok(Node::File {
        size,
        hash,
        bytes,
        executable: metadata.permissions().mode() & 0o100 != 0,
        mtime: Some(
            i128::from(metadata.mtime()) * 1_000_000_000 + i128::from(metadata.mtime_nsec()),
        ),
    })
}

/// `f (conflict, a, 2026-11-22 0741).txt` as `f (conflict, a).txt`; ` 2`, ` 3` … after it stay.
fn without_time(path: &str) -> String {
    const TIME: &str = ", 2026-11-22 0741";
    let mut rest = path;
    let mut text = String::new();
    while let Some(at) = rest.find(" (conflict, ") {
        let (before, marked) = rest.split_at(at);
        let Some(end) = marked.find(')') else { break };
        let inside = &marked[..end];
        let numbered = inside.rsplit_once(' ').filter(|(_, last)| last.len() < 4);
        let (dated, number) = numbered.unwrap_or((inside, ""));
        let named = dated.get(..dated.len().saturating_sub(TIME.len())).unwrap_or(dated);
        text.push_str(before);
        text.push_str(named);
        if !number.is_empty() {
            text.push(' ');
            text.push_str(number);
        }
        rest = &marked[end..];
    }
    text + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_of_a_conflict_copy_is_left_out_of_its_line() {
        for (path, shown) in [
            ("d/f (conflict, b, 2026-11-22 0741).txt", "d/f (conflict, b).txt"),
            ("f (conflict, b, 2026-11-22 0741 2).txt", "f (conflict, b 2).txt"),
            ("f (conflict, b c, 2026-11-22 0741)/x", "f (conflict, b c)/x"),
            ("f (conflict).txt", "f (conflict).txt"),
        ] {
            assert_eq!(without_time(path), shown);
        }
    }

    #[test]
    fn a_difference_in_kind_bytes_mode_target_or_time_is_told() {
        let parent = tempfile::tempdir().unwrap();
        let [one, two] = ["one", "two"].map(|name| parent.path().join(name));
        fs::create_dir_all(one.join("d")).unwrap();
        fs::write(one.join("d/f"), "x").unwrap();
        std::os::unix::fs::symlink("f", one.join("d/l")).unwrap();
        crate::copy_tree(&one, &two);
        let differ = |path: &str| {
            let [one, two] = [&one, &two].map(|root| Tree::read(root).unwrap());
            one.same(&two).unwrap_err().contains(path)
        };
        assert_eq!(Tree::read(&one).unwrap().same(&Tree::read(&two).unwrap()), Ok(()));
        fs::set_permissions(two.join("d/f"), fs::Permissions::from_mode(0o755)).unwrap();
        assert!(differ("d/f"));
        fs::remove_file(two.join("d/l")).unwrap();
        std::os::unix::fs::symlink("g", two.join("d/l")).unwrap();
        assert!(differ("d/l"));
        fs::write(two.join("new"), "").unwrap();
        assert!(differ("new"));
    }
}
