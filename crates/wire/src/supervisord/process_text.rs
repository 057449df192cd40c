//! Names and descriptions of processes, as `supervisorctl status` shows them.

use crate::date::CalendarTime;

/// The name of a process: `GROUP:NAME`, or only the name if both are the same.
#[must_use]
pub fn namespec(group: &str, name: &str) -> String {
    if group == name { name.to_owned() } else { format!("{group}:{name}") }
}

/// Splits a name into the group and the process. No process means all of them.
#[must_use]
pub fn split_namespec(spec: &str) -> (&str, Option<&str>) {
    match spec.split_once(':') {
        None => (spec, Some(spec)),
        Some((group, "" | "*")) => (group, None),
        Some((group, name)) => (group, Some(name)),
    }
}

/// The description of a process that has been RUNNING for `uptime` seconds. A negative value, after
/// a change of the clock, counts as 0.
#[must_use]
pub fn running(pid: i32, uptime: i64) -> String {
    const MINUTE: u64 = 60;
    const HOUR: u64 = 60 * MINUTE;
    const DAY: u64 = 24 * HOUR;
    let uptime = u64::try_from(uptime).unwrap_or(0);
    let days = match uptime / DAY {
        0 => String::new(),
        1 => "1 day, ".to_owned(),
        days => format!("{days} days, "),
    };
    let (hours, minutes, seconds) = (uptime % DAY / HOUR, uptime % HOUR / MINUTE, uptime % MINUTE);
    format!("pid {pid}, uptime {days}{hours}:{minutes:02}:{seconds:02}")
}

/// The description of a process in BACKOFF or FATAL. The reason may be empty.
#[must_use]
pub fn failed(spawn_error: &str, name: &str) -> String {
    if spawn_error.is_empty() {
        format!("unknown error (try \"tail {name}\")")
    } else {
        spawn_error.to_owned()
    }
}

/// The description of a process that has been STOPPED or EXITED since `at`; `None`: it never
/// started.
#[must_use]
pub fn ended(at: Option<CalendarTime>) -> String {
    let Some(time) = at else { return "Not started".to_owned() };
    let CalendarTime { day, hour, minute, .. } = time;
    let half = if hour < 12 { "AM" } else { "PM" };
    let hour = match hour % 12 {
        0 => 12,
        hour => hour,
    };
    format!("{} {day:02} {hour:02}:{minute:02} {half}", time.month_name())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn full_names_are_joined_and_split() {
        assert_eq!(namespec("web", "web"), "web");
        assert_eq!(namespec("site", "web"), "site:web");
        for (spec, group, name) in [
            ("web", "web", Some("web")),
            ("site:web", "site", Some("web")),
            ("site:*", "site", None),
            ("site:", "site", None),
            ("site:a:b", "site", Some("a:b")),
            (":web", "", Some("web")),
            ("*", "*", Some("*")),
            ("", "", Some("")),
        ] {
            assert_eq!(split_namespec(spec), (group, name), "{spec:?}");
        }
    }

    #[test]
    fn uptimes_are_formatted_like_pythons() {
        for (uptime, text) in [
            (-5, "0:00:00"),
            (5, "0:00:05"),
            (3599, "0:59:59"),
            (36_000, "10:00:00"),
            (86_399, "23:59:59"),
            (86_400, "1 day, 0:00:00"),
            (2 * 86_400 + 3661, "2 days, 1:01:01"),
        ] {
            assert_eq!(running(7, uptime), format!("pid 7, uptime {text}"));
        }
    }

    #[test]
    fn a_failure_shows_its_reason_or_the_log_command() {
        assert_eq!(failed("can't find command 'x'", "web"), "can't find command 'x'");
        assert_eq!(failed("", "web"), "unknown error (try \"tail web\")");
    }

    #[test]
    fn exit_times_use_the_12_hour_clock() {
        let at = |month, day, hour, minute| {
            let (second, millisecond) = (12, 700);
            ended(Some(CalendarTime { year: 2026, month, day, hour, minute, second, millisecond }))
        };
        assert_eq!(at(11, 22, 21, 27), "Nov 22 09:27 PM");
        assert_eq!(at(1, 1, 0, 0), "Jan 01 12:00 AM");
        assert_eq!(at(12, 9, 12, 5), "Dec 09 12:05 PM");
        assert_eq!(at(5, 31, 11, 59), "May 31 11:59 AM");
        assert_eq!(ended(None), "Not started");
    }
}
