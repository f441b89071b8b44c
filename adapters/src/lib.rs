//! Thin adapters: each translates between the core and one piece of the outside, and decides nothing.

pub mod disk;
pub mod port;
