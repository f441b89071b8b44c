//! A real server on loopback, and the adapters' own clients against it.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod checking;
mod command;
mod contents;
mod harness;
mod health;
mod joining;
mod pool;
mod proxy;
mod starting;
mod streams;
