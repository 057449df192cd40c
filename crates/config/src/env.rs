//! The environment variables with a name of their own.

mod own_log;

use std::path::PathBuf;
use std::time::Duration;

use crate::error::{Report, in_short};
use crate::expand::escape;
use crate::health_options;
use crate::ini::{Entry, Origin, Section};
use crate::nearest::nearest;
use crate::options::{self, Key, OptionDef, SectionKind};
use crate::overlay;
use crate::sources::Sources;
use crate::supervisord::LogFormat;
use crate::template::APP;
use crate::values::{self, Context, ValueType};
use supervisor_core::ids::Pid;
use supervisor_core::level::Level;
use supervisor_core::spec::start::WaitSpec;
use supervisor_wire::python;

/// What most of our variables begin with, and others may.
pub(crate) const PREFIX: &str = "PROCESS_";

/// An environment variable that `standard-supervisor COMMAND` understands.
#[derive(Clone, Copy, Debug)]
pub struct Variable {
    /// Its name.
    pub name: &'static str,
    /// What is assumed without it; empty: nothing.
    pub default: &'static str,
    /// What it does and accepts.
    pub doc: &'static str,
    /// Whether it has an effect on a command that runs once.
    pub once: bool,
}

impl Variable {
    /// Whether other programs may read it as well, and so give it values that aren't for us.
    pub(crate) fn is_shared(&self) -> bool {
        !self.name.starts_with(PREFIX) && !self.name.starts_with(overlay::PREFIX)
    }

    /// Reports a value that isn't accepted. One of a name that others use may be for them:
    /// it must not keep the container from starting.
    pub(crate) fn reject(&self, report: &mut Report, why: &str) {
        if !self.is_shared() {
            report.error(why);
        } else if self.default.is_empty() {
            report.warn(format!("{why}; ignoring it"));
        } else {
            report.warn(format!("{why}; using the default, {}", self.default));
        }
    }
}

/// Supervise the program, or run it once.
pub(crate) const AUTO_RECOVERY: Variable = Variable {
    name: "PROCESS_AUTO_RECOVERY",
    default: "true",
    doc: "`true` or `1`: restart the program when it ends. Anything else: run it once, as a plain init does.",
    once: true,
};

/// How often to try again.
pub(crate) const MAX_START_RETRIES: Variable = Variable {
    name: "PROCESS_MAX_START_RETRIES",
    default: "3",
    doc: "How many failures in a row are followed by a restart: a whole number from 0 to 100.",
    once: false,
};

/// When failures are forgotten.
pub(crate) const RETRY_RESET_SECS: Variable = Variable {
    name: "PROCESS_RETRY_RESET_SECS",
    default: "600",
    doc: "Uptime in whole seconds after which past failures are forgotten.",
    once: false,
};

/// How much to say.
pub(crate) const LOG_LEVEL: Variable = Variable {
    name: "LOG_LEVEL",
    default: "info",
    doc: "Level of the supervisor's own log, if `PROCESS_LOG_LEVEL` is not set. If the value is none of that variable's levels, the supervisor leaves it to the server and uses `info`.",
    once: false,
};

/// How much to say, by a name that no server reads.
pub(crate) const OWN_LOG_LEVEL: Variable = Variable {
    name: "PROCESS_LOG_LEVEL",
    default: "",
    doc: "Level of the supervisor's own log: debug, info, warn (or warning), error or critical. Overrides `LOG_LEVEL`, which the server may read as well.",
    once: false,
};

/// How to say it.
pub(crate) const LOG_FORMAT: Variable = Variable {
    name: "LOG_FORMAT",
    default: "text",
    doc: "Format of the supervisor's own log, if `PROCESS_LOG_FORMAT` is not set. If the value is neither `text` nor `json`, the supervisor leaves it to the server and uses `text`.",
    once: true,
};

/// How to say it, by a name that no server reads.
pub(crate) const OWN_LOG_FORMAT: Variable = Variable {
    name: "PROCESS_LOG_FORMAT",
    default: "",
    doc: "Format of the supervisor's own log: text, or json for one JSON object per line. The output of programs is unchanged. Overrides `LOG_FORMAT`, which the server may read as well.",
    once: true,
};

/// Where to ask how it is.
pub(crate) const STATUS_PORT: Variable = Variable {
    name: "PROCESS_STATUS_PORT",
    default: "off",
    doc: "Port, or host:port, that answers `/livez`, `/readyz`, `/startupz`, `/ping` and `/metrics`.",
    once: true,
};

/// What load balancers need.
pub(crate) const PRESTOP_DELAY_SECS: Variable = Variable {
    name: "PROCESS_PRESTOP_DELAY_SECS",
    default: "0",
    doc: "Seconds, such as 5 or 0.5, that programs go on after a stop was asked for; `/readyz` answers 503 meanwhile.",
    once: false,
};

/// Where the record goes.
pub(crate) const CONFIG_PATH: Variable = Variable {
    name: "SUPERVISOR_CONFIG_PATH",
    default: "/tmp/supervisord.conf",
    doc: "Where the configuration in effect is written. A file at a path that was chosen is overwritten, and stays at the end; the default one is removed.",
    once: false,
};

/// Whether what a run leaves is removed.
pub(crate) const REMOVE_LEFTOVERS: Variable = Variable {
    name: "PROCESS_REMOVE_LEFTOVERS",
    default: "true",
    doc: "Before a restart and at the end, remove the stale files in `/dev/shm` and the stale sockets that evidence links to the program. `all`: also without evidence, and before the first start. `false`: none.",
    once: false,
};

/// Whether an idle server is waited for.
pub(crate) const PRESTOP_UNTIL_IDLE: Variable = Variable {
    name: "PROCESS_PRESTOP_UNTIL_IDLE",
    default: "false",
    doc: "`true`: the delay ends early when the server runs no request and none waits. Needs the preset vllm, sglang, tgi or llama.cpp.",
    once: false,
};

/// What load balancers need in any case.
pub(crate) const PRESTOP_MIN_SECS: Variable = Variable {
    name: "PROCESS_PRESTOP_MIN_SECS",
    default: "5",
    doc: "Seconds that such a delay takes in any case, because load balancers need them to notice.",
    once: false,
};

/// How long a platform waits.
pub(crate) const STOP_BUDGET_SECS: Variable = Variable {
    name: "PROCESS_STOP_BUDGET_SECS",
    default: "off",
    doc: "Seconds that a whole shutdown may take, such as 9 for `docker stop`, which kills after 10. The supervisor cuts grace periods so that all programs fit.",
    once: false,
};

/// How long leftover processes may take.
pub(crate) const LEFTOVER_GRACE_SECS: Variable = Variable {
    name: "PROCESS_LEFTOVER_GRACE_SECS",
    default: "2",
    doc: "Seconds between SIGTERM and SIGKILL for processes that a crashed server left behind, before it is started again (0 to 60).",
    once: false,
};

/// The port to wait for.
pub(crate) const AWAIT_PORT: Variable = Variable {
    name: "PROCESS_AWAIT_PORT",
    default: "off",
    doc: "The server's port: before a restart, wait up to ten seconds until it is free, and name who holds it.",
    once: false,
};

/// The servers to wait for.
pub(crate) const WAIT_FOR: Variable = Variable {
    name: "PROCESS_WAIT_FOR",
    default: "off",
    doc: "Servers that must accept a connection before every start of the program, as `host:port,host:port`. Until then the program is STOPPED and nothing counts as a failure.",
    once: true,
};

/// How long that may take.
pub(crate) const WAIT_TIMEOUT_SECS: Variable = Variable {
    name: "PROCESS_WAIT_TIMEOUT_SECS",
    default: "600",
    doc: "How long the program waits for these servers, in seconds; then the supervisor exits with 1 and names the server.",
    once: true,
};

/// Failures before it was ever ready.
pub(crate) const RETRIES_BEFORE_READY: Variable = Variable {
    name: "PROCESS_RETRIES_BEFORE_READY",
    default: "off",
    doc: "How many failures in a row are followed by a restart before the program was ready for the first time: a whole number from 0 to 100. Requires a readiness check. `off`: `PROCESS_MAX_START_RETRIES` applies.",
    once: false,
};

/// What to do below another supervisor.
pub(crate) const NESTED: Variable = Variable {
    name: "PROCESS_NESTED",
    default: "once",
    doc: "What `standard-supervisor` does inside the program of another one that supervises: `once` runs the command once and installs nothing, `supervise` supervises it as well.",
    once: true,
};

/// Where reports go.
pub(crate) const CRASH_DIR: Variable = Variable {
    name: "PROCESS_CRASH_DIR",
    default: "/tmp/standard-supervisor-crashes",
    doc: "Where each run that ended unasked leaves a report in JSON; the newest ten are kept. `off`: nowhere.",
    once: false,
};

/// The container's last words.
pub(crate) const TERMINATION_LOG: Variable = Variable {
    name: "PROCESS_TERMINATION_LOG",
    default: "/dev/termination-log",
    doc: "Where Kubernetes finds why a container ended; written if it is there, or if it was named here. `off`: nowhere.",
    once: false,
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
        match (self, SectionKind::of(&section.name)) {
            (Self::Supervisord, kind) => kind == Some(SectionKind::Supervisord),
            (Self::Programs, kind) => {
                matches!(kind, Some(SectionKind::Program | SectionKind::FcgiProgram))
            }
            (Self::App, _) => section.name == format!("program:{APP}"),
        }
    }
}

/// An option as its variable says it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct VariableEntry {
    pub(crate) owner: Owner,
    pub(crate) entry: Entry,
}

/// Variables that are short names of options.
const OPTIONS: [(Variable, Owner, &OptionDef); 11] = [
    (PRESTOP_UNTIL_IDLE, Owner::Supervisord, &options::PRESTOP_UNTIL_IDLE.def),
    (PRESTOP_MIN_SECS, Owner::Supervisord, &options::PRESTOP_MIN.def),
    (STOP_BUDGET_SECS, Owner::Supervisord, &options::STOP_BUDGET.def),
    (LEFTOVER_GRACE_SECS, Owner::Programs, &options::LEFTOVER_GRACE.def),
    (REMOVE_LEFTOVERS, Owner::Programs, &options::REMOVE_LEFTOVERS.def),
    (AWAIT_PORT, Owner::App, &options::AWAIT_PORT.def),
    (WAIT_FOR, Owner::App, &options::WAIT_FOR.def),
    (WAIT_TIMEOUT_SECS, Owner::App, &options::WAIT_TIMEOUT.def),
    (RETRIES_BEFORE_READY, Owner::App, &options::RETRIES_BEFORE_READY.def),
    (CRASH_DIR, Owner::Supervisord, &options::CRASH_DIR.def),
    (TERMINATION_LOG, Owner::Supervisord, &options::TERMINATION_LOG.def),
];

/// Variables that say what an option is unless the option itself is said.
const ASSUMED: [(Variable, Owner, &OptionDef); 8] = [
    (MAX_START_RETRIES, Owner::Programs, &options::STARTRETRIES.def),
    (RETRY_RESET_SECS, Owner::Programs, &options::RETRYRESETSECS.def),
    (STATUS_PORT, Owner::Supervisord, &options::STATUS_PORT_KEY.def),
    (PRESTOP_DELAY_SECS, Owner::Supervisord, &options::PRESTOP_DELAY_KEY.def),
    (LOG_LEVEL, Owner::Supervisord, &options::LOGLEVEL.def),
    (LOG_FORMAT, Owner::Supervisord, &options::LOG_FORMAT_KEY.def),
    (OWN_LOG_LEVEL, Owner::Supervisord, &options::LOGLEVEL.def),
    (OWN_LOG_FORMAT, Owner::Supervisord, &options::LOG_FORMAT_KEY.def),
];

/// The variable that says what this option is in front of a command.
pub(crate) fn variable_of(def: &OptionDef) -> Option<&'static Variable> {
    static OF_OPTIONS: &[(Variable, Owner, &OptionDef)] = &ASSUMED;
    let (found, ..) = OF_OPTIONS.iter().find(|(_, _, known)| known.key == def.key)?;
    Some(found)
}

/// The section and key of the option that a variable stands for.
pub(crate) fn option_of(variable: &Variable) -> Option<(&'static str, &'static str)> {
    let all = ASSUMED.iter().chain(&OPTIONS);
    let (_, owner, def) = all.clone().find(|(known, ..)| known.name == variable.name)?;
    let section = match owner {
        Owner::Supervisord => "supervisord",
        Owner::Programs | Owner::App => "program:NAME",
    };
    Some((section, def.key))
}

/// Any option of supervisord; read by `overlay`.
pub(crate) const OVERRIDE: Variable = Variable {
    name: "SUPERVISOR_{SECTION}_{KEY}",
    default: "",
    doc: "Any option of a supervisord configuration; `__` in the section stands for `:`.",
    once: false,
};

/// What runs when only SageMaker's `serve` is given; read by `sagemaker`.
pub(crate) const COMMAND: Variable = Variable {
    name: "PROCESS_COMMAND",
    default: "",
    doc: "The command that runs when the one given is `serve`, as SageMaker gives it, and no such program exists. Split as a shell splits words.",
    once: true,
};

/// Whether requirements of the model are installed.
pub(crate) const AUTO_INSTALL: Variable = Variable {
    name: "STANDARD_AUTO_INSTALL_REQ",
    default: "true",
    doc: "`true`, `1`, `yes` or `on`: install `requirements.txt` of the model's directory before the program starts. If set and there is none, install `code/requirements.txt` of it. Anything else: don't.",
    once: true,
};

/// Where they are looked for.
pub(crate) const MODEL_PATH: Variable = Variable {
    name: "SAGEMAKER_MODEL_PATH",
    default: "/opt/ml/model",
    doc: "The model's directory, in which `requirements.txt` and a folder `requirements` with packages are looked for.",
    once: true,
};

/// What is installed in their place.
pub(crate) const PIP_ARGS: Variable = Variable {
    name: "STANDARD_PIP_ARGS",
    default: "",
    doc: "Arguments for `pip install` in place of that file, such as `-r /srv/more.txt --index-url URL`.",
    once: true,
};

/// How long that may take.
pub(crate) const PIP_TIMEOUT: Variable = Variable {
    name: "STANDARD_PIP_TIMEOUT_SECS",
    default: "1800",
    doc: "How many seconds the installation may take: a whole number from 1 to 86400.",
    once: true,
};

/// Options of its health; read by `overlay`, by the table in `health_options`.
pub(crate) const HEALTH: Variable = Variable {
    name: "PROCESS_HEALTH_{KEY}",
    default: "",
    doc: "When the program is ready, when it is ill, and what follows; `PROCESS_HEALTH_PRESET=vllm` knows how to ask vLLM.",
    once: false,
};

/// All of them, in the order in which they are worth reading about.
pub static VARIABLES: [Variable; 29] = [
    AUTO_RECOVERY,
    MAX_START_RETRIES,
    RETRIES_BEFORE_READY,
    RETRY_RESET_SECS,
    WAIT_FOR,
    WAIT_TIMEOUT_SECS,
    NESTED,
    REMOVE_LEFTOVERS,
    LEFTOVER_GRACE_SECS,
    AWAIT_PORT,
    CRASH_DIR,
    TERMINATION_LOG,
    STATUS_PORT,
    PRESTOP_DELAY_SECS,
    PRESTOP_UNTIL_IDLE,
    PRESTOP_MIN_SECS,
    STOP_BUDGET_SECS,
    OWN_LOG_LEVEL,
    OWN_LOG_FORMAT,
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

/// The variables that are set and have no effect on a command that runs once. Of those that
/// servers read as well nobody knows for whom they are.
pub(crate) fn set_without_effect(sources: &Sources) -> impl Iterator<Item = String> {
    let own = VARIABLES.iter().filter(|variable| !variable.once && !variable.is_shared());
    let own = own.map(|variable| variable.name.to_owned());
    own.filter(|name| sources.setting(name).is_some()).chain(overlay::names(sources))
}

/// What these variables ask for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct EnvSettings {
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
    pub(crate) options: Vec<VariableEntry>,
    /// Which of these variables say what an option is unless that is said itself.
    pub(crate) named: Vec<VariableOption>,
}

/// Whether something shall be installed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AutoInstall {
    /// The variable is not set: install what the Python tool installs.
    Unset,
    On,
    Off,
}

/// What is to be installed before the program starts, and from where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Install {
    pub(crate) asked: AutoInstall,
    /// The model's directory, absolute.
    pub(crate) model: PathBuf,
    /// As it was written; never empty.
    pub(crate) pip_args: Option<String>,
    pub(crate) within: Duration,
}

/// An option whose value is that of a variable with a name of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct VariableOption {
    pub(crate) owner: Owner,
    pub(crate) key: &'static str,
    pub(crate) variable: &'static str,
}

/// Reads them all; what is wrong with one doesn't hide what is wrong with another.
pub(crate) fn read(context: &Context<'_>, report: &mut Report) -> EnvSettings {
    let sources = context.sources;
    warn_of_slips(sources, report);
    let (config_path, config_path_chosen) = config_path(sources);
    let status_port = valid(context, report, &STATUS_PORT, &values::STATUS_PORT);
    let prestop_delay = valid(context, report, &PRESTOP_DELAY_SECS, &values::PRESTOP_DELAY);
    let supervise = supervise(sources, report);
    let heard = own_log::Heard { context, supervise };
    let (level, format) = (heard.level(report), heard.format(report));
    let of_log = [level.map(|level| level.variable), format.map(|format| format.variable)];
    EnvSettings {
        supervise,
        max_start_retries: whole(sources, report, &MAX_START_RETRIES, 3, 0, Some(100)),
        retry_reset_secs: whole(sources, report, &RETRY_RESET_SECS, 600, 0, None),
        log_level: level.map_or(Level::Info, |level| level.value),
        log_format: format.map(|format| format.value).unwrap_or_default(),
        status_port: status_port.map(|(text, _)| text),
        prestop_delay_secs: prestop_delay.map(|(text, _)| text),
        config_path,
        config_path_chosen,
        command: text(sources, report, &COMMAND).filter(|command| !command.is_empty()),
        install: install(sources, report),
        options: options(sources, report),
        named: named(sources, of_log),
    }
}

/// `of_log` are those of the log that count: what else is set of them is overridden, or the
/// server's.
fn named(sources: &Sources, of_log: [Option<&'static str>; 2]) -> Vec<VariableOption> {
    const OF_LOG: [Variable; 4] = [LOG_LEVEL, LOG_FORMAT, OWN_LOG_LEVEL, OWN_LOG_FORMAT];
    let counts = |name: &'static str| {
        let set = sources.setting(name).is_some_and(|value| !value.is_empty());
        let of_the_log = OF_LOG.iter().any(|variable| variable.name == name);
        set && (!of_the_log || of_log.contains(&Some(name)))
    };
    let set = ASSUMED.iter().filter(|(variable, ..)| counts(variable.name));
    set.map(|(variable, owner, def)| VariableOption {
        owner: *owner,
        key: def.key,
        variable: variable.name,
    })
    .collect()
}

/// What a slip made of a variable sets nothing, and that shows late. Names that are near to
/// none of ours are the program's, and those of `PROCESS_HEALTH_` are told of by `overlay`.
fn warn_of_slips(sources: &Sources, report: &mut Report) {
    let health: Vec<String> = health_options::variables().map(|(name, _)| name).collect();
    let all = VARIABLES.iter().map(|v| v.name).filter(|name| *name != HEALTH.name);
    let all = all.chain(health.iter().map(String::as_str));
    // By what differs between them: as whole words, all look a bit like each other.
    let ends: Vec<&str> = all.filter_map(|name| name.strip_prefix(PREFIX)).collect();
    for name in sources.settings() {
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

fn install(sources: &Sources, report: &mut Report) -> Install {
    let within = whole(sources, report, &PIP_TIMEOUT, 1800, 1, Some(86400));
    Install {
        asked: auto_install(sources, report),
        model: sources
            .cwd
            .join(path(sources, &MODEL_PATH).unwrap_or_else(|| MODEL_PATH.default.into())),
        pip_args: text(sources, report, &PIP_ARGS).filter(|args| !args.is_empty()),
        within: Duration::from_secs(within.unsigned_abs()),
    }
}

fn auto_install(sources: &Sources, report: &mut Report) -> AutoInstall {
    let Some(value) = text(sources, report, &AUTO_INSTALL) else { return AutoInstall::Unset };
    match value.to_lowercase().as_str() {
        "true" | "1" | "yes" | "on" => return AutoInstall::On,
        "false" | "0" | "no" | "off" => {}
        _ => report.warn(format!(
            "{}={} is neither true nor false: nothing is installed",
            AUTO_INSTALL.name,
            python::repr(&in_short(&value))
        )),
    }
    AutoInstall::Off
}

/// The supervisor that keeps the program, unless this one is to supervise all the same.
pub(crate) fn keeper(sources: &Sources, report: &mut Report) -> Option<Pid> {
    let value = text(sources, report, &NESTED).unwrap_or_default();
    match value.to_lowercase().as_str() {
        "supervise" => return None,
        "" | "once" => {}
        _ => report.error(format!(
            "{}: invalid value '{}'; expected once or supervise",
            NESTED.name,
            in_short(&value)
        )),
    }
    sources.keeper
}

impl EnvSettings {
    /// The servers that a program waits for that runs once: of the options that have a variable
    /// of their own, the one that means something to it.
    pub(crate) fn wait_for(&self, context: &Context<'_>, report: &mut Report) -> Option<WaitSpec> {
        let targets = self.once(&WAIT_FOR, &options::WAIT_FOR, context, report);
        let timeout = self.once(&WAIT_TIMEOUT_SECS, &options::WAIT_TIMEOUT, context, report)?;
        let targets = targets.filter(|targets| !targets.is_empty())?;
        Some(WaitSpec { targets, timeout })
    }

    /// What a variable says, or its default; `None` if it is wrong.
    fn once<T>(
        &self,
        variable: &Variable,
        key: &Key<T>,
        context: &Context<'_>,
        report: &mut Report,
    ) -> Option<T> {
        let sources = self.options.iter().find(|short| short.entry.key == key.def.key);
        let sources = sources.map(|short| short.entry.value.replace("%%", "%"));
        let text = sources.or_else(|| key.def.default.map(str::to_owned))?;
        let value = (key.value_type.parse)(&text, context);
        let name = variable.name;
        value
            .map_err(|why| {
                let why = in_short(&why);
                report.error(format!("{name}: {why}; {name} takes {}", key.value_type.what));
            })
            .ok()
    }
}

/// What is wrong with one is found where its option is read. An empty value is no value.
fn options(sources: &Sources, report: &mut Report) -> Vec<VariableEntry> {
    let mut options = Vec::new();
    for (variable, owner, def) in OPTIONS {
        let value = text(sources, report, &variable).filter(|value| !value.is_empty());
        options.extend(value.map(|value| {
            let origin = Origin::Variable(variable.name.to_owned());
            let entry = Entry { key: def.key.to_owned(), value: escape(&value), origin };
            VariableEntry { owner, entry }
        }));
    }
    options
}

fn supervise(sources: &Sources, report: &mut Report) -> bool {
    let name = AUTO_RECOVERY.name;
    let Some(value) = text(sources, report, &AUTO_RECOVERY) else { return true };
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
    sources: &Sources,
    report: &mut Report,
    v: &Variable,
    default: i64,
    min: i64,
    max: Option<i64>,
) -> i64 {
    let Some(value) = text(sources, report, v).filter(|value| !value.is_empty()) else {
        return default;
    };
    // As it was written: a number that is too large to count is read as another.
    let got = in_short(&value);
    match (python::int(&value), max) {
        (Err(_), _) => v.reject(report, &format!("{} must be an integer, got '{got}'", v.name)),
        (Ok(number), Some(max)) if !(min..=max).contains(&number) => {
            v.reject(report, &format!("{} must be between {min} and {max}, got {got}", v.name));
        }
        (Ok(number), None) if number < min => {
            v.reject(report, &format!("{} must be {min} or more seconds, got {got}", v.name));
        }
        (Ok(number), _) => return number,
    }
    default
}

/// A value of the kind that an option takes, and its text. An empty one is none.
fn valid<T>(
    context: &Context<'_>,
    report: &mut Report,
    variable: &Variable,
    value_type: &ValueType<T>,
) -> Option<(String, T)> {
    let name = variable.name;
    let text = text(context.sources, report, variable).filter(|value| !value.is_empty())?;
    match (value_type.parse)(&text, context) {
        Ok(value) => Some((text, value)),
        Err(why) => {
            let why = format!("{name}: {}; {name} takes {}", in_short(&why), value_type.what);
            variable.reject(report, &why);
            None
        }
    }
}

/// A path needn't be UTF-8; an empty one is none.
fn path(sources: &Sources, variable: &Variable) -> Option<PathBuf> {
    let value = sources.setting(variable.name)?;
    let path = value.to_str().map_or_else(|| value.into(), |text| python::strip(text).into());
    Some(path).filter(|path: &PathBuf| !path.as_os_str().is_empty())
}

fn config_path(sources: &Sources) -> (PathBuf, bool) {
    match path(sources, &CONFIG_PATH) {
        Some(path) => (sources.cwd.join(path), true),
        None => (PathBuf::from(CONFIG_PATH.default), false),
    }
}

/// A variable's value, trimmed: a line break at its end is never meant.
fn text(sources: &Sources, report: &mut Report, variable: &Variable) -> Option<String> {
    let name = variable.name;
    let value = sources.setting(name)?;
    match value.to_str() {
        Some(text) => Some(python::strip(text).to_owned()),
        None => {
            let got = format!("{value:?}");
            variable.reject(report, &format!("{name} must be UTF-8 text, got {}", in_short(&got)));
            None
        }
    }
}

#[cfg(test)]
mod tests;
