//! Real Ray over two nodes: its own drain, its order of starts, and a raylet that dies.

use std::path::Path;
use std::process::Command;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::beside;
use crate::harness::{Running, kill, python, skip, supervise};
use crate::net::Namespace;

pub(crate) const HEAD: &str = "10.231.0.1";
pub(crate) const WORKER: &str = "10.231.0.2";

/// Two Rays at once are slow on a small machine.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

/// Two nodes with a cable between them.
pub(crate) struct Nodes {
    pub(crate) head: Namespace,
    pub(crate) worker: Namespace,
    ray: String,
    pub(crate) folder: std::path::PathBuf,
    _turn: MutexGuard<'static, ()>,
}

impl Nodes {
    pub(crate) fn new(name: &str, python: &str) -> Option<Self> {
        let turn = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
        let node = |role: &str| Namespace::new(&format!("{name}-{role}"));
        let (head, worker) = (node("head")?, node("worker")?);
        let peer = ["peer", "name", "cable", "netns", worker.name()];
        head.ip(&[&["link", "add", "cable", "type", "veth"][..], &peer].concat());
        for (node, address) in [(&head, HEAD), (&worker, WORKER)] {
            node.ip(&["addr", "add", &format!("{address}/24"), "dev", "cable"]);
            node.ip(&["link", "set", "cable", "up"]);
        }
        // Short: Ray's sockets are below it.
        let folder = std::env::temp_dir().join(format!("{name}{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let ray = Path::new(python).with_file_name("ray").display().to_string();
        Some(Self { head, worker, ray, folder, _turn: turn })
    }

    /// `ray start --block` with these options under the supervisor.
    fn start(&self, node: &Namespace, address: &str, options: &[&str]) -> Running {
        self.start_with(node, address, options, &[])
    }

    /// The same with these variables.
    pub(crate) fn start_with(
        &self,
        node: &Namespace,
        address: &str,
        options: &[&str],
        variables: &[(&str, &str)],
    ) -> Running {
        let own = ["start", "--block", "--disable-usage-stats", "--object-store-memory=80000000"];
        let address = format!("--node-ip-address={address}");
        let words = [&[self.ray.as_str()][..], &own, &[&address], options].concat();
        let mut command = supervise(words);
        command
            .env("PROCESS_HEALTH_PRESET", "ray")
            // The head is asked more often than the preset does, to see that it can be.
            .env("PROCESS_HEALTH_INTERVAL", "10")
            .env("PROCESS_STATUS_PORT", "9100")
            // Ray's own drain may take 30 seconds.
            .env("SUPERVISOR_PROGRAM__APP_STOPWAITSECS", "45")
            .envs(variables.iter().copied());
        Running::start(&mut node.inside(&command))
    }
}

impl Drop for Nodes {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

fn status(node: &Namespace, path: &str) -> String {
    let answer = node.http("127.0.0.1:9100".parse().unwrap(), &format!("GET {path}")).unwrap();
    answer.split(' ').nth(1).unwrap_or_default().to_owned()
}

/// The pid of a node's raylet.
pub(crate) fn raylet(node: &Namespace) -> i32 {
    let output = Command::new("ip").args(["netns", "pids", node.name()]).output().unwrap();
    let pids = String::from_utf8(output.stdout).unwrap();
    let is_raylet = |pid: &&str| {
        let name = std::fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
        name.trim() == "raylet"
    };
    pids.lines().find(is_raylet).unwrap().parse().unwrap()
}

#[test]
fn ray_workers_wait_for_their_head_restart_and_drain() {
    let Some(python) = python() else {
        return skip("there is no Python environment", "REQUIRE_PYTHON");
    };
    let Some(nodes) = Nodes::new("ray", &python) else { return };

    // A worker waits for its head, and isn't ready.
    let address = format!("--address={HEAD}:6379");
    let options = [&address, "--num-cpus=1", "--resources={\"worker\": 1}"];
    let mut worker = nodes.start(&nodes.worker, WORKER, &options);
    worker.stdout.wait_for("Local node IP");
    assert_eq!([status(&nodes.worker, "/livez"), status(&nodes.worker, "/readyz")], ["200", "503"]);

    // The head starts; both are ready.
    let folder = format!("--temp-dir={}", nodes.folder.display());
    let options = ["--head", "--port=6379", "--num-cpus=1", "--include-dashboard=false", &folder];
    let mut head = nodes.start(&nodes.head, HEAD, &options);
    for (node, running) in [(&nodes.head, &mut head), (&nodes.worker, &mut worker)] {
        running.stderr.wait_for("success: app entered RUNNING state");
        assert_eq!(status(node, "/readyz"), "200");
    }

    // A raylet that is killed is back.
    let first = raylet(&nodes.worker);
    kill(first, "KILL");
    worker.stderr.wait_for("exited: app");
    worker.stderr.wait_for("success: app entered RUNNING state");
    assert_ne!(raylet(&nodes.worker), first);

    // A task survives the stop of its worker.
    let fifo = nodes.folder.join("fifo").display().to_string();
    let script = beside("ray_task.py").display().to_string();
    let mut driver =
        Running::start(&mut nodes.head.program(&[&python, &script, HEAD, &fifo, "15"]));
    driver.stdout.wait_for("the task has begun");
    worker.signal("TERM");
    driver.stdout.wait_for("the task is whole");
    let code = worker.exit_code();
    assert_eq!(code, 0, "{:#?}", worker.stderr.rest());
    assert!(worker.stderr.said("0 killed"), "{:#?}", worker.stderr.rest());

    // An idle head ends in seconds.
    let start = Instant::now();
    head.signal("TERM");
    let code = head.exit_code();
    assert_eq!(code, 0, "{:#?}", head.stderr.rest());
    assert!(!head.stderr.said("check: app failed"), "{:#?}", head.stderr.rest());
    assert!(start.elapsed() < Duration::from_secs(15), "{:?}", start.elapsed());
}
