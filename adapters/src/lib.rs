//! Thin adapters: each translates between the core and one piece of the outside, and decides nothing.

pub mod journal;
pub mod port;
mod sql;
pub mod trees;
