//! Which processes have a GPU open, of those that this container can see. The pids that
//! `nvidia-smi` prints are the host's, and mean nothing here.

use std::fs;
use std::time::Duration;

use supervisor_core::ids::Pid;
use supervisor_sys::deadline::run_with_deadline;
use supervisor_sys::process::process_table::Family;

/// Time for such a look: a process that hangs in a driver may hold it up.
const LOOK_TIME: Duration = Duration::from_secs(1);

/// Processes that are named.
const NAMED: usize = 8;

/// Processes that have a device open, with their names.
pub(super) async fn of_devices() -> Vec<(Pid, String)> {
    let look = run_with_deadline(LOOK_TIME, |_| {
        let all = fs::read_dir("/proc").into_iter().flatten().flatten();
        let pids = all.filter_map(|entry| entry.file_name().to_str()?.parse().ok().map(Pid));
        pids.filter(|pid| has_open(*pid)).take(NAMED).map(|pid| (pid, name(pid))).collect()
    });
    look.await.unwrap_or_default()
}

/// Whether a process, or one below it, has a device open. What cannot be seen may have.
pub(super) async fn are_below(main: Pid) -> bool {
    let look = run_with_deadline(LOOK_TIME, move |_| {
        let below = Family::now().and_then(|family| family.descendants(main));
        let Ok(below) = below else { return true };
        let pids = below.into_iter().map(|member| member.pid).chain([main]);
        pids.into_iter().any(has_open)
    });
    look.await.unwrap_or(true)
}

fn has_open(pid: Pid) -> bool {
    let open = fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten();
    let mut targets = open.filter_map(|entry| fs::read_link(entry.path()).ok());
    targets.any(|target| target.to_str().is_some_and(is_device))
}

/// `/dev/nvidia0`, and not the devices of the driver itself; AMD's `/dev/kfd`, which each process
/// that computes has open.
fn is_device(path: &str) -> bool {
    path == "/dev/kfd"
        || path.strip_prefix("/dev/nvidia").is_some_and(|number| number.parse::<u32>().is_ok())
}

fn name(pid: Pid) -> String {
    let name = fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
    name.trim().escape_debug().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gpu_is_a_device_with_a_number() {
        for (path, expected) in [
            ("/dev/nvidia0", true),
            ("/dev/nvidia17", true),
            ("/dev/kfd", true),
            ("/dev/nvidiactl", false),
            ("/dev/nvidia-uvm", false),
            ("/dev/null", false),
        ] {
            assert_eq!(is_device(path), expected, "{path}");
        }
    }
}
