//! The maximum duration of a shutdown, and whether it fits into its budget.

use std::time::Duration;

use crate::sources::Mode;
use supervisor_core::spec::Spec;
use supervisor_core::{STOP_RESERVE, Supervisor};

use crate::env;
use crate::error::Report;
use crate::options;

/// Maximum number of steps to list.
const MOST_TOLD: usize = 50;

/// Maximum number of programs to list for one step.
const MOST_NAMED: usize = 10;

/// A shutdown with full grace periods: its total duration, and its steps in words.
pub(crate) struct Longest {
    pub(crate) sum: Duration,
    pub(crate) steps: Vec<String>,
}

impl Longest {
    /// The delay before the stop signal, and the steps in the core's order. Programs that stop
    /// together take the longest grace period among them.
    pub(crate) fn of(spec: &Spec) -> Self {
        let supervisor = Supervisor::new(spec.clone());
        let steps = supervisor.stop_steps();
        let sum = spec.prestop_delay + steps.iter().map(|(_, longest)| *longest).sum::<Duration>();
        let delay =
            (!spec.prestop_delay.is_zero()).then(|| shown("prestop delay", spec.prestop_delay));
        let steps = steps.iter().take(MOST_TOLD).map(|(names, longest)| {
            let others = names.len().saturating_sub(MOST_NAMED);
            let more = if others > 0 { format!(" and {others} more") } else { String::new() };
            let names = names.iter().take(MOST_NAMED).copied().collect::<Vec<_>>().join(" and ");
            shown(&(names + &more), *longest)
        });
        Self { sum, steps: delay.into_iter().chain(steps).collect() }
    }
}

fn shown(name: &str, time: Duration) -> String {
    format!("{name} {}", time.as_secs_f64())
}

/// Warns if the settings need more time than the budget allows.
pub(crate) fn warn_if_exceeded(spec: &Spec, mode: Mode<'_>, report: &mut Report) {
    let Some(budget) = spec.stop_budget else { return };
    let Longest { sum, mut steps } = Longest::of(spec);
    let sum = sum + STOP_RESERVE;
    if sum <= budget {
        return;
    }
    steps.push(shown("reserve", STOP_RESERVE));
    let name = match mode {
        Mode::Command(_) | Mode::Once(_) => env::STOP_BUDGET_SECS.name,
        Mode::File => options::STOP_BUDGET.def.key,
    };
    report.warn(format!(
        "{name}: a shutdown may take {} s ({}), more than the budget of {} s; reducing grace \
         periods to fit",
        sum.as_secs_f64(),
        steps.join(", "),
        budget.as_secs_f64()
    ));
}
