//! The command reaches the program byte for byte; options end where it begins.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;

use crate::harness::{Running, supervise};

/// A program that prints its arguments, one per line, and stays.
const ECHO: &str = r#"for word; do printf '<%s>\n' "$word"; done; echo end; exec sleep 1000"#;

#[test]
fn no_character_in_an_argument_is_special() {
    let words = [
        "%",
        "%(ENV_HOME)s",
        "%%",
        "100%d",
        "a ;b",
        "a #b",
        ";",
        "#",
        r#"{"prompt": "a ; b", "n": 1}"#,
        "it's",
        "say \"hi\"",
        "back\\slash",
        "$HOME `id`",
        "--check",
        "--help",
        "",
        " both ends ",
    ];
    let mut running =
        Running::start(&mut supervise(["sh", "-c", ECHO, "sh"].into_iter().chain(words)));
    for word in words {
        let line = running.stdout.wait_for("<");
        assert_eq!(line, format!("<{word}>"));
    }
}

#[test]
fn arguments_may_contain_newlines_and_invalid_utf_8() {
    let strange: Vec<OsString> = [&b"two\n  lines"[..], b"\xff\xfe", b"tab\tbell\x07", b"\r"]
        .into_iter()
        .map(|bytes| OsStr::from_bytes(bytes).to_owned())
        .collect();
    let script = r#"for word; do printf '%s' "$word" | od -An -tx1 | tr -d ' \n'; echo; done"#;
    let words = ["sh", "-c", script, "sh"].map(OsString::from).into_iter().chain(strange.clone());
    let mut running = Running::start(supervise(words).env("PROCESS_MAX_START_RETRIES", "0"));
    for word in strange {
        let hex: String = word.as_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
        running.stdout.wait_for(&hex);
    }
}

#[test]
fn a_missing_command_prints_the_usage_and_exits_with_1() {
    let mut running = Running::start(&mut supervise::<&str>([]));
    assert_eq!(running.exit_code(), 1);
    let said = running.stderr.rest();
    assert_eq!(said[0], "ERROR: No launch command provided");
    assert!(said[1].starts_with("usage: "), "{said:?}");
}

#[test]
fn an_unknown_option_before_the_command_is_rejected() {
    let mut running = Running::start(&mut supervise(["--chekc", "true"]));
    assert_eq!(running.exit_code(), 1);
    running.stderr.rest();
    assert!(running.stderr.said("--chekc"));
}

#[test]
fn two_dashes_end_the_options() {
    let mut running = Running::start(
        supervise(["--", "printf", "%s\n", "--help"]).env("PROCESS_AUTO_RECOVERY", "0"),
    );
    assert_eq!(running.stdout.wait_for(""), "--help");
    assert_eq!(running.exit_code(), 0);
}

#[test]
fn check_prints_the_effective_configuration_and_starts_nothing() {
    let marker = std::env::temp_dir().join(format!("check-{}", std::process::id()));
    let touch = ["touch".as_ref(), marker.as_os_str()];
    let mut running = Running::start(
        supervise(["--check".as_ref()].into_iter().chain(touch))
            .env("SUPERVISOR_PROGRAM__APP_STOPWAITSECS", "7"),
    );
    running.stdout.wait_for("[program:app]");
    running.stdout.wait_for("stopwaitsecs = 7");
    assert_eq!(running.exit_code(), 0);
    assert!(!marker.exists());
}

#[test]
fn check_names_each_command_that_cannot_start_and_the_reason() {
    let mut running = Running::start(
        supervise(["--check", "no-such-server"])
            .env("PATH", "/usr/bin:/bin")
            .env("SUPERVISOR_PROGRAM__X_COMMAND", "/etc/passwd")
            .env("SUPERVISOR_PROGRAM__Y_COMMAND", "sh -c true")
            .env("SUPERVISOR_PROGRAM__Y_HEALTH_COMMAND", "no-such-check"),
    );
    assert_eq!(running.exit_code(), 1);
    running.stdout.wait_for("[program:app]");
    let path = "in PATH '/usr/bin:/bin'";
    assert_eq!(
        running.stderr.rest(),
        [
            "INFO: check: y: checking the command 'no-such-check' \
             (SUPERVISOR_PROGRAM__Y_HEALTH_COMMAND)"
                .to_owned(),
            format!("ERROR: app: can't find command 'no-such-server' {path}"),
            "ERROR: x: command at '/etc/passwd' is not executable".to_owned(),
            format!("ERROR: y: health_command: can't find command 'no-such-check' {path}"),
        ]
    );
}

#[test]
fn version_names_program_version_commit_and_target() {
    let mut running = Running::start(&mut supervise(["--version"]));
    running.stdout.wait_for(&format!("standard-supervisor {}", env!("CARGO_PKG_VERSION")));
    assert_eq!(running.exit_code(), 0);
}
