//! The values of options that limit memory. supervisord does not have them.

use supervisor_wire::supervisord::python::{self, repr};

use super::ValueType;

/// The smallest limit in bytes. Every program uses more, so a smaller limit would restart it
/// repeatedly.
const LEAST: u64 = 1 << 20;

pub(crate) static MEMORY_OR_OFF: ValueType<Option<u64>> = ValueType {
    what: "a number of bytes from 1M on, with K, M, G or T for powers of 1024, such as 40G, or off",
    parse: |text, _| {
        if text.eq_ignore_ascii_case("off") {
            return Ok(None);
        }
        let bytes = bytes(text).ok_or_else(|| format!("not a size: {}", repr(text)))?;
        if bytes < LEAST {
            return Err(format!("{} is less than 1M", python::strip(text)));
        }
        Ok(Some(bytes))
    },
};

pub(crate) static PERCENT: ValueType<u8> = ValueType {
    what: "a whole number from 1 to 100",
    parse: |text, _| {
        let number = u8::try_from(python::int(text)?).ok();
        let valid = number.filter(|number| (1..=100).contains(number));
        valid.ok_or_else(|| format!("{} is not between 1 and 100", python::strip(text)))
    },
};

/// Bytes in the notation of systemd, Docker, Kubernetes and supervisord: `40G`, `40GB`, `40Gi` and
/// `40GiB` are equivalent.
fn bytes(text: &str) -> Option<u64> {
    let text = python::strip(text).to_ascii_lowercase();
    let text = text.strip_suffix('b').unwrap_or(&text);
    let text = text.strip_suffix('i').unwrap_or(text);
    let units = [('k', 10), ('m', 20), ('g', 30), ('t', 40)];
    let unit = units.iter().find_map(|(unit, shift)| Some((text.strip_suffix(*unit)?, *shift)));
    let (digits, shift) = unit.unwrap_or((text, 0));
    let plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    let number: u64 = digits.parse().ok().filter(|_| plain)?;
    number.checked_mul(1 << shift)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_accept_common_units() {
        for (text, expected) in [
            ("1048576", Some(1 << 20)),
            ("300M", Some(300 << 20)),
            ("40GB", Some(40 << 30)),
            ("40gi", Some(40 << 30)),
            ("40GiB", Some(40 << 30)),
            (" 2T ", Some(2 << 40)),
            ("1.5G", None),
            ("-1M", None),
            ("G", None),
            ("", None),
            ("99999999999T", None),
        ] {
            assert_eq!(bytes(text), expected, "{text}");
        }
    }
}
