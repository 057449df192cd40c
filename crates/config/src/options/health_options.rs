//! The options that say when a program is ready, when it is ill, and what follows. None is
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

options! { HEALTH:
    /// The server that it is: says where its health and its metrics are found, and which tell whether it gets on. What is set besides counts more.
    PRESET: &'static Preset = PRESET("health_preset", Program) default unset;
    /// The port at which a preset's server is asked. Otherwise the command and its environment say it, as the server reads them, or it is the server's usual one.
    PORT: u16 = PORT_NUMBER("health_port", Process) default unset;
    /// Where it is asked whether it is well, by a GET request.
    URL: HttpUrl = URL("health_url", Process) default unset;
    /// Where a connection must be accepted, if that is all that is asked.
    TCP: (String, u16) = HOST_AND_PORT("health_tcp", Process) default unset;
    /// Which process may answer until the check has succeeded: `own`, one of this supervisor's, or `any`. A process that cannot be seen, as in another container, may always answer.
    LISTENER: ListenerRule = LISTENER("health_listener", Program) default "own";
    /// Headers of its requests, also of those for metrics: `Authorization: Bearer KEY`, one a line. The supervisor sends them only to this host's own addresses, or over TLS with a verified certificate, and shows their values nowhere.
    HEADERS: Vec<Header> = HEADERS("health_headers", Program) default unset;
    /// A file with more headers, one a line, read before each request.
    HEADERS_FILE: PathBuf = FILE_PATH("health_headers_file", Program) default unset;
    /// A file of certificates (PEM) to trust for `https://` URLs, in place of the system's or of `SSL_CERT_FILE`. At this host's own addresses no certificate is verified.
    TLS_CA_FILE: PathBuf = FILE_PATH("health_tls_ca_file", Program) default unset;
    /// The name in the certificate of an `https://` URL's server, if it isn't the URL's host.
    TLS_NAME: String = HOST_NAME("health_tls_name", Program) default unset;
    /// A command that must exit with 0; it runs as the program does, and what it writes is thrown away.
    COMMAND: String = TEXT("health_command", Process) default unset;
    /// Time from one check to the next; before it is ready a second at most. 10 if unset, 60 with the preset `ray`.
    INTERVAL: Duration = SPAN("health_interval", Program) default unset;
    /// Time within which a check, or a page of metrics, must be there as a whole: 5 if unset, with the presets `sglang` 25, `ray` 30, `sagemaker` 2.
    TIMEOUT: Duration = SPAN("health_timeout", Program) default unset;
    /// Failed checks in a row that make it ill.
    FAILURES: u32 = COUNT("health_failures", Program) default "3";
    /// Added to the interval, up to this much, differently each time.
    JITTER: Duration = SPAN_OR_NONE("health_jitter", Program) default "0";
    /// Statuses of a good answer; 200 to 399 if unset.
    STATUS: Vec<u16> = STATUSES("health_status", Program) default unset;
    /// What a good answer holds.
    BODY: String = TEXT_TO_FIND("health_body", Program) default unset;
    /// Time within which it must be ready; otherwise the start has failed. If unset there is no limit, with a preset 1800 seconds unless its place is a guess.
    START_TIMEOUT: Option<Duration> = SPAN_OR_OFF("health_start_timeout", Program) default unset;
    /// When a start has succeeded: after `startsecs`, when its check succeeds, when it says `READY=1` as systemd's services do, or when a text stands in its output. `check` if there is a check, else `startsecs`.
    READY: Ready = READY("ready", Program) default unset;
    /// It promises to say `WATCHDOG=1` this often, as systemd's services do.
    WATCHDOG: Duration = SPAN("watchdog_secs", Program) default unset;
    /// Where its Prometheus metrics are.
    PROGRESS_URL: HttpUrl = URL("progress_url", Process) default unset;
    /// Gauges of requests under way; their sum counts.
    PROGRESS_RUNNING: Vec<String> = SERIES("progress_running", Program) default unset;
    /// Counters of what was done; their sum counts.
    PROGRESS_DONE: Vec<String> = SERIES("progress_done", Program) default unset;
    /// Time from one look at its metrics to the next.
    PROGRESS_INTERVAL: Duration = SPAN("progress_interval", Program) default "10";
    /// Time with requests under way and nothing done that makes it ill. While something is done, checks that time out don't. So long checks may time out, and fail in no other way, while its processes use the CPU. 120 if unset, 300 with the presets `vllm`, `sglang` and `triton`.
    PROGRESS_STALLED: Duration = SPAN("progress_stalled_secs", Program) default unset;
    /// Text in the command lines of the processes that it is made of. Until it is ready, processes with the same command line count once. If unset, a preset that finds no HTTP server sets it.
    TREE_PATTERN: String = TEXT_TO_FIND("tree_pattern", Process) default unset;
    /// Time from one count of them to the next.
    TREE_INTERVAL: Duration = SPAN("tree_interval", Program) default "10";
    /// Time with fewer of them than there have been that makes it ill.
    TREE_PATIENCE: Duration = SPAN("tree_patience_secs", Program) default "30";
    /// What follows when it is ill: that is said and nothing else; it is started again; it is stopped; all is stopped and the supervisor exits with this code.
    ACTION: Action = ACTION("health_action", Program) default "restart";
    /// Time between the stop signal and SIGKILL for a program that is stopped for its health; never more than `stopwaitsecs`, because a server that hangs does not drain.
    STOP: Duration = SPAN_OR_NONE("health_stop_secs", Program) default "10";
    /// A signal that makes it tell where it stands, sent before it is stopped for its health.
    DUMP_SIGNAL: Option<Signal> = SIGNAL_OR_OFF("dump_signal", Program) default "off";
    /// Time that finding out what it does may take before it is stopped for its health.
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
