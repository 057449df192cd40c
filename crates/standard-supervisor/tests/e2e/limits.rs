//! Resource limits of a program, and the signals that it gets.

use crate::harness::{Running, once, supervise};

/// Prints its own limits, and what it is.
const LIMITS: &str = "echo \"files $(ulimit -n) $(ulimit -Hn)\"; echo \"core $(ulimit -c)\"; \
                      echo \"stack $(ulimit -s)\"; echo \"nice $(cut -d ' ' -f 19 /proc/self/stat)\"; \
                      echo \"oom $(cat /proc/self/oom_score_adj)\"";

#[test]
fn configured_limits_apply_to_the_program_and_not_to_the_supervisor() {
    for run_once in [false, true] {
        let script =
            format!("{LIMITS}; echo \"parent $(cat /proc/$PPID/oom_score_adj)\"; exit 255");
        let words = ["sh", "-c", &script];
        let mut command = if run_once { once(words) } else { supervise(words) };
        if !run_once {
            command.env("PROCESS_MAX_START_RETRIES", "0");
        }
        let mut running = Running::start(
            command
                .env("PROCESS_LIMIT_NOFILE", "100:200")
                .env("PROCESS_LIMIT_CORE", "0")
                .env("PROCESS_LIMIT_STACK", "1MB")
                .env("PROCESS_NICE", "7")
                .env("PROCESS_OOM_SCORE_ADJ", "900"),
        );
        running.exit_code();
        let said = running.stdout.rest().join("\n");
        for line in ["files 100 200", "core 0", "stack 1024", "nice 7", "oom 900"] {
            assert!(said.contains(line), "{line} is missing in\n{said}");
        }
        let own = std::fs::read_to_string("/proc/self/oom_score_adj").unwrap();
        assert!(said.contains(&format!("parent {}", own.trim())), "{said}");
    }
}

#[test]
fn a_limit_that_the_system_rejects_prevents_the_start() {
    for (variable, value, why) in [
        ("PROCESS_LIMIT_NOFILE", "1099511627776", "the highest value that the system allows is "),
        ("PROCESS_LIMIT_NOFILE", "many", "expected a whole number or unlimited"),
        ("PROCESS_NICE", "20", "20 is not between -20 and 19"),
        ("SUPERVISOR_PROGRAM__APP_LIMIT_CORE", "2KB:1KB", "the soft limit is above the hard one"),
        ("PROCESS_SIGNAL_MAP", "TERM:0", "signal_map drops SIGTERM, the stopsignal"),
        ("PROCESS_SIGNAL_MAP", "KILL:TERM", "SIGKILL is never passed on"),
    ] {
        for command in [supervise(["echo", "started"]), once(["echo", "started"])] {
            let mut command = command;
            let mut running = Running::start(command.env(variable, value));
            assert_eq!(running.exit_code(), 1, "{variable}={value}");
            assert!(running.stdout.rest().is_empty(), "{variable}={value}");
            let said = running.stderr.rest().join("\n");
            assert!(said.contains(&format!("ERROR: {variable}: ")) && said.contains(why), "{said}");
        }
    }
}

/// A program that says which signal it got, and ends by SIGQUIT.
const TELLS: &str = "trap 'echo got HUP' HUP; trap 'echo got USR1' USR1; \
                     trap 'echo got QUIT; exit 0' QUIT; trap 'echo got TERM; exit 9' TERM; \
                     echo ready; while :; do sleep 0.05; done";

#[test]
fn signals_are_rewritten_by_the_map() {
    for run_once in [false, true] {
        let words = ["sh", "-c", TELLS];
        let mut command = if run_once { once(words) } else { supervise(words) };
        let mut running = Running::start(command.env("PROCESS_SIGNAL_MAP", "15:3,HUP:USR1,USR2:0"));
        running.stdout.wait_for("ready");
        running.signal("USR2");
        running.signal("HUP");
        running.stdout.wait_for("got USR1");
        running.signal("TERM");
        running.stdout.wait_for("got QUIT");
        assert_eq!(running.exit_code(), 0);
        assert!(!running.stdout.said("got HUP") && !running.stdout.said("got TERM"));
    }
}
