//! What operators reach over HTTP: the sockets, XML-RPC beside the original, logs as they
//! grow, and what strangers can't do.

#![allow(clippy::unwrap_used, reason = "a failed call is a failed test")]

#[path = "../harness/mod.rs"]
mod harness;
#[path = "../supervisord/home.rs"]
#[allow(dead_code, reason = "the tests of supervisord use all of it")]
mod home;

mod client;
mod hostile;
mod limits;
mod load;
mod logtail;
mod many;
mod orders;
mod overload;
mod session;
mod sockets;
