//! Resource usage of all process trees, measured only on request or when a health check is due.

use std::collections::BTreeMap;

use supervisor_core::ids::ProcId;
use supervisor_sys::process::process_table::{self, Family, Usage};

use crate::control::Control;
pub(crate) use crate::usage_history::TreeUsage;

/// Measures all process trees, and yields after each, because a thousand programs must not
/// delay a restart.
pub(crate) async fn tree_usage(control: &Control) -> BTreeMap<ProcId, TreeUsage> {
    let mut usages = BTreeMap::<ProcId, TreeUsage>::new();
    let Ok(family) = Family::now() else { return usages };
    for (root, proc) in control.roots(&family).await.unwrap_or_default() {
        let usage = usages.entry(proc).or_default();
        let members = family.descendants(root).unwrap_or_default();
        let members = members.into_iter().map(|member| member.pid);
        for pid in [root].into_iter().chain(members) {
            let Some(Usage { cpu, memory, suspended }) = process_table::usage(pid) else {
                continue;
            };
            usage.processes += 1;
            usage.cpu += cpu;
            usage.memory = usage.memory.saturating_add(memory);
            usage.suspended |= suspended && pid == root;
        }
        tokio::task::yield_now().await;
    }
    control.usage().borrow_mut().note(control.now().mono, &usages);
    usages
}

/// Measures all process trees when a health check is due, if the last sample is old enough. The
/// history thus covers times without clients, and a supervisor without health checks stays idle.
pub(crate) async fn look_at_checks(control: Control) {
    let Some(checks) = control.checks() else { return };
    loop {
        checks.notified().await;
        if control.usage().borrow().is_due(control.now().mono) {
            tree_usage(&control).await;
        }
    }
}
