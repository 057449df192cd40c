//! A place for the reports of one test.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::harness::supervise;

/// A folder, removed when dropped.
pub struct Place(PathBuf);

impl Place {
    pub fn new(name: &str) -> Self {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR"))
            .join(format!("crash-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// A shell script, supervised, with its reports here.
    pub fn shell(&self, script: &str) -> Command {
        let mut command = supervise(["sh", "-c", script]);
        command
            .env("PROCESS_CRASH_DIR", self.path("reports"))
            .env("PROCESS_TERMINATION_LOG", self.path("message"))
            .env("PROCESS_MAX_START_RETRIES", "0");
        command
    }

    /// Names of the reports, the oldest first.
    pub fn names(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.path("reports")).unwrap();
        let mut names: Vec<String> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    /// The only report.
    #[track_caller]
    pub fn report(&self) -> Value {
        let names = self.names();
        let [name] = &names[..] else { panic!("{names:?}") };
        serde_json::from_slice(&std::fs::read(self.path("reports").join(name)).unwrap()).unwrap()
    }

    pub fn message(&self) -> String {
        std::fs::read_to_string(self.path("message")).unwrap()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
