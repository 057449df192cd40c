//! The signals that programs handle.

/// A signal, or several signals with the same effect.
#[derive(Clone, Copy, Debug)]
pub struct SignalEffect {
    /// The names without SIG, as text.
    pub names: &'static str,
    /// The effect.
    pub doc: &'static str,
}

/// `standard-supervisor COMMAND`.
pub(crate) static COMMAND_MODE: [SignalEffect; 2] = [
    def(
        "TERM, INT, QUIT",
        "Stop all programs, then exit with code 0. Sent again after a second or more: kill all \
         processes.",
    ),
    def(
        "HUP, USR1, USR2, WINCH, CONT, RTMIN...",
        "Forwarded to the program. Run-once mode forwards every signal.",
    ),
];

/// `supervisord`.
pub(crate) static FILE_MODE: [SignalEffect; 3] = [
    def("TERM, INT, QUIT", "Stop all programs, then exit with code 0."),
    def("HUP", "Stop all programs, read the configuration again, and start them."),
    def("USR2", "Close and reopen all log files."),
];

/// `pidproxy`.
pub(crate) static PIDPROXY: [SignalEffect; 2] = [
    def("TERM, INT, QUIT", "Forwarded to the process in PIDFILE; then pidproxy exits."),
    def("HUP, USR1, USR2", "Forwarded to the process in PIDFILE."),
];

const fn def(names: &'static str, doc: &'static str) -> SignalEffect {
    SignalEffect { names, doc }
}
