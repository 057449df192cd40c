//! The reference of all options, made from their tables and the defaults of each mode.

use supervisor_config::tables::{
    KINDS, OptionDef, PerMode, SectionKind, extensions, health_options, health_variable,
    is_health_option, stream_of, variable_of,
};

const REFERENCE_HEAD: &str = "\
# All options

<!-- Made from the tables in `crates/config/src` by `UPDATE=1 cargo test -p supervisor-docgen`. -->

In command mode (`standard-supervisor COMMAND`), set an option with the environment variable
`SUPERVISOR_{SECTION}_{KEY}`, with `__` for the `:` in a section's name, for example
`SUPERVISOR_PROGRAM__APP_STARTSECS=10`. You can also set it in a file that
`SUPERVISOR_INCLUDE_FILES` names. In config-file mode (`supervisord -c FILE`), only the file
sets options.

Values may use `%(here)s`, `%(host_node_name)s`, `%(ENV_NAME)s` and the names in the column
\"names\". Write a literal percent sign as `%%`. Except for those in the first table, the options
are [supervisord's](https://supervisord.org/configuration.html).

In command mode, `nodaemon`, `silent` and `directory` of `[supervisord]` have no effect; a warning
at start lists those that you set. `minfds` and `minprocs` are checked only if you set them. As in
supervisord, an unknown option is ignored; a warning suggests the closest known name.

Some defaults differ in command mode; the tables show both. `app` is the program that runs COMMAND.
A default for all programs also applies to `app`. `standard-supervisor --check COMMAND` prints all
values in effect.

The column \"change\" says what `supervisorctl update` does if you change the option while its
program runs. `live`: the new value applies at once. `next start`: it applies from the next start
on. `restart`: the program restarts; for an option of the supervisor itself, restart the
supervisor. A change of `numprocs` starts or stops only the processes that are added or removed.
`supervisorctl reread --json` shows which it is before anything changes.

## Options that supervisord does not have

With the defaults of config-file mode, `supervisord -c FILE` behaves like supervisord.

";

/// The reference of all options, as Markdown: for every kind of section its keys,
/// what they accept, their defaults, which names their values may use besides `here`,
/// `host_node_name` and `ENV_*`, and what they do.
#[must_use]
pub fn reference() -> String {
    let mut out = String::from(REFERENCE_HEAD);
    out.push_str("| key | section | config-file mode | command mode | change | description |\n");
    out.push_str("|---|---|---|---|---|---|\n");
    for (section, def) in extensions().filter(|(_, def)| !is_health_option(def.key)) {
        let (key, doc) = (def.key, def.doc.trim());
        let file = shown(def.default.file);
        let command = with_a_command(None, def).unwrap_or_else(|| file.clone());
        let change = def.change.name();
        out.push_str(&format!(
            "| `{key}` | `[{section}]` | {file} | {command} | {change} | {doc} |\n"
        ));
    }
    out.push('\n');
    out.push_str(&health());
    for (name, kind) in KINDS {
        let label = if name.ends_with(':') { "NAME" } else { "" };
        out.push_str(&format!("## `[{name}{label}]`\n\n"));
        out.push_str("| key | accepts | default | names | change | description |\n");
        out.push_str("|---|---|---|---|---|---|\n");
        for def in kind.options().filter(|def| !is_health_option(def.key)) {
            out.push_str(&format!(
                "| `{}` | {} | {} | {} | {} | {} |\n",
                def.key,
                def.what,
                defaults(kind, def),
                def.reach.names(),
                def.change.name(),
                described(def)
            ));
        }
        out.push('\n');
    }
    out
}

/// The description of an option, with a note if supervisord does not have it.
pub(crate) fn described(def: &OptionDef) -> String {
    let note = if def.extension { " Not in supervisord." } else { "" };
    format!("{}{note}", def.doc.trim())
}

/// The table of health options.
fn health() -> String {
    let mut out = String::from(
        "## Readiness and health\n\n\
         Options of `[program:NAME]` and `[fcgi-program:NAME]` that supervisord does not have. In\n\
         command mode each is also a variable: `PROCESS_HEALTH_URL` sets\n\
         `SUPERVISOR_PROGRAM__APP_HEALTH_URL`, which wins if both are set. See [health](../design/health.md).\n\n\
         | key | variable | accepts | default | change | description |\n\
         |---|---|---|---|---|---|\n",
    );
    for OptionDef { key, what, default, doc, change, .. } in health_options() {
        let (variable, default) = (health_variable(key), shown(default.file));
        out.push_str(&format!(
            "| `{key}` | `{variable}` | {what} | {default} | {} | {} |\n",
            change.name(),
            doc.trim()
        ));
    }
    out.push('\n');
    out
}

/// The defaults of an option, in config-file mode and in command mode.
pub(crate) fn defaults(kind: SectionKind, def: &OptionDef) -> String {
    let file = shown(def.default.file);
    match with_a_command(Some(kind), def) {
        Some(command) => format!("{file}{WITH_A_COMMAND}{command}"),
        None => file,
    }
}

const WITH_A_COMMAND: &str = "; in command mode: ";

/// The default in command mode, if it differs from that in config-file mode. Without a kind of
/// section, the default in the sections where it differs.
fn with_a_command(kind: Option<SectionKind>, def: &OptionDef) -> Option<String> {
    // An event listener is never the server, so command mode changes none of its defaults.
    if kind == Some(SectionKind::EventListener) {
        return None;
    }
    if let Some(variable) = variable_of(def) {
        let default = Some(variable.default()).filter(|_| def.default.app.is_some());
        return Some(format!("`{}` ({})", variable.name, shown(default)));
    }
    let PerMode { file, command, app, .. } = def.default;
    if command != file {
        return Some(shown(command));
    }
    let kind = kind?;
    let app = (app != file).then(|| shown(app));
    match (kind, stream_of(def.key)) {
        (SectionKind::Program, Some(stream)) => {
            Some(format!("`0` for `app`, and for others unless `{stream}` is set"))
        }
        (SectionKind::FcgiProgram, Some(stream)) => Some(format!("`0` unless `{stream}` is set")),
        (SectionKind::Program, None) => app.map(|value| format!("{value} for `app`")),
        _ => None,
    }
}

/// A default as the reference has it.
pub(crate) fn shown(default: Option<&str>) -> String {
    match default {
        None => "unset".to_owned(),
        Some("") => "empty".to_owned(),
        Some(text) => format!("`{text}`"),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use supervisor_config::{Sources, command_mode};
    use supervisor_sys::host::ThisHost;

    use super::*;

    #[test]
    fn the_reference_shows_both_defaults() {
        let page = reference();
        for line in [
            "| `stopwaitsecs` | a whole number of seconds | `10`; in command mode: `30` |",
            "| `retryresetsecs` | `[program]` | `off` | `PROCESS_RETRY_RESET_SECS` (`600`) | ",
            "| `logfile` | a path in an existing directory | `supervisord.log`; in command mode: `/dev/null` |",
        ] {
            assert!(page.lines().any(|known| known.starts_with(line)), "{line}");
        }
    }

    /// Two programs beside each other: what the page says of `app` alone isn't said of both.
    #[test]
    fn the_documented_defaults_of_command_mode_are_in_effect() {
        let environment = [
            ("SUPERVISOR_PROGRAM__OTHER_COMMAND", "x"),
            ("SUPERVISOR_FCGI-PROGRAM__F_COMMAND", "x"),
            ("SUPERVISOR_FCGI-PROGRAM__F_SOCKET", "unix:///tmp/s"),
        ];
        let sources = Sources {
            environment: environment.map(|(name, value)| (name.into(), value.into())).into(),
            ..Sources::default()
        };
        let config = command_mode(vec!["x".into()], &sources, &ThisHost::Starting).unwrap();
        let effective = values(&config.effective());
        for name in ["supervisord", "program:app", "program:other", "fcgi-program:f"] {
            let kind = kind(name);
            for def in kind.options() {
                if matches!(def.key, "command" | "socket") {
                    continue;
                }
                let value = effective.get(&(name.to_owned(), def.key.to_owned()));
                let claimed = claimed(&defaults(kind, def), name == "program:app");
                assert_eq!(claimed, shown(value.map(String::as_str)), "[{name}] {}", def.key);
            }
        }
    }

    fn kind(section: &str) -> SectionKind {
        let of = |(name, _): &&(&str, SectionKind)| section.starts_with(name);
        KINDS.iter().find(of).unwrap().1
    }

    /// The values of what `--check` prints, by section and key.
    fn values(text: &str) -> BTreeMap<(String, String), String> {
        let (mut section, mut values) = (String::new(), BTreeMap::new());
        for line in text.lines().filter(|line| !line.starts_with(';')) {
            if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
                section = name.0.to_owned();
            } else if let Some((key, rest)) = line.split_once('=') {
                let value = rest.split_once(" ;").map_or(rest, |(value, _)| value);
                let value = value.trim().replace("%%", "%");
                values.insert((section.clone(), key.trim().to_owned()), value);
            }
        }
        values
    }

    /// The value that a default on the page means for a program that sets nothing.
    fn claimed(default: &str, app: bool) -> String {
        let (file, command) = default.split_once(WITH_A_COMMAND).unwrap_or((default, default));
        let (value, others) = command.split_once(" for `app`").unwrap_or((command, ", and"));
        let value = if app || others.starts_with(", and") { value } else { file };
        let value = value.split_once(" unless ").map_or(value, |(value, _)| value);
        // `VARIABLE` (`value`)
        let in_brackets = value.split_once(" (").and_then(|(_, rest)| rest.strip_suffix(')'));
        in_brackets.unwrap_or(value).to_owned()
    }
}
