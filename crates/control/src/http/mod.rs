//! How operators reach the supervisor: HTTP over unix sockets and ports.
//!
//! ```text
//!   listen: sockets ──> serve: accepts ──> connection: one task each ──> auth ──> Site
//! ```
//!
//! Everything runs in the thread that supervises, between two inputs of the core: what is
//! asked is answered from what is known, or waits for what the core replies. All that
//! strangers can make us hold or wait for is bounded here; see `docs/reference/limits.md`.

mod auth;
mod body;
mod changes;
mod connection;
mod follow;
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
