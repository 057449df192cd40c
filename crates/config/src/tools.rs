//! Descriptions of the programs for users. `--help`, the manual pages and the shell completions are
//! made from them.

pub(crate) mod ctl_commands;
pub(crate) mod exits;
pub(crate) mod sample;
pub(crate) mod signals;

use crate::env::VARIABLES;
use crate::flags;
use crate::flags::getopt::ToolOption;
use crate::flags::{command_mode, companions};
use crate::modes::ctl;
use crate::tools::ctl_commands::{CTL_COMMANDS, CtlCommand};
use crate::tools::exits::ExitCode;
use crate::tools::signals::SignalEffect;

/// The description of a program.
#[derive(Clone, Debug)]
pub struct Tool {
    /// Its name.
    pub name: &'static str,
    /// The section of its manual page.
    pub section: u8,
    /// A short description.
    pub summary: &'static str,
    /// The arguments in each form of the command line.
    pub usage: &'static [&'static str],
    /// A long description, in paragraphs.
    pub about: &'static [&'static str],
    /// Its options.
    pub options: Vec<ToolOption>,
    /// The arguments after the options.
    pub operand: Operand,
    /// The commands that it accepts.
    pub commands: &'static [CtlCommand],
    /// Whether it reads the environment variables of command mode.
    pub has_environment: bool,
    /// The signals that it handles.
    pub signals: &'static [SignalEffect],
    /// Example command lines for `--help`.
    pub examples: &'static [&'static str],
    /// Its exit codes.
    pub exits: &'static [ExitCode],
    /// Related manual pages with their sections.
    pub see_also: &'static [&'static str],
}

/// The arguments after a program's options.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operand {
    /// None.
    Nothing,
    /// A command with its arguments.
    Command,
    /// One of its own commands.
    OwnCommand,
    /// A file, and then a command with its arguments.
    FileAndCommand,
}

/// All programs.
#[must_use]
pub fn tools() -> Vec<Tool> {
    vec![
        standard_supervisor(),
        supervisord(),
        supervisorctl(),
        generate_supervisor_config(),
        echo_supervisord_conf(),
        pidproxy(),
    ]
}

/// The program with this name; for any other name, `standard-supervisor`.
#[must_use]
pub fn tool(name: &str) -> Tool {
    tools().into_iter().find(|tool| tool.name == name).unwrap_or_else(standard_supervisor)
}

fn standard_supervisor() -> Tool {
    Tool {
        name: "standard-supervisor",
        section: 1,
        summary: "an init for servers in containers",
        usage: &[
            "[--check] [--] COMMAND [ARG...]",
            "--probe live|ready|started [--port [HOST:]PORT]",
            "--as PROGRAM [ARG...]",
            "--help | --version",
        ],
        about: &["Runs COMMAND, restarts it when it fails, kills its leftover processes, stops \
         it cleanly on SIGTERM, and exits with code 1 when it gives up. COMMAND and its \
         arguments are passed unchanged."],
        options: command_mode::options(),
        operand: Operand::Command,
        commands: &[],
        has_environment: true,
        signals: &signals::COMMAND_MODE,
        examples: &[
            "standard-supervisor vllm serve /opt/ml/model --port 8080",
            "PROCESS_MAX_START_RETRIES=5 standard-supervisor --check python3 server.py",
        ],
        exits: &exits::COMMAND_MODE,
        see_also: &["supervisord(8)", "supervisord.conf(5)", "generate-supervisor-config(1)"],
    }
}

fn generate_supervisor_config() -> Tool {
    Tool {
        name: "generate-supervisor-config",
        section: 1,
        summary: "write a supervisord configuration for a command",
        usage: &["-o OUT [OPTIONS] [--] COMMAND [ARG...]", "--help | --version"],
        about: &["Writes a supervisord configuration file that runs COMMAND. It does not run \
         COMMAND."],
        options: companions::generate_options(),
        operand: Operand::Command,
        commands: &[],
        has_environment: false,
        signals: &[],
        examples: &[
            "generate-supervisor-config -o /etc/llm.conf -p llm vllm serve /model",
            "generate-supervisor-config -o x.conf --log-level DEBUG python3 server.py",
        ],
        exits: &exits::PLAIN,
        see_also: &["standard-supervisor(1)", "supervisord.conf(5)"],
    }
}

fn supervisord() -> Tool {
    Tool {
        name: "supervisord",
        section: 8,
        summary: "run a set of applications as daemons",
        usage: &["[OPTIONS]", "--help | --version"],
        about: &[
            "Starts the programs that a configuration file names and keeps them running, as \
             supervisord 4.3 does.",
            "Without -c it uses the first of these files that exists: ../etc/supervisord.conf \
             and ../supervisord.conf relative to the program's directory, then \
             supervisord.conf, etc/supervisord.conf, /etc/supervisord.conf and \
             /etc/supervisor/supervisord.conf.",
        ],
        options: flags::options(),
        operand: Operand::Nothing,
        commands: &[],
        has_environment: false,
        signals: &signals::FILE_MODE,
        examples: &[
            "supervisord -c /etc/supervisord.conf",
            "supervisord -n -e debug -c supervisord.conf --check",
        ],
        exits: &exits::FILE_MODE,
        see_also: &[
            "supervisord.conf(5)",
            "supervisorctl(1)",
            "standard-supervisor(1)",
            "echo_supervisord_conf(1)",
        ],
    }
}

fn supervisorctl() -> Tool {
    Tool {
        name: "supervisorctl",
        section: 1,
        summary: "control applications run by supervisord",
        usage: &["[OPTIONS] [COMMAND [ARG...]]", "--help | --version"],
        about: &[
            "Runs one command, or opens an interactive shell. The daemon's address comes from \
             -s, or from [supervisorctl] in the configuration file, which is searched for in \
             the same places as supervisord's.",
        ],
        options: ctl::options(),
        operand: Operand::OwnCommand,
        commands: &CTL_COMMANDS,
        has_environment: false,
        signals: &[],
        examples: &[
            "supervisorctl -c /etc/supervisord.conf restart web",
            "supervisorctl tail -f web stderr",
        ],
        exits: &exits::CTL,
        see_also: &["supervisord(8)", "supervisord.conf(5)"],
    }
}

fn echo_supervisord_conf() -> Tool {
    Tool {
        name: "echo_supervisord_conf",
        section: 1,
        summary: "print a sample configuration of supervisord",
        usage: &["> FILE", "--help | --version"],
        about: &["Prints a sample configuration with every option and its default."],
        options: companions::plain_options(),
        operand: Operand::Nothing,
        commands: &[],
        has_environment: false,
        signals: &[],
        examples: &[
            "echo_supervisord_conf > /etc/supervisord.conf",
            "echo_supervisord_conf | grep stopwaitsecs",
        ],
        exits: &exits::PLAIN,
        see_also: &["supervisord(8)", "supervisord.conf(5)"],
    }
}

fn pidproxy() -> Tool {
    Tool {
        name: "pidproxy",
        section: 1,
        summary: "forward signals to the process in a pidfile",
        usage: &["PIDFILE COMMAND [ARG...]", "--help | --version"],
        about: &["Runs COMMAND, forwards the signals that it receives to the process named in \
             PIDFILE, and exits when COMMAND does."],
        options: companions::plain_options(),
        operand: Operand::FileAndCommand,
        commands: &[],
        has_environment: false,
        signals: &signals::PIDPROXY,
        examples: &[
            "pidproxy /run/nginx.pid nginx",
            "pidproxy /var/run/mysqld/mysqld.pid /usr/bin/mysqld_safe",
        ],
        exits: &exits::PIDPROXY,
        see_also: &["supervisord(8)"],
    }
}

impl Tool {
    /// The usage lines.
    #[must_use]
    pub fn usage_text(&self) -> String {
        let forms = self.usage.iter().enumerate().map(|(index, form)| {
            let lead = if index == 0 { "usage:" } else { "      " };
            format!("{lead} {} {form}\n", self.name)
        });
        forms.collect()
    }

    /// The output of `--version`, except for supervisord, whose output clients compare. It names
    /// the program and its package, because another package has programs with the same names.
    #[must_use]
    pub fn version_text(&self) -> String {
        let package = standard_supervisor().name;
        let of = if self.name == package { String::new() } else { format!(" ({package})") };
        format!("{} {}{of}\n", self.name, env!("CARGO_PKG_VERSION"))
    }

    /// Whether supervisor has a program with this name. Its own tests check the form of the help.
    fn is_supervisors(&self) -> bool {
        ["supervisord", "supervisorctl"].contains(&self.name)
    }

    /// The output of `--help`.
    #[must_use]
    pub fn help(&self) -> String {
        self.help_with("")
    }

    /// The output of `--help` with `more` before its last part.
    #[must_use]
    pub fn help_with(&self, more: &str) -> String {
        let mut text = format!("{} -- {}\n\n{}", self.name, self.summary, self.usage_text());
        for paragraph in self.about {
            text.push('\n');
            text.push_str(&wrapped("", paragraph));
        }
        let before = match self.operand {
            Operand::Command => ", before COMMAND only",
            Operand::OwnCommand => ", before the command only",
            Operand::Nothing | Operand::FileAndCommand => "",
        };
        text.push_str(&format!("\noptions{before}:\n"));
        let shown: Vec<String> = self.options.iter().map(ToolOption::shown).collect();
        let width = shown.iter().map(String::len).max().unwrap_or_default();
        for (shown, option) in shown.iter().zip(&self.options) {
            let default = option.default.map_or_else(String::new, |value| format!(" [{value}]"));
            let doc = format!("{}{default}", option.doc);
            if self.is_supervisors() {
                let words = format!("{} -- {doc}", shown.replacen(", --", "/--", 1));
                text.push_str(wrapped("      ", &words).split_at(4).1);
            } else {
                text.push_str(&wrapped(&format!("  {shown:width$}  "), &doc));
            }
        }
        text.push_str(&commands(self.commands));
        if self.has_environment {
            text.push_str(&environment());
        }
        let signals = self.signals.iter().map(|row| (row.names, row.doc));
        text.push_str(&rows("signals", signals));
        let exits = self.exits.iter().map(|row| (row.code, row.doc));
        text.push_str(&rows("exit codes", exits));
        for (index, example) in self.examples.iter().enumerate() {
            let lead = if index == 0 { "\nexamples:\n" } else { "" };
            text.push_str(&format!("{lead}  {example}\n"));
        }
        text.push_str(more);
        let package = standard_supervisor().name;
        let version = env!("CARGO_PKG_VERSION");
        text + &format!("\n{package} {version}; see: man {} {}\n", self.section, self.name)
    }
}

/// The commands of supervisorctl, one line for each form.
fn commands(commands: &[CtlCommand]) -> String {
    let typed = commands.iter().filter(|command| command.name != "EOF");
    let usage: Vec<_> = typed.flat_map(|command| command.usage).collect();
    let Some(width) = usage.iter().map(|(usage, _)| usage.len()).max() else {
        return String::new();
    };
    let line = |(usage, does): &&(&str, &str)| wrapped(&format!("  {usage:width$}  "), does);
    let lines: String = usage.iter().map(line).collect();
    format!("\ncommands; NAME is a process, or GROUP:NAME if its group has another name:\n{lines}")
}

/// The variables of command mode by subject, each with its default in brackets.
fn environment() -> String {
    let mut text = String::new();
    for variable in &VARIABLES {
        if let Some(subject) = variable.subject() {
            text.push_str(&format!("\nenvironment, {}:\n", subject.to_lowercase()));
        }
        let default = match variable.default() {
            "" => String::new(),
            default => format!(" [{default}]"),
        };
        text.push_str(&format!("  {}{default}\n", variable.name));
        // The reference uses backticks; plain text does not.
        let meaning = format!("{} Accepts {}.", variable.doc, variable.accepts());
        text.push_str(&wrapped("      ", &meaning.replace('`', "")));
    }
    text
}

/// A heading with terms and their meanings below it; nothing without terms.
fn rows<'a>(heading: &str, rows: impl Iterator<Item = (&'a str, &'a str)> + Clone) -> String {
    let Some(width) = rows.clone().map(|(term, _)| term.len()).max() else {
        return String::new();
    };
    let row =
        |(term, doc): (&str, &str)| wrapped(&format!("  {term:width$}  "), &doc.replace('`', ""));
    format!("\n{heading}:\n") + &rows.map(row).collect::<String>()
}

/// The width of a terminal.
const COLUMNS: usize = 80;

/// `text` after `lead`, wrapped at [`COLUMNS`] and indented to the first word.
fn wrapped(lead: &str, text: &str) -> String {
    let indent = " ".repeat(lead.chars().count());
    let mut lines = vec![lead.to_owned()];
    for word in text.split_whitespace() {
        let fits = |line: &String| line.chars().count() + 1 + word.chars().count() <= COLUMNS;
        if !lines.last().is_some_and(fits) {
            lines.push(indent.clone());
        }
        if let Some(line) = lines.last_mut() {
            if !line.is_empty() && !line.ends_with(' ') {
                line.push(' ');
            }
            line.push_str(word);
        }
    }
    lines.join("\n") + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_help_text_shows_each_form_and_option_in_a_column() {
        let help = generate_supervisor_config().help();
        assert!(help.starts_with("generate-supervisor-config -- write a"), "{help}");
        assert!(help.contains("\n\nusage: generate-supervisor-config -o OUT"), "{help}");
        assert!(help.contains("\n  -o, --output OUT         the file to write\n"), "{help}");
        assert!(
            help.contains(
                "\n  --log-level LEVEL        the log level: ERROR, INFO or DEBUG [INFO]\n"
            ),
            "{help}"
        );
        assert!(help.contains("\n  --version                print the version\n"), "{help}");
        let help = standard_supervisor().help();
        assert!(help.contains("\n       standard-supervisor --help | --version\n\nRuns"), "{help}");
        for tool in tools() {
            let help = tool.help();
            let wide = help.lines().find(|line| line.chars().count() > COLUMNS);
            assert_eq!(wide, None, "{}", tool.name);
        }
    }

    #[test]
    fn the_help_of_every_program_names_its_manual_page() {
        let tools = tools();
        let named = |page: &str| {
            page == "supervisord.conf(5)"
                || tools.iter().any(|tool| page == format!("{}({})", tool.name, tool.section))
        };
        for tool in &tools {
            assert!(!tool.see_also.is_empty() && tool.see_also.iter().all(|page| named(page)));
        }
    }
}
