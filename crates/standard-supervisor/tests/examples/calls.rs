//! Calls of the API, the status port and `supervisorctl` in the documents, sent to a running
//! supervisor.

use std::process::Command;

use crate::harness::{Running, free_port, program, supervise};
use crate::pages::{Block, blocks};
use crate::stubs;

/// Crashes three times, so that the crash report of run 3 exists, and then stays up.
const PROGRAM: &str = r#"echo run >> "$RUNS"; [ $(wc -l < "$RUNS") -gt 3 ] || exit 3
trap : USR1; echo up; while :; do sleep 1000 & wait; done"#;

#[test]
fn every_api_call_in_the_documents_is_answered() {
    let server = Server::start();
    let (mut tried, mut wrong) = (0, Vec::new());
    for block in blocks().iter().filter(|block| block.language == "sh") {
        for (call, wanted) in calls(block) {
            tried += 1;
            let answer = server.send(&call);
            let (answered, wanted) = match wanted {
                Some(wanted) => (answer.trim() == wanted, wanted),
                None => (answer.starts_with('2'), "a status 2xx"),
            };
            if !answered {
                wrong.push(format!("{}: {call}: {answer}, not {wanted}", block.place()));
            }
        }
    }
    assert!(tried > 15, "only {tried} calls");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The calls in a block, and the output that a comment promises; `None`: the comment explains.
fn calls(block: &Block) -> Vec<(String, Option<&str>)> {
    let lines = block.text.lines().map(|line| line.split_once("  #").unwrap_or((line, "")));
    let calls = lines.filter(|(call, _)| {
        let asks = call.starts_with("curl ")
            && ["$api", ":9001/", ":9100/"].iter().any(|part| call.contains(part));
        asks || call.starts_with("supervisorctl ")
    });
    let status_port = |call: &str| call.contains(":9100/");
    calls
        .map(|(call, comment)| (call.trim().to_owned(), status_port(call).then(|| comment.trim())))
        .collect()
}

/// A supervisor with all that the documents call.
struct Server {
    _running: Running,
    api: String,
    status: String,
    socket: String,
}

impl Server {
    fn start() -> Self {
        let [api, status] = [free_port(), free_port()].map(|port| format!("127.0.0.1:{port}"));
        let folder = stubs::folder();
        let socket = folder.join("calls.sock").display().to_string();
        let mut command = supervise(["sh", "-c", PROGRAM]);
        command
            .env("RUNS", folder.join("runs"))
            .env("PROCESS_STATUS_PORT", &status)
            .env("SUPERVISOR_PROGRAM__APP_STARTSECS", "0")
            .env("SUPERVISOR_UNIX_HTTP_SERVER_FILE", &socket)
            .env("SUPERVISOR_INET_HTTP_SERVER_PORT", &api)
            .env("SUPERVISOR_INET_HTTP_SERVER_USERNAME", "ops")
            .env("SUPERVISOR_INET_HTTP_SERVER_PASSWORD", "secret");
        let mut running = Running::start(&mut command);
        running.stderr.wait_for("crash: program=app run=3");
        running.stdout.wait_for("up");
        Self { _running: running, api, status, socket }
    }

    /// The output of a call; for the API, the status of its answer.
    fn send(&self, call: &str) -> String {
        let ask = if call.contains(":9100/") { "curl -s" } else { SHOW_STATUS };
        let call = call
            .replace("curl", ask)
            .replace("http://ops:secret@127.0.0.1:9001", &format!("http://ops:secret@{}", self.api))
            .replace("127.0.0.1:9100", &self.status)
            .replace(" -s unix:///tmp/supervisor.sock", "")
            // The program of this test.
            .replace("'vllm:*'", "app");
        let api = format!("http://ops:secret@{}/api/v1", self.api);
        let control = format!(
            "supervisorctl() {{ timeout 2 {} -s unix://{} \"$@\" >/dev/null; \
             code=$?; case $code in 0 | 124) echo 2xx ;; *) echo exit code $code ;; esac; }}",
            program("supervisorctl"),
            self.socket
        );
        let script = format!("{control}\napi={api}\n{call}");
        let output = Command::new("bash").args(["-c", &script]).output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    }
}

/// Prints the status of the answer, also of one that goes on like the stream of events.
const SHOW_STATUS: &str = "curl -s -o /dev/null -w '%{http_code}' --max-time 3";
