//! Carries out the decisions of the core: starts and signals processes, transfers their output,
//! runs health checks, and removes leftover processes and files.
//!
//! ```text
//!   driver ──┬─> core: decides
//!            └─> world: carries out ──┬─> launch, tree, cleanup: processes and leftovers
//!                                     ├─> capture: output
//!                                     ├─> health: health checks
//!                                     └─> crash: diagnostics and reports
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
