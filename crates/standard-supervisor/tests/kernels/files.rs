//! Files of cgroup v2 that old kernels lack, simulated by a filter that refuses to open them.

use std::fs;
use std::path::Path;

use serde_json::Value;

use super::{folder, refusing};
use crate::harness::{BINARY, Running, clean, is_alive, kill, supervise};

/// The rows of the page about these files.
pub(super) const ROWS: [&str; 2] = ["`cgroup.kill`", "`memory.peak`"];

#[test]
fn without_cgroup_kill_each_process_of_the_cgroup_is_killed() {
    if !rustix::process::getuid().is_root() {
        return println!("skipped: needs root to mount a cgroup hierarchy");
    }
    // Two workers ignore SIGTERM and leave no other trace than their cgroup.
    let worker =
        "setsid env -i sh -c 'trap : TERM; echo worker $$; while :; do sleep 0.05; done' &";
    let server = format!("{worker} {worker} sleep 0.3; echo leader $$; exec sleep 1000");
    let script = "mount -t cgroup2 none /sys/fs/cgroup; exec \"$0\" sh -c \"$1\"";
    let command = clean("unshare", ["--mount", "sh", "-c", script, BINARY, &server]);
    let mut running = Running::start(&mut refusing(&["open:cgroup.kill=ENOENT"], &command));
    let workers = [(); 2].map(|()| running.stdout.number_after("worker "));
    kill(running.stdout.number_after("leader "), "KILL");
    let refused = running.stderr.wait_for("refuse: ");
    assert!(refused.ends_with("/cgroup.kill"), "{refused}");
    running.stderr.wait_for("spawned:");
    assert!(!workers.into_iter().any(is_alive));
    running.signal("TERM");
    assert_eq!(running.exit_code(), 0);
}

#[test]
fn without_memory_peak_the_report_has_the_memory_of_the_largest_process() {
    let before = report_of_a_crash(&[]);
    if before["memory_group"]["peak_bytes"].is_null() {
        return println!("skipped: no memory cgroup counts here");
    }
    // Version 1 has another name for it.
    let refused = ["open:memory.peak=ENOENT", "open:memory.max_usage_in_bytes=ENOENT"];
    let report = report_of_a_crash(&refused);
    let group = &report["memory_group"];
    assert!(group.is_object() && group["peak_bytes"].is_null(), "{report:#}");
    assert!(report["peak_memory_bytes"].as_u64() > Some(0), "{report:#}");
}

fn report_of_a_crash(refused: &[&str]) -> Value {
    let folder = folder();
    let mut command = supervise(["sh", "-c", "exit 3"]);
    command.env("PROCESS_CRASH_DIR", &folder).env("PROCESS_MAX_START_RETRIES", "0");
    let mut running = Running::start(&mut refusing(refused, &command));
    assert_eq!(running.exit_code(), 1, "{:?}", running.stderr.rest());
    let report = only_file(&folder);
    fs::remove_dir_all(folder).unwrap();
    serde_json::from_slice(&report).unwrap()
}

fn only_file(folder: &Path) -> Vec<u8> {
    let paths: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    let [path] = &paths[..] else { panic!("{paths:?}") };
    fs::read(path).unwrap()
}
