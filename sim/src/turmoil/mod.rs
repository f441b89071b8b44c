//! The turmoil world: the product's own client driver and its own server, over a simulated network.
//!
//! Real here are the engines, both drivers, the WebSocket, HTTP, uploads and downloads; simulated are
//! disks, the network (by turmoil), users and time; stores are the product's arms in memory. What users
//! do comes from the same tapes as in the engine world, and the same oracle judges it. [`case::Case`]
//! is one run.
//!
//! It deliberately has no part of its own in what is sent or synced: it only lets time go by, breaks
//! things, and watches.

pub mod alarm;
pub mod case;
pub mod fault;
pub mod hosts;
pub mod network;
pub mod ports;
mod run;
mod scene;
mod settle;
pub mod shared;
pub mod shrink;
pub mod transfer;
mod users;
pub mod world;
