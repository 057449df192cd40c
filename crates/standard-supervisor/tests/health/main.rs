//! Programs that are ill in all the ways that a server can be, and what the built binary
//! does about it. Intervals are short; nothing waits for the clock but what is tested.

#![allow(clippy::unwrap_used, reason = "a failed call is a failed test")]

#[path = "../harness/mod.rs"]
mod harness;

mod actions;
mod blocked;
mod checks;
mod idle;
mod notify;
mod progress;
mod ready;
mod server;
mod transport;
mod trees;
