//! What must hold, and the record that it is judged by.
//!
//! A *version* is what a user wrote to a file (or a symlink's target); every write makes a new one. The
//! rules are those of the design's "Proof":
//!
//! - [`judge`]: at rest, all disks and the server hold the same tree; no version is lost, none comes
//!   back; there is one file for each, and no needless conflict copy; no temporary name got out.
//! - [`barrier`]: where one user acted alone, his disk is everyone's, and soon.
//! - [`deed`]: a change of a disk does what was asked, to what the engine had seen, and nothing else.
//! - [`sight`]: what an engine may send and change, by what it was shown and has saved.
//! - [`moving`]: a moved directory is in one place at any instant.
//! - [`divergence`]: as many conflict copies as users had reasons for.
//! - [`wire`]: commits go one by one, each is decided once, and nothing overtakes.
//!
//! What is judged is a [`scene::Scene`], which every world can show; what happens on the way is told to
//! a [`Witness`]. Each rule of [`rules`] counts in a [`Tally`] how often it had something to judge.

pub mod barrier;
pub mod deed;
pub mod divergence;
pub mod epoch;
pub mod judge;
pub mod moving;
pub mod rules;
pub mod scene;
pub mod shadow;
pub mod sight;
pub mod tally;
pub mod temporary;
pub mod tree;
pub mod unsaved;
pub mod versions;
pub mod wire;
pub mod witness;

use std::fmt;

pub use tally::Tally;
pub use witness::Witness;

/// A rule that was broken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken {
    /// The rule, in words.
    pub rule: &'static str,
    /// What broke it.
    pub what: String,
}

impl Broken {
    /// This rule was broken by that.
    pub fn new(rule: &'static str, what: impl Into<String>) -> Self {
        Self { rule, what: what.into() }
    }
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "broken rule: {}\n  {}", self.rule, self.what)
    }
}

impl std::error::Error for Broken {}
