//! The exit codes of all programs.

/// An exit code, or several codes with the same meaning.
#[derive(Clone, Copy, Debug)]
pub struct ExitCode {
    /// The code as text.
    pub code: &'static str,
    /// Its meaning.
    pub doc: &'static str,
}

/// `standard-supervisor COMMAND`.
pub(crate) static COMMAND_MODE: [ExitCode; 5] = [
    def(
        "0",
        "The supervisor stopped all programs on request, or the program (with several \
         programs, the last one) exited as expected and is not restarted.",
    ),
    def(
        "1",
        "The supervisor gave up: too many failures, command not found, requirements not \
         installed, or a process that survived SIGKILL. Or the command line or the environment \
         is invalid.",
    ),
    def("126, 127", "Run once: the command cannot be executed (126) or is not found (127)."),
    def(
        "the program's own",
        "The program (with several programs, the last one) exited and is not restarted, or ran \
         in run-once mode.",
    ),
    def("128 + n", "The same, if signal n terminated the program."),
];

/// `supervisord`.
pub(crate) static FILE_MODE: [ExitCode; 3] = [
    def(
        "0",
        "The supervisor stopped all programs on request. Or a program with `essential=true` \
         exited as expected and is not restarted; after an unexpected exit, its own status.",
    ),
    def(
        "1",
        "The supervisor gave up on a program with `essential=true`, or a process survived \
     SIGKILL.",
    ),
    def("2", "The command line or the configuration is invalid; nothing was started."),
];

/// `supervisorctl`.
pub(crate) static CTL: [ExitCode; 6] = [
    def(
        "0",
        "Success. For `status`: all listed processes are running. The interactive shell \
     always exits with 0.",
    ),
    def("1", "The command failed or is unknown."),
    def("2", "The command line or the configuration is invalid."),
    def("3", "For `status`: a process is not running."),
    def("4", "Cannot connect to the daemon. For `status`: the state is unknown."),
    def("7", "A process that must be running is not, or the socket does not exist."),
];

/// Programs with a single task.
pub(crate) static PLAIN: [ExitCode; 2] =
    [def("0", "Done."), def("1", "The command line is invalid, or a file cannot be written.")];

/// `pidproxy`.
pub(crate) static PIDPROXY: [ExitCode; 3] = [
    def("0", "COMMAND exited, or a terminating signal was forwarded."),
    def("1", "The command line is invalid."),
    def("126, 127", "COMMAND cannot be executed (126) or is not found (127)."),
];

const fn def(code: &'static str, doc: &'static str) -> ExitCode {
    ExitCode { code, doc }
}
