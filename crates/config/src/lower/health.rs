//! The options for readiness and health, from `health_options`.
//!
//! A setting overrides the preset, and the preset overrides the default.

use std::ffi::OsString;
use std::time::Duration;

use supervisor_core::spec::HealthSpec;
use supervisor_core::spec::health::{
    CheckSpec, EvidenceSpec, Header, Headers, HttpGet, HttpUrl, Probe, ProgressSpec, Ready, Scheme,
    TlsSpec, TreeSpec,
};

mod preset;

use preset::{Made, Planned};

use super::Lowering;
use super::program::origin;
use crate::options::health_options as o;
use crate::options::{Key, SectionKind};
use crate::presets;
use crate::text::expand::Names;
use crate::text::ini::Section;
use crate::text::shlex;

/// Reads the options for a process that runs `argv`. They do not apply to event listeners, which
/// report readiness in their protocol.
pub(super) fn read<'a>(
    lowering: &mut Lowering<'a>,
    section: &'a Section,
    names: &Names<'_>,
    argv: &[OsString],
) -> Option<HealthSpec> {
    match SectionKind::of(&section.name) {
        Some(SectionKind::Program | SectionKind::FcgiProgram) => {
            Reading { lowering, section, names, argv }.health()
        }
        Some(
            SectionKind::Supervisord
            | SectionKind::EventListener
            | SectionKind::Group
            | SectionKind::UnixHttpServer
            | SectionKind::InetHttpServer
            | SectionKind::RpcInterface
            | SectionKind::Supervisorctl
            | SectionKind::CtlPlugin
            | SectionKind::Include
            | SectionKind::Hook
            | SectionKind::Rule,
        )
        | None => Some(HealthSpec::default()),
    }
}

struct Reading<'r, 'a, 'n> {
    lowering: &'r mut Lowering<'a>,
    section: &'a Section,
    names: &'r Names<'n>,
    /// The command line.
    argv: &'r [OsString],
}

/// `None`: an invalid value, which was reported. `Some(None)`: unset.
type Perhaps<T> = Option<Option<T>>;

impl Reading<'_, '_, '_> {
    fn health(mut self) -> Option<HealthSpec> {
        let preset = self.set(&o::PRESET);
        let port = self.set(&o::PORT);
        if let (Some(None), Some(Some(_))) = (preset, port) {
            let why =
                "health_port is a preset's; set health_preset, or name the port in health_url";
            return self.wrong(o::PORT.def.key, why);
        }
        let planned = preset.flatten().map(|preset| self.planned(preset, port.flatten()));
        let planned = planned.as_ref();
        let url = self.set(&o::URL);
        let access = self.access();
        let probe = self.probe(planned, url.clone(), access.as_ref());
        let timeout = self.set(&o::TIMEOUT);
        let usual = planned.map_or(presets::TIMEOUT, |planned| planned.plan.timeout);
        let timeout = timeout.map(|given| given.unwrap_or(usual));
        let check = self.check(planned, probe.clone(), timeout);
        let progress = self.progress(planned, url.flatten(), access.as_ref(), timeout);
        self.access_is_used(&check, &progress);
        let tree = self.tree(planned);
        let ready = self.ready(planned, probe);
        let start_timeout = self.start_timeout(planned, &check);
        if let (Some(check), Some(progress), Some(tree)) = (&check, &progress, &tree) {
            let (check, progress, tree) = (check.as_ref(), progress.as_ref(), tree.as_ref());
            let made = Made { check, progress, tree, ready: ready.as_ref() };
            match planned {
                Some(planned) => self.tell(planned, &made),
                None => self.tell_own(&made),
            }
        }
        let watchdog = self.set(&o::WATCHDOG);
        let action = self.get(&o::ACTION);
        let signal = self.get(&o::DUMP_SIGNAL);
        let limit = self.get(&o::EVIDENCE);
        preset?;
        Some(HealthSpec {
            // `program::memory` reads the limit, also for event listeners.
            memory: None,
            ready: ready?,
            start_timeout: start_timeout?,
            check: check?.map(Box::new),
            progress: progress?.map(Box::new),
            tree: tree?.map(Box::new),
            watchdog: watchdog?,
            action: action?,
            evidence: EvidenceSpec { limit: limit?, signal: signal? },
        })
    }

    /// The health check. A program has at most one.
    fn probe(
        &mut self,
        planned: Option<&Planned>,
        url: Perhaps<HttpUrl>,
        access: Option<&Access>,
    ) -> Perhaps<Probe> {
        let tcp = self.set(&o::TCP);
        let command = self.set(&o::COMMAND);
        let command = command.and_then(|command| self.words(command));
        let status = self.set(&o::STATUS);
        let body = self.set(&o::BODY);
        let (url, tcp, command) = (url?, tcp?, command?);
        let given = [
            (&o::URL.def, url.is_some()),
            (&o::TCP.def, tcp.is_some()),
            (&o::COMMAND.def, command.is_some()),
        ];
        let given: Vec<&str> =
            given.iter().filter(|(_, given)| *given).map(|(def, _)| def.key).collect();
        if let [_, .., last] = given[..] {
            return self.wrong(
                last,
                &format!("{} cannot be combined; set only one of them", given.join(" and ")),
            );
        }
        let other = tcp
            .map(|(host, port)| Probe::Tcp { host, port })
            .or_else(|| command.map(Probe::Command));
        let (status, body) = (status?, body?);
        if let Some(url) = url {
            return Some(Some(Probe::Http { get: access?.to(url, None), status, body }));
        }
        let planned = planned.filter(|_| other.is_none());
        if let Some(url) = planned.and_then(Planned::probe_url) {
            let key = planned.and_then(|planned| planned.plan.health_key.as_ref());
            return Some(Some(Probe::Http { get: access?.to(url.clone(), key), status, body }));
        }
        for (key, given) in
            [(o::STATUS.def.key, status.is_some()), (o::BODY.def.key, body.is_some())]
        {
            if given {
                return self.wrong(key, &format!("{key} needs a health_url or a health_preset"));
            }
        }
        Some(other.or_else(|| planned.and_then(Planned::other_probe)))
    }

    fn words(&mut self, command: Option<String>) -> Perhaps<Vec<OsString>> {
        let Some(command) = command else { return Some(None) };
        match shlex::split(&command) {
            Ok(words) if words.is_empty() => {
                self.wrong(o::COMMAND.def.key, "health_command is empty")
            }
            Ok(words) => Some(Some(words.into_iter().map(OsString::from).collect())),
            Err(why) => {
                self.wrong(o::COMMAND.def.key, &format!("can't parse health_command: {why}"))
            }
        }
    }

    fn check(
        &mut self,
        planned: Option<&Planned>,
        probe: Perhaps<Probe>,
        timeout: Option<Duration>,
    ) -> Perhaps<CheckSpec> {
        let interval = self.interval(planned);
        let jitter = self.get(&o::JITTER);
        let failures = self.get(&o::FAILURES);
        let patience = self.stalled(planned);
        let set_by = self.set_by(planned);
        let listener = self.get(&o::LISTENER);
        let (interval, jitter, timeout) = (interval?, jitter?, timeout?);
        let (failures, patience, listener) = (failures?, patience?, listener?);
        Some(probe?.map(|probe| CheckSpec {
            probe,
            set_by,
            listener,
            interval,
            jitter,
            timeout,
            failures,
            patience,
        }))
    }

    /// The setting that defines the target.
    fn set_by(&self, planned: Option<&Planned>) -> String {
        let keys = [o::URL.def.key, o::TCP.def.key, o::COMMAND.def.key];
        let given = keys.iter().find(|key| self.lowering.is_explicit(self.section, key));
        match (given, planned) {
            (Some(key), _) => origin(self.lowering, self.section, key).to_string(),
            (None, Some(planned)) => format!("preset {}", planned.preset.name),
            (None, None) => String::new(),
        }
    }

    /// The credentials for all health and metrics requests.
    fn access(&mut self) -> Option<Access> {
        let set = self.set(&o::HEADERS);
        let file = self.set(&o::HEADERS_FILE);
        let ca_file = self.set(&o::TLS_CA_FILE);
        let name = self.set(&o::TLS_NAME);
        let headers = Headers { set: set?.unwrap_or_default(), file: file? };
        Some(Access { headers, tls: TlsSpec { ca_file: ca_file?, name: name? } })
    }

    /// Rejects headers that no request would use, because the user expects that they are sent.
    fn access_is_used(&mut self, check: &Perhaps<CheckSpec>, progress: &Perhaps<ProgressSpec>) {
        let (Some(check), Some(progress)) = (check, progress) else { return };
        let probe = check.as_ref().map(|check| &check.probe);
        let asked = match probe {
            Some(Probe::Http { get, .. }) => Some(get),
            Some(Probe::Tcp { .. } | Probe::Command(_)) | None => None,
        };
        let asked: Vec<_> =
            asked.into_iter().chain(progress.as_ref().map(|progress| &progress.page)).collect();
        let over_tls = asked.iter().any(|get| get.url.scheme == Scheme::Https);
        for (key, used, needs) in [
            (o::HEADERS.def.key, !asked.is_empty(), "health_url, progress_url or health_preset"),
            (
                o::HEADERS_FILE.def.key,
                !asked.is_empty(),
                "health_url, progress_url or health_preset",
            ),
            (o::TLS_CA_FILE.def.key, over_tls, "a URL with https://"),
            (o::TLS_NAME.def.key, over_tls, "a URL with https://"),
        ] {
            if !used && self.lowering.is_explicit(self.section, key) {
                let _: Option<()> =
                    self.wrong(key, &format!("{key} has no effect without {needs}"));
            }
        }
    }

    fn progress(
        &mut self,
        planned: Option<&Planned>,
        url: Option<HttpUrl>,
        access: Option<&Access>,
        timeout: Option<Duration>,
    ) -> Perhaps<ProgressSpec> {
        let owned = |names: &[&str]| Some(names.iter().map(|name| (*name).to_owned()).collect());
        let page = self.set(&o::PROGRESS_URL);
        let running = self.set(&o::PROGRESS_RUNNING);
        let done = self.set(&o::PROGRESS_DONE);
        let interval = self.get(&o::PROGRESS_INTERVAL);
        let stalled = self.stalled(planned);
        let key = planned.and_then(|planned| planned.plan.metrics_key.as_ref());
        let page = page?.or_else(|| planned?.metrics(url.as_ref()));
        // Without a metrics URL, the preset's names are not used.
        let known = planned.filter(|_| page.is_some());
        let known = known.and_then(|planned| planned.preset.metrics.as_ref());
        // Gauges that the user names cover all requests, including waiting ones.
        let own = known.filter(|_| running.as_ref().is_some_and(Option::is_none));
        let waiting = own.and_then(|metrics| owned(metrics.waiting)).unwrap_or_default();
        let tells_idle = own.is_none_or(|metrics| metrics.tells_idle);
        let running: Option<Vec<String>> = running?.or_else(|| owned(known?.running));
        let done: Option<Vec<String>> = done?.or_else(|| owned(known?.done));
        let (interval, stalled, timeout) = (interval?, stalled?, timeout?);
        match (page, running, done) {
            (Some(url), Some(running), Some(done)) => {
                let page = access?.to(url, key);
                Some(Some(ProgressSpec {
                    page,
                    running,
                    waiting,
                    tells_idle,
                    done,
                    interval,
                    timeout,
                    stalled,
                }))
            }
            (None, None, None) => Some(None),
            (page, running, _) => {
                let keys = [&o::PROGRESS_URL.def, &o::PROGRESS_RUNNING.def, &o::PROGRESS_DONE.def];
                let missing = keys[if page.is_none() {
                    0
                } else if running.is_none() {
                    1
                } else {
                    2
                }]
                .key;
                let given = keys
                    .iter()
                    .map(|def| def.key)
                    .find(|key| self.lowering.is_explicit(self.section, key));
                self.wrong(
                    given.unwrap_or(missing),
                    &format!(
                        "{missing} is missing; set all \
                 three of progress_url, progress_running and progress_done, or a health_preset \
                 with known metrics"
                    ),
                )
            }
        }
    }

    fn tree(&mut self, planned: Option<&Planned>) -> Perhaps<TreeSpec> {
        let pattern = self.set(&o::TREE_PATTERN);
        let interval = self.get(&o::TREE_INTERVAL);
        let patience = self.get(&o::TREE_PATIENCE);
        let (interval, patience) = (interval?, patience?);
        let given =
            pattern?.map(|pattern| TreeSpec { pattern, distinct: false, interval, patience });
        Some(given.or_else(|| planned?.tree(interval, patience)))
    }

    /// The time limit for a start. There is none if the target is only a default: a program must
    /// not restart because its check may be wrong.
    fn start_timeout(
        &mut self,
        planned: Option<&Planned>,
        check: &Perhaps<CheckSpec>,
    ) -> Option<Option<Duration>> {
        let given = self.set(&o::START_TIMEOUT)?;
        let guess = planned.is_some_and(|planned| {
            let by_preset = |check: &CheckSpec| check.set_by.starts_with("preset ");
            planned.plan.is_guess && check.iter().flatten().any(by_preset)
        });
        let usual = planned.filter(|_| !guess).map(|_| presets::START_TIMEOUT);
        Some(given.unwrap_or(usual))
    }

    fn ready(&mut self, planned: Option<&Planned>, probe: Perhaps<Probe>) -> Option<Ready> {
        let ready = self.set(&o::READY)?;
        let checked = probe?.is_some();
        let text = planned.and_then(|planned| planned.preset.ready);
        match ready {
            Some(Ready::Checked) if !checked => self.wrong(
                o::READY.def.key,
                "ready=check needs a check: health_url, health_tcp, health_command or health_preset",
            ),
            Some(ready) => Some(ready),
            None => Some(match text {
                Some(text) => Ready::Logged(text.to_owned()),
                None if checked => Ready::Checked,
                None => Ready::Startsecs,
            }),
        }
    }

    fn set<T: PartialEq>(&mut self, key: &Key<T>) -> Perhaps<T> {
        self.lowering.try_get(self.section, key, self.names).ok()
    }

    /// The value of an option that has a default.
    fn get<T: PartialEq>(&mut self, key: &Key<T>) -> Option<T> {
        self.lowering.get(self.section, key, self.names)
    }

    fn wrong<T>(&mut self, key: &str, why: &str) -> Option<T> {
        let origin = origin(self.lowering, self.section, key);
        self.lowering.complain(self.section, origin, why);
        None
    }
}

/// The headers and TLS settings of requests.
struct Access {
    headers: Headers,
    tls: TlsSpec,
}

impl Access {
    /// Builds a request. It includes the API key in the command, unless the user sets another
    /// header for it.
    fn to(&self, url: HttpUrl, key: Option<&Header>) -> HttpGet {
        let mut headers = self.headers.clone();
        if let Some(key) = key
            && !headers.set.iter().any(|set| set.name.eq_ignore_ascii_case(&key.name))
        {
            headers.set.push(key.clone());
        }
        HttpGet { url, headers, tls: self.tls.clone() }
    }
}

#[cfg(test)]
mod tests;
