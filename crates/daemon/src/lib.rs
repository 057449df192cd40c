//! Carries out what the core decides: starts and signals processes, moves their output, checks
//! them, cleans up behind them.
//!
//! ```text
//!   driver ──┬─> core: decides
//!            └─> world: carries out ──┬─> launch, tree, cleanup: processes and what they leave
//!                                     ├─> capture: output
//!                                     ├─> health: checks
//!                                     └─> crash: evidence and reports
//! ```

#![forbid(unsafe_code)]

pub mod capture;
mod cleanup;
mod crash;
mod descendants;
pub mod driver;
pub mod engine;
mod events;
mod gpu;
mod health;
mod helpers;
mod hooks;
mod inbox;
mod launch;
pub mod own_process;
pub mod shared_socket;
pub mod tree;
pub mod world;
