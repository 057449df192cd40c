//! Runs of the built binary in which all lines appear that the documents show.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::thread;

use crate::example;
use crate::harness::{Lines, Running, clean, free_port, kill, program, supervise, wait};
use crate::stubs;

/// The directory of crash reports in the documents.
const CRASHES: &str = "/tmp/standard-supervisor-crashes";

/// All lines of all of them, without date and time.
pub fn lines() -> Vec<String> {
    let all: [fn() -> Vec<String>; 18] = [
        leftovers,
        presets,
        crash,
        class,
        hang,
        never_ready,
        wrong_check,
        port_in_use,
        blocked,
        delay,
        bad_settings,
        last_words,
        objects,
        readiness,
        memory,
        observed,
        labeled,
        updated,
    ];
    let running: Vec<_> = all.into_iter().map(thread::spawn).collect();
    let lines = running.into_iter().flat_map(|scenario| scenario.join().unwrap());
    lines.map(|line| undated(&line)).collect()
}

fn undated(line: &str) -> String {
    let ours = concat!(env!("CARGO_TARGET_TMPDIR"), "/crashes");
    let line = line.replace(ours, CRASHES);
    // 2026-11-30 11:05:20,048 INFO
    match line.get(24..) {
        Some(rest) if line.starts_with("20") && line.as_bytes()[10] == b' ' => rest.to_owned(),
        _ => line,
    }
}

fn start(settings: &[(&str, &str)], words: &[&str]) -> Running {
    let mut command = supervise(words);
    command.envs(settings.iter().copied());
    command.env("PATH", stubs::path());
    Running::start(&mut command)
}

fn stopped(mut running: Running) -> Vec<String> {
    running.signal("TERM");
    running.stderr.rewind().rest().to_vec()
}

fn pid(running: &mut Running) -> i32 {
    running.stderr.number_after("spawned: 'app' with pid ")
}

/// A server that has workers; its main process gets SIGKILL.
fn leftovers() -> Vec<String> {
    let port = free_port().to_string();
    let settings = [("PROCESS_HEALTH_PRESET", "vllm")];
    let mut running = start(&settings, &["vllm", "serve", "/model", "--port", &port]);
    let server = pid(&mut running);
    running.stderr.wait_for("entered RUNNING state");
    kill(server, "KILL");
    pid(&mut running);
    stopped(running)
}

/// The log of each preset for its server's command.
fn presets() -> Vec<String> {
    let commands = [
        ("vllm", "vllm serve /model --port 8080"),
        ("sglang", "python3 -m sglang.launch_server --host 0.0.0.0 --port 8080 --enable-metrics"),
        ("tensorrt-llm", "trtllm-serve /model --host 0.0.0.0 --port 8080"),
        ("triton", "tritonserver --model-repository=/models"),
        ("tgi", "text-generation-launcher --model-id /model --port 8080"),
        ("llama.cpp", "llama-server --model /model.gguf --host 0.0.0.0 --port 8080 --metrics"),
        ("vllm", "vllm serve /model --nnodes 2 --master-addr node0 --node-rank 1 --headless"),
    ];
    let said = commands.map(|(preset, command)| {
        let words: Vec<&str> = command.split(' ').collect();
        // The preset logs before the server starts, so no server is needed.
        let settings = [("PROCESS_HEALTH_PRESET", preset), ("PROCESS_WAIT_FOR", "127.0.0.1:1")];
        let mut running = start(&settings, &words);
        running.stderr.wait_for("supervisord started");
        stopped(running)
    });
    said.concat()
}

fn crash() -> Vec<String> {
    let mut running = start(&[], &["sleep", "1000"]);
    let server = pid(&mut running);
    running.stderr.wait_for("entered RUNNING state");
    kill(server, "KILL");
    pid(&mut running);
    let mut lines = stopped(running);
    let failing = [("PROCESS_MAX_START_RETRIES", "1")];
    lines.extend_from_slice(start(&failing, &["sh", "-c", "exit 3"]).stderr.rest());
    lines
}

fn class() -> Vec<String> {
    let settings = [("PROCESS_FAILURE_PRESET", "cuda"), ("PROCESS_MAX_START_RETRIES", "1")];
    let fails = "echo \"ModuleNotFoundError: No module named 'flash_attn'\"; exit 1";
    start(&settings, &["sh", "-c", fails]).stderr.rest().to_vec()
}

/// As the how-to on hung servers says.
fn hang() -> Vec<String> {
    let port = free_port().to_string();
    let url = format!("http://127.0.0.1:{port}/");
    let settings = [
        ("PROCESS_HEALTH_URL", &*url),
        ("PROCESS_HEALTH_INTERVAL", "1"),
        ("PROCESS_HEALTH_TIMEOUT", "1"),
        ("SUPERVISOR_PROGRAM__APP_STOPWAITSECS", "1"),
        ("PORT", &port),
    ];
    let server = example("crashing-server/server.py");
    // `python3` may be a script, whose own helpers that fail would appear in the crash report.
    let python = crate::harness::python();
    let python = python.map_or_else(
        || PathBuf::from("python3"),
        |path| Path::new(&path).with_file_name("python3"),
    );
    let mut running = start(&settings, &[python.to_str().unwrap(), server.to_str().unwrap()]);
    let server = pid(&mut running);
    running.stderr.wait_for("entered RUNNING state");
    kill(server, "STOP");
    running.stderr.wait_for("unhealthy: app");
    running.stderr.wait_for("entered RUNNING state");
    stopped(running)
}

fn never_ready() -> Vec<String> {
    let url = format!("http://127.0.0.1:{}/health", free_port());
    let settings = [
        ("PROCESS_HEALTH_URL", &*url),
        ("PROCESS_HEALTH_START_TIMEOUT", "6"),
        ("SUPERVISOR_PROGRAM__APP_STOPWAITSECS", "1"),
    ];
    let mut running = start(&settings, &["sleep", "1000"]);
    running.stderr.wait_for("unhealthy: app");
    stopped(running)
}

/// A server that requires a key.
fn wrong_check() -> Vec<String> {
    let script = "import http.server as h, sys
class H(h.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_error(401)
    def log_message(self, *_):
        pass
h.HTTPServer(('127.0.0.1', int(sys.argv[1])), H).serve_forever()";
    let port = free_port().to_string();
    not_ready(&port, &["python3", "-c", script, &port])
}

/// A server that the supervisor did not start has the port.
fn port_in_use() -> Vec<String> {
    let port = free_port().to_string();
    let pages = stubs::folder().join("pages");
    let server = ["-m", "http.server", "--bind", "127.0.0.1", &port, "--directory"];
    let _server = Running::start(clean("python3", server).arg(pages));
    not_ready(&port, &["sleep", "1000"])
}

/// The log of a program that is not ready.
fn not_ready(port: &str, words: &[&str]) -> Vec<String> {
    let url = format!("http://127.0.0.1:{port}/health");
    let mut running = start(&[("PROCESS_HEALTH_URL", &url)], words);
    running.stderr.wait_for("check: app not ready");
    stopped(running)
}

/// A server that logs while the reader of its output is stalled.
fn blocked() -> Vec<String> {
    let settings = [("PROCESS_HEALTH_WATCHDOG_SECS", "2"), ("PROCESS_HEALTH_READY", "startsecs")];
    let mut command = supervise(["yes"]);
    command.envs(settings).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut lines = Lines::of(child.stderr.take().unwrap());
    lines.wait_for("unhealthy: app");
    let mut reader = child.stdout.take().unwrap();
    let reading = thread::spawn(move || reader.read_to_end(&mut Vec::new()));
    kill(i32::try_from(child.id()).unwrap(), "TERM");
    let lines = lines.rewind().rest().to_vec();
    reading.join().unwrap().unwrap();
    wait(&mut child);
    lines
}

fn delay() -> Vec<String> {
    let mut running = start(&[("PROCESS_PRESTOP_DELAY_SECS", "1")], &["sleep", "1000"]);
    running.stderr.wait_for("entered RUNNING state");
    stopped(running)
}

/// The supervisor prints configuration errors before its log begins.
fn bad_settings() -> Vec<String> {
    let settings = [("PROCESS_MAX_START_RETRIES", "x"), ("PROCESS_LOG_LEVEL", "loud")];
    start(&settings, &["sleep", "1"]).stderr.rest().to_vec()
}

/// The termination message that Kubernetes reads.
fn last_words() -> Vec<String> {
    let process = std::process::id();
    let file = format!(concat!(env!("CARGO_TARGET_TMPDIR"), "/termination-{}"), process);
    std::fs::write(&file, "").unwrap();
    let settings = [
        ("PROCESS_TERMINATION_LOG", &*file),
        ("PROCESS_MAX_START_RETRIES", "0"),
        ("PROCESS_CRASH_DIR", "off"),
    ];
    start(&settings, &["sh", "-c", "echo 'last words'; exit 3"]).stderr.rest();
    let message = std::fs::read_to_string(&file).unwrap();
    std::fs::remove_file(file).unwrap();
    message.lines().map(str::to_owned).collect()
}

fn objects() -> Vec<String> {
    let settings = [("LOG_FORMAT", "json"), ("PROCESS_MAX_START_RETRIES", "0")];
    start(&settings, &["sh", "-c", "exit 3"]).stderr.rest().to_vec()
}

/// The output of `curl -i` while a program waits for its next start.
fn readiness() -> Vec<String> {
    let port = free_port().to_string();
    let place = format!("127.0.0.1:{port}");
    let mut running = start(&[("PROCESS_STATUS_PORT", &place)], &["sh", "-c", "exit 3"]);
    running.stderr.wait_for("next=restart");
    let curl = "curl -i http://127.0.0.1:9100/readyz";
    let mut asked = clean("curl", ["-s", "-i", &format!("http://{place}/readyz")]);
    let answer = String::from_utf8(asked.output().unwrap().stdout).unwrap();
    let mut lines = stopped(running);
    lines.push(format!("$ {curl}"));
    lines.extend(answer.lines().map(|line| line.trim_end().to_owned()));
    lines
}

/// As the how-to on memory says.
fn memory() -> Vec<String> {
    let settings = [("PROCESS_MEMORY_LIMIT", "20M"), ("PROCESS_MAX_START_RETRIES", "0")];
    let takes = r#"x=$(head -c 60000000 /dev/zero | tr "\0" x); sleep 100"#;
    start(&settings, &["sh", "-c", takes]).stderr.rest().to_vec()
}

/// The output of `supervisorctl status` for an unhealthy program that keeps running.
fn observed() -> Vec<String> {
    let socket = stubs::folder().join("control.sock");
    let url = format!("http://127.0.0.1:{}/", free_port());
    let settings = [
        ("SUPERVISOR_UNIX_HTTP_SERVER_FILE", socket.to_str().unwrap()),
        ("PROCESS_HEALTH_URL", &url),
        ("PROCESS_HEALTH_READY", "startsecs"),
        ("PROCESS_HEALTH_INTERVAL", "0.2"),
        ("PROCESS_HEALTH_ACTION", "observe"),
    ];
    let mut running = start(&settings, &["sleep", "1000"]);
    running.stderr.wait_for("unhealthy: app");
    let address = format!("unix://{}", socket.display());
    let mut status = clean(program("supervisorctl"), ["-s", &address, "status"]);
    let printed = String::from_utf8(status.output().unwrap().stdout).unwrap();
    let mut lines = stopped(running);
    lines.extend(printed.lines().map(str::to_owned));
    lines
}

/// The output of two programs as JSON objects.
fn labeled() -> Vec<String> {
    let access = r#"sh -c 'echo "{\"status\":200,\"path\":\"/v1/models\"}" >&2; sleep 1000'"#;
    let settings = [
        ("PROCESS_OUTPUT_FORMAT", "json"),
        ("PROCESS_LOG_FORMAT", "json"),
        ("SUPERVISOR_PROGRAM__NGINX_COMMAND", access),
        ("SUPERVISOR_PROGRAM__NGINX_REDIRECT_STDERR", "false"),
    ];
    let server = "echo 'Application startup complete.'; exec sleep 1000";
    let mut running = start(&settings, &["sh", "-c", server]);
    running.stdout.wait_for("startup");
    running.stderr.wait_for("fields");
    running.stderr.rewind().wait_for("RUNNING state");
    running.signal("TERM");
    [running.stdout.rewind().rest(), running.stderr.rewind().rest()].concat()
}

/// As the how-to on changed settings says.
fn updated() -> Vec<String> {
    let folder = stubs::folder();
    let (file, socket) = (folder.join("updated.conf"), folder.join("updated.sock"));
    let write = |interval: u32, replicas: u32| {
        let text = format!(
            "[supervisord]\nnodaemon=true\nlogfile=/dev/null\npidfile={folder}/updated.pid\n\
             [unix_http_server]\nfile={socket}\n[supervisorctl]\nserverurl=unix://{socket}\n\
             [rpcinterface:supervisor]\n\
             supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface\n\
             [program:app]\ncommand=sleep 1000\nhealth_command=true\n\
             health_interval={interval}\n\
             [program:web]\ncommand=sleep 1000\nprocess_name=%(process_num)d\n\
             numprocs={replicas}\n",
            folder = folder.display(),
            socket = socket.display(),
        );
        std::fs::write(&file, text).unwrap();
    };
    write(5, 2);
    let mut daemon = clean(program("supervisord"), ["-c"]);
    let mut running = Running::start(daemon.arg(&file));
    running.stdout.wait_for("success: app entered RUNNING state");
    let mut lines = Vec::new();
    for (replicas, words) in [(2, "reread --json"), (2, "update"), (4, "update")] {
        write(10, replicas);
        lines.push(format!("$ supervisorctl {words}"));
        let mut ctl = clean(program("supervisorctl"), ["-c"]);
        let printed = ctl.arg(&file).args(words.split(' ')).output().unwrap().stdout;
        lines.extend(String::from_utf8(printed).unwrap().lines().map(str::to_owned));
    }
    running.signal("TERM");
    running.exit_code();
    lines
}
