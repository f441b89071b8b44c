//! Simulated disks, clocks and networks that run Onefold's own core.
//!
//! [`run::Case`] is one run of the [`world`], judged by the [`oracle`]; [`scenario`] writes runs by hand.

pub mod counts;
pub mod disk;
pub mod oracle;
pub mod planner;
pub mod planted;
pub mod run;
pub mod scenario;
pub mod search;
pub mod shrink;
pub mod story;
pub mod tape;
pub mod turmoil;
pub mod user;
pub mod word;
pub mod words;
pub mod world;

/// A run allocates much, and frees it at once.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;
