//! Planted faults: each one guard removed, or one decision bent, that the oracle must catch.
//!
//! They show that the simulation can fail. The product cannot contain them: all are here, at the ports
//! between the engines and what drives them, where the simulation stands in for a driver. A run has
//! one at most ([`Setting::planted`](crate::world::Setting)), and with none these hooks do nothing.
//!
//! | file | port |
//! |---|---|
//! | `kinds` | the list, and the rules that catch each |
//! | `cases` | runs in which the guarded thing happens often |
//! | `change`, `look` | changes of a disk; what a disk shows |
//! | `client` | events into a client engine and effects out of it; its saves |
//! | `network` | messages on their way |
//! | `server` | what the journal answers |
//! | `table` | each fault, the rule that caught it, and after how many runs |

mod cases;
pub mod change;
pub mod client;
mod kinds;
pub mod look;
pub mod network;
pub mod server;
pub mod table;

pub use kinds::Planted;
