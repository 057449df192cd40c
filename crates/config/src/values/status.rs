//! The value types of options for the status port and the delay before a stop. supervisord does not
//! have these options.

use std::time::Duration;

use supervisor_wire::supervisord::python::{self, repr};

use super::{InetAddress, ValueType, inet_address, reachable_here};
use crate::settings::supervisord::LogFormat;

/// Maximum delay before a stop, in seconds. A longer one is probably a typing error.
const LONGEST_PRESTOP: f64 = 3600.0;

pub(crate) static PRESTOP_DELAY: ValueType<Duration> = ValueType {
    what: "a number of seconds from 0 to 3600, such as 5 or 0.5",
    parse: |text, _| prestop_delay(text),
};

pub(crate) static STATUS_PORT: ValueType<Option<InetAddress>> = ValueType {
    what: "port, host:port or [address]:port, with a port from 1 to 65535, or off",
    parse: |text, context| {
        if text.eq_ignore_ascii_case("off") {
            return Ok(None);
        }
        // supervisord's message ends with a space.
        let address = inet_address(text).map_err(|why| why.trim_end().to_owned())?;
        reachable_here(&address, context)?;
        Ok(Some(address))
    },
};

pub(crate) static LOG_FORMAT: ValueType<LogFormat> = ValueType {
    what: "text or json",
    parse: |text, _| match text.to_lowercase().as_str() {
        "text" => Ok(LogFormat::Text),
        "json" => Ok(LogFormat::Json),
        _ => Err(format!("unknown log format {}", repr(text))),
    },
};

pub(crate) static OUTPUT_FORMAT: ValueType<LogFormat> = ValueType {
    what: LOG_FORMAT.what,
    parse: |text, context| {
        let format = (LOG_FORMAT.parse)(text, context);
        format.map_err(|_| format!("invalid value {}; expected text or json", repr(text)))
    },
};

pub(crate) static OUTPUT_PREFIX: ValueType<bool> = ValueType {
    what: "none or name",
    parse: |text, _| match text.to_lowercase().as_str() {
        "none" => Ok(false),
        "name" => Ok(true),
        _ => Err(format!("invalid value {}; expected none or name", repr(text))),
    },
};

fn prestop_delay(text: &str) -> Result<Duration, String> {
    let digits = python::strip(text);
    // Rust also accepts `1e3`, `+1` and `inf`, but no user means them.
    let plain = digits.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    let seconds = digits.parse::<f64>().ok().filter(|_| plain);
    match seconds {
        Some(seconds) if seconds <= LONGEST_PRESTOP => Ok(Duration::from_secs_f64(seconds)),
        Some(_) => Err(format!("{digits} is above upper bound ({LONGEST_PRESTOP})")),
        None => Err(format!("not a number of seconds: {}", repr(text))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_that_is_too_large_is_reported_as_it_was_written() {
        let why = inet_address("localhost:99999999999999999999").unwrap_err();
        assert_eq!(why, "99999999999999999999 is above upper bound (65535)");
        let why = inet_address("localhost:-99999999999999999999").unwrap_err();
        assert_eq!(why, "-99999999999999999999 is below lower bound (1)");
    }

    #[test]
    fn a_delay_has_decimals_and_a_maximum() {
        for (text, millis) in
            [("0", 0), ("5", 5000), ("0.25", 250), (" 1. ", 1000), ("3600", 3_600_000)]
        {
            assert_eq!(prestop_delay(text), Ok(Duration::from_millis(millis)), "{text}");
        }
        for text in ["", "-1", "1e3", "inf", "nan", "5s", ".", "1.2.3", "3600.1"] {
            assert!(prestop_delay(text).is_err(), "{text}");
        }
    }
}
