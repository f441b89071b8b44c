//! The client's storage port ([`crate::port::Trees`]) and its two arms.
//!
//! Neither looks inside what it keeps. Saved batches survive a crash in order: what a power cut
//! takes back is taken from the end.

mod log;
mod memory;
mod sqlite;

pub use log::{LogFilter, LogLine};
pub use memory::{CrashPoint, MemoryTrees};
pub use sqlite::SqliteTrees;
