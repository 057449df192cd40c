//! HTTP, TCP and command checks; what is wrong is told apart.

use crate::harness::{Lines, Running, kill, supervise, wait_gone};
use crate::server::{Server, end, times, up};

#[test]
fn failures_of_a_check_are_distinguished() {
    let Some(server) = Server::new() else { return };
    let mut running = up(server
        .checked(&[])
        .env("PROCESS_HEALTH_ACTION", "observe")
        .env("PROCESS_HEALTH_BODY", "ok")
        .env("PROCESS_HEALTH_TIMEOUT", "0.5"));
    for (health, failure) in [
        ("503 ok", "status 503"),
        ("404", "status 404"),
        ("200 loading", "the response lacks the expected text"),
        ("hang", "timed out"),
        ("drop", "connection or protocol error"),
    ] {
        server.set("health", health);
        running.stderr.wait_for(&format!("): {failure}"));
    }
    server.set("health", "302 ok");
    running.stderr.wait_for("healthy: app has recovered");
    end(running);
}

#[test]
fn consecutive_failed_checks_restart_a_server() {
    let Some(server) = Server::new() else { return };
    let mut running = up(server.checked(&[]).env("PROCESS_HEALTH_FAILURES", "2"));
    server.set("health", "500 no");
    running.stderr.wait_for("check: app failed (1/2): status 500");
    running.stderr.wait_for("unhealthy: app: 2 consecutive checks failed, last: status 500");
    running.stderr.wait_for("terminated by SIGTERM");
    server.set("health", "200 ok");
    running.stderr.wait_for("entered RUNNING state");
    end(running);
}

#[test]
fn only_the_configured_statuses_pass_a_check() {
    let Some(server) = Server::new() else { return };
    server.set("health", "204");
    let mut running = up(server
        .checked(&[])
        .env("PROCESS_HEALTH_STATUS", "204,503")
        .env("PROCESS_HEALTH_ACTION", "observe"));
    server.set("health", "200 ok");
    running.stderr.wait_for("): status 200");
    end(running);
}

#[test]
fn checks_of_a_suspended_server_time_out() {
    let Some(server) = Server::new() else { return };
    let mut running = up(server.checked(&[]).env("PROCESS_HEALTH_TIMEOUT", "0.3"));
    kill(running.stdout.number_after("pid "), "STOP");
    running.stderr.wait_for("unhealthy: app: 3 consecutive checks failed, last: timed out");
    running.stderr.wait_for("terminated by SIGKILL");
    running.stderr.wait_for("entered RUNNING state");
    end(running);
}

/// Who compiles, or computes under a lock that the check needs, too, is not dead.
#[test]
fn a_busy_server_is_stopped_only_after_more_timeouts() {
    let Some(server) = Server::new() else { return };
    let mut running = up(server
        .checked(&[])
        .env("PROCESS_HEALTH_TIMEOUT", "0.4")
        .env("PROCESS_HEALTH_FAILURES", "2")
        .env("PROCESS_HEALTH_PROGRESS_STALLED_SECS", "4"));
    server.set("health", "busy");
    running.stderr.wait_for("check: app has timed out for ");
    server.set("health", "200 ok");
    times(&mut running.stdout, "asked /health", 10);
    assert!(!running.stderr.said("unhealthy: app"));
    server.set("health", "busy");
    running.stderr.wait_for("but its processes use the CPU; it becomes unhealthy after");
    running.stderr.wait_for("consecutive checks failed");
    server.set("health", "200 ok");
    running.stderr.wait_for("entered RUNNING state");
    end(running);
}

#[test]
fn a_server_can_be_checked_through_a_unix_socket() {
    let Some(server) = Server::new() else { return };
    let url = format!("unix://{}/socket:/health?by=socket", server.folder.display());
    let mut running = up(server.supervised(&["unix"]).env("PROCESS_HEALTH_URL", url));
    running.stdout.wait_for("asked /health?by=socket");
    end(running);
}

#[test]
fn a_tcp_check_needs_only_a_connection() {
    let Some(server) = Server::new() else { return };
    let gate = server.fifo("gate");
    let mut command = server.supervised(&[]);
    let tcp = format!("localhost:{}", server.port);
    command.env("PROCESS_HEALTH_TCP", tcp).env("PROCESS_HEALTH_START_TIMEOUT", "60");
    let mut running = Running::start(&mut command);
    running.stdout.wait_for("pid ");
    std::fs::write(gate, "go").unwrap();
    running.stdout.wait_for("listening at ");
    running.stderr.wait_for("entered RUNNING state, ready after ");
    // Nobody asked it anything.
    running.signal("TERM");
    assert_eq!(running.exit_code(), 0);
    assert!(!running.stdout.said("asked "));
}

#[test]
fn a_check_command_runs_like_the_program_and_its_exit_code_counts() {
    let Some(server) = Server::new() else { return };
    let script = format!(
        "test \"$MODEL\" = llama && echo much noise && test ! -e {}/ill",
        server.folder.display()
    );
    let mut running = up(server
        .supervised(&[])
        .env("SUPERVISOR_PROGRAM__APP_ENVIRONMENT", "MODEL=llama")
        .env("PROCESS_HEALTH_COMMAND", format!("sh -c '{script}'"))
        .env("PROCESS_HEALTH_ACTION", "observe"));
    server.set("ill", "");
    running.stderr.wait_for("): the command exited with status 1");
    running.stderr.wait_for("unhealthy: app");
    std::fs::remove_file(server.folder.join("ill")).unwrap();
    running.stderr.wait_for("healthy: app has recovered");
    end(running);
}

#[test]
fn a_check_command_beyond_its_timeout_is_killed_with_its_group() {
    let Some(server) = Server::new() else { return };
    let pids = server.fifo("pids");
    let script = format!("sleep 1000 & echo $! >{}; wait", pids.display());
    let mut command = server.supervised(&[]);
    command
        .env("PROCESS_HEALTH_COMMAND", format!("sh -c '{script}'"))
        .env("PROCESS_HEALTH_READY", "startsecs")
        .env("PROCESS_HEALTH_ACTION", "observe")
        .env("PROCESS_HEALTH_TIMEOUT", "0.5");
    let mut running = up(&mut command);
    let pid = std::fs::read_to_string(&pids).unwrap().trim().parse().unwrap();
    running.stderr.wait_for("): timed out");
    wait_gone(pid);
    running.stderr.wait_for("): timed out");
    running.signal("TERM");
    assert_eq!(running.exit_code(), 0);
    // What was ended is nobody that the supervisor doesn't know.
    let said = running.stderr.rewind().rest().join("\n");
    assert!(!said.contains("reaped unknown"), "{said}");
}

#[test]
fn a_missing_check_command_is_named() {
    let Some(server) = Server::new() else { return };
    let mut running = up(server
        .supervised(&[])
        .env("PROCESS_HEALTH_COMMAND", "no-such-check")
        .env("PROCESS_HEALTH_READY", "startsecs")
        .env("PROCESS_HEALTH_ACTION", "observe"));
    running.stderr.wait_for("cannot check app: can't find command 'no-such-check'");
    for _ in 0..3 {
        running.stderr.wait_for("): the command could not be started");
    }
    running.signal("TERM");
    assert_eq!(running.exit_code(), 0);
    // Once for a reason, and not at each check.
    let said = running.stderr.rewind().rest().join("\n");
    assert_eq!(said.matches("cannot check app").count(), 1, "{said}");
}

#[test]
fn processes_of_a_check_in_another_session_are_stopped() {
    let place = std::env::temp_dir().join(format!("strays-{}", std::process::id()));
    std::fs::create_dir_all(&place).unwrap();
    let fifo = place.join("pids");
    let mode = rustix::fs::Mode::from_raw_mode(0o600);
    rustix::fs::mknodat(rustix::fs::CWD, &fifo, rustix::fs::FileType::Fifo, mode, 0).unwrap();
    let check = format!(
        "sh -c 'setsid sh -c \"echo $$ >{}; exec sleep 1000\" >/dev/null 2>&1 & sleep 0.2'",
        fifo.display()
    );
    let mut running = Running::start(
        supervise(["sleep", "1000"])
            .env("PROCESS_HEALTH_COMMAND", &check)
            .env("PROCESS_HEALTH_INTERVAL", "1"),
    );
    let pids = std::fs::OpenOptions::new().read(true).write(true).open(&fifo).unwrap();
    let mut pids = Lines::of(pids);
    for _ in 0..2 {
        wait_gone(pids.wait_for("").trim().parse().unwrap());
    }
    let last = pids.wait_for("").trim().parse().unwrap();
    running.signal("TERM");
    assert_eq!(running.exit_code(), 0);
    wait_gone(last);
    std::fs::remove_dir_all(place).unwrap();
}

#[test]
fn processes_of_a_timed_out_check_are_stopped_before_the_next_check() {
    let place = std::env::temp_dir().join(format!("late-strays-{}", std::process::id()));
    std::fs::create_dir_all(&place).unwrap();
    let fifo = place.join("said");
    let mode = rustix::fs::Mode::from_raw_mode(0o600);
    rustix::fs::mknodat(rustix::fs::CWD, &fifo, rustix::fs::FileType::Fifo, mode, 0).unwrap();
    // Each check says what became of the process that the one before it started.
    let script = place.join("check");
    let text = "cd \"${0%/*}\"; last=$(cat pid 2>/dev/null) && \
                if kill -0 $last 2>/dev/null; then echo alive >said; else echo gone >said; fi\n\
                setsid sh -c 'echo $$ >pid; exec sleep 1000' >/dev/null 2>&1 &\nwait\n";
    std::fs::write(&script, text).unwrap();
    let mut running = Running::start(
        supervise(["sleep", "1000"])
            .env("PROCESS_HEALTH_COMMAND", format!("sh {}", script.display()))
            .env("PROCESS_HEALTH_TIMEOUT", "1")
            .env("PROCESS_HEALTH_INTERVAL", "1")
            .env("PROCESS_HEALTH_ACTION", "observe"),
    );
    let said = std::fs::OpenOptions::new().read(true).write(true).open(&fifo).unwrap();
    assert_eq!(Lines::of(said).wait_for("").trim(), "gone");
    running.signal("TERM");
    assert_eq!(running.exit_code(), 0);
    std::fs::remove_dir_all(place).unwrap();
}
