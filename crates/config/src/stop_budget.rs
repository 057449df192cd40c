//! Whether a shutdown fits into its budget.

use std::time::Duration;

use supervisor_core::spec::Spec;

use crate::env;
use crate::error::Report;

/// What is left at the end for SIGKILL and the last output.
const RESERVE: Duration = Duration::from_secs(1);

/// Warns with the sum if the settings ask for more time than the budget has.
pub(crate) fn warn_if_exceeded(spec: &Spec, report: &mut Report) {
    let Some(budget) = spec.stop_budget else { return };
    let waits = spec.groups.iter().filter_map(|group| {
        let wait = group.processes.iter().map(|process| process.stopwaitsecs).max()?;
        Some((group.name.as_str(), wait))
    });
    let delay = ("delay before the stop", spec.prestop_delay);
    let parts = [delay].into_iter().filter(|(_, delay)| !delay.is_zero()).chain(waits);
    let parts: Vec<_> = parts.chain([("reserve", RESERVE)]).collect();
    let sum: Duration = parts.iter().map(|(_, time)| *time).sum();
    if sum <= budget {
        return;
    }
    let parts: Vec<_> =
        parts.iter().map(|(name, time)| format!("{name} {}", time.as_secs_f64())).collect();
    report.warn(format!(
        "{}: a shutdown may take {} seconds ({}), more than the budget of {}; grace periods are \
         cut to fit",
        env::STOP_BUDGET_SECS.name,
        sum.as_secs_f64(),
        parts.join(", "),
        budget.as_secs_f64()
    ));
}
