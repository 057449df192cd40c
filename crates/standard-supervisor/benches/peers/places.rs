//! Where things are: our build, the peers, the probe, and a directory for everything temporary.

use std::cell::Cell;
use std::env;
use std::fs;
use std::io;
use std::net::UdpSocket;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What cargo has just built together with this bench.
const OURS_BY_CARGO: &str = env!("CARGO_BIN_EXE_standard-supervisor");

/// Followed by the pid of the bench it belongs to.
const SCRATCH: &str = "supervisor-peers-";

#[derive(Debug)]
pub(crate) struct Places {
    pub(crate) ours: PathBuf,
    /// Why the measured build may not be the one of these sources.
    pub(crate) doubt: Option<String>,
    pub(crate) probe: PathBuf,
    /// Filled by `scripts/setup-bench`.
    pub(crate) peers: PathBuf,
    /// A syslog server that reads nothing: the kernel drops messages once its buffer is full.
    pub(crate) syslog: UdpSocket,
    /// Removed with everything in it when this goes.
    scratch: PathBuf,
    sessions: Cell<u32>,
}

impl Places {
    pub(crate) fn new() -> io::Result<Self> {
        let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize()?;
        let (ours, doubt) = ours(&workspace);
        let scratch = memory().join(format!("{SCRATCH}{}", std::process::id()));
        remove_leftovers()?;
        fs::create_dir(&scratch)?;
        let places = Self {
            ours,
            doubt,
            probe: scratch.join("probe"),
            syslog: UdpSocket::bind("127.0.0.1:0")?,
            peers: workspace.join("target/bench-env"),
            scratch,
            sessions: Cell::new(0),
        };
        compile_probe(&places.probe)?;
        Ok(places)
    }

    /// An empty directory for one start of one tool.
    pub(crate) fn session_directory(&self) -> io::Result<PathBuf> {
        self.sessions.set(self.sessions.get() + 1);
        let directory = self.scratch.join(format!("session-{}", self.sessions.get()));
        fs::create_dir(&directory)?;
        Ok(directory)
    }
}

impl Drop for Places {
    fn drop(&mut self) {
        // Nobody is left to be told, and the system's own cleaning of temporary files comes later
        // anyway.
        let _ = fs::remove_dir_all(&self.scratch);
    }
}

/// A file system in memory, if there is one: on a disk, making and removing two thousand log
/// files takes longer than what is measured, and depends on what was removed before.
fn memory() -> PathBuf {
    let memory = PathBuf::from("/dev/shm");
    if memory.is_dir() { memory } else { env::temp_dir() }
}

/// A bench that was killed could not clean up; the tools it ran ended with it.
fn remove_leftovers() -> io::Result<()> {
    for entry in fs::read_dir(memory())? {
        let entry = entry?;
        let name = entry.file_name();
        let Some(pid) = name.to_str().and_then(|name| name.strip_prefix(SCRATCH)) else { continue };
        if pid.parse::<u32>().is_ok() && !Path::new("/proc").join(pid).exists() {
            fs::remove_dir_all(entry.path())?;
        }
    }
    Ok(())
}

/// The first executable file of that name in PATH.
pub(crate) fn find_in_path(name: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    env::split_paths(&path).map(|directory| directory.join(name)).find(|file| file.is_file())
}

/// What we ship is linked statically and starts faster for it, so that build is preferred to
/// cargo's.
fn ours(workspace: &Path) -> (PathBuf, Option<String>) {
    if let Some(given) = env::var_os("STANDARD_SUPERVISOR_BIN") {
        return (PathBuf::from(given), Some("named by STANDARD_SUPERVISOR_BIN".to_owned()));
    }
    let shipped = workspace.join("dist/bin/standard-supervisor");
    let by_cargo = PathBuf::from(OURS_BY_CARGO);
    let changed = |file: &Path| fs::metadata(file).and_then(|metadata| metadata.modified()).ok();
    match (changed(&shipped), changed(&by_cargo)) {
        (None, _) => {
            (by_cargo, Some("linked dynamically; `make dist` builds the one we ship".to_owned()))
        }
        (Some(then), Some(later)) if then < later => {
            (shipped, Some("older than cargo's build: is it up to date? `make dist`".to_owned()))
        }
        (Some(_), _) => (shipped, None),
    }
}

fn compile_probe(probe: &Path) -> io::Result<()> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/peers/probe.c");
    let compiler = env::var_os("CC").unwrap_or_else(|| "cc".into());
    let compiled =
        Command::new(&compiler).args(["-O2", "-static", "-o"]).arg(probe).arg(source).output();
    let problem = match compiled {
        Ok(output) if output.status.success() => return Ok(()),
        Ok(output) => String::from_utf8_lossy(&output.stderr).trim().to_owned(),
        Err(error) => error.to_string(),
    };
    let compiler = compiler.display();
    Err(io::Error::other(format!(
        "{compiler} cannot link the probe (scripts/setup-bench helps): {problem}"
    )))
}
