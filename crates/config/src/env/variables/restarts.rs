//! The variables that say how often a program is restarted, and how long restarts wait.

use super::{Accepts, Owner, Variable};
use crate::options;

/// Number of restarts in a row.
pub(super) const MAX_START_RETRIES: Variable = Variable {
    name: "PROCESS_MAX_START_RETRIES",
    default: None,
    accepts: Accepts::Whole { unit: "", min: 0, max: Some(100) },
    stands_for: Some((Owner::Programs, &options::STARTRETRIES)),
    doc: "Number of failures in a row that are followed by a restart.",
    once: false,
};

/// Uptime that clears past failures.
pub(super) const RETRY_RESET_SECS: Variable = Variable {
    name: "PROCESS_RETRY_RESET_SECS",
    default: None,
    accepts: Accepts::Whole { unit: "seconds", min: 0, max: None },
    stands_for: Some((Owner::Programs, &options::RETRYRESETSECS)),
    doc: "Uptime after which the supervisor forgets past failures, in seconds.",
    once: false,
};

/// Growth of the wait before restarts.
pub(super) const RETRY_FACTOR: Variable = Variable::of_option(
    "PROCESS_RETRY_FACTOR",
    (Owner::Programs, &options::RETRY_FACTOR),
    "Growth of the wait before each restart in a row of failures: `2` doubles it, `1` keeps it. `off`: 1, 2, 3 seconds and so on, without an upper limit. The first restart after a run that was RUNNING never waits.",
);

/// First such wait.
pub(super) const RETRY_WAIT_SECS: Variable = Variable::of_option(
    "PROCESS_RETRY_WAIT_SECS",
    (Owner::Programs, &options::RETRY_WAIT),
    "First of these waits, in seconds. Needs `PROCESS_RETRY_FACTOR`.",
);

/// Longest such wait.
pub(super) const RETRY_WAIT_MAX_SECS: Variable = Variable::of_option(
    "PROCESS_RETRY_WAIT_MAX_SECS",
    (Owner::Programs, &options::RETRY_WAIT_MAX),
    "Longest of these waits, in seconds. Needs `PROCESS_RETRY_FACTOR`.",
);

/// Random part of such waits.
pub(super) const RETRY_JITTER: Variable = Variable::of_option(
    "PROCESS_RETRY_JITTER",
    (Owner::Programs, &options::RETRY_JITTER),
    "Random part of each of these waits, so that containers that fail together do not all restart together: with `0.25` a wait of 8 seconds takes 6 to 8. Needs `PROCESS_RETRY_FACTOR`.",
);

/// Restarts before the program was ever ready.
pub(super) const RETRIES_BEFORE_READY: Variable = Variable::of_option(
    "PROCESS_RETRIES_BEFORE_READY",
    (Owner::App, &options::RETRIES_BEFORE_READY),
    "Number of failures in a row that are followed by a restart before the program was ready for the first time. Requires a readiness check. `off`: `PROCESS_MAX_START_RETRIES` applies.",
);
