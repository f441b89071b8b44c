//! The Onefold client: the driver that runs the core's engine, and the commands around it.
#![warn(missing_docs)]

pub mod clock;
pub mod driver;
