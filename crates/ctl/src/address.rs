//! The address of a supervisor, parsed from a `serverurl`.

use std::path::PathBuf;

/// Default port of an `http://` URL.
const HTTP_PORT: u16 = 80;

/// A server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Address {
    /// A socket file.
    Unix(PathBuf),
    /// A host that was not looked up yet, and a port.
    Tcp {
        /// A name or an IP address.
        host: String,
        /// The server's port.
        port: u16,
    },
}

impl Address {
    /// The server that a URL names.
    ///
    /// # Errors
    ///
    /// A description of the error in the URL.
    pub(crate) fn parse(url: &str) -> Result<Self, String> {
        if let Some(path) = url.strip_prefix("unix://") {
            return Ok(Self::Unix(path.into()));
        }
        let Some(rest) = url.strip_prefix("http://") else {
            return Err(format!("Unknown protocol for serverurl {url}"));
        };
        let place = rest.split(['/', '?', '#']).next().unwrap_or_default();
        // The part before `@` is a user name, which `-u` sets instead.
        let place = place.rsplit_once('@').map_or(place, |(_, place)| place);
        let (host, port) = match place.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            Some((host, port)) => (host, port.strip_prefix(':')),
            None => place.split_once(':').map_or((place, None), |(host, port)| (host, Some(port))),
        };
        let port = match port.filter(|port| !port.is_empty()) {
            None => HTTP_PORT,
            Some(port) => port.parse().map_err(|_| {
                format!("invalid port {port} in serverurl {url}; expected 1 to 65535")
            })?,
        };
        // Python also connects to the local host if the URL has no host.
        let host = if host.is_empty() { "localhost" } else { host };
        Ok(Self::Tcp { host: host.to_owned(), port })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn server_urls_are_read() {
        let tcp = |host: &str, port| Ok(Address::Tcp { host: host.to_owned(), port });
        for (url, address) in [
            ("unix:///run/s.sock", Ok(Address::Unix("/run/s.sock".into()))),
            ("http://localhost:9001", tcp("localhost", 9001)),
            ("http://box/RPC2", tcp("box", 80)),
            ("http://me:secret@box:1/x", tcp("box", 1)),
            ("http://[::1]:9001", tcp("::1", 9001)),
            ("http://:9001", tcp("localhost", 9001)),
            ("https://box", Err("Unknown protocol for serverurl https://box".to_owned())),
        ] {
            assert_eq!(Address::parse(url), address, "{url}");
        }
        assert!(Address::parse("http://box:x").unwrap_err().contains("invalid port x"));
    }
}
