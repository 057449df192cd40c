//! Tests of a command that runs once.

use super::*;

#[test]
fn run_once_mode_has_grace_periods_and_check_shows_them() {
    let off = ("PROCESS_AUTO_RECOVERY", "false");
    let config = config(&[
        off,
        ("SUPERVISOR_PROGRAM__APP_STOPWAITSECS", "90"),
        ("PROCESS_LEFTOVER_GRACE_SECS", "7"),
    ]);
    assert!(config.warnings.is_empty(), "{:?}", config.warnings);
    let app = process(&config, "app");
    let grace = (app.stopwaitsecs.as_secs(), app.leftover_grace.as_secs());
    assert_eq!((grace, app.retry), ((90, 7), RetryRule::Once));
    let text = config.effective();
    for (line, origin) in [
        ("stopwaitsecs = 90 ", "SUPERVISOR_PROGRAM__APP_STOPWAITSECS"),
        ("leftover_grace_secs = 7 ", "PROCESS_LEFTOVER_GRACE_SECS"),
        ("autorestart = false ", "default"),
        ("pidfile = /dev/null ", "default"),
    ] {
        let shown = text.lines().find(|known| known.starts_with(line));
        assert!(shown.is_some_and(|shown| shown.ends_with(&format!("; {origin}"))), "{line}{text}");
    }
    let wrong = errors(&[off, ("SUPERVISOR_PROGRAM__APP_STOPWAITSECS", "x")]);
    assert!(wrong.contains("SUPERVISOR_PROGRAM__APP_STOPWAITSECS: not a whole number"), "{wrong}");
}

/// Under another supervisor, only settings that apply after the start have an effect.
#[test]
fn under_another_supervisor_only_settings_after_the_start_apply() {
    let mut sources = sources(&[
        ("SUPERVISOR_PROGRAM__APP_STOPWAITSECS", "90"),
        ("SUPERVISOR_PROGRAM__APP_STARTSECS", "9"),
        ("PROCESS_WAIT_FOR", "head:1"),
        ("PROCESS_STATUS_PORT", "9100"),
    ]);
    sources.keeper = Some(supervisor_core::ids::Pid(7));
    let config = command_mode(vec!["x".into()], &sources, &FakeHost::default()).unwrap();
    let app = process(&config, "app");
    let expected = ProcessSpec {
        stopwaitsecs: Duration::from_secs(90),
        settings: Rc::clone(&app.settings),
        ..run_once_spec(vec!["x".into()])
    };
    assert_eq!(app, &expected);
    assert_eq!(config.supervisord.status, None);
}

#[test]
fn run_once_mode_forwards_all_signals_without_restarts() {
    let config =
        config(&[("PROCESS_AUTO_RECOVERY", "false"), ("SUPERVISOR_PROGRAM__APP_STARTSECS", "x")]);
    assert!(config.runs_once() && config.record.is_none());
    assert_eq!(config.spec.signals, SignalRule::ForwardAll);
    let argv = ["vllm", "serve", "a ; %b"].map(OsString::from).to_vec();
    let settings = Rc::clone(&process(&config, "app").settings);
    let expected = ProcessSpec { settings, ..run_once_spec(argv) };
    assert_eq!(config.spec.groups[0].processes, [expected.into()]);
    assert_eq!(config.warnings.len(), 1);
    assert!(config.warnings[0].starts_with("SUPERVISOR_PROGRAM__APP_STARTSECS has no effect"));
    let text = errors(&[("PROCESS_AUTO_RECOVERY", "false"), ("PROCESS_MAX_START_RETRIES", "x")]);
    assert!(text.contains("PROCESS_MAX_START_RETRIES"));
}
