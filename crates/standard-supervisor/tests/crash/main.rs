//! What is told of runs that ended unasked, and what is done before the next one.

#![allow(clippy::unwrap_used, reason = "a failed call is a failed test")]
#![allow(unreachable_pub, reason = "nothing outside sees it")]

#[path = "../harness/mod.rs"]
mod harness;

mod classes;
mod cleaning;
mod devices;
mod diagnostics;
mod failures;
mod files;
mod giving_up;
mod gpu;
mod hooks;
mod output;
mod place;
mod receiver;
mod unkillable;
