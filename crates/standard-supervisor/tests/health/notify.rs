//! What a program tells of itself.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::os::unix::net::UnixDatagram;
use std::path::Path;

use crate::harness::Running;
use crate::server::{Server, end};

#[test]
fn notifications_make_a_program_ready_and_silence_makes_it_unhealthy() {
    let Some(server) = Server::new() else { return };
    let tell = server.fifo("tell");
    let mut command = server.supervised(&["notify"]);
    let mut running = Running::start(
        command.env("PROCESS_HEALTH_READY", "notify").env("PROCESS_HEALTH_WATCHDOG_SECS", "3"),
    );
    running.stdout.wait_for("watchdog 3000000");
    running.stdout.wait_for("listening at");
    fs::write(&tell, "STATUS=loading\n").unwrap();
    fs::write(&tell, "READY=1|STATUS=serving\n").unwrap();
    running.stderr.wait_for("entered RUNNING state, ready after ");
    fs::write(&tell, "WATCHDOG=1\n").unwrap();
    running.stderr.wait_for("unhealthy: app: no watchdog notification for 3 s");
    running.stderr.wait_for("spawned: 'app'");
    end(running);
}

#[test]
fn notifications_of_other_processes_are_ignored() {
    let Some(server) = Server::new() else { return };
    let tell = server.fifo("tell");
    let mut command = server.supervised(&["notify"]);
    let mut running =
        Running::start(command.env("PROCESS_HEALTH_READY", "notify").env("LOG_LEVEL", "debug"));
    let line = running.stdout.wait_for("socket /");
    let path = Path::new(line.strip_prefix("socket ").unwrap());
    assert_eq!(fs::metadata(path).unwrap().mode() & 0o777, 0o600);
    UnixDatagram::unbound().unwrap().send_to(b"READY=1", path).unwrap();
    running.stderr.wait_for("which does not belong to app");
    assert!(!running.stderr.said("RUNNING"));
    fs::write(&tell, "READY=1\n").unwrap();
    running.stderr.wait_for("entered RUNNING state");
    end(running);
    assert!(!path.exists());
}

#[test]
fn a_program_without_notify_gets_no_socket() {
    let mut running = Running::start(&mut crate::harness::supervise([
        "sh",
        "-c",
        "echo \"socket ${NOTIFY_SOCKET:-none}\"; exec sleep 1000",
    ]));
    running.stdout.wait_for("socket none");
    end(running);
}
