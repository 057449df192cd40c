//! Parses and encodes queries and forms: percent-encoded names and values.
//!
//! The format is the
//! [URL standard's](https://url.spec.whatwg.org/#application/x-www-form-urlencoded).

/// The names and values in order, for example of `a=1&b=two+words`. A name without `=` has an empty
/// value.
pub fn fields(form: &str) -> impl Iterator<Item = (String, String)> {
    form.split('&').filter(|field| !field.is_empty()).map(|field| {
        let (name, value) = field.split_once('=').unwrap_or((field, ""));
        (decoded(name, true), decoded(value, true))
    })
}

/// Decodes a path or a part of it. Bytes that are not UTF-8 become U+FFFD.
#[must_use]
pub fn path(encoded: &str) -> String {
    decoded(encoded, false)
}

/// Encodes a text for any position in a URL's path or query.
#[must_use]
pub fn encoded(text: &str) -> String {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            let digits = [byte >> 4, byte & 15].map(|digit| DIGITS[usize::from(digit)]);
            encoded.extend(["%"]);
            encoded.extend(digits.map(char::from));
        }
    }
    encoded
}

fn decoded(text: &str, plus_is_blank: bool) -> String {
    let (mut bytes, mut rest) = (Vec::with_capacity(text.len()), text.as_bytes());
    while let [first, after @ ..] = rest {
        rest = after;
        match (first, after) {
            (b'%', [high, low, after @ ..]) => match (digit(*high), digit(*low)) {
                (Some(high), Some(low)) => {
                    bytes.push(high << 4 | low);
                    rest = after;
                }
                (None, _) | (_, None) => bytes.push(b'%'),
            },
            (b'+', _) if plus_is_blank => bytes.push(b' '),
            (byte, _) => bytes.push(*byte),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn form_fields_keep_their_order_and_may_repeat() {
        let field = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(
            fields("a=1&a=2&&b&c=x%3Dy=z&d=two+words%2B").collect::<Vec<_>>(),
            [
                field("a", "1"),
                field("a", "2"),
                field("b", ""),
                field("c", "x=y=z"),
                field("d", "two words+"),
            ]
        );
        assert_eq!(fields("").count(), 0);
    }

    #[test]
    fn an_invalid_percent_escape_is_kept() {
        assert_eq!(path("100%"), "100%");
        assert_eq!(path("%zz%4"), "%zz%4");
        assert_eq!(path("a+b%2f%C3%a9"), "a+b/é");
        assert_eq!(path("%ff"), "\u{fffd}");
    }

    proptest! {
        #[test]
        fn any_text_survives_url_encoding(text in any::<String>()) {
            let encoded = encoded(&text);
            prop_assert!(encoded.bytes().all(|byte| byte.is_ascii_graphic()));
            prop_assert_eq!(path(&encoded), text.clone());
            let field = fields(&format!("x={encoded}")).next();
            prop_assert_eq!(field, Some(("x".to_owned(), text)));
        }
    }
}
