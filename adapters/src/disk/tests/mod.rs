//! The guard under every interleaving with users, and under every crash.

mod crash;
mod interleave;
mod users;
mod world;
