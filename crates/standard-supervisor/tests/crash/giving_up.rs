//! Who gives a program up says why, where people look.

use serde_json::json;

use crate::harness::Running;
use crate::place::Place;

const GAVE_UP: &str = "gave up: app entered FATAL state, too many start retries too quickly: ";

#[test]
fn the_gave_up_line_has_the_cause_and_the_last_output_once() {
    let place = Place::new("gave-up");
    let script = r#"echo loading; printf '\033[31mno model at "/x"\t\033[0m\n\n'; exit 3"#;
    let mut running = Running::start(&mut place.shell(script));
    let why = r#"it exited with 3 (class=exit); last output: "no model at \"/x\"""#;
    let line = running.stderr.wait_for(GAVE_UP);
    assert!(line.ends_with(&format!("{GAVE_UP}{why}")), "{line}");
    let line = running.stderr.wait_for("last run: app run 1 ended after ");
    assert!(line.ends_with("(exit status 3)"), "{line}");
    assert_eq!(running.exit_code(), 1);
    let message = place.message();
    assert!(message.starts_with(&format!("{why}\n")), "{message}");
    assert!(message.ends_with("loading\nno model at \"/x\"\t\n\n"), "{message}");
}

#[test]
fn the_gave_up_line_says_that_a_server_was_never_ready() {
    let place = Place::new("never-ready");
    let mut command = place.shell("echo loading; exec sleep 1000");
    command.env("PROCESS_HEALTH_READY", "log:listening");
    let mut running = Running::start(command.env("PROCESS_HEALTH_START_TIMEOUT", "0.2"));
    let line = running.stderr.wait_for(GAVE_UP);
    let why = "not ready within 0.2 s";
    let told = format!("{GAVE_UP}{why} (class=health); last output: \"loading\"");
    assert!(line.ends_with(&told), "{line}");
    let line = running.stderr.wait_for("last run: app run 1 ended after ");
    assert!(line.ends_with(&format!("(terminated by SIGTERM): {why}")), "{line}");
    assert_eq!(running.exit_code(), 1);
}

#[test]
fn the_gave_up_event_in_json_has_the_same_facts() {
    let place = Place::new("gave-up-json");
    let mut command = place.shell("echo loading; exit 3");
    let mut running = Running::start(command.env("LOG_FORMAT", "json"));
    let line = running.stderr.wait_for("\"gave_up\"");
    let line: serde_json::Value = serde_json::from_str(&line).unwrap();
    for (key, value) in [
        ("reason", "too_many_retries"),
        ("class", "exit"),
        ("cause", "it exited with 3"),
        ("last_line", "loading"),
    ] {
        assert_eq!(line[key], json!(value), "{key} of {line:#}");
    }
    assert_eq!(running.exit_code(), 1);
}

#[test]
fn an_orphan_killed_before_the_exit_is_reported_with_it() {
    let place = Place::new("orphan");
    let script =
        "(sleep 1000 & echo $! >orphan); pid=$(cat orphan); kill -9 $pid; sleep 0.3; exit 1";
    let mut command = place.shell(script);
    let mut running = Running::start(command.current_dir(place.path("")));
    let line = running.stderr.wait_for("crash: program=app run=1");
    let pid = std::fs::read_to_string(place.path("orphan")).unwrap();
    let killed = format!("its process sleep (pid {}) was terminated by SIGKILL", pid.trim());
    assert!(line.contains("cause=\"it exited with 1, 0.") && line.contains(&killed), "{line}");
    assert_eq!(running.exit_code(), 1);
    let report = place.report();
    assert_eq!(report["class"], json!("exit"), "{report:#}");
    assert_eq!(report["forerunner"]["name"], json!("sleep"), "{report:#}");
    assert_eq!(report["forerunner"]["signal"], json!("SIGKILL"), "{report:#}");
}

#[test]
fn a_child_that_its_parent_reaped_is_reported_with_the_exit() {
    let place = Place::new("child");
    let script = "sleep 1000 & echo $! >child; wait $!; exit 1";
    let mut command = place.shell(script);
    let mut running = Running::start(command.current_dir(place.path("")));
    running.stderr.wait_for("success: app");
    // It is looked who there is when that has been said.
    let pid = std::fs::read_to_string(place.path("child")).unwrap();
    while !handles(running.pid()).contains(&pid.trim().to_owned()) {
        std::thread::yield_now();
    }
    crate::harness::kill(pid.trim().parse().unwrap(), "KILL");
    let line = running.stderr.wait_for("crash: program=app run=1");
    let name = format!("its process sleep (pid {}) ", pid.trim());
    assert!(line.contains("cause=\"it exited with 1, 0.") && line.contains(&name), "{line}");
    assert_eq!(running.exit_code(), 1);
    let report = place.report();
    assert_eq!(report["forerunner"]["name"], json!("sleep"), "{report:#}");
    // Who waits for it may be quicker than we are, and only kernels from 6.15 on tell then.
    let signal = &report["forerunner"]["signal"];
    assert!([json!("SIGKILL"), json!(null)].contains(signal), "{report:#}");
}

/// The pids of which a process has handles.
fn handles(pid: i32) -> Vec<String> {
    let infos = std::fs::read_dir(format!("/proc/{pid}/fdinfo")).unwrap().flatten();
    let infos = infos.filter_map(|info| std::fs::read_to_string(info.path()).ok());
    infos
        .filter_map(|info| {
            Some(info.lines().find_map(|l| l.strip_prefix("Pid:"))?.trim().to_owned())
        })
        .collect()
}
