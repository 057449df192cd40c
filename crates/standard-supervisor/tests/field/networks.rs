//! Networks without IPv4, and names that a DNS server tells.

use std::fs;
use std::net::SocketAddr;
use std::process::Command;

use crate::harness::{Running, program, python, skip, supervise};
use crate::net::Namespace;
use crate::{beside, example};

#[test]
fn status_port_page_and_checks_work_on_an_ipv6_only_network() {
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
    let mut probe = supervise(["--probe", "ready"]);
    probe.env("PROCESS_STATUS_PORT", "9100");
    assert!(namespace.inside(&probe).status().unwrap().success());
    let page = namespace.http("[::1]:9001".parse().unwrap(), "GET /").unwrap();
    assert!(page.starts_with("HTTP/1.1 200") && page.contains("app"), "{page}");
    let supervisorctl = program("supervisorctl");
    let words = [supervisorctl, "-s", "http://[::1]:9001", "status"];
    let output = namespace.program(&words).output().unwrap();
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(told.contains("RUNNING"), "{told}{}", String::from_utf8_lossy(&output.stderr));
    running.signal("TERM");
    assert_eq!(running.exit_code(), 0);
    assert!(!running.stderr.said("check: app failed"), "{:#?}", running.stderr.rest());
}

/// dnsmasq in a namespace, which tells what a file of hosts says.
struct NameServer {
    hosts: std::path::PathBuf,
    running: Running,
}

impl NameServer {
    /// `None`: it isn't installed.
    fn start(namespace: &Namespace) -> Option<Self> {
        let hosts = std::env::temp_dir().join(format!("{}-hosts", namespace.name()));
        fs::write(&hosts, "").unwrap();
        let path = format!("--addn-hosts={}", hosts.display());
        let words = [
            "dnsmasq",
            "--keep-in-foreground",
            "--conf-file=/dev/null",
            "--no-resolv",
            "--no-hosts",
            "--listen-address=127.0.0.1",
            "--bind-interfaces",
            "--local=/example.test/",
            "--user=root",
            "--pid-file=",
            "--log-facility=-",
            &path,
        ];
        if Command::new("dnsmasq").arg("--version").output().is_err() {
            skip("dnsmasq is not installed", "REQUIRE_NETNS");
            return None;
        }
        let mut running = Running::start(&mut namespace.program(&words));
        running.stderr.wait_for("read");
        namespace.resolv_conf("nameserver 127.0.0.1\nsearch example.test\n");
        Some(Self { hosts, running })
    }

    /// From now on the name has this address.
    fn set_address(&mut self, address: &str, name: &str) {
        fs::write(&self.hosts, format!("{address} {name}\n")).unwrap();
        self.running.signal("HUP");
        self.running.stderr.wait_for(&format!("read {}", self.hosts.display()));
    }
}

impl Drop for NameServer {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.hosts);
    }
}

#[test]
fn a_rank_finds_its_head_by_name_after_a_change_of_address() {
    let Some(python) = python() else {
        return skip("there is no Python environment", "REQUIRE_PYTHON");
    };
    let Some(namespace) = Namespace::new("dns") else { return };
    let Some(mut names) = NameServer::start(&namespace) else { return };
    let rank = beside("rank.py").display().to_string();
    let head_at = |address: &str| {
        let mut command = namespace.program(&[&python, &rank, "head", address]);
        let mut head = Running::start(&mut command);
        head.stdout.wait_for("head is up");
        head
    };
    let mut command = supervise([&python, &rank, "rank", "head.example.test"]);
    command
        .env("PROCESS_WAIT_FOR", "head.example.test:7000,head:7000")
        .env("PROCESS_STATUS_PORT", "9100")
        .env("PROCESS_MAX_START_RETRIES", "2");
    let answers = |path: &str| {
        let answer = namespace.http("127.0.0.1:9100".parse().unwrap(), path).unwrap();
        answer.split(' ').nth(1).unwrap().to_owned()
    };

    // Its head's name isn't known yet.
    let mut running = Running::start(&mut namespace.inside(&command));
    running.stderr.wait_for("head.example.test:7000");
    assert_eq!([answers("GET /livez"), answers("GET /readyz")], ["200", "503"]);
    names.set_address("127.0.0.2", "head.example.test");
    let mut head = head_at("127.0.0.2");
    running.stdout.wait_for("rank has joined");

    // As often as it may fail: a wait is no failure.
    for address in ["127.0.0.3", "127.0.0.4"] {
        running.stderr.wait_for("success: app entered RUNNING state");
        names.set_address(address, "head.example.test");
        drop(head);
        running.stderr.wait_for("exited: app");
        running.stderr.wait_for("head.example.test:7000");
        assert_eq!([answers("GET /livez"), answers("GET /readyz")], ["200", "503"]);
        head = head_at(address);
        running.stdout.wait_for("rank has joined");
    }
    running.signal("TERM");
    assert_eq!(running.exit_code(), 0);
}
