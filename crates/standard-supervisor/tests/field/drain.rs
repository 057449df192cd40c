//! `docker stop` while a request is under way, and with a server that won't end.

use std::time::{Duration, Instant};

use crate::docker::{Container, docker};
use crate::harness::{free_port, http};
use crate::host_python::HostPython;
use crate::{beside, example};

/// How people start servers: a script that prepares something, then the server, no `exec`.
fn script(server: &str) -> String {
    format!("echo preparing\n{server}\necho the server has ended with $?\nexit 0\n")
}

/// Runs `server` behind a script in a container, which drains a request of eight seconds.
fn drains(folder: &std::path::Path, server: impl Fn(&str, u16) -> String, ready: &str) {
    let Some(host) = HostPython::get() else { return };
    let port = free_port();
    let script = script(&server(&host.python, port));
    let folder = folder.canonicalize().unwrap();
    let folder = folder.to_str().unwrap();
    let volume = format!("{folder}:/app:ro");
    let options = ["--volume", &volume, "--workdir", "/app", "-e", "PYTHONDONTWRITEBYTECODE=1"];
    let command = ["standard-supervisor", "sh", "-c", &script];
    let mut container = Container::run(&host.run(&options, &command));
    container.stdout().wait_for(ready);
    container.stdout().wait_for(ready);
    let request = std::thread::spawn(move || http(port, "GET /slow?seconds=8"));
    container.stdout().wait_for("on a request for 8 seconds");
    docker(&["stop", "--time", "35", container.name()]);
    let answer = request.join().unwrap().unwrap();
    let said = container.stderr().rest().join("\n");
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}\n{said}");
    assert_eq!(container.exit_code(), 0, "{said}");
}

#[test]
fn uvicorn_behind_a_script_completes_requests_after_docker_stop() {
    let server =
        |python: &str, port| format!("{python} -m uvicorn server:app --port {port} --workers 2");
    drains(&example("fastapi"), server, "is ready");
}

#[test]
fn gunicorn_behind_a_script_completes_requests_after_docker_stop() {
    let server = |python: &str, port| {
        format!(
            "{python} -m gunicorn sleepy:app --bind 127.0.0.1:{port} --workers 2 \
             --worker-tmp-dir /dev/shm --log-file -"
        )
    };
    drains(&beside(""), server, "Booting worker");
}

/// Runs a server that takes no notice of SIGTERM, and stops its container; the time until
/// its end. Exit 0 is the supervisor's own: Docker's SIGKILL makes it 137.
fn ends_by_itself(options: &[&str], stop: &[&str]) -> Option<Duration> {
    let host = HostPython::get()?;
    let deaf = "trap '' TERM; echo up; while :; do sleep 1; done";
    let command = ["standard-supervisor", "sh", "-c", deaf];
    let mut container = Container::run(&host.run(options, &command));
    container.stdout().wait_for("up");
    let start = Instant::now();
    docker(&[&["stop"][..], stop, &[container.name()]].concat());
    let took = start.elapsed();
    let said = container.stderr().rest().join("\n");
    assert_eq!(container.exit_code(), 0, "after {took:?}:\n{said}");
    Some(took)
}

#[test]
fn a_server_that_ignores_sigterm_is_killed_before_dockers_timeout() {
    let Some(took) = ends_by_itself(&[], &["--time", "35"]) else { return };
    assert!(took < Duration::from_secs(34), "{took:?}");
}

#[test]
fn a_stop_budget_of_nine_seconds_ends_before_dockers_ten() {
    let options = ["-e", "PROCESS_STOP_BUDGET_SECS=9"];
    let Some(took) = ends_by_itself(&options, &[]) else { return };
    assert!(took < Duration::from_secs(10), "{took:?}");
}
