//! A real server on loopback, and the adapters' own clients against it.

mod checking;
mod contents;
mod harness;
mod joining;
mod proxy;
mod starting;
mod streams;
