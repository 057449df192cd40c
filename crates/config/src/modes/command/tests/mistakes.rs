//! Tests of invalid settings and their messages.

use super::*;

#[test]
fn a_command_that_can_never_be_executed_is_rejected() {
    let text = errors(&[
        ("SUPERVISOR_PROGRAM__APP_COMMAND", ""),
        ("SUPERVISOR_PROGRAM__X_COMMAND", "sh -c \"unbalanced"),
        ("SUPERVISOR_EVENTLISTENER__L_COMMAND", "%(ENV_NOTHING)s"),
        ("SUPERVISOR_EVENTLISTENER__L_EVENTS", "TICK_5"),
        ("NOTHING", ""),
    ]);
    assert_eq!(
        text,
        "ERROR: SUPERVISOR_PROGRAM__APP_COMMAND: command is empty; expected a program and its arguments, split like shell words\nERROR: \
         SUPERVISOR_PROGRAM__X_COMMAND: can't parse command 'sh …': No closing quotation for \" \
         at character 7; expected a program and its arguments, \
         split like shell words\nERROR: SUPERVISOR_EVENTLISTENER__L_COMMAND: command is empty; expected a program and its arguments, split \
         like shell words"
    );
}

#[test]
fn an_invalid_listen_address_is_rejected() {
    let text = errors(&[
        ("PROCESS_STATUS_PORT", "tcp://x:9/"),
        ("SUPERVISOR_INET_HTTP_SERVER_PORT", "[::1]x:9001"),
        ("SUPERVISOR_INET_HTTP_SERVER_USERNAME", "u"),
        ("SUPERVISOR_INET_HTTP_SERVER_PASSWORD", "p"),
        ("SUPERVISOR_FCGI_PROGRAM__F_COMMAND", "f"),
        ("SUPERVISOR_FCGI_PROGRAM__F_SOCKET", "tcp://nosuch:9002"),
    ]);
    for line in [
        "ERROR: PROCESS_STATUS_PORT: not a whole number: '9/'; expected port, host:port or [address]:port, with a port from 1 to 65535, or off",
        "ERROR: SUPERVISOR_INET_HTTP_SERVER_PORT: [::1]x is neither an IP address nor a name in \
         /etc/hosts; expected",
        "ERROR: SUPERVISOR_FCGI_PROGRAM__F_SOCKET: nosuch is neither an IP address nor a name \
         in /etc/hosts; expected",
    ] {
        assert!(text.lines().any(|l| l.starts_with(line)), "{line}\nis not in\n{text}");
    }
    assert_eq!(text.lines().count(), 3, "{text}");
    for host in ["box", "localhost", "127.0.0.2", "*", "[::]", "[::1]"] {
        let status = config(&[("PROCESS_STATUS_PORT", &format!("{host}:9100"))]);
        assert!(status.supervisord.status.is_some(), "{host}");
    }
}

#[test]
fn every_error_names_its_variable_the_value_and_the_accepted_values() {
    let text = errors(&[
        ("PROCESS_MAX_START_RETRIES", "x"),
        ("SUPERVISOR_PROGRAM__APP_STARTSECS", "x"),
        ("SUPERVISOR_PROGRAM__APP_AUTOSTART", "perhaps"),
        ("SUPERVISOR_PROGRAM__APP_USER", "nobody-here"),
        ("SUPERVISOR_PROGRAM__B_STARTSECS", "1"),
        ("SUPERVISOR_SUPERVISORD_LOGLEVEL", "warning"),
        ("SUPERVISOR_SUPERVISORD_PIDFILE", "/nowhere/pid"),
        ("SUPERVISOR_GROUP__G_PROGRAMS", "nope"),
        ("SUPERVISOR_PROGRAM__APP_DIRECTORY", "%(ENV_NOPE)s"),
        ("SUPERVISOR_EVENTLISTENER__L_COMMAND", "x"),
        ("SUPERVISOR_INET_HTTP_SERVER_PORT", "0"),
    ]);
    for line in [
        "ERROR: PROCESS_MAX_START_RETRIES must be an integer, got 'x'",
        "ERROR: SUPERVISOR_PROGRAM__APP_STARTSECS: not a whole number: 'x'; expected a whole number of seconds",
        "ERROR: SUPERVISOR_PROGRAM__APP_AUTOSTART: not a valid boolean value: 'perhaps'; expected yes, true, on, 1, no, false, off or 0",
        "ERROR: SUPERVISOR_PROGRAM__APP_USER: Invalid user name nobody-here; expected the name or id of an existing user",
        "ERROR: SUPERVISOR_PROGRAM__B_STARTSECS: program section program:b does not specify a command",
        "ERROR: SUPERVISOR_SUPERVISORD_LOGLEVEL: bad logging level name 'warning'; expected critical, error, warn, info, debug, trace or blather",
        "ERROR: SUPERVISOR_SUPERVISORD_PIDFILE: The directory named as part of the path /nowhere/pid does not exist; expected a path in an existing directory",
        "ERROR: SUPERVISOR_GROUP__G_PROGRAMS: [group:g] names unknown program or fcgi-program nope; programs: expected names such as app, b",
        "ERROR: SUPERVISOR_EVENTLISTENER__L_COMMAND: [eventlistener:l] section requires an \"events\" line",
        "ERROR: SUPERVISOR_INET_HTTP_SERVER_PORT: not a valid port number: '0'; expected port, :port, *:port or host:port, with a port from 1 to 65535",
    ] {
        assert!(text.lines().any(|l| l == line), "{line}\nis not in\n{text}");
    }
    assert!(text.contains("SUPERVISOR_PROGRAM__APP_DIRECTORY: Format string '%(ENV_NOPE)s' for 'program:app.directory' contains names ('ENV_NOPE')"));
    assert_eq!(text.lines().count(), 11, "{text}");
}

#[test]
fn an_error_in_an_included_file_names_file_and_line() {
    let host = FakeHost::with(&[("/srv/x.conf", "[program:x]\ncommand=x\n\nstopsignal=NOPE\n")]);
    let text = configured(&[("SUPERVISOR_INCLUDE_FILES", "x.conf none.conf")], &host)
        .unwrap_err()
        .to_string();
    assert_eq!(
        text,
        "ERROR: /srv/x.conf:4: value 'NOPE' is not a valid signal name in section 'program:x'; \
         stopsignal: expected a signal's name, such as TERM, SIGTERM or RTMIN+3, or its number"
    );
}

#[test]
fn duplicate_process_names_in_a_group_are_rejected() {
    let text = errors(&[("SUPERVISOR_GROUP__G_PROGRAMS", "app,app")]);
    let message = "SUPERVISOR_GROUP__G_PROGRAMS: two processes of group 'g' are named 'app'";
    assert!(text.contains(message), "{text}");
    let text = errors(&[("SUPERVISOR_PROGRAM__APP_NUMPROCS", "2")]);
    assert!(text.contains("%(process_num) must be present within process_name when numprocs > 1"));
}

#[test]
fn an_empty_user_name_and_password_do_not_protect_a_port() {
    let server = |port, username, password| {
        [
            ("SUPERVISOR_INET_HTTP_SERVER_PORT", port),
            ("SUPERVISOR_INET_HTTP_SERVER_USERNAME", username),
            ("SUPERVISOR_INET_HTTP_SERVER_PASSWORD", password),
            ("BLANK", " "),
        ]
    };
    for password in ["", "  ", "%(ENV_BLANK)s"] {
        let message = errors(&server("0.0.0.0:9001", password, password));
        assert!(message.contains("accepts commands on port 9001 from any host"), "{message}");
        let local = config(&server("127.0.0.1:9001", password, password));
        assert_eq!(local.servers[0].credentials, None);
        let message = errors(&server("127.0.0.1:9001", "u", password));
        assert_eq!(
            message,
            "ERROR: SUPERVISOR_INET_HTTP_SERVER_PASSWORD: Section [inet_http_server] contains \
             incomplete authentication: If a username or a password is specified, both the \
             username and password must be specified, and password is empty"
        );
        let message = errors(&server("0.0.0.0:9001", password, "p"));
        assert!(message.contains("SUPERVISOR_INET_HTTP_SERVER_USERNAME: Section"), "{message}");
        assert!(message.contains("and username is empty"), "{message}");
    }
}

#[test]
fn passwords_and_environments_are_not_repeated_in_messages() {
    for (variable, value, part) in [
        (
            "SUPERVISOR_UNIX_HTTP_SERVER_PASSWORD",
            "p4ss%word-s3cret",
            "at index 4; write a literal percent sign",
        ),
        (
            "SUPERVISOR_SUPERVISORCTL_PASSWORD",
            "s3cret%(x",
            "at index 6; write a literal percent sign",
        ),
        (
            "SUPERVISOR_PROGRAM__APP_ENVIRONMENT",
            "API_KEY=s3cret%zz",
            "at index 14; write a literal percent sign",
        ),
        (
            "SUPERVISOR_PROGRAM__APP_ENVIRONMENT",
            "A=1,KEY=s3cret B=2",
            "at pair 2; pairs are separated",
        ),
        ("SUPERVISOR_SUPERVISORD_ENVIRONMENT", "A=\"s3cret", "No closing quotation; expected"),
        ("SUPERVISOR_SUPERVISORD_ENVIRONMENT", "A=s3cret\0", "environment contains a NUL byte"),
    ] {
        let text = errors(
            &[
                ("SUPERVISOR_UNIX_HTTP_SERVER_FILE", "/tmp/s.sock"),
                ("SUPERVISOR_UNIX_HTTP_SERVER_USERNAME", "u"),
                ("SUPERVISOR_UNIX_HTTP_SERVER_PASSWORD", "p"),
                (variable, value),
            ]
            .iter()
            .rev()
            .copied()
            .collect::<Vec<_>>(),
        );
        assert!(text.starts_with(&format!("ERROR: {variable}: ")), "{text}");
        assert!(text.contains(part) && !text.contains("s3cret"), "{text}");
        assert_eq!(text.lines().count(), 1, "{text}");
    }
}

#[test]
fn long_values_are_shortened_in_messages() {
    let (word, path) = ("x".repeat(100_000), format!("/{}/x", "é x".repeat(50_000)));
    let names = format!("%({word})s");
    let quote = format!("'{path}");
    for (variable, value) in [
        ("PROCESS_MAX_START_RETRIES", &word),
        ("PROCESS_STATUS_PORT", &word),
        ("PROCESS_LOG_LEVEL", &path),
        ("SUPERVISOR_PROGRAM__APP_STARTSECS", &word),
        ("SUPERVISOR_PROGRAM__APP_AUTORESTART", &path),
        ("SUPERVISOR_PROGRAM__APP_DIRECTORY", &names),
        ("SUPERVISOR_PROGRAM__APP_COMMAND", &quote),
        ("SUPERVISOR_PROGRAM__APP_STDOUT_LOGFILE", &path),
        ("SUPERVISOR_PROGRAM__APP_HEALTH_URL", &path),
        ("SUPERVISOR_PROGRAM__APP_HEALTH_COMMAND", &quote),
        ("SUPERVISOR_PROGRAM__APP_PROCESS_NAME", &path),
        ("SUPERVISOR_SUPERVISORD_ENVIRONMENT", &path),
        ("SUPERVISOR_SUPERVISORD_USER", &word),
        ("SUPERVISOR_INET_HTTP_SERVER_PORT", &path),
        ("SUPERVISOR_FCGI_PROGRAM__F_SOCKET", &format!("unix://{word}")),
        ("SUPERVISOR_EVENTLISTENER__L_EVENTS", &word),
        ("SUPERVISOR_GROUP__G_PROGRAMS", &word),
        ("SUPERVISOR_RPCINTERFACE__X_SUPERVISOR_RPCINTERFACE_FACTORY", &word),
    ] {
        let text = errors(&[(variable, value)]);
        assert!(text.contains(&format!("ERROR: {variable}")), "{variable}");
        let longest = text.lines().map(|line| line.chars().count()).max();
        assert!(longest < Some(2000), "{variable}: {longest:?}");
    }
}

#[test]
fn invalid_retry_delays_are_rejected_together() {
    let text = errors(&[
        ("PROCESS_RETRY_FACTOR", "0.5"),
        ("PROCESS_RETRY_WAIT_SECS", "1m"),
        ("PROCESS_RETRY_WAIT_MAX_SECS", "86401"),
        ("PROCESS_RETRY_JITTER", "25"),
    ]);
    for mistake in [
        "ERROR: PROCESS_RETRY_FACTOR: 0.5 is not between 1 and 10; expected",
        "ERROR: PROCESS_RETRY_WAIT_SECS: not a number: '1m'; expected",
        "ERROR: PROCESS_RETRY_WAIT_MAX_SECS: 86401 is not between 0 and 86400; ",
        "ERROR: PROCESS_RETRY_JITTER: 25 is not between 0 and 1; expected",
    ] {
        assert!(text.lines().any(|line| line.starts_with(mistake)), "{mistake}: {text}");
    }
    assert_eq!(text.lines().count(), 4, "{text}");
    let text = errors(&[("PROCESS_RETRY_FACTOR", "2"), ("PROCESS_RETRY_WAIT_SECS", "61")]);
    assert_eq!(
        text,
        "ERROR: PROCESS_RETRY_WAIT_SECS: retry_wait_max_secs=60 is shorter than the first wait, \
         retry_wait_secs=61"
    );
    let config = config(&[("PROCESS_RETRY_JITTER", "0.25")]);
    assert_eq!(config.warnings, ["[program:app] retry_jitter has no effect without retry_factor"]);
}

#[test]
fn variables_set_the_delays_of_restarts() {
    let config = config(&[
        ("PROCESS_RETRY_FACTOR", "1.5"),
        ("PROCESS_RETRY_WAIT_SECS", "0.25"),
        ("PROCESS_RETRY_JITTER", "0.1"),
    ]);
    let (first, most) = (Duration::from_millis(250), Duration::from_secs(60));
    let expected = Backoff::Exponential { first, factor: 1500, most, jitter: 100 };
    assert_eq!(process(&config, "app").backoff, expected);
}

#[test]
fn invalid_memory_sizes_are_rejected() {
    let text = errors(&[("PROCESS_MEMORY_LIMIT", "1.5G"), ("PROCESS_MEMORY_WARN_PERCENT", "101")]);
    for mistake in [
        "ERROR: PROCESS_MEMORY_LIMIT: not a size: '1.5G'; expected a number of bytes from 1M on",
        "ERROR: PROCESS_MEMORY_WARN_PERCENT: 101 is not between 1 and 100; ",
    ] {
        assert!(text.lines().any(|line| line.starts_with(mistake)), "{mistake}: {text}");
    }
    assert!(errors(&[("PROCESS_MEMORY_LIMIT", "512K")]).contains("512K is less than 1M"));
    let config = config(&[("PROCESS_MEMORY_LIMIT", "40G"), ("PROCESS_MEMORY_WARN_PERCENT", "50")]);
    let memory = process(&config, "app").health.memory.unwrap();
    assert_eq!((memory.limit, memory.warn / 100), (40 << 30, (20 << 30) / 100));
}
