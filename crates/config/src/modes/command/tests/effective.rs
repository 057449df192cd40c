//! Tests of the output of `--check`.

use super::*;

#[test]
fn the_effective_configuration_shows_origins_stop_time_and_checks() {
    let host = FakeHost::with(&[(
        "/srv/x.conf",
        "[program:x]\ncommand=x ;y\nstopwaitsecs=7\nenvironment=API_KEY=s3cret,A=1\n",
    )]);
    let config = configured(
        &[
            ("SUPERVISOR_INCLUDE_FILES", "x.conf"),
            ("PROCESS_MAX_START_RETRIES", "5"),
            ("PROCESS_LOG_LEVEL", "debug"),
            ("LOG_LEVEL", "trace"),
            ("LOG_FORMAT", "pretty"),
            ("PROCESS_PRESTOP_DELAY_SECS", "2.5"),
            ("SUPERVISOR_PROGRAM__APP_STARTSECS", "4"),
            ("SUPERVISOR_PROGRAM__APP_DEPENDS_ON", "x:ready"),
            ("PROCESS_WAIT_FOR", "head:6379"),
            ("PROCESS_HEALTH_URL", "http://127.0.0.1:8000/health?key=s3cret"),
            ("PROCESS_HEALTH_HEADERS", "Authorization: Bearer s3cret"),
            ("SUPERVISOR_UNIX_HTTP_SERVER_FILE", "/tmp/s.sock"),
            ("SUPERVISOR_UNIX_HTTP_SERVER_USERNAME", "u"),
            ("SUPERVISOR_UNIX_HTTP_SERVER_PASSWORD", "s3cret"),
        ],
        &host,
    );
    let text = config.unwrap().effective();
    for (option, origin) in [
        ("command = vllm serve", "command line"),
        ("command = x", "/srv/x.conf:2, up to the comment after ';'"),
        ("environment = \"API_KEY\"=\"****\",\"A\"=\"1\"", "/srv/x.conf:4"),
        ("startretries = 5", "PROCESS_MAX_START_RETRIES"),
        ("loglevel = debug", "PROCESS_LOG_LEVEL"),
        ("log_format = text", "default"),
        ("startsecs = 4", "SUPERVISOR_PROGRAM__APP_STARTSECS"),
        ("health_headers = Authorization: ****", "PROCESS_HEALTH_HEADERS"),
        ("password = ****", "SUPERVISOR_UNIX_HTTP_SERVER_PASSWORD"),
    ] {
        let line = text.lines().find(|line| line.starts_with(option));
        let line = line.unwrap_or_else(|| panic!("no {option} in\n{text}"));
        assert!(line.ends_with(&format!(" ; {origin}")), "{line}");
    }
    for line in [
        "; A stop takes at most 39.5 s: prestop delay 2.5, then app 30, then x 7",
        "; app: starts after x:ready, head:6379",
        "; app: RUNNING when its health check succeeds, without a time limit",
        "; app: health check every 10 s, timeout 5 s: http://127.0.0.1:8000/health (set by \
         PROCESS_HEALTH_URL)",
    ] {
        assert!(text.lines().any(|known| known == line), "no {line} in\n{text}");
    }
    assert!(!text.contains("s3cret"), "{text}");
}

/// Without an effect of the budget, the sentence names the full grace periods.
#[test]
fn a_stop_budget_limits_the_shown_stop_time() {
    for (budget, delay, grace, sentence) in [
        ("9", "0", "30", "9 s (stop_budget_secs): app 8, reserve 1"),
        ("9", "2", "30", "9 s (stop_budget_secs): prestop delay 2, then app 6, reserve 1"),
        ("5", "5", "30", "5 s (stop_budget_secs): prestop delay 4, then app 0, reserve 1"),
        ("0.5", "0", "30", "0.5 s (stop_budget_secs): app 0, reserve 0.5"),
        ("9", "0", "8", "8 s: app 8"),
        ("off", "0", "30", "30 s: app 30"),
    ] {
        let config = config(&[
            ("PROCESS_STOP_BUDGET_SECS", budget),
            ("PROCESS_PRESTOP_DELAY_SECS", delay),
            ("SUPERVISOR_PROGRAM__APP_STOPWAITSECS", grace),
        ]);
        let text = config.effective();
        let line = format!("; A stop takes at most {sentence}");
        assert!(text.lines().any(|known| known == line), "no {line} in\n{text}");
    }
}

#[test]
fn the_effective_configuration_of_command_mode_reads_back_the_same() {
    let config = config(&[("SUPERVISOR_PROGRAM__B_COMMAND", "b ' ;'")]);
    let text = config.effective();
    for line in [
        "startretries = 3",
        "essential = true",
        "retryresetsecs = 600",
        "numprocs = 1",
        "loglevel = info",
    ] {
        let option = format!("{line} ");
        assert!(text.lines().any(|l| l.starts_with(&option)), "{line}\n{text}");
    }
    let (sections, mut report) = crate::text::ini::tests::read(&text);
    let host = FakeHost::default();
    let argv = ["vllm", "serve", "a ; %b"].map(OsString::from);
    let meant = lower(
        &sections,
        Mode::Command(&argv),
        Path::new("/srv"),
        Context { sources: &sources(&[]), host: &host },
        &mut report,
    )
    .unwrap();
    // Only the quoting of the commands differs.
    assert_eq!(meant.groups.len(), config.spec.groups.len());
    for (meant, had) in meant.groups.iter().zip(&config.spec.groups) {
        assert!(meant.is_same_as(had), "{meant:?}\n{had:?}");
    }
}

/// The supervisor takes its status port first.
#[test]
fn a_status_port_equal_to_the_servers_port_causes_a_warning() {
    let warning = "status port 8000 is also the port of the health check of app: ";
    for (status, key, value, expected) in [
        ("8000", "PROCESS_HEALTH_URL", "http://127.0.0.1:8000/health", true),
        ("127.0.0.1:8000", "PROCESS_HEALTH_TCP", "localhost:8000", true),
        ("8000", "PROCESS_HEALTH_PRESET", "vllm", true),
        ("9000", "PROCESS_HEALTH_PRESET", "vllm", false),
        ("127.0.0.1:8000", "PROCESS_HEALTH_TCP", "10.0.0.7:8000", false),
        ("8000", "PROCESS_HEALTH_URL", "unix:///tmp/s.sock:/health", false),
    ] {
        let config = config(&[("PROCESS_STATUS_PORT", status), (key, value)]);
        let found = config.warnings.iter().find(|line| line.starts_with(warning));
        assert_eq!(found.is_some(), expected, "{status} {value} {:?}", config.warnings);
        let end = "; the server cannot listen there; choose another PROCESS_STATUS_PORT";
        assert!(found.is_none_or(|line| line.ends_with(end)), "{found:?}");
    }
}

/// A server without a check is named, because a hang of it goes unnoticed.
#[test]
fn the_condition_for_running_and_a_missing_check_are_listed() {
    let unchecked =
        "; app: no health check; set health_preset or health_url to detect a hang".to_owned();
    for (variables, condition, checked) in [
        (&[][..], "after 1 s", false),
        (&[("PROCESS_HEALTH_TREE_PATTERN", "worker")], "after 1 s", true),
        (
            &[("PROCESS_HEALTH_READY", "notify")],
            "when it sends READY=1, without a time limit",
            false,
        ),
        (
            &[("PROCESS_HEALTH_READY", "log:is up"), ("PROCESS_HEALTH_START_TIMEOUT", "60")],
            "when its output contains \"is up\", at most 60 s after its start",
            false,
        ),
        (
            &[("PROCESS_HEALTH_PRESET", "vllm"), ("PROCESS_HEALTH_PORT", "8000")],
            "when its health check succeeds, at most 1800 s after its start",
            true,
        ),
    ] {
        let text = config(variables).effective();
        let line = format!("; app: RUNNING {condition}");
        assert!(text.lines().any(|known| known == line), "no {line} in\n{text}");
        assert_eq!(text.lines().any(|known| known == unchecked), !checked, "{text}");
    }
}
