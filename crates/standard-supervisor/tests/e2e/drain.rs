//! A stop asks the main process, and gives its whole tree the time: whatever start script
//! stands in front of the server.

#![expect(clippy::disallowed_methods, reason = "how long a stop may take is what it promises")]

use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::harness::{Running, free_port, http, is_alive, kill, supervise, wait_gone};

/// Counts the SIGTERMs it gets, and drains for some time before it exits. Beside it runs a
/// worker that a SIGTERM would end in the middle of that; it ends the worker itself.
const SERVER: &str = r#"
    use POSIX ":sys_wait_h";
    $| = 1;
    my ($name, $seconds) = @ARGV;
    my $asked = 0;
    my $worker = fork;
    if (!$worker) { $SIG{TERM} = "DEFAULT"; sleep 1000; exit }
    $SIG{TERM} = sub { $asked++ };
    print "$name up $$ worker $worker\n";
    select undef, undef, undef, 0.02 until $asked;
    print "$name asked\n";
    my $end = time() + $seconds;
    select undef, undef, undef, 0.02 while time() < $end;
    print waitpid($worker, WNOHANG) == 0 ? "$name worker alive\n" : "$name worker lost\n";
    kill "TERM", $worker;
    waitpid $worker, 0;
    print "$name asked $asked times, drained\n";
"#;

/// The shells that start scripts are written for.
const SHELLS: [&str; 2] = ["dash", "bash"];

/// A start script as a file: `sh -c` would execute its last command in its own place.
fn script(shell: &str, name: &str, text: &str) -> PathBuf {
    use std::os::unix::fs::PermissionsExt;
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("drain-{name}-{shell}"));
    let text = text.replace("SERVER", "perl -e \"$SERVER\"");
    std::fs::write(&path, format!("#!/bin/{shell}\n{text}\n")).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    path
}

fn started(shell: &str, name: &str, text: &str, stopwaitsecs: u32) -> Command {
    let mut command = supervise([script(shell, name, text)]);
    command
        .env("SERVER", SERVER)
        .env("SUPERVISOR_PROGRAM__APP_STOPWAITSECS", stopwaitsecs.to_string());
    command
}

/// Stops it, and returns what the supervisor said.
fn stopped(running: &mut Running) -> String {
    running.signal("TERM");
    assert_eq!(running.exit_code(), 0, "{:?}", running.stderr.rest());
    running.stderr.rest().join("\n")
}

#[track_caller]
fn drained(running: &Running, name: &str) {
    assert!(running.stdout.said(&format!("{name} worker alive")), "{:?}", running.stdout);
    assert!(running.stdout.said(&format!("{name} asked 1 times, drained")), "{:?}", running.stdout);
}

#[test]
fn only_the_main_process_gets_the_stop_signal_and_it_stops_its_workers() {
    let mut running =
        Running::start(supervise(["perl", "-e", SERVER, "one", "2"]).env("LOG_LEVEL", "info"));
    let pid = running.stdout.number_after("one up ");
    let said = stopped(&mut running);
    drained(&running, "one");
    let begins =
        format!("stop: app: sending SIGTERM to the main process (pid {pid}); SIGKILL in 30");
    assert!(said.contains(&begins), "{said}");
    assert!(said.contains("stop: app: finished after"), "{said}");
    assert!(said.contains("; 0 other processes signaled, 0 killed"), "{said}");
}

#[test]
fn the_server_behind_a_script_without_exec_drains() {
    for shell in SHELLS {
        let mut running =
            Running::start(&mut started(shell, "plain", ": prepare\nSERVER one 2", 30));
        running.stdout.wait_for("one up");
        let said = stopped(&mut running);
        drained(&running, "one");
        assert!(said.contains("the parent was terminated without forwarding the signal"), "{said}");
    }
}

#[test]
fn a_trap_that_forwards_the_signal_is_the_only_sender() {
    for shell in SHELLS {
        let text = "trap 'kill -TERM $pid; wait $pid' TERM\nSERVER one 2 &\npid=$!\nwait $pid";
        let mut running = Running::start(&mut started(shell, "passes-on", text, 30));
        running.stdout.wait_for("one up");
        let said = stopped(&mut running);
        drained(&running, "one");
        assert!(said.contains("; 0 other processes signaled, 0 killed"), "{said}");
    }
}

#[test]
fn a_server_behind_a_deferred_trap_is_signaled_in_the_last_quarter() {
    for shell in SHELLS {
        let text = "trap 'echo trapped' TERM\nSERVER one 0\necho after";
        // The last quarter is 2 s; the supervisor signals workers only in the last second.
        let mut running = Running::start(&mut started(shell, "deferred", text, 8));
        running.stdout.wait_for("one up");
        let said = stopped(&mut running);
        drained(&running, "one");
        assert!(running.stdout.said("trapped") && running.stdout.said("after"));
        assert!(said.contains("the parent shell has not forwarded the signal"), "{said}");
        assert!(said.contains("with exec, or set stop_target=group"), "{said}");
        assert!(!said.contains("SIGKILL\n"), "{said}");
    }
}

#[test]
fn both_servers_of_a_script_get_one_signal_each() {
    for shell in SHELLS {
        let text = "SERVER one 1 &\nSERVER two 2 &\nwait";
        let mut running = Running::start(&mut started(shell, "both", text, 30));
        running.stdout.wait_for("one up");
        running.stdout.rewind().wait_for("two up");
        stopped(&mut running);
        drained(&running, "one");
        drained(&running, "two");
    }
}

#[test]
fn workers_of_a_main_process_that_exits_run_until_the_last_quarter() {
    // It may have been told, and is busy with that.
    let leaver = r#"$| = 1;
        my $worker = fork;
        if (!$worker) {
            $SIG{TERM} = sub { print "worker asked\n"; exit };
            sleep 1 while 1;
        }
        $SIG{TERM} = sub { print "main exits\n"; exit 0 };
        print "up $worker\n";
        sleep 1 while 1;"#;
    let mut running = Running::start(
        supervise(["perl", "-e", leaver]).env("SUPERVISOR_PROGRAM__APP_STOPWAITSECS", "4"),
    );
    let worker = running.stdout.number_after("up ");
    let said = stopped(&mut running);
    assert!(running.stdout.said("worker asked") && !is_alive(worker));
    let late =
        format!("sending SIGTERM to 1 process ({worker}): still running after the parent exited");
    assert!(said.contains(&late) && said.contains("SIGKILL in 1.0 s"), "{said}");
}

#[test]
fn a_server_behind_a_script_may_use_nearly_the_whole_grace_period() {
    // 9 of 10 seconds: as 27 of 30, the last quarter has long begun.
    let mut bare = supervise(["perl", "-e", SERVER, "one", "8"]);
    bare.env("SUPERVISOR_PROGRAM__APP_STOPWAITSECS", "10");
    let mut running =
        [bare, started("dash", "long", ": prepare\nSERVER one 8", 10)].map(|mut command| {
            let mut running = Running::start(&mut command);
            running.stdout.wait_for("one up");
            running.signal("TERM");
            running
        });
    for running in &mut running {
        assert_eq!(running.exit_code(), 0);
        drained(running, "one");
    }
}

#[test]
fn a_background_job_that_ignores_the_stop_signal_gets_sigterm() {
    for shell in SHELLS {
        let mut command = started(shell, "ignores", "SERVER one 1 &\nwait", 30);
        command.env("SUPERVISOR_PROGRAM__APP_STOPSIGNAL", "INT");
        let mut running = Running::start(&mut command);
        running.stdout.wait_for("one up");
        let said = stopped(&mut running);
        drained(&running, "one");
        assert!(said.contains("sending SIGINT to the main process"), "{said}");
    }
}

#[test]
fn stopasgroup_signals_the_group_unless_stop_target_is_set() {
    let run = |settings: &[(&str, &str)]| {
        let mut command = supervise(["perl", "-e", SERVER, "one", "1"]);
        for (key, value) in settings {
            command.env(format!("SUPERVISOR_PROGRAM__APP_{key}"), value);
        }
        let mut running = Running::start(&mut command);
        running.stdout.wait_for("one up");
        let said = stopped(&mut running);
        let lost = running.stdout.said("one worker lost");
        assert_eq!(said.contains("sending SIGTERM to process group"), lost, "{said}");
        lost
    };
    assert!(run(&[("STOPASGROUP", "true")]));
    assert!(run(&[("STOP_TARGET", "group")]));
    assert!(!run(&[("STOPASGROUP", "true"), ("STOP_TARGET", "main")]));
    assert!(!run(&[("STOPASGROUP", "false")]));
}

#[test]
fn a_server_behind_a_script_has_the_whole_grace_period_in_run_once_mode() {
    for shell in SHELLS {
        let mut command = started(shell, "once", ": prepare\nSERVER one 3", 30);
        let mut running = Running::start(command.env("PROCESS_AUTO_RECOVERY", "false"));
        running.stdout.wait_for("one up");
        running.signal("TERM");
        assert_eq!(running.exit_code(), 143);
        drained(&running, "one");
    }
}

#[test]
fn leftover_processes_that_their_own_parent_reaps_are_not_awaited() {
    // The shell's child of the moment is gone, unheard of, before it can be signalled.
    let text = "setsid sh -c 'echo loop $$; while :; do sleep 0.01; done' & \
                sleep 0.2; echo leader $$; exec sleep 1000";
    let mut running = Running::start(&mut supervise(["sh", "-c", text]));
    running.stderr.wait_for("spawned:");
    for _ in 0..3 {
        let looping = running.stdout.number_after("loop ");
        running.stderr.wait_for("entered RUNNING");
        kill(running.stdout.number_after("leader "), "KILL");
        running.stderr.wait_for("with SIGTERM");
        running.stderr.wait_for("spawned:");
        wait_gone(looping);
    }
    assert!(!running.stderr.said("with SIGKILL"), "{:?}", running.stderr);
    running.signal("TERM");
    running.exit_code();
}

#[test]
fn leftover_processes_have_the_configured_grace_period() {
    let text = "setsid sh -c 'trap \"\" TERM; echo up $$; while :; do sleep 0.05; done' & \
                sleep 0.2; echo leader $$; exec sleep 1000";
    let mut running =
        Running::start(supervise(["sh", "-c", text]).env("PROCESS_LEFTOVER_GRACE_SECS", "0"));
    let stubborn = running.stdout.number_after("up ");
    let start = Instant::now();
    kill(running.stdout.number_after("leader "), "KILL");
    running.stderr.wait_for("with SIGKILL");
    wait_gone(stubborn);
    // The usual two seconds are not waited for.
    assert!(start.elapsed() < Duration::from_secs(2), "{:?}", start.elapsed());
    running.stderr.wait_for("spawned:");
}

#[test]
fn a_stop_budget_reduces_grace_periods() {
    let port = free_port();
    let stubborn = "trap : TERM; echo up; while :; do sleep 0.05; done";
    let mut command = supervise(["sh", "-c", stubborn]);
    command
        .env("SUPERVISOR_PROGRAM__OTHER_COMMAND", format!("sh -c '{stubborn}'"))
        .env("PROCESS_STATUS_PORT", port.to_string())
        .env("PROCESS_STOP_BUDGET_SECS", "5");
    let mut running = Running::start(&mut command);
    running.stderr.wait_for("a shutdown may take 61 s (other 30, app 30, reserve 1)");
    running.stderr.wait_for("success:");
    running.stderr.wait_for("success:");
    let start = Instant::now();
    running.signal("TERM");
    running.stderr.wait_for("SIGKILL in 2 s");
    let metrics = http(port, "GET /metrics").unwrap();
    assert_eq!(metrics.matches("\nstandard_supervisor_process_stop_cuts_total{").count(), 2);
    assert!(metrics.lines().any(|line| line.contains("stop_cuts_total") && line.ends_with("} 1")));
    assert_eq!(running.exit_code(), 0);
    let took = start.elapsed();
    assert!(took < Duration::from_secs(5) && took > Duration::from_secs(3), "{took:?}");
}
