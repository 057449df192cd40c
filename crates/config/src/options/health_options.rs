//! The options for readiness, health checks and the action when a program is unhealthy, of programs
//! and FastCGI programs. supervisord does not have them.
//!
//! Each is also an environment variable for the program that `standard-supervisor COMMAND` runs:
//! `PROCESS_HEALTH_` and the key in capital letters, without the prefix `health_` of some keys.

use std::path::PathBuf;
use std::time::Duration;

use supervisor_core::signal::Signal;
use supervisor_core::spec::health::{Action, Header, HttpUrl, ListenerRule, Ready};

use crate::options::{Key, OptionDef, Reach, Setting, default, options};
use crate::presets::Preset;

/// The types of values: those of all options, and of presets.
mod values {
    pub(super) use crate::presets::PRESET;
    pub(super) use crate::values::*;
}

options! { extensions HEALTH:
    /// Preset for a known server: health URL, metrics URL, progress metrics and stop behavior. Options that you set yourself override the preset.
    PRESET: &'static Preset = PRESET("health_preset", Program) default unset;
    /// Port of the preset's server. If unset, the preset reads it from the command and its environment, or uses the server's default port.
    PORT: u16 = PORT_NUMBER("health_port", Process) default unset, change Live;
    /// URL of the health check (GET).
    URL: HttpUrl = URL("health_url", Process) default unset, change Live;
    /// Address that must accept a TCP connection. This is the whole health check.
    TCP: (String, u16) = HOST_AND_PORT("health_tcp", Process) default unset, change Live;
    /// Processes that may answer until the check first succeeds: `own` (processes of this supervisor) or `any`. A process that is not visible, for example in another container, may always answer.
    LISTENER: ListenerRule = LISTENER("health_listener", Program) default "own", change Live;
    /// HTTP headers of health and metrics requests, one per line, such as `Authorization: Bearer KEY`. The supervisor sends them only to addresses of this host, or over TLS with a verified certificate, and never shows their values.
    HEADERS: Vec<Header> = HEADERS("health_headers", Program) default unset, change Live;
    /// File with more headers, one per line, read before each request.
    HEADERS_FILE: PathBuf = FILE_PATH("health_headers_file", Program) default unset, change Live;
    /// CA file (PEM) for `https://` URLs, instead of the system's or `SSL_CERT_FILE`. Certificates are not verified for addresses of this host.
    TLS_CA_FILE: PathBuf = FILE_PATH("health_tls_ca_file", Program) default unset, change Live;
    /// Name in the certificate of an `https://` URL's server, if it is not the URL's host.
    TLS_NAME: String = HOST_NAME("health_tls_name", Program) default unset, change Live;
    /// Command that must exit with 0. It runs as the program does; its output is discarded.
    COMMAND: String = TEXT("health_command", Process) default unset, change Live;
    /// Time between checks, in seconds; at most 1 until the program is ready. If unset: 10, with the preset `ray` 60.
    INTERVAL: Duration = SPAN("health_interval", Program) default unset, change Live;
    /// Timeout of a check and of a metrics request, in seconds. If unset: 5, with the presets `sglang` 25, `ray` 30, `sagemaker` 2.
    TIMEOUT: Duration = SPAN("health_timeout", Program) default unset, change Live;
    /// Number of consecutive failed checks that make the program unhealthy.
    FAILURES: u32 = COUNT("health_failures", Program) default "3", change Live;
    /// Maximum random delay added to the interval, in seconds.
    JITTER: Duration = SPAN_OR_NONE("health_jitter", Program) default "0", change Live;
    /// HTTP statuses of a healthy response. If unset: 200 to 399.
    STATUS: Vec<u16> = STATUSES("health_status", Program) default unset, change Live;
    /// Text that a healthy response contains.
    BODY: String = TEXT_TO_FIND("health_body", Program) default unset, change Live;
    /// Time limit for the program to become ready, in seconds. When it is reached, the start has failed. If unset: 1800 with a preset that knows the server's address, otherwise no limit.
    START_TIMEOUT: Option<Duration> = SPAN_OR_OFF("health_start_timeout", Program) default unset, change NextStart;
    /// When the program is ready: after `startsecs`, when its check succeeds, when it sends `READY=1` (`sd_notify`), or when its output contains a text. If unset: `check` with a check, otherwise `startsecs`.
    READY: Ready = READY("ready", Program) default unset;
    /// Maximum time between two `WATCHDOG=1` notifications (`sd_notify`) of the program, in seconds.
    WATCHDOG: Duration = SPAN("watchdog_secs", Program) default unset;
    /// URL of the program's Prometheus metrics.
    PROGRESS_URL: HttpUrl = URL("progress_url", Process) default unset, change Live;
    /// Names of the gauges of requests in progress; the supervisor adds them up.
    PROGRESS_RUNNING: Vec<String> = SERIES("progress_running", Program) default unset, change Live;
    /// Names of the counters of work done; the supervisor adds them up.
    PROGRESS_DONE: Vec<String> = SERIES("progress_done", Program) default unset, change Live;
    /// Time between two metrics requests, in seconds.
    PROGRESS_INTERVAL: Duration = SPAN("progress_interval", Program) default "10", change Live;
    /// Time with requests in progress but no work done, in seconds, after which the program is unhealthy. While it makes progress, checks that time out do not count. For this time, checks may also time out while the process tree uses the CPU. If unset: 120, with the presets `vllm`, `sglang` and `triton` 300.
    PROGRESS_STALLED: Duration = SPAN("progress_stalled_secs", Program) default unset, change Live;
    /// Text in the command lines of the processes to count. Until the program is ready, processes with the same command line count once. If unset, a preset without an HTTP server sets it.
    TREE_PATTERN: String = TEXT_TO_FIND("tree_pattern", Process) default unset, change Live;
    /// Time between two counts of these processes, in seconds.
    TREE_INTERVAL: Duration = SPAN("tree_interval", Program) default "10", change Live;
    /// Time with fewer of these processes than before, in seconds, after which the program is unhealthy.
    TREE_PATIENCE: Duration = SPAN("tree_patience_secs", Program) default "30", change Live;
    /// Action when the program is unhealthy: `observe` only logs it; `restart` and `stop` act on the program; `exit:N` stops everything and exits with code N.
    ACTION: Action = ACTION("health_action", Program) default "restart", change Live;
    /// Grace period when an unhealthy program is stopped, in seconds; at most `stopwaitsecs`. Short, because a hung server does not drain.
    STOP: Duration = SPAN_OR_NONE("health_stop_secs", Program) default "10", change Live;
    /// Signal that makes the program print its stacks. The supervisor sends it before it stops an unhealthy program.
    DUMP_SIGNAL: Option<Signal> = SIGNAL_OR_OFF("dump_signal", Program) default "off", change Live;
    /// Time limit for collecting diagnostics before an unhealthy program is stopped, in seconds.
    EVIDENCE: Duration = SPAN("evidence_secs", Program) default "10", change Live;
}

/// The prefix of variables for these options.
pub(crate) const PREFIX: &str = "PROCESS_HEALTH_";

/// The definitions of these options.
pub fn options() -> impl Iterator<Item = &'static OptionDef> {
    HEALTH.iter().map(|setting| setting.def())
}

/// Whether one of these options has this key.
#[must_use]
pub fn has(key: &str) -> bool {
    HEALTH.iter().any(|setting| setting.def().key == key)
}

/// The variable that sets this option of the command's program.
#[must_use]
pub fn variable(key: &str) -> String {
    format!("{PREFIX}{}", key.strip_prefix("health_").unwrap_or(key).to_uppercase())
}

/// The variables and the keys that they set.
pub(crate) fn variables() -> impl Iterator<Item = (String, &'static str)> {
    HEALTH.iter().map(|setting| setting.def().key).map(|key| (variable(key), key))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_health_option_has_a_unique_variable() {
        let mut names: Vec<String> = variables().map(|(name, _)| name).collect();
        assert!(names.contains(&"PROCESS_HEALTH_URL".to_owned()));
        assert!(names.contains(&"PROCESS_HEALTH_PROGRESS_URL".to_owned()));
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), HEALTH.len());
    }
}
