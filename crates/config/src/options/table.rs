//! Every option there is but those of health: one row each.

use std::path::PathBuf;
use std::time::Duration;

use supervisor_core::level::Level;
use supervisor_core::signal::Signal;
use supervisor_core::spec::start::{Dependency, HostPort};
use supervisor_core::spec::{Autorestart, RemoveLeftovers, StopTarget, User};

use super::failure_options;
use super::{Key, OptionDef, Reach, Setting, default, options};
use crate::settings::supervisord::LogFormat;
use crate::values::{self, FcgiSocket, InetAddress, LogTarget, Owner};

/// What supervisord doesn't have, by section.
pub const EXTENSIONS: [(&str, &OptionDef); 21] = [
    ("program", &RETRYRESETSECS.def),
    ("program", &ESSENTIAL.def),
    ("program", &KILLTREE.def),
    ("program", &REMOVE_LEFTOVERS.def),
    ("program", &AWAIT_PORT.def),
    ("program", &DEPENDS_ON.def),
    ("program", &WAIT_FOR.def),
    ("program", &WAIT_TIMEOUT.def),
    ("program", &RETRIES_BEFORE_READY.def),
    ("program", &failure_options::PRESET.def),
    ("program", &failure_options::AWAIT_GPU_MEMORY.def),
    ("program", &failure_options::RANK_POLICY.def),
    ("program", &failure_options::EXIT_CODES.def),
    ("supervisord", &CRASH_LINE.def),
    ("supervisord", &CRASH_DIR.def),
    ("supervisord", &CRASH_KEEP.def),
    ("supervisord", &TERMINATION_LOG.def),
    ("inet_http_server", &ALLOW_UNAUTHENTICATED.def),
    ("supervisord", &STATUS_PORT_KEY.def),
    ("supervisord", &PRESTOP_DELAY_KEY.def),
    ("supervisord", &LOG_FORMAT_KEY.def),
];

options! { SUPERVISORD:
    /// Where the supervisor's own lines go.
    LOGFILE: PathBuf = FILE_PATH("logfile", Global) default "supervisord.log", command "/dev/null";
    /// Size from which that file is rotated; 0: never.
    LOGFILE_MAXBYTES: i64 = BYTE_SIZE("logfile_maxbytes", Global) default "50MB";
    /// How many rotated files are kept.
    LOGFILE_BACKUPS: i64 = INTEGER("logfile_backups", Global) default "10";
    /// How much the supervisor says.
    LOGLEVEL: Level = LOG_LEVEL("loglevel", Global) default "info";
    /// Where the supervisor's process id is written.
    PIDFILE: PathBuf = FILE_PATH("pidfile", Global) default "supervisord.pid", command "/tmp/supervisord-app.pid", once "/dev/null";
    /// The supervisor's file mode creation mask.
    SUPERVISORD_UMASK: u32 = OCTAL("umask", Global) default "022";
    /// Stay in the foreground.
    NODAEMON: bool = BOOLEAN("nodaemon", Global) default "false", command "true";
    /// Don't repeat the supervisor's lines on stdout.
    SILENT: bool = BOOLEAN("silent", Global) default "false";
    /// File descriptors that must be available.
    MINFDS: i64 = INTEGER("minfds", Global) default "1024";
    /// Processes that must be available.
    MINPROCS: i64 = INTEGER("minprocs", Global) default "200";
    /// Keep the AUTO log files of earlier runs.
    NOCLEANUP: bool = BOOLEAN("nocleanup", Global) default "false";
    /// Where AUTO log files are created; the directory for temporary files if unset.
    CHILDLOGDIR: PathBuf = EXISTING_DIRECTORY("childlogdir", Global) default unset;
    /// Whom the supervisor becomes.
    SUPERVISORD_USER: User = USER("user", Global) default unset;
    /// Where the supervisor works once it has left the foreground.
    SUPERVISORD_DIRECTORY: PathBuf = EXISTING_DIRECTORY("directory", Global) default unset;
    /// Remove terminal control sequences from programs' output.
    STRIP_ANSI: bool = BOOLEAN("strip_ansi", Global) default "false";
    /// Environment of all programs.
    SUPERVISORD_ENVIRONMENT: Vec<(String, String)> = ENVIRONMENT("environment", Global) default "";
    /// The name that events and AUTO log files carry.
    IDENTIFIER: String = TEXT("identifier", Global) default "supervisor";
    /// How the supervisor's own lines are written: as supervisord does, or each as a JSON object. Not in supervisord.
    LOG_FORMAT_KEY: LogFormat = LOG_FORMAT("log_format", Global) default "text";
    /// Where to answer `/livez`, `/readyz`, `/startupz`, `/ping` and `/metrics`, to anybody; without a host: on every address. Not in supervisord.
    STATUS_PORT_KEY: Option<InetAddress> = STATUS_PORT("status_port", Global) default "off";
    /// How long programs go on after a stop was asked for, while `/readyz` says that there should be no more work. Not in supervisord.
    PRESTOP_DELAY_KEY: Duration = PRESTOP_DELAY("prestop_delay_secs", Global) default "0";
    /// End that delay early, when no request runs or waits. Needs metrics that say so, as those of the presets vllm, sglang, tgi and llama.cpp; without them the delay takes its full time. Not in supervisord.
    PRESTOP_UNTIL_IDLE: bool = BOOLEAN("prestop_until_idle", Global) default "false";
    /// Time that the delay takes in any case, because load balancers need it to notice. Not in supervisord.
    PRESTOP_MIN: Duration = PRESTOP_DELAY("prestop_min_secs", Global) default "5";
    /// Time for a whole shutdown, in seconds: the delay above, and the grace periods of all programs that stop one after the other, cut to what fits. Not in supervisord.
    STOP_BUDGET: Option<Duration> = SPAN_OR_OFF("stop_budget_secs", Global) default "off";
}

options! { PROGRAM:
    /// The command line to run.
    COMMAND: String = COMMAND_LINE("command", Process) default unset;
    /// The name of each process.
    PROCESS_NAME: String = TEXT("process_name", Process) default "%(program_name)s";
    /// How many processes to run.
    NUMPROCS: i64 = INTEGER("numprocs", Program) default "1";
    /// The number of the first of them.
    NUMPROCS_START: i64 = INTEGER("numprocs_start", Program) default "0";
    /// Lower starts earlier and stops later; event listeners start first unless it is set.
    PRIORITY: i64 = INTEGER("priority", Global) default "999";
    /// Start with the supervisor.
    AUTOSTART: bool = BOOLEAN("autostart", Program) default "true";
    /// Uptime from which a start counts as successful.
    STARTSECS: i64 = SECONDS("startsecs", Program) default "1", once "0";
    /// How many failed starts are retried.
    STARTRETRIES: i64 = INTEGER("startretries", Program) default "3", once "0";
    /// Whether it is started again after it ended: always, never, or after an unexpected exit.
    AUTORESTART: Autorestart = AUTORESTART("autorestart", Program) default "unexpected", command "true", once "false";
    /// Exit codes that are expected.
    EXITCODES: Vec<u8> = EXIT_CODES("exitcodes", Program) default "0", app "255", once "";
    /// The signal that asks it to stop.
    STOPSIGNAL: Signal = SIGNAL("stopsignal", Program) default "TERM";
    /// How long it may take to stop before it is killed.
    STOPWAITSECS: i64 = SECONDS("stopwaitsecs", Program) default "10", command "30";
    /// Which processes get the stop signal: the main process, which stops its own workers, or its whole process group at once. If unset, as `stopasgroup` says. Not in supervisord.
    STOP_TARGET: StopTarget = STOP_TARGET("stop_target", Program) default unset, command "main";
    /// Send the stop signal to the whole process group, unless `stop_target` is set.
    STOPASGROUP: bool = BOOLEAN("stopasgroup", Program) default "false", command "true";
    /// Send SIGKILL to the whole process group; as `stopasgroup` if unset.
    KILLASGROUP: bool = BOOLEAN("killasgroup", Program) default unset, command "true";
    /// Whom it runs as. With a command line HOME, USER and LOGNAME are that user's unless `environment` sets them.
    PROGRAM_USER: User = USER("user", Program) default unset;
    /// Its file mode creation mask.
    PROGRAM_UMASK: u32 = OCTAL("umask", Program) default unset;
    /// Its working directory.
    DIRECTORY: String = TEXT("directory", Process) default unset;
    /// Its stderr goes where its stdout goes.
    REDIRECT_STDERR: bool = BOOLEAN("redirect_stderr", Program) default "false", app "true", once "false";
    /// Where its stdout goes.
    STDOUT_LOGFILE: LogTarget = LOG_TARGET("stdout_logfile", Process) default "AUTO", command "/dev/stdout";
    /// Size from which that file is rotated; 0: never.
    STDOUT_LOGFILE_MAXBYTES: i64 = BYTE_SIZE("stdout_logfile_maxbytes", Process) default "50MB", app "0";
    /// How many rotated files are kept.
    STDOUT_LOGFILE_BACKUPS: i64 = INTEGER("stdout_logfile_backups", Process) default "10";
    /// Size of the buffer for messages that a program marks in its stdout; 0: don't look for them.
    STDOUT_CAPTURE_MAXBYTES: i64 = BYTE_SIZE("stdout_capture_maxbytes", Program) default "0";
    /// Make an event of everything written to stdout.
    STDOUT_EVENTS_ENABLED: bool = BOOLEAN("stdout_events_enabled", Program) default "false";
    /// Also send stdout to syslog.
    STDOUT_SYSLOG: bool = BOOLEAN("stdout_syslog", Process) default "false";
    /// Where its stderr goes.
    STDERR_LOGFILE: LogTarget = LOG_TARGET("stderr_logfile", Process) default "AUTO", command "/dev/stderr";
    /// Size from which that file is rotated; 0: never.
    STDERR_LOGFILE_MAXBYTES: i64 = BYTE_SIZE("stderr_logfile_maxbytes", Process) default "50MB", app "0";
    /// How many rotated files are kept.
    STDERR_LOGFILE_BACKUPS: i64 = INTEGER("stderr_logfile_backups", Process) default "10";
    /// Size of the buffer for messages that a program marks in its stderr; 0: don't look for them.
    STDERR_CAPTURE_MAXBYTES: i64 = BYTE_SIZE("stderr_capture_maxbytes", Program) default "0";
    /// Make an event of everything written to stderr.
    STDERR_EVENTS_ENABLED: bool = BOOLEAN("stderr_events_enabled", Program) default "false";
    /// Also send stderr to syslog.
    STDERR_SYSLOG: bool = BOOLEAN("stderr_syslog", Process) default "false";
    /// Environment of this program, on top of `[supervisord]`'s.
    PROGRAM_ENVIRONMENT: Vec<(String, String)> = ENVIRONMENT("environment", Process) default "";
    /// The URL that the program is told the supervisor answers at.
    SERVERURL: String = TEXT("serverurl", Program) default "AUTO";
    /// End what a process leaves behind before anything else happens. Not in supervisord.
    KILLTREE: bool = BOOLEAN("killtree", Program) default "false", command "true";
    /// Time between SIGTERM and SIGKILL for leftover processes of a run that ended by itself, 0 to 60 seconds; after a stop they have what is left of `stopwaitsecs`. Needs `killtree`. Not in supervisord.
    LEFTOVER_GRACE: Duration = UP_TO_A_MINUTE("leftover_grace_secs", Program) default "2";
    /// Count every failure against `startretries`, until a run has stayed up that long. Not in supervisord.
    RETRYRESETSECS: Option<i64> = SECONDS_OR_OFF("retryresetsecs", Program) default "off", command "600", once "off";
}

options! { SERVER:
    /// The supervisor gives up when this program does, and ends when it has ended for good. With a command line the latter is so for the command alone. Not in supervisord.
    ESSENTIAL: bool = BOOLEAN("essential", Program) default "false", command "true";
    /// Between two runs and at the end, remove files in /dev/shm, and sockets, that no process uses: `true` only those that evidence links to the program, `all` all of its user in /dev/shm and all its sockets in /dev/shm, /tmp and its runtime directory, also before the first start, models excepted; needs `killtree`. Not in supervisord.
    REMOVE_LEFTOVERS: RemoveLeftovers = REMOVE_LEFTOVERS("remove_leftovers", Program) default "false", command "true", once "false";
    /// Between two runs, wait up to ten seconds until nobody listens at this port; who does is named in the log; needs `killtree`. Not in supervisord.
    AWAIT_PORT: Option<u16> = PORT_OR_OFF("await_port", Program) default "off";
}

options! { START:
    /// Programs that must have got somewhere before this one is started: `started` (RUNNING, the default), `ready`, or `completed` (exited as expected). Starts and stops keep this order whatever priorities say. Not in supervisord.
    DEPENDS_ON: Vec<Dependency> = DEPENDENCIES("depends_on", Program) default "";
    /// Servers that must accept a connection before every start. Not in supervisord.
    WAIT_FOR: Vec<HostPort> = HOSTS_AND_PORTS("wait_for", Program) default "off";
    /// How long that may take; after it, the supervisor gives up on the program. Not in supervisord.
    WAIT_TIMEOUT: Duration = SPAN("wait_timeout_secs", Program) default "600";
    /// How many failures in a row are retried before the program was ready for the first time; as `startretries` if off. Needs a readiness check. Not in supervisord.
    RETRIES_BEFORE_READY: Option<u32> = RETRIES_OR_OFF("retries_before_ready", Program) default "off";
}

options! { CRASH:
    /// Tell in one line of the log what is known of each run that ended unasked. Not in supervisord.
    CRASH_LINE: bool = BOOLEAN("crash_line", Global) default "false", command "true", once "false";
    /// The directory in which each such run leaves a file in JSON, and what was found out about it before. Not in supervisord.
    CRASH_DIR: Option<PathBuf> = PATH_OR_OFF("crash_dir", Global) default "off", command "/tmp/standard-supervisor-crashes", once "off";
    /// How many of the newest of these files are kept. Not in supervisord.
    CRASH_KEEP: i64 = INTEGER("crash_keep", Global) default "10";
    /// The file that tells the container's engine of the latest such run in at most 4096 bytes; one that was not asked for is written only where it is there already. Not in supervisord.
    TERMINATION_LOG: Option<PathBuf> = PATH_OR_OFF("termination_log", Global) default "off", command "/dev/termination-log", once "off";
}

options! { EVENTLISTENER:
    /// The events it is told of.
    EVENTS: Vec<String> = LIST("events", Global) default "";
    /// How many events wait for it at most.
    BUFFER_SIZE: i64 = INTEGER("buffer_size", Global) default "10";
    /// What judges its answers: supervisord's own, or `supervisor_stdout:event_handler`, which writes each answer to the supervisor's stdout as lines of a program.
    RESULT_HANDLER: String = TEXT("result_handler", Global) default "supervisor.dispatchers:default_handler";
}

options! { FCGI_PROGRAM:
    /// The socket that all its processes accept on.
    SOCKET: FcgiSocket = FCGI_SOCKET("socket", Program) default unset;
    /// How many connections may wait.
    SOCKET_BACKLOG: u16 = BACKLOG("socket_backlog", Global) default unset;
    /// Whose the socket is.
    SOCKET_OWNER: Owner = SOCKET_OWNER("socket_owner", Global) default unset;
    /// Who may connect.
    SOCKET_MODE: u32 = SOCKET_MODE("socket_mode", Global) default unset;
}

options! { GROUP:
    /// The programs that it is made of.
    PROGRAMS: Vec<String> = LIST("programs", Global) default "";
    /// Lower starts earlier and stops later.
    GROUP_PRIORITY: i64 = INTEGER("priority", Global) default "999";
}

options! { UNIX_HTTP_SERVER:
    /// The path of the socket.
    FILE: PathBuf = NORMAL_PATH("file", Global) default unset;
    /// Who may connect.
    CHMOD: u32 = CHMOD("chmod", Global) default "0700";
    /// Whose the socket is.
    CHOWN: Owner = CHOWN("chown", Global) default unset;
}

options! { INET_HTTP_SERVER:
    /// Where to listen.
    PORT: InetAddress = PORT("port", Global) default unset;
    /// Listen for other machines, too, though no password is set.
    ALLOW_UNAUTHENTICATED: bool = BOOLEAN("allow_unauthenticated", Global) default "false";
}

options! { AUTHENTICATION:
    /// Who may ask.
    USERNAME: String = TEXT("username", Global) default unset;
    /// The password, or `{SHA}` and its SHA-1 sum.
    PASSWORD: String = TEXT("password", Global) default unset;
}

options! { RPCINTERFACE:
    /// What answers calls.
    RPCINTERFACE_FACTORY: String = TEXT("supervisor.rpcinterface_factory", Global) default unset;
}

options! { SUPERVISORCTL:
    /// Where the supervisor answers.
    CTL_SERVERURL: String = TEXT("serverurl", Global) default "http://localhost:9001";
    /// What the prompt says.
    PROMPT: String = TEXT("prompt", Global) default "supervisor";
    /// Where the history of commands is kept.
    HISTORY_FILE: PathBuf = NORMAL_PATH("history_file", Global) default unset;
}

options! { CTLPLUGIN:
    /// What adds commands; Python only.
    CTL_FACTORY: String = TEXT("supervisor.ctl_factory", Global) default unset;
}

options! { INCLUDE:
    /// Patterns of files to read as well, with blanks between them.
    FILES: String = TEXT("files", Global) default unset;
}
