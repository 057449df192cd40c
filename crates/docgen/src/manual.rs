//! Manual pages, in the language of
//! [man(7)](https://man7.org/linux/man-pages/man7/man.7.html).

use crate::reference::{defaults, described, shown};
use supervisor_config::tables::KINDS;
use supervisor_config::tables::VARIABLES;
use supervisor_config::tables::{Tool, ToolOption, tools};

/// The date of the pages: the day of the newest release, once there is one. The day on which they
/// are made would change them each day.
const DATE: &str = "2026-11-30";

/// That release.
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// All pages: their files' names and contents.
#[must_use]
pub fn manual_pages() -> Vec<(String, String)> {
    let page = |tool: &Tool| (format!("{}.{}", tool.name, tool.section), of_tool(tool));
    let mut pages: Vec<_> = tools().iter().map(page).collect();
    pages.push(("supervisord.conf.5".to_owned(), of_options()));
    pages
}

fn of_tool(tool: &Tool) -> String {
    let Tool { name, section, summary, .. } = tool;
    let mut out = title(name, *section, summary);
    out.push_str(".SH SYNOPSIS\n");
    for (index, form) in tool.usage.iter().enumerate() {
        let lead = if index == 0 { "" } else { ".br\n" };
        out.push_str(&format!("{lead}.B {}\n{}\n", escaped(name), text(form)));
    }
    out.push_str(".SH DESCRIPTION\n");
    // A section begins a paragraph by itself.
    let paragraphs: Vec<String> = tool.about.iter().map(|about| text(about) + "\n").collect();
    out.push_str(&paragraphs.join(".PP\n"));
    if !tool.options.is_empty() {
        out.push_str(".SH OPTIONS\n");
        for option in &tool.options {
            out.push_str(&format!(".TP\n{}\n{}.\n", tag(option), text(&capital(option.doc))));
            if let Some(default) = option.default {
                out.push_str(&format!("Default:\n.BR {} .\n", escaped(default)));
            }
        }
    }
    if !tool.commands.is_empty() {
        out.push_str(".SH COMMANDS\n");
        for (usage, does) in tool.commands.iter().flat_map(|command| command.usage) {
            out.push_str(&format!(".TP\n.B {}\n{}.\n", escaped(usage), text(&capital(does))));
        }
    }
    if tool.has_environment {
        out.push_str(".SH ENVIRONMENT\n");
        for variable in &VARIABLES {
            if let Some(subject) = variable.subject() {
                out.push_str(&format!(".SS {subject}\n"));
            }
            out.push_str(&format!(".TP\n.B {}\n{}\n", escaped(variable.name), text(variable.doc)));
            out.push_str(&format!("Accepts {}.\n", text(&variable.accepts())));
            if !variable.default().is_empty() {
                out.push_str(&format!("Default:\n.BR {} .\n", escaped(variable.default())));
            }
        }
    }
    if !tool.signals.is_empty() {
        out.push_str(".SH SIGNALS\n");
        for signal in tool.signals {
            out.push_str(&format!(".TP\n.B {}\n{}\n", escaped(signal.names), text(signal.doc)));
        }
    }
    out.push_str(".SH EXAMPLES\n.EX\n");
    for example in tool.examples {
        out.push_str(&format!("{}\n", escaped(example)));
    }
    out.push_str(".EE\n");
    out.push_str(".SH \"EXIT STATUS\"\n");
    for exit in tool.exits {
        out.push_str(&format!(".TP\n.B {}\n{}\n", escaped(exit.code), text(exit.doc)));
    }
    out.push_str(&see_also(tool.see_also));
    out
}

fn of_options() -> String {
    let mut out = title("supervisord.conf", 5, "configuration of supervisord");
    out.push_str(&format!(
        ".SH DESCRIPTION\n{}\n.PP\n{}\n",
        text(
            "Sections with options, one KEY=VALUE per line. A line that begins with a semicolon \
             or a number sign is a comment, and so is text after a space and one of them. \
             Values may use %(here)s, %(host_node_name)s and %(ENV_NAME)s; %% is a percent sign."
        ),
        text(
            "In command mode (standard-supervisor COMMAND), each option is also an environment \
             variable: SUPERVISOR_PROGRAM__APP_STARTSECS=10 is startsecs of [program:app]. Some \
             defaults differ in command mode, as noted below. app is the program that runs \
             COMMAND."
        )
    ));
    for (name, kind) in KINDS {
        let label = if name.ends_with(':') { "NAME" } else { "" };
        out.push_str(&format!(".SH \"[{}{label}]\"\n", escaped(name)));
        for def in kind.options() {
            let default = match defaults(kind, def) {
                unset if unset == shown(None) => String::new(),
                default => format!(" Default: {default}."),
            };
            let accepts = format!("{} Accepts {}.{default}", described(def), def.what);
            out.push_str(&format!(".TP\n.B {}\n{}\n", escaped(def.key), text(&accepts)));
        }
    }
    out.push_str(&see_also(&["supervisord(8)", "standard-supervisor(1)"]));
    out
}

fn title(name: &str, section: u8, summary: &str) -> String {
    format!(
        ".\\\" Made from the tables in crates/config/src; see crates/docgen.\n\
         .TH {} {section} {DATE} \"standard-supervisor {VERSION}\"\n.SH NAME\n{} \\- {}\n",
        name.to_uppercase(),
        escaped(name),
        text(summary)
    )
}

fn see_also(pages: &[&str]) -> String {
    let named = pages.iter().enumerate().map(|(index, page)| {
        let (name, section) = page.split_once('(').unwrap_or((page, ")"));
        let comma = if index + 1 < pages.len() { "," } else { "" };
        format!(".BR {} ({section}{comma}\n", escaped(name))
    });
    format!(".SH \"SEE ALSO\"\n{}", named.collect::<String>())
}

/// `-o, --output OUT`, with what is written as it stands in bold.
fn tag(option: &ToolOption) -> String {
    let short = option.short.map_or_else(String::new, |short| format!("\\fB\\-{short}\\fR, "));
    let argument = option.argument.map_or_else(String::new, |name| format!(" \\fI{name}\\fR"));
    format!("{short}\\fB\\-\\-{}\\fR{argument}", escaped(option.long))
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// A paragraph in which what stands between backquotes is bold.
fn text(paragraph: &str) -> String {
    let mut out = String::new();
    for (index, part) in paragraph.split('`').enumerate() {
        let part = escaped(part);
        out.push_str(&if index % 2 == 1 { format!("\\fB{part}\\fR") } else { part });
    }
    // A request begins with one of these at the start of a line.
    if out.starts_with(['.', '\'']) { format!("\\&{out}") } else { out }
}

fn escaped(text: &str) -> String {
    text.replace('\\', "\\e").replace('-', "\\-").replace('\'', "\\(aq")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roff_requests_and_escapes_are_escaped() {
        assert_eq!(text(".x `a-b` \\"), "\\&.x \\fBa\\-b\\fR \\e");
    }

    #[test]
    fn every_option_and_variable_is_in_the_manual() {
        let pages = manual_pages();
        let page = |name: &str| pages.iter().find(|(known, _)| known == name).unwrap().1.clone();
        let main = page("standard-supervisor.1");
        assert!(VARIABLES.iter().all(|variable| main.contains(&escaped(variable.name))));
        assert!(
            page("supervisord.8")
                .contains("\\fB\\-c\\fR, \\fB\\-\\-configuration\\fR \\fIFILENAME\\fR")
        );
        assert!(page("supervisord.conf.5").contains(".B stopwaitsecs\n"));
    }
}
