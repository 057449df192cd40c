//! The table of all methods: parameters, result, description and handler.

use std::future::Future;
use std::pin::Pin;

use supervisor_wire::xmlrpc::Value;

use super::fault::Fault;
use super::logs::Wanted;
use super::params::Params;
use super::response_budget::ResponseBudget;
use super::{config, daemon, info, logs, order, stdin, system};
use crate::http::serve::ServerState;

/// The result of a call.
pub(super) type Outcome = Result<Value, Fault>;

/// The future result of a call.
pub(super) type Later<'a> = Pin<Box<dyn Future<Output = Outcome> + 'a>>;

/// The types of values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Type {
    Array,
    Boolean,
    Int,
    String,
    Struct,
}

use Type::{Array, Boolean, Int, String, Struct};

impl Type {
    /// The name of the type in signatures.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Array => "array",
            Self::Boolean => "boolean",
            Self::Int => "int",
            Self::String => "string",
            Self::Struct => "struct",
        }
    }
}

/// The kinds of handlers.
#[derive(Clone, Copy, Debug)]
pub(super) enum Handler {
    /// Returns at once.
    Now(fn(&ServerState, &Params) -> Outcome),
    /// May wait.
    Wait(for<'a> fn(&'a ServerState, &'a Params) -> Later<'a>),
    /// Finds a piece of a log, which is read when there is memory for it.
    Read(fn(&ServerState, &Params) -> Result<Wanted, Fault>),
    /// Reserves the memory for its response itself.
    Many(for<'a> fn(&'a ServerState, &'a Params, &'a mut ResponseBudget<'_>) -> Later<'a>),
}

/// A method.
#[derive(Debug)]
pub(super) struct Method {
    pub(super) name: &'static str,
    pub(super) gives: Type,
    pub(super) takes: &'static [Type],
    /// The number of optional parameters at the end.
    optional: usize,
    /// The method works during a shutdown.
    pub(super) always: bool,
    pub(super) help: &'static str,
    pub(super) handler: Handler,
}

impl Method {
    const fn now(
        name: &'static str,
        gives: Type,
        takes: &'static [Type],
        help: &'static str,
        handler: fn(&ServerState, &Params) -> Outcome,
    ) -> Self {
        let handler = Handler::Now(handler);
        Self { name, gives, takes, optional: 0, always: false, help, handler }
    }

    const fn wait(
        name: &'static str,
        gives: Type,
        takes: &'static [Type],
        help: &'static str,
        handler: for<'a> fn(&'a ServerState, &'a Params) -> Later<'a>,
    ) -> Self {
        let handler = Handler::Wait(handler);
        Self { name, gives, takes, optional: 0, always: false, help, handler }
    }

    const fn read(
        name: &'static str,
        gives: Type,
        takes: &'static [Type],
        help: &'static str,
        handler: fn(&ServerState, &Params) -> Result<Wanted, Fault>,
    ) -> Self {
        let handler = Handler::Read(handler);
        Self { name, gives, takes, optional: 0, always: false, help, handler }
    }

    const fn many(
        name: &'static str,
        gives: Type,
        takes: &'static [Type],
        help: &'static str,
        handler: for<'a> fn(&'a ServerState, &'a Params, &'a mut ResponseBudget<'_>) -> Later<'a>,
    ) -> Self {
        let handler = Handler::Many(handler);
        Self { name, gives, takes, optional: 0, always: false, help, handler }
    }

    const fn last_may_be_left_out(self) -> Self {
        Self { optional: 1, ..self }
    }

    const fn always(self) -> Self {
        Self { always: true, ..self }
    }

    /// Whether the method accepts this number of parameters.
    pub(super) fn accepts(&self, params: usize) -> bool {
        (self.takes.len() - self.optional..=self.takes.len()).contains(&params)
    }
}

/// The methods of the main namespace.
pub(super) const MAIN: &[Method] = &[
    Method::now("getAPIVersion", String, &[], "The version of this interface.", daemon::api),
    Method::now("getVersion", String, &[], "Deprecated name of getAPIVersion.", daemon::api),
    Method::now(
        "getSupervisorVersion",
        String,
        &[],
        "The compatible version of supervisord.",
        daemon::version,
    ),
    Method::now(
        "getIdentification",
        String,
        &[],
        "The identifier of this supervisor.",
        daemon::identification,
    ),
    Method::now(
        "getState",
        Struct,
        &[],
        "The state of the supervisor: statecode and statename. During a shutdown, this is the \
         fault SHUTDOWN_STATE.",
        daemon::state,
    ),
    Method::now("getPID", Int, &[], "The supervisor's process id.", daemon::pid),
    Method::read(
        "readLog",
        String,
        &[Int, Int],
        "A part of the supervisor's own log: length bytes from offset. With length 0, \
         everything from offset; with a negative offset, the last bytes.",
        logs::read_main,
    ),
    Method::read(
        "readMainLog",
        String,
        &[Int, Int],
        "Deprecated name of readLog.",
        logs::read_main,
    ),
    Method::now("clearLog", Boolean, &[], "Clears the supervisor's own log.", logs::clear_main),
    Method::wait("shutdown", Boolean, &[], "Stops all processes and exits.", daemon::shutdown),
    Method::wait(
        "restart",
        Boolean,
        &[],
        "Stops all processes, reads the configuration and restarts.",
        daemon::restart,
    ),
    Method::wait(
        "reloadConfig",
        Array,
        &[],
        "Reads the configuration without applying it. Returns [[added, changed, removed]], the \
         names of groups.",
        config::reload,
    ),
    Method::wait(
        "addProcessGroup",
        Boolean,
        &[String],
        "Adds a group of the configuration that was last read, and starts its programs with \
         autostart.",
        config::add,
    ),
    Method::wait(
        "removeProcessGroup",
        Boolean,
        &[String],
        "Removes a stopped group.",
        config::remove,
    ),
    Method::wait(
        "startProcess",
        Boolean,
        &[String, Boolean],
        "Starts NAME, GROUP:NAME or, as startProcessGroup does, GROUP:*. Waits until it is \
         RUNNING, unless the second parameter is false.",
        order::start,
    )
    .last_may_be_left_out(),
    Method::wait(
        "startProcessGroup",
        Array,
        &[String, Boolean],
        "Starts the stopped processes of a group. Returns name, group, status and description \
         of each.",
        order::start_group,
    )
    .last_may_be_left_out(),
    Method::wait(
        "startAllProcesses",
        Array,
        &[Boolean],
        "Starts all stopped processes. Returns name, group, status and description of each.",
        order::start_all,
    )
    .last_may_be_left_out(),
    Method::wait(
        "stopProcess",
        Boolean,
        &[String, Boolean],
        "Stops NAME, GROUP:NAME or, as stopProcessGroup does, GROUP:*. Waits until it has \
         stopped, unless the second parameter is false.",
        order::stop,
    )
    .last_may_be_left_out(),
    Method::wait(
        "stopProcessGroup",
        Array,
        &[String, Boolean],
        "Stops the running processes of a group. Returns name, group, status and description of \
         each.",
        order::stop_group,
    )
    .last_may_be_left_out(),
    Method::wait(
        "stopAllProcesses",
        Array,
        &[Boolean],
        "Stops all running processes. Returns name, group, status and description of each.",
        order::stop_all,
    )
    .last_may_be_left_out(),
    Method::wait(
        "signalProcess",
        Boolean,
        &[String, String],
        "Sends a signal, by name or number, to NAME, GROUP:NAME or, as signalProcessGroup does, \
         GROUP:*.",
        order::signal,
    ),
    Method::wait(
        "signalProcessGroup",
        Array,
        &[String, String],
        "Sends a signal to the running processes of a group.",
        order::signal_group,
    ),
    Method::wait(
        "signalAllProcesses",
        Array,
        &[String],
        "Sends a signal to all running processes.",
        order::signal_all,
    ),
    Method::now(
        "getProcessInfo",
        Struct,
        &[String],
        "The state and details of one process.",
        info::one,
    ),
    Method::many(
        "getAllProcessInfo",
        Array,
        &[],
        "The state and details of all processes, by group and name.",
        info::all,
    ),
    Method::now(
        "getAllConfigInfo",
        Array,
        &[],
        "The settings of all processes in the configuration that was last read, by name.",
        config::all,
    ),
    Method::read(
        "readProcessStdoutLog",
        String,
        &[String, Int, Int],
        "A part of a process's stdout log; offset and length as in readLog.",
        logs::read_stdout,
    ),
    Method::read(
        "readProcessLog",
        String,
        &[String, Int, Int],
        "Deprecated name of readProcessStdoutLog.",
        logs::read_stdout,
    ),
    Method::read(
        "readProcessStderrLog",
        String,
        &[String, Int, Int],
        "A part of a process's stderr log; offset and length as in readLog.",
        logs::read_stderr,
    ),
    Method::read(
        "tailProcessStdoutLog",
        Array,
        &[String, Int, Int],
        "The last bytes of a process's stdout log, if any follow the offset: [text, size of the \
         log, whether more follows offset and length].",
        logs::tail_stdout,
    ),
    Method::read(
        "tailProcessLog",
        Array,
        &[String, Int, Int],
        "Deprecated name of tailProcessStdoutLog.",
        logs::tail_stdout,
    ),
    Method::read(
        "tailProcessStderrLog",
        Array,
        &[String, Int, Int],
        "Same as tailProcessStdoutLog, for stderr.",
        logs::tail_stderr,
    ),
    Method::now(
        "clearProcessLogs",
        Boolean,
        &[String],
        "Clears both logs of a process.",
        logs::clear,
    ),
    Method::now(
        "clearProcessLog",
        Boolean,
        &[String],
        "Deprecated name of clearProcessLogs.",
        logs::clear,
    ),
    Method::now(
        "clearAllProcessLogs",
        Array,
        &[],
        "Clears the logs of all processes. Returns name, group, status and description of each.",
        logs::clear_all,
    ),
    Method::now(
        "sendProcessStdin",
        Boolean,
        &[String, String],
        "Writes a text to the stdin of a process. Does not wait until the process has read it.",
        stdin::send,
    ),
    Method::wait(
        "sendRemoteCommEvent",
        Boolean,
        &[String, String],
        "Sends an event with a type and data to event listeners.",
        stdin::tell,
    )
    .always(),
];

/// Methods that supervisord does not have.
pub(super) const OWN: &[Method] = &[
    Method::wait(
        "updateGroup",
        String,
        &[String],
        "Lets the configuration that was read last take effect for a group; returns what that \
         took: nothing, live, restart, add or remove.",
        config::update,
    ),
    Method::wait(
        "restartRolling",
        Array,
        &[String],
        "Restarts the running processes of a name, such as `web:*`, or of `all`, one after the other: \
         each is ready before the next is stopped. Ends at the first that does not become ready. \
         The result has a struct for each process that was restarted, and for that one.",
        order::restart_rolling,
    ),
    Method::wait(
        "restartProcess",
        Boolean,
        &[String, Boolean],
        "Stops a process if it runs, and starts it. Waits until it is RUNNING unless the second \
         parameter says no.",
        order::restart,
    )
    .last_may_be_left_out(),
    Method::wait(
        "getChanges",
        Array,
        &[],
        "Reads the configuration and changes nothing: each group in which it differs, what an \
         update takes, the options that changed, and the processes that it adds and removes.",
        config::changes,
    ),
];

/// The `system` methods.
pub(super) const SYSTEM: &[Method] = &[
    Method::now("listMethods", Array, &[], "The names of all methods.", system::list).always(),
    Method::now("methodHelp", String, &[String], "The description of a method.", system::help)
        .always(),
    Method::now(
        "methodSignature",
        Array,
        &[String],
        "The type of a method's result, followed by those of its parameters.",
        system::signature,
    )
    .always(),
    Method::many(
        "multicall",
        Array,
        &[Array],
        "Runs several calls, each {methodName, params}, in order. Returns the result of each, \
         or {faultCode, faultString}.",
        system::multicall,
    )
    .always(),
];
