//! Simulated disks, clocks and networks that run Onefold's own core.

pub mod disk;
pub mod tape;
pub mod user;
