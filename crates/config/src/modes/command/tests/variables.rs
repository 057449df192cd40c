//! Tests of variables with their own name, including those that other programs read.

use super::*;

#[test]
fn run_once_mode_lists_variables_without_effect_in_one_line() {
    let config = config(&[
        ("PROCESS_AUTO_RECOVERY", "false"),
        ("PROCESS_STATUS_PORT", "9100"),
        ("PROCESS_PRESTOP_DELAY_SECS", "5"),
        ("PROCESS_MAX_START_RETRIES", "5"),
        ("PROCESS_HEALTH_URL", "http://127.0.0.1:1/"),
        ("SUPERVISOR_PROGRAM__APP_STARTSECS", "x"),
        ("LOG_FORMAT", "json"),
        ("LOG_LEVEL", "debug"),
    ]);
    let everywhere = Some(Listen::at_all(None, 9100));
    assert_eq!(
        (config.supervisord.status, config.spec.prestop_delay),
        (everywhere, Duration::ZERO)
    );
    assert_eq!(config.supervisord.log_format, LogFormat::Json);
    assert_eq!(
        config.warnings,
        ["PROCESS_MAX_START_RETRIES, PROCESS_PRESTOP_DELAY_SECS, PROCESS_HEALTH_URL, \
          SUPERVISOR_PROGRAM__APP_STARTSECS have no effect: PROCESS_AUTO_RECOVERY is off, so the \
          command runs once and is not supervised"]
    );
}

/// The value of a shared variable may be meant for the server.
#[test]
fn no_value_of_a_shared_variable_prevents_the_start() {
    let shared: Vec<_> = VARIABLES.iter().filter(|variable| variable.is_shared()).collect();
    let host = FakeHost::with(&[("/bin/python3", "")]);
    assert!(shared.len() > 3, "{shared:?}");
    for (variable, recovery) in shared.iter().flat_map(|v| [(v, "true"), (v, "false")]) {
        for value in ["", "info,x=debug", "trace", "pretty", "-1", "'", "tcp://1.2.3.4:5", "é\n"] {
            let env = [(variable.name, value), ("PROCESS_AUTO_RECOVERY", recovery)];
            let started = configured(&env, &host);
            assert!(started.is_ok(), "{env:?}: {started:?}");
        }
        let mut env = sources(&[("PROCESS_AUTO_RECOVERY", recovery)]);
        env.environment.push((variable.name.into(), OsString::from_vec(vec![0xff])));
        let started = command_mode(vec!["x".into()], &env, &host);
        assert!(started.is_ok(), "{}: {started:?}", variable.name);
    }
}

#[test]
fn a_log_level_or_format_meant_for_the_server_causes_one_warning() {
    for (shared, ours, value, default) in [
        ("LOG_LEVEL", "PROCESS_LOG_LEVEL", "info,text_generation_router=debug", "info"),
        ("LOG_FORMAT", "PROCESS_LOG_FORMAT", "logfmt", "text"),
    ] {
        let config = config(&[(shared, value)]);
        let [warning] = &config.warnings[..] else { panic!("{:?}", config.warnings) };
        let start = format!(
            "{shared}='{value}' is left to the server, and the supervisor uses {default}; to \
             choose its own, set {ours} to "
        );
        assert!(warning.starts_with(&start), "{warning}");
        let once = self::config(&[(shared, value), ("PROCESS_AUTO_RECOVERY", "false")]);
        assert!(once.warnings.is_empty(), "{:?}", once.warnings);
        let text = errors(&[(ours, value)]);
        assert!(text.starts_with(&format!("ERROR: {ours}: ")), "{text}");
    }
    let config = config(&[
        ("PROCESS_LOG_LEVEL", "error"),
        ("LOG_LEVEL", "trace"),
        ("PROCESS_LOG_FORMAT", "json"),
        ("LOG_FORMAT", "text"),
    ]);
    assert!(config.warnings.is_empty(), "{:?}", config.warnings);
    let supervisord = config.supervisord;
    assert_eq!((supervisord.loglevel, supervisord.log_format), (Level::Error, LogFormat::Json));
}

#[test]
fn variables_of_service_links_are_ignored_with_one_debug_line() {
    let config = config(&[
        ("PROCESS_HEALTH_PORT", "tcp://10.0.0.1:80"),
        ("PROCESS_STATUS_PORT", "tcp://10.0.0.1:80"),
        ("PROCESS_HEALTH_SERVICE_HOST", "10.0.0.1"),
        ("SUPERVISOR_PORT_80_TCP", "tcp://10.0.0.1:80"),
    ]);
    assert!(config.warnings.is_empty(), "{:?}", config.warnings);
    assert_eq!(
        config.notes.iter().map(|(_, note)| note.as_str()).collect::<Vec<_>>(),
        ["ignoring variables that have the form of a service link: PROCESS_HEALTH_PORT, \
          PROCESS_STATUS_PORT, PROCESS_HEALTH_SERVICE_HOST, SUPERVISOR_PORT_80_TCP"]
    );
}

#[test]
fn a_program_of_another_user_gets_that_users_home() {
    let environment = |pairs: &[(&str, &str)]| {
        let config = config(pairs);
        let all = &process(&config, "app").launch.environment;
        let text = |text: &OsString| text.to_str().unwrap().to_owned();
        all.iter()
            .map(|(name, value)| format!("{}={}", text(name), text(value)))
            .collect::<Vec<_>>()
    };
    let me = ("SUPERVISOR_PROGRAM__APP_USER", "me");
    assert_eq!(environment(&[me]), ["HOME=/home/me", "USER=me", "LOGNAME=me"]);
    assert_eq!(
        environment(&[("SUPERVISOR_PROGRAM__APP_USER", "1000")]),
        ["HOME=/home/me", "USER=me", "LOGNAME=me"]
    );
    let own = ("SUPERVISOR_PROGRAM__APP_ENVIRONMENT", "HOME=/data");
    assert_eq!(environment(&[me, own]), ["USER=me", "LOGNAME=me", "HOME=/data"]);
    let all = ("SUPERVISOR_SUPERVISORD_ENVIRONMENT", "USER=x");
    assert_eq!(environment(&[me, all]), ["HOME=/home/me", "LOGNAME=me", "USER=x"]);
    let supervisord = ("SUPERVISOR_SUPERVISORD_USER", "me");
    assert_eq!(environment(&[supervisord]), ["HOME=/home/me", "USER=me", "LOGNAME=me"]);
    // The user is still root, so the environment does not change.
    assert!(environment(&[("SUPERVISOR_PROGRAM__APP_USER", "root")]).is_empty());
}
