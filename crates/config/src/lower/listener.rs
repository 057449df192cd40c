//! The additional options of `[eventlistener:x]` and `[fcgi-program:x]`.

use std::collections::BTreeSet;

use supervisor_core::event::EventType;
use supervisor_core::spec::{PoolSpec, ResultHandler, Socket, SocketAddress, User};

use super::Lowering;
use crate::error::in_short;
use crate::options as o;
use crate::text::expand::Names;
use crate::text::ini::Section;
use crate::values::{FcgiSocket, InetAddress};

/// The known result handlers. Any other handler is Python code of the user.
const HANDLERS: [(&str, ResultHandler); 2] = [
    ("supervisor.dispatchers:default_handler", ResultHandler::Verdict),
    ("supervisor_stdout:event_handler", ResultHandler::Output),
];

/// The events and the buffer of an event listener's pool.
pub(super) fn pool<'a>(
    lowering: &mut Lowering<'a>,
    section: &'a Section,
    names: &Names<'_>,
) -> Option<PoolSpec> {
    let complain = |lowering: &mut Lowering<'a>, key: &str, why: &str| {
        let origin = lowering.entry(section, key).map_or(&section.origin, |entry| &entry.origin);
        lowering.complain(section, origin, why);
    };
    let size = lowering.get(section, &o::BUFFER_SIZE, names);
    let buffer_size = size.and_then(|size| usize::try_from(size).ok()).filter(|size| *size > 0);
    if let (Some(size), None) = (size, buffer_size) {
        let why = format!("[{}] section sets invalid buffer_size ({size})", section.name);
        complain(lowering, "buffer_size", &why);
    }
    let named = lowering.get(section, &o::RESULT_HANDLER, names);
    let handler = named.as_deref().and_then(|named| {
        let known = HANDLERS.iter().find(|(name, _)| *name == named);
        if known.is_none() {
            let (named, names) = (in_short(named), HANDLERS.map(|(name, _)| name).join(" or "));
            let why = format!("{named} cannot be resolved within [{}]", section.name);
            complain(
                lowering,
                "result_handler",
                &format!(
                    "{why}; result_handler: expected \
             {names}"
                ),
            );
        }
        known.map(|(_, handler)| *handler)
    });
    if lowering.get(section, &o::REDIRECT_STDERR, names) == Some(true) {
        let why = format!(
            "[{}] section sets redirect_stderr=true but this is not allowed because it will \
             interfere with the eventlistener protocol",
            section.name
        );
        complain(lowering, "redirect_stderr", &why);
    }
    let named = lowering.get(section, &o::EVENTS, names).unwrap_or_default();
    if named.is_empty() {
        let why = format!("[{}] section requires an \"events\" line", section.name);
        complain(lowering, "events", &why);
    }
    let mut events = BTreeSet::new();
    for name in named {
        if let Some(event) = EventType::from_name(&name) {
            events.insert(event);
        } else {
            let known = EventType::names().collect::<Vec<_>>().join(", ");
            let name = in_short(&name).to_uppercase();
            let why = format!("Unknown event type {name} in [{}] events", section.name);
            complain(lowering, "events", &format!("{why}; known are {known}"));
        }
    }
    Some(PoolSpec { events, buffer_size: buffer_size?, handler: handler? })
}

/// The socket that makes a program a FastCGI program. The program's `user` owns the socket's
/// file unless `socket_owner` is set.
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
        FcgiSocket::Tcp(address) => {
            let InetAddress { host, port } =
                lowering.reachable(section, &o::SOCKET.def, address)?;
            SocketAddress::Tcp { host, port }
        }
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
