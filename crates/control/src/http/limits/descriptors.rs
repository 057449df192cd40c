//! Limits the descriptors of connections, because programs need descriptors as well.

use std::fs;
use std::io;

use rustix::process::{Resource, getrlimit};
use supervisor_core::Supervisor;

/// The maximum number of connections to all servers.
pub(crate) const MAX_CONNECTIONS: usize = 1024;

/// One in this number of the allowed descriptors may belong to a connection.
const DESCRIPTORS_PER_CONNECTION: usize = 4;

/// Descriptors of a connection that follows a log: the connection and the log.
const PER_FOLLOWER: usize = 2;

/// Descriptors that are reserved for each program that has none yet: pipes, logs, and those that a
/// start needs.
const PER_PROGRAM: usize = 8;

/// Descriptors that are reserved for temporary use.
const SPARE: usize = 16;

/// No descriptors are reserved until one in this number is open. Otherwise no client could follow
/// anything if there are many programs.
const NEVER_KEPT: usize = 4;

/// The maximum number of connections.
pub(crate) fn places() -> usize {
    (limit() / DESCRIPTORS_PER_CONNECTION).clamp(1, MAX_CONNECTIONS)
}

/// Whether another client may follow something and all programs can still start.
pub(crate) fn suffice(core: &Supervisor) -> bool {
    // Where it can't be seen how many there are, they are not missed until they are needed.
    let Ok(open) = open() else { return true };
    let without = core.processes().filter(|process| process.pid.is_none()).count();
    leave_enough(limit(), open, without)
}

/// The number of open descriptors.
fn open() -> io::Result<usize> {
    const OPEN: &str = "/proc/self/fd";
    // The kernel tells since 6.2; before, counting a thousand takes half a millisecond.
    match fs::metadata(OPEN)?.len() {
        0 => Ok(fs::read_dir(OPEN)?.count()),
        open => Ok(usize::try_from(open).unwrap_or(usize::MAX)),
    }
}

fn leave_enough(limit: usize, open: usize, without: usize) -> bool {
    let kept = (without * PER_PROGRAM + SPARE).min(limit - limit / NEVER_KEPT);
    limit.saturating_sub(open) >= kept + PER_FOLLOWER
}

fn limit() -> usize {
    let limit = getrlimit(Resource::Nofile).current;
    limit.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn descriptors_are_reserved_for_programs_and_some_clients_may_always_follow() {
        assert!(leave_enough(1024, 1024 - 416 - 2, 50));
        assert!(!leave_enough(1024, 1024 - 416 - 1, 50));
        assert!(leave_enough(1024, 250, 10_000));
        assert!(!leave_enough(1024, 256, 10_000));
        assert!(leave_enough(usize::MAX, 1000, 100_000));
    }
}
