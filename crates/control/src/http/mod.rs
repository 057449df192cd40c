//! HTTP access for operators, over unix sockets and TCP ports.
//!
//! ```text
//!   listen: sockets ──> serve: accepts ──> connection: one task each ──> auth ──> Site
//! ```
//!
//! Everything runs in the thread that supervises, between two inputs of the core. A response uses
//! the current state, or waits for a reply of the core. The module limits all memory, descriptors
//! and time that clients can use; see `docs/reference/limits.md`.

mod auth;
mod body;
mod changes;
mod connection;
mod follow;
mod headers;
mod limits;
mod listen;
pub(crate) mod logtail;
pub(crate) mod origin;
mod page;
pub(crate) mod rpc;
mod serve;
mod stream;
#[cfg(test)]
mod tests;

pub(crate) use body::{Body, Feed};
pub(crate) use follow::{Followed, Grown};
pub(crate) use limits::traffic::{Refused, Traffic};
pub(crate) use listen::Serves;
pub use listen::{Door, announce, open};
pub(crate) use page::{error as error_page, other_origin, plain};
pub(crate) use rpc::Fault;
pub(crate) use serve::{ServerState, Site, serve};
