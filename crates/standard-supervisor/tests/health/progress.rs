//! Whether a server gets on with its work.

use crate::server::{Server, end, times, up};

#[test]
fn a_server_that_passes_checks_without_progress_is_hung() {
    let Some(server) = Server::new() else { return };
    let mut command = server.checked(&[]);
    server.with_metrics(&mut command, "{turn}");
    let mut running = up(command.env("PROCESS_HEALTH_PROGRESS_STALLED_SECS", "1"));
    running.stdout.wait_for("asked /metrics");
    running.stdout.wait_for("asked /metrics");
    server.set("metrics", "app:running 2\napp:tokens_total 1e6\n");
    running.stderr.wait_for("unhealthy: app: no progress for ");
    running.stderr.wait_for("terminated by SIGTERM");
    assert!(!running.stderr.said("check: app failed"));
    server.set("metrics", "app:running 0\napp:tokens_total 1e6\n");
    running.stderr.wait_for("entered RUNNING state");
    end(running);
}

#[test]
fn a_server_that_passes_checks_without_metrics_is_hung() {
    let Some(server) = Server::new() else { return };
    let mut command = server.checked(&[]);
    server.with_metrics(&mut command, "{turn}");
    let mut running = up(command
        .env("PROCESS_HEALTH_TIMEOUT", "0.5")
        .env("PROCESS_HEALTH_PROGRESS_STALLED_SECS", "1"));
    times(&mut running.stdout, "asked /metrics", 2);
    server.set("metrics", "hang");
    running.stderr.wait_for("unhealthy: app: no progress for ");
    server.set("metrics", "");
    running.stderr.wait_for("entered RUNNING state");
    end(running);
}

#[test]
fn a_server_without_requests_needs_no_progress() {
    let Some(server) = Server::new() else { return };
    let mut command = server.checked(&[]);
    server.with_metrics(&mut command, "5");
    server.set("metrics", "app:running 0\napp:tokens_total 5\n");
    let mut running = up(command.env("PROCESS_HEALTH_PROGRESS_STALLED_SECS", "0.3"));
    times(&mut running.stdout, "asked /metrics", 10);
    running.signal("TERM");
    assert_eq!(running.exit_code(), 0);
    assert!(!running.stderr.said("unhealthy"));
}

#[test]
fn a_busy_server_is_not_restarted() {
    let Some(server) = Server::new() else { return };
    let mut command = server.checked(&[]);
    server.with_metrics(&mut command, "{turn}");
    let mut running = up(command
        .env("PROCESS_HEALTH_TIMEOUT", "0.3")
        .env("PROCESS_HEALTH_FAILURES", "2")
        .env("PROCESS_HEALTH_PROGRESS_STALLED_SECS", "30"));
    times(&mut running.stdout, "asked /metrics", 3);
    server.set("health", "hang");
    for _ in 0..4 {
        running.stderr.wait_for("check: app timed out but is making progress; treating it as busy");
    }
    // A wrong answer is no sign of being busy.
    server.set("health", "500 no");
    running.stderr.wait_for("unhealthy: app: 2 consecutive checks failed, last: status 500");
    server.set("health", "200 ok");
    running.stderr.wait_for("entered RUNNING state");
    end(running);
}

#[test]
fn a_page_without_the_configured_metrics_restarts_nothing() {
    let Some(server) = Server::new() else { return };
    let mut command = server.checked(&[]);
    server.with_metrics(&mut command, "5");
    server.set("metrics", "other:running 2\nother:tokens_total 5\n");
    let mut running = up(command.env("PROCESS_HEALTH_PROGRESS_STALLED_SECS", "0.3"));
    times(&mut running.stdout, "asked /metrics", 10);
    running.signal("TERM");
    assert_eq!(running.exit_code(), 0);
    assert!(!running.stderr.said("unhealthy"));
}

#[test]
fn a_preset_checks_the_address_of_its_server() {
    let Some(server) = Server::new() else { return };
    server.set(
        "metrics",
        "vllm:num_requests_running{engine=\"0\"} 3\nvllm:generation_tokens_total{engine=\"0\"} 7\n",
    );
    let mut running = up(server
        .supervised(&[])
        .env("PROCESS_HEALTH_PRESET", "vllm")
        .env("PROCESS_HEALTH_PORT", server.port.to_string())
        .env("PROCESS_HEALTH_PROGRESS_STALLED_SECS", "0.5"));
    running.stdout.wait_for("asked /health");
    running.stdout.wait_for("asked /metrics");
    running.stderr.wait_for("with 3 requests in flight");
    server.set("metrics", "");
    running.stderr.wait_for("entered RUNNING state");
    end(running);
}

#[test]
fn the_prestop_delay_ends_when_the_server_is_idle() {
    let Some(server) = Server::new() else { return };
    let mut command = server.checked(&[]);
    server.with_metrics(&mut command, "5");
    server.set("metrics", "app:running 1\napp:tokens_total 5\n");
    let mut running = up(command
        .env("PROCESS_PRESTOP_DELAY_SECS", "3600")
        .env("PROCESS_PRESTOP_UNTIL_IDLE", "true")
        .env("PROCESS_PRESTOP_MIN_SECS", "1"));
    running.signal("TERM");
    running.stderr.wait_for("no longer ready; stopping programs in 3600 s");
    times(&mut running.stdout, "asked /metrics", 4);
    assert!(!running.stderr.said("stop: app"), "{:?}", running.stderr);
    server.set("metrics", "app:running 0\napp:tokens_total 6\n");
    running.stderr.wait_for("no request is running or waiting: stopping programs");
    running.stderr.wait_for("stop: app: sending SIGTERM to the main process");
    assert_eq!(running.exit_code(), 0);
}
