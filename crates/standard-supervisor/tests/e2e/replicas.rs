//! Several processes of one program: each has a number, a GPU and a port of its own.

use std::process::Command;

use crate::harness::{Running, program, supervise};

/// Prints its number, and what it was given by that.
const SERVER: &str = "sh -c 'echo replica %(process_num)d gpu $CUDA_VISIBLE_DEVICES port \
                      $((8000+REPLICA)); exec sleep 1000'";

fn replicas(socket: &str) -> Running {
    Running::start(
        supervise(["sleep", "1000"])
            .env("SUPERVISOR_UNIX_HTTP_SERVER_FILE", socket)
            .env("SUPERVISOR_PROGRAM__WEB_COMMAND", SERVER)
            .env("SUPERVISOR_PROGRAM__WEB_NUMPROCS", "3")
            .env("SUPERVISOR_PROGRAM__WEB_PROCESS_NAME", "%(program_name)s_%(process_num)d")
            .env(
                "SUPERVISOR_PROGRAM__WEB_ENVIRONMENT",
                r#"CUDA_VISIBLE_DEVICES="%(process_num)d",REPLICA="%(process_num)d""#,
            )
            .env("SUPERVISOR_PROGRAM__WEB_STARTSECS", "0"),
    )
}

fn socket(name: &str) -> String {
    format!("{}/{name}-{}.sock", env!("CARGO_TARGET_TMPDIR"), std::process::id())
}

#[test]
fn each_replica_gets_a_gpu_and_a_port_by_its_number() {
    let mut running = replicas(&socket("gpus"));
    for number in 0..3 {
        running
            .stdout
            .rewind()
            .wait_for(&format!("replica {number} gpu {number} port {}", 8000 + number));
    }
    running.signal("TERM");
    assert_eq!(running.exit_code(), 0);
}

#[test]
fn a_rolling_restart_restarts_replicas_one_by_one() {
    let socket = socket("rolling");
    let mut running = replicas(&socket);
    for number in 0..3 {
        running.stderr.rewind().wait_for(&format!("success: web_{number} entered RUNNING"));
    }
    let restarted = Command::new(program("supervisorctl"))
        .args(["-s", &format!("unix://{socket}"), "restart", "--rolling", "web:*"])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&restarted.stdout);
    assert_eq!(said, "web:web_0: restarted\nweb:web_1: restarted\nweb:web_2: restarted\n");
    assert!(restarted.status.success());
    for number in 0..3 {
        let step = format!("rolling restart: restarting web_{number} ({}/3)", number + 1);
        running.stderr.wait_for(&step);
        running.stderr.wait_for(&format!("stopped: web_{number}"));
        running.stderr.wait_for(&format!("success: web_{number} entered RUNNING"));
    }
    running.signal("TERM");
    assert_eq!(running.exit_code(), 0);
}
