//! Warns if a server cannot listen on its port, because the supervisor's status port is the same.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use supervisor_core::spec::health::{CheckSpec, HttpServer, Probe};
use supervisor_core::spec::{GroupSpec, ProcessSpec};

use super::Lowering;
use crate::env;
use crate::options::STATUS_PORT_KEY;
use crate::settings::server::{EVERY_ADDRESS, Listen};
use crate::sources::Mode;

/// Warns once for each group whose health check uses the address of the status port.
pub(super) fn warn(lowering: &mut Lowering<'_>, status: Option<&Listen>, groups: &[GroupSpec]) {
    let Some(Listen::Inet { host: own, port }) = status else { return };
    let own = own.as_deref().unwrap_or(EVERY_ADDRESS);
    let key = match lowering.mode {
        Mode::Command(_) | Mode::Once(_) => env::STATUS_PORT.name,
        Mode::File => STATUS_PORT_KEY.def.key,
    };
    for group in groups {
        let mut all = group.processes.iter();
        let Some((process, check)) = all.find_map(|process| collides(process, own, *port)) else {
            continue;
        };
        lowering.report.warn(format!(
            "status port {port} is also the port of the health check of {}: {}; the server cannot \
             listen there; choose another {key}",
            process.name,
            check.shown()
        ));
    }
}

/// The health check of this process, if its address is that of the status port.
fn collides<'p>(
    process: &'p ProcessSpec,
    own: &str,
    port: u16,
) -> Option<(&'p ProcessSpec, &'p CheckSpec)> {
    let check = process.health.check.as_ref()?;
    let (host, asked) = match &check.probe {
        Probe::Http { get, .. } => match &get.url.server {
            HttpServer::Tcp { host, port } => (host, *port),
            HttpServer::Unix(_) => return None,
        },
        Probe::Tcp { host, port } => (host, *port),
        Probe::Command(_) => return None,
    };
    (asked == port && overlap(own, host)).then_some((process, check))
}

/// Whether a listener at `own` takes the port of a server at `host`. The addresses of a host name
/// are unknown, except for `localhost`.
fn overlap(own: &str, host: &str) -> bool {
    let takes = |own: &IpAddr, host: &IpAddr| {
        own == host || (own.is_unspecified() && (own.is_ipv6() || host.is_ipv4()))
    };
    let hosts = addresses(host);
    own == host || addresses(own).iter().any(|own| hosts.iter().any(|host| takes(own, host)))
}

fn addresses(host: &str) -> Vec<IpAddr> {
    match host {
        "localhost" => vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()],
        _ => host.parse().into_iter().collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::overlap;

    #[test]
    fn addresses_overlap_if_one_listener_takes_the_port_of_the_other() {
        for (own, host, expected) in [
            ("::", "127.0.0.1", true),
            ("::", "::1", true),
            ("0.0.0.0", "localhost", true),
            ("0.0.0.0", "::1", false),
            ("127.0.0.1", "localhost", true),
            ("127.0.0.1", "10.0.0.7", false),
            ("box", "box", true),
            ("::", "head.example", false),
        ] {
            assert_eq!(overlap(own, host), expected, "{own} {host}");
        }
    }
}
