//! The table of all commands, one row each.

mod config;
mod daemon;
mod foreground;
mod help;
mod lifecycle;
mod logs;
mod status;
#[cfg(test)]
mod tests;
mod top;
mod upcheck;

use supervisor_config::CTL_COMMANDS;

use super::error::CtlError;
use super::session::Session;

/// The result of a command, which has already printed its output.
pub(crate) type Done = Result<(), CtlError>;

/// A command.
#[derive(Debug)]
pub(crate) struct Command {
    pub(crate) name: &'static str,
    /// The kind of its arguments, for completion with the Tab key.
    pub(crate) takes: Takes,
    pub(crate) run: Run,
}

/// The kinds of arguments that commands take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Takes {
    Nothing,
    Commands,
    Groups,
    Processes,
}

/// The effect of a command.
#[derive(Clone, Copy)]
pub(crate) enum Run {
    Do(fn(&mut Session<'_>, &str) -> Done),
    /// Ends the session.
    Leave,
}

impl std::fmt::Debug for Run {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Do(_) => "Do",
            Self::Leave => "Leave",
        })
    }
}

/// The command with this name.
pub(crate) fn find(name: &str) -> Option<&'static Command> {
    COMMANDS.iter().find(|command| command.name == name)
}

const fn row(name: &'static str, takes: Takes, run: Run) -> Command {
    Command { name, takes, run }
}

impl Command {
    /// Its forms, each with a description.
    pub(crate) fn usage(&self) -> &'static [(&'static str, &'static str)] {
        let words = CTL_COMMANDS.iter().find(|words| words.name == self.name);
        words.map_or(&[], |words| words.usage)
    }
}

/// All commands in alphabetical order, as `help` lists them.
pub(crate) static COMMANDS: [Command; 24] = [
    row("EOF", Takes::Nothing, Run::Leave),
    row("add", Takes::Groups, Run::Do(config::add)),
    row("avail", Takes::Nothing, Run::Do(config::avail)),
    row("clear", Takes::Processes, Run::Do(logs::clear)),
    row("exit", Takes::Nothing, Run::Leave),
    row("fg", Takes::Processes, Run::Do(foreground::fg)),
    row("help", Takes::Commands, Run::Do(help::help)),
    row("maintail", Takes::Nothing, Run::Do(logs::maintail)),
    row("open", Takes::Nothing, Run::Do(daemon::open)),
    row("pid", Takes::Processes, Run::Do(daemon::pid)),
    row("quit", Takes::Nothing, Run::Leave),
    row("reload", Takes::Nothing, Run::Do(daemon::reload)),
    row("remove", Takes::Groups, Run::Do(config::remove)),
    row("reread", Takes::Nothing, Run::Do(config::reread)),
    row("restart", Takes::Processes, Run::Do(lifecycle::restart)),
    row("shutdown", Takes::Nothing, Run::Do(daemon::shutdown)),
    row("signal", Takes::Processes, Run::Do(lifecycle::signal)),
    row("start", Takes::Processes, Run::Do(lifecycle::start)),
    row("status", Takes::Processes, Run::Do(status::status)),
    row("stop", Takes::Processes, Run::Do(lifecycle::stop)),
    row("tail", Takes::Processes, Run::Do(logs::tail)),
    row("top", Takes::Nothing, Run::Do(top::top)),
    row("update", Takes::Groups, Run::Do(config::update)),
    row("version", Takes::Nothing, Run::Do(daemon::version)),
];
