//! The pieces of which all pages are made.

use std::fmt::{self, Display, Formatter, Write};

/// Text as it stands in HTML, between tags as well as in quoted attributes.
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
                // Not allowed in HTML at all; a newline, a tab and the like are.
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

/// A whole page: `title` and `body`, which is HTML.
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

/// What a button does.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Button<'a> {
    /// What is done, as the page's own URLs call it.
    pub(crate) action: &'a str,
    /// To whom; `None`: to all.
    pub(crate) to: Option<&'a str>,
    /// What it says.
    pub(crate) label: &'a str,
    /// The path of the API that does the same.
    pub(crate) api: &'a str,
    /// In which states of the process it can be used; empty: always.
    pub(crate) states: &'a str,
    /// It can't be used at present.
    pub(crate) hidden: bool,
    /// What is asked before it is done.
    pub(crate) question: Option<&'a str>,
}

/// A button with a form of its own, so that it works by itself. If there is something to
/// ask, it unfolds what really does it.
impl Display for Button<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self { action, to, label, api, states, hidden, question } = *self;
        let (api, label, action) = (Escaped(api), Escaped(label), Escaped(action));
        let hidden = if hidden { " hidden" } else { "" };
        // Which of many buttons that say the same it is.
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
    fn nothing_in_a_text_is_markup() {
        let evil = "<script>alert('&')</script>\" onclick=x\0\x1b[31m\nnext\ttab";
        assert_eq!(
            Escaped(evil).to_string(),
            "&lt;script&gt;alert(&#39;&amp;&#39;)&lt;/script&gt;&quot; \
             onclick=x\u{fffd}\u{fffd}[31m\nnext\ttab"
        );
    }
}
