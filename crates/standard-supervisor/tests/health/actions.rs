//! What follows when a program is ill.

use crate::server::{Server, end, times, up};

#[test]
fn who_only_observes_leaves_it_as_it_is() {
    let Some(server) = Server::new() else { return };
    let mut running = up(server.checked(&[]).env("PROCESS_HEALTH_ACTION", "observe"));
    server.set("health", "500 no");
    running.stderr.wait_for("the last: status 500; nothing is done about it");
    times(&mut running.stdout, "asked /health", 15);
    server.set("health", "200 ok");
    running.stderr.wait_for("healthy: app has recovered");
    assert!(!running.stderr.said("killing"));
    end(running);
}

#[test]
fn a_program_can_be_given_up_instead() {
    let Some(server) = Server::new() else { return };
    let mut running = up(server.checked(&[]).env("PROCESS_HEALTH_ACTION", "stop"));
    server.set("health", "500 no");
    assert_eq!(running.exit_code(), 1);
    let said = running.stderr.rest().join("\n");
    assert!(said.contains("gave up: app entered FATAL state, it was unhealthy"), "{said}");
    assert_eq!(said.matches("spawned: 'app'").count(), 1, "{said}");
}

#[test]
fn all_can_end_with_a_code_that_was_chosen() {
    let Some(server) = Server::new() else { return };
    let mut running = up(server.checked(&[]).env("PROCESS_HEALTH_ACTION", "exit:77"));
    server.set("health", "500 no");
    assert_eq!(running.exit_code(), 77);
}
