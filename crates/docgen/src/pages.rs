//! Reference pages, made from the tables.

use supervisor_core::failure::{CLASSES, ClassRow, Consequence, Preset, SIGNS};

use crate::MADE_BY;
use supervisor_config::tables::keys_once;
use supervisor_config::tables::{HEALTH, OVERRIDE, VARIABLES, Variable};
use supervisor_config::tables::{Tool, tools};

/// The environment variables of `standard-supervisor COMMAND`, as Markdown.
#[must_use]
pub fn environment_reference() -> String {
    let mut out = format!("# Environment of `standard-supervisor`\n\n{MADE_BY}");
    for (index, variable) in VARIABLES.iter().enumerate() {
        if let Some(subject) = variable.subject() {
            let before = if index == 0 { "" } else { "\n" };
            out.push_str(&format!(
                "{before}## {subject}\n\n| variable | default | accepts | description |\n\
                 |---|---|---|---|\n"
            ));
        }
        let default = match variable.default() {
            "" => "–".to_owned(),
            value => format!("`{value}`"),
        };
        let (name, accepts) = (variable.name, variable.accepts());
        out.push_str(&format!("| `{name}` | {default} | {accepts} | {} |\n", variable.doc));
    }
    out.push_str(
        "\n## Invalid values\n\nThe supervisor reports all errors together, each with the variable, its value and what it \
         accepts.\nThen nothing starts, and the exit code is 1.\n",
    );
    out.push_str(SHARED);
    for variable in &VARIABLES {
        let (name, key) = (variable.name, key_in_file(variable));
        let once = match variable.name {
            name if name == OVERRIDE.name => {
                let keys: Vec<String> = keys_once().map(|key| format!("`{key}`")).collect();
                format!("{} of `app` and the supervisor", keys.join(", "))
            }
            _ if variable.acts_once() => "yes".to_owned(),
            _ => "no effect".to_owned(),
        };
        out.push_str(&format!("| `{name}` | yes | {once} | {key} |\n"));
    }
    out
}

const SHARED: &str = "
A variable without the prefix `PROCESS_` or `SUPERVISOR_` may be meant for the server. For an
invalid value, the supervisor logs a warning and uses the default.

The supervisor ignores variables that have the form of a Kubernetes or Docker service link, such
as `PROCESS_HEALTH_PORT=tcp://10.0.0.1:80` of a service named `process-health`.

## Where each variable has an effect

With `PROCESS_AUTO_RECOVERY=false` the command runs once. One warning names the variables that
are set without effect. `supervisord -c FILE` does not read these variables: set the key in the
file.

| variable | with restarts | run-once mode | key in config-file mode |
|---|---|---|---|
";

fn key_in_file(variable: &Variable) -> String {
    match variable.option() {
        Some((section, key)) => format!("`{key}` of `[{section}]`"),
        None if variable.name == OVERRIDE.name => "every key".to_owned(),
        None if variable.name == HEALTH.name => {
            "see [Readiness and health](options.md#readiness-and-health)".to_owned()
        }
        None => "–".to_owned(),
    }
}

/// The exit codes of every program, as Markdown.
#[must_use]
pub fn exits_reference() -> String {
    let mut out = format!("# Exit codes\n\n{MADE_BY}");
    for tool in tools() {
        out.push_str(&format!("## `{}`\n\n| code | meaning |\n|---|---|\n", tool.name));
        for exit in tool.exits {
            out.push_str(&format!("| {} | {} |\n", exit.code, exit.doc));
        }
        out.push('\n');
    }
    out.trim_end().to_owned() + "\n"
}

/// The classes of failures and the texts that show them, as Markdown.
#[must_use]
pub fn failures_reference() -> String {
    let mut out = format!("# Failure classes\n\n{MADE_BY}{FAILURES}");
    out.push_str("| class | recognized by | consequence | suggested exit code |\n");
    out.push_str("|---|---|---|---|\n");
    for row in CLASSES {
        let ClassRow { name, recognized, suggested_code, .. } = row;
        let then = consequence(row.then);
        out.push_str(&format!("| `{name}` | {recognized} | {then} | {suggested_code} |\n"));
    }
    out.push_str(SIGNS_BEFORE);
    out.push_str(
        "| sign | class | presets | only before ready | source |\n|---|---|---|---|---|\n",
    );
    for sign in SIGNS {
        let presets = sign.of.map_or("all", Preset::name);
        let before = if sign.before_ready { "yes" } else { "" };
        let (name, class, source) = (sign.name, sign.class.name(), sign.source);
        out.push_str(&format!("| `{name}` | `{class}` | {presets} | {before} | {source} |\n"));
    }
    out
}

const FAILURES: &str = "
Each run that exits unexpectedly has one class. It is the label `class` of
`standard_supervisor_process_failures_total`, and the field `class` of log lines and reports.
`PROCESS_EXIT_CODES` sets the supervisor's exit code by class.

The supervisor gives up early on a repeated failure only if the program has a
[readiness check](../how-to/health.md): a health check, a preset, or `PROCESS_HEALTH_READY` set to
`notify` or `log:TEXT`. Without one, it uses up all retries first.

";

const SIGNS_BEFORE: &str = "
## Signs

A sign is a known text in the output, for example `torch.OutOfMemoryError: CUDA out of memory.`
When a run has exited, the supervisor searches the last 32 KiB of its output for signs. The first
error of the final burst counts. The texts are in `crates/core/src/failure/signs.rs`.

";

const fn consequence(then: Consequence) -> &'static str {
    match then {
        Consequence::Retry => "restart, by the retry settings",
        Consequence::GiveUpIfPermanent => {
            "the supervisor gives up immediately if the command does not exist or is not executable, and `retry_reset_secs` is set (the default in command mode); otherwise restart, by the retry settings"
        }
        Consequence::WaitFirst => {
            "restart, by the retry settings, after the wait of `await_port` or `await_gpu_memory`"
        }
        Consequence::GiveUpIfRepeated => {
            "one restart; if the same failure follows before the program was ever ready, the supervisor gives up"
        }
        Consequence::GiveUp => "the supervisor gives up immediately",
    }
}

/// The command line of every program, as Markdown.
#[must_use]
pub fn commands_reference() -> String {
    let mut out = format!("# Commands\n\n{MADE_BY}");
    for tool in tools() {
        out.push_str(&command(&tool));
    }
    out.trim_end().to_owned() + "\n"
}

fn command(tool: &Tool) -> String {
    let about = tool.about.join("\n\n");
    let mut out = format!("## `{}`\n\n```text\n{}```\n\n{about}\n\n", tool.name, tool.usage_text());
    if !tool.options.is_empty() {
        out.push_str("| option | description |\n|---|---|\n");
        for option in &tool.options {
            let default = option.default.map(|value| format!("; default: `{value}`"));
            let default = default.unwrap_or_default();
            out.push_str(&format!("| `{}` | {}{default} |\n", option.shown(), option.doc));
        }
        out.push('\n');
    }
    if !tool.signals.is_empty() {
        out.push_str("| signal | effect |\n|---|---|\n");
        for signal in tool.signals {
            out.push_str(&format!("| {} | {} |\n", signal.names, signal.doc));
        }
        out.push('\n');
    }
    if !tool.commands.is_empty() {
        out.push_str("| command | description |\n|---|---|\n");
        for (usage, does) in tool.commands.iter().flat_map(|command| command.usage) {
            // A bar would end the cell.
            out.push_str(&format!("| `{}` | {does} |\n", usage.replace('|', "\\|")));
        }
        out.push('\n');
    }
    out
}
