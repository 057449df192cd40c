//! Variables of a program that are in files.

use std::fs;
use std::path::PathBuf;

use crate::harness::{Running, once, supervise};

fn file(name: &str, text: &str) -> PathBuf {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR"))
        .join(format!("env-file-{name}-{}", std::process::id()));
    fs::write(&path, text).unwrap();
    path
}

#[test]
fn each_start_reads_the_env_file_and_environment_overrides_it() {
    let path = file("again", "TOKEN='first $1'\nexport B=file\nINHERITED=file\n");
    let script = "echo \"$TOKEN|$B|$INHERITED\"; \
                  [ \"$TOKEN\" = second ] && exec sleep 1000; echo TOKEN=second > \"$FILE\"";
    let mut running = Running::start(
        supervise(["sh", "-c", script])
            .env("PROCESS_ENV_FILE", &path)
            .env("FILE", &path)
            .env("INHERITED", "container")
            .env("SUPERVISOR_PROGRAM__APP_ENVIRONMENT", "B=option"),
    );
    running.stdout.wait_for("first $1|option|file");
    running.stdout.wait_for("second|option|container");
    running.signal("TERM");
    assert_eq!(running.exit_code(), 0);
    fs::remove_file(path).unwrap();
}

#[test]
fn a_missing_env_file_is_a_failed_start_and_its_text_is_never_logged() {
    let path = file("gone", "TOKEN=s3cret\n");
    let mut running = Running::start(
        supervise(["sh", "-c", "echo started; rm \"$FILE\""])
            .env("PROCESS_ENV_FILE", &path)
            .env("FILE", &path)
            .env("PROCESS_MAX_START_RETRIES", "1"),
    );
    assert_eq!(running.exit_code(), 1);
    assert_eq!(running.stdout.count("started"), 1);
    let why = format!("spawnerr: env_file {}: No such file or directory", path.display());
    assert!(running.stderr.said(&why), "{:#?}", running.stderr.rest());
    assert!(!running.stderr.said("s3cret"));
}

#[test]
fn run_once_mode_reads_the_env_file_and_starts_nothing_without_it() {
    let path = file("once", "TOKEN=\"a\\nb\"\n");
    let command = || once(["sh", "-c", "echo \"$TOKEN\""]);
    let mut running = Running::start(command().env("PROCESS_ENV_FILE", &path));
    assert_eq!(running.exit_code(), 0);
    assert_eq!(running.stdout.rest(), ["a", "b"]);
    fs::remove_file(&path).unwrap();
    let mut running = Running::start(command().env("PROCESS_ENV_FILE", &path));
    assert_eq!(running.exit_code(), 1);
    assert!(running.stdout.rest().is_empty());
    assert!(running.stderr.said("ERROR: PROCESS_ENV_FILE: env_file "));
}
