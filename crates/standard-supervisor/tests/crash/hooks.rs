//! Hooks, with a receiver of this test's own and with commands.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};

use crate::harness::{Lines, Running, program, skip, supervise};
use crate::place::Place;
use crate::receiver::{OK, receiver};

const CERTIFICATES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/tls");

/// The longest time that a test waits for a notification.
const PATIENCE: Duration = Duration::from_secs(20);

/// A program that prints a secret and crashes, once.
fn crashing(url: &str) -> Command {
    let mut command = supervise(["sh", "-c", "echo the prompt of a user; exit 3"]);
    command
        .env("PROCESS_MAX_START_RETRIES", "0")
        .env("SUPERVISOR_HOOK__PAGER_URL", url)
        .env("SUPERVISOR_SUPERVISORD_LOGLEVEL", "debug");
    command
}

#[test]
fn a_notification_is_sent_before_the_supervisor_exits() {
    let (port, requests) = receiver(Some(OK));
    let url = format!("http://127.0.0.1:{port}/services/sk-secret?key=sk-too");
    let mut running = Running::start(&mut crashing(&url));
    let (first, body) = requests.recv_timeout(PATIENCE).unwrap();
    assert_eq!(first, "POST /services/sk-secret?key=sk-too HTTP/1.1");
    assert_eq!((&body["event"], &body["program"]), (&json!("gave_up"), &json!("app")));
    assert_eq!(body["report"]["exit_code"], 3);
    assert!(!body.to_string().contains("prompt"), "{body}");
    assert_eq!(running.exit_code(), 1);
    let said = running.stderr.rest().join("\n");
    assert!(!said.contains("sk-"), "{said}");
    assert!(said.contains("hook: pager: delivered gave_up"), "{said}");
}

#[test]
fn output_is_sent_only_if_configured_and_in_the_configured_format() {
    for (format, place) in [
        ("slack", "/text"),
        ("alertmanager", "/alerts/0/annotations/description"),
        ("json", "/report/last_lines/stdout/0"),
    ] {
        let (port, requests) = receiver(Some(OK));
        let mut command = crashing(&format!("http://127.0.0.1:{port}/"));
        command
            .env("SUPERVISOR_HOOK__PAGER_FORMAT", format)
            .env("SUPERVISOR_HOOK__PAGER_INCLUDE_OUTPUT", "3");
        let mut running = Running::start(&mut command);
        let (_, body) = requests.recv_timeout(PATIENCE).unwrap();
        let found = body.pointer(place).and_then(Value::as_str).unwrap();
        assert!(found.contains("the prompt of a user"), "{body}");
        assert_eq!(running.exit_code(), 1);
    }
}

#[test]
fn redirects_are_not_followed_and_failures_of_a_receiver_are_logged() {
    for (answer, expected) in [
        ("HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n", "302"),
        ("HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n", "500"),
    ] {
        let (port, requests) = receiver(Some(answer));
        let mut running = Running::start(&mut crashing(&format!("http://127.0.0.1:{port}/")));
        let line = running.stderr.wait_for("hook: pager: cannot deliver gave_up: ");
        assert!(line.contains(&format!("answered with status {expected}")), "{line}");
        assert_eq!(running.exit_code(), 1);
        assert_eq!(requests.try_iter().count(), 1);
    }
}

#[test]
fn a_silent_receiver_delays_no_restart() {
    let (port, requests) = receiver(None);
    let mut command = supervise(["sh", "-c", "echo run; sleep 1.1; exit 3"]);
    command
        .env("PROCESS_MAX_START_RETRIES", "9")
        .env("SUPERVISOR_HOOK__PAGER_URL", format!("http://127.0.0.1:{port}/"));
    let mut running = Running::start(&mut command);
    running.stdout.wait_for("run");
    requests.recv_timeout(PATIENCE).unwrap();
    // The supervisor starts the next runs before the receiver has answered the first notification.
    running.stdout.wait_for("run");
    running.stdout.wait_for("run");
    running.signal("TERM");
    assert_eq!(running.exit_code(), 0);
    assert_eq!(requests.try_iter().count(), 0);
}

#[test]
fn certificates_of_local_receivers_are_verified() {
    let python = Command::new("python3").arg("--version").output();
    if !python.is_ok_and(|output| output.status.success()) {
        return skip("there is no python3", "REQUIRE_PYTHON");
    }
    let script = "import http.server, ssl, sys\n\
        class Handler(http.server.BaseHTTPRequestHandler):\n\
        \x20   def do_POST(self):\n\
        \x20       body = self.rfile.read(int(self.headers['Content-Length']))\n\
        \x20       print(self.path, body.decode(), flush=True)\n\
        \x20       self.send_response(204)\n\
        \x20       self.end_headers()\n\
        server = http.server.HTTPServer(('127.0.0.1', 0), Handler)\n\
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)\n\
        context.load_cert_chain(sys.argv[1], sys.argv[2])\n\
        server.socket = context.wrap_socket(server.socket, server_side=True)\n\
        print('port', server.server_port, flush=True)\n\
        server.serve_forever()\n";
    let in_folder = |name: &str| Path::new(CERTIFICATES).join(name);
    let mut server = Command::new("python3")
        .args(["-c", script])
        .args([in_folder("localhost.pem"), in_folder("localhost-key.pem")])
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let mut received = Lines::of(server.stdout.take().unwrap());
    let port = received.number_after("port ");
    let url = format!("https://127.0.0.1:{port}/alert");
    for (trusted, expected) in [
        ("localhost.pem", "hook: pager: delivered gave_up"),
        ("ca.pem", "cannot deliver gave_up: the server's certificate is not trusted"),
    ] {
        let mut command = crashing(&url);
        command.env("SSL_CERT_FILE", in_folder(trusted));
        let mut running = Running::start(&mut command);
        running.stderr.wait_for(expected);
        assert_eq!(running.exit_code(), 1);
    }
    let line = received.wait_for("/alert ");
    assert!(line.contains("\"event\":\"gave_up\""), "{line}");
    let _ = server.kill();
    crate::harness::wait(&mut server);
}

#[test]
fn a_hook_command_runs_as_the_programs_user_without_own_settings() {
    let place = Place::new("hook-command");
    let told = place.path("told");
    fs::write(&told, "").unwrap();
    let mut command = supervise(["sh", "-c", "exit 3"]);
    command
        .env("PROCESS_MAX_START_RETRIES", "0")
        .env("SUPERVISOR_UNIX_HTTP_SERVER_FILE", place.path("s.sock"))
        .env("SUPERVISOR_UNIX_HTTP_SERVER_USERNAME", "admin")
        .env("SUPERVISOR_UNIX_HTTP_SERVER_PASSWORD", "sk-password")
        .env(
            "SUPERVISOR_HOOK__PAGER_COMMAND",
            format!("sh -c '(id -un; env; cat) > {}'", told.display()),
        );
    if rustix::process::geteuid().is_root() {
        fs::set_permissions(&told, std::os::unix::fs::PermissionsExt::from_mode(0o666)).unwrap();
        command.env("SUPERVISOR_PROGRAM__APP_USER", "nobody");
    }
    let mut running = Running::start(&mut command);
    assert_eq!(running.exit_code(), 1);
    let told = fs::read_to_string(&told).unwrap();
    if rustix::process::geteuid().is_root() {
        assert!(told.starts_with("nobody\n") && told.contains("USER=nobody"), "{told}");
    }
    assert!(!told.contains("sk-password") && !told.contains("SUPERVISOR_"), "{told}");
    let report: Value = serde_json::from_str(told.lines().last().unwrap()).unwrap();
    assert_eq!(report["event"], "gave_up");
}

#[test]
fn a_hook_command_that_hangs_is_stopped_at_the_exit() {
    let place = Place::new("hook-hangs");
    let fifo = place.path("pid");
    assert!(Command::new("mkfifo").arg(&fifo).status().unwrap().success());
    let mut command = supervise(["sleep", "600"]);
    command
        .env("SUPERVISOR_HOOK__SLOW_EVENTS", "ready,stopping")
        .env(
            "SUPERVISOR_HOOK__SLOW_COMMAND",
            format!("sh -c 'echo $$ > {}; sleep 600'", fifo.display()),
        )
        .env("SUPERVISOR_PROGRAM__APP_STARTSECS", "0");
    let mut running = Running::start(&mut command);
    running.stderr.wait_for("entered RUNNING state");
    let pid = fs::read_to_string(&fifo).unwrap().trim().parse().unwrap();
    running.signal("TERM");
    assert_eq!(running.exit_code(), 0);
    crate::harness::wait_gone(pid);
}

#[test]
fn the_url_of_a_hook_is_masked_in_check_and_errors() {
    let check = |name: &str, value: &str| {
        let mut command =
            crate::harness::clean(program("standard-supervisor"), ["--check", "true"]);
        command.env("SSL_CERT_FILE", "/no/such/file");
        let output = command.env(name, value).output().unwrap();
        let said = [output.stdout, output.stderr].concat();
        (output.status.success(), String::from_utf8(said).unwrap())
    };
    let (fine, said) = check("SUPERVISOR_HOOK__PAGER_URL", "http://alerts:9/T0/sk-secret");
    assert!(fine && said.contains("[hook:pager]") && !said.contains("sk-secret"), "{said}");
    let (fine, said) = check("SUPERVISOR_HOOK__PAGER_URL", "htp://alerts:9/T0/sk-secret");
    assert!(!fine && said.contains("SUPERVISOR_HOOK__PAGER_URL"), "{said}");
    assert!(!said.contains("sk-secret"), "{said}");
    let (fine, said) = check("SUPERVISOR_HOOK__PAGER_URL", "https://alerts/T0/sk-secret");
    assert!(!fine && said.contains("tried /no/such/file; install ca-certificates"), "{said}");
    let (fine, said) = check("SUPERVISOR_HOOK__PAGER_EVENTS", "crash");
    assert!(!fine && said.contains("expected either command or url, got neither"), "{said}");
}
