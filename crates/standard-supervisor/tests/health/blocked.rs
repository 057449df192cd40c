//! A server that can't write its output is not hung.

use std::io::Read;
use std::process::Stdio;

use crate::harness::{Lines, wait};
use crate::server::Server;

#[test]
fn a_server_with_blocked_output_is_reported_and_not_restarted() {
    let Some(server) = Server::new() else { return };
    let mut command = server.checked(&[]);
    command.env("PROCESS_HEALTH_TIMEOUT", "0.5").env("PROCESS_HEALTH_FAILURES", "3");
    let mut running = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut said = Lines::of(running.stderr.take().unwrap());
    said.wait_for("entered RUNNING state");
    server.set("health", "flood");
    let blocked = "unhealthy: app: it cannot write its output: the reader of its stdout has \
     read nothing";
    let line = said.wait_for(blocked);
    assert!(line.ends_with("bytes waiting; not restarting it for this"), "{line}");
    server.set("health", "200 ok");
    let mut reader = running.stdout.take().unwrap();
    std::thread::spawn(move || reader.read_to_end(&mut Vec::new()));
    said.wait_for("healthy: app has recovered");
    crate::harness::kill(i32::try_from(running.id()).unwrap(), "TERM");
    assert!(wait(&mut running).success());
    let all = said.rewind().rest().join("\n");
    assert!(!all.contains("exited:") && !all.contains("evidence"), "{all}");
}
