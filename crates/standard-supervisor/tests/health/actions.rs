//! What follows when a program is ill.

use crate::harness::{free_port, http};
use crate::server::{Server, end, times, up};

#[test]
fn health_action_observe_changes_nothing() {
    let Some(server) = Server::new() else { return };
    let mut running = up(server.checked(&[]).env("PROCESS_HEALTH_ACTION", "observe"));
    server.set("health", "500 no");
    running.stderr.wait_for("last: status 500; no action (health_action=observe)");
    times(&mut running.stdout, "asked /health", 15);
    server.set("health", "200 ok");
    running.stderr.wait_for("healthy: app has recovered");
    assert!(!running.stderr.said("killing"));
    end(running);
}

/// What `/readyz` answers, in which `/ping` agrees.
fn readiness(port: u16) -> String {
    let answer = http(port, "GET /readyz").unwrap();
    let status = |answer: &str| answer.split(' ').nth(1).unwrap().to_owned();
    assert_eq!(status(&http(port, "GET /ping").unwrap()), status(&answer));
    let body = answer.split_once("\r\n\r\n").unwrap().1;
    format!("{} {}", status(&answer), body.trim_end())
}

#[test]
fn failed_checks_below_the_limit_keep_the_server_ready() {
    let Some(server) = Server::new() else { return };
    let port = free_port();
    let mut running = up(server
        .checked(&[])
        .env("PROCESS_HEALTH_FAILURES", "100000")
        .env("PROCESS_STATUS_PORT", format!("127.0.0.1:{port}")));
    server.set("health", "500 no");
    times(&mut running.stderr, "/100000): status 500", 2);
    assert_eq!(readiness(port), "200 ready");
    end(running);
}

#[test]
fn an_observed_unhealthy_server_is_not_ready() {
    let Some(server) = Server::new() else { return };
    let port = free_port();
    let mut command = server.checked(&[]);
    command
        .env("PROCESS_HEALTH_ACTION", "observe")
        .env("PROCESS_HEALTH_PROGRESS_STALLED_SECS", "0.5")
        .env("PROCESS_STATUS_PORT", format!("127.0.0.1:{port}"));
    let mut running = up(server.with_metrics(&mut command, "{turn}"));
    assert_eq!(readiness(port), "200 ready");
    let not_well = "503 not ready: app is RUNNING but unhealthy (";
    server.set("health", "500 no");
    running.stderr.wait_for("unhealthy: app: 3 consecutive checks failed");
    assert!(
        readiness(port).starts_with(&format!("{not_well}3 consecutive")),
        "{}",
        readiness(port)
    );
    server.set("health", "200 ok");
    running.stderr.wait_for("healthy: app has recovered");
    assert_eq!(readiness(port), "200 ready");
    server.with_metrics(&mut command, "7");
    running.stderr.wait_for("with 2 requests in flight");
    assert!(readiness(port).starts_with(&format!("{not_well}no progress ")), "{}", readiness(port));
    server.with_metrics(&mut command, "{turn}");
    running.stderr.wait_for("healthy: app has recovered");
    assert_eq!(readiness(port), "200 ready");
    end(running);
}

#[test]
fn health_action_stop_gives_up_on_the_program() {
    let Some(server) = Server::new() else { return };
    let mut running = up(server.checked(&[]).env("PROCESS_HEALTH_ACTION", "stop"));
    server.set("health", "500 no");
    assert_eq!(running.exit_code(), 1);
    let said = running.stderr.rest().join("\n");
    assert!(said.contains("gave up: app entered FATAL state, it was unhealthy"), "{said}");
    assert_eq!(said.matches("spawned: 'app'").count(), 1, "{said}");
}

#[test]
fn health_action_exit_exits_with_its_code() {
    let Some(server) = Server::new() else { return };
    let mut running = up(server.checked(&[]).env("PROCESS_HEALTH_ACTION", "exit:77"));
    server.set("health", "500 no");
    assert_eq!(running.exit_code(), 77);
}
