//! How a server is reached: over TLS, by IPv6, with headers; and whether it is the one.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::Path;

use crate::harness::{Running, free_port, supervise};
use crate::server::{Server, end, up};

const CERTIFICATES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/tls");

/// A server with a certificate.
fn with_certificate() -> Option<Server> {
    let server = Server::new()?;
    for name in ["cert.pem", "key.pem"] {
        std::fs::copy(Path::new(CERTIFICATES).join(name), server.folder.join(name)).unwrap();
    }
    Some(server)
}

fn url(scheme: &str, host: &str, server: &Server) -> String {
    format!("{scheme}://{host}:{}/health", server.port)
}

#[test]
fn a_local_server_with_tls_is_checked_with_any_certificate() {
    let Some(server) = with_certificate() else { return };
    for host in ["127.0.0.1", "localhost"] {
        let mut running =
            up(server.supervised(&["tls"]).env("PROCESS_HEALTH_URL", url("https", host, &server)));
        running.stdout.wait_for("asked /health");
        end(running);
    }
}

#[test]
fn a_plain_check_of_a_tls_server_is_reported_with_the_urls_origin() {
    let Some(server) = with_certificate() else { return };
    let asked = url("http", "127.0.0.1", &server);
    let mut running = Running::start(server.supervised(&["tls"]).env("PROCESS_HEALTH_URL", &asked));
    running.stderr.wait_for(&format!(
        "{asked} (PROCESS_HEALTH_URL): the server speaks TLS; the check is wrong: use https://"
    ));
    end(running);
}

#[test]
fn a_tls_check_of_a_plain_server_is_reported() {
    let Some(server) = Server::new() else { return };
    let mut running = Running::start(
        server.supervised(&[]).env("PROCESS_HEALTH_URL", url("https", "127.0.0.1", &server)),
    );
    running.stderr.wait_for("the server does not speak TLS; the check is wrong: use http://");
    end(running);
}

#[test]
fn only_the_connection_is_checked_if_a_client_certificate_is_required() {
    let Some(server) = with_certificate() else { return };
    let mut running = Running::start(
        server.supervised(&["mtls"]).env("PROCESS_HEALTH_URL", url("https", "127.0.0.1", &server)),
    );
    running.stderr.wait_for(
        "check: app requires a client certificate, which the supervisor \
     does not have",
    );
    running.stderr.wait_for("entered RUNNING state");
    end(running);
}

#[test]
fn a_server_on_ipv6_only_is_reached_by_address_and_by_name() {
    let Some(server) = Server::new() else { return };
    for host in ["[::1]", "localhost"] {
        let url = url("http", host, &server);
        end(up(server.supervised(&["host=::1"]).env("PROCESS_HEALTH_URL", url)));
    }
    let tcp = format!("[::1]:{}", server.port);
    end(up(server.supervised(&["host=::1"]).env("PROCESS_HEALTH_TCP", tcp)));
}

#[test]
fn headers_authenticate_the_check_and_are_never_shown() {
    let Some(server) = Server::new() else { return };
    server.set("key", "sk-first");
    let mut running = Running::start(&mut server.checked(&[]));
    running
        .stderr
        .wait_for("status 401; the check is wrong: set health_headers (PROCESS_HEALTH_HEADERS)");
    end(running);

    let mut running = up(server
        .checked(&[])
        .env("SUPERVISOR_SUPERVISORD_LOGLEVEL", "debug")
        .env("PROCESS_HEALTH_HEADERS", "X-Key: sk-first"));
    running.stdout.wait_for("key sk-first");
    running.signal("TERM");
    assert_eq!(running.exit_code(), 0);
    let told = running.stderr.rest().join("\n");
    assert!(!told.contains("sk-first"), "{told}");
}

#[test]
fn headers_of_a_file_are_read_for_each_request() {
    let Some(server) = Server::new() else { return };
    server.set("key", "sk-first");
    server.set("headers", "# of the check\nX-Key: sk-first\n");
    let file = server.folder.join("headers");
    let mut running = up(server
        .checked(&[])
        .env("PROCESS_HEALTH_HEADERS_FILE", &file)
        .env("PROCESS_HEALTH_ACTION", "observe"));
    server.set("key", "sk-second");
    running.stderr.wait_for("unhealthy: app: 3 consecutive checks failed, last: status 401");
    server.set("headers", "X-Key: sk-second\n");
    running.stderr.wait_for("healthy: app has recovered");
    std::fs::remove_file(&file).unwrap();
    running.stderr.wait_for("): the headers file cannot be read");
    end(running);
}

#[test]
fn metrics_that_cannot_be_read_are_reported() {
    let Some(server) = Server::new() else { return };
    let mut command = server.supervised(&[]);
    server.with_metrics(&mut command, "0");
    server.set("key", "sk-first");
    let mut running = up(&mut command);
    running.stderr.wait_for(&format!(
        "check: app: no metrics at {} (status 401); its progress is not monitored",
        server.url("/metrics")
    ));
    end(running);
}

/// Answers every request with 200, in this process.
fn other_listener() -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let _ = stream.read(&mut [0; 1024]);
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
        }
    });
    port
}

#[test]
fn another_process_at_the_servers_address_does_not_make_it_ready() {
    let port = other_listener();
    let command = || {
        let mut command = supervise(["sleep", "1000"]);
        command.env("PROCESS_HEALTH_URL", format!("http://127.0.0.1:{port}/health"));
        command
    };
    let mut running = Running::start(&mut command());
    let line = running.stderr.wait_for(&format!("pid {} (", std::process::id()));
    assert!(line.contains("listens there and does not belong to this program"), "{line}");
    assert!(
        line.contains("stop that process, or set health_listener=any (PROCESS_HEALTH_LISTENER)"),
        "{line}"
    );
    running.signal("TERM");
    assert_eq!(running.exit_code(), 0);
    let told = running.stderr.rest().join("\n");
    assert!(!told.contains("entered RUNNING state"), "{told}");
    end(up(command().env("PROCESS_HEALTH_LISTENER", "any")));
}

#[test]
fn a_listener_of_another_supervised_program_may_answer() {
    let Some(server) = Server::new() else { return };
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/health/server.py");
    let front = format!("python3 {script} {} {}", server.folder.display(), server.port);
    let mut command = supervise(["sleep", "1000"]);
    command
        .env("SUPERVISOR_PROGRAM__FRONT_COMMAND", front)
        .env("PROCESS_HEALTH_URL", server.url("/health"));
    let mut running = Running::start(&mut command);
    running.stderr.wait_for("success: app entered RUNNING state, ready");
    end(running);
}

#[test]
fn the_status_port_listens_on_both_address_families() {
    let port = free_port();
    let mut command = supervise(["sleep", "1000"]);
    command.env("PROCESS_STATUS_PORT", port.to_string());
    let running = up(&mut command);
    for address in [format!("127.0.0.1:{port}"), format!("[::1]:{port}")] {
        let mut stream = std::net::TcpStream::connect(&address).unwrap();
        stream.write_all(b"GET /livez HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 200"), "{address}: {answer}");
    }
    end(running);
}
