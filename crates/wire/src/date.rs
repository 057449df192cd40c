//! Formats of dates and times for logs, HTTP and files.

use std::time::Duration;

const DAY: u64 = 24 * 60 * 60;

/// A date and time of the calendar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "as in the calendar; months and days begin with 1")]
pub struct CalendarTime {
    pub year: i32,
    pub month: u8,
    pub day: u8,
    pub hour: u8,
    pub minute: u8,
    pub second: u8,
    pub millisecond: u16,
}

impl CalendarTime {
    /// The UTC date and time, from the time since 1970-01-01T00:00:00Z.
    #[must_use]
    pub fn utc(since_epoch: Duration) -> Self {
        let secs = since_epoch.as_secs();
        let (year, month, day) = date(secs / DAY);
        let small = |number: u64| u8::try_from(number).unwrap_or(u8::MAX);
        Self {
            year: i32::try_from(year).unwrap_or(i32::MAX),
            month: small(month),
            day: small(day),
            hour: small(secs % DAY / 3600),
            minute: small(secs % 3600 / 60),
            second: small(secs % 60),
            millisecond: u16::try_from(since_epoch.subsec_millis()).unwrap_or_default(),
        }
    }

    /// The English name, regardless of the locale.
    pub(crate) fn month_name(self) -> &'static str {
        MONTHS.get(usize::from(self.month).wrapping_sub(1)).unwrap_or(&"Jan")
    }

    /// The date and `hour:minute:second`, with the given separators.
    fn with(self, between: &str, before_hour: char) -> String {
        let Self { year, month, day, hour, minute, second, millisecond: _ } = self;
        format!(
            "{year:04}{between}{month:02}{between}{day:02}{before_hour}\
             {hour:02}:{minute:02}:{second:02}"
        )
    }
}

/// Year, month and day of a day number. Day 0 is 1970-01-01.
///
/// The calculation uses years that begin in March: the leap day is then the last day, and the
/// lengths of months repeat every five months.
const fn date(day: u64) -> (u64, u64, u64) {
    /// Days from 1 March of the year 0 to 1 January 1970.
    const TO_1970: u64 = 719_468;
    const OF_400_YEARS: u64 = 146_097;
    const OF_100_YEARS: u64 = 36_524;
    const OF_4_YEARS: u64 = 1461;
    let day = day + TO_1970;
    let (era, of_era) = (day / OF_400_YEARS, day % OF_400_YEARS);
    // Otherwise the last day of 4 and of 400 years would count as a further year.
    let leap_days = of_era / (OF_4_YEARS - 1) + of_era / (OF_400_YEARS - 1);
    let year = (of_era - leap_days + of_era / OF_100_YEARS) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    let next_year = if month <= 2 { 1 } else { 0 };
    (400 * era + year + next_year, month, day)
}

/// A UTC time in the format of [RFC 3339](https://www.rfc-editor.org/rfc/rfc3339) with
/// milliseconds: `2026-11-22T21:27:12.748Z`.
#[must_use]
pub fn rfc3339_millis(since_epoch: Duration) -> String {
    let time = CalendarTime::utc(since_epoch);
    format!("{}.{:03}Z", time.with("-", 'T'), time.millisecond)
}

/// A UTC time in the format of RFC 3339 with seconds: `2026-11-22T21:27:12Z`.
#[must_use]
pub fn rfc3339(secs: u64) -> String {
    CalendarTime::utc(Duration::from_secs(secs)).with("-", 'T') + "Z"
}

/// A UTC time for file names: `20261122T212712Z`.
#[must_use]
pub fn compact(secs: u64) -> String {
    rfc3339(secs).replace(['-', ':'], "")
}

/// A UTC time for HTTP headers: `Sun, 22 Nov 2026 21:27:12 GMT`.
#[must_use]
pub fn http(secs: u64) -> String {
    let time = CalendarTime::utc(Duration::from_secs(secs));
    let CalendarTime { year, month, day, hour, minute, second, millisecond: _ } = time;
    let (weekday, month_name) = (weekday(year, month, day), time.month_name());
    format!("{weekday}, {day:02} {month_name} {year:04} {hour:02}:{minute:02}:{second:02} GMT")
}

/// A UTC time for access logs: `22/Nov/2026:21:27:12 +0000`.
#[must_use]
pub fn access_log(secs: u64) -> String {
    let time = CalendarTime::utc(Duration::from_secs(secs));
    let CalendarTime { year, month: _, day, hour, minute, second, millisecond: _ } = time;
    format!("{day:02}/{}/{year:04}:{hour:02}:{minute:02}:{second:02} +0000", time.month_name())
}

/// A time in the format of C's `ctime`: `Sun Nov 22 21:29:28 2026`.
#[must_use]
pub fn ctime(time: CalendarTime) -> String {
    let CalendarTime { year, month, day, hour, minute, second, millisecond: _ } = time;
    let (weekday, month_name) = (weekday(year, month, day), time.month_name());
    format!("{weekday} {month_name} {day:2} {hour:02}:{minute:02}:{second:02} {year}")
}

/// The offset of each month's first weekday from January's, in years that begin in March so that
/// the leap day is the last day.
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

/// A record of the supervisor's own log in supervisord's format, with a newline: `2026-11-22
/// 21:27:12,748 INFO spawned: 'app' with pid 42`. Messages with several lines are not changed, as
/// in supervisord.
#[must_use]
pub fn record(time: CalendarTime, tag: &str, message: &str) -> String {
    format!("{},{:03} {tag} {message}\n", time.with("-", ' '), time.millisecond)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_formatted_like_c_asctime() {
        for (year, month, day, text) in [
            (2026, 11, 22, "Sun Nov 22 21:09:08 2026"),
            (2026, 1, 2, "Fri Jan  2 21:09:08 2026"),
            (2024, 2, 29, "Thu Feb 29 21:09:08 2024"),
            (2024, 3, 1, "Fri Mar  1 21:09:08 2024"),
            (2100, 3, 1, "Mon Mar  1 21:09:08 2100"),
        ] {
            let (hour, minute, second, millisecond) = (21, 9, 8, 7);
            let time = CalendarTime { year, month, day, hour, minute, second, millisecond };
            assert_eq!(ctime(time), text);
        }
    }

    #[test]
    fn a_log_time_is_formatted_like_supervisords() {
        let time = CalendarTime {
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

    #[test]
    fn times_are_written_in_utc() {
        for (millis, text) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (951_782_399_999, "2000-02-28T23:59:59.999Z"),
            (951_782_400_000, "2000-02-29T00:00:00.000Z"),
            (951_868_800_000, "2000-03-01T00:00:00.000Z"),
            (1_795_382_832_748, "2026-11-22T21:27:12.748Z"),
            (4_107_542_400_000, "2100-03-01T00:00:00.000Z"),
            (4_107_456_000_000, "2100-02-28T00:00:00.000Z"),
            (253_402_300_799_000, "9999-12-31T23:59:59.000Z"),
        ] {
            assert_eq!(rfc3339_millis(Duration::from_millis(millis)), text);
        }
    }

    #[test]
    fn each_day_of_four_centuries_follows_the_previous_one() {
        const LENGTHS: [u64; 12] = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
        let mut expected = (1970, 1, 1);
        for day in 0..146_097 {
            assert_eq!(date(day), expected, "{day}");
            let (year, month, day) = expected;
            let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
            let length =
                LENGTHS[usize::try_from(month).unwrap() - 1] + u64::from(leap && month == 2);
            expected = match (day == length, month) {
                (false, _) => (year, month, day + 1),
                (true, 12) => (year + 1, 1, 1),
                (true, _) => (year, month + 1, 1),
            };
        }
    }

    #[test]
    fn times_are_written_in_all_formats() {
        let secs = 1_795_641_706;
        assert_eq!(rfc3339(secs), "2026-11-25T21:21:46Z");
        assert_eq!(compact(secs), "20261125T212146Z");
        assert_eq!(http(secs), "Wed, 25 Nov 2026 21:21:46 GMT");
        assert_eq!(access_log(secs), "25/Nov/2026:21:21:46 +0000");
        assert_eq!(http(0), "Thu, 01 Jan 1970 00:00:00 GMT");
        assert_eq!(access_log(951_782_400), "29/Feb/2000:00:00:00 +0000");
    }
}
