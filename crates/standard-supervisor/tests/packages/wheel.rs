//! The wheel, by pip into a fresh environment and into an empty image.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::harness::{Running, clean, python, skip};
use crate::{assert_names_version, run};

#[test]
fn the_wheel_puts_both_programs_on_the_path() {
    let Some((python, wheel)) = python().zip(wheel()) else {
        return skip("there is no Python or no wheel (`make dist` makes one)", "REQUIRE_PYTHON");
    };
    let folder = std::env::temp_dir().join(format!("wheel-{}", std::process::id()));
    run(Command::new(python).args(["-m", "venv"]).arg(&folder));
    // Without an index: the wheel needs nothing else.
    let pip = ["-m", "pip", "install", "--quiet", "--no-index", "--disable-pip-version-check"];
    run(Command::new(folder.join("bin/python")).args(pip).arg(wheel));

    version_is_ours(&folder);
    supervisorctl_tells_how_it_is_used(&folder);
    a_config_is_generated(&folder);
    a_program_is_kept(&folder);
    std::fs::remove_dir_all(folder).unwrap();
}

#[test]
fn the_wheel_runs_in_a_minimal_container() {
    let Some((python, wheel)) = python().zip(wheel()) else {
        return skip("there is no Python or no wheel (`make dist` makes one)", "REQUIRE_PYTHON");
    };
    if !Command::new("docker").arg("version").output().is_ok_and(|out| out.status.success()) {
        return skip("there is no container engine", "REQUIRE_DOCKER");
    }
    // pip installs into the image's file tree; nothing of Python's gets into it.
    let root = std::env::temp_dir().join(format!("wheel-image-{}", std::process::id()));
    let pip = ["-m", "pip", "install", "--quiet", "--no-index", "--disable-pip-version-check"];
    run(Command::new(python).args(pip).arg("--prefix").arg(root.join("usr")).arg(wheel));
    let tag = "standard-supervisor-wheel-test";
    let import = format!("tar -C {} -c usr | docker import - {tag}", root.display());
    run(Command::new("sh").args(["-c", &import]));
    let program = "/usr/bin/standard-supervisor";
    // With no shell to run, the program supervises itself.
    let words = ["run", "--rm", "-e", "PROCESS_MAX_START_RETRIES=0", tag, program, program];
    let output = Command::new("docker").args(words).arg("--version").output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    run(Command::new("docker").args(["rmi", "--force", tag]));
    std::fs::remove_dir_all(root).unwrap();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert_names_version(&String::from_utf8_lossy(&output.stdout));
}

#[test]
fn the_metadata_of_the_wheel_is_complete() {
    let Some((python, wheel)) = python().zip(wheel()) else {
        return skip("there is no Python or no wheel (`make dist` makes one)", "REQUIRE_PYTHON");
    };
    // With those for other machines that were made.
    let folder = std::fs::read_dir(wheel.parent().unwrap()).unwrap();
    let paths = folder.map(|entry| entry.unwrap().path());
    let wheels: Vec<_> = paths.filter(|path| path.extension() == Some("whl".as_ref())).collect();
    let check = ["-m", "twine", "check", "--strict"];
    let said = run(Command::new(&python).args(check).args(&wheels));
    assert_eq!(said.matches("PASSED").count(), wheels.len(), "{said}");
    let read = "import sys, zipfile; z = zipfile.ZipFile(sys.argv[1]); \
                print(z.read(next(n for n in z.namelist() if n.endswith('/METADATA'))).decode())";
    let metadata = run(Command::new(python).args(["-c", read]).arg(wheel));
    for field in
        ["Summary: ", "License-Expression: ", "Keywords: ", "Classifier: ", "# standard-supervisor"]
    {
        assert!(metadata.contains(&format!("\n{field}")), "no {field}in {metadata}");
    }
}

fn version_is_ours(folder: &Path) {
    let output = run(Command::new(folder.join("bin/standard-supervisor")).arg("--version"));
    assert_names_version(&output);
}

fn supervisorctl_tells_how_it_is_used(folder: &Path) {
    let output = run(Command::new(folder.join("bin/supervisorctl")).arg("--help"));
    assert!(output.starts_with("supervisorctl -- control applications"), "{output}");
}

fn a_config_is_generated(folder: &Path) {
    let out = folder.join("generated.conf");
    let words = ["-o".as_ref(), out.as_os_str(), "vllm".as_ref(), "serve".as_ref()];
    run(Command::new(folder.join("bin/generate-supervisor-config")).args(words));
    assert!(std::fs::read_to_string(out).unwrap().contains("command = vllm serve"));
}

fn a_program_is_kept(folder: &Path) {
    let program = folder.join("bin/standard-supervisor");
    let mut running = Running::start(
        clean(program.to_str().unwrap(), ["sh", "-c", "echo run; exit 3"])
            .env("PROCESS_MAX_START_RETRIES", "1"),
    );
    assert_eq!(running.exit_code(), 1);
    assert_eq!(running.stdout.rest(), ["run", "run"]);
}

/// The wheel that `make dist` made.
pub(crate) fn wheel() -> Option<PathBuf> {
    std::env::var_os("STANDARD_SUPERVISOR_WHEEL").map(PathBuf::from).filter(|path| path.is_file())
}
