//! Half-dead trees.

use std::fs::File;
use std::io::{BufRead as _, BufReader};

use crate::harness::{Running, kill};
use crate::server::{Server, end, times, up};

#[test]
fn a_server_that_lost_a_worker_is_started_again() {
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
    running.stderr.wait_for("unhealthy: app, only 0 of 1 of its processes have been there for ");
    running.stderr.wait_for("terminated by SIGTERM");
    running.stderr.wait_for("entered RUNNING state");
    end(running);
}

#[test]
fn a_server_whose_workers_are_there_is_left_alone() {
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
fn a_worker_that_is_missing_while_the_model_loads_is_noticed() {
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
    running.stderr.wait_for("unhealthy: app, only 0 of 1 of its processes have been there for ");
    running.stderr.wait_for("terminated by SIGTERM");
    running.stdout.wait_for("worker ");
    end(running);
}
