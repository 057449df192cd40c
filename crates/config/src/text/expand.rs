//! Expands `%(NAME)s` in values.
//!
//! supervisord applies Python's [`%`
//! operator](https://docs.python.org/3/library/stdtypes.html#printf-style-string-formatting) to a
//! value and a dictionary. This module implements the operator for a dictionary of strings and
//! integers. `%%` is a percent sign. A conversion without a name, which prints the whole
//! environment in Python, is an error here.

mod format;
mod names;

use self::format::{Expansion, Fault};
pub(crate) use self::names::{Meaning, Names, Shared};
use crate::error::in_short;
use supervisor_wire::supervisord::python::repr;

/// Replaces every name in `text`. `label` names the value in errors, for example
/// `program:app.command`. Errors have supervisord's text.
pub(crate) fn expand(text: &str, names: &Names<'_>, label: &str) -> Result<String, String> {
    expanded(text, names).map_err(|(fault, _)| match fault {
        Fault::Unknown(name) => format!(
            "Format string {} for {} contains names ({}) which cannot be expanded. Available names: {}",
            repr(&in_short(text)),
            repr(label),
            repr(&in_short(&name)),
            names.list()
        ),
        Fault::Malformed(why) | Fault::Unfit(why) => {
            let text = repr(&in_short(text));
            format!("Format string {text} for {} is badly formatted: {why}", repr(label))
        }
    })
}

/// Like [`expand`], but errors do not repeat the text, because it may be a password. They contain
/// only the position and the names of missing variables.
pub(crate) fn expand_secret(text: &str, names: &Names<'_>, label: &str) -> Result<String, String> {
    expanded(text, names).map_err(|(fault, index)| {
        let what = match fault {
            Fault::Unknown(name) if name.starts_with("ENV_") => {
                let name = repr(&in_short(&name));
                format!("contains a name ({name}) which cannot be expanded")
            }
            Fault::Unknown(_) => "contains a name which cannot be expanded".to_owned(),
            Fault::Malformed(_) => "is badly formatted".to_owned(),
            Fault::Unfit(why) => format!("is badly formatted: {why}"),
        };
        format!("The value of {} {what}, at index {index}", repr(label))
    })
}

/// Expands `text`. The error has the reason and the position of the conversion.
fn expanded(text: &str, names: &Names<'_>) -> Result<String, (Fault, usize)> {
    if !text.contains('%') {
        return Ok(text.to_owned());
    }
    Expansion::new(text, names).run()
}

/// Escapes `text` so that expanding it returns `text`.
pub(crate) fn escape(text: &str) -> String {
    text.replace('%', "%%")
}

/// Replaces `%(here)s` and keeps everything else for a later expansion. `%%(here)s` is an escaped
/// percent sign and stays.
pub(crate) fn pin_here(text: &str, here: &str) -> String {
    const HERE: &str = "%(here)s";
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('%') {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        if let Some(after) = rest.strip_prefix(HERE) {
            out.push_str(&escape(here));
            rest = after;
        } else {
            let length = if rest.starts_with("%%") { 2 } else { 1 };
            out.push_str(&rest[..length]);
            rest = &rest[length..];
        }
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use std::collections::BTreeMap;

    use super::*;

    fn expanded(text: &str) -> Result<String, String> {
        let names = BTreeMap::from([
            ("a".to_owned(), Meaning::Text("x".to_owned())),
            ("n".to_owned(), Meaning::Number(5)),
            ("bytes".to_owned(), Meaning::NotUtf8),
        ]);
        expand(text, &Names::only(names), "program:p.k")
    }

    #[test]
    fn formats_follow_python() {
        for (text, result) in [
            ("100%%", "100%"),
            ("%(a)s%(n)02d", "x05"),
            ("%(a)5s|%(a)-5s|", "    x|x    |"),
            ("%(n)+d%%", "+5%"),
            ("%(n)#x %(n).3d %(n)-05d|", "0x5 005 5    |"),
            ("%(n)08.3d", "00000005"),
            ("%(a)hs %(a)r %(a)05s", "x 'x'     x"),
        ] {
            assert_eq!(expanded(text).as_deref(), Ok(result), "{text}");
        }
    }

    #[test]
    fn expansion_errors_have_pythons_messages() {
        for (text, words) in [
            ("%", "incomplete format"),
            ("%(a", "incomplete format key"),
            ("%(a)d", "%d format: a real number is required, not str"),
            ("100%y", "unsupported format character 'y' (0x79) at index 4"),
            ("é%(a)y", "unsupported format character 'y' (0x79) at index 5"),
            ("%(a)*d", "* wants int"),
            ("%(a)99999999999s", "width too big"),
            ("%(bytes)s", "the value of 'bytes' is not UTF-8"),
        ] {
            let whole = format!(
                "Format string {} for 'program:p.k' is badly formatted: {words}",
                repr(text)
            );
            assert_eq!(expanded(text), Err(whole));
        }
        assert_eq!(
            expanded("%(b)s").unwrap_err(),
            "Format string '%(b)s' for 'program:p.k' contains names ('b') which cannot be expanded. \
             Available names: a, bytes, n"
        );
    }

    #[test]
    fn an_error_in_a_secret_is_reported_only_by_its_position() {
        let names = Names::only(BTreeMap::from([("ENV_X".to_owned(), Meaning::NotUtf8)]));
        let label = "inet_http_server.password";
        for (text, what) in [
            ("p4ss%word", "is badly formatted, at index 4"),
            ("%%p4ss%", "is badly formatted, at index 6"),
            ("p4%(word)s", "contains a name which cannot be expanded, at index 2"),
            ("p4%(ENV_W)s", "contains a name ('ENV_W') which cannot be expanded, at index 2"),
            ("%(ENV_X)s", "is badly formatted: the value of 'ENV_X' is not UTF-8, at index 0"),
        ] {
            let why = format!("The value of 'inet_http_server.password' {what}");
            assert_eq!(expand_secret(text, &names, label), Err(why));
        }
        assert_eq!(expand_secret("100%%", &names, label).as_deref(), Ok("100%"));
    }

    #[test]
    fn a_format_without_a_name_does_not_print_the_environment() {
        for text in ["date +%s", "%d", "50% done", "%5s", "%c"] {
            assert!(
                expanded(text).unwrap_err().ends_with("not enough arguments for format string")
            );
        }
    }

    #[test]
    fn here_is_replaced_unless_its_percent_sign_is_doubled() {
        assert_eq!(pin_here("%(here)s/a %%(here)s %(x)s %", "/d%"), "/d%%/a %%(here)s %(x)s %");
    }

    proptest! {
        #[test]
        fn no_text_causes_a_panic(text in "(%|\\(|\\)|[a-zA-Z0-9.*+# -]|\\PC)*") {
            let _ = expanded(&text);
        }

        #[test]
        fn escaped_text_expands_to_itself(text: String) {
            prop_assert_eq!(expanded(&escape(&text)), Ok(text));
        }
    }
}
