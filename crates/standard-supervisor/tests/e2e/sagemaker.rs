//! As SageMaker starts an image: with the word `serve` in place of its own command.

use crate::harness::{Running, supervise};

#[test]
fn serve_runs_the_command_of_the_image() {
    let mut running = Running::start(
        supervise(["serve"])
            .env("PROCESS_COMMAND", "sh -c 'echo \"it runs, $0\"; sleep 1000' \"100 %s\""),
    );
    running.stdout.wait_for("it runs, 100 %s");
    running.signal("TERM");
    assert_eq!(running.exit_code(), 0);
}

#[test]
fn a_missing_image_command_exits_with_1_and_names_the_variable() {
    let mut running = Running::start(supervise(["serve"]).env("PATH", "/usr/bin:/nowhere"));
    assert_eq!(running.exit_code(), 1);
    let said = running.stderr.rest().join("\n");
    assert!(said.contains("no such program exists in PATH '/usr/bin:/nowhere'"), "{said}");
    assert!(said.contains("set PROCESS_COMMAND to the command of the server"), "{said}");
}
