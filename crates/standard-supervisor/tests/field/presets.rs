//! A preset asks where the command says that its server listens, and as it says.

use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;

use crate::beside;
use crate::harness::{Running, free_port, http, python, skip, supervise};

/// A key and a certificate that nobody has signed, for `name`; made once.
pub fn certificate() -> (String, String) {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    let folder = FOLDER.get_or_init(|| {
        let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("field-tls");
        std::fs::create_dir_all(&folder).unwrap();
        let output = Command::new("openssl")
            .args(["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"])
            .args(["-subj", "/CN=model.example.test", "-keyout", "key.pem", "-out", "cert.pem"])
            .current_dir(&folder)
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        folder
    });
    let path = |name: &str| folder.join(name).display().to_string();
    (path("key.pem"), path("cert.pem"))
}

/// Runs uvicorn with these options under the preset for vLLM, until it is ready and has been
/// found well once more; stops it.
#[track_caller]
fn becomes_ready(options: &[&str], expected_url: &str) {
    let Some(python) = python() else {
        return skip("there is no Python environment", "REQUIRE_PYTHON");
    };
    let server = [&python, "-m", "uvicorn", "like_vllm:app"];
    let status = free_port();
    let mut command = supervise([&server[..], options].concat());
    command
        .current_dir(beside(""))
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("PROCESS_HEALTH_PRESET", "vllm")
        .env("PROCESS_HEALTH_INTERVAL", "0.5")
        .env("PROCESS_HEALTH_START_TIMEOUT", "30")
        .env("PROCESS_STATUS_PORT", format!("127.0.0.1:{status}"));
    let mut running = Running::start(&mut command);
    // What is asked, and that it comes from the preset, is said at the start.
    running.stderr.wait_for(expected_url);
    running.stderr.rewind().wait_for("success: app entered RUNNING state");
    // The server's own log tells that it was asked, over what it speaks.
    for _ in 0..3 {
        running.stdout.wait_for("GET /health HTTP/1.1\" 200");
    }
    assert!(http(status, "GET /readyz").unwrap().starts_with("HTTP/1.1 200"));
    running.signal("TERM");
    let code = running.exit_code();
    let said = running.stderr.rest().join("\n");
    assert_eq!(code, 0, "{said}");
    assert!(!said.contains("check: app failed"), "{said}");
}

#[test]
fn uvicorn_with_tls_is_checked_over_tls() {
    let (key, certificate) = certificate();
    let port = free_port().to_string();
    let options = ["--port", &port, "--ssl-keyfile", &key, "--ssl-certfile", &certificate];
    becomes_ready(&options, &format!("https://127.0.0.1:{port}/health"));
}

#[test]
fn a_server_at_another_loopback_address_is_checked_there() {
    let port = free_port().to_string();
    let options = ["--host", "127.0.0.5", "--port", &port];
    becomes_ready(&options, &format!("http://127.0.0.5:{port}/health"));
}

#[test]
fn presets_read_tls_options_and_options_with_an_equals_sign() {
    let (key, certificate) = certificate();
    let port = format!("--port={}", free_port());
    let (key, certificate) =
        (format!("--ssl-keyfile={key}"), format!("--ssl-certfile={certificate}"));
    let url = port.replace("--port=", "https://127.0.0.6:") + "/health";
    becomes_ready(&["--host=127.0.0.6", &port, &key, &certificate], &url);
}

#[test]
fn a_server_on_a_socket_is_checked_there() {
    let socket = format!("{}/field-{}.sock", env!("CARGO_TARGET_TMPDIR"), std::process::id());
    becomes_ready(&["--uds", &socket], &socket);
    let _ = std::fs::remove_file(socket);
}
