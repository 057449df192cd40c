//! Failure classes: programs that end as real servers do, by what those print and how they exit.

use std::fs;
use std::path::Path;

use serde_json::json;
use supervisor_core::failure::SIGNS;

use crate::harness::{Running, clean, program, supervise};
use crate::place::Place;

/// What real servers print, in our own words: each with the name of its sign.
fn known() -> Vec<(String, String)> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../core/tests/failures/known.txt");
    let text = fs::read_to_string(path).unwrap();
    let outputs = text.split("\n== ").skip(1).map(|output| output.split_once('\n').unwrap());
    outputs
        .map(|(title, lines)| (title.trim_end_matches(" (ready)").to_owned(), lines.to_owned()))
        .collect()
}

#[test]
fn each_failure_sign_in_the_output_is_reported_everywhere() {
    for (number, (name, output)) in known().into_iter().enumerate() {
        let sign = SIGNS.iter().find(|sign| sign.name == name).unwrap();
        let place = Place::new(&format!("sign-{number}"));
        fs::write(place.path("output"), &output).unwrap();
        // SGLang ends by a SIGKILL of its own, vLLM with 0 after its engine died.
        let end = ["exit 1", "kill -KILL $$", "exit 0", "kill -ABRT $$"][number % 4];
        let script = format!("cat {}; {end}", place.path("output").display());
        let mut command = place.shell(&script);
        let preset = sign.of.map_or("cuda", |of| of.name());
        command.env("PROCESS_FAILURE_PRESET", preset);
        command.env("PROCESS_EXIT_CODES", format!("{}:111", sign.class.name()));
        let mut running = Running::start(&mut command);
        assert_eq!(running.exit_code(), 111, "{name}");
        let report = place.report();
        assert_eq!(report["class"], json!(sign.class.name()), "{name}: {report:#}");
        let (what, line) = (sign.class.row().what, report["decided_by"].as_str().unwrap());
        assert!(output.contains(line.trim_end_matches('…')), "{name}: {line}");
        let message = place.message();
        assert!(message.starts_with(&format!("{what} ({name}): ")), "{message}");
        assert!(message.contains(&format!("decided by: {line:?}")), "{message}");
        let gave_up = running.stderr.wait_for("gave up: app entered FATAL state, ");
        assert!(gave_up.contains(&format!(": {what} ({name}): ")), "{gave_up}");
    }
}

#[test]
fn a_configuration_failure_is_tried_twice_and_exits_with_its_code() {
    let place = Place::new("config");
    let script = "echo \"ModuleNotFoundError: No module named 'fastapi'\"; exit 1";
    let mut command = place.shell(script);
    command
        .env("PROCESS_MAX_START_RETRIES", "9")
        .env("PROCESS_FAILURE_PRESET", "cuda")
        .env("PROCESS_HEALTH_READY", "log:listening")
        .env("PROCESS_EXIT_CODES", "config:78");
    let mut running = Running::start(&mut command);
    running.stderr.wait_for("a restart would not help: it failed twice in the same way");
    assert_eq!(running.exit_code(), 78);
    assert_eq!(place.names().len(), 2);
}

#[test]
fn without_a_failure_preset_the_class_is_exit() {
    let place = Place::new("no-preset");
    let script = "echo 'torch.OutOfMemoryError: CUDA out of memory.'; exit 1";
    let mut running = Running::start(&mut place.shell(script));
    assert_eq!(running.exit_code(), 1);
    assert_eq!(place.report()["class"], json!("exit"));
}

#[test]
fn the_failure_class_does_not_depend_on_crash_reports() {
    let place = Place::new("no-reports");
    // Nobody can create a directory in /proc, not even root.
    for reports in ["off", "/proc/nowhere"] {
        let mut command = place.shell("echo \"ModuleNotFoundError: No module named 'x'\"; exit 1");
        command
            .env("PROCESS_CRASH_DIR", reports)
            .env("PROCESS_FAILURE_PRESET", "cuda")
            .env("PROCESS_EXIT_CODES", "config:78");
        let mut running = Running::start(&mut command);
        let line = running.stderr.wait_for("crash: program=app");
        assert!(line.contains(" class=config ") && !line.contains(" report="), "{line}");
        assert_eq!(running.exit_code(), 78, "{reports}");
        assert!(place.message().contains("class=config"), "{}", place.message());
    }
    assert!(!place.path("reports").exists());
}

#[test]
fn a_failure_preset_in_a_file_works_without_crash_lines_and_reports() {
    let place = Place::new("no-reports-file");
    let file = "[supervisord]\nnodaemon=true\nlogfile=/dev/null\npidfile=%(here)s/pid\n\
         [program:a]\ncommand=sh %(here)s/server\n\
         startretries=0\nessential=true\nfailure_preset=cuda\nfailure_exit_codes=config:78\n";
    fs::write(place.path("conf"), file).unwrap();
    let server = "echo \"ModuleNotFoundError: No module named 'x'\"; exit 1";
    fs::write(place.path("server"), server).unwrap();
    let words = ["-c".into(), place.path("conf")];
    let mut running = Running::start(&mut clean(program("supervisord"), words));
    assert_eq!(running.exit_code(), 78);
    assert!(!running.stdout.said("crash: program=a"));
}

#[test]
fn an_error_before_served_requests_does_not_explain_the_exit() {
    let place = Place::new("served");
    let script = "echo 'torch.OutOfMemoryError: CUDA out of memory.'
         echo 'INFO:     10.0.0.4:5 - \"POST /v1/completions HTTP/1.1\" 200 OK'
         kill -KILL $$";
    let mut command = place.shell(script);
    command.env("PROCESS_FAILURE_PRESET", "cuda");
    let mut running = Running::start(&mut command);
    assert_eq!(running.exit_code(), 1);
    assert_eq!(place.report()["class"], json!("signal"));
}

#[test]
fn a_failed_rank_stops_its_container_at_once() {
    let place = Place::new("rank");
    let mut command = place.shell("echo started; exit 0");
    command.env_remove("PROCESS_MAX_START_RETRIES").env("PROCESS_RANK_POLICY", "exit");
    let mut running = Running::start(&mut command);
    assert_eq!(running.exit_code(), 1);
    assert_eq!(place.names().len(), 1);
}

#[test]
fn a_users_failure_rule_takes_precedence() {
    let rule = |script: &str, settings: &[(&str, &str)]| {
        let mut command = supervise(["sh", "-c", script]);
        command.env("PROCESS_MAX_START_RETRIES", "2");
        for (key, value) in settings {
            command.env(format!("SUPERVISOR_RULE__OWN_{key}"), value);
        }
        let mut running = Running::start(&mut command);
        let code = running.exit_code();
        (running.stdout.rest().len(), code)
    };
    let text = "echo the licence has expired; exit 1";
    assert_eq!(rule(text, &[("OUTPUT", "licence has"), ("ACTION", "exit:42")]), (1, 42));
    assert_eq!(rule(text, &[("OUTPUT", "no such text"), ("ACTION", "exit:42")]), (3, 1));
    assert_eq!(rule(text, &[("EXITCODES", "1,2"), ("ACTION", "stop")]), (1, 1));
    let killed = "echo; kill -9 $$";
    assert_eq!(rule(killed, &[("SIGNALS", "KILL"), ("ACTION", "exit:7")]), (1, 7));
    let other = [("SIGNALS", "KILL"), ("ACTION", "exit:7"), ("PROGRAMS", "app")];
    assert_eq!(rule(killed, &other), (1, 7));
}
