//! The page and the API, in a real browser and as programs see them.

#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a failed call is a failed test"
)]
#![allow(unreachable_pub, reason = "modules of a test share things")]

#[path = "../harness/mod.rs"]
mod harness;

mod api;
mod browser;
mod fuzz;
mod health;
mod history;
mod legacy;
mod memory;
mod page;
mod relay;
mod site;
