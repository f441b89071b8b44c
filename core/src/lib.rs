//! All sync logic of Onefold, as pure data and pure functions.
//!
//! Invariants: no I/O, no async, no clock, no randomness, no threads. Time and random seeds come in
//! as data, so the same inputs give the same outputs, always.
//!
//! Two layers: pure functions on values (`reconcile`, name rules, accept-or-refuse), where decisions
//! are made; and two small engines that keep state ([`client::Client`], [`server::Session`]).
#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]
#![warn(missing_docs, clippy::wildcard_enum_match_arm)]

extern crate alloc;

pub mod blob;
pub mod client;
pub mod disk;
pub mod folding;
pub mod hash;
pub mod id;
pub mod manifest;
pub mod name;
pub mod node;
pub mod operation;
pub mod protocol;
pub mod server;
pub mod time;
