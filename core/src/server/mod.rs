//! The server engine: one ordered journal for each folder.
//!
//! - [`decide`] accepts or refuses one commit, purely, from [`facts`].
//! - [`session`] orders what one connected device hears.
//!
//! Neither does I/O: a driver loads the facts in a transaction, asks, and writes the outcome in it.

pub mod decide;
pub mod facts;
pub mod session;

pub use decide::Acceptance;
pub use facts::{Fact, FactKey, NodeRow, Writes};
pub use session::Session;
