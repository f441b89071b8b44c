//! The Onefold client: the driver that runs the core's engine, and the commands around it.
#![warn(missing_docs)]

pub mod cli;
pub mod clock;
pub mod conflicts;
pub mod control;
pub mod driver;
pub mod error;
pub mod home;
pub mod linked;
pub mod once;
pub mod status;
