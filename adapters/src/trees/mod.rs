//! The client's storage port ([`crate::port::Trees`]) and its two arms.
//!
//! Neither looks inside what it keeps. Saved batches survive a crash in order: what a power cut
//! takes back is taken from the end.

mod memory;
mod sqlite;

pub use memory::{CrashPoint, MemoryTrees};
pub use sqlite::{LogLine, SqliteTrees};
