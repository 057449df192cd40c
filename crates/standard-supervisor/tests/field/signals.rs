//! Who gets which signal at a stop: a main process that tells its own tree when to end is
//! the only one that is asked.

use crate::beside;
use crate::harness::{Running, python, skip, supervise};

/// What stands between the supervisor and the server; `$0` is what starts that.
const FRONTS: [(&str, &str); 6] = [
    ("dash", "echo preparing; $0; exit $?"),
    ("bash", "echo preparing; $0; exit $?"),
    ("dash", "trap 'kill -TERM $pid' TERM; $0 & pid=$!; wait $pid; wait $pid"),
    ("bash", "trap 'kill -TERM $pid' TERM; $0 & pid=$!; wait $pid; wait $pid"),
    ("dash", "sleep 1000 & $0 & wait"),
    ("bash", "echo one; dash -c 'echo two; $0; exit $?'; exit $?"),
];

/// Starts the stand-in, stops it, and returns all that it printed.
fn stopped(words: &[&str], arguments: &str, drain_secs: &str) -> Option<String> {
    let Some(python) = python() else {
        skip("there is no Python environment", "REQUIRE_PYTHON");
        return None;
    };
    let server = format!("{python} {} {arguments}", beside("engine.py").display());
    let words: Vec<String> = if words.is_empty() {
        server.split_whitespace().map(str::to_owned).collect()
    } else {
        words.iter().map(|word| word.replace("$0", &server)).collect()
    };
    let mut running = Running::start(supervise(words).env("DRAIN_SECS", drain_secs));
    running.stdout.wait_for("is ready");
    running.signal("TERM");
    let code = running.exit_code();
    let printed = running.stdout.rest().join("\n");
    let said = running.stderr.rest().join("\n");
    assert_eq!(code, 0, "{printed}\n{said}");
    assert!(!printed.contains("FAILED"), "{printed}\n{said}");
    assert!(printed.contains("main has drained"), "{printed}\n{said}");
    Some(printed)
}

#[test]
fn only_the_main_process_of_vllm_gets_the_stop_signal() {
    let Some(printed) = stopped(&[], "", "3") else { return };
    for end in ["worker 0 ends", "worker 1 ends", "engine ends"] {
        assert!(printed.contains(end), "{printed}");
    }
}

#[test]
fn the_signal_order_of_vllm_holds_behind_every_script() {
    std::thread::scope(|scope| {
        for (shell, script) in FRONTS {
            scope.spawn(move || stopped(&[shell, "-c", script], "", "3"));
        }
    });
}

#[test]
fn a_program_that_drains_finds_its_worker_alive() {
    stopped(&[], "plain", "5");
}
