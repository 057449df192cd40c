//! What fails is started again.

use crate::harness::{Running, kill, supervise};

/// Prints its pid and stays.
const SERVER: &str = "echo up $$; exec sleep 1000";

#[test]
fn a_crashed_server_restarts() {
    let mut running = Running::start(&mut supervise(["sh", "-c", SERVER]));
    let first = running.stdout.number_after("up ");
    running.stderr.wait_for("success: app entered RUNNING state");
    kill(first, "KILL");
    let second = running.stdout.number_after("up ");
    assert_ne!(first, second);
    running.stderr.wait_for("exited: app (terminated by SIGKILL; not expected)");
    running.stderr.wait_for(&format!("spawned: 'app' with pid {second}"));
    running.signal("TERM");
    assert_eq!(running.exit_code(), 0);
}

#[test]
fn an_exit_with_0_is_a_failure() {
    let mut running = Running::start(
        supervise(["sh", "-c", "echo run; sleep 1.2"]).env("PROCESS_MAX_START_RETRIES", "1"),
    );
    running.stderr.wait_for("exited: app (exit status 0; not expected)");
    running.stdout.wait_for("run");
    running.stdout.wait_for("run");
    assert_eq!(running.exit_code(), 1);
}

#[test]
fn exit_code_255_does_not_prevent_a_restart() {
    let mut running = Running::start(
        supervise(["sh", "-c", "echo run; sleep 1.2; exit 255"])
            .env("PROCESS_MAX_START_RETRIES", "1"),
    );
    running.stderr.wait_for("exited: app (exit status 255; not expected)");
    running.stdout.wait_for("run");
    running.stdout.wait_for("run");
    assert_eq!(running.exit_code(), 1);
}

#[test]
fn an_expected_exit_stops_the_supervisor_with_0() {
    let mut running = Running::start(
        supervise(["sh", "-c", "exit 3"])
            .env("SUPERVISOR_PROGRAM__APP_AUTORESTART", "unexpected")
            .env("SUPERVISOR_PROGRAM__APP_EXITCODES", "0,3")
            .env("SUPERVISOR_PROGRAM__APP_STARTSECS", "0"),
    );
    assert_eq!(running.exit_code(), 0);
    running.stderr.rest();
    assert!(running.stderr.said("exited: app (exit status 3; expected)"));
}

#[test]
fn the_exit_code_of_a_program_without_restarts_is_returned() {
    for (script, code) in [("exit 7", 7), ("kill -SEGV $$", 139)] {
        let mut running = Running::start(
            supervise(["sh", "-c", script])
                .env("SUPERVISOR_PROGRAM__APP_AUTORESTART", "false")
                .env("SUPERVISOR_PROGRAM__APP_STARTSECS", "0"),
        );
        assert_eq!(running.exit_code(), code, "{script}");
    }
}

#[test]
fn restart_delays_grow_by_their_factor_up_to_their_limit() {
    let mut running = Running::start(
        supervise(["sh", "-c", "exit 1"])
            .env("PROCESS_MAX_START_RETRIES", "4")
            .env("PROCESS_RETRY_FACTOR", "2")
            .env("PROCESS_RETRY_WAIT_SECS", "0.1")
            .env("PROCESS_RETRY_WAIT_MAX_SECS", "0.3"),
    );
    assert_eq!(running.exit_code(), 1);
    let lines = running.stderr.rest();
    let waits = lines.iter().filter_map(|line| line.split_once("next=restart after="));
    let waits: Vec<_> = waits.filter_map(|(_, wait)| wait.split(' ').next()).collect();
    assert_eq!(waits, ["0.100s", "0.200s", "0.300s", "0.300s"]);
}

#[test]
fn restarts_are_limited_to_five_per_second() {
    let mut running = Running::start(
        supervise(["sh", "-c", "exit 1"])
            .env("SUPERVISOR_PROGRAM__APP_STARTSECS", "0")
            .env("PROCESS_MAX_START_RETRIES", "7")
            .env("PROCESS_RETRY_FACTOR", "1")
            .env("PROCESS_RETRY_WAIT_SECS", "0"),
    );
    assert_eq!(running.exit_code(), 1);
    let lines = running.stderr.rest().iter();
    let spawned: Vec<_> =
        lines.filter(|line| line.contains("spawned: 'app'")).map(millis).collect();
    assert_eq!(spawned.len(), 8);
    for starts in spawned.windows(6) {
        // A line comes a little later than the decision.
        assert!((starts[5] - starts[0]).rem_euclid(3_600_000) > 900, "{spawned:?}");
    }
}

#[test]
fn a_program_above_its_memory_limit_restarts() {
    let grows = "echo up; x=$(head -c 60000000 /dev/zero | tr '\\0' x); echo grown; sleep 1000";
    let mut running = Running::start(
        supervise(["sh", "-c", grows])
            .env("PROCESS_MEMORY_LIMIT", "30M")
            .env("PROCESS_HEALTH_ACTION", "observe"),
    );
    running.stdout.wait_for("grown");
    running.stderr.wait_for("WARN memory: app uses");
    let line = running.stderr.wait_for("unhealthy: app: uses");
    assert!(line.contains("limit 30 MiB (memory_limit)"), "{line}");
    running.stderr.wait_for("class=oom");
    running.stdout.wait_for("up");
    running.signal("TERM");
    assert_eq!(running.exit_code(), 0);
}

/// Milliseconds of the hour in which a line was written.
fn millis(line: &String) -> i64 {
    let numbers = line[14..23].split([':', ',']).map(|number| number.parse::<i64>().unwrap());
    let [minutes, seconds, millis] = numbers.collect::<Vec<_>>()[..] else { panic!("{line}") };
    (minutes * 60 + seconds) * 1000 + millis
}
