//! In real containers, as PID 1 and not, from an image that holds our static binary
//! and busybox.

#![allow(clippy::unwrap_used, reason = "a failed call is a failed test")]
#![allow(unreachable_pub, reason = "nothing outside sees it")]

#[path = "../harness/mod.rs"]
mod harness;

mod docker;
mod hardened;
mod lifecycle;
mod output;
mod restart;
