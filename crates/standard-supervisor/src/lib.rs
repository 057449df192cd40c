//! The world: everything that touches it, and nothing that decides.
//!
//! ```text
//!   cli ──> supervise ──> driver ──┬─> core: decides
//!                                  └─> world: carries out ──┬─> launch, lookup, tree
//!                                                           ├─> capture: output
//!                                                           └─> sys: the system calls
//! ```

mod capture;
mod cgroup;
pub mod cli;
mod clock;
mod driver;
mod files;
mod host;
mod launch;
mod lookup;
mod supervise;
mod sys;
mod tree;
mod world;
