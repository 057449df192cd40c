//! What a preset makes of a command.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use supervisor_core::spec::health::{Header, HttpServer, HttpUrl, Scheme};

use super::Preset;
use super::command::{Command, Found};
use super::place::{self, Endpoint};

/// How it is asked whether the server is well.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Asks {
    /// Where it listens for HTTP.
    Page(HttpUrl),
    /// By connecting, and why not by asking.
    Port { host: String, port: u16, why: String },
    /// By a command.
    Command(Vec<OsString>),
    /// Not at all, and why.
    Nothing(String),
}

/// What will be asked, and what a person should know of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Plan {
    pub(crate) asks: Asks,
    /// Its page of metrics.
    pub(crate) metrics: Option<HttpUrl>,
    /// What its pages need, if they do.
    pub(crate) health_key: Option<Header>,
    pub(crate) metrics_key: Option<Header>,
    pub(crate) timeout: Duration,
    /// What of the command says where.
    pub(crate) from: Vec<String>,
    /// The place is a guess: nothing of the command says so, which isn't known to be the
    /// server's. Nobody is restarted for what may be asked in the wrong place.
    pub(crate) is_guess: bool,
    /// Worth knowing: at level INFO.
    pub(crate) remarks: Vec<String>,
    /// Worth changing: at level WARN.
    pub(crate) warnings: Vec<String>,
    /// Seconds that a stop of it takes, and why.
    pub(crate) stop: Option<(u64, String)>,
    /// A stop of it cuts requests, and how.
    pub(crate) cuts: Option<&'static str>,
    /// The server exits with 0 without being asked to.
    pub(crate) ends_with_0: bool,
    /// Whether the user set the port.
    pub(super) port_is_set: bool,
}

impl Preset {
    /// Reads a command. A port that the user sets counts.
    pub(crate) fn plan(&'static self, command: &Command<'_>, port: Option<u16>) -> Plan {
        let mut plan = Plan {
            asks: Asks::Nothing(String::new()),
            metrics: None,
            health_key: None,
            metrics_key: None,
            timeout: self.timeout,
            from: Vec::new(),
            is_guess: false,
            remarks: Vec::new(),
            warnings: Vec::new(),
            stop: None,
            cuts: None,
            ends_with_0: false,
            port_is_set: port.is_some(),
        };
        match place::find(&self.listens, command, port) {
            Ok(place) => {
                plan.is_guess =
                    command.program.is_none() && place.from.is_empty() && port.is_none();
                plan.listens_at(self, command, &place);
            }
            Err(why) => plan.asks_nothing(why),
        }
        if let Some(file) = &command.unread {
            plan.is_guess = port.is_none();
            plan.remarks.push(format!("the options in {file} can't be read"));
        }
        (self.adapt)(command, &mut plan);
        plan
    }
}

impl Plan {
    /// It is asked where it listens.
    pub(super) fn listens_at(&mut self, preset: &Preset, command: &Command<'_>, place: &Endpoint) {
        self.asks = Asks::Page(place.url(preset.path));
        self.from.clone_from(&place.from);
        self.metrics = preset.metrics.as_ref().and_then(|metrics| match &metrics.place {
            None => Some(place.url(metrics.path)),
            Some(own) => {
                let place = place::find_metrics(own, command, place)?;
                Some(place.url(metrics.path))
            }
        });
    }

    /// It listens at a socket in the file system instead of a port.
    pub(super) fn listens_at_socket(&mut self, socket: &str, by: String) {
        let server = HttpServer::Unix(PathBuf::from(socket));
        let page = match &mut self.asks {
            Asks::Page(page) => Some(page),
            Asks::Port { .. } | Asks::Command(_) | Asks::Nothing(_) => None,
        };
        for url in page.into_iter().chain(&mut self.metrics) {
            (url.server, url.scheme) = (server.clone(), Scheme::Http);
        }
        (self.from, self.is_guess) = (vec![by], false);
    }

    /// It listens at this address; one that is no host is left to its check.
    pub(super) fn moves_to(&mut self, found: &Found) {
        let Some(host) = place::reached_at(&found.value) else {
            return self.asks_nothing(format!("{} contains no host", found.shown()));
        };
        let page = match &mut self.asks {
            Asks::Page(page) => Some(page),
            Asks::Port { .. } | Asks::Command(_) | Asks::Nothing(_) => None,
        };
        for url in page.into_iter().chain(&mut self.metrics) {
            if let HttpServer::Tcp { host: place, .. } = &mut url.server {
                place.clone_from(&host);
            }
        }
        self.from.push(found.shown());
        self.is_guess = false;
    }

    /// All of its pages are below a prefix.
    pub(super) fn has_prefix(&mut self, prefix: &str) {
        let page = match &mut self.asks {
            Asks::Page(page) => Some(page),
            Asks::Port { .. } | Asks::Command(_) | Asks::Nothing(_) => None,
        };
        for url in page.into_iter().chain(&mut self.metrics) {
            url.path = format!("/{}{}", prefix.trim_matches('/'), url.path);
        }
    }

    /// No page of it can be asked for.
    pub(super) fn asks_nothing(&mut self, why: impl Into<String>) {
        self.asks = Asks::Nothing(why.into());
        (self.metrics, self.is_guess) = (None, false);
    }

    /// Its pages need what we don't have; that it listens can be seen.
    pub(super) fn connects_only(&mut self, why: String) {
        if let Asks::Page(HttpUrl { server: HttpServer::Tcp { host, port }, .. }) = &self.asks {
            self.asks = Asks::Port { host: host.clone(), port: *port, why };
            self.metrics = None;
        }
    }

    /// The port at which it is asked.
    pub(super) fn port(&mut self) -> Option<&mut u16> {
        match &mut self.asks {
            Asks::Page(HttpUrl { server: HttpServer::Tcp { port, .. }, .. })
            | Asks::Port { port, .. } => Some(port),
            Asks::Page(_) | Asks::Command(_) | Asks::Nothing(_) => None,
        }
    }
}

/// A key as most servers want it.
pub(super) fn bearer(key: &str) -> Header {
    Header { name: "Authorization".to_owned(), value: format!("Bearer {key}") }
}
