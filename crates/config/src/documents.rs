//! Reference pages, made from the tables.

use crate::env::VARIABLES;
use crate::tools::{Tool, tools};

const MADE: &str = "Made from the tables in `crates/config/src` by\n\
                    `UPDATE=1 cargo test -p supervisor-config --test documents`.\n\n";

/// The environment variables of `standard-supervisor COMMAND`, as Markdown.
#[must_use]
pub fn environment_reference() -> String {
    let mut out = format!("# Environment of `standard-supervisor`\n\n{MADE}");
    out.push_str("| variable | default | meaning |\n|---|---|---|\n");
    for variable in &VARIABLES {
        let default = match variable.default {
            "" => "–".to_owned(),
            value => format!("`{value}`"),
        };
        out.push_str(&format!("| `{}` | {default} | {} |\n", variable.name, variable.doc));
    }
    out.push_str(
        "\nMistakes are reported all together, each with its variable, the value seen and what \
         is accepted;\nnothing is started, and the exit code is 1.\n",
    );
    out
}

/// The exit codes of every program, as Markdown.
#[must_use]
pub fn exits_reference() -> String {
    let mut out = format!("# Exit codes\n\n{MADE}");
    for tool in tools() {
        out.push_str(&format!("## `{}`\n\n| code | meaning |\n|---|---|\n", tool.name));
        for exit in tool.exits {
            out.push_str(&format!("| {} | {} |\n", exit.code, exit.doc));
        }
        out.push('\n');
    }
    out.trim_end().to_owned() + "\n"
}

/// The command line of every program, as Markdown.
#[must_use]
pub fn commands_reference() -> String {
    let mut out = format!("# Commands\n\n{MADE}");
    for tool in tools() {
        out.push_str(&command(&tool));
    }
    out.trim_end().to_owned() + "\n"
}

fn command(tool: &Tool) -> String {
    let about = tool.about.join("\n\n");
    let mut out = format!("## `{}`\n\n```text\n{}```\n\n{about}\n\n", tool.name, tool.usage_text());
    if !tool.options.is_empty() {
        out.push_str("| option | |\n|---|---|\n");
        for option in &tool.options {
            out.push_str(&format!("| `{}` | {} |\n", option.shown(), option.doc));
        }
        out.push('\n');
    }
    if !tool.commands.is_empty() {
        out.push_str("| command | |\n|---|---|\n");
        for (usage, does) in tool.commands.iter().flat_map(|command| command.usage) {
            // A bar would end the cell.
            out.push_str(&format!("| `{}` | {does} |\n", usage.replace('|', "\\|")));
        }
        out.push('\n');
    }
    out
}
