//! Finds the processes in this container that have a GPU open. The pids that `nvidia-smi` prints
//! are the host's and mean nothing here.

use std::collections::BTreeSet;
use std::fs;
use std::time::Duration;

use supervisor_core::ids::{Pid, ProcId};
use supervisor_sys::deadline::run_with_deadline;
use supervisor_sys::process::process_table::Family;

/// Time limit for a search: a process that hangs in a driver may block it.
const LOOK_TIME: Duration = Duration::from_secs(1);

/// The maximum number of named processes.
const NAMED: usize = 8;

/// All visible processes with a GPU open, with their names.
pub(super) async fn in_container() -> Option<Vec<(Pid, String)>> {
    run_with_deadline(LOOK_TIME, |_| {
        let all = fs::read_dir("/proc").into_iter().flatten().flatten();
        named(all.filter_map(|entry| entry.file_name().to_str()?.parse().ok().map(Pid)))
    })
    .await
}

/// The same for a process and its descendants; `None`: they are invisible and may have a device
/// open.
pub(super) async fn below(main: Pid) -> Option<Vec<(Pid, String)>> {
    let look = run_with_deadline(LOOK_TIME, move |_| {
        let below = Family::now().and_then(|family| family.descendants(main)).ok()?;
        Some(named(below.into_iter().map(|member| member.pid).chain([main])))
    });
    look.await.flatten()
}

/// The programs of which a process has a device open, by the roots of their trees.
pub(super) async fn of_trees(roots: Vec<(Pid, ProcId)>) -> Option<BTreeSet<ProcId>> {
    let look = run_with_deadline(LOOK_TIME, move |_| {
        let family = Family::now().ok()?;
        let is_using = |root: Pid| {
            let below = family.descendants(root).unwrap_or_default();
            has_open(root) || below.iter().any(|member| has_open(member.pid))
        };
        let using = roots.into_iter().filter(|(root, _)| is_using(*root));
        Some(using.map(|(_, proc)| proc).collect())
    });
    look.await.flatten()
}

fn named(pids: impl Iterator<Item = Pid>) -> Vec<(Pid, String)> {
    pids.filter(|pid| has_open(*pid)).take(NAMED).map(|pid| (pid, name(pid))).collect()
}

fn has_open(pid: Pid) -> bool {
    let open = fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten();
    let mut targets = open.filter_map(|entry| fs::read_link(entry.path()).ok());
    targets.any(|target| target.to_str().is_some_and(is_device))
}

/// Whether the path is a device: `/dev/nvidia0` or `/dev/neuron0`, and not the devices of the driver
/// itself; for AMD `/dev/kfd`, which each process that computes has open.
fn is_device(path: &str) -> bool {
    let number = ["/dev/nvidia", "/dev/neuron"].iter().find_map(|kind| path.strip_prefix(kind));
    path == "/dev/kfd" || number.is_some_and(|number| number.parse::<u32>().is_ok())
}

fn name(pid: Pid) -> String {
    let name = fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
    name.trim().escape_debug().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gpu_devices_are_known_by_their_paths() {
        for (path, expected) in [
            ("/dev/nvidia0", true),
            ("/dev/nvidia17", true),
            ("/dev/kfd", true),
            ("/dev/neuron3", true),
            ("/dev/nvidiactl", false),
            ("/dev/nvidia-uvm", false),
            ("/dev/null", false),
        ] {
            assert_eq!(is_device(path), expected, "{path}");
        }
    }
}
