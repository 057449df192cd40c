//! Moments as people and programs everywhere write them.

/// Days in 400 years, after which the calendar repeats.
const ERA: u64 = 146_097;

/// A moment given in seconds since 1970, as
/// [RFC 3339](https://www.rfc-editor.org/rfc/rfc3339) has it: `2026-01-31T12:00:00Z`.
#[must_use]
pub fn rfc3339(secs: u64) -> String {
    let [year, month, day, hour, minute, second] = fields(secs);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

/// The same without punctuation, as part of a file's name: `20260131T120000Z`.
#[must_use]
pub fn compact(secs: u64) -> String {
    rfc3339(secs).chars().filter(|letter| !matches!(letter, '-' | ':')).collect()
}

fn fields(secs: u64) -> [u64; 6] {
    let (days, time) = (secs / 86_400, secs % 86_400);
    // Years are counted from a 1st of March, so that a leap day is a year's last.
    let days = days + 719_468;
    let (era, day_of_era) = (days / ERA, days % ERA);
    let leap_days = day_of_era / 1460 + day_of_era / (ERA - 1);
    let year_of_era = (day_of_era + day_of_era / 36_524 - leap_days) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let march_based = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * march_based + 2) / 5 + 1;
    let month = if march_based < 10 { march_based + 3 } else { march_based - 9 };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    [year, month, day, time / 3600, time / 60 % 60, time % 60]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_moments_are_written_as_the_calendar_has_them() {
        for (secs, text) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_399, "2000-02-28T23:59:59Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (951_868_800, "2000-03-01T00:00:00Z"),
            (1_735_689_599, "2024-12-31T23:59:59Z"),
            (1_735_689_600, "2025-01-01T00:00:00Z"),
            (4_107_542_399, "2100-02-28T23:59:59Z"),
            (4_107_542_400, "2100-03-01T00:00:00Z"),
        ] {
            assert_eq!(rfc3339(secs), text);
        }
        assert_eq!(compact(951_868_800), "20000301T000000Z");
    }
}
