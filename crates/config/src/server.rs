//! What the HTTP server sections ask for.

use std::path::PathBuf;

/// A server that answers operators.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Server {
    /// Its section's name.
    pub section: String,
    /// Where it listens.
    pub listen: Listen,
    /// Who may ask; `None`: anybody who reaches it.
    pub credentials: Option<Credentials>,
}

/// Where a server listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Listen {
    /// At a port.
    Inet {
        /// A name or an address; `None`: every address.
        host: Option<String>,
        /// From 1.
        port: u16,
    },
    /// At a path.
    Unix {
        /// Absolute.
        path: PathBuf,
        /// The file's mode.
        mode: u32,
        /// Whose the file is: a user, and a group unless it stays as it is.
        owner: Option<(u32, Option<u32>)>,
    },
}

/// A user name and a password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credentials {
    /// Whom to name.
    pub username: String,
    /// The password, or `{SHA}` and its SHA-1 sum in hexadecimal.
    pub password: String,
}

impl Listen {
    /// The URL by which clients on this machine find it.
    #[must_use]
    pub fn url(&self) -> String {
        match self {
            Self::Unix { path, .. } => format!("unix://{}", path.display()),
            Self::Inet { host, port } => {
                format!("http://{}:{port}", host.as_deref().unwrap_or("localhost"))
            }
        }
    }

    /// Whether only this machine can reach it.
    #[must_use]
    pub fn is_local(&self) -> bool {
        match self {
            Self::Unix { .. } => true,
            Self::Inet { host, .. } => host.as_deref().is_some_and(|host| {
                host == "localhost"
                    || host.parse::<std::net::Ipv4Addr>().is_ok_and(|address| address.is_loopback())
            }),
        }
    }
}
