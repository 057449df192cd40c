//! Applies a health preset to a program's command, and logs the result.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use supervisor_core::spec::Autorestart;
use supervisor_core::spec::health::{CheckSpec, HttpUrl, Probe, ProgressSpec, Ready, TreeSpec};

use super::Reading;
use crate::options::health_options as health;
use crate::options::{self as o, SectionKind};
use crate::presets::{self, Asks, Command, Plan, Preset, Surroundings};
use crate::sources::Mode;
use crate::values;

/// A preset and its result for a command.
pub(super) struct Planned {
    pub(super) preset: &'static Preset,
    pub(super) plan: Plan,
    /// The script that contains the options of the command, if they are not its own arguments.
    script: Option<String>,
}

/// The final health settings.
pub(super) struct Made<'m> {
    pub(super) check: Option<&'m CheckSpec>,
    pub(super) progress: Option<&'m ProgressSpec>,
    pub(super) tree: Option<&'m TreeSpec>,
    pub(super) ready: Option<&'m Ready>,
}

impl Planned {
    /// The URL of the preset's health check, if it uses one.
    pub(super) fn probe_url(&self) -> Option<&HttpUrl> {
        match &self.plan.asks {
            Asks::Page(url) => Some(url),
            Asks::Port { .. } | Asks::Command(_) | Asks::Nothing(_) => None,
        }
    }

    /// The preset's health check, if it does not use a URL.
    pub(super) fn other_probe(&self) -> Option<Probe> {
        match &self.plan.asks {
            Asks::Port { host, port, .. } => Some(Probe::Tcp { host: host.clone(), port: *port }),
            Asks::Command(words) => Some(Probe::Command(words.clone())),
            Asks::Page(_) | Asks::Nothing(_) => None,
        }
    }

    /// The URL of the metrics. If the metrics have no port of their own, they are on the server of
    /// the health URL that the user has set.
    pub(super) fn metrics(&self, given: Option<&HttpUrl>) -> Option<HttpUrl> {
        let metrics = self.preset.metrics.as_ref()?;
        let beside = given.filter(|_| metrics.place.is_none());
        let beside = beside.map(|url| HttpUrl { path: metrics.path.to_owned(), ..url.clone() });
        beside.or_else(|| self.plan.metrics.clone())
    }

    /// The process count to use if the preset cannot check the server in another way.
    pub(super) fn tree(&self, interval: Duration, patience: Duration) -> Option<TreeSpec> {
        let pattern = self.preset.tree.filter(|_| matches!(self.plan.asks, Asks::Nothing(_)))?;
        Some(TreeSpec { pattern: pattern.to_owned(), distinct: true, interval, patience })
    }
}

impl Reading<'_, '_, '_> {
    pub(super) fn planned(&mut self, preset: &'static Preset, port: Option<u16>) -> Planned {
        let directory = self.set(&o::DIRECTORY).flatten();
        let context = self.lowering.context;
        let directory = directory.map_or_else(|| context.sources.cwd.clone(), PathBuf::from);
        let around = Surroundings {
            variable: &|name| self.names.variable(name),
            file: &|path| String::from_utf8(context.host.read(&directory.join(path)).ok()?).ok(),
            beginning: &|| {
                let Some(word) = self.argv.first() else { return Vec::new() };
                let path = self.names.variable("PATH").map(OsString::from);
                let found = if Path::new(word).components().count() > 1 {
                    Some(values::absolute(Path::new(word), &context))
                } else {
                    context.host.find_program(word, path.as_deref())
                };
                found.map(|file| context.host.beginning(&file)).unwrap_or_default()
            },
        };
        let command = Command::read(preset, self.argv, &around);
        let script = command.script.clone();
        Planned { preset, plan: preset.plan(&command, port), script }
    }

    /// Logs at startup what will be checked and why, recommends changes, and warns about the time
    /// that a stop needs.
    pub(super) fn tell(&mut self, planned: &Planned, made: &Made<'_>) {
        let (name, title) = (self.section.label().to_owned(), planned.preset.title);
        let line = self.line(planned, made);
        self.lowering.report.tell(format!("check: {name}: {line}"));
        for warning in &planned.plan.warnings {
            self.lowering.report.warn(format!("check: {name}: {warning}"));
        }
        if let Some((needs, why)) = &planned.plan.stop {
            let has = self.lowering.get(self.section, &o::STOPWAITSECS, self.names);
            if has.is_some_and(|has| u64::try_from(has).unwrap_or(0) < *needs) {
                self.lowering.report.warn(format!(
                    "stop: {name}: stopwaitsecs={} is too short for {title}, which can need \
                     {needs} seconds ({why}); set stopwaitsecs={needs}",
                    has.unwrap_or_default()
                ));
            }
        }
        if let Some(how) = planned.plan.cuts.filter(|_| !self.waits_until_idle()) {
            let delay = match self.lowering.mode {
                Mode::Command(_) | Mode::Once(_) => {
                    "PROCESS_PRESTOP_DELAY_SECS and PROCESS_PRESTOP_UNTIL_IDLE=true"
                }
                Mode::File => "prestop_delay_secs and prestop_until_idle=true",
            };
            self.lowering.report.tell(format!(
                "stop: {name}: {title} aborts requests in flight at SIGTERM; {how}, or set {delay}"
            ));
        }
        if planned.plan.ends_with_0 && self.calls_0_expected() {
            self.lowering.report.warn(format!(
                "[program:{name}] {title} can exit with code 0 after its engine has died, and \
                 autorestart=unexpected does not restart it then; set autorestart=true"
            ));
        }
    }

    /// Logs at startup what will be checked without a preset.
    pub(super) fn tell_own(&mut self, made: &Made<'_>) {
        let Some(CheckSpec { probe, set_by, .. }) = made.check else { return };
        let (name, metrics) = (self.section.label(), metrics_of(made));
        let line = format!("check: {name}: checking {probe} ({set_by}){metrics}");
        self.lowering.report.tell(line);
    }

    fn line(&self, planned: &Planned, made: &Made<'_>) -> String {
        let Planned { preset, plan, script } = planned;
        let preset = format!("preset {}", preset.name);
        let from = match (&plan.from[..], script) {
            (from @ [_, ..], _) => format!("{preset}, {}", from.join(", ")),
            ([], Some(script)) => format!(
                "default address of {preset}: the options in the script '{script}' are not \
                 read; set PROCESS_HEALTH_PORT if the server uses another port"
            ),
            ([], None) => format!("default address of {preset}"),
        };
        let mut line = match (made.check, &plan.asks) {
            (Some(check), asks) if check.set_by == preset => match asks {
                Asks::Port { why, .. } => format!("connecting to {} ({from}; {why})", check.probe),
                Asks::Command(words) => {
                    let words: Vec<_> = words.iter().map(|word| word.to_string_lossy()).collect();
                    let every = check.interval.as_secs();
                    format!("running '{}' every {every} s ({preset})", words.join(" "))
                }
                Asks::Page(_) | Asks::Nothing(_) => format!("checking {} ({from})", check.probe),
            },
            (Some(check), _) => format!("checking {} ({})", check.probe, check.set_by),
            (None, Asks::Nothing(why)) => match made.tree {
                Some(tree) => format!(
                    "no HTTP check ({preset}: {why}); watching its processes named '{}'",
                    tree.pattern
                ),
                None => format!("no HTTP check ({preset}: {why})"),
            },
            (None, _) => format!("no HTTP check ({preset})"),
        };
        if let Some(Ready::Logged(text)) = made.ready {
            line.push_str(&format!("; ready when its output contains '{text}'"));
        }
        line.push_str(&metrics_of(made));
        for remark in &plan.remarks {
            line.push_str(&format!("; {remark}"));
        }
        if plan.is_guess && made.check.is_some_and(|check| check.set_by == preset) {
            line.push_str("; no start timeout, because the address is a guess");
        }
        line
    }

    /// Whether the delay before a stop ends early when no request is in flight.
    fn waits_until_idle(&self) -> bool {
        let mut sections = self.lowering.of_kind(SectionKind::Supervisord);
        sections.any(|section| {
            let entry = self.lowering.entry(section, o::PRESTOP_UNTIL_IDLE.def.key);
            entry.is_some_and(|entry| !presets::is_no(&entry.value))
        })
    }

    fn calls_0_expected(&mut self) -> bool {
        let again = self.lowering.get(self.section, &o::AUTORESTART, self.names);
        let expected = self.lowering.get(self.section, &o::EXITCODES, self.names);
        again == Some(Autorestart::Unexpected) && expected.is_some_and(|codes| codes.contains(&0))
    }

    /// Time between two checks.
    pub(super) fn interval(&mut self, planned: Option<&Planned>) -> Option<Duration> {
        let usual = planned.map_or(presets::INTERVAL, |planned| planned.preset.interval);
        self.set(&health::INTERVAL).map(|given| given.unwrap_or(usual))
    }

    /// Time without progress that is allowed.
    pub(super) fn stalled(&mut self, planned: Option<&Planned>) -> Option<Duration> {
        let usual = planned.map_or(presets::STALLED, |planned| planned.preset.stalled);
        self.set(&health::PROGRESS_STALLED).map(|given| given.unwrap_or(usual))
    }
}

fn metrics_of(made: &Made<'_>) -> String {
    made.progress.map_or_else(String::new, |progress| format!("; metrics at {}", progress.page.url))
}
