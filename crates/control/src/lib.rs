//! Serves operators, orchestrators and monitoring: XML-RPC, the web page, the JSON API, and the
//! status port with its probes and metrics.
//!
//! ```text
//!   sockets ──> http ──> site ─┬─> rpc, logtail
//!                              ├─> web: the page          ──> control ──> trait Machine
//!                              ├─> api: JSON
//!                              └─> status: probes, metrics
//! ```
//!
//! All responses come from a [`Machine`]; this crate does not depend on the engine.

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
