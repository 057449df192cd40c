//! Files are removed on evidence.

use std::fs;
use std::os::unix::net::UnixListener;
use std::path::PathBuf;
use std::process::Command;

use crate::cleaning::{crashes_once, which};
use crate::harness::{Running, clean, free_port, http, kill, skip};
use crate::place::Place;

/// A server with one process that binds its socket as most do: where a file is, it fails.
const SERVER: &str = "\
import socket, sys, time
s = socket.socket(socket.AF_UNIX)
s.bind(sys.argv[-1])
s.listen()
print('bound', flush=True)
time.sleep(1000)
";

#[test]
fn a_crashed_server_restarts_despite_its_stale_socket() {
    if which("python3").is_none() {
        return skip("there is no python3", "REQUIRE_PYTHON");
    }
    let place = Place::new("uds");
    fs::write(place.path("server.py"), SERVER).unwrap();
    // At a place of its own, where nothing is looked for.
    let socket = place.path("s.sock");
    let (server, path) = (place.path("server.py"), socket.clone().into_os_string());
    let words = ["python3".into(), server.into_os_string(), "--uds".into(), path];
    let mut command = crate::harness::supervise(words);
    command.env("PROCESS_REMOVE_LEFTOVERS", "true").env("PROCESS_CRASH_DIR", "off");
    let stranger = Stranger::new("uds");
    let mut running = Running::start(&mut command);
    for _ in 0..2 {
        let pid = running.stderr.number_after("spawned: 'app' with pid ");
        running.stdout.wait_for("bound");
        stranger.leaves_a_socket();
        kill(pid, "KILL");
        let line = running.stderr.wait_for("of 'app' (");
        assert!(line.contains(&*socket.to_string_lossy()), "{line}");
        assert!(stranger.is_there(), "{line}");
    }
    running.stdout.wait_for("bound");
    let kept = stranger.path.to_string_lossy().into_owned();
    assert_eq!(running.stderr.count(&kept), 1, "it is told once why it is kept");
}

#[test]
fn files_of_a_run_are_removed_and_others_kept_with_a_reason() {
    let place = Place::new("open");
    let (own, strange) = (shm("own"), shm("strange"));
    let mut command = crashes_once(&place, &format!("exec 3> {}", own.display()));
    command
        .env("PROCESS_MAX_START_RETRIES", "1")
        .env("PROCESS_REMOVE_LEFTOVERS", "true")
        .env("LOG_LEVEL", "debug");
    let stranger = Stranger::new("open");
    let mut running = Running::start(&mut command);
    running.stderr.wait_for("'app' uses 1 file in shared memory");
    fs::write(&strange, "strange").unwrap();
    stranger.leaves_a_socket();
    fs::write(place.path("go"), "go\n").unwrap();
    let removed = running.stderr.wait_for("of 'app' (");
    let kept = running.stderr.wait_for("that 'app' may have created");
    running.stdout.wait_for("second");
    let there = [&own, &strange, &stranger.path].map(|path| path.exists());
    let _ = fs::remove_file(strange);
    assert_eq!(there, [false, true, true], "{removed}\n{kept}");
    assert!(removed.contains(&*own.to_string_lossy()), "{removed}");
    assert!(kept.contains("not seen in use by its processes"), "{kept}");
}

#[test]
fn files_are_removed_at_a_shutdown_as_well() {
    let place = Place::new("end");
    let own = shm("end");
    let script =
        format!("exec 3> {}; trap 'exit 0' TERM; while :; do sleep 0.1; done", own.display());
    let mut command = place.shell(&script);
    command.env("PROCESS_REMOVE_LEFTOVERS", "true").env("LOG_LEVEL", "debug");
    let mut running = Running::start(&mut command);
    running.stderr.wait_for("'app' uses 1 file in shared memory");
    running.signal("TERM");
    assert_eq!(running.exit_code(), 0);
    running.stderr.wait_for("removed 1 stale file of 'app'");
    assert!(!own.exists());
}

#[test]
fn remove_leftovers_all_cleans_up_before_the_first_start_without_evidence() {
    if !rustix::process::geteuid().is_root() {
        return skip("only root has a /dev/shm of its own", "REQUIRE_ROOT");
    }
    let script = "ls /dev/shm; echo end; exec sleep 1000";
    let before = "touch /dev/shm/old /dev/shm/model.gguf";
    for (policy, left) in [("all", "model.gguf"), ("true", "model.gguf old")] {
        let mut command = in_own_memory(before, script);
        command.env("PROCESS_REMOVE_LEFTOVERS", policy);
        let mut running = Running::start(&mut command);
        running.stdout.wait_for("end");
        assert_eq!(running.stdout.until("end").join(" "), left, "{policy}");
    }
}

#[test]
fn an_unreadable_process_does_not_prevent_the_cleanup() {
    if !rustix::process::geteuid().is_root() {
        return skip("only root has processes that others may not look into", "REQUIRE_ROOT");
    }
    use std::os::unix::process::CommandExt;
    let own = shm("hidden");
    let script = format!(
        "[ -e {0} ] && {{ echo left; exec sleep 1000; }}; exec 3> {0}; chmod 644 {0}; exec sleep 1000",
        own.display()
    );
    let binary = std::env::temp_dir().join(format!("supervisor-{}", std::process::id()));
    fs::copy(crate::harness::BINARY, &binary).unwrap();
    let mut command = clean(&binary.to_string_lossy(), ["sh", "-c", &script]);
    command
        .env("PROCESS_CRASH_DIR", "off")
        .env("LOG_LEVEL", "debug")
        .current_dir("/")
        .uid(65534)
        .gid(65534);
    let mut running = Running::start(&mut command);
    let pid = running.stderr.number_after("spawned: 'app' with pid ");
    running.stderr.wait_for("'app' uses 1 file in shared memory");
    kill(pid, "KILL");
    running.stderr.wait_for("removed 1 stale file of 'app'");
    fs::remove_file(binary).unwrap();
}

#[test]
fn nearly_full_shared_memory_and_its_bus_error_are_reported() {
    if !rustix::process::geteuid().is_root() {
        return skip("only root has a /dev/shm of its own", "REQUIRE_ROOT");
    }
    let fill = "head -c 1000000 /dev/zero > /dev/shm/a";
    let place = Place::new("full");
    let go = place.path("go");
    Command::new("mkfifo").arg(&go).status().unwrap();
    let script = format!("exec 3< /dev/shm/a; read x < {}; kill -BUS $$", go.display());
    let mut command = in_own_memory(fill, &script);
    let port = free_port();
    command
        .env("PROCESS_REMOVE_LEFTOVERS", "true")
        .env("PROCESS_MAX_START_RETRIES", "0")
        .env("PROCESS_STATUS_PORT", format!("127.0.0.1:{port}"));
    let mut running = Running::start(&mut command);
    running.stderr.wait_for("/dev/shm is nearly full (0 MB of 1 MB)");
    let page = http(port, "GET /metrics").unwrap();
    let bytes = |name: &str| -> f64 {
        let start = format!("standard_supervisor_{name} ");
        page.lines().find_map(|line| line.strip_prefix(&*start)).unwrap().parse().unwrap()
    };
    assert_eq!(bytes("shared_memory_bytes"), f64::from(1 << 20));
    // The file system counts whole pages.
    assert!((1e6..=1_048_576.0).contains(&bytes("shared_memory_used_bytes")), "{page}");
    fs::write(&go, "\n").unwrap();
    running.stderr.wait_for("'app' got SIGBUS, and /dev/shm is full");
    running.stderr.wait_for("terminated by SIGBUS");
    assert_eq!(running.exit_code(), 1);
}

#[test]
fn files_from_before_a_container_restart_are_reported_and_kept() {
    if !rustix::process::geteuid().is_root() {
        return skip("only root has a /dev/shm of its own", "REQUIRE_ROOT");
    }
    // The times of files advance in steps of some milliseconds.
    let before = "cd /dev/shm; touch vllm_offload_1.mmap other; \
                  until [ step -nt other ]; do touch step; done; rm step";
    for preset in ["vllm", "ollama"] {
        let mut command = in_own_memory(before, "exit 1");
        command.env("PROCESS_HEALTH_PRESET", preset).env("PROCESS_MAX_START_RETRIES", "0");
        let mut running = Running::start(&mut command);
        assert_eq!(running.exit_code(), 1);
        let told = "kept 1 stale file that 'app' may have created (named like files of its server";
        assert_eq!(running.stderr.said(told), preset == "vllm");
        assert_eq!(running.stderr.said("/dev/shm/vllm_offload_1.mmap"), preset == "vllm");
        assert!(!running.stderr.said("/dev/shm/other"));
    }
}

/// A supervised shell script with a `/dev/shm` of its own, of 1 MB, in which `before` is done
/// first.
fn in_own_memory(before: &str, script: &str) -> Command {
    let binary = crate::harness::BINARY;
    let mount = "mount -t tmpfs -o size=1m tmpfs /dev/shm";
    let whole = format!("{mount}; {before}; exec {binary} sh -c '{script}'");
    let mut command = clean("unshare", ["--mount", "sh", "-c", &whole]);
    command.env("PROCESS_CRASH_DIR", "off");
    command
}

fn shm(name: &str) -> PathBuf {
    PathBuf::from(format!("/dev/shm/evidence-{name}-{}", std::process::id()))
}

/// Another program of the same user, which leaves a socket where all do.
struct Stranger {
    path: PathBuf,
}

impl Stranger {
    fn new(name: &str) -> Self {
        Self { path: format!("/tmp/stranger-{name}-{}.sock", std::process::id()).into() }
    }

    fn leaves_a_socket(&self) {
        if !self.path.exists() {
            drop(UnixListener::bind(&self.path).unwrap());
        }
    }

    fn is_there(&self) -> bool {
        self.path.exists()
    }
}

impl Drop for Stranger {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
    }
}
