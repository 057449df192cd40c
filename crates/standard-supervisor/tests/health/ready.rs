//! When a start has succeeded.

use std::fs;

use crate::harness::{Running, clean, program};
use crate::server::{Server, end};

/// The time at the beginning of a line of the log, or behind `listening at`.
fn time(line: &str) -> String {
    line.trim_start_matches("listening at ").chars().take(19).collect()
}

#[test]
fn a_server_with_a_check_is_running_when_it_answers() {
    let Some(server) = Server::new() else { return };
    let gate = server.fifo("gate");
    let mut command = server.checked(&[]);
    let mut running = Running::start(
        command.env("SUPERVISOR_PROGRAM__APP_STARTSECS", "0").env("LOG_LEVEL", "debug"),
    );
    running.stdout.wait_for("pid ");
    fs::write(&gate, "go").unwrap();
    let listens = time(&running.stdout.wait_for("listening at "));
    let up = running.stderr.wait_for("entered RUNNING state, ready after ");
    assert!(time(&up) >= listens, "{up} {listens}");
    end(running);
}

#[test]
fn a_server_that_is_not_ready_in_time_has_failed_to_start() {
    let Some(server) = Server::new() else { return };
    server.fifo("gate");
    let mut command = server.checked(&[]);
    let mut running = Running::start(
        command.env("PROCESS_HEALTH_START_TIMEOUT", "0.5").env("PROCESS_MAX_START_RETRIES", "1"),
    );
    assert_eq!(running.exit_code(), 1);
    let said = running.stderr.rest().join("\n");
    assert_eq!(said.matches("unhealthy: app: not ready within ").count(), 2, "{said}");
    assert!(said.contains("s, last check: connection refused"), "{said}");
    assert!(said.contains("gave up: app entered FATAL state"), "{said}");
    assert!(!said.contains("RUNNING"), "{said}");
}

#[test]
fn each_reason_why_a_server_is_not_ready_is_logged_once() {
    let Some(server) = Server::new() else { return };
    let gate = server.fifo("gate");
    server.set("health", "503 loading");
    let mut command = server.checked(&[]);
    let mut running =
        Running::start(command.env("PROCESS_HEALTH_URL", server.url("/health?key=k")));
    // Any server refuses connections for its first moments.
    let asked = format!("check: app not ready after 5 s: {}", server.url("/health"));
    running.stderr.wait_for(&format!("INFO {asked} (PROCESS_HEALTH_URL): connection refused"));
    fs::write(&gate, "go").unwrap();
    running.stderr.wait_for(": status 503");
    crate::server::times(&mut running.stdout, "asked /health", 3);
    server.set("health", "200 ok");
    running.stderr.wait_for("entered RUNNING state");
    running.signal("TERM");
    assert_eq!(running.exit_code(), 0);
    let said = running.stderr.rewind().rest().join("\n");
    assert_eq!(said.matches("not ready after").count(), 2, "{said}");
}

#[test]
fn a_text_in_the_output_can_show_readiness() {
    let Some(server) = Server::new() else { return };
    let gate = server.fifo("gate");
    let mut command = server.supervised(&[]);
    let mut running = Running::start(command.env("PROCESS_HEALTH_READY", "log:listening at 2"));
    running.stdout.wait_for("pid ");
    fs::write(&gate, "go").unwrap();
    running.stderr.wait_for("entered RUNNING state, ready after ");
    assert!(!running.stdout.said("asked "));
    end(running);
}

#[test]
fn a_missing_readiness_text_fails_the_start() {
    let Some(server) = Server::new() else { return };
    let mut command = server.supervised(&[]);
    let mut running = Running::start(
        command
            .env("PROCESS_HEALTH_READY", "log:listening to music")
            .env("PROCESS_HEALTH_START_TIMEOUT", "1")
            .env("PROCESS_MAX_START_RETRIES", "0"),
    );
    assert_eq!(running.exit_code(), 1);
    assert!(!running.stderr.rest().join("\n").contains("RUNNING"));
}

#[test]
fn a_misspelled_health_variable_is_reported_with_the_nearest() {
    let Some(server) = Server::new() else { return };
    let mut command = server.supervised(&[]);
    let mut running = Running::start(command.env("PROCESS_HEALTH_URLS", server.url("/")));
    running.stderr.wait_for(
        "PROCESS_HEALTH_URLS is ignored: unknown variable; did you mean PROCESS_HEALTH_URL?",
    );
    end(running);
}

#[test]
fn a_file_has_the_same_health_options() {
    let Some(server) = Server::new() else { return };
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/health/server.py");
    let (folder, port) = (server.folder.display(), server.port);
    server.set(
        "supervisord.conf",
        &format!(
            "[supervisord]\nnodaemon=true\nlogfile={folder}/main.log\npidfile={folder}/pid\n\
             [program:web]\ncommand=python3 {script} {folder} %(port)s\nstartsecs=0\n\
             health_url=http://127.0.0.1:{port}/health\nhealth_interval=0.1\n\
             health_failures=1\nevidence_secs=1\n"
        )
        .replace("%(port)s", &port.to_string()),
    );
    let mut command = clean(program("supervisord"), ["-c"]);
    command.arg(server.folder.join("supervisord.conf"));
    let mut running = Running::start(&mut command);
    running.stdout.wait_for("success: web entered RUNNING state, ready after ");
    server.set("health", "500 no");
    running.stdout.wait_for("unhealthy: web: 1 check failed: status 500");
    server.set("health", "200 ok");
    running.stdout.wait_for("success: web entered RUNNING state, ready after ");
    end(running);
}
