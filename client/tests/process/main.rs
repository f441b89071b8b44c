//! The client as people run it: real processes, a real server in this one, real disks, loopback.

mod bad_input;
mod bench;
mod life;
mod sync;
