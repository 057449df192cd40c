//! What kind of failure a run ended with, and what follows from that.
//!
//! ```text
//!   output ──> output.rs: the first error of the final burst ──> a Sign of signs.rs ─┐
//!   exit, kernel's OOM count, full file systems, readiness ─────────────────────────┼─> judge
//!   the devices, once the processes have gone ──────────────────────────────────────┘
//! ```
//!
//! A wrong class is worse than none: it makes the supervisor wait for nothing, or give up on
//! a server that a restart would have cured. So whatever is not certain is no class of this
//! module, and the run ended by its exit code or its signal, as before.
//!
//! A text alone never makes the supervisor give up, because what a client sends may stand in
//! the output. It takes a second fact: the device, a counter, or the same failure again before
//! the server was ever ready.

mod class;
mod log_line;
mod output;
mod signs;
mod verdict;

pub use class::{CLASSES, Class, ClassRow, Consequence};
pub use output::{Found, read};
pub use signs::{Preset, SIGNS, Sign};
pub use verdict::{DeviceState, Evidence, Verdict, judge};
