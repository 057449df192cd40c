//! Runs a health check command, like the program itself.

use std::cell::{Cell, RefCell};
use std::ffi::OsString;
use std::rc::Rc;
use std::time::Duration;

use supervisor_core::health::CheckFailure;
use supervisor_core::ids::Pid;
use supervisor_core::input::Exit;
use supervisor_core::level::Level;
use supervisor_core::spec::{Command, Launch};

use crate::capture::journal::Journal;
use crate::helpers::Helpers;
use crate::launch::Environment;

/// The state that is kept between checks of a program.
#[derive(Debug, Default)]
pub(crate) struct Checker {
    /// The command that ran last.
    last: Cell<Option<Pid>>,
    /// The error of the last failed start, as logged. The command may be tried every second, and a
    /// line each time would flood the log.
    told: RefCell<String>,
}

/// The parts needed to run a command.
#[derive(Debug)]
pub(crate) struct Runner {
    pub(crate) helpers: Rc<Helpers>,
    pub(crate) checker: Rc<Checker>,
    /// The settings with which the program starts.
    pub(crate) launch: Launch,
    pub(crate) environment: Environment,
    /// The program's name.
    pub(crate) name: String,
    pub(crate) journal: Rc<Journal>,
}

/// Runs the command. If it exceeds its time limit, it is killed with its process group.
pub(super) async fn succeeds(
    words: Vec<OsString>,
    limit: Duration,
    runner: Runner,
) -> Result<(), CheckFailure> {
    let Runner { helpers, checker, launch, environment, name, journal } = runner;
    // One that SIGKILL doesn't end is enough.
    if checker.last.get().is_some_and(|pid| helpers.has(pid)) {
        return Err(CheckFailure::TimedOut);
    }
    let launch = Launch { command: Command::Argv(words), ..launch };
    let started = helpers.start(&name, &launch, environment);
    let helper = started.map_err(|error| {
        let why = error.to_string();
        if checker.told.replace(why.clone()) != why {
            journal.say(Level::Warn, &format!("cannot check {name}: {why}"));
        }
        CheckFailure::NotStarted
    })?;
    checker.told.take();
    checker.last.set(Some(helper.pid()));
    match helper.exit(limit).await {
        Some(Exit::Code(0)) => Ok(()),
        Some(exit @ (Exit::Code(_) | Exit::Signal { .. })) => {
            Err(CheckFailure::Command(exit.status()))
        }
        None => Err(CheckFailure::TimedOut),
    }
}
