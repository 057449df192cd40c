//! Lines of the supervisor's own log, in supervisord's format:
//! `2026-11-22 21:27:12,748 INFO spawned: 'app' with pid 42`.

/// A local date and time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "as in the calendar; months and days begin with 1")]
pub struct LocalTime {
    pub year: i32,
    pub month: u8,
    pub day: u8,
    pub hour: u8,
    pub minute: u8,
    pub second: u8,
    pub millisecond: u16,
}

impl LocalTime {
    /// In English, whatever the locale.
    pub(crate) fn month_name(self) -> &'static str {
        MONTHS.get(usize::from(self.month).wrapping_sub(1)).unwrap_or(&"Jan")
    }
}

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// One record with its newline. Messages of several lines are written as they are,
/// as supervisord does.
#[must_use]
pub fn record(time: LocalTime, tag: &str, message: &str) -> String {
    let LocalTime { year, month, day, hour, minute, second, millisecond } = time;
    format!(
        "{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02},{millisecond:03} \
         {tag} {message}\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_looks_as_supervisords() {
        let time = LocalTime {
            year: 2026,
            month: 1,
            day: 2,
            hour: 3,
            minute: 4,
            second: 5,
            millisecond: 6,
        };
        let line = record(time, "INFO", "spawned: 'ok' with pid 3991");
        assert_eq!(line, "2026-01-02 03:04:05,006 INFO spawned: 'ok' with pid 3991\n");
    }
}
