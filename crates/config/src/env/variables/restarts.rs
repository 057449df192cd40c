//! The variables for restarts.

use super::{Accepts, Owner, Variable};
use crate::options;

/// Number of consecutive restarts.
pub(super) const MAX_START_RETRIES: Variable = Variable {
    name: "PROCESS_MAX_START_RETRIES",
    default: None,
    accepts: Accepts::Whole { unit: "", min: 0, max: Some(100) },
    stands_for: Some((Owner::Programs, &options::STARTRETRIES)),
    doc: "Maximum number of consecutive restarts. After one more failure, the supervisor exits with code 1.",
    once: false,
};

/// Uptime that resets the failure count.
pub(super) const RETRY_RESET_SECS: Variable = Variable {
    name: "PROCESS_RETRY_RESET_SECS",
    default: None,
    accepts: Accepts::Whole { unit: "seconds", min: 0, max: None },
    stands_for: Some((Owner::Programs, &options::RETRYRESETSECS)),
    doc: "Uptime that resets the failure count, in seconds.",
    once: false,
};

/// Growth of the delays before restarts.
pub(super) const RETRY_FACTOR: Variable = Variable::of_option(
    "PROCESS_RETRY_FACTOR",
    (Owner::Programs, &options::RETRY_FACTOR),
    "Growth of the backoff delay with each consecutive failure: `2` doubles it, `1` keeps it constant. `off`: 1, 2, 3 seconds and so on, without an upper limit. The first restart after a run that was RUNNING is immediate.",
);

/// The first delay.
pub(super) const RETRY_WAIT_SECS: Variable = Variable::of_option(
    "PROCESS_RETRY_WAIT_SECS",
    (Owner::Programs, &options::RETRY_WAIT),
    "First backoff delay, in seconds. Needs `PROCESS_RETRY_FACTOR`.",
);

/// The longest delay.
pub(super) const RETRY_WAIT_MAX_SECS: Variable = Variable::of_option(
    "PROCESS_RETRY_WAIT_MAX_SECS",
    (Owner::Programs, &options::RETRY_WAIT_MAX),
    "Maximum backoff delay, in seconds. Needs `PROCESS_RETRY_FACTOR`.",
);

/// The random part of the delays.
pub(super) const RETRY_JITTER: Variable = Variable::of_option(
    "PROCESS_RETRY_JITTER",
    (Owner::Programs, &options::RETRY_JITTER),
    "Random part of each backoff delay, so that containers that fail together do not restart together: with `0.25`, a delay of 8 seconds takes 6 to 8. Needs `PROCESS_RETRY_FACTOR`.",
);

/// Number of restarts before the program is first ready.
pub(super) const RETRIES_BEFORE_READY: Variable = Variable::of_option(
    "PROCESS_RETRIES_BEFORE_READY",
    (Owner::App, &options::RETRIES_BEFORE_READY),
    "Maximum number of consecutive restarts before the program is ready for the first time. Requires a readiness check. `off`: `PROCESS_MAX_START_RETRIES` applies.",
);
