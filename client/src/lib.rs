//! The Onefold client: the driver that runs the core's engine, and the commands around it.
//!
//! - [`driver`] carries out what an engine asks for; it is generic over the ports.
//! - [`folder`], [`supervisor`] and [`control`] make it one process for each home, which others ask.
//! - [`window`] is the local web page that shows all of it, and takes what a person decides.
//! - [`commands`] are what a person types; [`error`] is how they are told what went wrong.
//!
//! It deliberately decides nothing about what to sync: the core's engine does.
#![forbid(unsafe_code)]
#![warn(missing_docs)]

mod answering;
pub mod arms;
pub mod bars;
pub mod cli;
pub mod clock;
pub mod commands;
pub mod conflicts;
pub mod console;
pub mod control;
pub mod devices;
pub mod driver;
pub mod error;
pub mod explain;
pub mod folder;
pub mod history;
pub mod home;
pub mod host;
pub mod join;
pub mod limits;
pub mod linked;
pub mod log_command;
pub mod news;
pub mod once;
pub mod open;
pub mod people;
pub mod progress;
pub mod restore;
pub mod status;
pub mod supervisor;
pub mod sweeper;
pub mod watching;
pub mod window;
pub mod words;
