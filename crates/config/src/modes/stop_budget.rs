//! The maximum duration of a shutdown, and whether it fits into its budget.

use std::time::Duration;

use crate::sources::Mode;
use supervisor_core::spec::Spec;
use supervisor_core::{Fitted, STOP_RESERVE, Supervisor};

use crate::env;
use crate::error::Report;
use crate::options;

/// Maximum number of steps to list.
const MOST_TOLD: usize = 50;

/// Maximum number of programs to list for one step.
const MOST_NAMED: usize = 10;

/// A shutdown in which each program uses its whole grace period.
struct Longest {
    /// The delay before the stop signal.
    delay: Duration,
    /// The steps in the core's order. Programs that stop together take the longest grace period
    /// among them.
    steps: Vec<Step>,
}

/// Programs that stop together.
struct Step {
    /// Their names, as text.
    names: String,
    grace: Duration,
}

impl Longest {
    /// A shutdown with the grace periods and the delay that the options set.
    fn of(supervisor: &Supervisor, delay: Duration) -> Self {
        let steps = supervisor.stop_steps().into_iter().map(|(names, grace)| {
            let others = names.len().saturating_sub(MOST_NAMED);
            let more = if others > 0 { format!(" and {others} more") } else { String::new() };
            let names = names.iter().take(MOST_NAMED).copied().collect::<Vec<_>>().join(" and ");
            Step { names: names + &more, grace }
        });
        Self { delay, steps: steps.collect() }
    }

    /// The same shutdown, with the delay and the grace periods that the budget allows.
    fn reduced(&self, to: Fitted) -> Self {
        let reduced = |Step { names, grace }: &Step| Step {
            names: names.clone(),
            grace: (*grace).min(to.cap),
        };
        Self { delay: to.delay, steps: self.steps.iter().map(reduced).collect() }
    }

    fn sum(&self) -> Duration {
        self.delay + self.steps.iter().map(|step| step.grace).sum::<Duration>()
    }

    /// The delay and the steps in words.
    fn words(&self) -> Vec<String> {
        let delay = (!self.delay.is_zero()).then(|| shown("prestop delay", self.delay));
        let steps = self.steps.iter().take(MOST_TOLD).map(|step| shown(&step.names, step.grace));
        delay.into_iter().chain(steps).collect()
    }
}

/// A budget that is too short for a shutdown with full grace periods.
struct Exceeded {
    budget: Duration,
    wanted: Longest,
    reduced: Longest,
}

impl Exceeded {
    /// `None`: the shutdown fits into its budget, or has none.
    fn of(spec: &Spec) -> Option<Self> {
        let budget = spec.stop_budget?;
        let supervisor = Supervisor::new(spec.clone());
        let fitted = supervisor.fitted()?;
        let wanted = Longest::of(&supervisor, spec.prestop_delay);
        let reduced = wanted.reduced(fitted);
        (wanted.sum() + STOP_RESERVE > budget).then_some(Self { budget, wanted, reduced })
    }

    /// The changes that make the shutdown fit.
    fn changes(&self) -> String {
        let killed = self.wanted.steps.iter().zip(&self.reduced.steps);
        let killed = killed.filter(|(wanted, reduced)| wanted.grace > reduced.grace);
        let killed = killed.filter(|(_, reduced)| reduced.grace.is_zero());
        let killed: Vec<&str> =
            killed.take(MOST_TOLD).map(|(step, _)| step.names.as_str()).collect();
        let delay = (self.reduced.delay < self.wanted.delay)
            .then(|| format!("the prestop delay to {} s", seconds(self.reduced.delay)));
        let grace = (!killed.is_empty()).then(|| {
            let names = killed.join(" and ");
            format!(
                "the grace period of {names} to 0 s, which leaves no time to finish: SIGKILL \
                 follows the stop signal at once"
            )
        });
        let changes: Vec<String> = delay.into_iter().chain(grace).collect();
        if changes.is_empty() { "grace periods to fit".to_owned() } else { changes.join(" and ") }
    }
}

/// The maximum duration of a stop, as a sentence.
pub(crate) fn summary(spec: &Spec) -> String {
    match Exceeded::of(spec) {
        None => {
            let longest = Longest::of(&Supervisor::new(spec.clone()), spec.prestop_delay);
            let steps = longest.words().join(", then ");
            format!("A stop takes at most {} s: {steps}", seconds(longest.sum()))
        }
        Some(Exceeded { budget, reduced, .. }) => format!(
            "A stop takes at most {} s ({}): {}, {}",
            seconds(budget),
            options::STOP_BUDGET.def.key,
            reduced.words().join(", then "),
            shown("reserve", STOP_RESERVE.min(budget)),
        ),
    }
}

fn shown(name: &str, time: Duration) -> String {
    format!("{name} {}", seconds(time))
}

/// The time in seconds, rounded to milliseconds.
fn seconds(time: Duration) -> f64 {
    (time.as_secs_f64() * 1000.0).round() / 1000.0
}

/// Warns if the settings need more time than the budget allows.
pub(crate) fn warn_if_exceeded(spec: &Spec, mode: Mode<'_>, report: &mut Report) {
    let Some(exceeded) = Exceeded::of(spec) else { return };
    let name = match mode {
        Mode::Command(_) | Mode::Once(_) => env::STOP_BUDGET_SECS.name,
        Mode::File => options::STOP_BUDGET.def.key,
    };
    let Exceeded { budget, wanted, .. } = &exceeded;
    report.warn(format!(
        "{name}: a shutdown may take {} s ({}, {}), more than the budget of {} s; reducing {}",
        seconds(wanted.sum() + STOP_RESERVE),
        wanted.words().join(", "),
        shown("reserve", STOP_RESERVE),
        seconds(*budget),
        exceeded.changes()
    ));
}
