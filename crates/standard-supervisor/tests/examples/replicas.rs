//! The how-to on replicas, with its own configurations: four small servers behind nginx.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::harness::{Running, clean, free_port, http, program, skip};
use crate::pages::blocks;
use crate::stubs;

const PAGE: &str = "docs/how-to/replicas.md";

/// The number of replicas on the page.
const REPLICAS: u16 = 4;

/// The program with this name; `None`: it is not installed. The stub comes first in the `PATH` of
/// the other examples.
pub fn installed(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain(["/usr/sbin".into()]);
    folders.map(|folder| folder.join(name)).find(|file| file.is_file())
}

/// The page's first block in a language that contains a text.
fn block(language: &str, text: &str) -> String {
    let blocks = blocks().into_iter().filter(|block| block.page == PAGE);
    let mut blocks = blocks.filter(|block| block.language == language);
    blocks.find(|block| block.text.contains(text)).unwrap().text
}

/// The first of as many free ports in a row, a multiple of ten: the page writes the last digit as
/// the number of the replica.
fn first_of_free_ports() -> u16 {
    let is_free = |port: u16| TcpListener::bind(("127.0.0.1", port)).is_ok();
    loop {
        let first = free_port() / 10 * 10;
        if (first..first + REPLICAS).all(is_free) {
            return first;
        }
    }
}

/// Replaces ports and paths, each of which must occur on the page.
fn with(text: &str, replacements: &[(&str, &str)]) -> String {
    replacements.iter().fold(text.to_owned(), |text, (old, new)| {
        assert!(text.contains(old), "{PAGE} has no '{old}'");
        text.replace(old, new)
    })
}

/// Sends requests through nginx until `done`. Returns their number.
fn answered(port: u16, done: &AtomicBool) -> u32 {
    let mut requests = 0;
    while requests == 0 || !done.load(Ordering::Relaxed) {
        let answer = http(port, "GET /health").unwrap();
        assert!(answer.starts_with("HTTP/1.1 200 "), "request {requests}: {answer}");
        requests += 1;
    }
    requests
}

#[test]
fn replicas_behind_nginx_restart_without_a_lost_request() {
    let Some(nginx) = installed("nginx") else {
        return skip("nginx is not installed", "REQUIRE_NGINX");
    };
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("r{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let (file, conf) = (folder.join("supervisord.conf"), folder.join("replicas.conf"));
    let socket = folder.join("s").display().to_string();
    let (front, status, first) = (free_port(), free_port(), first_of_free_ports());
    let settings = [
        ("status_port=8090", &*format!("status_port={status}")),
        ("/tmp/supervisor.sock", &socket),
        ("8000+", &format!("{first}+")),
        (":800%", &format!(":{}%", first / 10)),
        ("command=nginx", &format!("command={}", nginx.display())),
        ("/etc/nginx/replicas.conf", conf.to_str().unwrap()),
    ];
    std::fs::write(&file, with(&block("ini", "numprocs=4"), &settings)).unwrap();
    let ports = [
        ("127.0.0.1:800", &*format!("127.0.0.1:{}", first / 10)),
        ("listen 8080", &format!("listen 127.0.0.1:{front}")),
        ("daemon off;", &format!("daemon off; pid {};", folder.join("pid").display())),
    ];
    std::fs::write(&conf, with(&block("nginx", "upstream"), &ports)).unwrap();

    let mut command = clean(program("supervisord"), ["-c"]);
    let mut running = Running::start(command.arg(&file).env("PATH", stubs::path()));
    running.stdout.wait_for("success: nginx entered RUNNING state");
    assert!(http(status, "GET /readyz").unwrap().starts_with("HTTP/1.1 200 "));

    let restart = block("sh", "restart --rolling");
    let restart = with(restart.trim(), &[("/tmp/supervisor.sock", &socket)]);
    let done = AtomicBool::new(false);
    let (output, requests) = std::thread::scope(|scope| {
        let requests = scope.spawn(|| answered(front, &done));
        let mut shell = Command::new("sh");
        let output = shell.args(["-c", &restart]).env("PATH", stubs::path()).output().unwrap();
        done.store(true, Ordering::Relaxed);
        (output, requests.join().unwrap())
    });
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(said.lines().count(), usize::from(REPLICAS), "{said}");
    for number in 0..REPLICAS {
        assert!(said.contains(&format!("vllm:vllm_{number}: restarted")), "{said}");
    }
    println!("{requests} requests were answered");

    running.signal("TERM");
    assert_eq!(running.exit_code(), 0);
    std::fs::remove_dir_all(folder).unwrap();
}
