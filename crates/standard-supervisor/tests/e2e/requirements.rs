//! Python packages that the model asks for, installed before the server starts.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::harness::{Running, is_alive, python, skip, supervise};

/// A folder with a model, and programs that stand in for `python3` and `uv`.
struct Model(PathBuf);

impl Model {
    /// `python3` is this shell script.
    fn with_python(name: &str, script: &str) -> Self {
        let model = Self::new(name);
        model.program("python3", script);
        model
    }

    fn new(name: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("model-{name}-{}", std::process::id()));
        fs::create_dir_all(folder.join("bin")).unwrap();
        fs::write(folder.join("requirements.txt"), "hello-model\n").unwrap();
        Self(folder)
    }

    fn program(&self, name: &str, script: &str) {
        let path = self.0.join("bin").join(name);
        fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    }

    fn supervise(&self, words: &[&str]) -> Command {
        let mut command = supervise(words);
        let path = std::env::var_os("PATH").unwrap();
        command
            .env("SAGEMAKER_MODEL_PATH", &self.0)
            .env("PATH", format!("{}:{}", self.path("bin"), path.display()));
        command
    }

    fn path(&self, name: &str) -> String {
        self.0.join(name).to_str().unwrap().to_owned()
    }
}

impl Drop for Model {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

const SERVER: [&str; 3] = ["sh", "-c", "echo server up; sleep 1000"];

#[test]
fn requirements_are_installed_before_the_start_with_a_log_line() {
    let model = Model::with_python("first", "echo \"pip says: $*\"; echo trouble >&2");
    let mut running = Running::start(&mut model.supervise(&SERVER));
    running.stdout.wait_for("server up");
    let file = model.path("requirements.txt");
    running.stderr.wait_for(&format!("WARN installing {file} with pip before starting the server"));
    running.stderr.wait_for("spawned: 'requirements' with pid");
    running.stderr.wait_for(&format!("pip says: -m pip install -r {file}"));
    running.stderr.wait_for("trouble");
    running.stderr.wait_for("exited: requirements (exit status 0; expected)");
    running.stderr.wait_for("spawned: 'app' with pid");
    running.signal("TERM");
    assert_eq!(running.exit_code(), 0);
    assert_eq!(running.stdout.rest(), ["server up"]);
}

#[test]
fn uv_is_preferred_to_pip_and_packages_beside_the_file_are_used() {
    let model = Model::with_python("uv", "exit 1");
    model.program("uv", "echo \"uv says: $*\"");
    fs::create_dir(model.0.join("requirements")).unwrap();
    let mut running = Running::start(&mut model.supervise(&SERVER));
    let (python, file) = (model.path("bin/python3"), model.path("requirements.txt"));
    let packages = model.path("requirements");
    running.stderr.wait_for(&format!(
        "uv says: pip install --python {python} -r {file} --find-links {packages}"
    ));
    running.stdout.wait_for("server up");
}

#[test]
fn the_output_of_pip_is_shown_at_once() {
    let model = Model::new("live");
    let gate = model.path("gate");
    assert!(Command::new("mkfifo").arg(&gate).status().unwrap().success());
    model.program("python3", &format!("echo Collecting hello; read word <{gate}; echo $word"));
    let mut running = Running::start(&mut model.supervise(&SERVER));
    running.stderr.wait_for("Collecting hello");
    // Until here nobody let it go on.
    fs::write(gate, "Installed\n").unwrap();
    running.stderr.wait_for("Installed");
    running.stdout.wait_for("server up");
}

#[test]
fn a_failed_installation_starts_nothing_and_exits_with_1() {
    for mode in ["true", "false"] {
        let model = Model::with_python("fails", "echo 'no matching distribution' >&2; exit 2");
        let mut command = model.supervise(&SERVER);
        let mut running = Running::start(command.env("PROCESS_AUTO_RECOVERY", mode));
        assert_eq!(running.exit_code(), 1);
        assert!(running.stdout.rest().is_empty());
        let said = running.stderr.rest().join("\n");
        assert!(said.contains("no matching distribution"), "{said}");
        let message = "gave up: requirements failed with status 2; not starting any other program";
        assert!(said.contains(message), "{said}");
    }
}

#[test]
fn a_stop_during_the_installation_stops_its_process_tree() {
    // A build that left the group, and pip that waits for it.
    let pip = "setsid sleep 1000 & echo builder $!; echo tool $$; sleep 1000";
    // To run once is to be transparent: the status tells of the signal.
    for (mode, code) in [("true", 0), ("false", 143)] {
        let model = Model::with_python("stopped", pip);
        let mut command = model.supervise(&SERVER);
        let mut running = Running::start(command.env("PROCESS_AUTO_RECOVERY", mode));
        let builder = running.stderr.number_after("builder ");
        let pip = running.stderr.number_after("tool ");
        // Meant for a server, which isn't there yet.
        running.signal("HUP");
        running.signal("TERM");
        assert_eq!(running.exit_code(), code);
        assert!(!is_alive(pip) && !is_alive(builder));
        assert!(running.stdout.rest().is_empty());
    }
}

#[test]
fn an_installation_beyond_its_time_limit_is_stopped_and_exits_with_1() {
    let model = Model::with_python("long", "echo tool $$; sleep 1000");
    let mut command = model.supervise(&SERVER);
    let mut running = Running::start(command.env("STANDARD_PIP_TIMEOUT_SECS", "1"));
    let pip = running.stderr.number_after("tool ");
    running.stderr.wait_for("gave up: requirements took longer than 1 s");
    assert_eq!(running.exit_code(), 1);
    assert!(!is_alive(pip));
    assert!(running.stdout.rest().is_empty());
}

#[test]
fn no_requirements_are_installed_when_turned_off() {
    let model = Model::with_python("off", "echo pip; exit 1");
    let mut command = model.supervise(&SERVER);
    let mut running = Running::start(command.env("STANDARD_AUTO_INSTALL_REQ", "false"));
    running.stdout.wait_for("server up");
    running.signal("TERM");
    assert_eq!(running.exit_code(), 0);
    assert!(!running.stderr.rest().join("\n").contains("pip"));
}

#[test]
fn requirements_are_installed_in_run_once_mode_as_well() {
    let model = Model::with_python("once", "echo pip says hello");
    let mut command = model.supervise(&["sh", "-c", "echo ran; exit 7"]);
    let mut running = Running::start(command.env("PROCESS_AUTO_RECOVERY", "false"));
    assert_eq!(running.exit_code(), 7);
    assert_eq!(running.stdout.rest(), ["ran"]);
    running.stderr.wait_for("installing ");
    running.stderr.wait_for("pip says hello");
}

#[test]
fn pip_installs_a_package_beside_the_model_without_a_network() {
    let Some(python) = python() else {
        return skip("there is no Python environment", "REQUIRE_PYTHON");
    };
    let model = Model::new("real");
    fs::create_dir(model.0.join("requirements")).unwrap();
    put_wheel(&python, &model.0.join("requirements"));
    let target = model.path("installed");
    let server = "import hello_model, time; print(hello_model.WORD, flush=True); time.sleep(1000)";
    let mut command = model.supervise(&[&python, "-c", server]);
    command.env("PIP_NO_INDEX", "1").env("PIP_TARGET", &target).env("PYTHONPATH", &target);
    let mut running = Running::start(&mut command);
    running.stderr.wait_for("Successfully installed hello-model-1.0");
    running.stdout.wait_for("hello from the model's own package");
    running.signal("TERM");
    assert_eq!(running.exit_code(), 0);
}

/// The smallest wheel there can be.
fn put_wheel(python: &str, folder: &Path) {
    let script = r#"
import sys, zipfile
with zipfile.ZipFile(sys.argv[1] + "/hello_model-1.0-py3-none-any.whl", "w") as wheel:
    info = "hello_model-1.0.dist-info/"
    wheel.writestr("hello_model.py", "WORD = 'hello from the model\\'s own package'\n")
    wheel.writestr(info + "METADATA", "Metadata-Version: 2.1\nName: hello-model\nVersion: 1.0\n")
    wheel.writestr(info + "WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
    wheel.writestr(info + "RECORD", "hello_model.py,,\n" + info + "METADATA,,\n" + info + "WHEEL,,\n" + info + "RECORD,,\n")
"#;
    assert!(Command::new(python).args(["-c", script]).arg(folder).status().unwrap().success());
}
