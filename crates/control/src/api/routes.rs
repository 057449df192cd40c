//! The table of all operations. One row has the path, the documentation and the handler.

use supervisor_wire::http::form;

/// One operation.
#[derive(Clone, Copy, Debug)]
pub(super) struct Route {
    pub(super) method: Method,
    /// The path after `/api/v1/`; a segment in braces is a [`Parameter`].
    pub(super) path: &'static str,
    pub(super) summary: &'static str,
    pub(super) query: &'static [Parameter],
    pub(super) gives: Gives,
    pub(super) act: Act,
}

/// HTTP methods: reading, or changing something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Method {
    Get,
    Post,
}

/// The handler of an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Act {
    ShowSupervisor,
    ListPrograms,
    ShowProgram,
    ListRuns,
    ShowReport,
    ShowUsage,
    ReadLog,
    FollowLog,
    ReadOwnLog,
    FollowOwnLog,
    ListGroups,
    FollowEvents,
    ShowDescription,
    Order(Scope, Verb),
    AddGroup,
    RemoveGroup,
    Reread,
    Update,
    Restart,
    Shutdown,
}

impl Act {
    /// Whether the response is a stream that lasts until the client disconnects.
    pub(super) const fn follows(&self) -> bool {
        matches!(self, Self::FollowLog | Self::FollowOwnLog | Self::FollowEvents)
    }
}

/// The target of an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scope {
    Program,
    Group,
    All,
}

/// The operations on programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verb {
    Start,
    Stop,
    Restart,
    RestartRolling,
    Signal,
    Clear,
}

/// The content of a response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Gives {
    Supervisor,
    Programs,
    Program,
    Groups,
    Runs,
    Report,
    Usage,
    Piece,
    Outcomes,
    Difference,
    Done,
    LogStream,
    EventStream,
    Description,
}

/// A parameter of an operation.
#[derive(Clone, Copy, Debug)]
pub(super) struct Parameter {
    pub(super) name: &'static str,
    pub(super) about: &'static str,
    pub(super) kind: ParameterKind,
    pub(super) required: bool,
}

/// The types of parameters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ParameterKind {
    Text,
    Signal,
    Channel,
    Flag,
    Number,
}

/// The parameters that paths may contain.
pub(super) const IN_PATH: [Parameter; 4] = [
    Parameter {
        name: "name",
        about: "The program: `NAME`, or `GROUP:NAME` if its group has another name.",
        kind: ParameterKind::Text,
        required: true,
    },
    Parameter {
        name: "group",
        about: "The group's name.",
        kind: ParameterKind::Text,
        required: true,
    },
    Parameter {
        name: "run",
        about: "The run's number, counted from 1.",
        kind: ParameterKind::Number,
        required: true,
    },
    Parameter {
        name: "channel",
        about: "The stream.",
        kind: ParameterKind::Channel,
        required: true,
    },
];

const WAIT: &[Parameter] = &[Parameter {
    name: "wait",
    about: "Whether to respond when the command is complete (the default) or once it has started.",
    kind: ParameterKind::Flag,
    required: false,
}];

const SIGNAL: &[Parameter] = &[Parameter {
    name: "signal",
    about: "The signal's name or number: `HUP`, `SIGHUP` or `1`.",
    kind: ParameterKind::Signal,
    required: true,
}];

const RANGE: &[Parameter] = &[
    Parameter {
        name: "offset",
        about: "Offset of the first byte. Default: the last `length` bytes.",
        kind: ParameterKind::Number,
        required: false,
    },
    Parameter {
        name: "length",
        about: "Maximum number of bytes. Default: 65536; at most 1048576.",
        kind: ParameterKind::Number,
        required: false,
    },
];

const FROM: &[Parameter] = &[Parameter {
    name: "from",
    about: "Offset of the first byte. Default: 1024 bytes before the end.",
    kind: ParameterKind::Number,
    required: false,
}];

const fn get(path: &'static str, summary: &'static str, gives: Gives, act: Act) -> Route {
    Route { method: Method::Get, path, summary, query: &[], gives, act }
}

const fn post(path: &'static str, summary: &'static str, gives: Gives, act: Act) -> Route {
    Route { method: Method::Post, path, summary, query: &[], gives, act }
}

impl Route {
    const fn with(self, query: &'static [Parameter]) -> Self {
        Self { query, ..self }
    }
}

/// All operations.
#[rustfmt::skip]
pub(super) const ROUTES: [Route; 35] = [
    get("supervisor", "State of the supervisor", Gives::Supervisor, Act::ShowSupervisor),
    get("supervisor/log", "Read a part of the supervisor's own log", Gives::Piece, Act::ReadOwnLog).with(RANGE),
    get("supervisor/log/stream", "Follow the supervisor's own log", Gives::LogStream, Act::FollowOwnLog).with(FROM),
    post("supervisor/reread", "Read the configuration again and show the changes", Gives::Difference, Act::Reread),
    post("supervisor/update", "Read the configuration again and apply it", Gives::Difference, Act::Update),
    post("supervisor/restart", "Stop all programs and restart the supervisor", Gives::Done, Act::Restart),
    post("supervisor/shutdown", "Stop all programs and exit", Gives::Done, Act::Shutdown),
    get("programs", "List all programs, with the resource usage of their process trees", Gives::Programs, Act::ListPrograms),
    get("programs/{name}", "Show one program, with the resource usage of its process tree", Gives::Program, Act::ShowProgram),
    post("programs/{name}/start", "Start a program", Gives::Program, Act::Order(Scope::Program, Verb::Start)).with(WAIT),
    post("programs/{name}/stop", "Stop a program", Gives::Program, Act::Order(Scope::Program, Verb::Stop)).with(WAIT),
    post("programs/{name}/restart", "Restart a program", Gives::Program, Act::Order(Scope::Program, Verb::Restart)).with(WAIT),
    post("programs/{name}/signal", "Send a signal to a program's main process", Gives::Program, Act::Order(Scope::Program, Verb::Signal)).with(SIGNAL),
    post("programs/{name}/clear", "Clear a program's log files", Gives::Program, Act::Order(Scope::Program, Verb::Clear)),
    get("programs/{name}/runs", "List the latest ten runs of a program, newest first", Gives::Runs, Act::ListRuns),
    get("programs/{name}/runs/{run}/report", "Show the crash report of a run, with its last \
     lines of output", Gives::Report, Act::ShowReport),
    get("programs/{name}/usage", "Show the CPU and memory usage of a program in the last hour, as far as it was measured", Gives::Usage, Act::ShowUsage),
    get("programs/{name}/logs/{channel}", "Read a part of a program's log", Gives::Piece, Act::ReadLog).with(RANGE),
    get("programs/{name}/logs/{channel}/stream", "Follow a program's log", Gives::LogStream, Act::FollowLog).with(FROM),
    get("groups", "List all groups, active or not", Gives::Groups, Act::ListGroups),
    post("groups/{group}/add", "Add a group of the configuration that was last read", Gives::Done, Act::AddGroup),
    post("groups/{group}/remove", "Remove a stopped group", Gives::Done, Act::RemoveGroup),
    post("groups/{group}/start", "Start the stopped programs of a group", Gives::Outcomes, Act::Order(Scope::Group, Verb::Start)).with(WAIT),
    post("groups/{group}/stop", "Stop the running programs of a group", Gives::Outcomes, Act::Order(Scope::Group, Verb::Stop)).with(WAIT),
    post("groups/{group}/restart", "Restart all programs of a group", Gives::Outcomes, Act::Order(Scope::Group, Verb::Restart)).with(WAIT),
    post("groups/{group}/restart-rolling", "Restart the running programs of a group one after the other, each ready before the next", Gives::Outcomes, Act::Order(Scope::Group, Verb::RestartRolling)),
    post("groups/{group}/signal", "Send a signal to the main processes of a group", Gives::Outcomes, Act::Order(Scope::Group, Verb::Signal)).with(SIGNAL),
    post("groups/{group}/clear", "Clear the log files of a group", Gives::Done, Act::Order(Scope::Group, Verb::Clear)),
    post("all/start", "Start all stopped programs", Gives::Outcomes, Act::Order(Scope::All, Verb::Start)).with(WAIT),
    post("all/stop", "Stop all running programs", Gives::Outcomes, Act::Order(Scope::All, Verb::Stop)).with(WAIT),
    post("all/restart", "Restart all programs", Gives::Outcomes, Act::Order(Scope::All, Verb::Restart)).with(WAIT),
    post("all/signal", "Send a signal to all main processes", Gives::Outcomes, Act::Order(Scope::All, Verb::Signal)).with(SIGNAL),
    post("all/clear", "Clear the log files of all programs", Gives::Done, Act::Order(Scope::All, Verb::Clear)),
    get("events", "Follow events", Gives::EventStream, Act::FollowEvents),
    get("openapi.json", "This OpenAPI document", Gives::Description, Act::ShowDescription),
];

/// The result of matching a path.
#[derive(Debug)]
pub(super) enum Found {
    /// An operation, and the values of its path parameters.
    Route(&'static Route, Vec<(&'static str, String)>),
    /// The path exists with other methods.
    OtherMethod,
    Nothing,
}

/// Finds the operation of a request. `method` is `None` if the API does not use the method.
pub(super) fn find(method: Option<Method>, path: &str) -> Found {
    let mut found = Found::Nothing;
    for route in &ROUTES {
        let Some(values) = values(route.path, path) else { continue };
        if Some(route.method) == method {
            return Found::Route(route, values);
        }
        found = Found::OtherMethod;
    }
    found
}

fn values(pattern: &'static str, path: &str) -> Option<Vec<(&'static str, String)>> {
    let (pattern, path) = (pattern.split('/'), path.split('/'));
    if pattern.clone().count() != path.clone().count() {
        return None;
    }
    let mut values = Vec::new();
    for (wanted, segment) in pattern.zip(path) {
        match wanted.strip_prefix('{').and_then(|name| name.strip_suffix('}')) {
            Some(name) => values.push((name, form::path(segment))),
            None if wanted == segment => {}
            None => return None,
        }
    }
    Some(values)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_in_a_path_may_contain_any_character() {
        match find(Some(Method::Get), "programs/a%2Fb%3Ac/logs/stderr") {
            Found::Route(route, values) => {
                assert_eq!(route.act, Act::ReadLog);
                let expected = [("name", "a/b:c".to_owned()), ("channel", "stderr".to_owned())];
                assert_eq!(values, expected);
            }
            found @ (Found::OtherMethod | Found::Nothing) => panic!("{found:?}"),
        }
        assert!(matches!(find(Some(Method::Get), "programs/a/start"), Found::OtherMethod));
        assert!(matches!(find(None, "programs"), Found::OtherMethod));
        assert!(matches!(find(Some(Method::Get), "programs/"), Found::Route(..)));
        assert!(matches!(find(Some(Method::Get), "program"), Found::Nothing));
    }

    #[test]
    fn every_route_can_be_reached() {
        for route in &ROUTES {
            let path = route.path.replace(['{', '}'], "");
            match find(Some(route.method), &path) {
                Found::Route(found, _) => assert_eq!(found.path, route.path),
                found @ (Found::OtherMethod | Found::Nothing) => panic!("{path}: {found:?}"),
            }
        }
    }

    #[test]
    fn every_route_is_in_the_reference() {
        let page = include_str!("../../../../docs/reference/status-port.md");
        for route in &ROUTES {
            let method = match route.method {
                Method::Get => "GET",
                Method::Post => "POST",
            };
            let operation = format!("`{method} {}`", route.path);
            assert!(page.contains(&operation), "docs/reference/status-port.md lacks {operation}");
        }
    }

    #[test]
    fn every_path_parameter_is_described() {
        for segment in ROUTES.iter().flat_map(|route| route.path.split('/')) {
            if let Some(name) = segment.strip_prefix('{') {
                let name = name.trim_end_matches('}');
                assert!(IN_PATH.iter().any(|parameter| parameter.name == name), "{name}");
            }
        }
    }
}
