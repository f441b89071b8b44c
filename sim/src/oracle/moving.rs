//! A directory that a user moved is in one place at any instant: on every disk, and at the server.
//!
//! Watched from when all was quiet until anyone does anything else: all that was in it is below its
//! old path, or all of it below its new one.

use onefold_core::hash::ContentId;
use onefold_core::name::RelPath;

use crate::disk::user::{Act, Deed};

use super::tree::Tree;
use super::{Broken, Tally, rules};

/// A directory on its way.
#[derive(Clone, Debug)]
pub struct Moving {
    from: RelPath,
    to: RelPath,
    inside: Vec<(RelPath, ContentId)>,
}

impl Moving {
    /// Reads a user's deeds: one rename of a directory with something in it, and nothing else.
    pub fn read(deeds: &[Deed]) -> Option<Self> {
        let mut tops = deeds.iter().filter(|deed| deed.act == Act::MovedDirectory);
        let (from, to) = (tops.next()?.path.clone(), tops.next()?.path.clone());
        let only = tops.next().is_none()
            && deeds.iter().all(|deed| matches!(deed.act, Act::Moved | Act::MovedDirectory));
        let at_end = deeds.iter().filter(|deed| deed.act == Act::Moved);
        let inside: Vec<_> = at_end
            .filter(|deed| deed.path.is_within(&to))
            .map(|deed| {
                let rest = deed.path.names()[to.names().len()..].to_vec();
                (RelPath::new(rest), deed.version)
            })
            .collect();
        (only && !inside.is_empty()).then_some(Self { from, to, inside })
    }

    /// All of it is at one of both places, and nothing at the other.
    pub fn check(&self, tree: &Tree, tally: &mut Tally) -> Result<(), Broken> {
        tally.judged(rules::MOVED_AT_ONCE, 1u64);
        let below = |top: &RelPath| {
            let at = |rest: &RelPath| RelPath::new([top.names(), rest.names()].concat());
            let there = |(rest, version): &&(RelPath, ContentId)| {
                tree.get(&at(rest)).and_then(|leaf| leaf.version()) == Some(*version)
            };
            (tree.contains_key(top), self.inside.iter().filter(there).count())
        };
        let (old, new) = (below(&self.from), below(&self.to));
        let all = self.inside.len();
        // An empty directory may stand where it is to go, until it goes there.
        if old == (true, all) && new.1 == 0 || [old, new] == [(false, 0), (true, all)] {
            return Ok(());
        }
        let what = format!("{} to {}: {old:?} and {new:?} of {all}", self.from, self.to);
        Err(Broken::new(rules::MOVED_AT_ONCE, what))
    }
}
