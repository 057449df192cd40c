//! Recognizes variables that a container engine sets for other services.
//!
//! For a service named `process-health`, Kubernetes sets in [every pod of its
//! namespace](https://kubernetes.io/docs/concepts/services-networking/service/#environment-variables)
//! `PROCESS_HEALTH_SERVICE_HOST`, `PROCESS_HEALTH_PORT=tcp://10.0.0.1:80` and more, as [Docker's
//! links](https://docs.docker.com/engine/network/links/#environment-variables) do. They are not
//! meant for the supervisor.

use super::Sources;

const PROTOCOLS: [&str; 3] = ["tcp", "udp", "sctp"];

/// The endings of `NAME_PORT_80_TCP` and related variables.
const OF_A_PORT: [&str; 6] = ["", "_ADDR", "_PORT", "_PROTO", "_START", "_END"];

/// Whether a variable with this name comes from a service link.
pub(crate) fn is(sources: &Sources, name: &str) -> bool {
    is_port(name)
        || name.ends_with("_SERVICE_HOST")
        || (name.ends_with("_PORT") && is_url(sources, name))
        || of_service(sources, name, "_SERVICE_PORT", "_SERVICE_HOST")
        || [("_NAME", "_PORT"), ("_ENV_", "_PORT")].into_iter().any(|(part, mate)| {
            name.rfind(part).is_some_and(|at| is_url(sources, &format!("{}{mate}", &name[..at])))
        })
}

/// `NAME_PORT_80_TCP` and related variables.
fn is_port(name: &str) -> bool {
    OF_A_PORT.iter().any(|end| {
        let Some((front, protocol)) = name.strip_suffix(end).and_then(|n| n.rsplit_once('_'))
        else {
            return false;
        };
        let known = PROTOCOLS.iter().any(|known| protocol.eq_ignore_ascii_case(known));
        let port = front.rsplit_once("_PORT_").map(|(_, port)| port);
        known && port.is_some_and(|port| port.parse::<u16>().is_ok())
    })
}

/// `tcp://10.0.0.1:80`
fn is_url(sources: &Sources, name: &str) -> bool {
    let value = sources.variable(name).and_then(|value| value.to_str());
    value.and_then(|value| value.split_once("://")).is_some_and(|(protocol, address)| {
        let port = address.rsplit_once(':').map(|(_, port)| port);
        PROTOCOLS.contains(&protocol) && port.is_some_and(|port| port.parse::<u16>().is_ok())
    })
}

/// Matches a part of a name only if the same service has another variable.
fn of_service(sources: &Sources, name: &str, part: &str, mate: &str) -> bool {
    let front = name.rfind(part).map(|at| &name[..at]);
    front.is_some_and(|front| sources.variable(&format!("{front}{mate}")).is_some())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::sources;

    /// The variables that Kubernetes and Docker set for a service whose name looks like our prefix.
    fn links(name: &str) -> Vec<(String, String)> {
        [
            ("SERVICE_HOST", "10.0.0.1"),
            ("SERVICE_PORT", "80"),
            ("SERVICE_PORT_HTTP", "80"),
            ("PORT", "tcp://10.0.0.1:80"),
            ("PORT_80_TCP", "tcp://10.0.0.1:80"),
            ("PORT_80_TCP_PROTO", "tcp"),
            ("PORT_80_TCP_PORT", "80"),
            ("PORT_80_TCP_ADDR", "10.0.0.1"),
            ("PORT_53_UDP", "udp://10.0.0.1:53"),
            ("NAME", "/web/x"),
            ("ENV_PASSWORD", "x"),
        ]
        .map(|(end, value)| (format!("{name}_{end}"), value.to_owned()))
        .to_vec()
    }

    #[test]
    fn variables_that_a_container_engine_sets_are_service_links() {
        for service in ["PROCESS_HEALTH", "SUPERVISOR", "PROCESS", "PROCESS_STATUS"] {
            let links = links(service);
            let pairs: Vec<_> = links.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
            let sources = sources(&pairs);
            for (name, _) in pairs {
                assert!(is(&sources, name), "{name}");
            }
        }
    }

    #[test]
    fn variables_that_a_user_sets_are_not_service_links() {
        for (name, value) in [
            ("PROCESS_HEALTH_PORT", "8000"),
            ("PROCESS_STATUS_PORT", "9100"),
            ("PROCESS_STATUS_PORT", "box:9100"),
            ("PROCESS_AWAIT_PORT", "x"),
            ("SUPERVISOR_INET_HTTP_SERVER_PORT", "127.0.0.1:9001"),
            ("SUPERVISOR_INET_HTTP_SERVER__MY_SERVICE_PORT", "9001"),
            ("PROCESS_HEALTH_TCP", "127.0.0.1:80"),
            ("SUPERVISOR_FCGI_PROGRAM__F_SOCKET", "tcp://127.0.0.1:80"),
            ("PROCESS_HEALTH_URL", "http://127.0.0.1:80"),
            ("SUPERVISOR_PROGRAM__X_PROCESS_NAME", "x"),
        ] {
            assert!(!is(&sources(&[(name, value)]), name), "{name}={value}");
        }
    }
}
