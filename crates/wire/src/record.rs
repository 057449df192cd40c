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

/// A time as C's `ctime` writes it: `Sun Nov 22 21:29:28 2026`.
#[must_use]
pub fn ctime(time: LocalTime) -> String {
    let LocalTime { year, month, day, hour, minute, second, millisecond: _ } = time;
    let (weekday, month_name) = (weekday(year, month, day), time.month_name());
    format!("{weekday} {month_name} {day:2} {hour:02}:{minute:02}:{second:02} {year}")
}

/// By how many weekdays each month is ahead of January; years begin in March, so that a
/// leap day comes last.
fn weekday(year: i32, month: u8, day: u8) -> &'static str {
    const AHEAD: [i32; 12] = [0, 3, 2, 5, 0, 3, 5, 1, 4, 6, 2, 4];
    let year = if month < 3 { year - 1 } else { year };
    let leap_days = year / 4 - year / 100 + year / 400;
    let ahead = AHEAD[usize::from(month.clamp(1, 12) - 1)];
    let number = (year + leap_days + ahead + i32::from(day)).rem_euclid(7);
    WEEKDAYS[usize::try_from(number).unwrap_or(0)]
}

const WEEKDAYS: [&str; 7] = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];

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
    fn a_time_looks_as_cs() {
        for (year, month, day, text) in [
            (2026, 11, 22, "Sun Nov 22 21:09:08 2026"),
            (2026, 1, 2, "Fri Jan  2 21:09:08 2026"),
            (2024, 2, 29, "Thu Feb 29 21:09:08 2024"),
            (2024, 3, 1, "Fri Mar  1 21:09:08 2024"),
            (2100, 3, 1, "Mon Mar  1 21:09:08 2100"),
        ] {
            let (hour, minute, second, millisecond) = (21, 9, 8, 7);
            let time = LocalTime { year, month, day, hour, minute, second, millisecond };
            assert_eq!(ctime(time), text);
        }
    }

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
