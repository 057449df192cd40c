//! GPUs between two runs, with a stand-in for `nvidia-smi` that plays what it answers on machines:
//! the answers are those of the reports that crates/wire/src/system/nvidia_smi.rs is made from.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use serde_json::json;

use crate::harness::{Running, free_port, http};
use crate::place::Place;

pub(crate) const UUID: &str = "GPU-7b1f5a3c-0000-4000-8000-000000000000";

pub(crate) fn row(used: u32) -> String {
    format!("0, {UUID}, 143771, {used}, None\n")
}

/// A program that does `first` and then crashes, again and again, beside a tool that answers what
/// `answer` does.
pub(crate) fn crashing(place: &Place, first: &str, answer: &str) -> Command {
    let asked = place.path("asked");
    // It ends once the tool has been asked for what there is at the first start.
    let ends =
        format!("{first} until [ -s {} ]; do sleep 0.01; done; sleep 0.3; exit 1", asked.display());
    let mut command = place.shell(&ends);
    with_tool(place, &mut command, answer);
    command
        .env("PROCESS_MAX_START_RETRIES", "1")
        .env("PROCESS_EXIT_CODES", "gpu_lost:71,no_gpu:72");
    command
}

/// Gives a supervisor the stand-in, which answers what the shell's lines of `answer` do. They find in
/// `$asked` how often it was asked before.
pub(crate) fn with_tool(place: &Place, command: &mut Command, answer: &str) {
    let tools = place.path("bin");
    fs::create_dir_all(&tools).unwrap();
    let (tool, asked) = (tools.join("nvidia-smi"), place.path("asked"));
    fs::write(&asked, "").unwrap();
    let asked = asked.display();
    let script = format!("#!/bin/sh\nasked=$(wc -l < {asked})\necho >> {asked}\n{answer}\n");
    fs::write(&tool, script).unwrap();
    fs::set_permissions(&tool, fs::Permissions::from_mode(0o755)).unwrap();
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut all = vec![tools];
    all.extend(std::env::split_paths(&path));
    command.env("PATH", std::env::join_paths(all).unwrap()).env("PROCESS_AWAIT_GPU_MEMORY", "true");
}

/// Plays `later` once it has been asked for the first time; returns class and exit code.
fn ends(name: &str, later: &str) -> (String, i32) {
    let place = Place::new(name);
    let first = row(612);
    let answer = format!("[ \"$asked\" -gt 0 ] || {{ printf '%s' '{first}'; exit 0; }}\n{later}");
    let mut running = Running::start(&mut crashing(&place, "", &answer));
    let code = running.exit_code();
    let newest = place.names().pop().unwrap();
    let report = fs::read(place.path("reports").join(newest)).unwrap();
    let report: serde_json::Value = serde_json::from_slice(&report).unwrap();
    (report["class"].as_str().unwrap().to_owned(), code)
}

#[test]
fn a_lost_gpu_ends_the_retries_and_a_silent_tool_does_not() {
    let healthy = format!("printf '%s' '{}'", row(612));
    for (name, later, expected) in [
        ("healthy", healthy.as_str(), ("exit", 1)),
        (
            "lost",
            "echo 'Unable to determine the device handle for GPU 0000:02:00.0: GPU is lost. Reboot \
             the system to recover this GPU'; exit 15",
            ("gpu_lost", 71),
        ),
        (
            "handle",
            "echo 'Unable to determine the device handle for GPU0000:CB:00.0: Unknown Error'; exit 255",
            ("gpu_lost", 71),
        ),
        ("missing", "printf '1, GPU-other, 1, 1, None\\n'", ("gpu_lost", 71)),
        ("reset", &format!("echo '0, {UUID}, 143771, 612, Reset'"), ("gpu_lost", 71)),
        ("none", "echo 'No devices were found'; exit 6", ("no_gpu", 72)),
        ("access", "echo 'Failed to initialize NVML: Unknown Error'; exit 255", ("no_gpu", 72)),
        (
            "driver",
            "echo 'Failed to initialize NVML: Driver/library version mismatch'; exit 18",
            ("no_gpu", 72),
        ),
        ("library", "echo \"couldn't find libnvidia-ml.so library\"; exit 12", ("exit", 1)),
        ("rights", "echo 'Insufficient Permissions'; exit 4", ("exit", 1)),
        (
            "inforom",
            &format!("{healthy}; echo 'WARNING: infoROM is corrupted'; exit 14"),
            ("exit", 1),
        ),
        ("err", &format!("echo '0, {UUID}, ERR!, ERR!, ERR!'"), ("exit", 1)),
        (
            "mig",
            &format!(
                "echo '0, {UUID}, [Insufficient Permissions], [Insufficient Permissions], [N/A]'"
            ),
            ("exit", 1),
        ),
        ("unreadable", &format!("echo '0, {UUID}, [N/A], [N/A], [N/A]'"), ("exit", 1)),
    ] {
        let (class, code) = ends(&format!("gpu-{name}"), later);
        assert_eq!((class.as_str(), code), expected, "{name}");
    }
}

#[test]
fn a_container_without_gpus_at_the_first_start_loses_none() {
    for (name, answer) in [
        ("none", "echo 'No devices were found'; exit 6"),
        ("driver", "echo \"couldn't communicate with the NVIDIA driver\"; exit 9"),
    ] {
        let place = Place::new(&format!("gpu-never-{name}"));
        let mut running = Running::start(&mut crashing(&place, "", answer));
        assert_eq!(running.exit_code(), 1, "{name}");
        let classes = running.stderr.rest().join("\n").matches("class=no_gpu").count();
        assert_eq!((place.names().len(), classes), (2, 0), "{name}");
    }
}

#[test]
fn only_a_gpu_that_the_program_sees_counts_as_lost() {
    let listed = format!(
        "case \"$1\" in -L) echo 'GPU 0: NVIDIA A100 (UUID: {UUID})
  MIG 3g.20gb     Device  0: (UUID: MIG-c6d4f1ef)
GPU 1: NVIDIA A100 (UUID: GPU-other)
  MIG 3g.20gb     Device  0: (UUID: MIG-cba663e8)'; exit;; esac
"
    );
    for (visible, expected) in [
        ("0", 1),
        ("1", 71),
        ("GPU-7b1f", 1),
        ("MIG-c6d4f1ef", 1),
        ("MIG-cba663e8", 71),
        ("MIG-1", 71),
    ] {
        let place = Place::new(&format!("gpu-visible-{visible}"));
        let (first, other) = (row(612), "1, GPU-other, 143771, 612, None\n");
        let answer = format!(
            "{listed}printf '%s' '{first}'; [ \"$asked\" -gt 0 ] || printf '{}'",
            other.replace('\n', "\\n")
        );
        // MIG devices are listed after the first look.
        let asked = place.path("asked");
        let looks = 1 + usize::from(visible.starts_with("MIG"));
        let first =
            format!("until [ $(wc -l < {}) -ge {looks} ]; do sleep 0.01; done; ", asked.display());
        let mut command = crashing(&place, &first, &answer);
        let mut running = Running::start(command.env("CUDA_VISIBLE_DEVICES", visible));
        assert_eq!(running.exit_code(), expected, "{visible}");
    }
}

#[test]
fn gpu_memory_metrics_show_the_latest_look() {
    let place = Place::new("gpu-metrics");
    let (asked, crashed) = (place.path("asked"), place.path("crashed"));
    let (asked, crashed) = (asked.display(), crashed.display());
    let mut command = place.shell(&format!(
        "[ -e {crashed} ] && exec sleep 1000; until [ -s {asked} ]; do sleep 0.01; done; \
         sleep 0.3; touch {crashed}; exit 1"
    ));
    let (first, held, free) = (row(612), row(70_000), row(1000));
    let answer = format!(
        "case \"$asked\" in 0) printf '%s' '{first}';; 1) printf '%s' '{held}';; \
         *) printf '%s' '{free}';; esac"
    );
    with_tool(&place, &mut command, &answer);
    let port = free_port();
    command
        .env("PROCESS_MAX_START_RETRIES", "1")
        .env("PROCESS_STATUS_PORT", format!("127.0.0.1:{port}"));
    let mut running = Running::start(&mut command);
    running.stderr.wait_for("gpu: app: GPU memory was released after");
    let page = http(port, "GET /metrics").unwrap();
    let mebibytes = |name: &str| -> f64 {
        let series = format!("standard_supervisor_{name}{{index=\"0\",uuid=\"{UUID}\"}} ");
        let value = page.lines().find_map(|line| line.strip_prefix(&*series));
        value.unwrap_or_else(|| panic!("{page}")).parse::<f64>().unwrap() / f64::from(1 << 20)
    };
    assert_eq!(
        (mebibytes("gpu_memory_bytes"), mebibytes("gpu_memory_used_bytes")),
        (143_771.0, 1000.0)
    );
    running.signal("TERM");
    assert_eq!(running.exit_code(), 0);
}

#[test]
fn a_gpu_tool_that_hangs_delays_nothing() {
    let place = Place::new("gpu-hangs");
    let mut running = Running::start(&mut crashing(&place, "", "exec sleep 600"));
    // The tool has 35 seconds. The supervisor restarts and exits without waiting for it.
    assert_eq!(running.exit_code(), 1);
    let said = running.stderr.rest().join("\n");
    assert!(!said.contains("nvidia-smi did not answer"), "{said}");
    assert_eq!(said.matches("spawned: 'app'").count(), 2, "{said}");
}

#[test]
fn a_gpu_tool_that_hangs_after_a_crash_delays_the_restart_by_five_seconds() {
    let place = Place::new("gpu-hangs-later");
    let first = row(612);
    let answer =
        format!("[ \"$asked\" -gt 0 ] || {{ printf '%s' '{first}'; exit 0; }}\nexec sleep 600");
    let mut running = Running::start(&mut crashing(&place, "", &answer));
    running.stderr.wait_for("gpu: nvidia-smi did not respond within 5 s; ");
    running.stderr.wait_for("spawned: 'app'");
    assert_eq!(running.exit_code(), 1);
    // The tool itself has 35 seconds. No exit waits for them.
    assert!(!running.stderr.said("within 35 s"));
}

#[test]
fn an_old_driver_is_queried_without_unknown_fields() {
    let unknown = "case \"$*\" in *recovery*) echo 'Field \"gpu_recovery_action\" is not a valid \
                   field to query.'; exit 2;; esac";
    let place = Place::new("gpu-old");
    let known = format!("printf '0, {UUID}, 143771, 612\\n'");
    let mut running = Running::start(&mut crashing(&place, "", &format!("{unknown}\n{known}")));
    assert_eq!(running.exit_code(), 1);
}

#[test]
fn a_restart_waits_for_gpu_memory_and_reports_the_wait() {
    let place = Place::new("gpu-memory");
    let (free, held) = (row(612), row(70_000));
    // At first it is free, after the crash held, then free again.
    let answer =
        format!("case \"$asked\" in 1|2) printf '%s' '{held}';; *) printf '%s' '{free}';; esac");
    let mut running = Running::start(&mut crashing(&place, "", &answer));
    running.stderr.wait_for("spawned: 'app'");
    running.stderr.wait_for("gpu: app: GPU memory was released after 2.");
    running.stderr.wait_for("spawned: 'app'");
    assert_eq!(running.exit_code(), 1);
}

#[test]
fn the_gave_up_line_names_the_lost_gpu_first() {
    let place = Place::new("gpu-said");
    let first = row(612);
    let answer = format!(
        "[ \"$asked\" -gt 0 ] || {{ printf '%s' '{first}'; exit 0; }}\necho 'GPU is lost'; exit 15"
    );
    let mut running = Running::start(&mut crashing(&place, "", &answer));
    let line = running.stderr.wait_for("gave up: app entered FATAL state, ");
    assert!(line.contains("no restart in this container can help: a GPU is lost (GPU is lost)"));
    assert_eq!(running.exit_code(), 71);
    assert!(place.message().starts_with("a GPU is lost (GPU is lost): it exited with 1"));
    assert_eq!(place.report()["next"]["action"], json!("give_up"));
}
