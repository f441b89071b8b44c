//! What Onefold promises, shown with real processes on real disks.
//!
//! Each module is one promise. Little by default; `./test long` does all that was promised.
#![forbid(unsafe_code)]

mod admin;
mod administration;
mod asking;
mod bad_input;
mod commands;
mod conflicts;
mod disk;
mod durability;
mod explain;
mod files;
mod inspection;
mod kills;
mod large;
mod live;
mod oracle;
mod pair;
mod progress;
mod quiet;
mod quota;
mod readme;
mod servers;
mod sources;
mod users;
mod window;
