//! The commands, one row each.

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

/// What a command has come to; what it has to say it has said.
pub(crate) type Done = Result<(), CtlError>;

/// A command.
#[derive(Debug)]
pub(crate) struct Command {
    pub(crate) name: &'static str,
    /// What its words are, for who presses the Tab key.
    pub(crate) takes: Takes,
    pub(crate) run: Run,
}

/// What the words of a command can be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Takes {
    Nothing,
    Commands,
    Groups,
    Processes,
}

/// What is done when it is typed.
#[derive(Clone, Copy)]
pub(crate) enum Run {
    Do(fn(&mut Session<'_>, &str) -> Done),
    /// The session ends.
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
    /// Ways to use it, and what each does.
    pub(crate) fn usage(&self) -> &'static [(&'static str, &'static str)] {
        let words = CTL_COMMANDS.iter().find(|words| words.name == self.name);
        words.map_or(&[], |words| words.usage)
    }
}

/// In the order of the alphabet, as `help` lists them.
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
