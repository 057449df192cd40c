//! The exit codes of all programs.

/// An exit code, or several with one meaning.
#[derive(Clone, Copy, Debug)]
pub struct ExitCode {
    /// As it is shown.
    pub code: &'static str,
    /// What it says.
    pub doc: &'static str,
}

/// `standard-supervisor COMMAND`.
pub(crate) static COMMAND_MODE: [ExitCode; 5] = [
    def(
        "0",
        "Asked to stop, and everything stopped; or the program, or the last one, ended as expected and was not to be restarted.",
    ),
    def(
        "1",
        "Gave up: too many failures, a command that isn't there, requirements that could not be installed, a process that survived SIGKILL; or a mistake in the command line or the environment.",
    ),
    def("126, 127", "Run once: the command can't be executed, or isn't there."),
    def(
        "the program's own",
        "Run once, or it ended and was not to be restarted, or the last one did.",
    ),
    def("128 + n", "The same where signal n ended the program."),
];

/// `supervisord`.
pub(crate) static FILE_MODE: [ExitCode; 3] = [
    def(
        "0",
        "Asked to stop, and everything stopped; or a program with `essential=true` ended as expected and was not to be restarted. If that was not as expected, its own status.",
    ),
    def("1", "A program with `essential=true` was given up; or a process survived SIGKILL."),
    def("2", "A mistake in the command line or the configuration; nothing was started."),
];

/// `supervisorctl`.
pub(crate) static CTL: [ExitCode; 6] = [
    def("0", "It worked; `status`: all that was asked about runs; a shell always ends so."),
    def("1", "It didn't, or there is no such command."),
    def("2", "A mistake in the command line or the configuration."),
    def("3", "`status`: a process isn't running."),
    def("4", "Nobody listens at the address; `status`: it can't be told."),
    def("7", "A process that should run doesn't, or there is no socket."),
];

/// Programs that do one thing and end.
pub(crate) static PLAIN: [ExitCode; 2] = [
    def("0", "Done."),
    def("1", "A mistake in the command line, or a file that can't be written."),
];

/// `pidproxy`.
pub(crate) static PIDPROXY: [ExitCode; 3] = [
    def("0", "COMMAND has ended, or a signal that asks for the end was passed on."),
    def("1", "A mistake in the command line."),
    def("126, 127", "COMMAND can't be executed, or isn't there."),
];

const fn def(code: &'static str, doc: &'static str) -> ExitCode {
    ExitCode { code, doc }
}
