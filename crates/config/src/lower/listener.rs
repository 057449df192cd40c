//! What `[eventlistener:x]` and `[fcgi-program:x]` have besides a program's options.

use supervisor_core::spec::{Socket, SocketAddress, User};

use super::Lowering;
use crate::expand::Names;
use crate::ini::Section;
use crate::options as o;
use crate::values::{FcgiSocket, InetAddress};

/// The [event types](https://supervisord.org/events.html#event-types) that a
/// listener can ask for.
const EVENTS: [&str; 27] = [
    "EVENT",
    "PROCESS_STATE",
    "PROCESS_STATE_STARTING",
    "PROCESS_STATE_RUNNING",
    "PROCESS_STATE_BACKOFF",
    "PROCESS_STATE_STOPPING",
    "PROCESS_STATE_EXITED",
    "PROCESS_STATE_STOPPED",
    "PROCESS_STATE_FATAL",
    "PROCESS_STATE_UNKNOWN",
    "REMOTE_COMMUNICATION",
    "PROCESS_LOG",
    "PROCESS_LOG_STDOUT",
    "PROCESS_LOG_STDERR",
    "PROCESS_COMMUNICATION",
    "PROCESS_COMMUNICATION_STDOUT",
    "PROCESS_COMMUNICATION_STDERR",
    "SUPERVISOR_STATE_CHANGE",
    "SUPERVISOR_STATE_CHANGE_RUNNING",
    "SUPERVISOR_STATE_CHANGE_STOPPING",
    "TICK",
    "TICK_5",
    "TICK_60",
    "TICK_3600",
    "PROCESS_GROUP",
    "PROCESS_GROUP_ADDED",
    "PROCESS_GROUP_REMOVED",
];

/// The one result handler that isn't Python code of the user's.
const DEFAULT_HANDLER: &str = "supervisor.dispatchers:default_handler";

/// Checks an event listener.
pub(super) fn check<'a>(lowering: &mut Lowering<'a>, section: &'a Section, names: &Names<'_>) {
    warn_not_yet(lowering, section);
    let complain = |lowering: &mut Lowering<'a>, key: &str, why: &str| {
        let origin = lowering.entry(section, key).map_or(&section.origin, |entry| &entry.origin);
        lowering.complain(section, origin, why);
    };
    if let Some(size) = lowering.get(section, &o::BUFFER_SIZE, names)
        && size < 1
    {
        let why = format!("[{}] section sets invalid buffer_size ({size})", section.name);
        complain(lowering, "buffer_size", &why);
    }
    if let Some(handler) = lowering.get(section, &o::RESULT_HANDLER, names)
        && handler != DEFAULT_HANDLER
    {
        let why = format!("{handler} cannot be resolved within [{}]", section.name);
        complain(lowering, "result_handler", &format!("{why}; only {DEFAULT_HANDLER} can"));
    }
    if lowering.get(section, &o::REDIRECT_STDERR, names) == Some(true) {
        let why = format!(
            "[{}] section sets redirect_stderr=true but this is not allowed because it will \
             interfere with the eventlistener protocol",
            section.name
        );
        complain(lowering, "redirect_stderr", &why);
    }
    let events = lowering.get(section, &o::EVENTS, names).unwrap_or_default();
    if events.is_empty() {
        let why = format!("[{}] section requires an \"events\" line", section.name);
        complain(lowering, "events", &why);
    }
    for event in events.iter().map(|event| event.to_uppercase()) {
        if !EVENTS.contains(&event.as_str()) {
            let why = format!("Unknown event type {event} in [{}] events", section.name);
            complain(lowering, "events", &format!("{why}; known are {}", EVENTS.join(", ")));
        }
    }
}

/// The socket that makes a program a FastCGI program. `user` is whom the program runs
/// as: the socket's file is his unless somebody says otherwise.
pub(super) fn socket<'a>(
    lowering: &mut Lowering<'a>,
    section: &'a Section,
    user: Option<&User>,
    names: &Names<'_>,
) -> Option<Socket> {
    let missing = format!("[{}] section requires a \"socket\" line", section.name);
    let address = lowering.require(section, &o::SOCKET, names, &missing);
    let owner = lowering.try_get(section, &o::SOCKET_OWNER, names);
    let mode = lowering.try_get(section, &o::SOCKET_MODE, names);
    let backlog = lowering.try_get(section, &o::SOCKET_BACKLOG, names);
    let (address, owner, mode) = (address?, owner.ok()?, mode.ok()?);
    let address = match address {
        FcgiSocket::Tcp(_) if owner.is_some() || mode.is_some() => {
            let why = "socket_owner and socket_mode params should only be used with a Unix \
                       domain socket";
            let why = format!("{why} in [{}] socket", section.name);
            lowering.complain(section, &section.origin, &why);
            return None;
        }
        FcgiSocket::Tcp(InetAddress { host, port }) => SocketAddress::Tcp { host, port },
        FcgiSocket::Unix(path) => SocketAddress::Unix {
            path,
            mode: mode.unwrap_or(0o700),
            owner: match owner {
                Some(owner) => Some((owner.user.uid, owner.group)),
                None => user.map(|user| (user.uid, Some(user.gid))),
            },
        },
    };
    Some(Socket { address, backlog: backlog.ok()? })
}

/// Says that this section has no effect yet.
pub(super) fn warn_not_yet(lowering: &mut Lowering<'_>, section: &Section) {
    lowering.report.warn(format!("[{}] has no effect in this version", section.name));
}
