//! What /proc says about the processes of a tool.

use std::collections::BTreeSet;
use std::fs;
use std::io;

use rustix::process::{Pid, getpid};

/// The process and all its descendants.
pub(crate) fn family(root: Pid) -> io::Result<BTreeSet<i32>> {
    let parents = parents()?;
    let mut family = BTreeSet::from([root.as_raw_pid()]);
    loop {
        let before = family.len();
        for (pid, parent) in &parents {
            if family.contains(parent) {
                family.insert(*pid);
            }
        }
        if family.len() == before {
            return Ok(family);
        }
    }
}

/// The bench's own children: what it started, and what a tool left behind.
pub(crate) fn children() -> io::Result<Vec<Pid>> {
    let me = getpid().as_raw_pid();
    let ours = parents()?.into_iter().filter(|(_, parent)| *parent == me);
    Ok(ours.filter_map(|(pid, _)| Pid::from_raw(pid)).collect())
}

/// Proportional set size: private memory, plus each shared page divided by how many share it. KiB.
pub(crate) fn pss_kib(pid: i32) -> io::Result<f64> {
    let path = format!("/proc/{pid}/smaps_rollup");
    let text = fs::read_to_string(&path)?;
    let value = text.lines().find_map(|line| number(line.strip_prefix("Pss:")?));
    value.ok_or_else(|| io::Error::other(format!("{path} holds no Pss")))
}

/// How often its threads gave up a CPU so far, by themselves or not. For an idle process: how often
/// it woke up.
pub(crate) fn context_switches(pid: i32) -> io::Result<f64> {
    sum_over_threads(pid, "status", |text| {
        let switches = text.lines().filter(|line| line.contains("voluntary_ctxt_switches:"));
        switches.filter_map(|line| number(line.split_once(':')?.1)).sum()
    })
}

/// CPU time of its threads so far, in seconds. From schedstat, which counts nanoseconds; `stat`
/// counts in hundredths of a second, too coarse for the fast tools.
pub(crate) fn cpu_seconds(pid: i32) -> io::Result<f64> {
    sum_over_threads(pid, "schedstat", |text| number(text).unwrap_or(0.0) / 1e9)
}

fn sum_over_threads(pid: i32, file: &str, value: impl Fn(&str) -> f64) -> io::Result<f64> {
    let mut sum = 0.0;
    for thread in fs::read_dir(format!("/proc/{pid}/task"))? {
        sum += value(&fs::read_to_string(thread?.path().join(file))?);
    }
    Ok(sum)
}

fn number(text: &str) -> Option<f64> {
    text.split_whitespace().next()?.parse().ok()
}

/// Every process of the machine with its parent.
fn parents() -> io::Result<Vec<(i32, i32)>> {
    let mut parents = Vec::new();
    for entry in fs::read_dir("/proc")? {
        let name = entry?.file_name();
        let Some(pid) = name.to_str().and_then(|name| name.parse().ok()) else { continue };
        // A process that ends meanwhile is none.
        let Ok(stat) = fs::read_to_string(format!("/proc/{pid}/stat")) else { continue };
        // PID (NAME) STATE PARENT …, and NAME may hold anything.
        let parent =
            stat.rsplit_once(") ").and_then(|(_, rest)| rest.split(' ').nth(1)?.parse().ok());
        parents.extend(parent.map(|parent| (pid, parent)));
    }
    Ok(parents)
}
