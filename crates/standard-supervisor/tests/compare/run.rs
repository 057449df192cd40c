//! Runs one supervisor through a scenario.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::process::Command;

use crate::folder::{Folder, Left};
use crate::harness::{Running, clean};
use crate::scenario::{Scenario, Side, Step};

/// What one supervisor did.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) exit: i32,
    pub(crate) stdout: Vec<String>,
    pub(crate) stderr: Vec<String>,
    pub(crate) files: BTreeMap<String, Left>,
    /// The folder's path, which is in many of its lines.
    pub(crate) folder: String,
}

/// The two programs.
#[derive(Clone, Debug)]
pub(crate) struct Supervisors {
    /// A Python that has supervisord.
    pub(crate) python: String,
    /// Our binary; `None`: theirs once more, which shows what is not the same every time.
    pub(crate) ours: Option<String>,
}

impl Supervisors {
    /// The first words of the command line.
    fn words(&self, side: Side) -> Vec<String> {
        match (side, &self.ours) {
            (Side::Ours, Some(binary)) => vec![binary.clone()],
            (Side::Ours | Side::Theirs, _) => {
                [&self.python, "-m", "supervisor.supervisord"].map(str::to_owned).to_vec()
            }
        }
    }

    /// Starts one of the two in a folder. Stdout stays open, as descriptor 9, for as
    /// long as the supervisor lives: so a daemon can be waited for.
    pub(crate) fn command(&self, side: Side, folder: &Folder, scenario: &Scenario) -> Command {
        let mut script = scenario.before.join("\n");
        script.push_str("\nexec \"$@\" 9>&1");
        let mut words = vec!["-e".to_owned(), "-c".to_owned(), script, "sh".to_owned()];
        words.extend(self.words(side));
        words.extend(scenario.args.iter().cloned());
        let mut command = clean("/bin/sh", words);
        let temporary = folder.path().join("tmp");
        std::fs::create_dir(&temporary).unwrap();
        command
            .current_dir(folder.path())
            .env_clear()
            .envs(scenario.environment.iter().map(|(name, value)| (name, value)))
            .env("PATH", "/usr/local/bin:/usr/bin:/bin")
            .env("LANG", "C.UTF-8")
            .env("HOME", "/")
            .env("TMPDIR", temporary);
        command
    }
}

/// Runs one of the two to its end.
pub(crate) fn run(supervisors: &Supervisors, side: Side, scenario: &Scenario) -> Outcome {
    let folder = Folder::new();
    for (name, content) in &scenario.files {
        folder.write(name, content);
    }
    let mut running = Running::start(&mut supervisors.command(side, &folder, scenario));
    // Open until the end: what nobody has read yet would be lost.
    let mut fifos: Vec<File> = Vec::new();
    for step in scenario.steps(side) {
        match step {
            Step::Until { text, times } => running.stdout.wait_for_words(text, *times),
            Step::Send(signal) => running.signal(signal),
            Step::Move { from, to } => {
                std::fs::rename(folder.path().join(from), folder.path().join(to)).unwrap();
            }
            Step::Write { fifo, text } => fifos.push(write(&folder, fifo, text)),
        }
    }
    let exit = running.exit_code();
    Outcome {
        exit,
        stdout: running.stdout.rest().to_vec(),
        stderr: running.stderr.rest().to_vec(),
        files: folder.contents(),
        folder: folder.path().to_string_lossy().into_owned(),
    }
}

fn write(folder: &Folder, fifo: &str, text: &str) -> File {
    use std::io::Write;
    // With both ends open nothing waits for a reader.
    let mut file =
        OpenOptions::new().read(true).write(true).open(folder.path().join(fifo)).unwrap();
    writeln!(file, "{text}").unwrap();
    file
}
