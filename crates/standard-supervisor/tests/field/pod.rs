//! The example's Deployment, played by podman: what its fields promise is seen to happen.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use crate::harness::{Running, python, skip};
use crate::net::Namespace;
use crate::stand_in::Image;
use crate::{beside, example};

/// podman with a storage and a network of its own.
struct Podman {
    folder: PathBuf,
    network: Namespace,
}

impl Podman {
    fn new() -> Option<Self> {
        if !Command::new("podman").arg("--version").output().is_ok_and(|out| out.status.success()) {
            skip("podman is not installed", "REQUIRE_DOCKER");
            return None;
        }
        let network = Namespace::new("pod")?;
        let folder = std::env::temp_dir().join(network.name());
        fs::create_dir_all(&folder).unwrap();
        // Its own limits are more than containers on some machines may have.
        let limits = "[containers]\ndefault_ulimits=[\"nofile=1024:1024\",\"nproc=4096:4096\"]\n";
        fs::write(folder.join("containers.conf"), limits).unwrap();
        Some(Self { folder, network })
    }

    fn command(&self, words: &[&str]) -> Command {
        let root = self.folder.join("root").display().to_string();
        let run = self.folder.join("run").display().to_string();
        // vfs works wherever folders do.
        let own = ["podman", "--storage-driver=vfs", "--root", &root, "--runroot", &run];
        // Not by `ip netns exec`: that hides the cgroups.
        let mut command = Command::new("nsenter");
        command.arg(format!("--net={}", self.network.path())).args(own).args(words);
        command.env("CONTAINERS_CONF", self.folder.join("containers.conf"));
        command
    }

    /// Runs it; what it prints.
    #[track_caller]
    fn run(&self, words: &[&str]) -> String {
        let output = self.command(words).output().unwrap();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "podman {words:?}: {errors}");
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    /// Takes an image over from docker.
    fn load(&self, image: &str) {
        let mut save =
            Command::new("docker").args(["save", image]).stdout(Stdio::piped()).spawn().unwrap();
        let load = self.command(&["load"]).stdin(save.stdout.take().unwrap()).output().unwrap();
        assert!(load.status.success(), "{}", String::from_utf8_lossy(&load.stderr));
        save.wait().unwrap();
    }

    /// The status of an answer of the status port.
    fn status(&self, path: &str) -> String {
        let address = "127.0.0.1:9100".parse().unwrap();
        let answer = self.network.http(address, &format!("GET {path}")).unwrap();
        answer.split(' ').nth(1).unwrap_or_default().to_owned()
    }
}

impl Drop for Podman {
    fn drop(&mut self) {
        for what in ["pod", "volume"] {
            let _ = self.command(&[what, "rm", "--all", "--force"]).output();
        }
        // The pause image's layers among them: only podman knows what is mounted.
        let _ = self.command(&["rmi", "--all", "--force"]).output();
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// The pid in a line of the JSON log.
fn pid_in(line: &str) -> String {
    let rest = line.rsplit("\"pid\":").next().unwrap();
    rest.chars().take_while(char::is_ascii_digit).collect()
}

const NAME: &str = "model-server-pod-0-server";

#[test]
fn podman_runs_the_example_pod_with_probes_restarts_and_drain() {
    let Some(python) = python() else {
        return skip("there is no Python environment", "REQUIRE_PYTHON");
    };
    let Some(image) = Image::of("vllm") else { return };
    let Some(podman) = Podman::new() else { return };
    podman.load(image.name());
    let message = podman.folder.join("message");
    fs::write(&message, "").unwrap();
    let manifest = Command::new(python)
        .arg(beside("pod.py"))
        .arg(example("kubernetes/deployment.yaml"))
        .args([&format!("localhost/{}", image.name()), message.to_str().unwrap()])
        .args(["DRAIN_SECS=2", "PROCESS_MAX_START_RETRIES=1", "PROCESS_PRESTOP_DELAY_SECS=2"])
        .output()
        .unwrap();
    assert!(manifest.status.success(), "{}", String::from_utf8_lossy(&manifest.stderr));
    fs::write(podman.folder.join("pod.yaml"), manifest.stdout).unwrap();
    let manifest = podman.folder.join("pod.yaml").display().to_string();
    podman.run(&["kube", "play", "--network", "host", &manifest]);
    let mut logs = Running::start(&mut podman.command(&["logs", "--follow", NAME]));
    let restarts = || podman.run(&["inspect", "--format", "{{.RestartCount}}", NAME]);

    // Probes: liveness as podman asks it, inside; the others as a kubelet would.
    let spawned = logs.stderr.wait_for("spawned: 'app'");
    logs.stderr.wait_for("success: app entered RUNNING state");
    podman.run(&["healthcheck", "run", NAME]);
    for (path, probe) in [("/startupz", "started"), ("/readyz", "ready"), ("/livez", "live")] {
        assert_eq!(podman.status(path), "200", "{path}");
        podman.run(&["exec", NAME, "standard-supervisor", "--probe", probe]);
    }

    // A crash is recovered inside and told in the message.
    podman.run(&["exec", NAME, "kill", "-9", &pid_in(&spawned)]);
    let spawned = logs.stderr.wait_for("spawned: 'app'");
    logs.stderr.wait_for("success: app entered RUNNING state");
    assert_eq!(restarts(), "0");
    let told = fs::read_to_string(&message).unwrap();
    assert!(told.contains("crash: program=app") && told.contains("next=restart"), "{told}");

    // Another is one too many: the supervisor gives up, and podman restarts the container. How
    // the command in it ended can be lost with it.
    let kill = ["exec", NAME, "kill", "-9", &pid_in(&spawned)];
    podman.command(&kill).output().unwrap();
    logs.stderr.wait_for("gave up: app");
    logs.exit_code();
    let told = fs::read_to_string(&message).unwrap();
    assert!(told.contains("next=give_up"), "{told}");
    let since = ["logs", "--follow", NAME];
    let mut logs = Running::start(&mut podman.command(&since));
    logs.stderr.wait_for("gave up: app");
    logs.stderr.wait_for("success: app entered RUNNING state");
    assert_eq!(restarts(), "1");

    // A stop: not ready at once, then the drain, and 0.
    let stop = podman.command(&["pod", "stop", "--time", "40", "model-server-pod-0"]).spawn();
    logs.stderr.wait_for("received SIGTERM");
    assert_eq!([podman.status("/readyz"), podman.status("/livez")], ["503", "200"]);
    logs.stdout.wait_for("drained");
    assert!(stop.unwrap().wait().unwrap().success());
    assert_eq!(podman.run(&["inspect", "--format", "{{.State.ExitCode}}", NAME]), "0");
}
