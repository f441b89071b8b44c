//! A tree of real files: source code, as it is on every machine that builds this.

use std::fs;
use std::path::{Path, PathBuf};

use crate::bytes::noise;
use crate::world::copy_tree;

/// Fills a directory with at least that many files, of what cargo has unpacked on this machine; the
/// rest, where that is not enough, is made up. How many files there are now.
pub fn source_tree(at: &Path, files: usize) -> usize {
    fs::create_dir_all(at).expect("the place is ours");
    let mut have = 0;
    for package in unpacked_packages() {
        if have >= files {
            return have;
        }
        copy_tree(&package, at);
        have += count(&at.join(package.file_name().expect("a package has a name")));
    }
    let unpacked = have;
    for number in unpacked..files {
        let directory = at.join(format!("made-up/{:03}/{}", number % 100, number % 7));
        fs::create_dir_all(&directory).expect("the place is ours");
        let bytes = noise(number as u64, number % 20_000);
        fs::write(directory.join(format!("file {number}.rs")), bytes).expect("the place is ours");
        have += 1;
    }
    have
}

/// What cargo has unpacked, each package in a directory of its own, in a stable order.
fn unpacked_packages() -> Vec<PathBuf> {
    let home = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    let user = || std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".cargo"));
    let Some(home) = home.or_else(user) else { return Vec::new() };
    let mut packages: Vec<_> = fs::read_dir(home.join("registry/src"))
        .into_iter()
        .flatten()
        .flatten()
        .flat_map(|registry| fs::read_dir(registry.path()).into_iter().flatten().flatten())
        .map(|package| package.path())
        .collect();
    packages.sort();
    packages
}

fn count(directory: &Path) -> usize {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    entries
        .map(|entry| match entry.file_type() {
            Ok(kind) if kind.is_dir() => count(&entry.path()),
            Ok(kind) => usize::from(kind.is_file()),
            Err(_) => 0,
        })
        .sum()
}
