//! Tests of reading variables.

use super::*;
use crate::testing::{FakeHost, sources};

fn settings(pairs: &[(&str, &str)]) -> (EnvSettings, Report) {
    let mut report = Report::default();
    let (sources, host) = (sources(pairs), FakeHost::default());
    (read(&Context { sources: &sources, host: &host }, &mut report), report)
}

#[test]
fn defaults_apply_without_variables() {
    let (settings, report) = settings(&[]);
    assert!(report.is_clean());
    assert!(settings.supervise && !settings.config_path_chosen);
    assert!(settings.options.is_empty());
    assert_eq!(settings.config_path.to_str(), Some(CONFIG_PATH.default()));
}

#[test]
fn booleans_are_read_and_a_yes_that_means_no_causes_a_warning() {
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
        let (settings, report) = settings(&[("PROCESS_AUTO_RECOVERY", value)]);
        assert_eq!(settings.supervise, supervise, "{value:?}");
        let ((), warnings) = report.finish(Some(())).unwrap();
        assert_eq!(!warnings.is_empty(), warned, "{value:?}: {warnings:?}");
    }
}

#[test]
fn a_misspelled_variable_causes_a_warning_and_the_servers_own_do_not() {
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
        let ((), warnings) = settings(&[(name, "x")]).1.finish(Some(())).unwrap();
        let told =
            near.map(|near| format!("{name} is ignored: unknown variable; did you mean {near}?"));
        assert_eq!(warnings, Vec::from_iter(told), "{name}");
    }
}

#[test]
fn warning_is_a_log_level() {
    let (settings, report) = settings(&[("LOG_LEVEL", "WARNING")]);
    assert!(report.is_clean());
    let [level] = &settings.options[..] else { panic!("{settings:?}") };
    assert_eq!((level.entry.key.as_str(), level.entry.value.as_str()), ("loglevel", "warn"));
}

#[test]
fn all_errors_are_reported_together() {
    let (_, report) = settings(&[
        ("PROCESS_MAX_START_RETRIES", "x"),
        ("PROCESS_RETRY_RESET_SECS", "1.5"),
        ("PROCESS_LOG_LEVEL", "loud"),
        ("PROCESS_LOG_FORMAT", "xml"),
        ("PROCESS_STATUS_PORT", "0"),
        ("PROCESS_PRESTOP_DELAY_SECS", "5s"),
    ]);
    assert_eq!(
        report.finish(Some(())).unwrap_err().to_string(),
        "ERROR: PROCESS_MAX_START_RETRIES must be an integer, got 'x'\nERROR: \
         PROCESS_RETRY_RESET_SECS must be an integer, got '1.5'\nERROR: PROCESS_STATUS_PORT: \
         not a valid port number: '0'; expected port, host:port or [address]:port, with a port \
         from 1 to 65535, or off\nERROR: PROCESS_PRESTOP_DELAY_SECS: not a number of seconds: \
         '5s'; expected a number of seconds from 0 to 3600, such as 5 or 0.5\nERROR: \
         PROCESS_LOG_LEVEL: unknown log level 'loud'; expected debug, info, warn, warning, \
         error or critical\nERROR: PROCESS_LOG_FORMAT: unknown log format 'xml'; expected text \
         or json"
    );
    let (_, report) =
        settings(&[("PROCESS_MAX_START_RETRIES", "101"), ("PROCESS_RETRY_RESET_SECS", "-1")]);
    let text = report.finish(Some(())).unwrap_err().to_string();
    assert!(text.contains("PROCESS_MAX_START_RETRIES must be between 0 and 100, got 101"));
    assert!(text.contains("PROCESS_RETRY_RESET_SECS must be 0 or more seconds, got -1"));
}

#[test]
fn an_invalid_number_is_reported_as_it_was_written() {
    let huge = "99999999999999999999";
    let (_, report) =
        settings(&[("PROCESS_MAX_START_RETRIES", huge), ("PROCESS_RETRY_RESET_SECS", "-0_1")]);
    let text = report.finish(Some(())).unwrap_err().to_string();
    assert!(text.contains(&format!("between 0 and 100, got {huge}")), "{text}");
    assert!(text.contains("must be 0 or more seconds, got -0_1"), "{text}");
}
