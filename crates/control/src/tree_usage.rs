//! What the trees of all programs use. Nobody measures while nobody asks.

use std::collections::BTreeMap;

use supervisor_core::ids::ProcId;
use supervisor_sys::process::process_table::{self, Family, Usage};

use crate::control::Control;
pub(crate) use crate::usage_history::TreeUsage;

/// Looks at all trees, and lets others have their turn after each: a thousand programs
/// must not hold up a restart.
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

/// Looks at all trees when a check is due, if nobody has looked for a while: what a server
/// used at night is known in the morning, and a supervisor without checks stays idle.
pub(crate) async fn look_at_checks(control: Control) {
    let Some(checks) = control.checks() else { return };
    loop {
        checks.notified().await;
        if control.usage().borrow().is_due(control.now().mono) {
            tree_usage(&control).await;
        }
    }
}
