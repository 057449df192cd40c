//! Ports and addresses to listen on.

use std::net::Ipv6Addr;
use std::path::PathBuf;

use crate::sources::Context;
use supervisor_wire::supervisord::python::{self, repr};

use super::{ValueType, written};

/// An address to listen on. Without a host, all interfaces.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct InetAddress {
    pub(crate) host: Option<String>,
    pub(crate) port: u16,
}

/// The address of a FastCGI program's socket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum FcgiSocket {
    Unix(PathBuf),
    Tcp(InetAddress),
}

pub(crate) static PORT_OR_OFF: ValueType<Option<u16>> = ValueType {
    what: "a port from 1 to 65535, or off",
    parse: |text, _| match text.to_ascii_lowercase().as_str() {
        "off" => Ok(None),
        _ => {
            let port = python::int(text).ok().and_then(|port| u16::try_from(port).ok());
            let port = port.filter(|port| *port > 0);
            port.map(Some).ok_or_else(|| format!("not a valid port: {}", repr(text)))
        }
    },
};

pub(crate) static PORT: ValueType<InetAddress> = ValueType {
    what: "port, :port, *:port or host:port, with a port from 1 to 65535",
    parse: |text, _| inet_address(text),
};

pub(crate) static BACKLOG: ValueType<u16> = ValueType {
    what: "a whole number from 1 to 65535",
    parse: |text, _| {
        let number = python::int(text)?;
        let backlog = u16::try_from(number).ok().filter(|n| *n > 0);
        backlog.ok_or_else(|| format!("Invalid socket_backlog value {}", written(number, text)))
    },
};

pub(crate) static FCGI_SOCKET: ValueType<FcgiSocket> = ValueType {
    what: "unix:///absolute/path or tcp://host:port",
    parse: |text, _| fcgi_socket(text),
};

pub(super) fn inet_address(text: &str) -> Result<InetAddress, String> {
    let (host, port) = match text.rsplit_once(':') {
        None => {
            let port =
                port(text).map_err(|_| format!("not a valid port number: {} ", repr(text)))?;
            return Ok(InetAddress { host: None, port });
        }
        Some((_, "")) => return Err("no port number specified in ''".to_owned()),
        Some((host, port_text)) => (host.to_lowercase(), port(port_text)?),
    };
    let host = Some(unbracketed(&host)).filter(|host| !matches!(*host, "" | "*"));
    let host = host.map(str::to_owned);
    Ok(InetAddress { host, port })
}

/// An IPv6 address without brackets, which separate its colons from the port's.
pub(crate) fn unbracketed(host: &str) -> &str {
    let bare = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    bare.filter(|bare| bare.parse::<Ipv6Addr>().is_ok()).unwrap_or(host)
}

/// Checks that this host can listen on the address, as far as that is known without trying.
pub(crate) fn reachable_here(address: &InetAddress, context: &Context<'_>) -> Result<(), String> {
    match &address.host {
        Some(host) if !context.host.has_address(host) => {
            Err(format!("{host} is neither an IP address nor a name in /etc/hosts"))
        }
        Some(_) | None => Ok(()),
    }
}

pub(super) fn port(text: &str) -> Result<u16, String> {
    let number = python::int(text)?;
    match u16::try_from(number) {
        Ok(port) if port > 0 => Ok(port),
        Ok(_) | Err(_) if number < 1 => {
            Err(format!("{} is below lower bound (1)", written(number, text)))
        }
        Ok(_) | Err(_) => Err(format!("{} is above upper bound (65535)", written(number, text))),
    }
}

fn fcgi_socket(text: &str) -> Result<FcgiSocket, String> {
    if let Some(path) = text.strip_prefix("unix://") {
        return if path.starts_with('/') {
            Ok(FcgiSocket::Unix(PathBuf::from(path)))
        } else {
            Err(format!("Unix socket path {path} is not an absolute path"))
        };
    }
    let address = text.strip_prefix("tcp://").and_then(|rest| rest.rsplit_once(':'));
    match address {
        Some((host, port_text))
            if !host.is_empty()
                && !host.contains(python::is_space)
                && (unbracketed(host) != host || !host.contains(':'))
                && !port_text.is_empty()
                && port_text.chars().all(|c| c.is_ascii_digit()) =>
        {
            let host = Some(unbracketed(host).to_lowercase());
            Ok(FcgiSocket::Tcp(InetAddress { host, port: port(port_text)? }))
        }
        Some(_) | None => Err(format!("Bad socket format {text}")),
    }
}
