//! Bash completes our command lines by the scripts that are made from the tables.

#![allow(clippy::unwrap_used, reason = "a failed call is a failed test")]

use std::path::Path;
use std::process::Command;

/// What is offered for the last of `words`.
fn offered(words: &[&str]) -> Vec<String> {
    let tool = words[0];
    let scripts = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../completions/bash");
    let script = r#"source "$1"; shift
        COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); "_${1//-/_}"
        [ ${#COMPREPLY[@]} = 0 ] || printf '%s\n' "${COMPREPLY[@]}""#;
    let output = Command::new("bash")
        .args(["--norc", "-euc", script, "bash"])
        .arg(scripts.join(tool))
        .args(words)
        .output()
        .unwrap();
    assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect()
}

#[test]
fn options_are_offered_before_the_command_only() {
    assert_eq!(offered(&["standard-supervisor", "--"]), ["--check", "--help", "--version"]);
    assert_eq!(offered(&["standard-supervisor", "--check", "--v"]), ["--version"]);
    assert!(offered(&["standard-supervisor", "bash", "--ver"]).is_empty());
}

#[test]
fn commands_are_offered_where_one_is_expected() {
    for words in [
        &["standard-supervisor", "bas"][..],
        &["standard-supervisor", "--check", "--", "bas"],
        &["generate-supervisor-config", "-o", "x", "--log-level", "INFO", "bas"],
    ] {
        assert!(offered(words).contains(&"bash".to_owned()), "{words:?}");
    }
}

#[test]
fn an_option_s_argument_is_completed_by_its_kind() {
    assert_eq!(offered(&["supervisord", "-e", "b"]), ["blather"]);
    assert_eq!(
        offered(&["generate-supervisor-config", "--log-level", ""]),
        ["ERROR", "INFO", "DEBUG"]
    );
    assert_eq!(offered(&["supervisorctl", "-s", "x", "rel"]), ["reload"]);
    assert_eq!(offered(&["supervisorctl", "help", "mai"]), ["maintail"]);
    assert!(offered(&["supervisorctl", "start", "ba"]).is_empty());
    assert!(offered(&["supervisord", "-c", "/etc/pass"]).contains(&"/etc/passwd".to_owned()));
    assert_eq!(offered(&["supervisord", "--dir"]), ["--directory"]);
    assert_eq!(offered(&["supervisord", "-u", "roo"]), ["root"]);
    assert!(offered(&["pidproxy", "/etc/pass"]).contains(&"/etc/passwd".to_owned()));
}
