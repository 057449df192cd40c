//! The decisions of a process supervisor, without any I/O.
//!
//! [`Supervisor::handle`] takes an input and the time at which it happened, and returns the effects
//! to carry out. It reads no clock, opens no file and starts no thread; the same inputs always give
//! the same effects. The caller carries out the effects in order, reports their results, and sends
//! [`Input::Tick`] when [`Supervisor::next_deadline`] has passed.
//!
//! ```text
//!   Input ──> handle(now, input) ──> Effects, in order
//!               │
//!               └── supervisor.rs   which process an input is for
//!                     ├── supervisor/   commands, waiting requests, groups, events, shutdown
//!                     ├── listener.rs   event listeners: sending events, parsing results
//!                     └── process.rs    one process: its state
//!                           ├── process/  every change of that state
//!                           ├── health.rs is it healthy
//!                           ├── retry.rs  may it start again, and when
//!                           ├── tree.rs   processes that it left behind
//!                           ├── files.rs  which files may be removed
//!                           ├── port.rs   how long its port is awaited
//!                           └── device.rs are its devices there, and their memory free
//! ```
//!
//! Inputs may arrive in any order, late, twice, or about runs that no longer exist. No input makes
//! the core panic. An input that should be impossible is logged as [`line::Line::Bug`] and ignored.

#![forbid(unsafe_code)]

mod answer;
mod asking;
pub mod command;
mod condition;
pub mod device;
pub mod effect;
mod envelope;
pub mod event;
mod exit;
pub mod failure;
pub mod files;
pub mod health;
pub mod hook;
pub mod ids;
mod info;
pub mod input;
pub mod level;
pub mod line;
mod listener;
mod notice;
mod per_process;
pub mod port;
mod process;
mod readiness;
pub mod report;
mod retry;
pub mod signal;
pub mod spec;
mod state_name;
mod supervisor;
pub mod time;
mod tree;

pub use answer::Answer;
pub use command::{Command, Rejection, Reply};
pub use condition::{Condition, HealthStatus};
pub use effect::Effect;
pub use envelope::Envelope;
pub use event::Event;
pub use health::Unreached;
pub use info::{GroupInfo, Info, PoolInfo};
pub use input::Input;
pub use listener::{LISTENER_DRAIN, LONGEST_REJECTED_PAUSE, REJECTED_PAUSE};
pub use notice::{Notice, Observed};
pub use per_process::PerProcess;
pub use process::FORERUNNER_WITHIN;
pub use process::gate::CONNECT_LIMIT;
pub use process::{EndReason, History, RUNS_KEPT, RunEnd, RunRecord, Runs, StopCounts};
pub use readiness::{Readiness, Unready};
pub use retry::{START_PERIOD, STARTS};
pub use signal::SignalTarget;
pub use state_name::StateName;
pub use supervisor::{Changed, Fitted, STOP_RESERVE, Supervisor};
pub use tree::drain::AskReason;
pub use tree::{Occasion, RECOUNT_EVERY, UNKILLABLE_AFTER};
