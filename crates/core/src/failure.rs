//! Classifies the failure of a run.
//!
//! ```text
//!   output ──> output.rs: the first error of the final burst ──> a Sign of signs.rs ─┐
//!   exit, kernel's OOM count, full file systems, readiness ─────────────────────────┼─> judge
//!   the devices, after all processes exited ────────────────────────────────────────┘
//! ```
//!
//! A wrong class is worse than none: the supervisor would wait without need, or give up on a server
//! that a restart would fix. If the evidence is not certain, this module returns no class, and the
//! exit code or signal decides.
//!
//! Text alone never makes the supervisor give up, because the output may contain what a client
//! sent. A second fact is required: the GPU state, a counter, or the same failure again before the
//! server was ever ready.

mod class;
mod log_line;
mod output;
mod signs;
mod verdict;

pub use class::{CLASSES, Class, ClassRow, Consequence};
pub use output::{Found, read};
pub use signs::{Preset, SIGNS, Sign};
pub use verdict::{DeviceState, Evidence, Verdict, judge};
