//! The value types of hook options.

use std::collections::BTreeSet;

use supervisor_core::spec::health::{HttpServer, HttpUrl};
use supervisor_core::spec::hook::{HookEvent, HookFormat};
use supervisor_wire::supervisord::python::{self, repr};

use super::{URL, ValueType, list};
use crate::text::nearest::nearest;

/// Maximum number of output lines in a notification, as in reports.
pub(crate) const MOST_OUTPUT_LINES: usize = 50;

pub(crate) static HOOK_EVENTS: ValueType<BTreeSet<HookEvent>> = ValueType {
    what: "names of events with commas between them: crash, gave_up, unhealthy, ready, stopping",
    parse: |text, _| {
        let events = list(text).map(event).collect::<Result<BTreeSet<_>, _>>()?;
        if events.is_empty() { Err("no event is named".to_owned()) } else { Ok(events) }
    },
};

fn event(name: &str) -> Result<HookEvent, String> {
    HookEvent::of(&name.to_ascii_lowercase()).ok_or_else(|| {
        let names = HookEvent::ALL.iter().map(|event| event.name());
        let near = nearest(name, names);
        let near = near.map_or_else(String::new, |(_, near)| format!("; the nearest is {near}"));
        format!("{} is no event{near}", repr(name))
    })
}

pub(crate) static HOOK_FORMAT: ValueType<HookFormat> = ValueType {
    what: "json, slack or alertmanager",
    parse: |text, _| {
        let mut formats = HookFormat::ALL.into_iter();
        let found = formats.find(|format| text.eq_ignore_ascii_case(format.name()));
        found.ok_or_else(|| format!("{} is not one of them", repr(text)))
    },
};

/// Errors do not repeat the URL, because it may be a secret.
pub(crate) static HOOK_URL: ValueType<HttpUrl> = ValueType {
    what: "a URL such as https://hooks.example.com/services/KEY or http://alerts:9000/",
    parse: |text, context| match (URL.parse)(text, context) {
        Ok(url) if matches!(url.server, HttpServer::Tcp { .. }) => Ok(url),
        Ok(_) | Err(_) => Err("invalid URL (its value is not shown)".to_owned()),
    },
};

pub(crate) static OUTPUT_LINES: ValueType<usize> = ValueType {
    what: "a whole number from 0 to 50",
    parse: |text, _| {
        let number = usize::try_from(python::int(text)?).ok();
        let number = number.filter(|number| *number <= MOST_OUTPUT_LINES);
        number.ok_or_else(|| format!("{} is out of range", repr(text)))
    },
};
