//! HTML elements that all pages share.

use std::fmt::{self, Display, Formatter, Write};

/// Text, escaped for HTML between tags and in quoted attributes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Escaped<'a>(pub(crate) &'a str);

impl Display for Escaped<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        for character in self.0.chars() {
            match character {
                '&' => f.write_str("&amp;")?,
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '"' => f.write_str("&quot;")?,
                '\'' => f.write_str("&#39;")?,
                // HTML allows no control characters except a newline, a tab and a few others.
                character if is_forbidden(character) => {
                    f.write_char(char::REPLACEMENT_CHARACTER)?
                }
                character => f.write_char(character)?,
            }
        }
        Ok(())
    }
}

const fn is_forbidden(character: char) -> bool {
    matches!(character, '\0'..='\x08' | '\x0b' | '\x0e'..='\x1f' | '\x7f'..='\u{9f}')
}

/// A complete page. `body` is HTML.
pub(crate) fn document(title: &str, name: &str, body: &str) -> String {
    let title = Escaped(title);
    format!(
        r#"<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{title}</title>
<link rel="icon" href="images/icon.svg" type="image/svg+xml">
<link rel="stylesheet" href="stylesheets/supervisor.css">
<script src="scripts/supervisor.js" defer></script>
</head>
<body class="{name}">
{body}
<footer>standard-supervisor {version} · <a href="api/v1/openapi.json">API</a></footer>
<dialog id="confirm" aria-labelledby="question"><form method="dialog">
<p id="question"></p>
<div class="buttons"><button value="">Cancel</button><button value="yes" class="danger" id="yes"></button></div>
</form></dialog>
</body>
</html>
"#,
        version = env!("CARGO_PKG_VERSION"),
    )
}

/// A button and its action.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Button<'a> {
    /// Name of the action in the page's URLs.
    pub(crate) action: &'a str,
    /// Program that the action applies to; `None`: all programs.
    pub(crate) to: Option<&'a str>,
    /// Text on the button.
    pub(crate) label: &'a str,
    /// Path of the API request with the same effect.
    pub(crate) api: &'a str,
    /// States of the process in which the button is shown; empty: all states.
    pub(crate) states: &'a str,
    /// Whether the button is hidden in the present state.
    pub(crate) hidden: bool,
    /// Question that the user confirms before the action.
    pub(crate) question: Option<&'a str>,
}

/// A button with a form of its own, so that it works without a script. If it has a question, the
/// button unfolds a second one that carries out the action.
impl Display for Button<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self { action, to, label, api, states, hidden, question } = *self;
        let (api, label, action) = (Escaped(api), Escaped(label), Escaped(action));
        let hidden = if hidden { " hidden" } else { "" };
        // Names the program for screen readers, because many buttons have the same text.
        let spoken =
            to.map_or_else(String::new, |to| format!(r#" aria-label="{label} {}""#, Escaped(to)));
        let attributes = format!(r#"data-action="{action}" data-states="{states}"{hidden}"#);
        if let Some(question) = question {
            let question = Escaped(question);
            write!(
                f,
                r#"<details {attributes}><summary role="button"{spoken}>{label}</summary><div class="really"><p>{question}</p>"#
            )?;
            form(f, "", action, to, api, r#" class="danger""#, label)?;
            f.write_str("</div></details>\n")
        } else {
            form(f, &attributes, action, to, api, "", label)?;
            f.write_str("\n")
        }
    }
}

fn form(
    f: &mut Formatter<'_>,
    attributes: &str,
    action: Escaped<'_>,
    to: Option<&str>,
    api: Escaped<'_>,
    class: &str,
    label: Escaped<'_>,
) -> fmt::Result {
    write!(f, r#"<form method="post" action="index.html" data-api="{api}" {attributes}>"#)?;
    if let Some(to) = to.map(Escaped) {
        write!(f, r#"<input type="hidden" name="processname" value="{to}">"#)?;
    }
    write!(f, r#"<button name="action" value="{action}"{class}>{label}</button></form>"#)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_escaped() {
        let evil = "<script>alert('&')</script>\" onclick=x\0\x1b[31m\nnext\ttab";
        assert_eq!(
            Escaped(evil).to_string(),
            "&lt;script&gt;alert(&#39;&amp;&#39;)&lt;/script&gt;&quot; \
             onclick=x\u{fffd}\u{fffd}[31m\nnext\ttab"
        );
    }
}
