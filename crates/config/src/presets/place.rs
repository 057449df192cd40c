//! Finds the address of a server from its command.

use std::net::IpAddr;

use supervisor_core::spec::health::{HttpServer, HttpUrl, Scheme};

use super::command::{Command, Found};
use super::{Listens, OwnPlace};
use crate::values::{self, LOOPBACK};

/// The address of a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Endpoint {
    pub(crate) scheme: Scheme,
    pub(crate) host: String,
    pub(crate) port: u16,
    /// The settings that define the address, as text.
    pub(crate) from: Vec<String>,
}

impl Endpoint {
    pub(crate) fn url(&self, path: &str) -> HttpUrl {
        let server = HttpServer::Tcp { host: self.host.clone(), port: self.port };
        HttpUrl { scheme: self.scheme, server, path: path.to_owned() }
    }
}

/// The address of the server, or the reason why it is unknown. `port`: the port that the user set.
pub(super) fn find(
    listens: &Listens,
    command: &Command<'_>,
    port: Option<u16>,
) -> Result<Endpoint, String> {
    let mut place = Endpoint {
        scheme: Scheme::Http,
        host: LOOPBACK.to_owned(),
        port: listens.usual_port,
        from: Vec::new(),
    };
    set_host(&mut place, command.named(&listens.host))?;
    set_port(&mut place, command.named(&listens.port), port)?;
    let tls: Option<Vec<Found>> = listens.tls.iter().map(|named| command.named(named)).collect();
    if let Some(first) = tls.and_then(|found| found.into_iter().next()) {
        place.scheme = Scheme::Https;
        place.from.push(first.by);
    }
    Ok(place)
}

/// The address of the server's metrics, if they have their own.
pub(super) fn find_metrics(
    own: &OwnPlace,
    command: &Command<'_>,
    server: &Endpoint,
) -> Option<Endpoint> {
    let mut place = Endpoint { port: own.usual_port, from: Vec::new(), ..server.clone() };
    set_host(&mut place, command.named(&own.host)).ok()?;
    set_port(&mut place, command.named(&own.port), None).ok()?;
    Some(place)
}

/// Sets the host. A server that listens on all addresses is reached at the loopback address.
fn set_host(place: &mut Endpoint, found: Option<Found>) -> Result<(), String> {
    let Some(found) = found else { return Ok(()) };
    place.host =
        reached_at(&found.value).ok_or_else(|| format!("{} contains no host", found.shown()))?;
    place.from.push(found.shown());
    Ok(())
}

/// The host at which to reach a server that listens on `host`.
pub(super) fn reached_at(host: &str) -> Option<String> {
    let bare = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(host);
    match bare.parse::<IpAddr>() {
        Ok(IpAddr::V4(address)) if address.is_unspecified() => Some(LOOPBACK.to_owned()),
        Ok(IpAddr::V6(address)) if address.is_unspecified() => Some("::1".to_owned()),
        Ok(_) => Some(bare.to_owned()),
        Err(_) if bare.is_empty() || bare == "*" => Some(LOOPBACK.to_owned()),
        Err(_) => values::host(bare).ok(),
    }
}

fn set_port(place: &mut Endpoint, found: Option<Found>, given: Option<u16>) -> Result<(), String> {
    if let Some(port) = given {
        place.port = port;
        return Ok(());
    }
    let Some(found) = found else { return Ok(()) };
    let port = found.value.parse().ok().filter(|port| *port > 0);
    place.port = port.ok_or_else(|| format!("{} contains no port", found.shown()))?;
    place.from.push(found.shown());
    Ok(())
}
