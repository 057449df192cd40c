//! What can't be kept alive is given up, and the exit code says so.

use crate::harness::{Running, supervise};

#[test]
fn giving_up_exits_with_1() {
    let mut running = Running::start(
        supervise(["sh", "-c", "echo run; exit 3"]).env("PROCESS_MAX_START_RETRIES", "1"),
    );
    assert_eq!(running.exit_code(), 1);
    let said = running.stderr.rest().join("\n");
    let gave_up = "gave up: app entered FATAL state, too many start retries too quickly";
    assert!(said.contains(gave_up), "{said}");
    assert!(said.contains("last run: app run 2 ended after 0."), "{said}");
    assert!(said.contains(" s (exit status 3)"), "{said}");
}

#[test]
fn n_retries_mean_n_plus_1_starts() {
    for (retries, starts) in [("0", 1), ("2", 3)] {
        let mut running = Running::start(
            supervise(["sh", "-c", "echo run; exit 3"]).env("PROCESS_MAX_START_RETRIES", retries),
        );
        assert_eq!(running.exit_code(), 1);
        assert_eq!(running.stdout.rest().len(), starts);
    }
}

#[test]
fn a_setting_of_the_program_overrides_the_general_one() {
    let mut running = Running::start(
        supervise(["sh", "-c", "echo run; exit 3"])
            .env("PROCESS_MAX_START_RETRIES", "50")
            .env("SUPERVISOR_PROGRAM__APP_STARTRETRIES", "0"),
    );
    assert_eq!(running.exit_code(), 1);
    assert_eq!(running.stdout.rest().len(), 1);
}

#[test]
fn the_supervisor_gives_up_on_a_server_that_dies_after_startsecs() {
    let mut running = Running::start(
        supervise(["sh", "-c", "echo run; sleep 1.3; exit 1"])
            .env("PROCESS_MAX_START_RETRIES", "1"),
    );
    assert_eq!(running.exit_code(), 1);
    assert_eq!(running.stdout.rest(), ["run", "run"]);
}

#[test]
fn a_long_run_resets_the_failure_count() {
    // With a reset after one second every run that reaches RUNNING is long enough:
    // there are more starts than retries would allow.
    let mut running = Running::start(
        supervise(["sh", "-c", "echo run; sleep 1.3; exit 1"])
            .env("PROCESS_MAX_START_RETRIES", "1")
            .env("PROCESS_RETRY_RESET_SECS", "1"),
    );
    for _ in 0..4 {
        running.stdout.wait_for("run");
    }
    running.signal("TERM");
    assert_eq!(running.exit_code(), 0);
}

#[test]
fn a_program_that_dies_at_once_is_never_reported_as_running() {
    let mut running = Running::start(supervise(["false"]).env("PROCESS_MAX_START_RETRIES", "2"));
    assert_eq!(running.exit_code(), 1);
    let said = running.stderr.rest();
    let count = |text: &str| said.iter().filter(|line| line.contains(text)).count();
    assert_eq!((count("spawned:"), count("success:")), (3, 0), "{said:#?}");
}

#[test]
fn a_missing_command_fails_at_once_and_names_the_searched_path() {
    let mut running = Running::start(supervise(["no-such"]).env("PATH", "/usr/bin:/nowhere"));
    assert_eq!(running.exit_code(), 1);
    let said = running.stderr.rest().join("\n");
    assert!(said.contains("can't find command 'no-such' in PATH '/usr/bin:/nowhere'"), "{said}");
    assert_eq!(said.matches("/nowhere").count(), 1, "{said}");
    assert!(said.contains("gave up: app entered FATAL state"), "{said}");
    assert_eq!(said.matches("spawnerr").count(), 1, "{said}");
}

#[test]
fn a_command_that_is_not_executable_fails_at_once() {
    for (command, reason) in [
        ("/etc/passwd", "command at '/etc/passwd' is not executable"),
        ("/tmp", "command at '/tmp' is a directory"),
    ] {
        let mut running = Running::start(&mut supervise([command]));
        assert_eq!(running.exit_code(), 1);
        let said = running.stderr.rest().join("\n");
        assert!(said.contains(reason), "{said}");
    }
}

#[test]
fn a_missing_interpreter_or_loader_is_named() {
    let folder = std::env::temp_dir().join(format!("interpreter-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    // As a program that was built for another C library.
    let elf = std::fs::read("/bin/true").unwrap();
    let at = elf.windows(9).position(|bytes| bytes.starts_with(b"/lib64/ld")).unwrap();
    let foreign = [&elf[..at], b"/lib64/xx", &elf[at + 9..]].concat();
    for (name, content, reason) in [
        (
            "gone",
            b"#!/no/such/python3 -u\n".to_vec(),
            "ENOENT: '/no/such/python3', the interpreter that its first line names, does not exist",
        ),
        (
            "windows",
            b"#!/bin/sh\r\necho\r\n".to_vec(),
            "ENOENT: '/bin/sh\\r', the interpreter that its first line names, does not exist; \
             convert the file to Unix line ends",
        ),
        (
            "closed",
            b"#!/etc/passwd\n".to_vec(),
            "EACCES: '/etc/passwd', the interpreter that its first line names, is not executable",
        ),
        (
            "foreign",
            foreign,
            "ENOENT: '/lib64/xx-linux-x86-64.so.2', the loader that it was linked for, does not exist",
        ),
    ] {
        let file = folder.join(name);
        std::fs::write(&file, content).unwrap();
        std::fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(0o755))
            .unwrap();
        let mut running = Running::start(&mut supervise([&file]));
        assert_eq!(running.exit_code(), 1);
        let said = running.stderr.rest().join("\n");
        let reason = format!("couldn't exec {}: {reason}", file.display());
        assert!(said.contains(&reason), "{said}");
        assert_eq!(said.matches("spawnerr").count(), 1, "{said}");
    }
    std::fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn giving_up_on_one_program_stops_the_others() {
    let helper = "sh -c 'trap \"echo helper stopped; exit 0\" TERM; echo helper up; \
                  while :; do sleep 0.05; done'";
    let mut running = Running::start(
        supervise(["sh", "-c", "sleep 0.5; exit 3"])
            .env("PROCESS_MAX_START_RETRIES", "0")
            .env("SUPERVISOR_PROGRAM__HELPER_COMMAND", helper),
    );
    running.stdout.wait_for("helper up");
    running.stdout.wait_for("helper stopped");
    assert_eq!(running.exit_code(), 1);
}
