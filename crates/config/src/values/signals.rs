//! Value types of signals, by name or number.

use std::collections::BTreeMap;

use supervisor_core::signal::{Signal, SignalMap};
use supervisor_wire::supervisord::python::{self, repr};

use super::{ValueType, list};

pub(crate) static SIGNAL: ValueType<Signal> = ValueType {
    what: "a signal's name, such as TERM, SIGTERM or RTMIN+3, or its number",
    parse: |text, _| signal(text),
};

pub(crate) static SIGNAL_MAP: ValueType<SignalMap> = ValueType {
    what: "pairs of signals with commas between them, such as TERM:QUIT,HUP:0",
    parse: |text, _| signal_map(text),
};

/// The signal with this name or number. Options, RPC and the API all use this function. The C
/// library reserves 32 and 33.
///
/// # Errors
///
/// The text is not a signal. The error has supervisord's text.
pub fn signal(text: &str) -> Result<Signal, String> {
    let not_a = |what: &str| format!("value {} is not a valid signal {what}", repr(text));
    match python::int(text) {
        Ok(number) => {
            let free = !matches!(number, 32 | 33);
            Signal::from_number(number).filter(|_| free).ok_or_else(|| not_a("number"))
        }
        Err(_) => Signal::from_name(python::strip(text)).ok_or_else(|| not_a("name")),
    }
}

fn signal_map(text: &str) -> Result<SignalMap, String> {
    // The kernel does not let programs handle KILL and STOP, and the supervisor needs CHLD.
    let kept = ["KILL", "STOP", "CHLD"].map(Signal::from_name);
    let mut map = BTreeMap::new();
    for pair in list(text) {
        let ends = pair.split_once(':');
        let (from, to) = ends.ok_or_else(|| format!("{} is not FROM:TO", repr(pair)))?;
        let from = signal(from)?;
        if from.number() == 0 || kept.contains(&Some(from)) {
            return Err(format!("{from} is never passed on"));
        }
        let to = Some(signal(to)?).filter(|to| to.number() > 0);
        if map.insert(from, to).is_some() {
            return Err(format!("{from} is mapped twice"));
        }
    }
    Ok(map.into_iter().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn real_time_signals_of_the_c_library_are_rejected() {
        for text in ["RTMIN+3", "SIGRTMIN+3", "rtmax-27", "37", " 37 "] {
            assert_eq!(signal(text).map(Signal::number), Ok(37), "{text}");
        }
        for text in ["32", "33", "65", "-1", "RTMIN+31", "RTMIN-1", ""] {
            assert!(signal(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_signal_map_has_pairs_and_zero_drops_a_signal() {
        let map = signal_map("15:3, SIGHUP:USR1,RTMIN+3:TERM,USR2:0,").unwrap_err();
        assert_eq!(map, "'' is not FROM:TO");
        let map = signal_map("15:3, SIGHUP:USR1,RTMIN+3:TERM,USR2:0").unwrap();
        let sent = |name| map.sent(Signal::from_name(name).unwrap()).map(|to| to.to_string());
        for (from, to) in [
            ("TERM", Some("SIGQUIT")),
            ("HUP", Some("SIGUSR1")),
            ("RTMIN+3", Some("SIGTERM")),
            ("USR2", None),
            ("INT", Some("SIGINT")),
        ] {
            assert_eq!(sent(from).as_deref(), to, "{from}");
        }
        for (text, why) in [
            ("TERM", "'TERM' is not FROM:TO"),
            ("TERM:NOPE", "value 'NOPE' is not a valid signal name"),
            ("99:3", "value '99' is not a valid signal number"),
            ("KILL:TERM", "SIGKILL is never passed on"),
            ("0:TERM", "signal 0 is never passed on"),
            ("TERM:QUIT,15:INT", "SIGTERM is mapped twice"),
        ] {
            assert_eq!(signal_map(text).unwrap_err(), why);
        }
    }
}
