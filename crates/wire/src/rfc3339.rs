//! Moments as [RFC 3339](https://www.rfc-editor.org/rfc/rfc3339) writes them, in UTC:
//! `2026-11-22T21:27:12.748Z`.

use std::time::Duration;

const DAY: u64 = 24 * 60 * 60;

/// The moment `since_epoch` after the beginning of 1970, to the millisecond.
#[must_use]
pub fn utc(since_epoch: Duration) -> String {
    let (secs, millis) = (since_epoch.as_secs(), since_epoch.subsec_millis());
    let (year, month, day) = date(secs / DAY);
    let (hour, minute, second) = (secs % DAY / 3600, secs % 3600 / 60, secs % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{millis:03}Z")
}

/// Year, month and day of a day that is counted from the beginning of 1970.
///
/// Years are taken to begin in March: then the leap day is the last one, and the lengths
/// of months repeat every five months.
const fn date(day: u64) -> (u64, u64, u64) {
    /// Days from 1 March of the year 0 to 1 January 1970.
    const TO_1970: u64 = 719_468;
    const OF_400_YEARS: u64 = 146_097;
    const OF_100_YEARS: u64 = 36_524;
    const OF_4_YEARS: u64 = 1461;
    let day = day + TO_1970;
    let (era, of_era) = (day / OF_400_YEARS, day % OF_400_YEARS);
    // The last day of four years, and of four hundred, would count as one year more.
    let leap_days = of_era / (OF_4_YEARS - 1) + of_era / (OF_400_YEARS - 1);
    let year = (of_era - leap_days + of_era / OF_100_YEARS) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    let next_year = if month <= 2 { 1 } else { 0 };
    (400 * era + year + next_year, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_written_in_utc() {
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
            assert_eq!(utc(Duration::from_millis(millis)), text);
        }
    }

    #[test]
    fn each_day_of_four_centuries_follows_the_one_before() {
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
}
