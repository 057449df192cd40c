//! The server that the tests make ill, under the supervisor.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use crate::harness::{Lines, Running, free_port, skip, supervise};

/// A folder with what the server shall be like.
#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) folder: PathBuf,
    pub(crate) port: u16,
}

impl Server {
    /// One that is well. `None`: there is no Python here.
    pub(crate) fn new() -> Option<Self> {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let python = Command::new("python3").arg("--version").stdout(Stdio::null()).status();
        if !python.is_ok_and(|status| status.success()) {
            skip("there is no python3", "REQUIRE_PYTHON");
            return None;
        }
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("standard-supervisor-health.{}.{number}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        fs::create_dir_all(&folder).unwrap();
        Some(Self { folder, port: free_port() })
    }

    /// Says what it shall be like from now on, in one step.
    pub(crate) fn set(&self, name: &str, text: &str) {
        let new = self.folder.join(format!("{name}.new"));
        fs::write(&new, text).unwrap();
        fs::rename(new, self.folder.join(name)).unwrap();
    }

    /// Makes a FIFO of this name.
    pub(crate) fn fifo(&self, name: &str) -> PathBuf {
        let path = self.folder.join(name);
        let made = Command::new("mkfifo").arg(&path).status().unwrap();
        assert!(made.success());
        path
    }

    /// A command line that supervises it, asks it often, and is quick to stop it.
    pub(crate) fn supervised(&self, words: &[&str]) -> Command {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/health/server.py");
        let port = self.port.to_string();
        let folder = self.folder.to_str().unwrap();
        let mut all = vec!["python3", script, folder, &port];
        all.extend(words);
        let mut command = supervise(all);
        command
            .env("PROCESS_HEALTH_INTERVAL", "0.1")
            .env("PROCESS_HEALTH_TIMEOUT", "5")
            .env("PROCESS_HEALTH_PROGRESS_INTERVAL", "0.1")
            .env("PROCESS_HEALTH_TREE_INTERVAL", "0.1")
            .env("PROCESS_HEALTH_EVIDENCE_SECS", "1")
            .env("SUPERVISOR_PROGRAM__APP_STOPWAITSECS", "1");
        command
    }

    /// The same, with its `/health` as the check.
    pub(crate) fn checked(&self, words: &[&str]) -> Command {
        let mut command = self.supervised(words);
        command.env("PROCESS_HEALTH_URL", self.url("/health"));
        command
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://localhost:{}{path}", self.port)
    }

    /// Metrics of a server that has requests under way, and their options.
    pub(crate) fn with_metrics<'c>(&self, command: &'c mut Command, done: &str) -> &'c mut Command {
        self.set("metrics", &format!("app:running{{engine=\"0\"}} 2\napp:tokens_total {done}"));
        command
            .env("PROCESS_HEALTH_PROGRESS_URL", self.url("/metrics"))
            .env("PROCESS_HEALTH_PROGRESS_RUNNING", "app:running")
            .env("PROCESS_HEALTH_PROGRESS_DONE", "app:tokens_total")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// Starts it, and waits until it is up.
#[track_caller]
pub(crate) fn up(command: &mut Command) -> Running {
    let mut running = Running::start(command);
    running.stderr.wait_for("entered RUNNING state");
    running
}

/// Asks it to stop, and waits for that.
#[track_caller]
pub(crate) fn end(mut running: Running) {
    running.signal("TERM");
    assert_eq!(running.exit_code(), 0);
}

/// Waits until so many more lines contain `text`.
#[track_caller]
pub(crate) fn times(lines: &mut Lines, text: &str, times: usize) {
    for _ in 0..times {
        lines.wait_for(text);
    }
}
