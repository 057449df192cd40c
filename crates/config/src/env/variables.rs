//! The table of environment variables with their own name. The parser, `--help`, the manual page
//! and the reference are made from its rows.

mod limits;
mod output;
mod packages;
mod restarts;

use crate::env::overlay;
use crate::error::Report;
use crate::options::failure_options;
use crate::options::without_effect;
use crate::options::{self, OptionDef, SectionKind, Setting};
use crate::sources::APP;
use crate::text::ini::Section;

pub(crate) use packages::{AUTO_INSTALL, COMMAND, MODEL_PATH, PIP_ARGS, PIP_TIMEOUT};
use restarts::{
    MAX_START_RETRIES, RETRIES_BEFORE_READY, RETRY_FACTOR, RETRY_JITTER, RETRY_RESET_SECS,
    RETRY_WAIT_MAX_SECS, RETRY_WAIT_SECS,
};

/// The prefix of most of the supervisor's own variables. Variables of other programs may also have
/// it.
pub(crate) const PREFIX: &str = "PROCESS_";

/// The levels that variables accept. Files accept supervisord's levels.
pub(super) const LEVELS: &str = "debug, info, warn, warning, error or critical";

/// An environment variable that `standard-supervisor COMMAND` understands.
#[derive(Clone, Copy, Debug)]
pub struct Variable {
    /// Its name.
    pub name: &'static str,
    /// Its own default; `None` if the option that it sets has the default.
    default: Option<&'static str>,
    pub(super) accepts: Accepts,
    /// The option that it sets, and the sections of that option.
    pub(super) stands_for: Option<(Owner, &'static dyn Setting)>,
    /// Its effect.
    pub doc: &'static str,
    /// Whether it has an effect on a command that runs once, unless its option says so.
    once: bool,
}

/// The values that a variable accepts.
#[derive(Clone, Copy, Debug)]
pub(super) enum Accepts {
    /// Whole numbers.
    Whole { unit: &'static str, min: i64, max: Option<i64> },
    /// The values of the option that it sets.
    AsOption,
    /// Values that this text describes. Separate code reads them.
    Text(&'static str),
}

/// The sections whose option a variable sets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Owner {
    /// `[supervisord]`.
    Supervisord,
    /// All programs.
    Programs,
    /// The program of the command line.
    App,
}

impl Owner {
    /// Whether the owner includes this section.
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

impl Variable {
    pub(super) const fn of_option(
        name: &'static str,
        stands_for: (Owner, &'static dyn Setting),
        doc: &'static str,
    ) -> Self {
        let stands_for = Some(stands_for);
        Self { name, default: None, accepts: Accepts::AsOption, stands_for, doc, once: false }
    }

    /// The value that applies if it is not set; empty if there is none.
    #[must_use]
    pub fn default(&self) -> &'static str {
        let of_option = || self.def().and_then(|def| def.default.app);
        self.default.or_else(of_option).unwrap_or_default()
    }

    /// A description of the accepted values.
    #[must_use]
    pub fn accepts(&self) -> String {
        match self.accepts {
            Accepts::Text(text) => text.to_owned(),
            Accepts::AsOption => self.def().map_or_else(String::new, |def| def.what.to_owned()),
            Accepts::Whole { unit, min, max } => {
                let number = match unit {
                    "" => "a whole number".to_owned(),
                    unit => format!("a whole number of {unit}"),
                };
                match max {
                    Some(max) => format!("{number} from {min} to {max}"),
                    None => format!("{number}, {min} or more"),
                }
            }
        }
    }

    /// The subject of this variable and those after it, if it is the first one of the subject.
    #[must_use]
    pub fn subject(&self) -> Option<&'static str> {
        SUBJECTS.iter().find(|(first, _)| *first == self.name).map(|(_, subject)| *subject)
    }

    /// Whether it has an effect on a command that runs once.
    #[must_use]
    pub fn acts_once(&self) -> bool {
        self.once || self.def().is_some_and(|def| without_effect::acts_once(def.key))
    }

    /// The section and key of the option that it sets.
    #[must_use]
    pub fn option(&self) -> Option<(&'static str, &'static str)> {
        let (owner, setting) = self.stands_for?;
        let section = match owner {
            Owner::Supervisord => "supervisord",
            Owner::Programs | Owner::App => "program:NAME",
        };
        Some((section, setting.def().key))
    }

    fn def(&self) -> Option<&'static OptionDef> {
        self.stands_for.map(|(_, setting)| setting.def())
    }

    /// Whether other programs may read it as well, so that its value may not be meant for the
    /// supervisor.
    pub(crate) fn is_shared(&self) -> bool {
        !self.name.starts_with(PREFIX) && !self.name.starts_with(overlay::PREFIX)
    }

    /// Reports an invalid value. For a shared variable this is only a note, because its value may
    /// be meant for the server and must not prevent the start of the container.
    pub(crate) fn reject(&self, report: &mut Report, why: &str) {
        if !self.is_shared() {
            report.error(why);
        } else if self.default().is_empty() {
            report.warn(format!("{why}; ignoring it"));
        } else {
            report.warn(format!("{why}; using the default, {}", self.default()));
        }
    }
}

/// Whether the command is supervised or runs once.
pub(crate) const AUTO_RECOVERY: Variable = Variable {
    name: "PROCESS_AUTO_RECOVERY",
    default: Some("true"),
    accepts: Accepts::Text("true or 1; any other value is off"),
    stands_for: None,
    doc: "`true` or `1`: restart the program when it exits. Any other value: run it once, as a plain init does.",
    once: true,
};

/// Level of the log, by a name that servers read as well.
pub(crate) const LOG_LEVEL: Variable = Variable {
    name: "LOG_LEVEL",
    default: None,
    accepts: Accepts::Text(LEVELS),
    stands_for: Some((Owner::Supervisord, &options::LOGLEVEL)),
    doc: "Level of the supervisor's own log, if `PROCESS_LOG_LEVEL` is not set. The supervisor ignores a value that is not one of its levels and uses `info`, because the server may read this variable as well.",
    once: false,
};

/// Level of the log.
pub(crate) const OWN_LOG_LEVEL: Variable = Variable {
    name: "PROCESS_LOG_LEVEL",
    default: Some(""),
    accepts: Accepts::Text(LEVELS),
    stands_for: Some((Owner::Supervisord, &options::LOGLEVEL)),
    doc: "Level of the supervisor's own log: debug, info, warn (or warning), error or critical. Overrides `LOG_LEVEL`, which the server may read as well.",
    once: false,
};

/// Format of the log, by a name that servers read as well.
pub(crate) const LOG_FORMAT: Variable = Variable {
    name: "LOG_FORMAT",
    default: None,
    accepts: Accepts::AsOption,
    stands_for: Some((Owner::Supervisord, &options::LOG_FORMAT_KEY)),
    doc: "Format of the supervisor's own log, if `PROCESS_LOG_FORMAT` is not set. The supervisor ignores any value but `text` and `json` and uses `text`, because the server may read this variable as well.",
    once: true,
};

/// Format of the log.
pub(crate) const OWN_LOG_FORMAT: Variable = Variable {
    name: "PROCESS_LOG_FORMAT",
    default: Some(""),
    accepts: Accepts::AsOption,
    stands_for: Some((Owner::Supervisord, &options::LOG_FORMAT_KEY)),
    doc: "Format of the supervisor's own log: text, or json for one JSON object per line. The output of programs is unchanged. Overrides `LOG_FORMAT`, which the server may read as well.",
    once: true,
};

/// The address of the status port.
pub(crate) const STATUS_PORT: Variable = Variable::of_option(
    "PROCESS_STATUS_PORT",
    (Owner::Supervisord, &options::STATUS_PORT_KEY),
    "Port, or host:port, that answers `/livez`, `/readyz`, `/startupz`, `/ping` and `/metrics`.",
);

/// Delay before the stop signal.
pub(crate) const PRESTOP_DELAY_SECS: Variable = Variable::of_option(
    "PROCESS_PRESTOP_DELAY_SECS",
    (Owner::Supervisord, &options::PRESTOP_DELAY_KEY),
    "Delay before the stop signal is sent, in seconds. `/readyz` returns 503 during the delay.",
);

/// The path of the effective configuration.
pub(crate) const CONFIG_PATH: Variable = Variable {
    name: "SUPERVISOR_CONFIG_PATH",
    default: Some("/tmp/supervisord.conf"),
    accepts: Accepts::Text("a path"),
    stands_for: None,
    doc: "File for the effective configuration. If you set a path, the file is overwritten and kept after exit; the default file is removed on exit.",
    once: false,
};

/// Whether stale files are removed.
pub(crate) const REMOVE_LEFTOVERS: Variable = Variable::of_option(
    "PROCESS_REMOVE_LEFTOVERS",
    (Owner::Programs, &options::REMOVE_LEFTOVERS),
    "Before a restart and at exit, remove stale files in `/dev/shm` and stale sockets that the supervisor can link to the program. `all`: also those of the same user that it cannot link to the program, and before the first start. `false`: none.",
);

/// Whether the delay ends early when the server is idle.
pub(crate) const PRESTOP_UNTIL_IDLE: Variable = Variable::of_option(
    "PROCESS_PRESTOP_UNTIL_IDLE",
    (Owner::Supervisord, &options::PRESTOP_UNTIL_IDLE),
    "`true`: end the delay early when no request is running or waiting. Needs the preset vllm, sglang, tgi or llama.cpp.",
);

/// Minimum length of the delay.
pub(crate) const PRESTOP_MIN_SECS: Variable = Variable::of_option(
    "PROCESS_PRESTOP_MIN_SECS",
    (Owner::Supervisord, &options::PRESTOP_MIN),
    "Minimum delay, in seconds, even if the server is idle, because load balancers need time to notice.",
);

/// Time limit for a whole shutdown.
pub(crate) const STOP_BUDGET_SECS: Variable = Variable::of_option(
    "PROCESS_STOP_BUDGET_SECS",
    (Owner::Supervisord, &options::STOP_BUDGET),
    "Time limit for a whole shutdown, in seconds, such as 9 for `docker stop`, which kills after 10. The supervisor reduces grace periods to fit.",
);

/// Grace period of leftover processes.
pub(crate) const LEFTOVER_GRACE_SECS: Variable = Variable::of_option(
    "PROCESS_LEFTOVER_GRACE_SECS",
    (Owner::Programs, &options::LEFTOVER_GRACE),
    "Grace period of leftover processes when the server exited by itself, in seconds: time between SIGTERM and SIGKILL.",
);

/// The port to wait for.
pub(crate) const AWAIT_PORT: Variable = Variable::of_option(
    "PROCESS_AWAIT_PORT",
    (Owner::App, &options::AWAIT_PORT),
    "Port of the server. Before a restart, the supervisor waits up to 10 seconds until the port is free. The log names the process that uses it.",
);

/// The servers to wait for.
pub(crate) const WAIT_FOR: Variable = Variable::of_option(
    "PROCESS_WAIT_FOR",
    (Owner::App, &options::WAIT_FOR),
    "Servers that must accept a connection before every start of the program, as `host:port,host:port`. Until then the program stays STOPPED, which does not count as a failure.",
);

/// Time limit for the wait.
pub(crate) const WAIT_TIMEOUT_SECS: Variable = Variable::of_option(
    "PROCESS_WAIT_TIMEOUT_SECS",
    (Owner::App, &options::WAIT_TIMEOUT),
    "Time limit for this wait, in seconds. When it is reached, the supervisor exits with code 1 and names the server.",
);

/// Signals that replace others.
pub(crate) const SIGNAL_MAP: Variable = Variable::of_option(
    "PROCESS_SIGNAL_MAP",
    (Owner::App, &options::SIGNAL_MAP),
    "Signals to replace before they are sent to the program, such as `TERM:QUIT,HUP:0`; `0` drops the signal.",
);

/// Files with environment variables.
pub(crate) const ENV_FILE: Variable = Variable::of_option(
    "PROCESS_ENV_FILE",
    (Owner::App, &options::ENV_FILE),
    "Files of environment variables for the program, one `KEY=VALUE` per line. Each start reads them again; they never configure the supervisor. A missing file is an error, unless its path begins with `-`.",
);

/// The memory limit of the program.
pub(crate) const MEMORY_LIMIT: Variable = Variable::of_option(
    "PROCESS_MEMORY_LIMIT",
    (Owner::App, &options::MEMORY_LIMIT),
    "Restart the program when it uses more memory than this, such as `40G`: the anonymous and shared memory of its process tree, without pages of files. Measured every 5 seconds.",
);

/// The part of the memory limit from which the supervisor warns.
pub(crate) const MEMORY_WARN_PERCENT: Variable = Variable::of_option(
    "PROCESS_MEMORY_WARN_PERCENT",
    (Owner::App, &options::MEMORY_WARN),
    "Percentage of `PROCESS_MEMORY_LIMIT` at which the supervisor logs a warning.",
);

/// The set of known failure texts.
pub(crate) const FAILURE_PRESET: Variable = Variable::of_option(
    "PROCESS_FAILURE_PRESET",
    (Owner::App, &failure_options::PRESET),
    "Known failure texts that the supervisor searches for at the end of the output, to find the class of a failure: those of servers, and of NVIDIA (`cuda`), AMD (`rocm`) or AWS Neuron (`neuron`) devices. `auto`: `cuda` with `PROCESS_HEALTH_PRESET`, otherwise `off`.",
);

/// Whether the supervisor checks GPUs before a restart.
pub(crate) const AWAIT_GPU_MEMORY: Variable = Variable::of_option(
    "PROCESS_AWAIT_GPU_MEMORY",
    (Owner::App, &failure_options::AWAIT_GPU_MEMORY),
    "Before a restart, check with `nvidia-smi` (AMD and AWS Neuron: sysfs) that all GPUs exist, and wait up to 120 seconds until their memory is free. If a GPU is lost, the supervisor gives up. `auto`: with a failure preset.",
);

/// The action after the failure of a rank.
pub(crate) const RANK_POLICY: Variable = Variable::of_option(
    "PROCESS_RANK_POLICY",
    (Owner::App, &failure_options::RANK_POLICY),
    "Action after a failure of a server that is one rank of several. `restart`: the retry settings apply. `exit`: the supervisor exits without a restart, so that the platform, such as LeaderWorkerSet, recreates the whole group.",
);

/// Exit codes by class.
pub(crate) const EXIT_CODES: Variable = Variable::of_option(
    "PROCESS_EXIT_CODES",
    (Owner::Programs, &failure_options::EXIT_CODES),
    "Exit codes of the supervisor when it gives up, by the class of the last failure, such as `gpu_lost:71,config:78`. All other classes: 1.",
);

/// Behavior under another supervisor.
pub(crate) const NESTED: Variable = Variable {
    name: "PROCESS_NESTED",
    default: Some("once"),
    accepts: Accepts::Text("once or supervise"),
    stands_for: None,
    doc: "Behavior inside a program of another `standard-supervisor`. `once`: run the command once and install nothing. `supervise`: supervise it as well.",
    once: true,
};

/// The directory of crash reports.
pub(crate) const CRASH_DIR: Variable = Variable::of_option(
    "PROCESS_CRASH_DIR",
    (Owner::Supervisord, &options::CRASH_DIR),
    "Directory for JSON crash reports, one for each unexpected exit; the latest ten are kept. `off` disables them.",
);

/// The container's termination message.
pub(crate) const TERMINATION_LOG: Variable = Variable::of_option(
    "PROCESS_TERMINATION_LOG",
    (Owner::Supervisord, &options::TERMINATION_LOG),
    "Kubernetes termination message file: summary of the latest unexpected exit. The default path is used only if it exists. `off` disables it.",
);

/// Any option of supervisord; read by `overlay`.
pub const OVERRIDE: Variable = Variable {
    name: "SUPERVISOR_{SECTION}_{KEY}",
    default: Some(""),
    accepts: Accepts::Text("the values of the option"),
    stands_for: None,
    doc: "Any option of a supervisord configuration; `__` in the section stands for `:`.",
    once: false,
};

/// Health options; `overlay` reads them with the table in `health_options`.
pub const HEALTH: Variable = Variable {
    name: "PROCESS_HEALTH_{KEY}",
    default: Some(""),
    accepts: Accepts::Text("the values of the option"),
    stands_for: None,
    doc: "Readiness and health checks, and the action when the program is unhealthy. For a known server, set `PROCESS_HEALTH_PRESET`, for example to `vllm`.",
    once: false,
};

/// All variables by subject, the most important ones first.
pub static VARIABLES: [Variable; 51] = [
    AUTO_RECOVERY,
    MAX_START_RETRIES,
    RETRIES_BEFORE_READY,
    RETRY_RESET_SECS,
    RETRY_FACTOR,
    RETRY_WAIT_SECS,
    RETRY_WAIT_MAX_SECS,
    RETRY_JITTER,
    HEALTH,
    STATUS_PORT,
    MEMORY_LIMIT,
    MEMORY_WARN_PERCENT,
    PRESTOP_DELAY_SECS,
    PRESTOP_UNTIL_IDLE,
    PRESTOP_MIN_SECS,
    STOP_BUDGET_SECS,
    SIGNAL_MAP,
    REMOVE_LEFTOVERS,
    LEFTOVER_GRACE_SECS,
    FAILURE_PRESET,
    AWAIT_GPU_MEMORY,
    EXIT_CODES,
    RANK_POLICY,
    CRASH_DIR,
    TERMINATION_LOG,
    ENV_FILE,
    WAIT_FOR,
    WAIT_TIMEOUT_SECS,
    AWAIT_PORT,
    NESTED,
    limits::NICE,
    limits::OOM_SCORE_ADJ,
    limits::LIMIT_NOFILE,
    limits::LIMIT_CORE,
    limits::LIMIT_MEMLOCK,
    limits::LIMIT_STACK,
    limits::LIMIT_NPROC,
    output::OUTPUT_PREFIX,
    output::OUTPUT_FORMAT,
    output::SYSLOG_ADDRESS,
    OWN_LOG_LEVEL,
    OWN_LOG_FORMAT,
    LOG_LEVEL,
    LOG_FORMAT,
    OVERRIDE,
    CONFIG_PATH,
    COMMAND,
    AUTO_INSTALL,
    MODEL_PATH,
    PIP_ARGS,
    PIP_TIMEOUT,
];

/// The first variable of each subject, and the subject.
static SUBJECTS: [(&str, &str); 9] = [
    (AUTO_RECOVERY.name, "Restarts"),
    (HEALTH.name, "Health and status"),
    (PRESTOP_DELAY_SECS.name, "Stop"),
    (FAILURE_PRESET.name, "Failures"),
    (ENV_FILE.name, "Start"),
    (limits::NICE.name, "Limits"),
    (output::OUTPUT_PREFIX.name, "Output and log"),
    (OVERRIDE.name, "Other options"),
    (COMMAND.name, "SageMaker and Python packages"),
];

/// The variable that sets this option in command mode.
#[must_use]
pub fn variable_of(def: &OptionDef) -> Option<&'static Variable> {
    let is_of = |variable: &&Variable| variable.def().is_some_and(|known| known.key == def.key);
    // A variable that overrides another one has no default.
    VARIABLES.iter().filter(is_of).find(|variable| variable.default.is_none())
}
