//! Which descriptors connections may have: programs need some too.

use std::fs;
use std::io;

use rustix::process::{Resource, getrlimit};
use supervisor_core::Supervisor;

/// Connections at once, to all servers.
pub(crate) const MAX_CONNECTIONS: usize = 1024;

/// Of the descriptors that we may have, one in so many is for a connection at most.
const DESCRIPTORS_PER_CONNECTION: usize = 4;

/// Descriptors of a connection that follows a log: its own and that of the log.
const PER_FOLLOWER: usize = 2;

/// Descriptors that are kept for each program that has none yet: pipes, logs, and what it
/// takes to start it.
const PER_PROGRAM: usize = 8;

/// Descriptors that are kept besides, for what comes and goes.
const SPARE: usize = 16;

/// Until one in so many is open nothing is kept, or where there are many programs nobody
/// could follow anything.
const NEVER_KEPT: usize = 4;

/// How many may be connected at once.
pub(crate) fn places() -> usize {
    (limit() / DESCRIPTORS_PER_CONNECTION).clamp(1, MAX_CONNECTIONS)
}

/// Whether one more may follow something, and programs can be started all the same.
pub(crate) fn suffice(core: &Supervisor) -> bool {
    // Where it can't be seen how many there are, they are not missed until they are needed.
    let Ok(open) = open() else { return true };
    let without = core.processes().filter(|process| process.pid.is_none()).count();
    leave_enough(limit(), open, without)
}

/// How many descriptors are open.
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
