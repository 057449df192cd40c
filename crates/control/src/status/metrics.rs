//! The table of all metrics. Each row defines a metric's series and its documentation. A test uses
//! the table to check that dashboards and alerts use existing metrics.

use super::readings as read;
use super::readings::{Reading, Sample};

/// A metric.
pub(super) struct Metric {
    /// Name on the metrics page; the name of a counter ends in `_total`.
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    /// Help text.
    pub(super) help: &'static str,
    /// Labels, in addition to those of `about`.
    pub(super) labels: &'static [&'static str],
    pub(super) about: About,
    /// Limits whose events the metric counts, as `docs/reference/limits.md` names them.
    #[cfg_attr(not(test), expect(dead_code, reason = "the reference and a test read it"))]
    pub(super) bounds: &'static [&'static str],
    /// Reads the current values.
    pub(super) read: fn(&Reading<'_>) -> Vec<Sample>,
}

/// The kinds of metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Counter,
    Gauge,
    Histogram,
}

/// Subject of a metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum About {
    Supervisor,
    Process,
    /// A process with a health check.
    Checked,
    /// A process whose own metrics are read.
    Measured,
    /// A captured stream of a process.
    Stream,
    /// A pool of event listeners.
    Pool,
    /// A hook.
    Hook,
    /// A GPU or another accelerator.
    Device,
}

impl About {
    /// The labels that identify the subject.
    pub(super) const fn labels(self) -> &'static [&'static str] {
        match self {
            Self::Supervisor => &[],
            Self::Process | Self::Checked | Self::Measured => &["group", "process"],
            Self::Stream => &["group", "process", "stream"],
            Self::Pool => &["pool"],
            Self::Hook => &["hook"],
            Self::Device => &["index", "uuid"],
        }
    }
}

impl Kind {
    /// Name of the kind on the metrics page.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
        }
    }
}

/// Each line defines one row.
macro_rules! metrics {
    ($($kind:ident $about:ident $name:literal $([$($label:literal),+])? $({$($bound:literal),+})? =
        $read:path: $help:literal;)+) => {
        /// All metrics, in the order of the metrics page.
        pub(super) static METRICS: &[Metric] = &[$(Metric {
            name: concat!("standard_supervisor_", $name),
            kind: Kind::$kind,
            help: $help,
            labels: &[$($($label),+)?],
            about: About::$about,
            bounds: &[$($($bound),+)?],
            read: $read,
        }),+];
    };
}

metrics! {
    Gauge Supervisor "build_info" ["version"] = read::build_info:
        "Version of the supervisor, as a label; the value is always 1";
    Gauge Supervisor "start_time_seconds" = read::start_time:
        "Start time of the supervisor, in seconds since 1970";
    Gauge Supervisor "ready" = read::ready:
        "Whether all essential programs are ready, as in /readyz";
    Gauge Supervisor "stopping" = read::stopping:
        "Whether a shutdown is in progress, including the delay before it";
    Gauge Process "process_state" ["state"] = read::state:
        "State of the process: 1 for its current state, 0 for all others";
    Gauge Process "process_up" = read::up:
        "Whether the main process is running";
    Gauge Process "process_ready" = read::process_ready:
        "Whether the process is RUNNING, healthy and ready for requests, as in /readyz";
    Counter Process "process_starts_total" = read::starts:
        "Starts of the process, including the first";
    Counter Process "process_restarts_total" ["reason"] = read::restarts:
        "Restarts of the process, by the cause of the previous exit";
    Gauge Process "process_start_time_seconds" = read::process_start_time:
        "Time of the last start, in seconds since 1970; NaN before the first";
    Gauge Process "process_last_exit_code" = read::last_exit_code:
        "Exit code of the previous run, or 128 + n for signal n; NaN before the first exit";
    Gauge Process "process_time_to_ready_seconds" = read::time_to_ready:
        "Duration of the latest successful start; NaN before the first";
    Counter Process "process_wait_seconds_total" = read::wait_seconds:
        "Time that starts have waited for the servers in wait_for; updated with each attempt";
    Counter Process "process_restarts_paced_total" {"STARTS"} = read::restarts_paced:
        "Restarts delayed by the limit of five starts per second";
    Gauge Process "process_own_memory_bytes" = read::own_memory:
        "Anonymous and shared memory of the process tree when it was last measured, in bytes; NaN without memory_limit";
    Gauge Process "process_memory_limit_bytes" = read::memory_limit:
        "Memory above which the process is restarted, in bytes; NaN without memory_limit";
    Histogram Checked "process_check_duration_seconds" = read::check_duration:
        "Duration of health checks, successful or failed";
    Counter Checked "process_check_failures_total" ["kind"] = read::check_failures:
        "Failed health checks, by kind of failure";
    Counter Measured "process_progress_unseen_total" ["kind"] {"PAGE_LIMIT"} = read::progress_unseen:
        "Failed reads of the process's own metrics: too late, not found or too large, by kind \
         of failure";
    Counter Process "process_unhealthy_total" ["reason"] = read::unhealthy:
        "Times the process became unhealthy, by reason";
    Counter Process "process_failures_total" ["class"] = read::failures:
        "Unexpected exits, by failure class";
    Counter Process "process_oom_kills_total" = read::oom_kills:
        "Runs that were OOM-killed";
    Counter Process "process_leftovers_total" = read::leftovers:
        "Leftover processes that the supervisor killed";
    Counter Process "process_files_kept_total" ["reason"] = read::files_kept:
        "Possibly stale files in shared memory and sockets that were kept, by reason";
    Counter Process "process_stop_signals_total" ["target"] = read::stop_signals:
        "Stop signals sent to the process, its group or other processes of its tree, by target";
    Counter Process "process_stop_kills_total" = read::stop_kills:
        "Processes that a stop had to SIGKILL";
    Counter Process "process_stop_cuts_total" = read::stop_cuts:
        "Stops that got less time than `stopwaitsecs` because of the budget of the shutdown";
    Counter Process "process_stop_seconds_total" = read::stop_seconds:
        "Time from the first stop signal until the whole process tree had exited";
    Counter Process "process_stdin_refused_total" {"ROOM"} = read::stdin_refused:
        "Writes to the process's stdin, events included, rejected because it had not read the \
         earlier ones";
    Counter Stream "process_output_bytes_total" = read::output:
        "Output bytes of the process that the supervisor has forwarded";
    Counter Stream "process_output_lost_bytes_total" {"RUNS"} = read::output_lost:
        "Output bytes that were dropped, because the reader has closed the stream or the file \
         could not be written";
    Gauge Stream "process_output_waiting_bytes" = read::output_waiting:
        "Output bytes of the process that wait for a slow reader";
    Counter Stream "process_output_stalls_total" {"output held per program and stream"} = read::output_stalls:
        "Times the reader of the output was stalled, so that the process may have had to wait";
    Counter Stream "process_syslog_lost_lines_total" {"MOST_WAITING"} = read::syslog_lost:
        "Output lines that could not be sent to syslog or to the syslog server";
    Counter Process "process_cpu_seconds_total" = read::cpu:
        "CPU time of the process tree; resets with each run";
    Gauge Process "process_memory_bytes" = read::memory:
        "Resident memory of the process tree; shared memory counts for each process";
    Gauge Process "process_tree_size" = read::tree_size:
        "Processes in the process tree, including the main process";
    Gauge Supervisor "shared_memory_bytes" = read::shared_memory:
        "Size of /dev/shm; NaN if it is not a tmpfs";
    Gauge Supervisor "shared_memory_used_bytes" = read::shared_memory_used:
        "Used bytes of /dev/shm; NaN if it is not a tmpfs";
    Gauge Device "gpu_memory_bytes" = read::gpu_memory:
        "Memory of the GPU at the latest check by await_gpu_memory, in bytes; NaN if unknown";
    Gauge Device "gpu_memory_used_bytes" = read::gpu_memory_used:
        "Used memory of the GPU at the latest check by await_gpu_memory, in bytes; NaN if unknown";
    Counter Supervisor "sigkills_total" ["target"] {"leftover_grace_secs"} = read::sigkills:
        "SIGKILLs sent because a main or leftover process outlived its grace period";
    Counter Supervisor "stuck_total" {"UNKILLABLE_AFTER"} = read::stuck:
        "Times a process survived SIGKILL";
    Counter Supervisor "log_lines_lost_total" {"the supervisor's own lines that are not read"} = read::log_lines_lost:
        "Dropped lines of the supervisor's own log, because they were not read or the file \
         could not be written";
    Gauge Pool "events_waiting" = read::events_waiting:
        "Events waiting for a listener";
    Gauge Pool "events_room" = read::events_room:
        "Capacity of the event buffer";
    Counter Hook "hook_notifications_total" ["result"] {"HOOK_QUEUE", "HOOK_LIMIT"} = read::hook_notifications:
        "Notifications of a hook, by result";
    Counter Pool "events_lost_total" {"buffer_size"} = read::events_lost:
        "Events dropped because the buffer was full";
    Counter Supervisor "observed_events_missed_total" {"OBSERVERS_ROOM"} = read::missed:
        "Events that slow API clients missed";
    Gauge Supervisor "requests_waiting" = read::requests_waiting:
        "Operator requests that wait for processes";
    Gauge Supervisor "http_connections" = read::connections:
        "Open connections to all ports and sockets of the supervisor";
    Counter Supervisor "http_refused_total" ["reason"]
        {"MAX_CONNECTIONS", "MAX_HEAD_BYTES", "MAX_HEADERS", "MAX_BODY_BYTES", "HEAD_TIME", "BODY_TIME", "MAX_HELD", "MAX_RESULTS", "MAX_CALLS", "ACCEPT_PAUSE", "MAX_EVENT_BYTES", "PER_PROGRAM"}
        = read::refused:
        "Connections delayed and requests rejected, by the limit that was reached";
}

impl Metric {
    /// All labels of the metric.
    pub(super) fn all_labels(&self) -> impl Iterator<Item = &'static str> {
        self.about.labels().iter().chain(self.labels).copied()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::{Path, PathBuf};

    use super::*;

    /// Limits that are reached while no client can read metrics, or that lose nothing.
    const NOT_COUNTED: [(&str, &str); 82] = [
        ("EXITS_AT_ONCE", "nothing is rejected: the other exits are handled after it"),
        ("LONGEST_MESSAGE", "a longer line is cut, as RFC 5424 allows"),
        ("LOOK_UP_AGAIN", "it is a pause"),
        ("LONGEST_LINE", "nothing is lost: the line goes on as several"),
        ("HOOK_RATE", "nothing is rejected: notifications wait"),
        ("HOOK_RATE_TIME", "nothing is rejected: notifications wait"),
        ("HOOK_LAST", "the supervisor exits"),
        ("HOOK_AT_STOP", "the supervisor exits"),
        ("ENLARGED", "nothing is rejected: other pipes stay as they are"),
        ("START_PERIOD", "it is the time within which STARTS are counted"),
        ("MEMORY_EVERY", "it is a pause"),
        ("MEMORY_LOOKS", "restarts and the class oom are counted"),
        ("LARGEST", "the program is not started, and that is counted"),
        ("LARGEST_PASSWORD_FILE", "nothing is started"),
        ("ENLARGED_SIZE", "it is a size"),
        ("SIGNALLED", "nothing is rejected: other streams wait otherwise"),
        ("FOLLOW_UPS", "nothing is rejected: requests wait for their turn"),
        ("LOOK_EVERY", "it is a pause"),
        ("TOOL_LIMIT", "a WARN says that the tool did not answer"),
        ("LOOK_PATIENCE", "a WARN says that the tool did not answer in that time"),
        ("MEMORY_LIMIT", "a WARN says what holds the memory"),
        ("DEVICES_LIMIT", "the answer comes before; it is the core's own guard"),
        ("CALM_LINES", "it says what a burst is, and takes nothing away"),
        ("LINE", "the report has the whole line"),
        ("CONNECT_LIMIT", "nothing is refused: the server is asked again"),
        ("ASK_AGAIN", "it is a pause between two attempts"),
        ("LAST_LINE", "the report has the rest of the output"),
        ("FORERUNNER_WITHIN", "an end that is older says nothing of this one"),
        ("STANDS_STILL", "it is how long a block must last to be one"),
        ("OF_EACH", "what is not watched is found by looks"),
        ("OF_ALL", "what is not watched is found by looks"),
        ("LAST_WORDS", "the supervisor ends"),
        ("NEXT_SERVER", "nothing is refused: another is asked as well"),
        ("NEXT_ADDRESS", "nothing is refused: another is tried as well"),
        ("OTHER_FAMILY", "the addresses that are there are tried"),
        ("SECOND_LOOK", "the check has failed in any case"),
        ("ALWAYS_HELD", "it is a floor: nothing is refused below it"),
        ("BODY_LIMIT", "a text beyond it that is missed is a failed check"),
        ("MAX_PIECE", "the rest can be asked for"),
        ("MOST_OF_TAIL", "the rest can be asked for"),
        ("MOST", "the rest can be asked for"),
        ("LONG_ANSWER", "nothing is refused: the next waits for its turn"),
        ("SHOWN", "the call is refused in any case"),
        ("MAX_REASON", "the call is refused in any case"),
        ("TOLD", "the client is told the whole"),
        ("LONGEST_ANSWER", "it is supervisorctl's"),
        ("MOST_LINES", "it is supervisorctl's"),
        ("LARGEST_FILE", "nothing is started"),
        ("WRITER_PATIENCE", "nothing is started"),
        ("LONGEST", "nothing is started"),
        ("LOCK_PATIENCE", "nothing is refused: the socket is taken over"),
        ("MOST_TOLD", "nothing is started, or a line says so"),
        ("LONGEST_TOLD", "the beginning and the end are told"),
        ("LOOKS", "a line says so, as of whoever hangs"),
        ("TELL_AGAIN", "the bytes are counted, told or not"),
        ("RECOUNT_EVERY", "nothing is refused: it is looked for again"),
        ("REMEMBERED", "ends of runs are counted, remembered or not"),
        ("REMEMBERED_OF_ALL", "ends of runs are counted, remembered or not"),
        ("RUNS_KEPT", "starts and ends of runs are counted, remembered or not"),
        ("SAMPLES", "the metrics have what is used now"),
        ("KEPT", "the metrics have what is used now"),
        ("APART", "the metrics have what is used now"),
        ("RECENT", "nothing is lost: the output goes where it is sent"),
        ("MESSAGE", "the whole is in the log"),
        ("STATUS_IDLE_TIME", "nothing is refused: who asks connects again"),
        ("KEEPALIVE_IDLE", "nobody is there who is refused"),
        ("KEEPALIVE_INTERVAL", "nobody is there who is refused"),
        ("UNREAD_TIME", "nobody reads what he asked for"),
        ("READ_TIME", "a line names who is left alone; a health check takes what was last known"),
        ("READ_PATIENCE", "as of READ_TIME, of which it is a part"),
        ("READERS", "as of READ_TIME: who finds no place is not asked"),
        ("CENSUS_PAUSE", "nothing is refused: it is counted again, and a line says why"),
        ("RESERVE", "it is a floor: nothing is refused because of it"),
        ("PORT_LIMIT", "a WARN says what listens on the port"),
        ("TIDY_LIMIT", "nothing is refused: the program is started"),
        ("LAST_TIDY_LIMIT", "the supervisor ends"),
        ("REJECTED_PAUSE", "nothing is refused: the event is told again"),
        ("LONGEST_REJECTED_PAUSE", "nothing is refused: the event is told again"),
        ("LISTENER_DRAIN", "the supervisor ends"),
        ("ENTRIES", "nothing is refused: what is not looked at stays"),
        ("FILES_EVERY", "nothing is refused: what is not seen stays"),
        ("LOOK_TIME", "nothing is refused: what is not seen stays"),
    ];

    const HEAD: &str = "\
# All metrics

<!-- Made from the table in `crates/control/src/status/metrics.rs` by
`UPDATE=1 cargo test -p supervisor-control metrics`. -->

Names, kinds and labels are stable in all of 1.x; see the
[compatibility promise](compatibility-promise.md).

`GET /metrics` on the status port (`PROCESS_STATUS_PORT`, or `status_port` in `[supervisord]`)
returns metrics in [OpenMetrics](https://prometheus.io/docs/specs/om/open_metrics_spec/) format.
Every series exists from the first response on: counters start at 0, and unknown values are NaN.
Series about a process have the labels `group` and `process`; series about health checks exist for
processes with a check. Series about a GPU exist after the first check by `await_gpu_memory`, which
checks beside the first start and before restarts only. Counters reset when the supervisor restarts.

| metric | kind | labels | description | related limit |
|---|---|---|---|---|
";

    #[test]
    fn the_metrics_reference_matches_the_table() {
        let mut made = String::from(HEAD);
        for metric in METRICS {
            let labels: Vec<_> = metric.all_labels().map(|label| format!("`{label}`")).collect();
            let shown = |bound: &&str| {
                if bound.contains(' ') { (*bound).to_owned() } else { format!("`{bound}`") }
            };
            let bounds: Vec<_> = metric.bounds.iter().map(shown).collect();
            made.push_str(&format!(
                "| `{}` | {} | {} | {} | {} |\n",
                metric.name,
                metric.kind.name(),
                labels.join(" "),
                metric.help,
                bounds.join(" ")
            ));
        }
        let path = root("docs/reference/metrics.md");
        if std::env::vars_os().any(|(name, _)| name == "UPDATE") {
            std::fs::write(&path, &made).unwrap();
        }
        let written = std::fs::read_to_string(&path).unwrap();
        assert!(written == made, "{} is not up to date", path.display());
    }

    #[test]
    fn metric_names_follow_prometheus_conventions() {
        let mut names = BTreeSet::new();
        for Metric { name, kind, .. } in METRICS {
            assert!(names.insert(name), "{name} is there twice");
            assert!(name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'), "{name}");
            assert_eq!(name.ends_with("_total"), *kind == Kind::Counter, "{name}");
        }
    }

    #[test]
    fn every_limit_that_can_be_reached_is_counted() {
        let table = std::fs::read_to_string(root("docs/reference/limits.md")).unwrap();
        let counted: Vec<&str> = METRICS.iter().flat_map(|metric| metric.bounds).copied().collect();
        let named = table.split('`').skip(1).step_by(2);
        let constant = |word: &&str| {
            word.len() > 3 && word.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_')
        };
        let named: BTreeSet<&str> = named.filter(constant).collect();
        assert!(named.contains("UNKILLABLE_AFTER"), "{named:?}");
        let known = |bound: &&str| {
            counted.contains(bound) || NOT_COUNTED.iter().any(|(other, _)| other == bound)
        };
        let missing: Vec<_> = named.into_iter().filter(|bound| !known(bound)).collect();
        assert!(missing.is_empty(), "no metric counts {missing:?}; NOT_COUNTED has what can't be");
    }

    #[test]
    fn dashboard_and_alerts_use_only_existing_metrics() {
        let known: BTreeSet<String> = METRICS.iter().flat_map(series).collect();
        for file in ["dashboard.json", "alerts.yaml", "alerts.test.yaml"] {
            let text = std::fs::read_to_string(root("examples/monitoring").join(file)).unwrap();
            let of_a_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
            let used: BTreeSet<&str> = text
                .split(|c| !of_a_name(c))
                .filter(|word| word.starts_with("standard_supervisor_"))
                .collect();
            assert!(used.len() > 3, "{file} names {used:?}");
            let unknown: Vec<_> = used.iter().filter(|name| !known.contains(**name)).collect();
            assert!(unknown.is_empty(), "{file} names {unknown:?}");
        }
    }

    /// The names of the series of a metric in queries.
    fn series(metric: &Metric) -> Vec<String> {
        match metric.kind {
            Kind::Counter | Kind::Gauge => vec![metric.name.to_owned()],
            Kind::Histogram => {
                ["_bucket", "_sum", "_count"].map(|end| format!("{}{end}", metric.name)).to_vec()
            }
        }
    }

    fn root(path: &str) -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(path)
    }
}
