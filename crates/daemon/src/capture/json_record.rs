//! A line of the supervisor's log as a JSON object, for programs that collect logs.

use std::time::Duration;

use serde_json::Value as Json;
use supervisor_core::level::Level;
use supervisor_core::line::{Facts, NOTE, Value};
use supervisor_wire::date;

/// A record with a trailing newline: time, level, event, message, and the facts. The first four
/// members always exist.
pub(crate) fn record(
    since_epoch: Duration,
    level: Level,
    facts: Option<Facts>,
    message: &str,
) -> String {
    let Facts { event, fields } = facts.unwrap_or(Facts { event: NOTE, fields: Vec::new() });
    let always = [
        ("time", date::rfc3339_millis(since_epoch).into()),
        ("level", level.name().into()),
        ("event", event.into()),
        ("message", message.into()),
    ];
    let all = always.into_iter().chain(fields.into_iter().map(|(name, value)| (name, json(value))));
    // Written pair by pair: a map of values would sort them, and people read this, too.
    let pairs: Vec<String> =
        all.map(|(name, value): (_, Json)| format!("\"{name}\":{value}")).collect();
    format!("{{{}}}\n", pairs.join(","))
}

fn json(value: Value) -> Json {
    match value {
        Value::Text(text) => text.into(),
        Value::Count(count) => count.into(),
        Value::Number(number) => number.into(),
        Value::Seconds(seconds) => seconds.into(),
        Value::Flag(flag) => flag.into(),
        Value::Texts(texts) => texts.into(),
        Value::Numbers(numbers) => numbers.into(),
    }
}

#[cfg(test)]
mod tests {
    use supervisor_core::ids::Pid;
    use supervisor_core::line::Line;

    use super::*;

    #[test]
    fn a_json_record_is_one_line_for_any_message() {
        let line = Line::Bug { what: "\"\n\u{1}\u{2028}\\ é\0".to_owned() };
        let text =
            record(Duration::from_millis(1), Level::Error, Some(line.facts()), &line.to_string());
        assert_eq!(text.matches('\n').count(), 1, "{text:?}");
        let read: Json = serde_json::from_str(&text).unwrap();
        assert_eq!(read["what"], "\"\n\u{1}\u{2028}\\ é\0");
        assert_eq!(read["time"], "1970-01-01T00:00:00.001Z");
        assert_eq!((&read["level"], &read["event"]), (&"error".into(), &"bug".into()));
    }

    #[test]
    fn a_message_without_an_event_is_a_note() {
        let read: Json =
            serde_json::from_str(&record(Duration::ZERO, Level::Info, None, "x")).unwrap();
        assert_eq!((&read["event"], &read["message"]), (&"note".into(), &"x".into()));
    }

    #[test]
    fn a_record_contains_the_facts_and_the_message() {
        let line = Line::Spawned { name: "app".to_owned(), pid: Pid(42), run: 3 };
        let text = record(Duration::ZERO, Level::Info, Some(line.facts()), &line.to_string());
        let read: Json = serde_json::from_str(&text).unwrap();
        assert_eq!(read["program"], "app");
        assert_eq!((read["pid"].as_u64(), read["run"].as_u64()), (Some(42), Some(3)));
        assert_eq!(read["message"], "spawned: 'app' with pid 42");
    }
}
