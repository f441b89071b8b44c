//! What the end-to-end tests are made of: real processes, on real disks, over real sockets.
//!
//! Everything of one test lives below one [`World`]: its directories, its processes and their
//! output. Invariants: no process outlives its world; a process that logs an error or panics fails
//! the test; a test that fails shows the output of all its processes. The commands are used only in
//! the forms that people are promised.
//!
//! It deliberately knows nothing of how the product works inside: it links none of it.
#![forbid(unsafe_code)]

mod balancer;
mod binaries;
mod browser;
mod bytes;
mod device;
mod http;
mod keeper;
mod mount;
mod mysql;
mod nats;
mod process;
mod proxy;
mod random;
mod recorder;
mod server;
mod size;
mod sources;
mod strace;
mod terminal;
mod tree;
mod usage;
mod wait;
mod world;

pub use balancer::Balancer;
pub use binaries::repository;
pub use browser::{Browser, key};
pub use bytes::{fill, noise};
pub use device::Device;
pub use http::{Reply, request};
pub use mount::{Mount, made};
pub use mysql::{MariaDb, mysql_database, mysql_program, mysql_sql};
pub use nats::Nats;
pub use process::{Output, Process};
pub use proxy::Proxy;
pub use random::Random;
pub use recorder::Recorder;
pub use server::{Options, Server};
pub use size::{long, pick};
pub use sources::source_tree;
pub use strace::{Call, Trace};
pub use terminal::{on_a_terminal, with_words_to};
pub use tree::{Node, Tree};
pub use usage::Usage;
pub use wait::{PATIENCE, wait_for};
pub use world::{World, copy_tree};
