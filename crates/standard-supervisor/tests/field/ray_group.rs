//! A group of ranks on two nodes with real Ray: a rank that fails ends its container, and the
//! orchestrator recreates the group, as a LeaderWorkerSet does.

use crate::beside;
use crate::harness::{Running, kill, python, skip};
use crate::ray::{HEAD, Nodes, WORKER, raylet};

/// A head and a worker that are ready, and do a task together.
struct Group {
    head: Running,
    worker: Running,
}

impl Group {
    /// Starts the containers of the group for the `attempt`th time.
    fn start(nodes: &Nodes, python: &str, attempt: usize) -> Self {
        // A new container has no file of the one before.
        let folder = nodes.folder.join(attempt.to_string());
        std::fs::create_dir_all(&folder).unwrap();
        let rank = [("PROCESS_RANK_POLICY", "exit")];
        let folder_option = format!("--temp-dir={}", folder.display());
        let options =
            ["--head", "--port=6379", "--num-cpus=1", "--include-dashboard=false", &folder_option];
        let mut head = nodes.start_with(&nodes.head, HEAD, &options, &rank);
        let address = format!("--address={HEAD}:6379");
        let options = [&address, "--num-cpus=1", "--resources={\"worker\": 1}"];
        let mut worker = nodes.start_with(&nodes.worker, WORKER, &options, &rank);
        for running in [&mut head, &mut worker] {
            running.stderr.wait_for("success: app entered RUNNING state");
        }
        let fifo = folder.join("fifo").display().to_string();
        let script = beside("ray_task.py").display().to_string();
        let words = [python, &script, HEAD, &fifo, "0"];
        let mut driver = Running::start(&mut nodes.head.program(&words));
        driver.stdout.wait_for("the task is whole");
        assert_eq!(driver.exit_code(), 0);
        Self { head, worker }
    }
}

/// The container of a rank that failed ends by itself, at once and without a restart.
#[track_caller]
fn fails(rank: &mut Running) {
    rank.stderr.wait_for("gave up: app entered FATAL state");
    assert_eq!(rank.exit_code(), 1);
    assert_eq!(rank.stderr.count("spawned: 'app'"), 1, "{:#?}", rank.stderr.rest());
}

/// The orchestrator ends the container of the other rank.
#[track_caller]
fn is_stopped(rank: &mut Running) {
    rank.signal("TERM");
    assert_eq!(rank.exit_code(), 0, "{:#?}", rank.stderr.rest());
}

#[test]
fn a_failed_ray_rank_ends_its_container_and_a_recreated_group_works() {
    let Some(python) = python() else {
        return skip("there is no Python environment", "REQUIRE_PYTHON");
    };
    let Some(nodes) = Nodes::new("group", &python) else { return };

    let mut group = Group::start(&nodes, &python, 1);
    kill(raylet(&nodes.worker), "KILL");
    fails(&mut group.worker);
    is_stopped(&mut group.head);

    let mut group = Group::start(&nodes, &python, 2);
    kill(raylet(&nodes.head), "KILL");
    fails(&mut group.head);
    is_stopped(&mut group.worker);

    let mut group = Group::start(&nodes, &python, 3);
    is_stopped(&mut group.worker);
    is_stopped(&mut group.head);
}
