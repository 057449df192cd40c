//! The environment configures everything; what is wrong with it is said together.

use crate::harness::{Running, supervise};

#[test]
fn all_errors_are_reported_together_and_nothing_starts() {
    let mut running = Running::start(
        supervise(["sh", "-c", "echo started"])
            .env("PROCESS_MAX_START_RETRIES", "x")
            .env("PROCESS_RETRY_RESET_SECS", "-1")
            .env("PROCESS_LOG_LEVEL", "loud")
            .env("SUPERVISOR_PROGRAM__APP_STARTSECS", "soon")
            .env("SUPERVISOR_PROGRAM__APP_STOPSIGNAL", "HUH")
            .env("SUPERVISOR_PROGRAM__OTHER_PRIORITY", "1"),
    );
    assert_eq!(running.exit_code(), 1);
    assert!(running.stdout.rest().is_empty());
    let said = running.stderr.rest().join("\n");
    for part in [
        "PROCESS_MAX_START_RETRIES must be an integer, got 'x'",
        "PROCESS_RETRY_RESET_SECS",
        "PROCESS_LOG_LEVEL",
        "SUPERVISOR_PROGRAM__APP_STARTSECS",
        "value 'HUH' is not a valid signal name",
        "program section program:other does not specify a command",
    ] {
        assert!(said.contains(part), "{part:?} is missing in\n{said}");
    }
    assert!(running.stderr.rest().iter().all(|line| line.starts_with("ERROR: ")), "{said}");
}

#[test]
fn check_rejects_every_configuration_that_a_start_rejects() {
    for (variable, value, part) in [
        ("PROCESS_LOG_FORMAT", "xml", "unknown log format 'xml'"),
        ("PROCESS_STATUS_PORT", "no-such-host:9", "no-such-host is neither an IP address"),
        ("SUPERVISOR_PROGRAM__X_COMMAND", "", "command is empty"),
        ("SUPERVISOR_PROGRAM__X_COMMAND", "sh -c \"unbalanced", "No closing quotation"),
        ("SUPERVISOR_PROGRAM__APP_COMMAND", "", "command is empty"),
    ] {
        for options in [&["--check"][..], &[]] {
            let words = options.iter().chain(&["sh", "-c", "echo started"]);
            let mut running = Running::start(supervise(words).env(variable, value));
            assert_eq!(running.exit_code(), 1, "{options:?} {variable}={value}");
            assert!(running.stdout.rest().is_empty(), "{options:?} {variable}={value}");
            let said = running.stderr.rest().join("\n");
            assert!(
                said.contains(&format!("ERROR: {variable}: ")) && said.contains(part),
                "{said}"
            );
        }
    }
}

#[test]
fn retries_out_of_range_are_rejected() {
    let mut running = Running::start(supervise(["true"]).env("PROCESS_MAX_START_RETRIES", "101"));
    assert_eq!(running.exit_code(), 1);
    running.stderr.rest();
    assert!(running.stderr.said("PROCESS_MAX_START_RETRIES must be between 0 and 100, got 101"));
}

#[test]
fn log_level_accepts_warning() {
    let mut running = Running::start(
        supervise(["false"]).env("LOG_LEVEL", "Warning").env("PROCESS_MAX_START_RETRIES", "0"),
    );
    assert_eq!(running.exit_code(), 1);
    let said = running.stderr.rest().join("\n");
    assert!(said.contains("WARN exited: app") && !said.contains(" INFO "), "{said}");
}

#[test]
fn a_yes_that_means_no_causes_a_warning() {
    for value in ["yes", "on", "ture"] {
        let mut running = Running::start(supervise(["true"]).env("PROCESS_AUTO_RECOVERY", value));
        assert_eq!(running.exit_code(), 0);
        let said = running.stderr.rest().join("\n");
        assert!(said.contains("PROCESS_AUTO_RECOVERY") && said.contains(value), "{said}");
    }
}

#[test]
fn keys_with_underscores_reach_their_section() {
    let mut running = Running::start(
        supervise(["true"])
            .arg("--check")
            .env("SUPERVISOR_PROGRAM__APP_STDOUT_LOGFILE_MAXBYTES", "1MB")
            .env("SUPERVISOR_SUPERVISORD_LOGFILE_BACKUPS", "3")
            .env("PROCESS_MAX_START_RETRIES", "0"),
    );
    // `--check` after the command is an argument of it, not an option.
    assert_eq!(running.exit_code(), 1);
    let mut checked = supervise(["--check", "true"]);
    let mut running = Running::start(
        checked
            .env("SUPERVISOR_PROGRAM__APP_STDOUT_LOGFILE_MAXBYTES", "1MB")
            .env("SUPERVISOR_SUPERVISORD_LOGFILE_BACKUPS", "3"),
    );
    assert_eq!(running.exit_code(), 0);
    running.stdout.rest();
    assert!(running.stdout.said("stdout_logfile_maxbytes = 1MB"));
    assert!(running.stdout.said("logfile_backups = 3"));
}

#[test]
fn a_second_program_can_be_added() {
    let mut running = Running::start(
        supervise(["sh", "-c", "echo first; exec sleep 1000"]).env("WHO", "second ;#%").env(
            "SUPERVISOR_PROGRAM__NGINX_COMMAND",
            "sh -c 'echo \"%(ENV_WHO)s\" ; exec sleep 1000'",
        ),
    );
    running.stdout.wait_for("first");
    running.stdout.rewind().wait_for("second ;#%");
    running.stderr.wait_for("success: nginx");
    running.signal("TERM");
    assert_eq!(running.exit_code(), 0);
}

#[test]
fn an_included_file_can_add_programs() {
    let folder = std::env::temp_dir().join(format!("include-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(
        folder.join("more.conf"),
        "[program:MyApp]\ncommand = sh -c 'echo from a file; exec sleep 1000' ; a comment\n",
    )
    .unwrap();
    let mut running = Running::start(
        supervise(["sleep", "1000"])
            .env("SUPERVISOR_INCLUDE_FILES", folder.join("*.conf"))
            // D26: a name that differs only in case means the section that is there.
            .env("SUPERVISOR_PROGRAM__MYAPP_STARTSECS", "0"),
    );
    running.stdout.wait_for("from a file");
    running.stderr.wait_for("success: MyApp entered RUNNING state");
    assert!(running.stderr.said("more than 0 seconds") || running.stderr.said("> than 0 seconds"));
    running.signal("TERM");
    assert_eq!(running.exit_code(), 0);
    std::fs::remove_dir_all(folder).unwrap();
}

#[test]
fn an_unknown_key_is_reported_with_the_nearest() {
    let mut running = Running::start(
        supervise(["sleep", "1000"]).env("SUPERVISOR_PROGRAM__APP_STOPWAITSEC", "3"),
    );
    let line = running.stderr.wait_for("STOPWAITSEC");
    assert!(line.contains("WARN") && line.contains("stopwaitsecs"), "{line}");
}

#[test]
fn variables_of_the_server_and_of_service_links_prevent_no_start() {
    let mut running = Running::start(
        supervise(["sh", "-c", "echo started; exec sleep 1000"])
            .env("LOG_LEVEL", "info,text_generation_router=debug")
            .env("LOG_FORMAT", "pretty")
            .env("STANDARD_PIP_TIMEOUT_SECS", "half an hour")
            .env("PROCESS_HEALTH_PORT", "tcp://10.0.0.1:80")
            .env("SUPERVISOR_PORT_80_TCP", "tcp://10.0.0.1:80")
            .env("SUPERVISOR_SERVICE_HOST", "10.0.0.1"),
    );
    running.stdout.wait_for("started");
    running.stderr.wait_for("LOG_LEVEL='info,text_generation_router=debug' is left to the server");
    running.stderr.wait_for("LOG_FORMAT='pretty' is left to the server");
    running.stderr.wait_for("STANDARD_PIP_TIMEOUT_SECS must be an integer");
    running.signal("TERM");
    assert_eq!(running.exit_code(), 0);
    let said = running.stderr.rest().join("\n");
    assert!(!said.contains("PROCESS_HEALTH_PORT") && !said.contains("SUPERVISOR_"), "{said}");
}

#[test]
fn ignored_service_links_are_listed_in_one_debug_line() {
    let mut running = Running::start(
        supervise(["true"])
            .env("PROCESS_LOG_LEVEL", "debug")
            .env("PROCESS_MAX_START_RETRIES", "0")
            .env("PROCESS_STATUS_PORT", "tcp://10.0.0.1:80")
            .env("SUPERVISOR_PORT", "tcp://10.0.0.1:80"),
    );
    running.stderr.wait_for("DEBG ignoring variables that have the form of a service link: ");
    running.exit_code();
    let said = running.stderr.rest();
    let lines: Vec<_> = said.iter().filter(|line| line.contains("service link")).collect();
    assert_eq!(lines.len(), 1, "{lines:?}");
}

#[test]
fn a_program_of_another_user_has_that_users_home() {
    if !rustix::process::getuid().is_root() {
        return println!("skipped: only root can become somebody else");
    }
    const TELL: &str = "echo $HOME $USER $LOGNAME; exec sleep 1000";
    for (user, environment, told) in [
        ("nobody", "A=1", "/nonexistent nobody nobody"),
        ("nobody", "HOME=/data", "/data nobody nobody"),
        // Nothing changes for who is that user already.
        ("root", "A=1", "/home/of/root me me"),
    ] {
        let mut running = Running::start(
            supervise(["sh", "-c", TELL])
                .env("HOME", "/home/of/root")
                .env("USER", "me")
                .env("LOGNAME", "me")
                .env("SUPERVISOR_PROGRAM__APP_USER", user)
                .env("SUPERVISOR_PROGRAM__APP_ENVIRONMENT", environment),
        );
        assert_eq!(running.stdout.wait_for(" "), told);
        running.signal("TERM");
        assert_eq!(running.exit_code(), 0);
    }
}
