//! The client engine: three trees and one planner.

pub mod event;
pub mod saved;
