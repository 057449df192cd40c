//! The table of all methods: what they take and give, what they are for, who does it.

use std::future::Future;
use std::pin::Pin;

use supervisor_wire::xmlrpc::Value;

use super::fault::Fault;
use super::logs::Wanted;
use super::params::Params;
use super::response_budget::ResponseBudget;
use super::{config, daemon, info, logs, order, stdin, system};
use crate::http::serve::ServerState;

/// What comes of a call.
pub(super) type Outcome = Result<Value, Fault>;

/// What will come of a call.
pub(super) type Later<'a> = Pin<Box<dyn Future<Output = Outcome> + 'a>>;

/// A type of values.
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
    /// Its name in signatures.
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

/// Who does it.
#[derive(Clone, Copy, Debug)]
pub(super) enum Handler {
    /// It is done at once.
    Now(fn(&ServerState, &Params) -> Outcome),
    /// It may take its time.
    Wait(for<'a> fn(&'a ServerState, &'a Params) -> Later<'a>),
    /// It finds a piece of a log, which is read once there is room for it.
    Read(fn(&ServerState, &Params) -> Result<Wanted, Fault>),
    /// It takes what its answer needs itself.
    Many(for<'a> fn(&'a ServerState, &'a Params, &'a mut ResponseBudget<'_>) -> Later<'a>),
}

/// A method.
#[derive(Debug)]
pub(super) struct Method {
    pub(super) name: &'static str,
    pub(super) gives: Type,
    pub(super) takes: &'static [Type],
    /// How many of the last parameters may be left out.
    optional: usize,
    /// It works while everything is being stopped.
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

    /// Whether it can be called with so many parameters.
    pub(super) fn accepts(&self, params: usize) -> bool {
        (self.takes.len() - self.optional..=self.takes.len()).contains(&params)
    }
}

/// The methods of the main namespace.
pub(super) const MAIN: &[Method] = &[
    Method::now("getAPIVersion", String, &[], "The version of this interface.", daemon::api),
    Method::now("getVersion", String, &[], "An older name of getAPIVersion.", daemon::api),
    Method::now(
        "getSupervisorVersion",
        String,
        &[],
        "The version of supervisord whose behaviour this is.",
        daemon::version,
    ),
    Method::now(
        "getIdentification",
        String,
        &[],
        "The name by which this supervisor calls itself (`identifier`).",
        daemon::identification,
    ),
    Method::now(
        "getState",
        Struct,
        &[],
        "The supervisor's own state: statecode and statename. While it stops everything, this \
         is the fault SHUTDOWN_STATE.",
        daemon::state,
    ),
    Method::now("getPID", Int, &[], "The supervisor's process id.", daemon::pid),
    Method::read(
        "readLog",
        String,
        &[Int, Int],
        "A piece of the supervisor's own log: so many bytes from an offset on; with length 0 all \
         that follows, with a negative offset the last bytes.",
        logs::read_main,
    ),
    Method::read("readMainLog", String, &[Int, Int], "An older name of readLog.", logs::read_main),
    Method::now(
        "clearLog",
        Boolean,
        &[],
        "Begins the supervisor's own log anew.",
        logs::clear_main,
    ),
    Method::wait(
        "shutdown",
        Boolean,
        &[],
        "Stops all processes, then ends the supervisor.",
        daemon::shutdown,
    ),
    Method::wait(
        "restart",
        Boolean,
        &[],
        "Stops all processes, reads the configuration and begins anew.",
        daemon::restart,
    ),
    Method::wait(
        "reloadConfig",
        Array,
        &[],
        "Reads the configuration and changes nothing: [[added, changed, removed]], names of \
         groups.",
        config::reload,
    ),
    Method::wait(
        "addProcessGroup",
        Boolean,
        &[String],
        "Adds a group of the configuration that was read last, and starts what has autostart.",
        config::add,
    ),
    Method::wait(
        "removeProcessGroup",
        Boolean,
        &[String],
        "Removes a group of which nothing runs.",
        config::remove,
    ),
    Method::wait(
        "startProcess",
        Boolean,
        &[String, Boolean],
        "Starts NAME, GROUP:NAME or, as startProcessGroup does, GROUP:*. Waits until it is \
         RUNNING unless the second parameter says no.",
        order::start,
    )
    .last_may_be_left_out(),
    Method::wait(
        "startProcessGroup",
        Array,
        &[String, Boolean],
        "Starts all of a group that doesn't run: name, group, status and description of each.",
        order::start_group,
    )
    .last_may_be_left_out(),
    Method::wait(
        "startAllProcesses",
        Array,
        &[Boolean],
        "Starts all that doesn't run: name, group, status and description of each.",
        order::start_all,
    )
    .last_may_be_left_out(),
    Method::wait(
        "stopProcess",
        Boolean,
        &[String, Boolean],
        "Stops NAME, GROUP:NAME or, as stopProcessGroup does, GROUP:*. Waits for its end unless \
         the second parameter says no.",
        order::stop,
    )
    .last_may_be_left_out(),
    Method::wait(
        "stopProcessGroup",
        Array,
        &[String, Boolean],
        "Stops all of a group that runs: name, group, status and description of each.",
        order::stop_group,
    )
    .last_may_be_left_out(),
    Method::wait(
        "stopAllProcesses",
        Array,
        &[Boolean],
        "Stops all that runs: name, group, status and description of each.",
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
        "Sends a signal to all of a group that runs.",
        order::signal_group,
    ),
    Method::wait(
        "signalAllProcesses",
        Array,
        &[String],
        "Sends a signal to all that runs.",
        order::signal_all,
    ),
    Method::now("getProcessInfo", Struct, &[String], "What is known of one process.", info::one),
    Method::many(
        "getAllProcessInfo",
        Array,
        &[],
        "What is known of each process, by group and name.",
        info::all,
    ),
    Method::now(
        "getAllConfigInfo",
        Array,
        &[],
        "The settings of each process of the configuration that was read last, by name.",
        config::all,
    ),
    Method::read(
        "readProcessStdoutLog",
        String,
        &[String, Int, Int],
        "A piece of what a process wrote to its stdout; offset and length as in readLog.",
        logs::read_stdout,
    ),
    Method::read(
        "readProcessLog",
        String,
        &[String, Int, Int],
        "An older name of readProcessStdoutLog.",
        logs::read_stdout,
    ),
    Method::read(
        "readProcessStderrLog",
        String,
        &[String, Int, Int],
        "A piece of what a process wrote to its stderr; offset and length as in readLog.",
        logs::read_stderr,
    ),
    Method::read(
        "tailProcessStdoutLog",
        Array,
        &[String, Int, Int],
        "The last bytes of what a process wrote to its stdout, if there are any after the \
         offset: [text, size of the log, whether it goes on after offset and length].",
        logs::tail_stdout,
    ),
    Method::read(
        "tailProcessLog",
        Array,
        &[String, Int, Int],
        "An older name of tailProcessStdoutLog.",
        logs::tail_stdout,
    ),
    Method::read(
        "tailProcessStderrLog",
        Array,
        &[String, Int, Int],
        "As tailProcessStdoutLog, of stderr.",
        logs::tail_stderr,
    ),
    Method::now(
        "clearProcessLogs",
        Boolean,
        &[String],
        "Begins both logs of a process anew.",
        logs::clear,
    ),
    Method::now(
        "clearProcessLog",
        Boolean,
        &[String],
        "An older name of clearProcessLogs.",
        logs::clear,
    ),
    Method::now(
        "clearAllProcessLogs",
        Array,
        &[],
        "Begins the logs of all processes anew: name, group, status and description of each.",
        logs::clear_all,
    ),
    Method::now(
        "sendProcessStdin",
        Boolean,
        &[String, String],
        "Writes a text to the stdin of a process; nobody waits until it has read it.",
        stdin::send,
    ),
    Method::wait(
        "sendRemoteCommEvent",
        Boolean,
        &[String, String],
        "Tells event listeners: a type and data, of whatever meaning.",
        stdin::tell,
    )
    .always(),
];

/// The methods about methods.
pub(super) const SYSTEM: &[Method] = &[
    Method::now("listMethods", Array, &[], "The names of all methods.", system::list).always(),
    Method::now("methodHelp", String, &[String], "What a method does.", system::help).always(),
    Method::now(
        "methodSignature",
        Array,
        &[String],
        "The type of a method's result, then those of its parameters.",
        system::signature,
    )
    .always(),
    Method::many(
        "multicall",
        Array,
        &[Array],
        "Makes calls, each {methodName, params}, one after another: the result of each, or \
         {faultCode, faultString}.",
        system::multicall,
    )
    .always(),
];
