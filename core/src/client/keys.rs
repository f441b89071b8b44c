//! The keys of this state's commits: what tells its own entries from all others, also from those of
//! a copy of this state (a cloned disk), which the server takes for the same device.
//!
//! Every save of the whole state brings a fresh key along, and a commit is made only of what was
//! saved with its key, or before. So whoever finds a key in a saved state has all that its commit was
//! made of: the commit's entries are ancestors of what is there. What a copy commits after the copying
//! goes by a key that this state never had, and is another's work. A key is used once, and never by an
//! engine that found it saved: a copy may have found it, too.

use alloc::vec::Vec;

use crate::id::CommitKey;

/// So many keys without an outcome are remembered: an engine has one commit under way, and those of
/// earlier engines that were killed before they heard the outcome are soon decided.
const MAX_USED: usize = 16;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Keys {
    /// Of commits that were sent, and of those that may have been before this engine started.
    used: Vec<CommitKey>,
    /// Saved, for the next commit.
    ready: Option<CommitKey>,
    /// Being saved.
    coming: Option<CommitKey>,
}

impl Keys {
    /// Those that were found saved.
    pub(super) const fn found(saved: Vec<CommitKey>) -> Self {
        Self { used: saved, ready: None, coming: None }
    }

    /// A save of the whole state begins, with a fresh key: these go with it.
    pub(super) fn save(&mut self, fresh: CommitKey) -> Vec<CommitKey> {
        self.coming = Some(fresh);
        self.used.iter().copied().chain(self.ready).chain(self.coming).collect()
    }

    /// A save has ended. What it saved without a key, a commit with an older key must not be made of.
    pub(super) const fn saved(&mut self) {
        self.ready = self.coming.take();
    }

    /// A save has failed, as far as is known.
    pub(super) const fn failed(&mut self) {
        self.coming = None;
    }

    /// A commit may be made of something that no save so far had.
    pub(super) const fn renew(&mut self) {
        self.coming = None;
        self.ready = None;
    }

    /// A commit can be made.
    pub(super) const fn is_ready(&self) -> bool {
        self.ready.is_some()
    }

    /// The key of the commit that is made now.
    pub(super) fn take(&mut self) -> Option<CommitKey> {
        let key = self.ready.take()?;
        self.used.push(key);
        let excess = self.used.len().saturating_sub(MAX_USED);
        self.used.drain(..excess);
        Some(key)
    }

    /// The outcome of a commit has come, after all of its entries.
    pub(super) fn decided(&mut self, key: CommitKey) {
        self.used.retain(|used| *used != key);
    }

    /// The server went back, or is another: what is here may be so from now on because the server has
    /// it, and does not come of what was committed before.
    pub(super) fn forget_made(&mut self) {
        self.used.clear();
    }

    /// Whether this state, or one that it descends from, made the commit.
    pub(super) fn made(&self, key: CommitKey) -> bool {
        self.used.contains(&key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn key(number: u8) -> CommitKey {
        CommitKey::from_bytes([number; 16])
    }

    fn saved(keys: &mut Keys, number: u8) -> Vec<CommitKey> {
        let with_it = keys.save(key(number));
        keys.saved();
        with_it
    }

    #[test]
    fn a_key_is_used_once_and_only_after_it_was_saved() {
        let mut keys = Keys::default();
        assert_eq!(keys.take(), None);
        keys.save(key(1));
        assert_eq!(keys.take(), None);
        keys.saved();
        assert_eq!((keys.take(), keys.take()), (Some(key(1)), None));
    }

    #[test]
    fn a_copy_knows_the_commits_before_it_and_none_that_come_after() {
        let mut keys = Keys::default();
        saved(&mut keys, 1);
        keys.take();
        let mut copy = Keys::found(saved(&mut keys, 2));
        assert!(copy.made(key(1)));
        assert_eq!(copy.take(), None);
        // The copy has all that the key was saved with, so what is made of that is its own as well.
        assert_eq!(keys.take(), Some(key(2)));
        assert!(copy.made(key(2)));
        saved(&mut keys, 3);
        assert_eq!(keys.take(), Some(key(3)));
        assert!(keys.made(key(3)) && !copy.made(key(3)));
        saved(&mut copy, 4);
        assert_eq!(copy.take(), Some(key(4)));
        assert!(!keys.made(key(4)));
    }

    #[test]
    fn what_was_saved_after_a_key_or_not_at_all_is_not_committed_with_it() {
        let mut keys = Keys::default();
        saved(&mut keys, 1);
        keys.saved();
        assert_eq!(keys.take(), None);
        keys.save(key(2));
        keys.renew();
        keys.saved();
        assert_eq!(keys.take(), None);
    }

    #[test]
    fn a_key_of_a_save_that_failed_is_not_used() {
        let mut keys = Keys::default();
        saved(&mut keys, 1);
        keys.save(key(2));
        keys.failed();
        assert_eq!((keys.take(), keys.take()), (Some(key(1)), None));
    }

    #[test]
    fn a_key_is_kept_until_its_outcome_comes_but_not_without_limit() {
        let mut keys = Keys::default();
        saved(&mut keys, 1);
        keys.take();
        keys.decided(key(1));
        assert!(!keys.made(key(1)));
        for number in 1..=MAX_USED as u8 + 1 {
            saved(&mut keys, number);
            keys.take();
        }
        assert!(!keys.made(key(1)) && keys.made(key(2)));
    }
}
