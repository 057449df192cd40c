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
mod upcheck;

use super::session::Session;
use super::trouble::Trouble;

pub(crate) use help::overview;

/// What a command has come to; what it has to say it has said.
pub(crate) type Done = Result<(), Trouble>;

/// A command.
#[derive(Debug)]
pub(crate) struct Command {
    pub(crate) name: &'static str,
    /// Ways to use it, and what each does.
    pub(crate) usage: &'static [(&'static str, &'static str)],
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

const fn row(
    name: &'static str,
    takes: Takes,
    run: fn(&mut Session<'_>, &str) -> Done,
    usage: &'static [(&'static str, &'static str)],
) -> Command {
    Command { name, usage, takes, run: Run::Do(run) }
}

/// In the order of the alphabet, as `help` lists them.
pub(crate) static COMMANDS: [Command; 23] = [
    Command {
        name: "EOF",
        usage: &[("^D", "leave the shell, as quit does")],
        takes: Takes::Nothing,
        run: Run::Leave,
    },
    row(
        "add",
        Takes::Groups,
        config::add,
        &[("add NAME...", "begin with groups that the configuration has gained (see reread)")],
    ),
    row(
        "avail",
        Takes::Nothing,
        config::avail,
        &[("avail", "list the processes in the configuration, in use or not")],
    ),
    row(
        "clear",
        Takes::Processes,
        logs::clear,
        &[("clear NAME...", "empty the log files of these processes"), ("clear all", "of all")],
    ),
    Command {
        name: "exit",
        usage: &[("exit", "leave the shell")],
        takes: Takes::Nothing,
        run: Run::Leave,
    },
    row(
        "fg",
        Takes::Processes,
        foreground::fg,
        &[("fg NAME", "see what it prints and send it what is typed, until Ctrl-C")],
    ),
    row(
        "help",
        Takes::Commands,
        help::help,
        &[("help", "list the commands"), ("help COMMAND", "tell how one is used")],
    ),
    row(
        "maintail",
        Takes::Nothing,
        logs::maintail,
        &[
            ("maintail", "print the last 1600 bytes of the daemon's own log"),
            ("maintail -BYTES", "that many instead"),
            ("maintail -f", "print what it logs from now on, until Ctrl-C"),
        ],
    ),
    row(
        "open",
        Takes::Nothing,
        daemon::open,
        &[("open URL", "go on with another daemon: http://HOST:PORT or unix:///PATH")],
    ),
    row(
        "pid",
        Takes::Processes,
        daemon::pid,
        &[
            ("pid", "print the daemon's process id"),
            ("pid NAME...", "of these processes; 0: it isn't running"),
            ("pid all", "of all, one per line"),
        ],
    ),
    Command {
        name: "quit",
        usage: &[("quit", "leave the shell")],
        takes: Takes::Nothing,
        run: Run::Leave,
    },
    row(
        "reload",
        Takes::Nothing,
        daemon::reload,
        &[("reload", "restart the daemon: stop all, read the configuration, start again")],
    ),
    row(
        "remove",
        Takes::Groups,
        config::remove,
        &[("remove NAME...", "forget groups whose processes are all stopped")],
    ),
    row(
        "reread",
        Takes::Nothing,
        config::reread,
        &[("reread", "read the configuration and tell what differs; changes nothing (see update)")],
    ),
    row(
        "restart",
        Takes::Processes,
        lifecycle::restart,
        &[
            ("restart NAME...", "stop and start processes; the configuration is not read again"),
            ("restart GROUP:*", "all of a group"),
            ("restart all", "all there are"),
        ],
    ),
    row(
        "shutdown",
        Takes::Nothing,
        daemon::shutdown,
        &[("shutdown", "stop all processes and then the daemon")],
    ),
    row(
        "signal",
        Takes::Processes,
        lifecycle::signal,
        &[
            ("signal SIGNAL NAME...", "send a signal, such as HUP, to processes"),
            ("signal SIGNAL GROUP:*", "to all of a group"),
            ("signal SIGNAL all", "to all there are"),
        ],
    ),
    row(
        "start",
        Takes::Processes,
        lifecycle::start,
        &[
            ("start NAME...", "start processes and wait until they run"),
            ("start GROUP:*", "all of a group"),
            ("start all", "all there are"),
        ],
    ),
    row(
        "status",
        Takes::Processes,
        status::status,
        &[
            ("status", "list all processes with their states"),
            ("status NAME...", "some processes"),
            ("status GROUP:*", "those of a group"),
            ("status --json [...]", "the same as JSON: an array of objects, for programs"),
        ],
    ),
    row(
        "stop",
        Takes::Processes,
        lifecycle::stop,
        &[
            ("stop NAME...", "stop processes and wait until they have ended"),
            ("stop GROUP:*", "all of a group"),
            ("stop all", "all there are"),
        ],
    ),
    row(
        "tail",
        Takes::Processes,
        logs::tail,
        &[
            ("tail NAME [stdout|stderr]", "print the last 1600 bytes of what it printed"),
            ("tail -BYTES NAME [...]", "that many instead"),
            ("tail -f NAME [...]", "print what it prints from now on, until Ctrl-C"),
        ],
    ),
    row(
        "update",
        Takes::Groups,
        config::update,
        &[
            ("update", "read the configuration and do what it takes: add, restart, remove groups"),
            ("update GROUP...", "only these"),
        ],
    ),
    row(
        "version",
        Takes::Nothing,
        daemon::version,
        &[("version", "print the version of the daemon")],
    ),
];
