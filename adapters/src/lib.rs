//! Thin adapters: each translates between the core and one piece of the outside, and decides nothing.

pub mod blobs;
pub mod dial;
pub mod disk;
pub mod http;
pub mod journal;
pub mod limit;
pub mod link;
pub mod meter;
pub mod news;
pub mod port;
pub mod secret;
mod sql;
pub mod tls;
pub mod trees;
pub mod watch;
pub mod wire;
pub mod workers;
pub mod ws;
