//! Descriptions of supervisorctl's commands: one row each.

/// A command of `supervisorctl`.
#[derive(Clone, Copy, Debug)]
pub struct CtlCommand {
    /// Its name.
    pub name: &'static str,
    /// The forms of the command with descriptions.
    pub usage: &'static [(&'static str, &'static str)],
}

/// The commands in alphabetical order, as `help` lists them.
pub static CTL_COMMANDS: [CtlCommand; 24] = [
    def("EOF", &[("^D", "leave the shell, as quit does")]),
    def(
        "add",
        &[("add GROUP...", "activate groups that were added to the configuration (see reread)")],
    ),
    def("avail", &[("avail", "list the processes in the configuration, in use or not")]),
    def(
        "clear",
        &[
            ("clear NAME...", "empty the log files of these processes"),
            ("clear all", "empty the log files of all processes"),
        ],
    ),
    def("exit", &[("exit", "leave the shell")]),
    def("fg", &[("fg NAME", "show the output of a process and send it your input, until Ctrl-C")]),
    def("help", &[("help", "list the commands"), ("help COMMAND", "show how to use a command")]),
    def(
        "maintail",
        &[
            ("maintail", "print the last 1600 bytes of the daemon's own log"),
            ("maintail -BYTES", "print the last BYTES bytes of it"),
            ("maintail -f", "follow the daemon's log, until Ctrl-C"),
        ],
    ),
    def("open", &[("open URL", "connect to another daemon: http://HOST:PORT or unix:///PATH")]),
    def(
        "pid",
        &[
            ("pid", "print the daemon's process id"),
            ("pid NAME...", "print the ids of these processes; 0 means not running"),
            ("pid all", "print the ids of all processes, one per line"),
        ],
    ),
    def("quit", &[("quit", "leave the shell")]),
    def(
        "reload",
        &[("reload", "restart the daemon: stop all, read the configuration, start again")],
    ),
    def("remove", &[("remove GROUP...", "remove stopped groups")]),
    def(
        "reread",
        &[
            (
                "reread",
                "read the configuration and show what changed, without applying it (see update)",
            ),
            (
                "reread --json",
                "show as JSON, by program and option, if each change needs a restart",
            ),
        ],
    ),
    def(
        "restart",
        &[
            ("restart NAME...", "stop and start processes; the configuration is not read again"),
            ("restart GROUP:*", "restart all processes of a group"),
            ("restart all", "restart all processes"),
            (
                "restart --rolling [...]",
                "restart one after the other; each must be ready before the next stops",
            ),
        ],
    ),
    def("shutdown", &[("shutdown", "stop all processes and then the daemon")]),
    def(
        "signal",
        &[
            ("signal SIGNAL NAME...", "send a signal, such as HUP, to processes"),
            ("signal SIGNAL GROUP:*", "send it to all processes of a group"),
            ("signal SIGNAL all", "send it to all processes"),
        ],
    ),
    def(
        "start",
        &[
            ("start NAME...", "start processes and wait until they are running"),
            ("start GROUP:*", "start all processes of a group"),
            ("start all", "start all processes"),
        ],
    ),
    def(
        "status",
        &[
            ("status", "list all processes with their states"),
            ("status NAME...", "list these processes"),
            ("status GROUP:*", "list the processes of a group"),
            ("status --json [...]", "list them as a JSON array of objects, for scripts"),
        ],
    ),
    def(
        "stop",
        &[
            ("stop NAME...", "stop processes and wait until they have stopped"),
            ("stop GROUP:*", "stop all processes of a group"),
            ("stop all", "stop all processes"),
        ],
    ),
    def(
        "tail",
        &[
            ("tail NAME [stdout|stderr]", "print the last 1600 bytes of a process's output"),
            ("tail -BYTES NAME [...]", "print the last BYTES bytes of it"),
            ("tail -f NAME [...]", "follow the output of a process, until Ctrl-C"),
        ],
    ),
    def(
        "top",
        &[(
            "top",
            "show a live table of all programs, with keys to act on them; if the output is not a terminal, print it once",
        )],
    ),
    def(
        "update",
        &[
            (
                "update",
                "read the configuration and apply it: change settings of running programs, restart, add and remove groups",
            ),
            ("update GROUP...", "apply it for these groups only"),
        ],
    ),
    def("version", &[("version", "print the version of the daemon")]),
];

const fn def(name: &'static str, usage: &'static [(&'static str, &'static str)]) -> CtlCommand {
    CtlCommand { name, usage }
}
