//! The client as people run it: real processes, a real server in this one, real disks, loopback.
#![expect(clippy::unwrap_used, reason = "in a test, a failed unwrap is a failed assertion")]

mod bad_input;
mod bench;
mod life;
mod sync;
