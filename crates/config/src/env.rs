//! The environment variables with a name of their own.

use std::path::PathBuf;
use std::time::Duration;

use crate::error::{Report, in_short};
use crate::expand::escape;
use crate::health_options;
use crate::ini::{Entry, Origin, Section};
use crate::nearest::nearest;
use crate::options::{self, Kind, Row};
use crate::sources::Said;
use crate::supervisord::LogFormat;
use crate::template::APP;
use crate::values::{self, Takes, World};
use supervisor_core::level::Level;
use supervisor_wire::python;

/// What most of our variables begin with, and others may.
const PREFIX: &str = "PROCESS_";

/// An environment variable that `standard-supervisor COMMAND` understands.
#[derive(Clone, Copy, Debug)]
pub struct Variable {
    /// Its name.
    pub name: &'static str,
    /// What is assumed without it; empty: nothing.
    pub default: &'static str,
    /// What it does and accepts.
    pub doc: &'static str,
}

/// Supervise the program, or run it once.
pub(crate) const AUTO_RECOVERY: Variable = Variable {
    name: "PROCESS_AUTO_RECOVERY",
    default: "true",
    doc: "`true` or `1`: restart the program when it ends. Anything else: run it once, as a plain init does.",
};

/// How often to try again.
pub(crate) const MAX_START_RETRIES: Variable = Variable {
    name: "PROCESS_MAX_START_RETRIES",
    default: "3",
    doc: "How many failures in a row are followed by a restart: a whole number from 0 to 100.",
};

/// When failures are forgotten.
pub(crate) const RETRY_RESET_SECS: Variable = Variable {
    name: "PROCESS_RETRY_RESET_SECS",
    default: "600",
    doc: "Uptime in whole seconds after which past failures are forgotten.",
};

/// How much to say.
pub(crate) const LOG_LEVEL: Variable = Variable {
    name: "LOG_LEVEL",
    default: "info",
    doc: "How much the supervisor says: debug, info, warn (or warning), error or critical.",
};

/// How to say it.
pub(crate) const LOG_FORMAT: Variable = Variable {
    name: "LOG_FORMAT",
    default: "text",
    doc: "How the supervisor's own lines are written: text, or json for one JSON object each. What programs write stays as it is.",
};

/// Where to ask how it is.
pub(crate) const STATUS_PORT: Variable = Variable {
    name: "PROCESS_STATUS_PORT",
    default: "off",
    doc: "Port, or host:port, that answers `/livez`, `/readyz`, `/startupz`, `/ping` and `/metrics`.",
};

/// What load balancers need.
pub(crate) const PRESTOP_DELAY_SECS: Variable = Variable {
    name: "PROCESS_PRESTOP_DELAY_SECS",
    default: "0",
    doc: "Seconds, such as 5 or 0.5, that programs go on after a stop was asked for; `/readyz` answers 503 meanwhile.",
};

/// Where the record goes.
pub(crate) const CONFIG_PATH: Variable = Variable {
    name: "SUPERVISOR_CONFIG_PATH",
    default: "/tmp/supervisord.conf",
    doc: "Where the configuration in effect is written. A file at a path that was chosen is overwritten, and stays at the end; the default one is removed.",
};

/// Whether what a run leaves is removed.
pub(crate) const REMOVE_LEFTOVERS: Variable = Variable {
    name: "PROCESS_REMOVE_LEFTOVERS",
    default: "true",
    doc: "Before a restart, remove what the last run left in `/dev/shm` and as sockets, if nobody uses it.",
};

/// The port to wait for.
pub(crate) const AWAIT_PORT: Variable = Variable {
    name: "PROCESS_AWAIT_PORT",
    default: "off",
    doc: "The server's port: before a restart, wait up to ten seconds until it is free, and name who holds it.",
};

/// Where reports go.
pub(crate) const CRASH_DIR: Variable = Variable {
    name: "PROCESS_CRASH_DIR",
    default: "/tmp/standard-supervisor-crashes",
    doc: "Where each run that ended unasked leaves a report in JSON; the newest ten are kept. `off`: nowhere.",
};

/// The container's last words.
pub(crate) const TERMINATION_LOG: Variable = Variable {
    name: "PROCESS_TERMINATION_LOG",
    default: "/dev/termination-log",
    doc: "Where Kubernetes finds why a container ended; written if it is there, or if it was named here. `off`: nowhere.",
};

/// Of which sections an option is that has a variable of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Owner {
    /// `[supervisord]`.
    Supervisord,
    /// All programs.
    Programs,
    /// The program that the command line is.
    App,
}

impl Owner {
    /// Whether it is this section.
    pub(crate) fn is(self, section: &Section) -> bool {
        match (self, Kind::of(&section.name)) {
            (Self::Supervisord, kind) => kind == Some(Kind::Supervisord),
            (Self::Programs, kind) => {
                matches!(kind, Some(Kind::Program | Kind::FcgiProgram))
            }
            (Self::App, _) => section.name == format!("program:{APP}"),
        }
    }
}

/// An option as its variable says it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Short {
    pub(crate) owner: Owner,
    pub(crate) entry: Entry,
}

/// Variables that are short names of options.
const OPTIONS: [(Variable, Owner, &Row); 4] = [
    (REMOVE_LEFTOVERS, Owner::Programs, &options::REMOVE_LEFTOVERS.row),
    (AWAIT_PORT, Owner::App, &options::AWAIT_PORT.row),
    (CRASH_DIR, Owner::Supervisord, &options::CRASH_DIR.row),
    (TERMINATION_LOG, Owner::Supervisord, &options::TERMINATION_LOG.row),
];

/// Any option of supervisord; read by `overlay`.
pub(crate) const OVERRIDE: Variable = Variable {
    name: "SUPERVISOR_{SECTION}_{KEY}",
    default: "",
    doc: "Any option of a supervisord configuration; `__` in the section stands for `:`.",
};

/// What runs when only SageMaker's `serve` is given; read by `sagemaker`.
pub(crate) const COMMAND: Variable = Variable {
    name: "PROCESS_COMMAND",
    default: "",
    doc: "The command that runs when the one given is `serve`, as SageMaker gives it, and no such program exists. Split as a shell splits words.",
};

/// Whether requirements of the model are installed.
pub(crate) const AUTO_INSTALL: Variable = Variable {
    name: "STANDARD_AUTO_INSTALL_REQ",
    default: "true",
    doc: "`true`, `1`, `yes` or `on`: install `requirements.txt` of the model's directory before the program starts. Anything else: don't.",
};

/// Where they are looked for.
pub(crate) const MODEL_PATH: Variable = Variable {
    name: "SAGEMAKER_MODEL_PATH",
    default: "/opt/ml/model",
    doc: "The model's directory, in which `requirements.txt` and a folder `requirements` with packages are looked for.",
};

/// What is installed in their place.
pub(crate) const PIP_ARGS: Variable = Variable {
    name: "STANDARD_PIP_ARGS",
    default: "",
    doc: "Arguments for `pip install` in place of that file, such as `-r /srv/more.txt --index-url URL`.",
};

/// How long that may take.
pub(crate) const PIP_TIMEOUT: Variable = Variable {
    name: "STANDARD_PIP_TIMEOUT_SECS",
    default: "1800",
    doc: "How many seconds the installation may take: a whole number from 1 to 86400.",
};

/// Options of its health; read by `overlay`, by the table in `health_options`.
pub(crate) const HEALTH: Variable = Variable {
    name: "PROCESS_HEALTH_{KEY}",
    default: "",
    doc: "When the program is ready, when it is ill, and what follows; `PROCESS_HEALTH_PRESET=vllm` knows how to ask vLLM.",
};

/// All of them, in the order in which they are worth reading about.
pub static VARIABLES: [Variable; 19] = [
    AUTO_RECOVERY,
    MAX_START_RETRIES,
    RETRY_RESET_SECS,
    REMOVE_LEFTOVERS,
    AWAIT_PORT,
    CRASH_DIR,
    TERMINATION_LOG,
    STATUS_PORT,
    PRESTOP_DELAY_SECS,
    LOG_LEVEL,
    LOG_FORMAT,
    CONFIG_PATH,
    OVERRIDE,
    HEALTH,
    COMMAND,
    AUTO_INSTALL,
    MODEL_PATH,
    PIP_ARGS,
    PIP_TIMEOUT,
];

/// What these variables ask for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Wishes {
    pub(crate) supervise: bool,
    pub(crate) max_start_retries: i64,
    pub(crate) retry_reset_secs: i64,
    pub(crate) log_level: Level,
    pub(crate) log_format: LogFormat,
    /// What these say, if they are set: valid, and still the text.
    pub(crate) status_port: Option<String>,
    pub(crate) prestop_delay_secs: Option<String>,
    pub(crate) config_path: PathBuf,
    pub(crate) config_path_chosen: bool,
    pub(crate) command: Option<String>,
    pub(crate) install: Install,
    /// Options that have a variable of their own.
    pub(crate) options: Vec<Short>,
}

/// What is to be installed before the program starts, and from where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Install {
    pub(crate) enabled: bool,
    /// The model's directory, absolute.
    pub(crate) model: PathBuf,
    /// As it was written; never empty.
    pub(crate) pip_args: Option<String>,
    pub(crate) within: Duration,
}

/// Reads them all; what is wrong with one doesn't hide what is wrong with another.
pub(crate) fn read(world: &World<'_>, report: &mut Report) -> Wishes {
    let said = world.said;
    warn_of_slips(said, report);
    let (config_path, config_path_chosen) = config_path(said);
    let log_format = valid(world, report, &LOG_FORMAT, &values::LOG_FORMAT);
    let status_port = valid(world, report, &STATUS_PORT, &values::STATUS_PORT);
    let prestop_delay = valid(world, report, &PRESTOP_DELAY_SECS, &values::PRESTOP_DELAY);
    Wishes {
        supervise: supervise(said, report),
        max_start_retries: whole(said, report, &MAX_START_RETRIES, 3, 0, Some(100)),
        retry_reset_secs: whole(said, report, &RETRY_RESET_SECS, 600, 0, None),
        log_level: log_level(said, report),
        log_format: log_format.map(|(_, format)| format).unwrap_or_default(),
        status_port: status_port.map(|(text, _)| text),
        prestop_delay_secs: prestop_delay.map(|(text, _)| text),
        config_path,
        config_path_chosen,
        command: text(said, report, COMMAND.name).filter(|command| !command.is_empty()),
        install: install(said, report),
        options: options(said, report),
    }
}

/// What a slip made of a variable sets nothing, and that shows late. Names that are near to
/// none of ours are the program's, and those of `PROCESS_HEALTH_` are told of by `overlay`.
fn warn_of_slips(said: &Said, report: &mut Report) {
    let health: Vec<String> = health_options::variables().map(|(name, _)| name).collect();
    let all = VARIABLES.iter().map(|v| v.name).filter(|name| *name != HEALTH.name);
    let all = all.chain(health.iter().map(String::as_str));
    // By what differs between them: as whole words, all look a bit like each other.
    let ends: Vec<&str> = all.filter_map(|name| name.strip_prefix(PREFIX)).collect();
    for (name, _) in &said.environment {
        let name = name.to_string_lossy();
        let Some(end) = name.strip_prefix(PREFIX) else { continue };
        if ends.contains(&end) || name.starts_with(health_options::PREFIX) {
            continue;
        }
        if let Some((_, near)) = nearest(end, ends.iter().copied()) {
            report.warn(format!(
                "{name} sets nothing: there is no such variable; the nearest is {PREFIX}{near}"
            ));
        }
    }
}

fn install(said: &Said, report: &mut Report) -> Install {
    let within = whole(said, report, &PIP_TIMEOUT, 1800, 1, Some(86400));
    Install {
        enabled: auto_install(said, report),
        model: said.cwd.join(path(said, &MODEL_PATH).unwrap_or_else(|| MODEL_PATH.default.into())),
        pip_args: text(said, report, PIP_ARGS.name).filter(|args| !args.is_empty()),
        within: Duration::from_secs(within.unsigned_abs()),
    }
}

fn auto_install(said: &Said, report: &mut Report) -> bool {
    let name = AUTO_INSTALL.name;
    let Some(value) = text(said, report, name) else { return true };
    match value.to_lowercase().as_str() {
        "true" | "1" | "yes" | "on" => return true,
        "false" | "0" | "no" | "off" => {}
        _ => report.warn(format!(
            "{name}={} is neither true nor false: nothing is installed",
            python::repr(&in_short(&value))
        )),
    }
    false
}

/// What is wrong with one is found where its option is read. An empty value is no value.
fn options(said: &Said, report: &mut Report) -> Vec<Short> {
    let mut options = Vec::new();
    for (variable, owner, row) in OPTIONS {
        let value = text(said, report, variable.name).filter(|value| !value.is_empty());
        options.extend(value.map(|value| {
            let origin = Origin::Variable(variable.name.to_owned());
            let entry = Entry { key: row.key.to_owned(), value: escape(&value), origin };
            Short { owner, entry }
        }));
    }
    options
}

fn supervise(said: &Said, report: &mut Report) -> bool {
    let name = AUTO_RECOVERY.name;
    let Some(value) = text(said, report, name) else { return true };
    let understood = "only true and 1 turn supervision on, so the command runs once";
    match value.to_lowercase().as_str() {
        "true" | "1" => return true,
        "false" | "0" | "no" | "off" => {}
        "yes" | "on" => report.warn(format!(
            "{name}={value} is taken as off, as it always was: {understood}; write {name}=true to supervise it"
        )),
        _ => report.warn(format!(
            "{name}={} is neither true nor false: {understood}",
            python::repr(&in_short(&value))
        )),
    }
    false
}

/// A whole number from `min`. An empty value is no value, as in the Python tool.
fn whole(
    said: &Said,
    report: &mut Report,
    v: &Variable,
    default: i64,
    min: i64,
    max: Option<i64>,
) -> i64 {
    let Some(value) = text(said, report, v.name).filter(|value| !value.is_empty()) else {
        return default;
    };
    // As it was written: a number that is too large to count is read as another.
    let got = in_short(&value);
    match (python::int(&value), max) {
        (Err(_), _) => report.error(format!("{} must be an integer, got '{got}'", v.name)),
        (Ok(number), Some(max)) if !(min..=max).contains(&number) => {
            report.error(format!("{} must be between {min} and {max}, got {got}", v.name));
        }
        (Ok(number), None) if number < min => {
            report.error(format!("{} must be {min} or more seconds, got {got}", v.name));
        }
        (Ok(number), _) => return number,
    }
    default
}

/// A value of the kind that an option takes, and its text. An empty one is none.
fn valid<T>(
    world: &World<'_>,
    report: &mut Report,
    variable: &Variable,
    takes: &Takes<T>,
) -> Option<(String, T)> {
    let name = variable.name;
    let text = text(world.said, report, name).filter(|value| !value.is_empty())?;
    match (takes.parse)(&text, world) {
        Ok(value) => Some((text, value)),
        Err(why) => {
            report.error(format!("{name}: {}; {name} takes {}", in_short(&why), takes.what));
            None
        }
    }
}

fn log_level(said: &Said, report: &mut Report) -> Level {
    const KNOWN: [(&str, Level); 6] = [
        ("debug", Level::Debug),
        ("info", Level::Info),
        ("warn", Level::Warn),
        ("warning", Level::Warn),
        ("error", Level::Error),
        ("critical", Level::Critical),
    ];
    let Some(value) = text(said, report, LOG_LEVEL.name) else { return Level::Info };
    let wanted = value.to_lowercase();
    if let Some((_, level)) = KNOWN.iter().find(|(name, _)| *name == wanted) {
        return *level;
    }
    let names: Vec<&str> = KNOWN.iter().map(|(name, _)| *name).collect();
    let (names, got) = (names.join(", "), in_short(&value));
    report.error(format!("{} must be one of {names}, got '{got}'", LOG_LEVEL.name));
    Level::Info
}

/// A path needn't be UTF-8; an empty one is none.
fn path(said: &Said, variable: &Variable) -> Option<PathBuf> {
    let value = said.variable(variable.name)?;
    let path = value.to_str().map_or_else(|| value.into(), |text| python::strip(text).into());
    Some(path).filter(|path: &PathBuf| !path.as_os_str().is_empty())
}

fn config_path(said: &Said) -> (PathBuf, bool) {
    match path(said, &CONFIG_PATH) {
        Some(path) => (said.cwd.join(path), true),
        None => (PathBuf::from(CONFIG_PATH.default), false),
    }
}

/// A variable's value, trimmed: a line break at its end is never meant.
fn text(said: &Said, report: &mut Report, name: &str) -> Option<String> {
    let value = said.variable(name)?;
    match value.to_str() {
        Some(text) => Some(python::strip(text).to_owned()),
        None => {
            let got = format!("{value:?}");
            report.error(format!("{name} must be UTF-8 text, got {}", in_short(&got)));
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{FakeHost, said};

    fn wishes(pairs: &[(&str, &str)]) -> (Wishes, Report) {
        let mut report = Report::default();
        let (said, host) = (said(pairs), FakeHost::default());
        (read(&World { said: &said, host: &host }, &mut report), report)
    }

    #[test]
    fn without_variables_the_defaults_are_the_documented_ones() {
        let (wishes, report) = wishes(&[]);
        assert!(report.is_clean());
        assert!(wishes.supervise && !wishes.config_path_chosen);
        assert_eq!(wishes.max_start_retries.to_string(), MAX_START_RETRIES.default);
        assert_eq!(wishes.retry_reset_secs.to_string(), RETRY_RESET_SECS.default);
        assert_eq!(wishes.log_level.name(), LOG_LEVEL.default);
        assert_eq!(wishes.log_format.name(), LOG_FORMAT.default);
        assert_eq!((wishes.status_port, wishes.prestop_delay_secs), (None, None));
        assert_eq!(wishes.config_path.to_str(), Some(CONFIG_PATH.default));
    }

    #[test]
    fn d17_one_truth_table_and_a_warning_for_what_looks_like_yes() {
        for (value, supervise, warned) in [
            ("true", true, false),
            ("TRUE\n", true, false),
            ("1", true, false),
            ("false", false, false),
            ("0", false, false),
            ("No", false, false),
            ("yes", false, true),
            ("ON", false, true),
            ("maybe", false, true),
            ("", false, true),
        ] {
            let (wishes, report) = wishes(&[("PROCESS_AUTO_RECOVERY", value)]);
            assert_eq!(wishes.supervise, supervise, "{value:?}");
            let ((), warnings) = report.finish(Some(())).unwrap();
            assert_eq!(!warnings.is_empty(), warned, "{value:?}: {warnings:?}");
        }
    }

    #[test]
    fn a_slip_is_pointed_out_and_what_is_the_program_s_is_not() {
        for (name, near) in [
            ("PROCESS_AWAIT_PROT", Some("PROCESS_AWAIT_PORT")),
            ("PROCESS_MAX_STARTRETRIES", Some("PROCESS_MAX_START_RETRIES")),
            ("PROCESS_STOP_DELAY_SECS", Some("PROCESS_PRESTOP_DELAY_SECS")),
            ("PROCESS_HELTH_URL", Some("PROCESS_HEALTH_URL")),
            ("PROCESS_CRASHDIR", Some("PROCESS_CRASH_DIR")),
            ("PROCESS_MAX_RETRIES", None),
            ("PROCESS_NAME", None),
            ("PROCESS_COUNT", None),
            ("PROCESS_TIMEOUT", None),
            ("PROCESS_PORT", None),
            ("PROCESS_", None),
            ("PROCESSES", None),
            ("PROCESS_HEALTH_PRESSET", None),
        ] {
            let ((), warnings) = wishes(&[(name, "x")]).1.finish(Some(())).unwrap();
            let told = near.map(|near| {
                format!("{name} sets nothing: there is no such variable; the nearest is {near}")
            });
            assert_eq!(warnings, Vec::from_iter(told), "{name}");
        }
    }

    #[test]
    fn d18_warning_is_a_log_level() {
        let (wishes, report) = wishes(&[("LOG_LEVEL", "WARNING")]);
        assert!(report.is_clean());
        assert_eq!(wishes.log_level, Level::Warn);
    }

    #[test]
    fn all_mistakes_are_reported_together() {
        let (_, report) = wishes(&[
            ("PROCESS_MAX_START_RETRIES", "x"),
            ("PROCESS_RETRY_RESET_SECS", "1.5"),
            ("LOG_LEVEL", ""),
            ("LOG_FORMAT", "xml"),
            ("PROCESS_STATUS_PORT", "0"),
            ("PROCESS_PRESTOP_DELAY_SECS", "5s"),
        ]);
        assert_eq!(
            report.finish(Some(())).unwrap_err().to_string(),
            "ERROR: LOG_FORMAT: no log format is named 'xml'; LOG_FORMAT takes text or json\n\
             ERROR: PROCESS_STATUS_PORT: not a valid port number: '0'; PROCESS_STATUS_PORT takes \
             port or host:port, with a port from 1 to 65535, or off\n\
             ERROR: PROCESS_PRESTOP_DELAY_SECS: not a number of seconds: '5s'; \
             PROCESS_PRESTOP_DELAY_SECS takes a number of seconds from 0 to 3600, such as 5 or 0.5\n\
             ERROR: PROCESS_MAX_START_RETRIES must be an integer, got 'x'\n\
             ERROR: PROCESS_RETRY_RESET_SECS must be an integer, got '1.5'\n\
             ERROR: LOG_LEVEL must be one of debug, info, warn, warning, error, critical, got ''"
        );
        let (_, report) =
            wishes(&[("PROCESS_MAX_START_RETRIES", "101"), ("PROCESS_RETRY_RESET_SECS", "-1")]);
        let text = report.finish(Some(())).unwrap_err().to_string();
        assert!(text.contains("PROCESS_MAX_START_RETRIES must be between 0 and 100, got 101"));
        assert!(text.contains("PROCESS_RETRY_RESET_SECS must be 0 or more seconds, got -1"));
    }

    #[test]
    fn a_number_is_told_as_it_was_written() {
        let huge = "99999999999999999999";
        let (_, report) = wishes(&[(MAX_START_RETRIES.name, huge), (PIP_TIMEOUT.name, "-0_1")]);
        let text = report.finish(Some(())).unwrap_err().to_string();
        assert!(text.contains(&format!("between 0 and 100, got {huge}")), "{text}");
        assert!(text.contains("between 1 and 86400, got -0_1"), "{text}");
    }
}
