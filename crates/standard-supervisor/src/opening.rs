//! The first lines and files of a supervisor.

use std::path::{Path, PathBuf};
use std::rc::Rc;

use supervisor_config::{Listen, Record, Server, Supervisord};
use supervisor_core::level::Level;
use supervisor_daemon::capture::journal::Journal;
use supervisor_sys::io::files::{self, OwnFile};
use supervisor_sys::process::own::Foreground;

use crate::startup::cannot_write;

/// The lines and files of a start.
pub(crate) struct Opening {
    pub(crate) journal: Rc<Journal>,
    notes: Vec<(Level, String)>,
    servers: Vec<Server>,
    namespaces: Vec<String>,
    status: Option<Listen>,
    record: Option<Record>,
    pub(crate) pidfile: Option<PathBuf>,
    /// The process in the foreground that waits for the pidfile and the sockets.
    pub(crate) foreground: Option<Foreground>,
    /// The files that were written, to be removed at the end.
    written: Vec<OwnFile>,
}

impl Opening {
    /// An opening of which nothing is said yet.
    pub(crate) fn new(
        journal: Rc<Journal>,
        notes: Vec<(Level, String)>,
        record: Option<Record>,
    ) -> Self {
        Self {
            journal,
            notes,
            servers: Vec::new(),
            namespaces: Vec::new(),
            status: None,
            record,
            pidfile: None,
            foreground: None,
            written: Vec::new(),
        }
    }

    /// Keeps what [`Self::announce_servers`] says.
    pub(crate) fn will_announce(
        &mut self,
        servers: Vec<Server>,
        namespaces: &[String],
        status: Option<Listen>,
    ) {
        (self.servers, self.namespaces, self.status) = (servers, namespaces.to_owned(), status);
    }

    /// Logs what was found out before there was a log.
    pub(crate) fn tell_notes(&mut self) {
        for (level, note) in self.notes.drain(..) {
            self.journal.say(level, &note);
        }
    }

    /// As [`Self::tell_notes`], in supervisord's order.
    pub(crate) fn tell_notes_as_supervisord(&mut self, supervisord: &Supervisord) {
        if supervisord.user.is_none() && rustix::process::getuid().is_root() {
            self.journal.say(
                Level::Critical,
                "Supervisor is running as root.  Privileges were not dropped because no user is \
                 specified in the config file.  If you intend to run as root, you can set \
                 user=root in the config file to avoid this message.",
            );
        }
        self.notes.sort_by_key(|(level, _)| *level != Level::Warn);
        self.tell_notes();
    }

    /// Logs the addresses at which the supervisor answers requests.
    pub(crate) fn announce_servers(&self) {
        let say = |level, line: &str| self.journal.say(level, line);
        supervisor_control::announce(&self.servers, &self.namespaces, self.status.as_ref(), say);
    }

    /// Logs that the supervisor has started, and which one: another package has programs of the
    /// same names.
    pub(crate) fn tell_start(&self) {
        let pid = std::process::id();
        self.journal.say(Level::Info, &format!("supervisord started with pid {pid}"));
        let version = env!("CARGO_PKG_VERSION");
        let which = format!("this is standard-supervisor {version}, not Python's supervisord");
        self.journal.say(Level::Info, &which);
    }

    /// Writes the pidfile that a configuration file asks for, unless it belongs to a supervisor
    /// that runs.
    pub(crate) fn put_pidfile(&mut self) {
        let Some(path) = self.pidfile.take().filter(|path| path != Path::new("/dev/null")) else {
            return;
        };
        let shown = path.display();
        if files::is_taken(&path) {
            let message =
                format!("pidfile {shown} belongs to another running supervisor; leaving it alone");
            self.journal.say(Level::Warn, &message);
            return;
        }
        match OwnFile::put(&path, 0o644, pid_line().as_bytes()) {
            Ok(file) => self.written.push(file),
            Err(error) => {
                let message = format!("could not write pidfile {shown}: {error}");
                self.journal.say(Level::Critical, &message);
            }
        }
    }

    /// Lets the process in the foreground exit.
    pub(crate) fn release_foreground(&mut self) {
        if let Some(foreground) = self.foreground.take() {
            foreground.release();
        }
    }

    /// Writes the pidfile and the record of command mode. The user asked for neither: a file of
    /// another supervisor, or one that cannot be written, does no harm.
    pub(crate) fn put_files_quietly(&mut self) {
        if let Some(path) = self.pidfile.take()
            && path != Path::new("/dev/null")
            && !files::is_taken(&path)
        {
            self.put("the pidfile", &path, 0o644, pid_line().as_bytes());
        }
        if let Some(record) = self.record.take() {
            let taken = files::is_taken(&record.path);
            let path = if taken { files::with_pid(&record.path) } else { record.path.clone() };
            self.put("the configuration", &path, 0o600, record.text().as_bytes());
        }
    }

    /// Removes the files of this opening.
    pub(crate) fn remove_files(&mut self) {
        self.written.drain(..).for_each(OwnFile::remove);
    }

    fn put(&mut self, what: &str, path: &Path, mode: u32, content: &[u8]) {
        match OwnFile::put(path, mode, content) {
            Ok(file) => self.written.push(file),
            Err(error) => self.journal.say(Level::Warn, &cannot_write(what, path, &error)),
        }
    }
}

fn pid_line() -> String {
    format!("{}\n", std::process::id())
}

/// Writes a record at the path that the user chose: it stays at the end, and without it nothing
/// starts.
pub(crate) fn put_where_asked(record: &Record) -> Result<(), String> {
    let path = &record.path;
    if path == Path::new("/dev/null") {
        return Ok(());
    }
    let folder = path.parent().map_or(Ok(()), std::fs::create_dir_all);
    let put = folder.and_then(|()| OwnFile::put(path, 0o600, record.text().as_bytes()));
    match put {
        Ok(_kept) => Ok(()),
        Err(error) => {
            let message = cannot_write("the configuration", path, &error);
            Err(format!("{message}; set SUPERVISOR_CONFIG_PATH to a writable path"))
        }
    }
}
