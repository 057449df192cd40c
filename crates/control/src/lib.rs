//! What answers operators, orchestrators and monitoring: XML-RPC, the page, the API, and the
//! status port with its probes and metrics.
//!
//! ```text
//!   sockets ──> http ──> site ─┬─> rpc, logtail
//!                              ├─> web: the page          ──> control ──> trait Machine
//!                              ├─> api: JSON
//!                              └─> status: probes, metrics
//! ```
//!
//! Everything is answered from what a [`Machine`] tells; the engine itself is unknown here.

#![forbid(unsafe_code)]

mod api;
mod control;
mod http;
mod log_source;
mod machine;
mod operate;
mod site;
mod snapshot;
mod status;
mod tally;
mod tree_usage;
mod usage_history;
mod web;

pub use control::{About, Control};
pub use http::{Door, announce, open};
pub use machine::{CrashReport, Later, Machine};
pub use site::serve;
pub use tally::Tally;
