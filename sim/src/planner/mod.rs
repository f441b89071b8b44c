//! The planner world: one client engine between a disk and a server that nobody else uses any more.
//!
//! A case makes one random tree and perturbs it into the three trees of a client. The engine then plans,
//! its effects are carried out in shuffled order, some fail, and so on until all is quiet; then the
//! [`rules`] say what must have become of each node. The engine is the product's own, and so is the
//! server's accept or refuse; disk and server are the smallest that keep their promises.
//!
//! It depends on nothing but the core, the tape and words, so that the core's own tests run it, too.

pub mod case;
pub mod disk;
pub mod rules;
pub mod search;
pub mod server;
pub mod setup;
pub mod shrink;
pub mod tally;
pub mod tree;
pub mod world;

use std::fmt;

/// A rule that does not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken {
    /// The rule.
    pub rule: &'static str,
    /// What breaks it.
    pub what: String,
}

impl Broken {
    /// This rule, broken by this.
    pub fn new(rule: &'static str, what: impl Into<String>) -> Self {
        Self { rule, what: what.into() }
    }
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "broken: {}\n  {}", self.rule, self.what)
    }
}
