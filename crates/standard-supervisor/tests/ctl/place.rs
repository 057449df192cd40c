//! A daemon in a folder of its own, and the clients that can ask it.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::harness::{Running, clean, free_port, program, python, skip};

/// Whose daemon is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Daemon {
    Python,
    Native,
}

/// The daemons under test.
pub(crate) const DAEMONS: [Daemon; 2] = [Daemon::Python, Daemon::Native];

/// The client that a test runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Client {
    Python,
    Native,
}

/// The binary under test.
fn native() -> &'static str {
    program("supervisorctl")
}

/// What every configuration begins with. The inet server wants to know who asks: ann,
/// whose password is `admin`; the third server keeps it as it is.
const HEAD: &str = "\
[supervisord]
nodaemon=true
loglevel=debug
logfile=FOLDER/main.log
pidfile=FOLDER/pid
childlogdir=FOLDER
[unix_http_server]
file=FOLDER/sock
[inet_http_server]
port=127.0.0.1:PORT
username=ann
password={SHA}d033e22ae348aeb5660fc2140aec35850c4da997
[unix_http_server:b]
file=FOLDER/locked
username=ann
password=admin
[rpcinterface:supervisor]
supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface
[supervisorctl]
serverurl=unix://%(here)s/sock
";

/// A daemon and where it is.
#[derive(Debug)]
pub(crate) struct Place {
    folder: PathBuf,
    port: u16,
    python: String,
    daemon: Option<Running>,
}

impl Place {
    /// Starts a daemon with these programs and waits until it answers. `None`: there is
    /// no Python here, and that has been said.
    pub(crate) fn with(daemon: Daemon, programs: &str) -> Option<Self> {
        Self::with_files(daemon, programs, &[])
    }

    /// As [`Self::with`], with these files in the folder.
    pub(crate) fn with_files(
        daemon: Daemon,
        programs: &str,
        files: &[(&str, &str)],
    ) -> Option<Self> {
        let mut place = Self::without_daemon()?;
        files.iter().for_each(|(name, text)| place.write(name, text));
        place.configure(programs);
        let words = ["-c", &place.path("t.conf")].map(str::to_owned);
        let mut command = match daemon {
            Daemon::Python => {
                let mut command = clean(&place.python, ["-m", "supervisor.supervisord"]);
                command.args(words);
                command
            }
            Daemon::Native => clean(program("supervisord"), words),
        };
        let running = Running::start(command.current_dir(&place.folder).env("LANG", "C.UTF-8"));
        place.daemon = Some(running);
        place.wait_for("supervisord started with pid");
        Some(place)
    }

    /// A folder with a configuration, and nobody to ask.
    pub(crate) fn without_daemon() -> Option<Self> {
        static NEXT: AtomicU32 = AtomicU32::new(1000);
        let Some(python) = python() else {
            skip("SUPERVISOR_PYTHON names no Python with supervisor", "REQUIRE_PYTHON");
            return None;
        };
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let folder = std::env::temp_dir().join(format!("ctl-{}-{number}", std::process::id()));
        std::fs::create_dir(&folder).unwrap();
        let place = Self { folder, port: free_port(), python, daemon: None };
        place.configure("");
        Some(place)
    }

    /// Writes another configuration, for whoever reads it next.
    pub(crate) fn configure(&self, programs: &str) {
        self.write("t.conf", &format!("{HEAD}{programs}"));
    }

    /// Writes a file with the place's own paths and port in it.
    pub(crate) fn write(&self, name: &str, text: &str) {
        std::fs::write(self.folder.join(name), self.localized(text)).unwrap();
    }

    /// A text with the place's own paths and port in it.
    pub(crate) fn localized(&self, text: &str) -> String {
        let folder = self.folder.to_string_lossy();
        text.replace("FOLDER", &folder).replace("PORT", &self.port.to_string())
    }

    /// The contrary.
    pub(crate) fn generalized(&self, text: &str) -> String {
        let folder = self.folder.to_string_lossy().into_owned();
        text.replace(&folder, "FOLDER").replace(&self.port.to_string(), "PORT")
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    pub(crate) fn path(&self, name: &str) -> String {
        self.folder.join(name).to_string_lossy().into_owned()
    }

    /// Waits for a line of the daemon's log.
    #[track_caller]
    pub(crate) fn wait_for(&mut self, text: &str) -> String {
        self.daemon.as_mut().unwrap().stdout.wait_for(text)
    }

    /// Waits until a line of the daemon's log has come that may have come already.
    #[track_caller]
    pub(crate) fn has_said(&mut self, text: &str) -> String {
        self.daemon.as_mut().unwrap().stdout.rewind().wait_for(text)
    }

    /// Waits for the daemon's end.
    #[track_caller]
    pub(crate) fn wait_for_end(&mut self) {
        self.daemon.take().unwrap().exit_code();
    }

    /// A client that is told these words and no configuration.
    pub(crate) fn bare(&self, client: Client, words: &[String]) -> Command {
        let mut command = match client {
            Client::Native => clean(native(), words),
            Client::Python => {
                let mut command = clean(&self.python, ["-m", "supervisor.supervisorctl"]);
                command.args(words);
                command
            }
        };
        command.current_dir(&self.folder).env("LANG", "C.UTF-8");
        command
    }

    /// A client that reads the place's configuration.
    pub(crate) fn client(&self, client: Client, line: &str) -> Command {
        let config = ["-c", "t.conf"].map(str::to_owned).into_iter();
        let words = line.split(' ').filter(|word| !word.is_empty());
        let words = words.map(|word| self.localized(word));
        self.bare(client, &config.chain(words).collect::<Vec<_>>())
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some(mut daemon) = self.daemon.take() {
            daemon.signal("TERM");
            if !std::thread::panicking() {
                daemon.exit_code();
            }
        }
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}
