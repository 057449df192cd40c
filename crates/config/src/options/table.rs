//! All options except those of the other files in this directory: one row each.

use std::path::PathBuf;
use std::time::Duration;

use supervisor_core::level::Level;
use supervisor_core::signal::{Signal, SignalMap};
use supervisor_core::spec::start::{Dependency, HostPort};
use supervisor_core::spec::{Autorestart, EnvFile, RemoveLeftovers, StopTarget, User};

use super::{Key, OptionDef, Reach, Setting, default, options};
use crate::settings::supervisord::LogFormat;
use crate::values::{self, FcgiSocket, InetAddress, LogTarget, Owner};

options! { SUPERVISORD:
    /// File for the supervisor's own log.
    LOGFILE: PathBuf = FILE_PATH("logfile", Global) default "supervisord.log", command "/dev/null";
    /// Size at which this log is rotated. `0`: never.
    LOGFILE_MAXBYTES: i64 = BYTE_SIZE("logfile_maxbytes", Global) default "50MB";
    /// Number of rotated files to keep.
    LOGFILE_BACKUPS: i64 = INTEGER("logfile_backups", Global) default "10";
    /// Level of the supervisor's own log.
    LOGLEVEL: Level = LOG_LEVEL("loglevel", Global) default "info";
    /// File with the supervisor's process id.
    PIDFILE: PathBuf = FILE_PATH("pidfile", Global) default "supervisord.pid", command "/tmp/supervisord-app.pid", once "/dev/null";
    /// File mode creation mask of the supervisor.
    SUPERVISORD_UMASK: u32 = OCTAL("umask", Global) default "022";
    /// Stay in the foreground.
    NODAEMON: bool = BOOLEAN("nodaemon", Global) default "false", command "true";
    /// Do not repeat the supervisor's log on stdout.
    SILENT: bool = BOOLEAN("silent", Global) default "false";
    /// File descriptors that must be available.
    MINFDS: i64 = INTEGER("minfds", Global) default "1024";
    /// Processes that must be available.
    MINPROCS: i64 = INTEGER("minprocs", Global) default "200";
    /// Keep the AUTO log files of earlier runs.
    NOCLEANUP: bool = BOOLEAN("nocleanup", Global) default "false";
    /// Directory for AUTO log files. If unset: the directory for temporary files.
    CHILDLOGDIR: PathBuf = EXISTING_DIRECTORY("childlogdir", Global) default unset;
    /// User to switch to at startup: a name or a numeric id.
    SUPERVISORD_USER: User = USER("user", Global) default unset;
    /// Working directory of the daemonized supervisor.
    SUPERVISORD_DIRECTORY: PathBuf = EXISTING_DIRECTORY("directory", Global) default unset;
    /// Remove terminal control sequences from programs' output.
    STRIP_ANSI: bool = BOOLEAN("strip_ansi", Global) default "false";
    /// Environment variables for all programs.
    SUPERVISORD_ENVIRONMENT: Vec<(String, String)> = ENVIRONMENT("environment", Global) default "";
    /// Name of the supervisor in events and AUTO log files.
    IDENTIFIER: String = TEXT("identifier", Global) default "supervisor";
}

options! { extensions SUPERVISORD_POLICIES:
    /// Format of the supervisor's own log: supervisord's, or one JSON object per line.
    LOG_FORMAT_KEY: LogFormat = LOG_FORMAT("log_format", Global) default "text";
    /// Port that answers `/livez`, `/readyz`, `/startupz`, `/ping` and `/metrics`, without a password. Without a host, it listens on all addresses.
    STATUS_PORT_KEY: Option<InetAddress> = STATUS_PORT("status_port", Global) default "off";
    /// Delay before the stop signal is sent, in seconds. `/readyz` returns 503 during the delay.
    PRESTOP_DELAY_KEY: Duration = PRESTOP_DELAY("prestop_delay_secs", Global) default "0";
    /// End the delay early when no request is running or waiting. Needs the metrics of the preset vllm, sglang, tgi or llama.cpp; without them the supervisor waits the full delay.
    PRESTOP_UNTIL_IDLE: bool = BOOLEAN("prestop_until_idle", Global) default "false";
    /// Minimum delay, in seconds, even if the server is idle, because load balancers need time to notice.
    PRESTOP_MIN: Duration = PRESTOP_DELAY("prestop_min_secs", Global) default "5";
    /// Time limit for a whole shutdown, in seconds: the delay before the stop signal and the grace periods of all programs. The supervisor reduces grace periods to fit.
    STOP_BUDGET: Option<Duration> = SPAN_OR_OFF("stop_budget_secs", Global) default "off";
}

options! { PROGRAM:
    /// Command line of the program.
    COMMAND: String = COMMAND_LINE("command", Process) default unset;
    /// Name of each process.
    PROCESS_NAME: String = TEXT("process_name", Process) default "%(program_name)s";
    /// Number of processes.
    NUMPROCS: i64 = PROCESSES("numprocs", Program) default "1", change Live;
    /// Number of the first process.
    NUMPROCS_START: i64 = INTEGER("numprocs_start", Program) default "0", change Live;
    /// Start order: programs with a lower value start earlier and stop later. Event listeners start first unless it is set.
    PRIORITY: i64 = INTEGER("priority", Global) default "999", change Live;
    /// Start the program with the supervisor.
    AUTOSTART: bool = BOOLEAN("autostart", Program) default "true", change NextStart;
    /// Uptime from which a start counts as successful, in seconds.
    STARTSECS: i64 = SECONDS("startsecs", Program) default "1", once "0", change Live;
    /// Maximum number of consecutive start retries.
    STARTRETRIES: i64 = INTEGER("startretries", Program) default "3", once "0", change Live;
    /// Restart the program when it exits: always, never, or after an unexpected exit.
    AUTORESTART: Autorestart = AUTORESTART("autorestart", Program) default "unexpected", command "true", once "false", change Live;
    /// Exit codes that are expected.
    EXITCODES: Vec<u8> = EXIT_CODES("exitcodes", Program) default "0", app "255", once "", change Live;
    /// Signal that stops the program.
    STOPSIGNAL: Signal = SIGNAL("stopsignal", Program) default "TERM", change Live;
    /// Grace period: time between the stop signal and SIGKILL, in seconds.
    STOPWAITSECS: i64 = SECONDS("stopwaitsecs", Program) default "10", command "30", change Live;
    /// Send the stop signal to the whole process group, unless `stop_target` is set.
    STOPASGROUP: bool = BOOLEAN("stopasgroup", Program) default "false", command "true", change Live;
    /// Send SIGKILL to the whole process group. If unset, `stopasgroup` decides.
    KILLASGROUP: bool = BOOLEAN("killasgroup", Program) default unset, command "true", change Live;
    /// User that the program runs as. In command mode, HOME, USER and LOGNAME are set for this user unless `environment` sets them.
    PROGRAM_USER: User = USER("user", Program) default unset;
    /// File mode creation mask of the program.
    PROGRAM_UMASK: u32 = OCTAL("umask", Program) default unset;
    /// Working directory of the program.
    DIRECTORY: String = TEXT("directory", Process) default unset;
    /// Send stderr to the same destination as stdout.
    REDIRECT_STDERR: bool = BOOLEAN("redirect_stderr", Program) default "false", app "true", once "false";
    /// Destination of stdout.
    STDOUT_LOGFILE: LogTarget = LOG_TARGET("stdout_logfile", Process) default "AUTO", command "/dev/stdout";
    /// Size at which this file is rotated. `0`: never.
    STDOUT_LOGFILE_MAXBYTES: i64 = BYTE_SIZE("stdout_logfile_maxbytes", Process) default "50MB", app "0";
    /// Number of rotated files to keep.
    STDOUT_LOGFILE_BACKUPS: i64 = INTEGER("stdout_logfile_backups", Process) default "10";
    /// Size of the buffer for messages that the program marks in its stdout. `0`: disabled.
    STDOUT_CAPTURE_MAXBYTES: i64 = BYTE_SIZE("stdout_capture_maxbytes", Program) default "0";
    /// Send an event for everything that is written to stdout.
    STDOUT_EVENTS_ENABLED: bool = BOOLEAN("stdout_events_enabled", Program) default "false";
    /// Also send stdout to syslog.
    STDOUT_SYSLOG: bool = BOOLEAN("stdout_syslog", Process) default "false";
    /// Destination of stderr.
    STDERR_LOGFILE: LogTarget = LOG_TARGET("stderr_logfile", Process) default "AUTO", command "/dev/stderr";
    /// Size at which this file is rotated. `0`: never.
    STDERR_LOGFILE_MAXBYTES: i64 = BYTE_SIZE("stderr_logfile_maxbytes", Process) default "50MB", app "0";
    /// Number of rotated files to keep.
    STDERR_LOGFILE_BACKUPS: i64 = INTEGER("stderr_logfile_backups", Process) default "10";
    /// Size of the buffer for messages that the program marks in its stderr. `0`: disabled.
    STDERR_CAPTURE_MAXBYTES: i64 = BYTE_SIZE("stderr_capture_maxbytes", Program) default "0";
    /// Send an event for everything that is written to stderr.
    STDERR_EVENTS_ENABLED: bool = BOOLEAN("stderr_events_enabled", Program) default "false";
    /// Also send stderr to syslog.
    STDERR_SYSLOG: bool = BOOLEAN("stderr_syslog", Process) default "false";
    /// Environment variables for this program, in addition to those of `[supervisord]`.
    PROGRAM_ENVIRONMENT: Vec<(String, String)> = ENVIRONMENT("environment", Process) default "";
    /// Value of SUPERVISOR_SERVER_URL in the program's environment. `AUTO`: the supervisor's own address.
    SERVERURL: String = TEXT("serverurl", Program) default "AUTO";
}

options! { extensions PROGRAM_POLICIES:
    /// Files of environment variables for the program, one `KEY=VALUE` per line; `environment` overrides them. Each start reads them again. A missing file is an error, unless its path begins with `-`.
    ENV_FILE: Vec<EnvFile> = ENV_FILES("env_file", Process) default "";
    /// Which processes get the stop signal: the main process, which stops its own workers, or its whole process group at once. If unset, `stopasgroup` decides.
    STOP_TARGET: StopTarget = STOP_TARGET("stop_target", Program) default unset, command "main", change Live;
    /// Signals to replace before they are sent to the program, such as `TERM:QUIT,HUP:0`; `0` drops the signal. Applies to forwarded signals and to `stopsignal`.
    SIGNAL_MAP: SignalMap = SIGNAL_MAP("signal_map", Program) default "", change Live;
    /// Kill the leftover processes of a run before the next start.
    KILLTREE: bool = BOOLEAN("killtree", Program) default "false", command "true";
    /// Grace period of leftover processes when the main process exited by itself, in seconds: time between SIGTERM and SIGKILL. After a stop, they have the rest of `stopwaitsecs`. Needs `killtree`.
    LEFTOVER_GRACE: Duration = UP_TO_A_MINUTE("leftover_grace_secs", Program) default "2", change Live;
    /// Uptime that resets the failure count, in seconds. Until then, every failure counts against `startretries`. `off`: only failed starts count.
    RETRYRESETSECS: Option<i64> = SECONDS_OR_OFF("retryresetsecs", Program) default "off", command "600", once "off", change Live;
    /// Growth of the backoff delay with each consecutive failure: 2 doubles it, 1 keeps it constant. `off`: as in supervisord, 1, 2, 3 seconds and so on, without an upper limit. The first restart after a run that was RUNNING is immediate, and a program starts at most five times per second.
    RETRY_FACTOR: Option<u32> = FACTOR_OR_OFF("retry_factor", Program) default "off", change Live;
    /// First backoff delay, in seconds. Needs `retry_factor`.
    RETRY_WAIT: Duration = UP_TO_A_DAY("retry_wait_secs", Program) default "1", change Live;
    /// Maximum backoff delay, in seconds. Needs `retry_factor`.
    RETRY_WAIT_MAX: Duration = UP_TO_A_DAY("retry_wait_max_secs", Program) default "60", change Live;
    /// Random part of each backoff delay, so that programs that fail together do not restart together: with 0.25, a delay of 8 seconds takes 6 to 8. Needs `retry_factor`.
    RETRY_JITTER: u32 = PART("retry_jitter", Program) default "0", change Live;
    /// Restart the program when it uses more memory than this, in bytes: the anonymous and shared memory of its process tree, by its own cgroup if memory is counted there, otherwise with what several processes share counted once for each. Pages of files are not counted. Measured every 5 seconds; it acts when two measurements in a row are above the limit, with any `health_action`.
    MEMORY_LIMIT: Option<u64> = MEMORY_OR_OFF("memory_limit", Program) default "off", change Live;
    /// Percentage of `memory_limit` at which the supervisor logs a warning.
    MEMORY_WARN: u8 = PERCENT("memory_warn_percent", Program) default "90", change Live;
}

options! { extensions SERVER:
    /// If the supervisor gives up on this program, stop everything and exit with code 1. If the program exits and is not restarted, stop everything as well; in command mode this applies only to `app`.
    ESSENTIAL: bool = BOOLEAN("essential", Program) default "false", command "true";
    /// Between two runs and at exit, remove stale files in /dev/shm and stale sockets that no process uses. `true`: only those that the supervisor can link to the program. `all`: all files of the program's user in /dev/shm, and all its sockets in /dev/shm, /tmp and its runtime directory, also before the first start; model caches are kept. Needs `killtree`.
    REMOVE_LEFTOVERS: RemoveLeftovers = REMOVE_LEFTOVERS("remove_leftovers", Program) default "false", command "true", once "false", change Live;
    /// Between two runs, wait up to 10 seconds until this port is free. The log names the process that uses it. Needs `killtree`.
    AWAIT_PORT: Option<u16> = PORT_OR_OFF("await_port", Program) default "off", change Live;
}

options! { extensions START:
    /// Programs that must be `started` (RUNNING, the default), `ready`, or `completed` (exited as expected) before this one starts. This order overrides `priority`.
    DEPENDS_ON: Vec<Dependency> = DEPENDENCIES("depends_on", Program) default "", change NextStart;
    /// Servers that must accept a connection before every start.
    WAIT_FOR: Vec<HostPort> = HOSTS_AND_PORTS("wait_for", Program) default "off", change NextStart;
    /// Time limit for this wait, in seconds. When it is reached, the supervisor gives up on the program.
    WAIT_TIMEOUT: Duration = SPAN("wait_timeout_secs", Program) default "600", change NextStart;
    /// Maximum number of consecutive retries before the program is ready for the first time. `off`: `startretries` applies. Needs a readiness check.
    RETRIES_BEFORE_READY: Option<u32> = RETRIES_OR_OFF("retries_before_ready", Program) default "off", change Live;
    /// Number of processes of the program that must be ready, from 1 to `numprocs`, so that `/readyz` returns 200 and programs with `depends_on=NAME:ready` start.
    READY_PROCESSES: Option<u32> = NUMBER_OR_ALL("ready_processes", Program) default "all", change Live;
}

options! { extensions CRASH:
    /// Log one line for each unexpected exit.
    CRASH_LINE: bool = BOOLEAN("crash_line", Global) default "false", command "true", once "false";
    /// Directory for JSON crash reports, one for each unexpected exit, and for diagnostics of unhealthy programs.
    CRASH_DIR: Option<PathBuf> = PATH_OR_OFF("crash_dir", Global) default "off", command "/tmp/standard-supervisor-crashes", once "off";
    /// Number of crash reports to keep; the oldest are deleted.
    CRASH_KEEP: i64 = INTEGER("crash_keep", Global) default "10";
    /// Kubernetes termination message file: summary of the latest unexpected exit, at most 4096 bytes. The default path is used only if it exists.
    TERMINATION_LOG: Option<PathBuf> = PATH_OR_OFF("termination_log", Global) default "off", command "/dev/termination-log", once "off";
}

options! { EVENTLISTENER:
    /// Event types that the listener receives.
    EVENTS: Vec<String> = LIST("events", Global) default "";
    /// Number of events that may wait for the listener.
    BUFFER_SIZE: i64 = INTEGER("buffer_size", Global) default "10";
    /// Handler of the listener's results: supervisord's own, or `supervisor_stdout:event_handler`, which prints each result on the supervisor's stdout, with the program's name.
    RESULT_HANDLER: String = TEXT("result_handler", Global) default "supervisor.dispatchers:default_handler";
}

options! { FCGI_PROGRAM:
    /// Socket that all processes of the program accept connections on.
    SOCKET: FcgiSocket = FCGI_SOCKET("socket", Program) default unset;
    /// Length of the queue of pending connections.
    SOCKET_BACKLOG: u16 = BACKLOG("socket_backlog", Global) default unset;
    /// Owner of the socket.
    SOCKET_OWNER: Owner = SOCKET_OWNER("socket_owner", Global) default unset;
    /// Mode of the socket's file.
    SOCKET_MODE: u32 = SOCKET_MODE("socket_mode", Global) default unset;
}

options! { GROUP:
    /// Programs of the group.
    PROGRAMS: Vec<String> = LIST("programs", Global) default "";
    /// Start order: groups with a lower value start earlier and stop later.
    GROUP_PRIORITY: i64 = INTEGER("priority", Global) default "999", change Live;
}

options! { UNIX_HTTP_SERVER:
    /// Path of the socket.
    FILE: PathBuf = NORMAL_PATH("file", Global) default unset;
    /// Mode of the socket's file.
    CHMOD: u32 = CHMOD("chmod", Global) default "0700";
    /// Owner of the socket.
    CHOWN: Owner = CHOWN("chown", Global) default unset;
}

options! { INET_HTTP_SERVER:
    /// Address to listen on.
    PORT: InetAddress = PORT("port", Global) default unset;
}

options! { extensions INET_POLICIES:
    /// Accept connections from other hosts without a password.
    ALLOW_UNAUTHENTICATED: bool = BOOLEAN("allow_unauthenticated", Global) default "false";
}

options! { AUTHENTICATION:
    /// User name of clients.
    USERNAME: String = TEXT("username", Global) default unset;
    /// Password of clients, or `{SHA}` and its SHA-1 sum.
    PASSWORD: String = TEXT("password", Global) default unset;
}

options! { extensions PASSWORD_POLICIES:
    /// File with the password as its only line, instead of `password`.
    PASSWORD_FILE: PathBuf = NORMAL_PATH("password_file", Global) default unset;
}

options! { RPCINTERFACE:
    /// Factory of the RPC interface.
    RPCINTERFACE_FACTORY: String = TEXT("supervisor.rpcinterface_factory", Global) default unset;
}

options! { SUPERVISORCTL:
    /// Address of the supervisor.
    CTL_SERVERURL: String = TEXT("serverurl", Global) default "http://localhost:9001";
    /// Text of the prompt.
    PROMPT: String = TEXT("prompt", Global) default "supervisor";
    /// File with the history of commands.
    HISTORY_FILE: PathBuf = NORMAL_PATH("history_file", Global) default unset;
}

options! { CTLPLUGIN:
    /// Factory of additional commands. Needs Python; ignored.
    CTL_FACTORY: String = TEXT("supervisor.ctl_factory", Global) default unset;
}

options! { INCLUDE:
    /// Space-separated patterns of additional configuration files.
    FILES: String = TEXT("files", Global) default unset;
}
