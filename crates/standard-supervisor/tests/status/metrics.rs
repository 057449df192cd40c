//! `/metrics`, as Prometheus' own library reads it.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::Served;
use crate::harness::{PATIENCE, kill, python, skip};

/// The families of a page with their types, and all series with their values.
struct Page {
    families: BTreeMap<String, String>,
    series: BTreeMap<String, f64>,
}

#[test]
fn every_series_exists_from_the_start_and_counters_increase_after_a_crash() {
    let Some(python) = parser() else { return };
    let mut served = Served::start("echo 12345; exec sleep 1000", &[]);
    let pid = served.spawned();
    let before = page(&served, &python);
    for (name, kind) in documented() {
        let known = before.families.get(name.trim_end_matches("_total"));
        assert_eq!(known, Some(&kind), "{name}");
    }
    assert!(
        before.series["standard_supervisor_process_last_exit_code{group=app,process=app}"].is_nan()
    );
    assert_eq!(restarts(&before, "signal"), 0.0);
    served.running.stderr.wait_for("success: app entered RUNNING state");
    kill(pid, "KILL");
    served.spawned();
    served.running.stderr.wait_for("success: app entered RUNNING state");
    let after = page(&served, &python);
    let names = |page: &Page| page.series.keys().cloned().collect::<BTreeSet<_>>();
    assert_eq!(names(&before), names(&after), "series come and go");
    let of_app = |name: &str| {
        after.series[&format!("standard_supervisor_process_{name}{{group=app,process=app}}")]
    };
    assert_eq!(restarts(&after, "signal"), 1.0);
    assert_eq!(restarts(&after, "exit"), 0.0);
    assert_eq!(of_app("last_exit_code"), 137.0);
    assert_eq!(of_app("starts_total"), 2.0);
    assert_eq!((of_app("up"), of_app("ready"), of_app("tree_size")), (1.0, 1.0, 1.0));
    assert!(of_app("time_to_ready_seconds") >= 1.0);
    assert!(of_app("memory_bytes") > 10_000.0);
    let written =
        "standard_supervisor_process_output_bytes_total{group=app,process=app,stream=stdout}";
    assert_eq!(after.series[written], 12.0, "both runs wrote six bytes");
    let running = "standard_supervisor_process_state{group=app,process=app,state=RUNNING}";
    let fatal = "standard_supervisor_process_state{group=app,process=app,state=FATAL}";
    assert_eq!((after.series[running], after.series[fatal]), (1.0, 0.0));
}

#[test]
fn checks_are_timed_and_their_failures_counted_by_kind() {
    let Some(python) = parser() else { return };
    let well = std::env::temp_dir().join(format!("status-well-{}", std::process::id()));
    std::fs::write(&well, "").unwrap();
    let question = format!("test -e {}", well.display());
    let variables = [
        ("PROCESS_HEALTH_COMMAND", &*question),
        ("PROCESS_HEALTH_INTERVAL", "0.1"),
        ("PROCESS_HEALTH_FAILURES", "2"),
    ];
    let mut served = Served::start("exec sleep 1000", &variables);
    served.running.stderr.wait_for("success: app entered RUNNING state, ready");
    assert_eq!(served.get("/readyz").status, 200);
    let before = page(&served, &python);
    let of_app = |name: &str, kind: &str| {
        format!("standard_supervisor_process_{name}{{group=app,{kind}process=app}}")
    };
    let [answers, failures, ills] = [
        of_app("check_duration_seconds_count", ""),
        of_app("check_failures_total", "kind=command,"),
        "standard_supervisor_process_unhealthy_total{group=app,process=app,reason=check}"
            .to_owned(),
    ];
    assert!(before.series[&answers] >= 1.0);
    assert_eq!((before.series[&failures], before.series[&ills]), (0.0, 0.0));
    std::fs::remove_file(&well).unwrap();
    served.running.stderr.wait_for("unhealthy: app");
    served.spawned();
    // The first check of the new run may have failed by now.
    let answer = served.get("/readyz");
    let starts = answer.body.starts_with("not ready: app is STARTING");
    assert!(answer.status == 503 && starts, "{answer:?}");
    let after = page(&served, &python);
    assert!(after.series[&answers] >= before.series[&answers] + 2.0);
    assert!(after.series[&failures] >= 2.0);
    assert_eq!((after.series[&ills], restarts(&after, "health")), (1.0, 1.0));
    let names = |page: &Page| page.series.keys().cloned().collect::<BTreeSet<_>>();
    assert_eq!(names(&before), names(&after), "series come and go");
}

#[test]
fn dropped_output_is_counted() {
    let Some(python) = parser() else { return };
    let full = ("SUPERVISOR_PROGRAM__APP_STDOUT_LOGFILE", "/dev/full");
    let mut served = Served::start("printf 1234567; exec sleep 1000", &[full]);
    served.running.stderr.wait_for("output is being dropped");
    let page = page(&served, &python);
    let lost =
        "standard_supervisor_process_output_lost_bytes_total{group=app,process=app,stream=stdout}";
    assert_eq!(page.series[lost], 7.0);
}

#[test]
fn a_program_with_blocked_output_is_shown_in_the_metrics() {
    let Some(python) = parser() else { return };
    // More than pipes hold, and nobody reads the supervisor's own stdout.
    let script = "echo begins >&2; head -c 4000000 /dev/zero; exec sleep 1000";
    let port = crate::harness::free_port();
    let mut command = crate::harness::supervise(["sh", "-c", script]);
    crate::asked(&mut command, port).env("SUPERVISOR_PROGRAM__APP_REDIRECT_STDERR", "false");
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut stderr = crate::harness::Lines::of(child.stderr.take().unwrap());
    stderr.wait_for("success: app entered RUNNING state");
    let text = crate::harness::http(port, "GET /metrics").unwrap();
    let page = read(&crate::answer(&text).body, &python);
    let of_stdout = |name: &str| {
        page.series
            [&format!("standard_supervisor_process_{name}{{group=app,process=app,stream=stdout}}")]
    };
    child.kill().unwrap();
    crate::harness::wait(&mut child);
    assert!(of_stdout("output_waiting_bytes") > 0.0);
    assert!(of_stdout("output_stalls_total") > 0.0);
    assert_eq!(of_stdout("output_lost_bytes_total"), 0.0);
}

#[test]
fn a_limit_that_rejects_a_client_is_counted() {
    let Some(python) = parser() else { return };
    let mut served = Served::start("exec sleep 1000", &[]);
    served.spawned();
    let too_long = "GET /livez HTTP/1.1\r\nHost: x\r\nContent-Length: 3000000\r\n\r\n".to_owned();
    assert!(raw(served.port, &too_long).starts_with("HTTP/1.1 413"));
    let head = format!("GET /livez HTTP/1.1\r\nX: {}\r\n\r\n", "x".repeat(100_000));
    assert!(raw(served.port, &head).starts_with("HTTP/1.1 431"));
    let page = page(&served, &python);
    let refused =
        |reason| page.series[&format!("standard_supervisor_http_refused_total{{reason={reason}}}")];
    assert_eq!(refused("body_too_large"), 1.0);
    assert_eq!(refused("head_too_large"), 1.0);
    assert_eq!(refused("no_place"), 0.0);
}

#[test]
fn an_idle_supervisor_with_a_status_port_does_not_wake_up() {
    let mut served = Served::start("exec sleep 1000", &[]);
    served.running.stderr.wait_for("success: app entered RUNNING state");
    assert_eq!(served.get("/metrics").status, 200);
    // The connection's end, and the last line, may still be on their way at first.
    let quiet = |_| {
        let before = wake_ups(served.running.pid());
        assert!(Command::new("sleep").arg("2").status().unwrap().success());
        before == wake_ups(served.running.pid())
    };
    assert!((0..3).any(quiet), "it was woken in each of three stretches of 2 s");
}

fn wake_ups(pid: i32) -> String {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    status.lines().filter(|line| line.contains("ctxt_switches")).collect()
}

fn restarts(page: &Page, reason: &str) -> f64 {
    let name = "standard_supervisor_process_restarts_total";
    page.series[&format!("{name}{{group=app,process=app,reason={reason}}}")]
}

/// Names and types of all metrics, as the reference has them.
fn documented() -> Vec<(String, String)> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/reference/metrics.md");
    let text = std::fs::read_to_string(path).unwrap();
    let rows = text.lines().filter_map(|line| line.strip_prefix("| `standard_"));
    let all: Vec<_> = rows
        .map(|row| {
            let mut cells = row.split('|');
            let name = format!("standard_{}", cells.next().unwrap().trim().trim_matches('`'));
            (name, cells.next().unwrap().trim().to_owned())
        })
        .collect();
    assert!(all.len() > 20, "{all:?}");
    all
}

fn parser() -> Option<String> {
    let found = python().filter(|python| {
        let import = ["-c", "import prometheus_client"];
        Command::new(python).args(import).stderr(Stdio::null()).status().is_ok_and(|s| s.success())
    });
    if found.is_none() {
        skip("SUPERVISOR_PYTHON names no Python with prometheus_client", "REQUIRE_PYTHON");
    }
    found
}

fn page(served: &Served, python: &str) -> Page {
    let answer = served.get("/metrics");
    assert_eq!(answer.status, 200);
    read(&answer.body, python)
}

fn read(text: &str, python: &str) -> Page {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/status/python/openmetrics.py");
    let mut child = Command::new(python)
        .arg(script)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "this can't be read:\n{text}");
    let read: Value = serde_json::from_slice(&output.stdout).unwrap();
    let pairs = |of: &str| {
        let pairs = read[of].as_object().unwrap().clone().into_iter();
        pairs.map(|(name, value)| (name, value.as_str().unwrap().to_owned()))
    };
    Page {
        families: pairs("families").collect(),
        series: pairs("series").map(|(name, value)| (name, value.parse().unwrap())).collect(),
    }
}

/// Sends this and returns what comes back until the connection ends.
fn raw(port: u16, request: &str) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    // It may have said no before it was given everything.
    let _ = stream.write_all(request.as_bytes());
    let mut answer = Vec::new();
    let mut some = [0; 1024];
    while let Ok(bytes @ 1..) = stream.read(&mut some) {
        answer.extend_from_slice(&some[..bytes]);
    }
    String::from_utf8(answer).unwrap()
}
