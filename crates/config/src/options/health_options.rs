//! The options that set when a program is ready or unhealthy, and what follows. None is
//! supervisord's; programs and FastCGI programs have them.
//!
//! Each is also an environment variable of the program that `standard-supervisor COMMAND`
//! runs: `PROCESS_HEALTH_` and the key in capital letters, without the `health_` that some
//! begin with.

use std::path::PathBuf;
use std::time::Duration;

use supervisor_core::signal::Signal;
use supervisor_core::spec::health::{Action, Header, HttpUrl, ListenerRule, Ready};

use crate::options::{Key, OptionDef, Reach, Setting, default, options};
use crate::presets::Preset;

/// The types of values: those of all options, and presets.
mod values {
    pub(super) use crate::presets::PRESET;
    pub(super) use crate::values::*;
}

options! { extensions HEALTH:
    /// Server of which the supervisor knows the health check, the metrics and what a stop needs. Your own settings override the preset.
    PRESET: &'static Preset = PRESET("health_preset", Program) default unset;
    /// Port at which a preset's server is asked. If unset, the preset reads it from the command and its environment, or takes the server's usual one.
    PORT: u16 = PORT_NUMBER("health_port", Process) default unset;
    /// URL of the health check, a GET request.
    URL: HttpUrl = URL("health_url", Process) default unset;
    /// Address that must accept a connection, as the whole health check.
    TCP: (String, u16) = HOST_AND_PORT("health_tcp", Process) default unset;
    /// Which process may answer until the check has succeeded: `own`, one of this supervisor's, or `any`. A process that cannot be seen, as in another container, may always answer.
    LISTENER: ListenerRule = LISTENER("health_listener", Program) default "own";
    /// Headers of its requests, also of those for metrics: `Authorization: Bearer KEY`, one a line. The supervisor sends them only to this host's own addresses, or over TLS with a verified certificate, and shows their values nowhere.
    HEADERS: Vec<Header> = HEADERS("health_headers", Program) default unset;
    /// File with more headers, one per line, read before each request.
    HEADERS_FILE: PathBuf = FILE_PATH("health_headers_file", Program) default unset;
    /// File of certificates (PEM) to trust for `https://` URLs, in place of the system's or of `SSL_CERT_FILE`. At this host's own addresses no certificate is verified.
    TLS_CA_FILE: PathBuf = FILE_PATH("health_tls_ca_file", Program) default unset;
    /// Name in the certificate of an `https://` URL's server, if it is not the URL's host.
    TLS_NAME: String = HOST_NAME("health_tls_name", Program) default unset;
    /// Command that must exit with 0. It runs as the program does; its output is discarded.
    COMMAND: String = TEXT("health_command", Process) default unset;
    /// Time from one check to the next, in seconds; before the program is ready at most 1. If unset: 10, with the preset `ray` 60.
    INTERVAL: Duration = SPAN("health_interval", Program) default unset;
    /// Time limit for a check or a page of metrics, in seconds. If unset: 5, with the presets `sglang` 25, `ray` 30, `sagemaker` 2.
    TIMEOUT: Duration = SPAN("health_timeout", Program) default unset;
    /// Number of consecutive failed checks that make the program unhealthy.
    FAILURES: u32 = COUNT("health_failures", Program) default "3";
    /// Upper limit of a random time that is added to the interval, in seconds.
    JITTER: Duration = SPAN_OR_NONE("health_jitter", Program) default "0";
    /// Statuses of a good answer. If unset: 200 to 399.
    STATUS: Vec<u16> = STATUSES("health_status", Program) default unset;
    /// Text in a good answer.
    BODY: String = TEXT_TO_FIND("health_body", Program) default unset;
    /// Time within which the program must be ready, in seconds. Otherwise the start has failed. If unset there is no limit; with a preset it is 1800, unless the preset guesses the server's address.
    START_TIMEOUT: Option<Duration> = SPAN_OR_OFF("health_start_timeout", Program) default unset;
    /// When the program is ready: after `startsecs`, when its check succeeds, when it sends `READY=1` as systemd's services do, or when a text is in its output. If unset: `check` with a check, otherwise `startsecs`.
    READY: Ready = READY("ready", Program) default unset;
    /// Longest time between two `WATCHDOG=1` messages of the program, as systemd's services send them, in seconds.
    WATCHDOG: Duration = SPAN("watchdog_secs", Program) default unset;
    /// URL of its Prometheus metrics.
    PROGRESS_URL: HttpUrl = URL("progress_url", Process) default unset;
    /// Gauges of requests in progress; their sum counts.
    PROGRESS_RUNNING: Vec<String> = SERIES("progress_running", Program) default unset;
    /// Counters of work done; their sum counts.
    PROGRESS_DONE: Vec<String> = SERIES("progress_done", Program) default unset;
    /// Time from one reading of the metrics to the next, in seconds.
    PROGRESS_INTERVAL: Duration = SPAN("progress_interval", Program) default "10";
    /// Time with requests in progress and no work done that makes the program unhealthy, in seconds. While work is done, checks that time out do not. For this time checks may time out, and fail in no other way, while the process tree uses the CPU. If unset: 120, with the presets `vllm`, `sglang` and `triton` 300.
    PROGRESS_STALLED: Duration = SPAN("progress_stalled_secs", Program) default unset;
    /// Text in the command lines of its processes. Until the program is ready, processes with the same command line count once. If unset, a preset that finds no HTTP server sets it.
    TREE_PATTERN: String = TEXT_TO_FIND("tree_pattern", Process) default unset;
    /// Time from one count of these processes to the next, in seconds.
    TREE_INTERVAL: Duration = SPAN("tree_interval", Program) default "10";
    /// Time with fewer of these processes than before that makes the program unhealthy, in seconds.
    TREE_PATIENCE: Duration = SPAN("tree_patience_secs", Program) default "30";
    /// What happens when the program is unhealthy: `observe` logs it, `restart` restarts the program, `stop` stops it, `exit:N` stops everything and exits with N.
    ACTION: Action = ACTION("health_action", Program) default "restart";
    /// Time between the stop signal and SIGKILL for a program that is stopped for its health, in seconds. Never more than `stopwaitsecs`, because a hung server does not drain.
    STOP: Duration = SPAN_OR_NONE("health_stop_secs", Program) default "10";
    /// Signal that makes the program print its stacks, sent before it is stopped for its health.
    DUMP_SIGNAL: Option<Signal> = SIGNAL_OR_OFF("dump_signal", Program) default "off";
    /// Time limit for diagnostics before the program is stopped for its health, in seconds.
    EVIDENCE: Duration = SPAN("evidence_secs", Program) default "10";
}

/// What variables of this kind begin with.
pub(crate) const PREFIX: &str = "PROCESS_HEALTH_";

/// The definitions of these options.
pub fn options() -> impl Iterator<Item = &'static OptionDef> {
    HEALTH.iter().map(|setting| setting.def())
}

/// Whether this is the key of one of them.
#[must_use]
pub fn has(key: &str) -> bool {
    HEALTH.iter().any(|setting| setting.def().key == key)
}

/// The variable that sets an option of the command's program.
#[must_use]
pub fn variable(key: &str) -> String {
    format!("{PREFIX}{}", key.strip_prefix("health_").unwrap_or(key).to_uppercase())
}

/// Variables and the keys they set.
pub(crate) fn variables() -> impl Iterator<Item = (String, &'static str)> {
    HEALTH.iter().map(|setting| setting.def().key).map(|key| (variable(key), key))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_option_has_a_variable_of_its_own() {
        let mut names: Vec<String> = variables().map(|(name, _)| name).collect();
        assert!(names.contains(&"PROCESS_HEALTH_URL".to_owned()));
        assert!(names.contains(&"PROCESS_HEALTH_PROGRESS_URL".to_owned()));
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), HEALTH.len());
    }
}
