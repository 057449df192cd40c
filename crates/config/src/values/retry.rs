//! The values of options for the delays before restarts. supervisord does not have them.

use std::ops::RangeInclusive;
use std::time::Duration;

use supervisor_wire::supervisord::python::{self, repr};

use super::ValueType;

/// Factors and parts are in thousandths.
const WHOLE: u32 = 1000;

pub(crate) static FACTOR_OR_OFF: ValueType<Option<u32>> = ValueType {
    what: "a number from 1 to 10, such as 2 or 1.5, or off",
    parse: |text, _| {
        if text.eq_ignore_ascii_case("off") {
            return Ok(None);
        }
        thousandths(text, WHOLE..=10 * WHOLE).map(Some)
    },
};

pub(crate) static PART: ValueType<u32> = ValueType {
    what: "a number from 0 to 1, such as 0.25",
    parse: |text, _| thousandths(text, 0..=WHOLE),
};

pub(crate) static UP_TO_A_DAY: ValueType<Duration> = ValueType {
    what: "a number of seconds from 0 to 86400, such as 2 or 0.5",
    parse: |text, _| {
        let millis = thousandths(text, 0..=86_400 * WHOLE)?;
        Ok(Duration::from_millis(millis.into()))
    },
};

fn thousandths(text: &str, range: RangeInclusive<u32>) -> Result<u32, String> {
    let digits = python::strip(text);
    let number = decimal(digits).ok_or_else(|| format!("not a number: {}", repr(text)))?;
    if range.contains(&number) {
        return Ok(number);
    }
    let shown = |limit: &u32| f64::from(*limit) / f64::from(WHOLE);
    let (least, most) = (shown(range.start()), shown(range.end()));
    Err(format!("{digits} is not between {least} and {most}"))
}

/// A number with at most three decimals, in thousandths.
fn decimal(digits: &str) -> Option<u32> {
    let (whole, decimals) = digits.split_once('.').unwrap_or((digits, ""));
    let plain = |digits: &str| digits.bytes().all(|byte| byte.is_ascii_digit());
    if !plain(whole) || !plain(decimals) || decimals.len() > 3 {
        return None;
    }
    let decimals: u32 = format!("{decimals:0<3}").parse().ok()?;
    let whole: u32 = whole.parse().ok()?;
    whole.checked_mul(WHOLE)?.checked_add(decimals)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_three_decimals_and_a_range() {
        for (text, expected) in [
            ("1", Ok(1000)),
            ("1.5", Ok(1500)),
            ("2.25", Ok(2250)),
            ("10", Ok(10_000)),
            ("0.999", Err("0.999 is not between 1 and 10")),
            ("10.1", Err("10.1 is not between 1 and 10")),
            ("1e1", Err("not a number: '1e1'")),
            ("-1", Err("not a number: '-1'")),
            ("inf", Err("not a number: 'inf'")),
            ("", Err("not a number: ''")),
            (".5", Err("not a number: '.5'")),
            ("1.2345", Err("not a number: '1.2345'")),
            ("4294968", Err("not a number: '4294968'")),
        ] {
            let read = thousandths(text, 1000..=10_000);
            assert_eq!(read, expected.map_err(str::to_owned), "{text}");
        }
    }
}
