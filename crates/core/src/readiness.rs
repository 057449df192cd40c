//! Overall readiness, for load balancers and orchestrators.

use std::collections::BTreeMap;
use std::fmt;
use std::rc::Rc;

use crate::condition::HealthStatus;
use crate::event::Named;
use crate::info::Info;
use crate::state_name::StateName;
use crate::supervisor::Supervisor;

/// Whether all relevant programs are ready.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Readiness {
    /// All are ready.
    Ready,
    /// A shutdown is in progress or delayed.
    Stopping,
    /// These are not ready. Empty: there is no relevant program.
    Waiting(Vec<Unready>),
}

/// A process that is not ready.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unready {
    /// The process.
    pub named: Rc<Named>,
    /// Its state.
    pub state: StateName,
    /// Its problem, or the activity that it reports.
    pub remark: Option<String>,
}

impl Supervisor {
    /// Whether clients should send requests. Essential programs count; if there are none, all
    /// programs with autostart count. Event listeners never count, and neither does a helper that
    /// has completed as expected. A program with `ready_processes` needs only so many of its
    /// processes.
    #[must_use]
    pub fn readiness(&self) -> Readiness {
        if self.is_ending() {
            return Readiness::Stopping;
        }
        let sets = Sets::of(self.counted(), |info| info.condition.ready || info.completed);
        let missing = sets.missing();
        if missing.is_empty() && !sets.is_empty() {
            return Readiness::Ready;
        }
        Readiness::Waiting(missing.into_iter().map(Unready::new).collect())
    }

    /// Whether all relevant programs have been up at some time, and none waits to restart. A
    /// program with `ready_processes` needs only so many of its processes.
    #[must_use]
    pub fn has_started(&self) -> bool {
        let sets = self.started();
        !sets.is_empty() && sets.missing().is_empty()
    }

    /// Which relevant programs have not started, as text: see [`Self::has_started`].
    #[must_use]
    pub fn not_started(&self) -> String {
        let missing = if self.is_ending() {
            Readiness::Stopping
        } else {
            Readiness::Waiting(self.started().missing().into_iter().map(Unready::new).collect())
        };
        Lacking { what: "not started", missing: &missing }.to_string()
    }

    fn started(&self) -> Sets<'_> {
        let started = |info: &Info<'_>| info.history.up_after.is_some() && info.waits_for.is_none();
        Sets::of(self.counted(), |info| info.completed || started(info))
    }

    fn counted(&self) -> impl Iterator<Item = Info<'_>> {
        let any = self.programs_with_info().any(|info| info.spec.essential);
        self.programs_with_info()
            .filter(move |info| if any { info.spec.essential } else { info.spec.autostart })
    }
}

/// The processes of each program, of which a certain number must pass a test.
struct Sets<'a> {
    /// All processes in start order, each with its result.
    tested: Vec<(Info<'a>, bool)>,
}

impl<'a> Sets<'a> {
    fn of(infos: impl Iterator<Item = Info<'a>>, test: impl Fn(&Info<'a>) -> bool) -> Self {
        let tested = infos.map(|info| {
            let passes = test(&info);
            (info, passes)
        });
        Self { tested: tested.collect() }
    }

    const fn is_empty(&self) -> bool {
        self.tested.is_empty()
    }

    /// The processes that fail the test, of programs of which too few pass it.
    fn missing(&self) -> Vec<&Info<'a>> {
        let mut programs: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
        for (info, passes) in &self.tested {
            let (all, passed) = programs.entry(&info.spec.program).or_default();
            (*all, *passed) = (*all + 1, *passed + usize::from(*passes));
        }
        let lacks = |info: &Info<'_>| {
            let (all, passed) = programs[info.spec.program.as_str()];
            passed < info.spec.start.enough_of(all)
        };
        let failed = self.tested.iter().filter(|(_, passes)| !passes).map(|(info, _)| info);
        failed.filter(|info| lacks(info)).collect()
    }
}

impl Unready {
    fn new(info: &Info<'_>) -> Self {
        let history = info.history;
        let health = match info.condition.health {
            HealthStatus::Unhealthy(unhealthy) => Some(unhealthy.to_string()),
            HealthStatus::Starting(failure) => {
                let last = failure.map(|failure| format!("last check: {failure}"));
                let told = history.status.iter().cloned().chain(last).collect::<Vec<_>>();
                Some(told.join("; ")).filter(|told| !told.is_empty())
            }
            HealthStatus::None | HealthStatus::Healthy | HealthStatus::Leaving => None,
        };
        let waits = info.waits_for.as_ref().map(|what| format!("waiting for {what}"));
        let remark = match info.condition.state {
            _ if waits.is_some() => waits,
            StateName::Starting | StateName::Running if health.is_some() => health,
            StateName::Starting | StateName::Running | StateName::Stopping => {
                history.status.clone()
            }
            StateName::Stopped | StateName::Backoff | StateName::Exited | StateName::Fatal => {
                history.error.clone()
            }
        };
        Self { named: Rc::clone(info.named), state: info.condition.state, remark }
    }
}

impl fmt::Display for Readiness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Lacking { what: "not ready", missing: self }.fmt(f)
    }
}

/// The text that says what is missing: one line for each process.
struct Lacking<'a> {
    /// The beginning of each line.
    what: &'static str,
    missing: &'a Readiness,
}

impl fmt::Display for Lacking<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = self.what;
        match self.missing {
            Readiness::Ready => f.write_str("ready\n"),
            Readiness::Stopping => writeln!(f, "{what}: the supervisor is stopping"),
            Readiness::Waiting(unready) if unready.is_empty() => {
                writeln!(f, "{what}: no program starts with the supervisor")
            }
            Readiness::Waiting(unready) => {
                unready.iter().try_for_each(|unready| writeln!(f, "{what}: {unready}"))
            }
        }
    }
}

impl fmt::Display for Unready {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { named, state, remark } = self;
        let name = &named.name;
        match state {
            StateName::Running => write!(f, "{name} is RUNNING but unhealthy")?,
            StateName::Starting
            | StateName::Stopping
            | StateName::Stopped
            | StateName::Backoff
            | StateName::Exited
            | StateName::Fatal => write!(f, "{name} is {}", state.name())?,
        }
        match remark {
            Some(remark) => write!(f, " ({remark})"),
            None => Ok(()),
        }
    }
}
