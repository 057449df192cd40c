//! What orchestrators, load balancers and monitoring are told.

#![allow(clippy::unwrap_used, reason = "a failed call is a failed test")]

#[path = "../harness/mod.rs"]
mod harness;

mod alerts;
mod answers;
mod log_lines;
mod metrics;
mod probe;

use std::process::Command;

use harness::{Running, free_port, http, supervise};

/// A supervised shell script, and the port that tells how it is.
struct Served {
    running: Running,
    port: u16,
}

/// The head's first line and the body of an answer.
#[derive(Debug, PartialEq, Eq)]
struct Answer {
    status: u16,
    body: String,
}

impl Served {
    fn start(script: &str, variables: &[(&str, &str)]) -> Self {
        let port = free_port();
        let mut command = supervise(["sh", "-c", script]);
        let mut running = Running::start(asked(&mut command, port).envs(variables.iter().copied()));
        // The port is open before this line comes.
        running.stderr.wait_for("supervisord started with pid");
        running.stderr.rewind();
        Self { running, port }
    }

    fn get(&self, path: &str) -> Answer {
        answer(&http(self.port, &format!("GET {path}")).unwrap())
    }

    /// The pid of the run that was started last.
    fn spawned(&mut self) -> i32 {
        self.running.stderr.number_after("spawned: 'app' with pid ")
    }
}

fn asked(command: &mut Command, port: u16) -> &mut Command {
    command.env("PROCESS_STATUS_PORT", format!("127.0.0.1:{port}"))
}

fn answer(text: &str) -> Answer {
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    Answer { status, body: body.to_owned() }
}

fn says(status: u16, body: &str) -> Answer {
    Answer { status, body: body.to_owned() }
}
