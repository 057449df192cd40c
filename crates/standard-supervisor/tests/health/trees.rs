//! Half-dead trees.

use std::fs::{self, File, Permissions};
use std::io::{BufRead as _, BufReader};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;

use crate::harness::{Running, kill, supervise};
use crate::server::{Server, end, times, up};

#[test]
fn a_server_that_lost_a_worker_restarts() {
    let Some(server) = Server::new() else { return };
    let mut running = up(server
        .checked(&["worker"])
        .env("PROCESS_HEALTH_TREE_PATTERN", "test-worker")
        .env("PROCESS_HEALTH_TREE_PATIENCE_SECS", "0.3"));
    let worker = running.stdout.number_after("worker ");
    // It is counted as often as it is asked: when it has been asked again, it was counted.
    times(&mut running.stdout, "asked /health", 5);
    // Its parent doesn't wait for it: it stays as a zombie, which doesn't count.
    kill(worker, "KILL");
    running.stderr.wait_for("unhealthy: app: only 0 of 1 expected processes have been alive for ");
    running.stderr.wait_for("terminated by SIGTERM");
    running.stderr.wait_for("entered RUNNING state");
    end(running);
}

#[test]
fn a_server_with_all_workers_is_not_restarted() {
    let Some(server) = Server::new() else { return };
    let mut running = up(server
        .checked(&["worker"])
        .env("PROCESS_HEALTH_TREE_PATTERN", "test-worker")
        .env("PROCESS_HEALTH_TREE_PATIENCE_SECS", "0.1"));
    times(&mut running.stdout, "asked /health", 10);
    running.signal("TERM");
    assert_eq!(running.exit_code(), 0);
    assert!(!running.stderr.said("unhealthy"));
}

/// A worker can die while the model loads, and the others then wait for it for good.
#[test]
fn a_worker_missing_while_the_model_loads_is_noticed() {
    let Some(server) = Server::new() else { return };
    let (_gate, asks) = (server.fifo("gate"), server.fifo("asks"));
    let check = format!("sh -c 'echo asked >{}; exit 1'", asks.display());
    let mut running = Running::start(
        server
            .supervised(&["worker"])
            .env("PROCESS_HEALTH_COMMAND", check)
            .env("PROCESS_HEALTH_TREE_PATTERN", "test-worker")
            .env("PROCESS_HEALTH_TREE_PATIENCE_SECS", "0.3"),
    );
    let worker = running.stdout.number_after("worker ");
    // It is counted as often as it is asked.
    let asks = BufReader::new(File::options().read(true).write(true).open(asks).unwrap());
    assert_eq!(asks.lines().take(5).filter(Result::is_ok).count(), 5);
    kill(worker, "KILL");
    running.stderr.wait_for("unhealthy: app: only 0 of 1 expected processes have been alive for ");
    running.stderr.wait_for("terminated by SIGTERM");
    running.stdout.wait_for("worker ");
    end(running);
}

const RANK: &str = r#"#!/usr/bin/env python3
import signal, subprocess, sys
for name in ("VLLM::EngineCore", "VLLM::Worker_TP0", "VLLM::Worker_TP0"):
    child = subprocess.Popen([sys.executable, "-c", "import signal; signal.pause()", name])
    print(name, child.pid, flush=True)
signal.pause()
"#;

/// It has no HTTP server; its preset says so, and which processes it looks for.
#[test]
fn the_processes_of_a_rank_without_a_server_are_watched() {
    let Some(server) = Server::new() else { return };
    let looks = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = looks.local_addr().unwrap().port();
    let vllm = server.folder.join("vllm");
    fs::write(&vllm, RANK).unwrap();
    fs::set_permissions(&vllm, Permissions::from_mode(0o755)).unwrap();
    let mut running = up(supervise([vllm.to_str().unwrap(), "serve", "/m", "--node-rank", "1"])
        .env("PROCESS_HEALTH_PRESET", "vllm")
        .env("PROCESS_HEALTH_TREE_INTERVAL", "0.1")
        .env("PROCESS_HEALTH_TREE_PATIENCE_SECS", "0.3")
        .env("PROCESS_HEALTH_EVIDENCE_SECS", "1")
        .env("PROCESS_HEALTH_PROGRESS_URL", format!("http://127.0.0.1:{port}/"))
        .env("PROCESS_HEALTH_PROGRESS_RUNNING", "a")
        .env("PROCESS_HEALTH_PROGRESS_DONE", "b")
        .env("PROCESS_HEALTH_PROGRESS_INTERVAL", "0.1"));
    assert!(running.stderr.said(
        "check: app: no HTTP check (preset vllm: --node-rank 1 starts no HTTP server); watching \
         its processes named 'VLLM::'"
    ));
    let worker = running.stdout.number_after("VLLM::EngineCore ");
    // Two that are named alike count once: helpers come and go under their parent's name.
    // It is counted as often as it is looked at its page.
    assert_eq!(looks.incoming().take(5).filter(Result::is_ok).count(), 5);
    kill(worker, "KILL");
    running.stderr.wait_for("unhealthy: app: only 1 of 2 expected processes have been alive for ");
    running.stderr.wait_for("entered RUNNING state");
    end(running);
}
