//! The Dockerfile forms of the README, from start to stop.

use crate::docker::{Container, Derived, docker, foreground, image};

const SERVER: &str = "trap 'echo draining; sleep 2; echo drained; exit 0' TERM; echo up as $$ of $PPID; \
                      while :; do sleep 0.1; done";

fn json(words: &[&str]) -> String {
    let quoted: Vec<String> = words.iter().map(|word| format!("{word:?}")).collect();
    format!("[{}]", quoted.join(", "))
}

#[test]
fn the_supervisor_as_cmd_is_pid_1_and_drains_on_docker_stop() {
    let cmd = json(&["standard-supervisor", "sh", "-c", SERVER]);
    let Some(image) = Derived::from(&format!("CMD {cmd}")) else { return };
    let mut container = Container::run(&[image.name()]);
    let up = container.stdout().wait_for("up as");
    assert!(up.ends_with("of 1"), "{up}");
    container.stop();
    assert_eq!(container.exit_code(), 0);
    assert!(container.stdout().rest().contains(&"drained".to_owned()));
    container.stderr().wait_for("stopped: app (exit status 0)");
}

#[test]
fn the_supervisor_as_entrypoint_runs_the_command_of_cmd_or_docker_run() {
    let cmd = json(&["sh", "-c", "echo from CMD; exit 3"]);
    let lines = format!("ENTRYPOINT [\"standard-supervisor\"]\nCMD {cmd}");
    let Some(image) = Derived::from(&lines) else { return };
    let retries = ["-e", "PROCESS_MAX_START_RETRIES=0"];
    let (code, text) = foreground(&[&retries[..], &[image.name()]].concat());
    assert_eq!(code, 1, "{text}");
    assert!(text.contains("from CMD"), "{text}");
    let words = [image.name(), "sh", "-c", "echo from run; exit 3"];
    let (code, text) = foreground(&[&retries[..], &words].concat());
    assert_eq!(code, 1, "{text}");
    assert!(text.contains("from run") && !text.contains("from CMD"), "{text}");
}

#[test]
fn variables_of_docker_run_e_configure_the_supervisor() {
    let Some(image) = image() else { return };
    let (code, text) = foreground(&[
        "-e",
        "SUPERVISOR_PROGRAM__APP_STARTSECS=0",
        "-e",
        "SUPERVISOR_PROGRAM__APP_AUTORESTART=unexpected",
        "-e",
        "SUPERVISOR_PROGRAM__APP_EXITCODES=5",
        image,
        "standard-supervisor",
        "sh",
        "-c",
        "exit 5",
    ]);
    assert_eq!(code, 0, "{text}");
    let bad = ["-e", "PROCESS_LOG_LEVEL=loud", image, "standard-supervisor", "true"];
    let (code, text) = foreground(&bad);
    assert_eq!(code, 1, "{text}");
    assert!(text.contains("ERROR: PROCESS_LOG_LEVEL"), "{text}");
}

#[test]
fn run_once_mode_returns_the_exit_status_in_a_container() {
    let Some(image) = image() else { return };
    for (script, expected) in [("exit 7", 7), ("kill -KILL $$", 137), ("exit 0", 0)] {
        let words =
            ["-e", "PROCESS_AUTO_RECOVERY=false", image, "standard-supervisor", "sh", "-c", script];
        let (code, text) = foreground(&words);
        assert_eq!((code, text.as_str()), (expected, ""), "{script}");
    }
}

#[test]
fn the_supervisor_works_under_dockers_own_init() {
    let Some(image) = image() else { return };
    let mut container =
        Container::run(&["--init", image, "standard-supervisor", "sh", "-c", SERVER]);
    let up = container.stdout().wait_for("up as");
    assert!(!up.ends_with("of 1"), "{up}");
    docker(&["kill", "--signal", "TERM", container.name()]);
    assert_eq!(container.exit_code(), 0);
    assert!(container.stdout().rest().contains(&"drained".to_owned()));
}
