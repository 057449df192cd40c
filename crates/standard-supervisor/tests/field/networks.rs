//! Networks without IPv4, and names that a DNS server tells.

use crate::example;
use crate::harness::{Running, python, skip, supervise};
use crate::net::Namespace;
use std::net::SocketAddr;

#[test]
fn on_an_ipv6_only_network_the_status_port_the_page_and_the_check_of_the_server_work() {
    let Some(python) = python() else {
        return skip("there is no Python environment", "REQUIRE_PYTHON");
    };
    let Some(namespace) = Namespace::new("ipv6") else { return };
    namespace.ip(&["addr", "del", "127.0.0.1/8", "dev", "lo"]);
    let server = ["-m", "uvicorn", "server:app", "--host", "::", "--port", "8000"];
    let mut command = supervise([&[python.as_str()][..], &server].concat());
    command
        .current_dir(example("fastapi"))
        .env("PROCESS_STATUS_PORT", "9100")
        .env("SUPERVISOR_INET_HTTP_SERVER_PORT", "[::1]:9001")
        .env("PROCESS_HEALTH_URL", "http://[::1]:8000/")
        .env("PROCESS_HEALTH_INTERVAL", "0.5")
        .env("LOG_LEVEL", "debug");
    let mut running = Running::start(&mut namespace.inside(&command));
    running.stderr.wait_for("success: app entered RUNNING state");
    let status: SocketAddr = "[::1]:9100".parse().unwrap();
    for path in ["/livez", "/readyz", "/startupz", "/metrics"] {
        let answer = namespace.http(status, &format!("GET {path}")).unwrap();
        assert!(answer.starts_with("HTTP/1.1 200"), "{path}: {answer}");
    }
    let page = namespace.http("[::1]:9001".parse().unwrap(), "GET /").unwrap();
    assert!(page.starts_with("HTTP/1.1 200") && page.contains("app"), "{page}");
    let supervisorctl = env!("CARGO_BIN_EXE_supervisorctl");
    let words = [supervisorctl, "-s", "http://[::1]:9001", "status"];
    let output = namespace.program(&words).output().unwrap();
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(told.contains("RUNNING"), "{told}{}", String::from_utf8_lossy(&output.stderr));
    running.signal("TERM");
    assert_eq!(running.exit_code(), 0);
    assert!(!running.stderr.said("check: app failed"), "{:#?}", running.stderr.rest());
}
