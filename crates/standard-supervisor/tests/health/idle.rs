//! What looking after a server costs while nothing happens.

use std::fs;

use crate::harness::Running;
use crate::server::{Server, end, up};

/// How often the supervisor has waited for something so far.
fn waits(running: &Running) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", running.pid())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"));
    line.unwrap().trim().parse().unwrap()
}

/// How often it wakes up from one check to the next.
fn waits_for_a_check(interval: &str) -> Option<u64> {
    const CHECKS: u64 = 4;
    let server = Server::new()?;
    let mut running = up(server.checked(&[]).env("PROCESS_HEALTH_INTERVAL", interval));
    // The one that made it ready, and the first from then on.
    running.stdout.wait_for("asked /health");
    running.stdout.wait_for("asked /health");
    let before = waits(&running);
    for _ in 0..CHECKS {
        running.stdout.wait_for("asked /health");
    }
    let waits = waits(&running) - before;
    end(running);
    Some(waits.div_ceil(CHECKS))
}

#[test]
fn an_idle_supervisor_wakes_up_only_for_its_checks() {
    let Some(often) = waits_for_a_check("0.3") else { return };
    let Some(seldom) = waits_for_a_check("1.5") else { return };
    // The server's own line that it was asked, the connection, the answer, the deadline.
    assert!(often <= 10, "{often} for each check");
    // Five times as long, and it sleeps through it.
    assert!(seldom <= 10, "{seldom} for each check, and {often} where they are frequent");
}
