//! When a program is ready and when it is ill: the options of `health_options`.
//!
//! What is said counts, then what the preset knows, then the default.

use std::ffi::OsString;
use std::time::Duration;

use supervisor_core::spec::HealthSpec;
use supervisor_core::spec::health::{
    CheckSpec, EvidenceSpec, Headers, HttpGet, HttpServer, HttpUrl, Probe, ProgressSpec, Ready,
    Scheme, TlsSpec, TreeSpec,
};

use super::Lowering;
use super::program::origin;
use crate::expand::Names;
use crate::health_options as o;
use crate::ini::Section;
use crate::options::{Key, Kind};
use crate::presets::{self, Preset};
use crate::shlex;
use crate::values::LOOPBACK;

/// Reads those of a process that runs `argv`. An event listener has none: it says itself when it is ready.
pub(super) fn read<'a>(
    lowering: &mut Lowering<'a>,
    section: &'a Section,
    names: &Names<'_>,
    argv: &[OsString],
) -> Option<HealthSpec> {
    match Kind::of(&section.name) {
        Some(Kind::Program | Kind::FcgiProgram) => {
            Reading { lowering, section, names, argv }.health()
        }
        Some(
            Kind::Supervisord
            | Kind::EventListener
            | Kind::Group
            | Kind::UnixHttpServer
            | Kind::InetHttpServer
            | Kind::RpcInterface
            | Kind::Supervisorctl
            | Kind::CtlPlugin
            | Kind::Include,
        )
        | None => Some(HealthSpec::default()),
    }
}

struct Reading<'r, 'a, 'n> {
    lowering: &'r mut Lowering<'a>,
    section: &'a Section,
    names: &'r Names<'n>,
    /// The command.
    argv: &'r [OsString],
}

/// `None` of what is wrong, `Some(None)` of what isn't there.
type Perhaps<T> = Option<Option<T>>;

impl Reading<'_, '_, '_> {
    fn health(mut self) -> Option<HealthSpec> {
        let preset = self.set(&o::PRESET);
        let port = self.set(&o::PORT);
        if let (Some(None), Some(Some(_))) = (preset, port) {
            let why =
                "health_port is a preset's; set health_preset, or name the port in health_url";
            return self.wrong(o::PORT.row.key, why);
        }
        let place = Place { preset: preset.flatten(), port: port.flatten() };
        let url = self.set(&o::URL);
        let access = self.access();
        let probe = self.probe(&place, url.clone(), access.as_ref());
        let timeout = self.set(&o::TIMEOUT);
        let usual = place.preset.map_or(presets::TIMEOUT, |preset| preset.timeout);
        let timeout = timeout.map(|said| said.unwrap_or(usual));
        let check = self.check(&place, probe.clone(), timeout);
        let progress = self.progress(&place, url.flatten(), access.as_ref(), timeout);
        self.access_is_used(&check, &progress);
        let tree = self.tree();
        let ready = self.ready(probe);
        let start_timeout = self.set(&o::START_TIMEOUT);
        let usual = place.preset.map(|_| presets::START_TIMEOUT);
        let start_timeout = start_timeout.map(|said| said.unwrap_or(usual));
        let watchdog = self.set(&o::WATCHDOG);
        let action = self.get(&o::ACTION);
        let signal = self.get(&o::DUMP_SIGNAL);
        let limit = self.get(&o::EVIDENCE);
        preset?;
        Some(HealthSpec {
            ready: ready?,
            start_timeout: start_timeout?,
            check: check?,
            progress: progress?,
            tree: tree?,
            watchdog: watchdog?,
            action: action?,
            evidence: EvidenceSpec { limit: limit?, signal: signal? },
        })
    }

    /// How it is asked whether it is well: in one way.
    fn probe(
        &mut self,
        place: &Place,
        url: Perhaps<HttpUrl>,
        access: Option<&Access>,
    ) -> Perhaps<Probe> {
        let tcp = self.set(&o::TCP);
        let command = self.set(&o::COMMAND);
        let command = command.and_then(|command| self.words(command));
        let status = self.set(&o::STATUS);
        let body = self.set(&o::BODY);
        let (url, tcp, command) = (url?, tcp?, command?);
        let said = [
            (&o::URL.row, url.is_some()),
            (&o::TCP.row, tcp.is_some()),
            (&o::COMMAND.row, command.is_some()),
        ];
        let said: Vec<&str> =
            said.iter().filter(|(_, said)| *said).map(|(row, _)| row.key).collect();
        if let [_, .., last] = said[..] {
            return self
                .wrong(last, &format!("{} can't all be set; one of them can", said.join(" and ")));
        }
        let other = tcp
            .map(|(host, port)| Probe::Tcp { host, port })
            .or_else(|| command.map(Probe::Command));
        let url = url.or_else(|| place.health(self.port_of(place)).filter(|_| other.is_none()));
        let (status, body) = (status?, body?);
        if let Some(url) = url {
            return Some(Some(Probe::Http { get: access?.to(url), status, body }));
        }
        for (key, said) in
            [(o::STATUS.row.key, status.is_some()), (o::BODY.row.key, body.is_some())]
        {
            if said {
                return self.wrong(key, &format!("{key} needs a health_url or a health_preset"));
            }
        }
        Some(other)
    }

    fn words(&mut self, command: Option<String>) -> Perhaps<Vec<OsString>> {
        let Some(command) = command else { return Some(None) };
        match shlex::split(&command) {
            Ok(words) if words.is_empty() => {
                self.wrong(o::COMMAND.row.key, "health_command is empty")
            }
            Ok(words) => Some(Some(words.into_iter().map(OsString::from).collect())),
            Err(why) => {
                self.wrong(o::COMMAND.row.key, &format!("can't parse health_command: {why}"))
            }
        }
    }

    fn check(
        &mut self,
        place: &Place,
        probe: Perhaps<Probe>,
        timeout: Option<Duration>,
    ) -> Perhaps<CheckSpec> {
        let interval = self.get(&o::INTERVAL);
        let jitter = self.get(&o::JITTER);
        let failures = self.get(&o::FAILURES);
        let patience = self.get(&o::PROGRESS_STALLED);
        let set_by = self.set_by(place);
        let (interval, jitter, timeout) = (interval?, jitter?, timeout?);
        let (failures, patience) = (failures?, patience?);
        Some(probe?.map(|probe| CheckSpec {
            probe,
            set_by,
            interval,
            jitter,
            timeout,
            failures,
            patience,
        }))
    }

    /// Which setting says where it is asked.
    fn set_by(&self, place: &Place) -> String {
        let keys = [o::URL.row.key, o::TCP.row.key, o::COMMAND.row.key];
        let said = keys.iter().find(|key| self.lowering.is_said(self.section, key));
        match (said, place.preset) {
            (Some(key), _) => origin(self.lowering, self.section, key).to_string(),
            (None, Some(preset)) => format!("preset {}", preset.name),
            (None, None) => String::new(),
        }
    }

    /// What is needed to be let in, whatever is asked for.
    fn access(&mut self) -> Option<Access> {
        let set = self.set(&o::HEADERS);
        let file = self.set(&o::HEADERS_FILE);
        let ca_file = self.set(&o::TLS_CA_FILE);
        let name = self.set(&o::TLS_NAME);
        let headers = Headers { set: set?.unwrap_or_default(), file: file? };
        Some(Access { headers, tls: TlsSpec { ca_file: ca_file?, name: name? } })
    }

    /// A header that nobody is sent is a mistake: whoever set it believes that it is.
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
            (o::HEADERS.row.key, !asked.is_empty(), "health_url, progress_url or health_preset"),
            (
                o::HEADERS_FILE.row.key,
                !asked.is_empty(),
                "health_url, progress_url or health_preset",
            ),
            (o::TLS_CA_FILE.row.key, over_tls, "a URL with https://"),
            (o::TLS_NAME.row.key, over_tls, "a URL with https://"),
        ] {
            if !used && self.lowering.is_said(self.section, key) {
                let _: Option<()> =
                    self.wrong(key, &format!("{key} has no effect without {needs}"));
            }
        }
    }

    fn progress(
        &mut self,
        place: &Place,
        url: Option<HttpUrl>,
        access: Option<&Access>,
        timeout: Option<Duration>,
    ) -> Perhaps<ProgressSpec> {
        let known = place.preset.and_then(|preset| preset.metrics.as_ref());
        let owned = |names: &[&str]| Some(names.iter().map(|name| (*name).to_owned()).collect());
        let page = self.set(&o::PROGRESS_URL);
        let running = self.set(&o::PROGRESS_RUNNING);
        let done = self.set(&o::PROGRESS_DONE);
        let interval = self.get(&o::PROGRESS_INTERVAL);
        let stalled = self.get(&o::PROGRESS_STALLED);
        let page = page?.or_else(|| place.metrics(url.as_ref(), self.port_of(place), self.argv));
        let running: Option<Vec<String>> = running?.or_else(|| owned(known?.running));
        let done: Option<Vec<String>> = done?.or_else(|| owned(known?.done));
        let (interval, stalled, timeout) = (interval?, stalled?, timeout?);
        match (page, running, done) {
            (Some(url), Some(running), Some(done)) => {
                let page = access?.to(url);
                Some(Some(ProgressSpec { page, running, done, interval, timeout, stalled }))
            }
            (None, None, None) => Some(None),
            (page, running, _) => {
                let keys = [&o::PROGRESS_URL.row, &o::PROGRESS_RUNNING.row, &o::PROGRESS_DONE.row];
                let missing = keys[if page.is_none() {
                    0
                } else if running.is_none() {
                    1
                } else {
                    2
                }]
                .key;
                let said = keys
                    .iter()
                    .map(|row| row.key)
                    .find(|key| self.lowering.is_said(self.section, key));
                self.wrong(said.unwrap_or(missing), &format!("{missing} is missing; progress is seen with all three of progress_url, progress_running and progress_done, or a health_preset that knows them"))
            }
        }
    }

    fn tree(&mut self) -> Perhaps<TreeSpec> {
        let pattern = self.set(&o::TREE_PATTERN);
        let interval = self.get(&o::TREE_INTERVAL);
        let patience = self.get(&o::TREE_PATIENCE);
        let (interval, patience) = (interval?, patience?);
        Some(pattern?.map(|pattern| TreeSpec { pattern, interval, patience }))
    }

    fn ready(&mut self, probe: Perhaps<Probe>) -> Option<Ready> {
        let ready = self.set(&o::READY)?;
        let checked = probe?.is_some();
        match ready {
            Some(Ready::Checked) if !checked => self.wrong(
                o::READY.row.key,
                "ready=check needs a check: health_url, health_tcp, health_command or health_preset",
            ),
            Some(ready) => Some(ready),
            None if checked => Some(Ready::Checked),
            None => Some(Ready::Startsecs),
        }
    }

    /// The port that the command's own words name. What stands in a script for a shell is
    /// one word, and not looked into.
    fn port_of(&self, place: &Place) -> Option<u16> {
        option(self.argv, place.preset?.health.option)
    }

    fn set<T: PartialEq>(&mut self, key: &Key<T>) -> Perhaps<T> {
        self.lowering.try_get(self.section, key, self.names).ok()
    }

    /// One that has a default.
    fn get<T: PartialEq>(&mut self, key: &Key<T>) -> Option<T> {
        self.lowering.get(self.section, key, self.names)
    }

    fn wrong<T>(&mut self, key: &str, why: &str) -> Option<T> {
        let origin = origin(self.lowering, self.section, key);
        self.lowering.complain(self.section, origin, why);
        None
    }
}

/// Where a server is found whose preset is known.
struct Place {
    preset: Option<&'static Preset>,
    /// The port that was said.
    port: Option<u16>,
}

impl Place {
    fn health(&self, from_command: Option<u16>) -> Option<HttpUrl> {
        let page = &self.preset?.health;
        Some(local(self.port.or(from_command).unwrap_or(page.port), page.path))
    }

    /// Its metrics: where its health is, unless they have a port of their own.
    fn metrics(
        &self,
        health: Option<&HttpUrl>,
        from_command: Option<u16>,
        command: &[OsString],
    ) -> Option<HttpUrl> {
        let metrics = self.preset?.metrics.as_ref()?;
        if let Some((port, name)) = metrics.place {
            return Some(local(option(command, name).unwrap_or(port), metrics.path));
        }
        let health = health.cloned().or_else(|| self.health(from_command))?;
        Some(HttpUrl { path: metrics.path.to_owned(), ..health })
    }
}

/// What is needed to be let in.
struct Access {
    headers: Headers,
    tls: TlsSpec,
}

impl Access {
    fn to(&self, url: HttpUrl) -> HttpGet {
        HttpGet { url, headers: self.headers.clone(), tls: self.tls.clone() }
    }
}

fn local(port: u16, path: &str) -> HttpUrl {
    HttpUrl {
        scheme: Scheme::Http,
        server: HttpServer::Tcp { host: LOOPBACK.to_owned(), port },
        path: path.to_owned(),
    }
}

/// The port in `--port N` or `--port=N`; the last one counts, as for most programs.
fn option(command: &[OsString], name: &str) -> Option<u16> {
    let words = command.iter().map(|word| word.to_str().unwrap_or_default());
    let next = command.iter().skip(1).map(|word| word.to_str().unwrap_or_default());
    let pairs = words.zip(next.chain([""]));
    let found = pairs.filter_map(|(word, next)| match word.strip_prefix(name)? {
        "" => next.parse().ok(),
        rest => rest.strip_prefix('=')?.parse().ok(),
    });
    found.last().filter(|port| *port > 0)
}

#[cfg(test)]
mod tests;
