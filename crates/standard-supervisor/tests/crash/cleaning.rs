//! The place between two runs.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use rustix::fs::{FileType, Mode};

use crate::harness::{Running, free_port, kill, skip};
use crate::place::Place;

#[test]
fn nothing_is_removed_unless_configured() {
    let place = Place::new("off");
    let leaked = PathBuf::from(format!("/dev/shm/off-{}", std::process::id()));
    let mut command = place.shell(&format!("umask 077; : > {}; exit 1", leaked.display()));
    command.env("PROCESS_REMOVE_LEFTOVERS", "false");
    let mut running = Running::start(&mut command);
    assert_eq!(running.exit_code(), 1);
    assert!(fs::remove_file(&leaked).is_ok());
    assert!(!running.stderr.said("of 'app' ("));
}

#[test]
fn a_foreign_process_at_the_port_is_named() {
    if which("python3").is_none() {
        return skip("there is no python3", "REQUIRE_PYTHON");
    }
    let place = Place::new("port");
    let port = free_port();
    // The first run ends when somebody else has taken the port.
    let listen = format!(
        "import socket,time; s=socket.socket(); s.bind((\"127.0.0.1\",{port})); s.listen(); \
         print(\"listening\", flush=True); time.sleep(1000)"
    );
    let mut command = crashes_once(&place, ":");
    command.env("PROCESS_MAX_START_RETRIES", "1").env("PROCESS_AWAIT_PORT", port.to_string());
    let mut running = Running::start(&mut command);
    let mut stranger = Running::start(&mut crate::harness::clean("python3", ["-c", &*listen]));
    stranger.stdout.wait_for("listening");
    fs::write(place.path("go"), "go\n").unwrap();
    let line = running.stderr.wait_for(&format!("'app' is waiting for port {port}"));
    assert!(
        line.contains(&format!("pid {} (", stranger.pid())) && line.contains("python3"),
        "{line}"
    );
    // What it was told may be a key.
    assert!(!line.contains("import"), "{line}");
    // It is waited for.
    kill(stranger.pid(), "KILL");
    stranger.exit_code();
    running.stdout.wait_for("second");
    assert!(!running.stderr.said("still taken"));
}

#[test]
fn the_process_that_holds_the_port_is_named_after_ten_seconds() {
    let place = Place::new("held");
    let holder = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = holder.local_addr().unwrap().port();
    let mut command = crashes_once(&place, ":");
    command.env("PROCESS_MAX_START_RETRIES", "1").env("PROCESS_AWAIT_PORT", port.to_string());
    let mut running = Running::start(&mut command);
    fs::write(place.path("go"), "go\n").unwrap();
    running.stderr.wait_for(&format!("'app' is waiting for port {port}"));
    let line = running.stderr.wait_for(&format!("port {port} of 'app' is still in use: pid "));
    assert!(line.contains("starting 'app' anyway"), "{line}");
    running.stderr.wait_for("spawned: 'app'");
    running.stdout.wait_for("second");
}

/// A program whose first run does `first` and fails when it is told so by a line in the
/// fifo `go`; the second stays.
pub fn crashes_once(place: &Place, first: &str) -> Command {
    let (once, go) = (place.path("once"), place.path("go"));
    let mode = Mode::from_raw_mode(0o600);
    rustix::fs::mknodat(rustix::fs::CWD, &go, FileType::Fifo, mode, 0).unwrap();
    place.shell(&format!(
        "[ -e {0} ] && {{ echo second; exec sleep 1000; }}; : > {0}; {first}; read x < {1}; exit 1",
        once.display(),
        go.display(),
    ))
}

pub fn which(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(name)).find(|path| path.is_file())
}
