//! GPUs whose device files processes open: in a mount namespace, `/dev/nvidia0` and `/dev/nvidia1`
//! are ordinary files. What they hold is told by the stand-in of `gpu.rs`.

use std::fs;
use std::process::Command;

use supervisor_core::device::MEMORY_LIMIT;

use crate::gpu::{UUID, crashing, row, with_tool};
use crate::harness::{PATIENCE, Running, kill, skip};
use crate::place::Place;

/// A folder for `/dev` with what programs need, and the devices.
const SETUP: &str = "\
set -e
mount -t tmpfs tmpfs \"$1\"
for one in null zero full random urandom tty; do cp -a /dev/$one \"$1\"; done
ln -s /proc/self/fd \"$1/fd\"
mkdir \"$1/shm\"
touch \"$1/nvidiactl\" \"$1/nvidia0\" \"$1/nvidia1\"
mount --move \"$1\" /dev
eval \"$2\"
shift 2
exec \"$@\"";

/// The command where there are devices, after the shell's lines of `before`; `None`: there can be
/// none.
fn with_devices(place: &Place, before: &str, command: &Command) -> Option<Command> {
    if !rustix::process::geteuid().is_root() {
        skip("only root has a /dev of its own", "REQUIRE_ROOT");
        return None;
    }
    let dev = place.path("dev");
    fs::create_dir_all(&dev).unwrap();
    let mut inside = Command::new("unshare");
    inside.args(["--mount", "sh", "-c", SETUP, "sh"]).arg(dev).arg(before);
    inside.arg(command.get_program()).args(command.get_args());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => inside.env(name, value),
            None => inside.env_remove(name),
        };
    }
    Some(inside)
}

/// Two programs with a GPU each or one for both: `app` has crashed, and `web` has memory that is
/// never released. Returns what is said of the memory when `app` starts again.
fn waited_for(name: &str, app: &str, web: &str) -> Option<String> {
    let place = Place::new(name);
    // Each has its device open before it goes on; `app` crashes when its memory was looked at.
    let web_up = place.path("web-up");
    let up = web_up.display();
    let asked = place.path("asked");
    let asked = asked.display();
    let script = format!(
        "[ -e {up}.crashed ] && exec sleep 1000
         until [ -s {asked} ] && [ -e {up} ]; do sleep 0.01; done
         touch {up}.crashed; exec 3< /dev/nvidia{app}; exit 1"
    );
    let mut command = place.shell(&script);
    // Beside the first start nothing is in use, then much, and GPU 0 is free in the end.
    let (free, held) = (row(612), row(70_000));
    let answer = format!(
        "case \"$asked\" in 0|4) printf '%s' '{free}';; *) printf '%s' '{held}';; esac\n\
         [ \"$asked\" -gt 0 ] && used=70000 || used=612\n\
         echo \"1, GPU-1, 143771, $used, None\""
    );
    with_tool(&place, &mut command, &answer);
    let web_script = format!(
        "until [ -s {asked} ]; do sleep 0.01; done; exec 3< /dev/nvidia{web}; touch {up}; exec sleep 1000"
    );
    fs::write(place.path("web"), format!("#!/bin/sh\n{web_script}\n")).unwrap();
    command
        .env("PROCESS_MAX_START_RETRIES", "3")
        .env("SUPERVISOR_PROGRAM__APP_ENVIRONMENT", format!("CUDA_VISIBLE_DEVICES={app}"))
        .env("SUPERVISOR_PROGRAM__WEB_COMMAND", format!("sh {}", place.path("web").display()))
        .env("SUPERVISOR_PROGRAM__WEB_ENVIRONMENT", format!("CUDA_VISIBLE_DEVICES={web}"));
    let mut running = Running::start(&mut with_devices(&place, "", &command)?);
    running.stderr.wait_for("spawned: 'web'");
    let said = running.stderr.wait_for("gpu: app: ");
    running.stderr.wait_for("spawned: 'app'");
    running.signal("TERM");
    assert_eq!(running.exit_code(), 0);
    Some(said)
}

#[test]
fn gpu_memory_of_another_program_is_not_awaited() {
    let Some(said) = waited_for("gpu-shared", "0", "0") else { return };
    assert!(said.contains("GPU memory stopped decreasing after "), "{said}");
}

#[test]
fn a_program_on_another_gpu_does_not_shorten_the_wait_for_memory() {
    let Some(said) = waited_for("gpu-apart", "0", "1") else { return };
    assert!(said.contains("GPU memory was released after "), "{said}");
}

#[test]
fn a_first_look_after_the_program_opened_its_gpu_is_not_a_baseline() {
    let place = Place::new("gpu-late");
    let (asked, up) = (place.path("asked"), place.path("up"));
    let (asked, up) = (asked.display(), up.display());
    let mut command = place.shell(&format!(
        "exec 3< /dev/nvidia0; touch {up}; until [ -s {asked} ]; do sleep 0.01; done; sleep 0.3; exit 1"
    ));
    let (most, some) = (row(70_000), row(30_000));
    let answer = format!(
        "until [ -e {up} ]; do sleep 0.01; done
         case \"$asked\" in 0|1) printf '%s' '{most}';; *) printf '%s' '{some}';; esac"
    );
    with_tool(&place, &mut command, &answer);
    command.env("PROCESS_MAX_START_RETRIES", "1");
    let Some(mut command) = with_devices(&place, "", &command) else { return };
    let mut running = Running::start(&mut command);
    running.stderr.wait_for("gpu: app: GPU memory stopped decreasing after 2.");
    running.stderr.wait_for("spawned: 'app'");
    assert_eq!(running.exit_code(), 1);
}

/// This takes the two minutes that a start waits.
#[test]
fn a_start_waits_for_gpu_memory_and_names_a_foreign_process_that_holds_it() {
    let place = Place::new("gpu-held");
    let first = row(612);
    let held = row(70_000);
    let answer = format!("[ \"$asked\" -gt 0 ] && printf '%s' '{held}' || printf '%s' '{first}'");
    let command = crashing(&place, "", &answer);
    // A process that an operator starts in the container belongs to no program.
    let stranger = "sleep 1000 4< /dev/nvidia0 > /dev/null 2>&1 &";
    let Some(mut command) = with_devices(&place, stranger, &command) else { return };
    let mut running = Running::start(&mut command);
    running.stderr.wait_for("spawned: 'app'");
    let line = running.stderr.wait_within(MEMORY_LIMIT + PATIENCE, "gpu: app: after 12");
    let more = format!("{UUID} has 66513 MiB more in use than at the first start");
    assert!(line.contains(&more), "{line}");
    let (_, pid) = line.split_once("these have a GPU open: sleep (pid ").unwrap();
    kill(pid.split(')').next().unwrap().parse().unwrap(), "KILL");
    assert!(line.ends_with("starting anyway"), "{line}");
    running.stderr.wait_for("spawned: 'app'");
    assert_eq!(running.exit_code(), 1);
}

#[test]
fn a_gpu_that_is_lost_while_a_program_has_it_open_ends_the_retries() {
    let place = Place::new("gpu-lost-open");
    let first = row(612);
    let answer = format!(
        "[ \"$asked\" -gt 0 ] || {{ printf '%s' '{first}'; exit 0; }}\n\
         echo 'Unable to determine the device handle for GPU 0000:02:00.0: GPU is lost. Reboot the \
         system to recover this GPU'; exit 15"
    );
    let command = crashing(&place, "exec 3< /dev/nvidia0;", &answer);
    let Some(mut command) = with_devices(&place, "", &command) else { return };
    let mut running = Running::start(&mut command);
    running
        .stderr
        .wait_for("gave up: app entered FATAL state, no restart in this container can help");
    assert_eq!(running.exit_code(), 71);
    assert_eq!(place.report()["class"], serde_json::json!("gpu_lost"));
}
