//! A folder with a configuration, and a supervisord that works there.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::harness::{Lines, Running, clean, program};

/// The binary under test.
pub(crate) fn supervisord() -> &'static str {
    program("supervisord")
}

/// A folder of a test's own; it goes with it.
#[derive(Debug)]
pub(crate) struct Home(PathBuf);

impl Home {
    /// `name` tells the tests' folders apart. What every configuration says besides
    /// `text`: its files stay in the folder.
    pub(crate) fn new(name: &str, text: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("home-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).unwrap();
        let home = Self(folder.canonicalize().unwrap());
        home.write("t.conf", &format!("[supervisord]\nchildlogdir=%(here)s\n{text}"));
        home
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path(name), text).unwrap();
    }

    pub(crate) fn read(&self, name: &str) -> String {
        let path = self.path(name);
        let bytes = std::fs::read(&path).unwrap_or_else(|error| panic!("{path:?}: {error}"));
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// The lines of a file as they come, by a program that waits for them.
    pub(crate) fn lines(&self, name: &str) -> Lines {
        let words = ["-n", "+1", "-F", "--pid", &std::process::id().to_string()];
        let mut tail = clean("tail", words);
        let tail = tail.arg(self.path(name)).stdout(Stdio::piped()).stderr(Stdio::null()).spawn();
        Lines::of(tail.unwrap().stdout.take().unwrap())
    }

    /// The names of all files here, sorted, with the random part of AUTO names cut.
    pub(crate) fn names(&self) -> Vec<String> {
        let entries = std::fs::read_dir(&self.0).unwrap();
        let mut names: Vec<String> = entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .map(|name| {
                name.split_once("---").map_or_else(|| name.clone(), |(auto, _)| auto.to_owned())
            })
            .collect();
        names.sort();
        names
    }

    /// `supervisord -c t.conf` and more words, not started yet.
    pub(crate) fn command(&self, words: &[&str]) -> Command {
        let mut command = clean(supervisord(), ["-c", "t.conf"]);
        command.args(words).current_dir(&self.0);
        command
    }

    /// A supervisord in the foreground.
    pub(crate) fn start(&self) -> Running {
        Running::start(&mut self.command(&["-n"]))
    }
}

impl AsRef<Path> for Home {
    fn as_ref(&self) -> &Path {
        &self.0
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Stops it and waits for its end.
#[track_caller]
pub(crate) fn stop(running: &mut Running) {
    running.signal("TERM");
    assert_eq!(running.exit_code(), 0, "{:#?}", running.stdout.rest());
}
