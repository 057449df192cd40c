//! Why a run ended.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use serde_json::json;

use crate::harness::{Running, clean, program, skip, supervise};
use crate::place::Place;

#[test]
fn an_exit_is_reported_in_the_log_a_file_and_the_termination_log() {
    let place = Place::new("exit");
    let mut running = Running::start(&mut place.shell("echo one; echo two; exit 3"));
    let line = running.stderr.wait_for("crash: program=app run=1 pid=");
    assert!(line.contains(" class=exit cause=\"it exited with 3\""), "{line}");
    assert!(line.contains(" next=give_up report="), "{line}");
    assert_eq!(running.exit_code(), 1);
    let report = place.report();
    for (key, value) in [
        ("program", json!("app")),
        ("class", json!("exit")),
        ("exit_code", json!(3)),
        ("signal", json!(null)),
        ("run", json!(1)),
        ("restart", json!(0)),
        ("ready_after_seconds", json!(null)),
        ("next", json!({ "action": "give_up", "after_seconds": null })),
        ("last_lines", json!({ "stdout": ["one", "two"], "stderr": [] })),
    ] {
        assert_eq!(report[key], value, "{key} of {report:#}");
    }
    assert!(report["peak_memory_bytes"].as_u64() > Some(0), "{report:#}");
    let message = place.message();
    assert!(message.contains("class=exit") && message.ends_with("one\ntwo\n"), "{message}");
}

#[test]
fn a_terminating_signal_is_reported_by_name() {
    let place = Place::new("signal");
    let mut running = Running::start(&mut place.shell("kill -SEGV $$"));
    assert_eq!(running.exit_code(), 1);
    let report = place.report();
    assert_eq!((&report["class"], &report["signal"]), (&json!("signal"), &json!("SIGSEGV")));
    assert_eq!(report["exit_code"], json!(null));
}

#[test]
fn the_report_of_a_missing_command_has_neither_pid_nor_exit() {
    let place = Place::new("spawn");
    let mut command = supervise(["/there/is/no/such/command"]);
    command.env("PROCESS_CRASH_DIR", place.path("reports"));
    let mut running = Running::start(&mut command);
    assert_eq!(running.exit_code(), 1);
    let report = place.report();
    assert_eq!((&report["class"], &report["pid"]), (&json!("spawn"), &json!(null)));
    assert!(report["cause"].as_str().unwrap().contains("/there/is/no/such/command"), "{report:#}");
}

#[test]
fn leftover_processes_and_their_cpu_time_are_counted() {
    let place = Place::new("leftovers");
    // The worker works before its leader ends.
    let worker = "i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done; echo done; exec sleep 1000";
    let script = format!(
        "mkfifo {0}; setsid sh -c '{worker}' > {0} & read x < {0}; exit 1",
        place.path("fifo").display()
    );
    let mut running = Running::start(&mut place.shell(&script));
    assert_eq!(running.exit_code(), 1);
    let report = place.report();
    assert_eq!(report["leftovers_killed"], json!(1), "{report:#}");
    assert!(report["cpu_seconds"].as_f64() > Some(0.02), "{report:#}");
}

#[test]
fn only_the_newest_crash_reports_are_kept() {
    let place = Place::new("keep");
    let mut command = place.shell("exit 1");
    command.env("PROCESS_MAX_START_RETRIES", "2").env("SUPERVISOR_SUPERVISORD_CRASH_KEEP", "2");
    let mut running = Running::start(&mut command);
    assert_eq!(running.exit_code(), 1);
    let names = place.names();
    assert_eq!(names.len(), 2, "{names:?}");
    assert!(names[0].ends_with("-app-2.json") && names[1].ends_with("-app-3.json"), "{names:?}");
}

#[test]
fn a_crash_directory_that_cannot_be_created_does_not_stop_the_program() {
    let place = Place::new("nowhere");
    let mut command = place.shell("exit 1");
    command.env("PROCESS_CRASH_DIR", "/proc/nowhere");
    let mut running = Running::start(&mut command);
    assert_eq!(running.exit_code(), 1);
    assert!(running.stderr.said("WARN cannot keep crash reports in /proc/nowhere"));
    assert!(running.stderr.said("crash: program=app run=1"));
}

#[test]
fn run_once_mode_writes_no_crash_report() {
    let place = Place::new("once");
    let mut command = place.shell("exit 3");
    command.env("PROCESS_AUTO_RECOVERY", "false");
    let mut running = Running::start(&mut command);
    assert_eq!(running.exit_code(), 3);
    assert!(!place.path("reports").exists() && !place.path("message").exists());
    assert!(!running.stderr.said("crash"));
}

#[test]
fn config_file_mode_reports_crashes_only_if_configured() {
    for asked in [false, true] {
        let place = Place::new(&format!("file-{asked}"));
        let ask = if asked { "crash_line=true\ncrash_dir=%(here)s/reports\n" } else { "" };
        let file = format!(
            "[supervisord]\nnodaemon=true\nlogfile=/dev/null\npidfile=%(here)s/pid\n{ask}\
             [program:a]\ncommand=sh -c 'echo why; exit 3'\nstartretries=0\nessential=true\n"
        );
        fs::write(place.path("conf"), file).unwrap();
        let words = ["-c".into(), place.path("conf")];
        let mut running = Running::start(&mut clean(program("supervisord"), words));
        assert_eq!(running.exit_code(), 1);
        assert_eq!(running.stdout.said("crash: program=a"), asked);
        if asked {
            assert_eq!(place.report()["last_lines"]["stdout"], json!(["why"]));
        }
    }
}

#[test]
fn an_oom_kill_is_reported_as_such() {
    let Some(group) = MemoryGroup::make(48 << 20) else {
        return skip("no memory cgroup can be made here", "REQUIRE_CGROUP");
    };
    let place = Place::new("oom");
    // The shell ends with its child's status, so the main process was not killed itself.
    let script = "echo working; dd if=/dev/zero of=/dev/null bs=300M count=1; exit 1";
    let mut command = place.shell(script);
    let mut running = Running::start(group.enter(&mut command));
    let line = running.stderr.wait_for("crash: program=app");
    assert!(line.contains("class=oom") && line.contains("oom_kills=1"), "{line}");
    assert_eq!(running.exit_code(), 1);
    let report = place.report();
    assert_eq!((&report["class"], &report["exit_code"]), (&json!("oom"), &json!(1)));
    assert_eq!(report["memory_group"]["limit_bytes"], json!(48 << 20));
}

/// A memory cgroup of version 1 or 2, removed when dropped.
struct MemoryGroup(PathBuf);

impl MemoryGroup {
    fn make(limit: u64) -> Option<Self> {
        let list = fs::read_to_string("/proc/self/cgroup").ok()?;
        let one = list.lines().find_map(|line| line.split_once(":memory:")).map(|(_, path)| path);
        let (base, name) = match one {
            Some(path) => (format!("/sys/fs/cgroup/memory{path}"), "memory.limit_in_bytes"),
            None => {
                let path = list.lines().find_map(|line| line.strip_prefix("0::"))?;
                (format!("/sys/fs/cgroup{path}"), "memory.max")
            }
        };
        let group = Self(PathBuf::from(base).join(format!("crash-{}", std::process::id())));
        fs::create_dir(&group.0).ok()?;
        fs::write(group.0.join(name), limit.to_string()).ok()?;
        // Otherwise the process is slowed down and not ended.
        let _ = fs::write(group.0.join("memory.swap.max"), "0");
        Some(group)
    }

    /// The same command, started from within.
    fn enter<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        let mut inside = Command::new("sh");
        inside.args(["-c", "echo $$ > \"$0\" && exec \"$@\""]).arg(self.0.join("cgroup.procs"));
        inside.arg(command.get_program()).args(command.get_args());
        for (name, value) in command.get_envs() {
            match value {
                Some(value) => inside.env(name, value),
                None => inside.env_remove(name),
            };
        }
        *command = inside;
        command
    }
}

impl Drop for MemoryGroup {
    fn drop(&mut self) {
        let _ = fs::remove_dir(&self.0);
    }
}
