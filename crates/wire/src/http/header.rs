//! Parses a configured HTTP request header.

/// The name and value of a line that is a valid
/// [field](https://www.rfc-editor.org/rfc/rfc9110#section-5). A value cannot contain a line break.
#[must_use]
pub fn parse(line: &str) -> Option<(&str, &str)> {
    let (name, value) = line.split_once(':')?;
    let value = value.trim();
    let good = !name.is_empty()
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b))
        && value.bytes().all(|b| b == b'\t' || b == b' ' || b.is_ascii_graphic());
    good.then_some((name, value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_has_a_name_and_a_value_on_one_line() {
        assert_eq!(parse("Authorization: Bearer a=b:c "), Some(("Authorization", "Bearer a=b:c")));
        assert_eq!(parse("X-Key:"), Some(("X-Key", "")));
        for line in ["", "Authorization", ": x", "A B: c", "A: b\r\nC: d", "A: \u{e9}", "A\n: b"] {
            assert_eq!(parse(line), None, "{line:?}");
        }
    }
}
