//! The settings of control servers.

use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;

/// The host of a server that listens on all addresses of both families.
pub(crate) const EVERY_ADDRESS: &str = "::";

/// A control server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Server {
    /// The name of its section.
    pub section: String,
    /// Its address.
    pub listen: Listen,
    /// The credentials of clients; `None`: every client that reaches it may send requests.
    pub credentials: Option<Credentials>,
}

/// The address of a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Listen {
    /// A TCP port.
    Inet {
        /// A name or an address; `None`: all IPv4 addresses. `EVERY_ADDRESS`: all addresses of both
        /// families, or only IPv4 if the kernel has no IPv6.
        host: Option<String>,
        /// The port, at least 1.
        port: u16,
    },
    /// A Unix socket.
    Unix {
        /// The absolute path.
        path: PathBuf,
        /// The mode of the file.
        mode: u32,
        /// The user and group that own the file; without a group, the group does not change.
        owner: Option<(u32, Option<u32>)>,
    },
}

/// A user name and a password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credentials {
    /// The user name.
    pub username: String,
    /// The password, or `{SHA}` and its hexadecimal SHA-1 hash.
    pub password: String,
}

impl Listen {
    /// Listens on this host, or on all addresses of both families without a host.
    pub(crate) fn at_all(host: Option<String>, port: u16) -> Self {
        Self::Inet { host: Some(host.unwrap_or_else(|| EVERY_ADDRESS.to_owned())), port }
    }

    /// The URL for clients on this machine.
    #[must_use]
    pub fn url(&self) -> String {
        match self {
            Self::Unix { .. } => format!("unix://{self}"),
            Self::Inet { host: None, port } => format!("http://localhost:{port}"),
            Self::Inet { host: Some(host), port } if host == EVERY_ADDRESS => {
                format!("http://localhost:{port}")
            }
            Self::Inet { .. } => format!("http://{self}"),
        }
    }

    /// Whether only clients on this machine can reach it.
    #[must_use]
    pub fn is_local(&self) -> bool {
        match self {
            Self::Unix { .. } => true,
            Self::Inet { host, .. } => host.as_deref().is_some_and(|host| {
                host == "localhost"
                    || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
            }),
        }
    }
}

/// The path, or `host:port` with `*` for all addresses.
impl fmt::Display for Listen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unix { path, .. } => path.display().fmt(f),
            Self::Inet { host, port } => match host.as_deref() {
                None | Some(EVERY_ADDRESS) => write!(f, "*:{port}"),
                Some(host) if host.contains(':') => write!(f, "[{host}]:{port}"),
                Some(host) => write!(f, "{host}:{port}"),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listen_address_has_a_url_and_only_loopback_is_local() {
        let at = |host: &str| Listen::Inet { host: Some(host.to_owned()), port: 1 };
        for (listen, url, local) in [
            (Listen::Inet { host: None, port: 1 }, "http://localhost:1", false),
            (Listen::at_all(None, 1), "http://localhost:1", false),
            (at("::1"), "http://[::1]:1", true),
            (at("fd00::1"), "http://[fd00::1]:1", false),
            (at("127.0.0.1"), "http://127.0.0.1:1", true),
            (at("10.0.0.1"), "http://10.0.0.1:1", false),
        ] {
            assert_eq!((listen.url().as_str(), listen.is_local()), (url, local));
        }
    }
}
