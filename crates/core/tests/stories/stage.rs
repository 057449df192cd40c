//! Plays one story. Holds the core and the names that the story uses.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::rc::Rc;
use std::time::Duration;

use supervisor_core::command::Which;
use supervisor_core::ids::{ProcId, RunId};
use supervisor_core::spec::{GroupSpec, SignalRule, Spec, WhenDone};
use supervisor_core::time::{Mono, Now, Wall};
use supervisor_core::{Condition, Effect, History, Input, PoolInfo, RunRecord, Supervisor};

use crate::programs::{group, hook};

/// The wall-clock time in seconds when the other clock is at zero.
const WALL_ZERO: u64 = 1_800_000_000;

/// Returns the story with the effects of the core in place of the ones in the text.
pub(crate) fn play(story: &str) -> String {
    let mut spec = Spec {
        groups: Vec::new(),
        signals: SignalRule::StopOrForward,
        when_done: WhenDone::Exit,
        prestop_delay: Duration::ZERO,
        prestop_idle: None,
        stop_budget: None,
        hooks: Vec::new(),
    };
    let (mut known, mut later) = (Vec::new(), Vec::new());
    let mut stage: Option<Stage> = None;
    let mut played = String::new();
    for line in story.lines() {
        if line.starts_with("  ") {
            continue;
        }
        writeln!(played, "{line}").unwrap();
        let words: Vec<_> = line.split_whitespace().collect();
        match *words {
            [] | ["#", ..] => {}
            ["later", ref words @ ..] => join(&mut later, group(words)),
            ["program" | "listener", ..] => {
                join(&mut known, group(&words));
                join(&mut spec.groups, group(&words));
            }
            ["hook", name, events] => spec.hooks.push(Rc::new(hook(name, events))),
            ["prestop", secs] => {
                spec.prestop_delay = Duration::from_secs(secs.parse().unwrap());
            }
            ["until-idle", secs] => {
                spec.prestop_idle = Some(Duration::from_secs(secs.parse().unwrap()));
            }
            ["budget", secs] => {
                spec.stop_budget = Some(Duration::from_secs(secs.parse().unwrap()));
            }
            ["run-once"] => spec.signals = SignalRule::ForwardAll,
            ["proceed-within", seconds] => {
                let within = Duration::from_secs(seconds.parse().unwrap());
                spec.when_done = WhenDone::Proceed { within };
            }
            ["file-mode"] => {
                (spec.signals, spec.when_done) = (SignalRule::Supervisord, WhenDone::Stay);
            }
            [time, ref words @ ..] => {
                let stage = stage.get_or_insert_with(|| {
                    // The configuration sorts groups in the same way.
                    spec.groups.sort_by_key(|group| group.priority);
                    Stage::new(spec.clone(), [known.clone(), later.clone()].concat())
                });
                played.push_str(&stage.act(seconds(time), words));
            }
        }
    }
    played
}

pub(crate) struct Stage {
    pub(crate) core: Supervisor,
    pub(crate) known: Vec<GroupSpec>,
    names: BTreeMap<ProcId, String>,
    deadline: Option<Mono>,
}

impl Stage {
    fn new(spec: Spec, known: Vec<GroupSpec>) -> Self {
        Self { core: Supervisor::new(spec), known, names: BTreeMap::new(), deadline: None }
    }

    fn act(&mut self, since_zero: Duration, words: &[&str]) -> String {
        if let Some(answer) = self.question(words) {
            return answer;
        }
        let mono = Mono::from_zero(since_zero);
        let wall = Wall::from_epoch(Duration::from_secs(WALL_ZERO) + since_zero);
        let input = self.input(words);
        let ticked = input == Input::Tick;
        let effects = self.core.handle(Now::new(mono, wall), input);
        let mut shown = String::new();
        for effect in effects {
            if let Effect::UpdateGroup { group, procs } = &effect {
                let names = group.processes.iter().map(|process| process.name.clone());
                self.names.extend(procs.iter().copied().zip(names));
            }
            if let Effect::AddGroup { group, first } = &effect {
                let numbers = (first.0..).map(ProcId);
                let names = group.processes.iter().map(|process| process.name.clone());
                self.names.extend(numbers.zip(names));
            } else {
                writeln!(shown, "  {}", self.show(&effect)).unwrap();
            }
        }
        let deadline = self.core.next_deadline();
        if deadline != self.deadline {
            let text = deadline.map_or_else(|| "never".to_owned(), |at| at.to_string());
            writeln!(shown, "  next {text}").unwrap();
            self.deadline = deadline;
        }
        if ticked && deadline.is_some_and(|at| at <= mono) {
            shown.push_str("  a deadline in the past: the caller would spin\n");
        }
        shown
    }

    /// Answers a query without an input.
    fn question(&self, words: &[&str]) -> Option<String> {
        Some(match words {
            ["condition?", name] => {
                let Condition { ready, health, since, .. } =
                    self.core.process(self.proc(name)).unwrap().condition;
                let ready = if ready { "ready" } else { "not ready" };
                let reason = health.reason().map(|why| format!(" ({why})")).unwrap_or_default();
                let since = since.map_or_else(|| "the beginning".to_owned(), |at| at.to_string());
                format!("  {ready}, health {}{reason}, since {since}\n", health.name())
            }
            ["runs?", name] => {
                let info = self.core.process(self.proc(name)).unwrap();
                info.history.runs.iter().map(run_text).collect()
            }
            ["waits?"] => {
                let infos = self.core.processes();
                let waiting = infos.filter_map(|info| Some((&info.named.name, info.waits_for?)));
                waiting.map(|(name, what)| format!("  {name}: {what}\n")).collect()
            }
            ["ready?"] => {
                let readiness = self.core.readiness().to_string();
                let started = if self.core.has_started() { "  has started\n" } else { "" };
                let lines = readiness.lines().map(|line| format!("  {line}\n"));
                lines.chain([started.to_owned()]).collect()
            }
            ["info?", name] => {
                let info = self.core.process(self.proc(name)).unwrap();
                let History { error, last_exit, restarts, .. } = info.history;
                let exit = last_exit.map(|exit| format!(", last {exit}")).unwrap_or_default();
                let error = error.as_ref().map(|error| format!(", {error}")).unwrap_or_default();
                let restarts: u64 = restarts.values().sum();
                let (full, state) = (info.named.full(), info.condition.state.name());
                format!("  {full} {state}, run {}, {restarts} restarts{exit}{error}\n", info.runs)
            }
            ["pools?"] => {
                let pools = self.core.listener_pools();
                let pool = |pool: PoolInfo<'_>| {
                    let PoolInfo { name, waiting, room, lost } = pool;
                    format!("  {name}: {waiting} of {room} wait, {lost} lost\n")
                };
                let next = format!("  next serial {}\n", self.core.next_serial());
                pools.map(pool).chain([next]).collect()
            }
            _ => return None,
        })
    }

    pub(crate) fn which(&self, name: &str) -> Which {
        if name == "all" { Which::All } else { self.core.resolve(name).unwrap() }
    }

    pub(crate) fn proc(&self, name: &str) -> ProcId {
        // The latest one, because a group may have been removed and added again.
        *self.names.iter().rfind(|(_, known)| *known == name).unwrap().0
    }

    pub(crate) fn run(&self, text: &str) -> (ProcId, RunId) {
        let (name, run) = text.split_once('#').unwrap();
        (self.proc(name), RunId(run.parse().unwrap()))
    }

    pub(crate) fn name(&self, proc: ProcId) -> &str {
        &self.names[&proc]
    }
}

fn run_text(run: &RunRecord) -> String {
    let ready = run.ready_after.map_or_else(
        || "never ready".to_owned(),
        |after| format!("ready after {:.3} s", after.as_secs_f64()),
    );
    let end = run.end.as_ref().map_or_else(
        || "runs".to_owned(),
        |end| format!("{} after {:.3} s: {end}", end.reason.name(), end.uptime.as_secs_f64()),
    );
    format!("  run {}, {ready}, {end}\n", run.run.0)
}

/// Adds a group, or its processes to the group before it if that has the same name.
fn join(groups: &mut Vec<GroupSpec>, group: GroupSpec) {
    match groups.last_mut() {
        Some(last) if last.name == group.name => last.processes.extend(group.processes),
        Some(_) | None => groups.push(group),
    }
}

pub(crate) fn seconds(text: &str) -> Duration {
    let (secs, millis) = text.split_once('.').unwrap();
    assert_eq!(millis.len(), 3, "times have three decimals: {text}");
    Duration::from_secs(secs.parse().unwrap()) + Duration::from_millis(millis.parse().unwrap())
}
