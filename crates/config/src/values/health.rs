//! The value types of health options. supervisord does not have these options.

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use supervisor_core::signal::Signal;
use supervisor_core::spec::health::{
    Action, Header, HttpServer, HttpUrl, ListenerRule, Ready, Scheme,
};
use supervisor_wire::http::header;
use supervisor_wire::prometheus::Selector;
use supervisor_wire::supervisord::python::{self, repr};

use super::{ValueType, inet_address, list, port, unbracketed};

/// The shortest interval. A shorter one would keep the supervisor busy.
const SHORTEST: Duration = Duration::from_millis(50);

/// A hundred years.
const LONGEST: Duration = Duration::from_secs(100 * 365 * 24 * 3600);

/// Maximum length of a text to search for in output.
const LONGEST_TEXT: usize = 4096;

pub(crate) static SPAN: ValueType<Duration> = ValueType {
    what: "a number of seconds, at least 0.05, such as 10 or 0.5",
    parse: |text, _| span(text, SHORTEST),
};

pub(crate) static SPAN_OR_NONE: ValueType<Duration> = ValueType {
    what: "a number of seconds, such as 10, 0.5 or 0",
    parse: |text, _| span(text, Duration::ZERO),
};

pub(crate) static UP_TO_A_MINUTE: ValueType<Duration> = ValueType {
    what: "a number of seconds from 0 to 60, such as 2 or 0.5",
    parse: |text, _| {
        let span = span(text, Duration::ZERO)?;
        let fits = span <= Duration::from_secs(60);
        fits.then_some(span).ok_or_else(|| format!("{text} seconds are more than 60"))
    },
};

pub(crate) static SPAN_OR_OFF: ValueType<Option<Duration>> = ValueType {
    what: "a number of seconds, at least 0.05, such as 600, or off",
    parse: |text, _| {
        if text.eq_ignore_ascii_case("off") { Ok(None) } else { span(text, SHORTEST).map(Some) }
    },
};

pub(crate) static PORT_NUMBER: ValueType<u16> =
    ValueType { what: "a port from 1 to 65535", parse: |text, _| port(text) };

pub(crate) static URL: ValueType<HttpUrl> = ValueType {
    what: "http://host:port/path, https://host:port/path or unix:///socket.sock:/path",
    parse: |text, _| url(text),
};

pub(crate) static HEADERS: ValueType<Vec<Header>> = ValueType {
    what: "HTTP headers, one per line, such as Authorization: Bearer KEY",
    parse: |text, _| headers(text),
};

pub(crate) static HOST_NAME: ValueType<String> =
    ValueType { what: "a host name or an address", parse: |text, _| host(text) };

pub(crate) static HOST_AND_PORT: ValueType<(String, u16)> = ValueType {
    what: "host:port, or a port of this host",
    parse: |text, _| {
        let address = inet_address(text)?;
        let host = address.host.as_deref().unwrap_or(LOOPBACK);
        Ok((self::host(host)?, address.port))
    },
};

pub(crate) static COUNT: ValueType<u32> = ValueType {
    what: "a whole number, at least 1",
    parse: |text, _| {
        let number = u32::try_from(python::int(text)?).ok().filter(|number| *number > 0);
        number.ok_or_else(|| format!("{text} is out of range"))
    },
};

pub(crate) static STATUSES: ValueType<Vec<u16>> = ValueType {
    what: "comma-separated HTTP statuses and ranges, such as 200,204 or 200-299",
    parse: |text, _| {
        statuses(text).ok_or_else(|| format!("not a list of HTTP statuses: {}", repr(text)))
    },
};

pub(crate) static TEXT_TO_FIND: ValueType<String> = ValueType {
    what: "a text of 1 to 4096 bytes",
    parse: |text, _| text_to_find(text).map(str::to_owned),
};

pub(crate) static SERIES: ValueType<Vec<String>> = ValueType {
    what: "space-separated metric names, with labels to select series: requests{state=\"active\"}",
    parse: |text, _| series(text),
};

pub(crate) static READY: ValueType<Ready> = ValueType {
    what: "startsecs, check, notify or log:TEXT",
    parse: |text, _| match text.split_once(':') {
        Some((word, text)) if word.eq_ignore_ascii_case("log") => {
            text_to_find(text).map(|text| Ready::Logged(text.to_owned()))
        }
        _ => match text.to_lowercase().as_str() {
            "startsecs" => Ok(Ready::Startsecs),
            "check" => Ok(Ready::Checked),
            "notify" => Ok(Ready::Notified),
            _ => Err(format!("invalid value {}", repr(text))),
        },
    },
};

pub(crate) static LISTENER: ValueType<ListenerRule> = ValueType {
    what: "own or any",
    parse: |text, _| match text.to_lowercase().as_str() {
        "own" => Ok(ListenerRule::Own),
        "any" => Ok(ListenerRule::Any),
        _ => Err(format!("invalid value {}", repr(text))),
    },
};

pub(crate) static ACTION: ValueType<Action> = ValueType {
    what: "observe, restart, stop or exit:N with N from 0 to 255",
    parse: |text, _| match text.to_lowercase().as_str() {
        "observe" => Ok(Action::Observe),
        "restart" => Ok(Action::Restart),
        "stop" => Ok(Action::Stop),
        other => {
            let code = other.strip_prefix("exit:").and_then(|code| code.parse().ok());
            code.map(Action::Exit).ok_or_else(|| format!("invalid value {}", repr(text)))
        }
    },
};

pub(crate) static SIGNAL_OR_OFF: ValueType<Option<Signal>> = ValueType {
    what: "a signal's name, such as TERM, SIGTERM or RTMIN+3, or its number, or off",
    parse: |text, _| {
        if text.eq_ignore_ascii_case("off") { Ok(None) } else { super::signal(text).map(Some) }
    },
};

/// The default host of a server.
pub(crate) const LOOPBACK: &str = "127.0.0.1";

fn span(text: &str, least: Duration) -> Result<Duration, String> {
    let number: f64 = text
        .trim()
        .parse()
        .ok()
        .filter(|n: &f64| n.is_finite() && *n >= 0.0)
        .ok_or_else(|| format!("{} is not a number of seconds", repr(text)))?;
    let span = Duration::try_from_secs_f64(number).unwrap_or(LONGEST).min(LONGEST);
    if span < least {
        return Err(format!("{text} seconds are less than {}", least.as_secs_f64()));
    }
    Ok(span)
}

/// A host that can be resolved: an address or a valid host name.
pub(crate) fn host(text: &str) -> Result<String, String> {
    let bare = unbracketed(text);
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
    };
    let name = bare.strip_suffix('.').unwrap_or(bare);
    if bare.parse::<IpAddr>().is_ok() || (name.len() <= 253 && name.split('.').all(label)) {
        Ok(bare.to_lowercase())
    } else {
        Err(format!("{} is neither an address nor the name of a host", repr(text)))
    }
}

/// Headers, one per line. Errors do not repeat values.
fn headers(text: &str) -> Result<Vec<Header>, String> {
    let lines = text.lines().map(str::trim).enumerate().filter(|(_, line)| !line.is_empty());
    let headers = lines.map(|(at, line)| {
        let header = header::parse(line)
            .ok_or_else(|| format!("line {} is not a header; its value is not shown", at + 1))?;
        let (name, value) = header;
        if OUR_OWN.iter().any(|own| name.eq_ignore_ascii_case(own)) {
            return Err(format!("the header {name} is set by the check itself"));
        }
        Ok(Header { name: name.to_owned(), value: value.to_owned() })
    });
    headers.collect()
}

/// Headers that the supervisor sets itself.
const OUR_OWN: [&str; 3] = ["Connection", "Content-Length", "Transfer-Encoding"];

fn url(text: &str) -> Result<HttpUrl, String> {
    if let Some(rest) = text.strip_prefix("unix://") {
        let (socket, path) =
            rest.split_once(":/").map_or((rest, ""), |(socket, path)| (socket, path));
        if !socket.starts_with('/') {
            return Err(format!("the socket of {text} has no absolute path"));
        }
        return Ok(HttpUrl {
            scheme: Scheme::Http,
            server: HttpServer::Unix(PathBuf::from(socket)),
            path: path_of(path)?,
        });
    }
    let (scheme, rest) = match text.split_once("://") {
        Some(("http", rest)) => (Scheme::Http, rest),
        Some(("https", rest)) => (Scheme::Https, rest),
        Some(_) | None => return Err(format!("{} is not such a URL", repr(text))),
    };
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    let (place, path) = rest.split_at(end);
    let path = path_of(path.strip_prefix('/').unwrap_or(path))?;
    let (host, port_text) = match place.rsplit_once(':') {
        // A colon inside brackets belongs to an IPv6 address.
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        Some(_) | None => (place, None),
    };
    if place.contains('@') {
        return Err("a user name or password in a URL is not sent; set health_headers".to_owned());
    }
    let host = self::host(host)?;
    let usual = match scheme {
        Scheme::Http => 80,
        Scheme::Https => 443,
    };
    let port = port_text.map_or(Ok(usual), port)?;
    Ok(HttpUrl { scheme, server: HttpServer::Tcp { host, port }, path })
}

/// The path after the first slash, unchanged. It must not contain characters that would end the
/// request line.
fn path_of(rest: &str) -> Result<String, String> {
    if rest.chars().all(|c| c.is_ascii_graphic() && c != '#') {
        Ok(format!("/{rest}"))
    } else {
        Err(format!("the path /{rest} contains characters that must be percent-encoded"))
    }
}

fn statuses(text: &str) -> Option<Vec<u16>> {
    let status = |text: &str| text.trim().parse().ok().filter(|n| (100..=599).contains(n));
    let mut all = Vec::new();
    for item in list(text) {
        let (first, last) = item.split_once('-').unwrap_or((item, item));
        let (first, last): (u16, u16) = (status(first)?, status(last)?);
        if first > last {
            return None;
        }
        all.extend(first..=last);
    }
    (!all.is_empty()).then_some(all)
}

fn text_to_find(text: &str) -> Result<&str, String> {
    match text.len() {
        0 => Err("the text is empty".to_owned()),
        1..=LONGEST_TEXT => Ok(text),
        length => Err(format!("a text of {length} bytes is too long")),
    }
}

/// Splits at spaces. Commas separate labels, not series.
fn series(text: &str) -> Result<Vec<String>, String> {
    let (mut names, mut from, mut depth) = (Vec::new(), 0, false);
    for (at, c) in text.char_indices().chain([(text.len(), ' ')]) {
        match c {
            '{' => depth = true,
            '}' => depth = false,
            c if c.is_whitespace() && !depth => {
                names.extend(Some(text[from..at].trim()).filter(|name| !name.is_empty()));
                from = at;
            }
            _ => {}
        }
    }
    if depth {
        return Err(format!("the labels of {} are not closed", repr(text)));
    }
    match names.iter().find(|name| Selector::parse(name).is_none()) {
        Some(name) => Err(format!("{} is not a metric name", repr(name))),
        None if names.is_empty() => Err("the list of metric names is empty".to_owned()),
        None => Ok(names.into_iter().map(str::to_owned).collect()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> Result<String, String> {
        url(text).map(|HttpUrl { scheme: _, server, path }| match server {
            HttpServer::Tcp { host, port } => format!("{host} {port} {path}"),
            HttpServer::Unix(socket) => format!("{} {path}", socket.display()),
        })
    }

    #[test]
    fn urls_name_a_host_or_a_socket() {
        for (text, meaning) in [
            ("http://localhost:8000/health", "localhost 8000 /health"),
            ("http://Box", "box 80 /"),
            ("http://[::1]:9/a?b=c", "::1 9 /a?b=c"),
            ("http://[::1]/", "::1 80 /"),
            ("http://h:1?x", "h 1 /?x"),
            ("https://h/a", "h 443 /a"),
            ("https://[::1]:8443/", "::1 8443 /"),
            ("unix:///run/s.sock:/health", "/run/s.sock /health"),
            ("unix:///run/s.sock", "/run/s.sock /"),
        ] {
            assert_eq!(shown(text), Ok(meaning.to_owned()), "{text}");
        }
        for text in [
            "",
            "localhost:8000",
            "https://",
            "http://",
            "http://:80/",
            "http://h:0/",
            "http://h:x/",
            "http://u@h/",
            "http://h/a b",
            "http://h/a\r\nX: y",
            "unix://s.sock",
            "http://h/#f",
        ] {
            assert!(shown(text).is_err(), "{text}");
        }
    }

    #[test]
    fn durations_may_have_a_fraction_and_have_a_minimum() {
        assert_eq!(span("0.2", SHORTEST), Ok(Duration::from_millis(200)));
        assert_eq!(span("10", SHORTEST), Ok(Duration::from_secs(10)));
        assert_eq!(span("1e300", SHORTEST), Ok(LONGEST));
        for text in ["", "x", "-1", "nan", "inf", "0", "0.01"] {
            assert!(span(text, SHORTEST).is_err(), "{text}");
        }
    }

    #[test]
    fn statuses_and_ranges_are_read() {
        assert_eq!(statuses("200, 204"), Some(vec![200, 204]));
        assert_eq!(statuses("200-202,503"), Some(vec![200, 201, 202, 503]));
        for text in ["", "2xx", "99", "600", "300-200", "200-"] {
            assert_eq!(statuses(text), None, "{text}");
        }
    }

    #[test]
    fn metrics_are_separated_by_spaces_outside_labels() {
        let names = series("a:b  c{x=\"1\", y=\"2 3\"} d_total").unwrap();
        assert_eq!(names, ["a:b", "c{x=\"1\", y=\"2 3\"}", "d_total"]);
        for text in ["", " ", "a,b", "a{x=\"1\"", "a{x}"] {
            assert!(series(text).is_err(), "{text}");
        }
    }
}
