//! The Onefold server: wires the core's server engine to HTTP, a database and a blob store.
//!
//! Invariants: an acceptance is sent only when it is durable; commits to one folder are decided by one
//! task of this process at a time, and by the folder's lock among processes; no state that matters is
//! kept here, so any number of servers may serve one database.
//!
//! It decides nothing about files: [`onefold_core::server`] does. It is a library too, since
//! `onefold host` runs it inside the client.
#![forbid(unsafe_code)]
#![warn(missing_docs)]

mod admin;
mod app;
mod certificate;
mod check;
mod config;
mod content;
mod devices;
mod head;
mod heads;
mod health;
mod hub;
mod invite;
mod listener;
mod metrics;
pub mod page;
mod people;
mod presence;
mod problem;
mod quota;
mod read_back;
mod serve;
mod stream;

pub use admin::{AdminAddress, AdminError, admin};
pub use check::{CheckError, check};
pub use config::{Config, Scheme, StartError, Stores, parse_duration};
pub use devices::{DeviceLine, RevokeError, devices, revoke};
pub use hub::WallClock;
pub use invite::{InviteError, NewInvite, invite};
pub use quota::{Quota, QuotaError, Usage, quota};
pub use serve::{Running, serve, serve_over};
