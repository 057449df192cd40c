//! Starts one process as its [`Launch`] specifies.

use std::cell::{Cell, OnceCell};
use std::ffi::{CString, OsStr, OsString};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;

use rustix::pipe::PipeFlags;
use supervisor_core::ids::Pid;
use supervisor_core::input::{SpawnError, SpawnErrorKind};
use supervisor_core::level::Level;
use supervisor_core::spec::{Command, Launch, Stdio, User};

use supervisor_sys::io::errno;
use supervisor_sys::process::reap;
use supervisor_sys::process::start::interpreter;
use supervisor_sys::process::start::landing::Landing;
use supervisor_sys::process::start::lookup;
use supervisor_sys::process::start::spawn::{
    Failure, Plan, Restrictions, Spawner, Step, Streams, c_string,
};

/// A process that was started, and the supervisor's ends of its pipes.
#[derive(Debug)]
pub(crate) struct Launched {
    pub(crate) pid: Pid,
    pub(crate) pipes: Option<Pipes>,
}

/// The supervisor's ends of a process's pipes.
#[derive(Debug)]
pub(crate) struct Pipes {
    /// Kept open, so that the process doesn't see an end of its input. `None`: its stdin is a
    /// socket instead.
    pub(crate) stdin: Option<OwnedFd>,
    pub(crate) stdout: OwnedFd,
    /// `None`: stderr goes to the same pipe as stdout.
    pub(crate) stderr: Option<OwnedFd>,
}

/// Starts processes.
#[derive(Debug, Default)]
pub(crate) struct Launcher {
    /// The descriptor numbers for captured streams; reserved at the first start that needs them.
    landing: OnceCell<Landing>,
    spawner: Spawner,
    /// Whether the restrictions of the system were already logged.
    reported: Cell<bool>,
}

/// Names and values, byte for byte.
pub(crate) type Environment = Vec<(OsString, OsString)>;

impl Launcher {
    /// Starts a process. `environment` is the inherited part: the variables in `launch` override
    /// it. If `socket` is given, it becomes the process's stdin.
    pub(crate) fn launch(
        &self,
        name: &str,
        launch: &Launch,
        mut environment: Environment,
        socket: Option<BorrowedFd<'_>>,
        cgroup: Option<BorrowedFd<'_>>,
    ) -> Result<Launched, SpawnError> {
        let (argv, file) = lookup::command(launch, &environment)?;
        for (name, value) in &launch.environment {
            set(&mut environment, name, value);
        }
        let directory = launch.directory.as_ref().map(|directory| c_string(directory.as_os_str()));
        let started = |stdio: Streams| {
            let plan = Plan {
                path: &c_string(file.as_os_str()),
                argv: &argv.iter().map(|word| c_string(word)).collect::<Vec<_>>(),
                environment: &environment.iter().map(assignment).collect::<Vec<_>>(),
                stdio,
                directory: directory.as_ref(),
                umask: launch.umask,
                limits: &launch.limits,
                user: launch.user.as_ref(),
                die_with_us: launch.die_with_supervisor,
                cgroup,
            };
            self.spawner.spawn(&plan).map_err(|failure| explain(name, &file, launch, &failure))
        };
        match &launch.stdio {
            Stdio::Inherited => Ok(Launched { pid: started(Streams::Inherited)?, pipes: None }),
            Stdio::Captured { stderr, .. } => {
                let made = pipes(socket.is_none(), stderr.is_some());
                let (theirs, ours) = made.map_err(|error| no_pipes(name, &error))?;
                if let Some(user) = &launch.user {
                    hand_over(&theirs, user);
                }
                let out = theirs.stdout.as_fd();
                // One of the two always exists.
                let stdin =
                    socket.or_else(|| theirs.stdin.as_ref().map(AsFd::as_fd)).unwrap_or(out);
                let err = theirs.stderr.as_ref().map_or(out, AsFd::as_fd);
                let started = self.landing().and_then(|landing| {
                    landing.with([stdin, out, err], |numbers| started(Streams::Given(numbers)))
                });
                let pid = started.map_err(|error| no_pipes(name, &error))??;
                Ok(Launched { pid, pipes: Some(ours) })
            }
        }
    }

    /// The line about restrictions of the system, to be logged after the first start.
    pub(crate) fn restrictions(&self) -> Option<(Level, String)> {
        if self.reported.replace(true) {
            return None;
        }
        describe(self.spawner.restrictions(), reap::adopts_orphans())
    }

    fn landing(&self) -> io::Result<&Landing> {
        if self.landing.get().is_none() {
            // It is still empty, because no other code runs in between.
            let _ = self.landing.set(Landing::new()?);
        }
        self.landing.get().ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}

/// Describes the restrictions of the system, and their consequences.
fn describe(restrictions: Restrictions, adopts_orphans: bool) -> Option<(Level, String)> {
    let Restrictions { copied_table, copied_memory } = restrictions;
    let mut parts = Vec::new();
    if let Some((step, errno)) = copied_table {
        let call = if step == Step::Clone { "clone with CLONE_FILES" } else { "close_range" };
        let reason = errno::name(&io::Error::from_raw_os_error(errno));
        parts.push(format!("{call} ({reason}), so each start copies the descriptor table"));
    }
    if copied_memory {
        let what = "shared memory for a new process";
        parts.push(format!("{what}, so a program that cannot be executed exits with 127"));
    }
    if !adopts_orphans {
        let what = "PR_SET_CHILD_SUBREAPER";
        parts.push(format!("{what}, so processes that outlive their parent are not found"));
    }
    // A copied table only costs time.
    let level = if copied_memory || !adopts_orphans { Level::Warn } else { Level::Info };
    let refused = parts.join("; ");
    (!refused.is_empty())
        .then(|| (level, format!("the kernel, sandbox or emulator refuses {refused}")))
}

/// Creates the process's ends, then the supervisor's ends, which are non-blocking.
fn pipes(with_stdin: bool, with_stderr: bool) -> io::Result<(Pipes, Pipes)> {
    let (stdin, our_stdin) = if with_stdin { pipe().map(some)? } else { (None, None) };
    let (our_stdout, stdout) = pipe()?;
    let (our_stderr, stderr) = if with_stderr { pipe().map(some)? } else { (None, None) };
    for end in [our_stdin.as_ref(), Some(&our_stdout), our_stderr.as_ref()].into_iter().flatten() {
        rustix::io::ioctl_fionbio(end, true)?;
    }
    let ours = Pipes { stdin: our_stdin, stdout: our_stdout, stderr: our_stderr };
    Ok((Pipes { stdin, stdout, stderr }, ours))
}

/// Makes the process's user the owner of the pipes. Opening `/dev/stdout` and its like opens the
/// pipe again, and the kernel then checks the owner.
fn hand_over(pipes: &Pipes, user: &User) {
    let owner = Some(rustix::fs::Uid::from_raw(user.uid));
    for end in [pipes.stdin.as_ref(), Some(&pipes.stdout), pipes.stderr.as_ref()] {
        // If the supervisor may not change the owner, the process can still use the open
        // descriptors.
        let _ = end.map(|end| rustix::fs::fchown(end, owner, None));
    }
}

fn some<T>((a, b): (T, T)) -> (Option<T>, Option<T>) {
    (Some(a), Some(b))
}

fn pipe() -> io::Result<(OwnedFd, OwnedFd)> {
    Ok(rustix::pipe::pipe_with(PipeFlags::CLOEXEC)?)
}

/// Sets a variable; replaces the variable of that name if it exists.
pub(crate) fn set(environment: &mut Environment, name: &OsStr, value: &OsStr) {
    environment.retain(|(other, _)| other != name);
    environment.push((name.to_owned(), value.to_owned()));
}

fn assignment((name, value): &(OsString, OsString)) -> CString {
    let mut text = name.clone();
    text.push("=");
    text.push(value);
    c_string(&text)
}

fn no_pipes(name: &str, error: &io::Error) -> SpawnError {
    let message = match error.raw_os_error() {
        Some(libc::EMFILE | libc::ENFILE) => format!("too many open files to spawn '{name}'"),
        _ => format!("unknown error making dispatchers for '{name}': {}", errno::name(error)),
    };
    SpawnError::new(SpawnErrorKind::Transient, message)
}

/// Describes the failure in supervisord's words, and classifies whether another try may help.
fn explain(name: &str, file: &Path, launch: &Launch, failure: &Failure) -> SpawnError {
    let Failure { step, error } = failure;
    let reason = errno::name(error);
    let (kind, message) = match step {
        Step::Clone if error.raw_os_error() == Some(libc::EAGAIN) => (
            SpawnErrorKind::Transient,
            format!("Too many processes in process table to spawn '{name}'"),
        ),
        Step::Clone | Step::Descriptors => {
            (SpawnErrorKind::Transient, format!("unknown error during fork for '{name}': {reason}"))
        }
        Step::Limit(index) => {
            let limit = launch.limits.get(*index).map(ToString::to_string).unwrap_or_default();
            (SpawnErrorKind::NotExecutable, format!("couldn't set {limit}: {reason}"))
        }
        Step::User => {
            let uid = launch.user.as_ref().map_or(0, |user: &User| user.uid);
            (SpawnErrorKind::NotExecutable, format!("couldn't setuid to {uid}: {reason}"))
        }
        Step::Directory => {
            let directory = launch.directory.as_deref().map(Path::display);
            let directory = directory.map_or_else(String::new, |directory| directory.to_string());
            (SpawnErrorKind::Transient, format!("couldn't chdir to {directory}: {reason}"))
        }
        Step::Execute => {
            let word = match &launch.command {
                Command::Argv(argv) => argv.first().map(OsString::as_os_str).unwrap_or_default(),
                Command::Unparsable(_) => OsStr::new(""),
            };
            let needed = interpreter::obstacle(file, launch.directory.as_deref());
            let needed = needed.map_or_else(String::new, |why| format!(": {why}"));
            let message = format!("couldn't exec {}: {reason}{needed}", word.display());
            (execute_failure(error), message)
        }
    };
    SpawnError::new(kind, message)
}

fn execute_failure(error: &io::Error) -> SpawnErrorKind {
    match error.raw_os_error() {
        // Also a script whose interpreter is missing.
        Some(libc::ENOENT | libc::ENOTDIR) => SpawnErrorKind::NotFound,
        Some(libc::EACCES | libc::EPERM | libc::ENOEXEC | libc::E2BIG | libc::ELOOP) => {
            SpawnErrorKind::NotExecutable
        }
        _ => SpawnErrorKind::Transient,
    }
}
