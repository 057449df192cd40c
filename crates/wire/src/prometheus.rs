//! Parses metrics in the [Prometheus text
//! format](https://prometheus.io/docs/instrumenting/exposition_formats/) and in
//! [OpenMetrics](https://prometheus.io/docs/specs/om/open_metrics_spec/), as far as it is needed to
//! add up series.
//!
//! The program that serves the metrics may be faulty, so the parser ignores invalid lines.

/// Selects series by name and optionally by labels: `name` or `name{label="value"}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Selector {
    name: String,
    labels: Vec<(String, String)>,
}

impl Selector {
    /// Parses a selector. `None`: the text is invalid.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (Series { name, labels }, rest) = series(text.trim())?;
        rest.is_empty().then_some(Self { name, labels })
    }

    fn fits(&self, series: &Series) -> bool {
        self.name == series.name && self.labels.iter().all(|label| series.labels.contains(label))
    }
}

/// The sum of all selected series of a page. `None`: there are none. Values such as `NaN` do not
/// count.
#[must_use]
pub fn sum(page: &[u8], selectors: &[Selector]) -> Option<f64> {
    let mut sum = None;
    for line in page.split(|byte| *byte == b'\n') {
        // Skip other series before parsing their labels.
        if !selectors.iter().any(|selector| may_hold(line, selector.name.as_bytes())) {
            continue;
        }
        let Some((series, value)) = std::str::from_utf8(line).ok().and_then(sample) else {
            continue;
        };
        if selectors.iter().any(|selector| selector.fits(&series)) {
            sum = Some(sum.unwrap_or(0.0) + if value.is_finite() { value } else { 0.0 });
        }
    }
    sum
}

/// A value as a whole number from 0.
#[must_use]
#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "it is meant to stop there"
)]
pub const fn whole(number: f64) -> u64 {
    number as u64
}

#[derive(Debug)]
struct Series {
    name: String,
    labels: Vec<(String, String)>,
}

fn may_hold(line: &[u8], name: &[u8]) -> bool {
    let line = line.trim_ascii_start();
    line.starts_with(name) || line.starts_with(b"{")
}

/// Parses a line with a value. Ignores a timestamp or an exemplar after the value.
fn sample(line: &str) -> Option<(Series, f64)> {
    let line = line.trim();
    if line.starts_with('#') {
        return None;
    }
    let (series, rest) = series(line)?;
    let value = rest.split_ascii_whitespace().next()?.parse().ok()?;
    Some((series, value))
}

/// Splits `text` into a series and the rest. The name may be a quoted string among the labels.
fn series(text: &str) -> Option<(Series, &str)> {
    let end = text.find(|c: char| !is_of_name(c)).unwrap_or(text.len());
    let (name, rest) = text.split_at(end);
    let mut series = Series { name: name.to_owned(), labels: Vec::new() };
    let rest = match rest.trim_start().strip_prefix('{') {
        Some(rest) => labels(rest, &mut series)?,
        None if rest.is_empty() || rest.starts_with([' ', '\t']) => rest,
        None => return None,
    };
    (!series.name.is_empty()).then_some((series, rest))
}

fn is_of_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_' || c == ':' || c == '.'
}

fn labels<'a>(mut text: &'a str, series: &mut Series) -> Option<&'a str> {
    loop {
        text = text.trim_start();
        if let Some(rest) = text.strip_prefix('}') {
            return Some(rest);
        }
        let (name, rest) = if text.starts_with('"') {
            quoted(text)?
        } else {
            let end = text.find(|c: char| !is_of_name(c)).filter(|end| *end > 0)?;
            (text[..end].to_owned(), &text[end..])
        };
        text = rest.trim_start();
        if let Some(rest) = text.strip_prefix('=') {
            let (value, rest) = quoted(rest.trim_start())?;
            series.labels.push((name, value));
            text = rest.trim_start();
        } else if series.name.is_empty() {
            series.name = name;
        } else {
            return None;
        }
        text = match text.strip_prefix(',') {
            Some(rest) => rest,
            None if text.starts_with('}') => text,
            None => return None,
        };
    }
}

/// Splits `text` into a quoted string and the rest.
fn quoted(text: &str) -> Option<(String, &str)> {
    let text = text.strip_prefix('"')?;
    let mut value = String::new();
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Some((value, &text[at + 1..])),
            '\\' => value.push(match chars.next()?.1 {
                'n' => '\n',
                other => other,
            }),
            _ => value.push(c),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn total(page: &str, selectors: &[&str]) -> Option<f64> {
        let selectors: Vec<_> = selectors.iter().map(|s| Selector::parse(s).unwrap()).collect();
        sum(page.as_bytes(), &selectors)
    }

    #[test]
    fn all_series_of_a_name_count_with_any_labels() {
        let page = "# HELP r Requests.\n# TYPE r gauge\nr{e=\"0\"} 2.0\nr{e=\"1\",m=\"a,b}\"} 3 1700000000\n\
                    r_total 100\nother 7\n  r 1e1 # {trace=\"x\"} 1\n";
        assert_eq!(total(page, &["r"]), Some(15.0));
        assert_eq!(total(page, &["r", "other"]), Some(22.0));
        assert_eq!(total(page, &["absent"]), None);
    }

    #[test]
    fn a_selector_with_labels_takes_only_series_with_these_labels() {
        let page = "m{model=\"x\",kind=\"active\"} 4\nm{kind=\"max\",model=\"x\"} 512\nm 1\n";
        assert_eq!(total(page, &["m{kind=\"active\"}"]), Some(4.0));
        assert_eq!(total(page, &["m{ kind = \"max\" , model=\"x\", }"]), Some(512.0));
        assert_eq!(total(page, &["m{kind=\"waiting\"}"]), None);
    }

    #[test]
    fn metric_names_in_quotes_and_escapes_are_read() {
        let page = "{\"my.gauge\",a=\"q\\\"\\\\\\n\"} 5\n";
        assert_eq!(total(page, &["my.gauge"]), Some(5.0));
        assert_eq!(total(page, &["my.gauge{a=\"q\\\"\\\\\\n\"}"]), Some(5.0));
    }

    #[test]
    fn values_that_are_not_numbers_and_invalid_lines_are_skipped() {
        assert_eq!(total("r NaN\nr +Inf\nr 1\n", &["r"]), Some(1.0));
        for broken in
            ["r", "r{", "r{a=", "r{a=\"", "r{a=\"b\" 1", "r{a b} 1", "r x", "r\u{b5} 1", ""]
        {
            assert_eq!(total(broken, &["r"]), None, "{broken}");
        }
        assert_eq!(sum(b"r \xff\nr 2\n", &[Selector::parse("r").unwrap()]), Some(2.0));
    }

    #[test]
    fn an_incomplete_selector_is_rejected() {
        for text in ["", " ", "{", "a b", "a{b}", "a{b=\"c\"", "a{b=\"c\"} 1", "{b=\"c\"}"] {
            assert_eq!(Selector::parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_negative_or_invalid_number_counts_as_zero() {
        assert_eq!(
            [-1.0, 0.9, 8.128902e6, f64::NAN, 1e300].map(whole),
            [0, 0, 8_128_902, 0, u64::MAX]
        );
    }

    proptest! {
        #[test]
        fn no_page_causes_a_panic(page in proptest::collection::vec(any::<u8>(), 0..400)) {
            let _ = sum(&page, &[Selector::parse("r").unwrap()]);
        }

        #[test]
        fn no_text_causes_a_panic(text in "r?[{}\"\\\\=, a\u{b5}0-9.\n]{0,60}") {
            let _ = Selector::parse(&text);
            let _ = sum(text.as_bytes(), &[Selector::parse("r{a=\"0\"}").unwrap()]);
        }

        #[test]
        fn written_series_are_read_back(values in proptest::collection::vec((0_u32..1_000_000, ".*"), 1..20)) {
            let line = |(value, label): &(u32, String)| {
                let label = label.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
                format!("x:y{{l=\"{label}\",k=\"v\"}} {value}\n")
            };
            let page: String = values.iter().map(line).collect();
            let expected: f64 = values.iter().map(|(value, _)| f64::from(*value)).sum();
            prop_assert_eq!(total(&page, &["x:y"]), Some(expected));
            prop_assert_eq!(total(&page, &["x:y{k=\"v\"}"]), Some(expected));
        }
    }
}
