//! The value types of options for conditions of a start. supervisord does not have these options.

use supervisor_core::spec::start::{Dependency, HostPort, Until};
use supervisor_wire::supervisord::python::{self, repr};

use super::{ValueType, health, list, port};

/// Maximum number of retries, as for failures after the program was ready.
const MOST_RETRIES: i64 = 100;

pub(crate) static DEPENDENCIES: ValueType<Vec<Dependency>> = ValueType {
    what: "comma-separated program names, each optionally followed by :started, :ready or \
     :completed, such as fetch:completed, app:ready",
    parse: |text, _| dependencies(text),
};

pub(crate) static HOSTS_AND_PORTS: ValueType<Vec<HostPort>> = ValueType {
    what: "comma-separated host:port pairs, such as head:6379, or off",
    parse: |text, _| {
        if text.trim().eq_ignore_ascii_case("off") {
            return Ok(Vec::new());
        }
        list(text).map(host_and_port).collect()
    },
};

pub(crate) static SYSLOG_ADDRESS: ValueType<Option<HostPort>> = ValueType {
    what: "udp://host:port, such as udp://logs:514, or off",
    parse: |text, _| match text.trim() {
        text if text.eq_ignore_ascii_case("off") => Ok(None),
        text => {
            let rest = text.strip_prefix("udp://");
            let rest = rest.ok_or_else(|| format!("{} is not udp://host:port", repr(text)))?;
            host_and_port(rest).map(Some)
        }
    },
};

pub(crate) static RETRIES_OR_OFF: ValueType<Option<u32>> = ValueType {
    what: "a whole number from 0 to 100, or off",
    parse: |text, _| {
        if text.eq_ignore_ascii_case("off") {
            return Ok(None);
        }
        let number = python::int(text)?;
        let valid = u32::try_from(number).ok().filter(|_| number <= MOST_RETRIES);
        valid.map(Some).ok_or_else(|| format!("{text} is not between 0 and {MOST_RETRIES}"))
    },
};

pub(crate) static NUMBER_OR_ALL: ValueType<Option<u32>> = ValueType {
    what: "a whole number of processes, at least 1, or all",
    parse: |text, _| {
        if text.eq_ignore_ascii_case("all") {
            return Ok(None);
        }
        let number = python::int(text)?;
        let valid = u32::try_from(number).ok().filter(|number| *number > 0);
        valid.map(Some).ok_or_else(|| format!("{text} is less than 1 or too large"))
    },
};

fn dependencies(text: &str) -> Result<Vec<Dependency>, String> {
    let mut dependencies = Vec::new();
    for word in list(text) {
        let (program, until) = word.split_once(':').unwrap_or((word, Until::Started.name()));
        let (program, until) = (program.trim(), until.trim());
        let known = Until::ALL.into_iter().find(|known| known.name().eq_ignore_ascii_case(until));
        let until = known.ok_or_else(|| format!("{} is not a state to wait for", repr(until)))?;
        if program.is_empty() {
            return Err(format!("{} contains no program name", repr(word)));
        }
        let dependency = Dependency { program: program.to_owned(), until };
        if !dependencies.contains(&dependency) {
            dependencies.push(dependency);
        }
    }
    Ok(dependencies)
}

/// `host:port`. An IPv6 address needs brackets, because its last group looks like a port.
fn host_and_port(text: &str) -> Result<HostPort, String> {
    let missing = || format!("{} is not host:port", repr(text));
    let (host, number) = text.rsplit_once(':').ok_or_else(missing)?;
    if host.is_empty() || (host.contains(':') && !host.starts_with('[')) {
        return Err(missing());
    }
    Ok(HostPort { host: health::host(host)?, port: port(number)? })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sources::Context;
    use crate::testing::{FakeHost, sources};

    #[test]
    fn dependencies_have_a_program_and_a_condition() {
        let sources = sources(&[]);
        let context = Context { sources: &sources, host: &FakeHost::default() };
        let read = |text| {
            let read = (DEPENDENCIES.parse)(text, &context)?;
            Ok::<_, String>(read.iter().map(ToString::to_string).collect::<Vec<_>>().join(" "))
        };
        assert_eq!(read(""), Ok(String::new()));
        assert_eq!(
            read("app , db:READY,f: completed"),
            Ok("app:started db:ready f:completed".into())
        );
        assert_eq!(read("app,app:started"), Ok("app:started".into()));
        assert_eq!(read("app:up").unwrap_err(), "'up' is not a state to wait for");
        assert_eq!(read(":ready").unwrap_err(), "':ready' contains no program name");
    }

    #[test]
    fn hosts_have_ports_and_addresses_with_colons_have_brackets() {
        let read = |text| host_and_port(text).map(|target| target.to_string());
        assert_eq!(read("Head.svc:6379"), Ok("head.svc:6379".to_owned()));
        assert_eq!(read("[::1]:80"), Ok("[::1]:80".to_owned()));
        for wrong in ["head", "80", ":80", "::1:80", "head:0", "head:x", "a b:80", "head:70000"] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }
}
