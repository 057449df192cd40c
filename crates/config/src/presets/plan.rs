//! The result of applying a preset to a command.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use supervisor_core::spec::health::{Header, HttpServer, HttpUrl, Scheme};

use super::Preset;
use super::command::{Command, Found};
use super::place::{self, Endpoint};

/// The health check of the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Asks {
    /// An HTTP request.
    Page(HttpUrl),
    /// A TCP connection, and the reason why no HTTP request is possible.
    Port { host: String, port: u16, why: String },
    /// A command.
    Command(Vec<OsString>),
    /// No health check, and the reason.
    Nothing(String),
}

/// The health check and metrics of a server, with messages for the user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Plan {
    pub(crate) asks: Asks,
    /// URL of the metrics.
    pub(crate) metrics: Option<HttpUrl>,
    /// The header that the server's endpoints require, if any.
    pub(crate) health_key: Option<Header>,
    pub(crate) metrics_key: Option<Header>,
    pub(crate) timeout: Duration,
    /// The settings that define the address, as text.
    pub(crate) from: Vec<String>,
    /// Whether the address is only a default, because the command does not show that it starts the
    /// server. The supervisor never restarts a server because of a check with such an address.
    pub(crate) is_guess: bool,
    /// Messages at level INFO.
    pub(crate) remarks: Vec<String>,
    /// Messages at level WARN.
    pub(crate) warnings: Vec<String>,
    /// The number of seconds that a stop of the server takes, and the reason.
    pub(crate) stop: Option<(u64, String)>,
    /// How a stop interrupts requests, if it does.
    pub(crate) cuts: Option<&'static str>,
    /// Whether the server may exit with code 0 by itself.
    pub(crate) ends_with_0: bool,
    /// Whether the user set the port.
    pub(super) port_is_set: bool,
}

impl Preset {
    /// Applies the preset to a command. `port`: the port that the user set.
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
    /// Sets the address on which the server listens.
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

    /// Handles a server that listens on a unix socket instead of a port.
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

    /// Changes the host of the checks. Disables them if the value contains no usable host.
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

    /// Adds a path prefix to the URLs.
    pub(super) fn has_prefix(&mut self, prefix: &str) {
        let page = match &mut self.asks {
            Asks::Page(page) => Some(page),
            Asks::Port { .. } | Asks::Command(_) | Asks::Nothing(_) => None,
        };
        for url in page.into_iter().chain(&mut self.metrics) {
            url.path = format!("/{}{}", prefix.trim_matches('/'), url.path);
        }
    }

    /// Disables the health check and the metrics.
    pub(super) fn asks_nothing(&mut self, why: impl Into<String>) {
        self.asks = Asks::Nothing(why.into());
        (self.metrics, self.is_guess) = (None, false);
    }

    /// Replaces the HTTP check with a TCP connection, because a request needs unknown credentials.
    pub(super) fn connects_only(&mut self, why: String) {
        if let Asks::Page(HttpUrl { server: HttpServer::Tcp { host, port }, .. }) = &self.asks {
            self.asks = Asks::Port { host: host.clone(), port: *port, why };
            self.metrics = None;
        }
    }

    /// The port of the health check.
    pub(super) fn port(&mut self) -> Option<&mut u16> {
        match &mut self.asks {
            Asks::Page(HttpUrl { server: HttpServer::Tcp { port, .. }, .. })
            | Asks::Port { port, .. } => Some(port),
            Asks::Page(_) | Asks::Command(_) | Asks::Nothing(_) => None,
        }
    }
}

/// The usual header for an API key.
pub(super) fn bearer(key: &str) -> Header {
    Header { name: "Authorization".to_owned(), value: format!("Bearer {key}") }
}
